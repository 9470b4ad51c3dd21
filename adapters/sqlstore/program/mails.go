package program

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
)

// Mails queues outgoing mails.
type Mails struct{ work *engine.Work }

var _ program.MailQueue = Mails{}

// NewMails returns the table outgoing_mails.
func NewMails(work *engine.Work) Mails { return Mails{work} }

// AddMail implements program.MailQueue.
func (q Mails) AddMail(ctx context.Context, m program.OutgoingMail, due time.Time) error {
	return q.work.Do(ctx, func(ctx context.Context, t *engine.Tx) error {
		_, err := t.Insert(ctx, "outgoing_mails", "INSERT INTO outgoing_mails (event_id, seller_id, partner_id, attempts, next_at) VALUES (?,?,?,?,?)",
			m.EventID, m.SellerID, m.PartnerID, int64(m.Attempts), engine.Micros(due))
		return err // one that is there already is not added again
	})
}

// TakeMails implements program.MailQueue.
func (q Mails) TakeMails(ctx context.Context, now, until time.Time, limit int) (taken []program.OutgoingMail, err error) {
	err = q.work.Do(ctx, func(ctx context.Context, t *engine.Tx) error {
		taken = nil
		var rows []struct {
			EventID   string `db:"event_id"`
			SellerID  string `db:"seller_id"`
			PartnerID string `db:"partner_id"`
			Attempts  int    `db:"attempts"`
		}
		if err := t.All(ctx, &rows, "SELECT event_id, seller_id, partner_id, attempts FROM outgoing_mails"+t.UseKey("outgoing_mails_next")+
			" WHERE next_at <= ? ORDER BY next_at, event_id LIMIT ?"+t.ForUpdate(), engine.Micros(now), int64(limit)); err != nil || len(rows) == 0 {
			return err
		}
		refs := make([]application.Ref, len(rows))
		for i, r := range rows {
			taken = append(taken, program.OutgoingMail(r))
			refs[i] = application.Ref{SellerID: r.SellerID, ID: r.EventID}
		}
		for piece := range engine.PiecesOf(application.SortedRefs(refs)) {
			keys, args := engine.Among("event_id", len(piece), func(i int) (string, any) { return piece[i].SellerID, piece[i].ID })
			if _, err := t.Exec(ctx, "UPDATE outgoing_mails SET next_at = ? WHERE "+keys, append([]any{engine.Micros(until)}, args...)...); err != nil {
				return err
			}
		}
		return nil
	})
	return taken, err
}

// PostponeMail implements program.MailQueue.
func (q Mails) PostponeMail(ctx context.Context, m program.OutgoingMail, due time.Time) error {
	return q.work.Do(ctx, func(ctx context.Context, t *engine.Tx) error {
		_, err := t.Exec(ctx, "UPDATE outgoing_mails SET attempts = ?, next_at = ? WHERE seller_id = ? AND event_id = ?", int64(m.Attempts+1), engine.Micros(due), m.SellerID, m.EventID)
		return err
	})
}

// RemoveMail implements program.MailQueue.
func (q Mails) RemoveMail(ctx context.Context, m program.OutgoingMail) error {
	return q.work.Do(ctx, func(ctx context.Context, t *engine.Tx) error {
		_, err := t.Exec(ctx, "DELETE FROM outgoing_mails WHERE seller_id = ? AND event_id = ?", m.SellerID, m.EventID)
		return err
	})
}

type mailErasures struct{ t *engine.Tx }

// DeleteMailsTo implements application.MailErasureRepository. The mails that wait are few.
func (r mailErasures) DeleteMailsTo(ctx context.Context, sellerID, emailKey string) (int, error) {
	var ids []string
	if err := r.t.All(ctx, &ids, "SELECT id FROM partners WHERE seller_id = ? AND email_key = ?", sellerID, emailKey); err != nil || len(ids) == 0 {
		return 0, err
	}
	n, err := r.t.Exec(ctx, "DELETE FROM outgoing_mails WHERE seller_id = ? AND partner_id IN ("+engine.Marks(len(ids))+")", append([]any{sellerID}, engine.Anys(ids)...)...)
	return int(n), err
}
