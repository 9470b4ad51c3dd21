package program

import (
	"context"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/application"
)

var _ application.SubjectReader = (*Reader)(nil)

// CustomersAfter implements application.CustomerWalk.
func (r *Reader) CustomersAfter(ctx context.Context, sellerID, after string, limit int) ([]application.CustomerTraits, error) {
	return r.traits(ctx, "id > ? ORDER BY id LIMIT ?", sellerID, after, int64(limit))
}

// CustomersByID implements application.CustomerWalk.
func (r *Reader) CustomersByID(ctx context.Context, sellerID string, ids []string) ([]application.CustomerTraits, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	return r.traits(ctx, "id IN ("+engine.Marks(len(ids))+")", append([]any{sellerID}, engine.Anys(ids)...)...)
}

func (r *Reader) traits(ctx context.Context, which string, args ...any) ([]application.CustomerTraits, error) {
	var rows []struct {
		ID        string `db:"id"`
		Key       string `db:"customer_key"`
		EmailKey  string `db:"email_key"`
		DeletedAt int64  `db:"deleted_at"`
	}
	if err := r.db.All(ctx, &rows, "SELECT id, customer_key, email_key, deleted_at FROM customers WHERE seller_id = ? AND "+which, args...); err != nil {
		return nil, err
	}
	out := make([]application.CustomerTraits, len(rows))
	for i, row := range rows {
		out[i] = application.CustomerTraits{ID: row.ID, Key: row.Key, EmailKey: row.EmailKey, DeletedAt: engine.Time(row.DeletedAt)}
	}
	return out, nil
}

// LastCustomer implements application.CustomerWalk.
func (r *Reader) LastCustomer(ctx context.Context, sellerID string) (id string, err error) {
	_, err = r.db.Get(ctx, &id, "SELECT id FROM customers WHERE seller_id = ? ORDER BY id DESC LIMIT 1", sellerID)
	return id, err
}

// HeldCustomers implements application.SubjectReader.
func (r *Reader) HeldCustomers(ctx context.Context, sellerID string, ids []string) ([]application.HeldCustomer, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	var rows []customerRow
	if err := r.db.All(ctx, &rows, "SELECT "+customerColumns+" FROM customers WHERE seller_id = ? AND id IN ("+engine.Marks(len(ids))+") ORDER BY id", append([]any{sellerID}, engine.Anys(ids)...)...); err != nil {
		return nil, err
	}
	out := make([]application.HeldCustomer, len(rows))
	for i, row := range rows {
		tags, err := row.tags()
		if err != nil {
			return nil, err
		}
		out[i] = application.HeldCustomer{
			ID: row.ID, Key: row.Key, Email: row.Email, Name: row.Name, Surname: row.Surname, Status: row.Status, PartnerID: row.PartnerID, Tags: tags,
			CreatedAt: engine.Time(row.CreatedAt), UpdatedAt: engine.Time(row.UpdatedAt),
		}
	}
	return out, nil
}

// invitationMail is the kind of all mails that are queued.
const invitationMail = "invitation"

// HeldPartners implements application.SubjectReader.
func (r *Reader) HeldPartners(ctx context.Context, sellerID, emailKey string) (partners []application.HeldPartner, mails []application.HeldMail, err error) {
	var rows []struct {
		ID        string `db:"id"`
		Email     string `db:"email"`
		Name      string `db:"name"`
		Surname   string `db:"surname"`
		Status    string `db:"status"`
		CreatedAt int64  `db:"created_at"`
	}
	if err := r.db.All(ctx, &rows, "SELECT id, email, name, surname, status, created_at FROM partners WHERE seller_id = ? AND email_key = ? ORDER BY id", sellerID, emailKey); err != nil {
		return nil, nil, err
	}
	for _, row := range rows {
		partners = append(partners, application.HeldPartner{
			ID: row.ID, Email: row.Email, Name: row.Name, Surname: row.Surname, Status: row.Status, CreatedAt: engine.Time(row.CreatedAt),
		})
		var due []int64
		if err := r.db.All(ctx, &due, "SELECT next_at FROM outgoing_mails WHERE seller_id = ? AND partner_id = ? ORDER BY event_id", sellerID, row.ID); err != nil {
			return nil, nil, err
		}
		for _, at := range due {
			mails = append(mails, application.HeldMail{Recipient: row.Email, Kind: invitationMail, DueAt: engine.Time(at)})
		}
	}
	return partners, mails, nil
}
