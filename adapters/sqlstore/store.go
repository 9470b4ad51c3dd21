// Package sqlstore stores what the application keeps, in MySQL (or what speaks its protocol) and in SQLite. The SQL text is
// the same for both; what differs is in package dialect. Each room has a package of its own, which knows its tables; this one
// puts them together: the Store that runs units of work, the transaction that all rooms share, and the migrations, which have
// one order.
//
// Stability: unsupported; it may change at any time.
package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"sync"
	"time"

	accountstore "github.com/leadmill/leadmill/adapters/sqlstore/account"
	"github.com/leadmill/leadmill/adapters/sqlstore/audit"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	feedstore "github.com/leadmill/leadmill/adapters/sqlstore/feed"
	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/adapters/sqlstore/internal/leadrow"
	marketstore "github.com/leadmill/leadmill/adapters/sqlstore/market"
	programstore "github.com/leadmill/leadmill/adapters/sqlstore/program"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
	"github.com/leadmill/leadmill/application/feed"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/application/program"
	"github.com/leadmill/leadmill/application/projection"
	"github.com/leadmill/leadmill/domain/event"
)

// EventWriter appends events to the log inside a transaction, in the order given.
type EventWriter = engine.EventWriter

// Translate turns a domain event into what the log keeps of it.
type Translate = engine.Translate

// Store runs units of work on a migrated database. It is also what the rooms do in transactions of their own: values of the
// whole installation, clicks and the queue of mails.
type Store struct {
	accountstore.Installation
	accountstore.PersonMails
	accountstore.Trail
	programstore.Clicks
	programstore.Mails
	marketstore.BuyerMails

	work *engine.Work
}

var (
	_ application.UnitOfWork[*Tx] = (*Store)(nil)
	_ program.ClickLog            = (*Store)(nil)
	_ program.MailQueue           = (*Store)(nil)
)

// New returns a Store on an open database. wake is told after every commit that wrote events.
func New(db *dialect.DB, events EventWriter, wake application.Wake, ids application.IDs, translate Translate) *Store {
	w := engine.NewWork(db, events, wake, ids, translate)
	return &Store{accountstore.NewInstallation(w), accountstore.NewPersonMails(w), accountstore.NewTrail(w), programstore.NewClicks(w), programstore.NewMails(w), marketstore.NewBuyerMails(w), w}
}

// Observe has a function told of each event of an aggregate once it is committed: not of those whose commit was sent and not answered. It
// is called by many goroutines, and every commit waits for it. Call Observe before the first unit of work.
func (s *Store) Observe(happened func(event.Event)) { s.work.Observe(happened) }

// OnDeliveries has a function called after each commit that made deliveries due, but for those whose commit was sent and not answered. Call
// OnDeliveries before the first unit of work.
func (s *Store) OnDeliveries(do func()) { s.work.OnSignal(leadrow.DeliveriesDue, do) }

// OnWebhooks has a function called after each commit that made deliveries to webhooks due, or something else to do for them, as OnDeliveries does.
func (s *Store) OnWebhooks(do func()) { s.work.OnSignal(feedstore.WebhooksDue, do) }

// OnSellerJobs has a function called after each commit that changed what sellers asked for and that takes long, as OnDeliveries does.
func (s *Store) OnSellerJobs(do func()) { s.work.OnSignal(marketstore.SellerJobs, do) }

type (
	accountRepositories = accountstore.Repositories
	programRepositories = programstore.Repositories
	marketRepositories  = marketstore.Repositories
	feedRepositories    = feedstore.Repositories
)

// Tx is one transaction: the repositories of all rooms, and what a team's module does with tables and aggregates of its own.
// application.UnitOfWork says in which order rows are locked; a module's own rows are locked behind all of these. Everything commits or
// rolls back together.
type Tx struct {
	accountRepositories
	programRepositories
	marketRepositories
	feedRepositories

	tx *engine.Tx
}

var (
	_ account.Tx = (*Tx)(nil)
	_ program.Tx = (*Tx)(nil)
	_ market.Tx  = (*Tx)(nil)
	_ feed.Tx    = (*Tx)(nil)

	_ projection.Tx = (*Tx)(nil)
)

// ExecContext runs one statement on a module's own tables: INSERT, REPLACE, UPDATE or DELETE. Any other kind could end the
// transaction and is refused. A row that a unique key refuses is *application.DuplicateError, and the transaction goes on. Every
// other error breaks the transaction, whatever is made of it: after a deadlock or a lock timeout the unit of work runs again, a
// lost connection is application.ErrUnavailable, a value that the database refuses *application.DataError.
func (t *Tx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return t.tx.ExecContext(ctx, query, args...)
}

// QueryContext runs one SELECT; errors are as of ExecContext. The rows are read into memory before it returns, so that another
// statement may be sent while they are read, and an error of the database comes from here and not from Next or Scan. They end
// with the transaction.
func (t *Tx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return t.tx.QueryContext(ctx, query, args...)
}

// ForUpdate is appended to a SELECT to lock its rows until the transaction ends.
func (t *Tx) ForUpdate() string { return t.tx.ForUpdate() }

var ownKinds = sync.OnceValue(func() []string {
	kinds := []string{"click"}
	for _, room := range AuditRules() {
		for _, table := range room.Tables {
			if table.Aggregate != "" {
				kinds = append(kinds, table.Aggregate)
			}
		}
	}
	return kinds
})

// Record has the pending events of a module's own aggregate written with the transaction, numbered from the aggregate's stored
// version, behind those of the aggregates that were saved before it; after the commit they count as stored. A wrong Subject,
// and an event without a contract or with a type longer than 64 characters, are errors that break the transaction.
//
// The module stores the aggregate itself. Its row has a column version, the number of the aggregate's events, which guards it:
//
//	r, err := tx.ExecContext(ctx, "UPDATE x_acme_cases SET …, version = ? WHERE id = ? AND version = ?", c.Version(), c.ID, c.StoredVersion())
//
// No row affected means that somebody else changed it: return application.ErrConcurrentChange, or lock the row when it is loaded
// (ForUpdate). An aggregate whose row has no such guard is refused with application.ErrConcurrentChange by the log, which
// takes each version once.
func (t *Tx) Record(a application.EventSource, of application.Subject) error {
	if slices.Contains(ownKinds(), of.Kind) {
		return t.tx.Refuse(fmt.Errorf("record events: the kind %q is leadmill's own", of.Kind))
	}
	return t.tx.Record(a, of)
}

// Do implements application.UnitOfWork.
func (s *Store) Do(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) error {
	return s.work.Do(ctx, func(ctx context.Context, t *engine.Tx) error {
		if err := fn(ctx, &Tx{accountstore.NewRepositories(t), programstore.NewRepositories(t), marketstore.NewRepositories(t), feedstore.NewRepositories(t), t}); err != nil {
			return err
		}
		return application.WriteAuditOf(ctx, t.Touched, func(e application.AuditEntry) error { return accountstore.WriteAudit(ctx, t, e) })
	})
}

// Work returns the units of work of a store as a room sees them: choose makes what the room's closures are given of a
// transaction, usually by returning it as the room's own interface, so that the compiler proves that it has what they need.
func Work[T any](s *Store, choose func(*Tx) T) application.UnitOfWork[T] { return work[T]{s, choose} }

type work[T any] struct {
	store  *Store
	choose func(*Tx) T
}

// Do implements application.UnitOfWork.
func (w work[T]) Do(ctx context.Context, fn func(ctx context.Context, tx T) error) error {
	return w.store.Do(ctx, func(ctx context.Context, tx *Tx) error { return fn(ctx, w.choose(tx)) })
}

// PurgeExpired deletes what is over at now in all rooms (recent requests, claims, stored answers, tokens), in small steps, and returns how
// many. application.ErrUnavailable when the database could not do it; what was deleted before stays deleted.
func (s *Store) PurgeExpired(ctx context.Context, now time.Time) (int, error) {
	return s.work.Purge(ctx, now, slices.Concat(marketstore.Expiring(), accountstore.Expiring(), programstore.Expiring(), feedstore.Expiring())...)
}

// AuditRules says what must hold for the tables of all rooms, for audit.Run.
func AuditRules() []audit.Rules {
	return []audit.Rules{accountstore.AuditRules(), programstore.AuditRules(), marketstore.AuditRules(), feedstore.AuditRules()}
}

// IsID reports whether a text can be an id at all.
func IsID(s string) bool { return engine.IsID(s) }
