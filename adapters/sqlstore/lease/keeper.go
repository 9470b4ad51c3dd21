package lease

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
)

// Keeper is all that an instance does with the leases of a table: it renews those that it has by one statement, and by one it looks for
// all that it waits for.
type Keeper struct {
	db    *dialect.DB
	table string

	mu      sync.Mutex
	rounds  map[Config]*round
	waiting map[Config]*watch
}

// NewKeeper returns the Keeper of a table.
func NewKeeper(db *dialect.DB, table string) *Keeper {
	return &Keeper{db: db, table: table, rounds: map[Config]*round{}, waiting: map[Config]*watch{}}
}

// holding is a lease that is renewed until it is left.
type holding struct {
	*Lease

	more   func() Columns
	held   context.Context //nolint:containedctx // ends when it is not held any more
	lose   func()
	expiry *time.Timer // of a strict one
	last   Columns     // what the renewal in work writes
}

// round is the leases that are renewed together.
type round struct {
	all  []*holding
	stop context.CancelFunc
	busy map[*holding]chan struct{} // those that are renewed just now
}

// join has a lease renewed until leave is called, which waits for a renewal in work.
func (k *Keeper) join(h *holding) (leave func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	r := k.rounds[h.config]
	if r == nil {
		ctx, stop := context.WithCancel(context.Background())
		r = &round{stop: stop, busy: map[*holding]chan struct{}{}}
		k.rounds[h.config] = r
		go k.renewAll(ctx, r, h.config)
	}
	r.all = append(r.all, h)
	return func() {
		k.mu.Lock()
		r.all = slices.DeleteFunc(r.all, func(other *holding) bool { return other == h })
		if len(r.all) == 0 {
			r.stop()
			if k.rounds[h.config] == r {
				delete(k.rounds, h.config)
			}
		}
		busy := r.busy[h]
		k.mu.Unlock()
		if busy != nil {
			<-busy
		}
	}
}

// renewAll renews the leases of a round again and again until the last of them is left.
func (k *Keeper) renewAll(ctx context.Context, r *round, c Config) {
	for Pause(ctx, c.Renew) == nil {
		k.mu.Lock()
		all := slices.DeleteFunc(slices.Clone(r.all), func(h *holding) bool { return h.held.Err() != nil || r.busy[h] != nil })
		for _, h := range all {
			r.busy[h] = make(chan struct{})
		}
		k.mu.Unlock()
		left := k.renewTogether(ctx, all, c)
		for _, h := range all {
			if !slices.Contains(left, h) {
				k.done(r, h)
			}
		}
		for _, h := range left { // none of them holds up the others
			go func() {
				defer k.done(r, h)
				k.renewOne(h)
			}()
		}
	}
}

// done tells that a renewal is over.
func (k *Keeper) done(r *round, h *holding) {
	k.mu.Lock()
	defer k.mu.Unlock()
	close(r.busy[h])
	delete(r.busy, h)
}

// renewTogether renews leases by a statement for those that write the same columns, and returns those that are left to be renewed by themselves: one of them is lost, or a row is
// locked for long.
func (k *Keeper) renewTogether(ctx context.Context, all []*holding, c Config) (left []*holding) {
	groups := map[string][]*holding{}
	for _, h := range all {
		h.last = h.more()
		columns := strings.Join(h.last.Names, ",")
		if slices.ContainsFunc(groups[columns], func(other *holding) bool { return other.name == h.name }) { // the older of them is lost
			left = append(left, h)
			continue
		}
		groups[columns] = append(groups[columns], h)
	}
	for _, group := range groups {
		if len(group) == 1 || !k.renewGroup(ctx, group, c) {
			left = append(left, group...)
			continue
		}
		for _, h := range group {
			h.renewed()
		}
	}
	return left
}

// together is how long the leases of an instance may take to be renewed together: a row of theirs may be locked by who works under its lease.
const together = time.Second

// renewGroup reports whether all leases still hold, and were renewed.
func (k *Keeper) renewGroup(ctx context.Context, group []*holding, c Config) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), min(c.Renew, together))
	defer cancel()
	slices.SortFunc(group, func(a, b *holding) int { return strings.Compare(a.name, b.name) })
	var query strings.Builder
	query.WriteString("UPDATE " + k.table + k.db.UseKey("PRIMARY") + " SET lease_until = " + k.db.Micros() + " + ?")
	args := []any{c.TTL.Microseconds()}
	for i, column := range group[0].last.Names {
		query.WriteString(", " + column + " = CASE name")
		for _, h := range group {
			query.WriteString(" WHEN ? THEN ?")
			args = append(args, h.name, h.last.Values[i])
		}
		query.WriteString(" ELSE " + column + " END")
	}
	query.WriteString(" WHERE name IN (?" + strings.Repeat(",?", len(group)-1) + ") AND (")
	for _, h := range group {
		args = append(args, h.name)
	}
	for i, h := range group {
		if i > 0 {
			query.WriteString(" OR ")
		}
		query.WriteString("name = ? AND owner = ? AND fence = ?")
		args = append(args, h.name, h.owner, h.fence)
	}
	query.WriteString(")")
	res, err := k.db.Writer.ExecContext(ctx, query.String(), args...)
	if err != nil {
		return false
	}
	n, err := res.RowsAffected()
	return err == nil && n == int64(len(group))
}

func (k *Keeper) renewOne(h *holding) {
	ok, err := h.Renew(h.held, h.more())
	switch {
	case h.held.Err() != nil:
	case err != nil:
		h.log.WarnContext(h.held, "lease not renewed; it is tried again", slog.String("lease", h.name), slog.Any("error", dialect.Redact(err)))
	case !ok:
		h.lose()
	default:
		h.renewed()
	}
}

func (h *holding) renewed() {
	if h.expiry != nil && h.held.Err() == nil {
		h.expiry.Reset(h.config.TTL)
	}
}

// watch is who waits for leases to be free.
type watch struct {
	names map[string][]chan struct{}
	stop  context.CancelFunc
}

// Wait waits until the lease of a row may be free, or the row is gone, or ctx ends, whose cause it returns. It looks every Retry; when it
// cannot, it is for the caller to find out.
func (k *Keeper) Wait(ctx context.Context, name string, c Config) error {
	c = c.WithDefaults()
	free := make(chan struct{})
	k.mu.Lock()
	w := k.waiting[c]
	if w == nil {
		looking, stop := context.WithCancel(context.Background())
		w = &watch{names: map[string][]chan struct{}{}, stop: stop}
		k.waiting[c] = w
		go k.lookForAll(looking, w, c)
	}
	w.names[name] = append(w.names[name], free)
	k.mu.Unlock()
	select {
	case <-free:
		return nil
	case <-ctx.Done():
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	w.names[name] = slices.DeleteFunc(w.names[name], func(other chan struct{}) bool { return other == free })
	k.forget(w, name, c)
	return context.Cause(ctx)
}

// forget forgets a name for which nobody waits any more. The caller holds the lock.
func (k *Keeper) forget(w *watch, name string, c Config) {
	if len(w.names[name]) > 0 {
		return
	}
	delete(w.names, name)
	if len(w.names) == 0 && k.waiting[c] == w {
		w.stop()
		delete(k.waiting, c)
	}
}

// lookForAll looks for leases that are free until nobody waits for one.
func (k *Keeper) lookForAll(ctx context.Context, w *watch, c Config) {
	for Pause(ctx, c.Retry) == nil {
		held, err := k.held(ctx, c)
		k.mu.Lock()
		for name, all := range w.names {
			if err == nil && held[name] {
				continue
			}
			for _, free := range all {
				close(free)
			}
			w.names[name] = nil
			k.forget(w, name, c)
		}
		k.mu.Unlock()
	}
}

// held returns the names of the rows whose leases somebody has.
func (k *Keeper) held(ctx context.Context, c Config) (names map[string]bool, err error) {
	rows, err := k.db.Reader.QueryContext(ctx, "SELECT name FROM "+k.table+" WHERE "+Held(k.db, c.TTL))
	if err != nil {
		return nil, fmt.Errorf("look for free leases: %w", err)
	}
	defer func() { _ = rows.Close() }()
	names = map[string]bool{}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, fmt.Errorf("look for free leases: %w", err)
		}
		names[name] = true
	}
	return names, rows.Err()
}
