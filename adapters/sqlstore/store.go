// Package sqlstore stores what the application keeps, in MySQL (or what speaks its protocol) and in SQLite. The SQL text is
// the same for both; what differs is in package dialect. Each room has a package of its own, which knows its tables; this one
// puts them together: the Store that runs units of work, the transaction that all rooms share, and the migrations, which have
// one order.
//
// Stability: unsupported; it may change at any time.
package sqlstore

import (
	"context"
	"slices"
	"time"

	accountstore "github.com/leadmill/leadmill/adapters/sqlstore/account"
	"github.com/leadmill/leadmill/adapters/sqlstore/audit"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	marketstore "github.com/leadmill/leadmill/adapters/sqlstore/market"
	programstore "github.com/leadmill/leadmill/adapters/sqlstore/program"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/application/program"
)

// EventWriter appends events to the log inside a transaction, in the order given.
type EventWriter = engine.EventWriter

// Translate turns a domain event into what the log keeps of it.
type Translate = engine.Translate

// Store runs units of work on a migrated database. It is also what the rooms do in transactions of their own: values of the
// whole installation, clicks and the queue of mails.
type Store struct {
	accountstore.Installation
	programstore.Clicks
	programstore.Mails

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
	return &Store{accountstore.NewInstallation(w), programstore.NewClicks(w), programstore.NewMails(w), w}
}

type (
	accountRepositories = accountstore.Repositories
	programRepositories = programstore.Repositories
	marketRepositories  = marketstore.Repositories
)

// Tx is one transaction: the repositories of all rooms. application.UnitOfWork says in which order rows are locked.
type Tx struct {
	accountRepositories
	programRepositories
	marketRepositories
}

var (
	_ account.Tx = (*Tx)(nil)
	_ program.Tx = (*Tx)(nil)
	_ market.Tx  = (*Tx)(nil)
)

// Do implements application.UnitOfWork.
func (s *Store) Do(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) error {
	return s.work.Do(ctx, func(ctx context.Context, t *engine.Tx) error {
		return fn(ctx, &Tx{accountstore.NewRepositories(t), programstore.NewRepositories(t), marketstore.NewRepositories(t)})
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

// PurgeExpired deletes what is over at now in all rooms (claims, stored answers, tokens), in small steps, and returns how
// many. application.ErrUnavailable when the database could not do it; what was deleted before stays deleted.
func (s *Store) PurgeExpired(ctx context.Context, now time.Time) (int, error) {
	return s.work.Purge(ctx, now, slices.Concat(marketstore.Expiring(), accountstore.Expiring(), programstore.Expiring())...)
}

// AuditRules says what must hold for the tables of all rooms, for audit.Run.
func AuditRules() []audit.Rules {
	return []audit.Rules{accountstore.AuditRules(), programstore.AuditRules(), marketstore.AuditRules()}
}
