package application

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/domain/fault"
)

// AuditEntry is that a person or a key changed something. It holds ids and the address alone.
type AuditEntry struct {
	ID, SellerID string
	At           time.Time
	By           string // the id of the person or the key
	Command      string // its name
	Objects      []string
	Address      string // of the client, as far as it is known
}

// From returns the entry with the address where the request of a context comes from.
func (e AuditEntry) From(ctx context.Context) AuditEntry {
	if address, ok := ctx.Value(addressKey{}).(func() string); ok {
		e.Address = address()
	}
	return e
}

// maxAuditObjects bounds the objects of an entry: of a change of many, the first are named.
const maxAuditObjects = 20

// AuditWriter stores an entry of the audit trail by itself, for a command without a transaction.
type AuditWriter interface {
	WriteAudit(ctx context.Context, e AuditEntry) error
}

// Audited is a message that names the object it is about, where no aggregate that is saved does.
type Audited interface{ AuditObject() string }

// Unaudited is a command that leaves nothing in the audit trail, because it changes nothing that lasts.
type Unaudited interface{ Unaudited() }

// auditing is the entry of the command that a context is for.
type auditing struct {
	entry         AuditEntry
	written, none bool
}

type (
	auditKey   struct{}
	addressKey struct{}
)

// WithAddress returns a context that knows where a request comes from. It is for the audit trail alone.
func WithAddress(ctx context.Context, address func() string) context.Context {
	return context.WithValue(ctx, addressKey{}, address)
}

// WriteAuditOf has the entry of the command that a context is for written in a transaction, if there is one. touched tells the
// seller and the ids of what the transaction changes.
func WriteAuditOf(ctx context.Context, touched func() (sellerID string, objects []string), write func(AuditEntry) error) error {
	a, ok := ctx.Value(auditKey{}).(*auditing)
	if !ok || a.none {
		return nil
	}
	e := a.entry
	sellerID, objects := touched()
	e.Objects = slices.Clone(e.Objects)
	for _, id := range objects {
		if len(e.Objects) < maxAuditObjects && !slices.Contains(e.Objects, id) {
			e.Objects = append(e.Objects, id)
		}
	}
	if e.SellerID == "" {
		e.SellerID = sellerID
	}
	if err := write(e); err != nil {
		return err
	}
	a.written = true
	return nil
}

// nothingNew says of a command that its response was stored before, or that it was not.
func nothingNew(ctx context.Context, replayed bool) {
	if a, ok := ctx.Value(auditKey{}).(*auditing); ok {
		a.none = replayed
	}
}

// Audit is the interceptor that has every change by a person, or by a key that is a seller's or the installation's own, written into the audit
// trail: with the change where that is stored in a transaction, else when it is done. What suppliers, forms and web pages send is not in it.
type Audit struct {
	Clock  Clock
	IDs    IDs
	Writer AuditWriter
	Logger *slog.Logger
}

// Code implements bus.Interceptor.
func (Audit) Code() string { return "audit" }

// Order implements bus.Interceptor.
func (Audit) Order() int { return 600 }

// Intercept implements bus.Interceptor. Errors: those of next.
func (i Audit) Intercept(ctx context.Context, op bus.Operation, next func(context.Context) error) error {
	if op.Kind != bus.Command || op.Actor.KeyID == "" {
		return next(ctx)
	}
	m, ok := op.Message.(Message)
	if !ok || m.Needs() != Program && m.Needs() != Admin {
		return next(ctx)
	}
	if _, not := op.Message.(Unaudited); not {
		return next(ctx)
	}
	a := &auditing{entry: AuditEntry{ID: i.IDs.New("audit"), SellerID: op.Seller, At: i.Clock.Now(), By: op.Actor.KeyID, Command: op.Name}}
	a.entry = a.entry.From(ctx)
	if named, ok := op.Message.(Audited); ok && named.AuditObject() != "" {
		a.entry.Objects = []string{named.AuditObject()}
	}
	if err := next(context.WithValue(ctx, auditKey{}, a)); err != nil || a.written || a.none {
		return err
	}
	if err := i.Writer.WriteAudit(ctx, a.entry); err != nil { // what was done is done
		i.Logger.ErrorContext(ctx, "a change is missing in the audit trail", slog.String("command", op.Name), slog.String("key_id", op.Actor.KeyID),
			slog.String("code", string(fault.CodeOf(err))))
	}
	return nil
}
