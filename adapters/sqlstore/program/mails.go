package program

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/adapters/sqlstore/internal/outbox"
	"github.com/leadmill/leadmill/application/program"
)

// Mails queues outgoing mails.
type Mails struct{ work *engine.Work }

var _ program.MailQueue = Mails{}

// NewMails returns the table outgoing_mails.
func NewMails(work *engine.Work) Mails { return Mails{work} }

func (q Mails) queue() outbox.Queue {
	return outbox.Queue{Work: q.work, Table: "outgoing_mails", To: "partner_id"}
}

func rowOf(m program.OutgoingMail) outbox.Mail {
	return outbox.Mail{EventID: m.EventID, SellerID: m.SellerID, To: m.PartnerID, Attempts: m.Attempts}
}

// AddMail implements program.MailQueue.
func (q Mails) AddMail(ctx context.Context, m program.OutgoingMail, due time.Time) error {
	return q.queue().Add(ctx, rowOf(m), due)
}

// TakeMails implements program.MailQueue.
func (q Mails) TakeMails(ctx context.Context, now, until time.Time, limit int) (taken []program.OutgoingMail, err error) {
	rows, err := q.queue().Take(ctx, now, until, limit)
	for _, m := range rows {
		taken = append(taken, program.OutgoingMail{EventID: m.EventID, SellerID: m.SellerID, PartnerID: m.To, Attempts: m.Attempts})
	}
	return taken, err
}

// PostponeMail implements program.MailQueue.
func (q Mails) PostponeMail(ctx context.Context, m program.OutgoingMail, due time.Time) error {
	return q.queue().Postpone(ctx, rowOf(m), due)
}

// TakeAddress implements program.MailQueue.
func (q Mails) TakeAddress(ctx context.Context, m program.OutgoingMail, address [sha256.Size]byte, now, until time.Time) (taken bool, freeAt time.Time, err error) {
	err = q.work.Do(ctx, func(ctx context.Context, t *engine.Tx) error {
		there, err := t.Insert(ctx, "mailed_addresses", "INSERT INTO mailed_addresses (seller_id, address, event_id, expires_at) VALUES (?,?,?,?)",
			m.SellerID, address[:], m.EventID, engine.Micros(until))
		if taken = there == ""; err != nil || taken {
			return err
		}
		var row struct {
			EventID   string `db:"event_id"`
			ExpiresAt int64  `db:"expires_at"`
		}
		found, err := t.Get(ctx, &row, "SELECT event_id, expires_at FROM mailed_addresses WHERE seller_id = ? AND address = ?"+t.ForUpdate(), m.SellerID, address[:])
		switch {
		case err != nil:
			return err
		case !found: // it expired and was purged since
			return t.LostRace()
		case row.EventID != m.EventID && row.ExpiresAt > engine.Micros(now):
			freeAt = engine.Time(row.ExpiresAt)
			return nil
		}
		taken = true
		_, err = t.Exec(ctx, "UPDATE mailed_addresses SET event_id = ?, expires_at = ? WHERE seller_id = ? AND address = ?",
			m.EventID, engine.Micros(until), m.SellerID, address[:])
		return err
	})
	return taken && err == nil, freeAt, err
}

// RemoveMail implements program.MailQueue.
func (q Mails) RemoveMail(ctx context.Context, m program.OutgoingMail) error {
	return q.queue().Remove(ctx, rowOf(m))
}

type mailErasures struct{ t *engine.Tx }

// DeleteMailsTo implements application.MailErasureRepository. The mails that wait are few, so they are looked through; only those to
// be deleted are locked.
func (r mailErasures) DeleteMailsTo(ctx context.Context, sellerID, emailKey string) (int, error) {
	var ids []string
	if err := r.t.All(ctx, &ids, "SELECT id FROM partners WHERE seller_id = ? AND email_key = ?", sellerID, emailKey); err != nil || len(ids) == 0 {
		return 0, err
	}
	var mails []string
	if err := r.t.All(ctx, &mails, "SELECT event_id FROM outgoing_mails WHERE seller_id = ? AND partner_id IN ("+engine.Marks(len(ids))+") ORDER BY event_id", append([]any{sellerID}, engine.Anys(ids)...)...); err != nil || len(mails) == 0 {
		return 0, err
	}
	n, err := r.t.Exec(ctx, r.t.DeleteByKey("outgoing_mails", "PRIMARY")+" WHERE seller_id = ? AND event_id IN ("+engine.Marks(len(mails))+")", append([]any{sellerID}, engine.Anys(mails)...)...)
	return int(n), err
}
