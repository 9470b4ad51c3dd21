// Package projection is the extension point for read models, which are built from the log of events and can be built again.
//
// Stability: experimental.
package projection

import (
	"context"
	"database/sql"

	"github.com/leadmill/leadmill/application"
)

// Tx is the transaction in which a projection writes. Its cursor moves in the same transaction, so that every event counts
// exactly once.
type Tx interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Reader reads what is committed, for queries. It takes SELECT only.
type Reader interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Projection is a read model that is built from events. It is an extension point: register it with leadmill.AsProjection.
//
// Its tables are made by the module's migrations before anything runs, never by the projection: on MySQL, CREATE TABLE would
// commit what Apply has done so far. Their names begin with x_<module>_.
type Projection interface {
	// Name is unique and never changes: the cursor is kept under it. At most 64 of a-z, 0-9, dot and hyphen.
	Name() string
	// Apply takes events in the order of their positions. An event carries the facts of what happened, with all that a read
	// model groups by and without personal data, so that it need not read Leadmill's tables: these have moved on since, and are
	// no public API. It must ignore types that it does not know. When it returns an
	// error, nothing of the batch is kept, and the batch is halved until the failing event is found. That event is tried
	// again with back-off and then parked together with the later events of its aggregate. An error of kind
	// fault.Unavailable does not count as an attempt: the same events are applied again.
	Apply(ctx context.Context, tx Tx, events []application.StoredEvent) error
	// Reset empties the read model before it is built again from the first event.
	Reset(ctx context.Context, tx Tx) error
}

// Selective is a Projection that wants some events only. It is not given others, and a stretch of the log without any it wants
// costs it next to nothing: no transaction, and mostly not even decoding.
type Selective interface {
	Projection
	// Types returns the types that Apply gets, such as "lead.sold.v1", and never changes while the program runs. When a later version wants
	// more, the projection is built again (leadmill events replay), because those before its cursor were passed by. None means all.
	Types() []string
	// Wants reports whether Apply does anything with an event of these types.
	Wants(e *application.StoredEvent) bool
}
