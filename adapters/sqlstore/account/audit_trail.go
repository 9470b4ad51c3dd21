package account

import (
	"context"
	"strings"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/application"
	accountquery "github.com/leadmill/leadmill/application/account/query"
	"github.com/leadmill/leadmill/domain/operator"
)

// WriteAudit stores an entry of the audit trail in a transaction. An entry of several transactions of a command is stored by the first.
func WriteAudit(ctx context.Context, t *engine.Tx, e application.AuditEntry) error {
	var objects []string
	for _, id := range e.Objects {
		if engine.IsID(id) {
			objects = append(objects, id)
		}
	}
	taken, err := t.Insert(ctx, "audit_trail", "INSERT INTO audit_trail (seller_id, id, at, actor_id, command, objects, address) VALUES ("+engine.Marks(7)+")",
		e.SellerID, e.ID, engine.Micros(e.At), e.By, e.Command, strings.Join(objects, " "), operator.Cut(e.Address, maxAddress))
	if err != nil || taken != "" || len(objects) == 0 {
		return err
	}
	_, err = t.InsertRows(ctx, "audit_objects", "seller_id, object_id, entry_id, at", len(objects), func(args []any, i int) ([]any, error) {
		return append(args, e.SellerID, objects[i], e.ID, engine.Micros(e.At)), nil
	})
	return err
}

const maxAddress = 64

// Trail writes the audit trail in transactions of its own.
type Trail struct{ work *engine.Work }

var _ application.AuditWriter = Trail{}

// NewTrail returns the audit trail.
func NewTrail(work *engine.Work) Trail { return Trail{work} }

// WriteAudit implements application.AuditWriter.
func (w Trail) WriteAudit(ctx context.Context, e application.AuditEntry) error {
	return w.work.Do(ctx, func(ctx context.Context, t *engine.Tx) error { return WriteAudit(ctx, t, e) })
}

// trail writes the audit trail in a transaction.
type trail struct{ t *engine.Tx }

// WriteAudit implements application.AuditWriter.
func (r trail) WriteAudit(ctx context.Context, e application.AuditEntry) error {
	return WriteAudit(ctx, r.t, e)
}

type auditRow struct {
	ID        string  `db:"id"`
	At        int64   `db:"at"`
	ActorID   string  `db:"actor_id"`
	Command   string  `db:"command"`
	Objects   string  `db:"objects"`
	Address   string  `db:"address"`
	Name      *string `db:"person_name"`
	Email     *string `db:"person_email"`
	KeyName   *string `db:"key_name"`
	IsOfStaff *string `db:"role"`
}

func answerAudit(r auditRow) (accountquery.AuditEntry, error) {
	e := accountquery.AuditEntry{ID: r.ID, At: engine.Time(r.At), Command: r.Command, Objects: strings.Fields(r.Objects), Address: r.Address}
	if !operator.IsPersonID(r.ActorID) {
		e.KeyID = r.ActorID
		if r.KeyName != nil {
			e.KeyName = *r.KeyName
		}
		return e, nil
	}
	e.PersonID = r.ActorID
	if r.IsOfStaff != nil && r.Name != nil {
		e.PersonName, e.PersonEmail = *r.Name, *r.Email
	}
	return e, nil
}

// AuditTrail answers accountquery.AuditTrail, the newest first unless the page says otherwise.
func (r *Reader) AuditTrail(ctx context.Context, q accountquery.AuditTrail) (application.List[accountquery.AuditEntry], error) {
	const columns = "SELECT t.id, t.at, t.actor_id, t.command, t.objects, t.address, p.name AS person_name, p.email AS person_email, k.name AS key_name, m.role FROM "
	const names = ` LEFT JOIN people p ON p.id = t.actor_id LEFT JOIN memberships m ON m.seller_id = t.seller_id AND m.person_id = t.actor_id
		LEFT JOIN api_keys k ON k.id = t.actor_id AND k.seller_id = t.seller_id WHERE `
	if err := q.Page.Check(); err != nil {
		return application.List[accountquery.AuditEntry]{}, err
	}
	for _, id := range []string{q.Object, q.By} {
		if id != "" && !engine.IsID(id) {
			return application.List[accountquery.AuditEntry]{}, nil
		}
	}
	order := engine.Order{Columns: []string{"t.id"}}
	statement, args := columns+"audit_trail t"+names+"t.seller_id = ?", []any{q.SellerID}
	if q.Object != "" {
		order.Columns[0] = "o.entry_id"
		statement = columns + "audit_objects o JOIN audit_trail t ON t.seller_id = o.seller_id AND t.id = o.entry_id" + names + "o.seller_id = ? AND o.object_id = ?"
		args = append(args, q.Object)
	}
	if q.By != "" {
		statement += " AND t.actor_id = ?"
		args = append(args, q.By)
	}
	return engine.ListBy(ctx, r.db, order, q.Page, func(e accountquery.AuditEntry) string { return e.ID }, answerAudit, statement, args...)
}
