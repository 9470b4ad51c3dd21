// Package lease lets one of many instances own a row of a table for a time, by the database's clock: the consumers of the
// event log and the jobs are shared out among instances by it. A table whose rows can be leased has the columns name, owner,
// fence and lease_until.
//
// This package is not part of what extensions may rely on.
//
// Stability: unsupported; it may change at any time.
package lease

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
)

// Config sets how one of many instances keeps a row. All use the database's clock. What is left when an instance dies goes on elsewhere within TTL and Retry,
// which are 10 s together unless they are set.
type Config struct {
	TTL   time.Duration // how long a lease holds without being renewed; 9 s when zero
	Renew time.Duration // how often an owner renews its lease; 3 s when zero
	Retry time.Duration // how often other instances try to get the lease; 1 s when zero
}

// WithDefaults returns the Config with its zero members filled.
func (c Config) WithDefaults() Config {
	if c.TTL <= 0 {
		c.TTL = 9 * time.Second
	}
	if c.Renew <= 0 {
		c.Renew = 3 * time.Second
	}
	if c.Retry <= 0 {
		c.Retry = time.Second
	}
	return c
}

// ErrLost ends the work on a row that another instance owns.
var ErrLost = errors.New("the lease belongs to somebody else now")

// Columns are further columns that are written together with a lease, and their values.
type Columns struct {
	Names  []string
	Values []any
}

func (c Columns) and(set string) string {
	for _, name := range c.Names {
		set += ", " + name + " = ?"
	}
	return set
}

// Lease is the ownership of a row by one instance. The row's fence grows with each new owner, so that a late write by an old
// owner is recognised.
type Lease struct {
	*Keeper

	config Config
	log    *slog.Logger
	name   string
	owner  string
	fence  int64
}

// Execer runs statements, inside a transaction or outside.
type Execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// Matched runs a writing statement and reports whether it matched exactly one row. The connections count matched rows, not
// changed ones.
func Matched(ctx context.Context, db Execer, query string, args ...any) (bool, error) {
	res, err := db.ExecContext(ctx, query, args...)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n == 1, err
}

// Pause waits for d or until ctx ends, and returns why ctx ended.
func Pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// longest is far longer than a lease holds unless it is configured otherwise.
const longest = 45 * time.Minute

// Held is a condition on a row: that somebody has its lease, by the database's clock. One that lasts far longer than leases of this TTL do is
// from before that clock was set back.
func Held(db *dialect.DB, ttl time.Duration) string {
	return "(lease_until >= " + db.Micros() + " AND lease_until <= " + db.Micros() + " + " + strconv.FormatInt(max(longest, 2*ttl).Microseconds(), 10) + ")"
}

// Try takes the lease of the row that has the name; nil when it is not free. The row must exist. Errors are those of the database.
func (k *Keeper) Try(ctx context.Context, name string, c Config, log *slog.Logger) (*Lease, error) {
	// Read first, without a lock: an instance that only waits for the lease must not wait for the owner's row lock.
	var free bool
	if err := k.db.Reader.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM "+k.table+" WHERE name = ? AND NOT "+
		Held(k.db, c.TTL)+")", name).Scan(&free); err != nil {
		return nil, fmt.Errorf("find lease of %s: %w", name, err)
	}
	if !free {
		return nil, nil
	}
	l := &Lease{Keeper: k, config: c.WithDefaults(), log: log, name: name, owner: rand.Text()}
	ok, err := Matched(ctx, k.db.Writer, "UPDATE "+k.table+" SET owner = ?, fence = fence + 1, lease_until = "+k.db.Micros()+
		" + ? WHERE name = ? AND NOT "+Held(k.db, c.TTL), l.owner, l.config.TTL.Microseconds(), name)
	if err != nil {
		return nil, fmt.Errorf("take lease of %s: %w", name, err)
	}
	if !ok {
		return nil, nil
	}
	err = k.db.Writer.QueryRowContext(ctx, "SELECT fence FROM "+k.table+" WHERE name = ? AND owner = ?", name, l.owner).Scan(&l.fence)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		l.Release(ctx, Columns{})
		return nil, fmt.Errorf("read lease of %s: %w", name, err)
	}
	return l, nil
}

// Fence returns the row's fence: how many owners it had with this one.
func (l *Lease) Fence() int64 { return l.fence }

// Guard returns the condition under which the lease still holds, " WHERE …", and its arguments. A statement with it does
// nothing once there is another owner.
func (l *Lease) Guard() (where string, args []any) {
	return " WHERE name = ? AND owner = ? AND fence = ?", []any{l.name, l.owner, l.fence}
}

// Renew makes the lease hold for another TTL, writes more, and reports whether the lease still held.
func (l *Lease) Renew(ctx context.Context, more Columns) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, l.config.Renew)
	defer cancel()
	return l.update(ctx, more.and("lease_until = "+l.db.Micros()+" + ?"), append([]any{l.config.TTL.Microseconds()}, more.Values...))
}

func (l *Lease) update(ctx context.Context, set string, args []any) (bool, error) {
	where, guard := l.Guard()
	return Matched(ctx, l.db.Writer, "UPDATE "+l.table+" SET "+set+where, append(args, guard...)...)
}

// Keep renews the lease until stop is called, which waits for a renewal in work. The context ends with ErrLost when another
// instance took the lease. With strict, for work that no fence protects, it also ends when the lease could not be renewed in
// time. Each renewal writes what more returns, the same columns each time; nil is nothing.
func (l *Lease) Keep(ctx context.Context, strict bool, more func() Columns) (held context.Context, stop func()) {
	if more == nil {
		more = func() Columns { return Columns{} }
	}
	held, cancel := context.WithCancelCause(ctx)
	h := &holding{Lease: l, more: more, held: held, lose: func() { cancel(ErrLost) }}
	if strict {
		h.expiry = time.AfterFunc(l.config.TTL, h.lose)
	}
	leave := l.join(h)
	return held, func() {
		cancel(context.Canceled)
		if strict {
			h.expiry.Stop()
		}
		leave()
	}
}

// Release lets another instance take the row at once, and writes last if the lease still holds. It works even after ctx has
// ended, for 5 seconds at most; after that the lease ends by itself.
func (l *Lease) Release(ctx context.Context, last Columns) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		_, err := Matched(ctx, l.db.Writer, "UPDATE "+l.table+" SET "+last.and("lease_until = 0")+" WHERE name = ? AND owner = ?",
			append(append([]any(nil), last.Values...), l.name, l.owner)...)
		if err == nil {
			return
		}
		class := l.db.Classify(err)
		if class != dialect.Retry && class != dialect.Lost || Pause(ctx, wait) != nil {
			l.log.WarnContext(ctx, "lease not released, it will expire", slog.String("lease", l.name), slog.Any("error", dialect.Redact(err)))
			return
		}
	}
}

// CheckName reports a name that no row that is leased may have; what says what is named: "consumer".
func CheckName(what, name string) error {
	ok := name != "" && len(name) <= 64
	for i := range len(name) {
		c := name[i]
		ok = ok && (c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '.' || c == '-')
	}
	if !ok {
		return fmt.Errorf("%s name %q is not 1 to 64 of a-z, 0-9, dot and hyphen", what, name)
	}
	return nil
}
