package program

import (
	"context"
	"crypto/sha256"
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

// mailPatience is how long the row of a mail is waited for. Whoever holds it for longer sends or removes the mail.
const mailPatience = 300 * time.Millisecond

// TakeMails implements program.MailQueue. Mails are found without locks and taken one by one, so that none waits for those of another
// seller: one that somebody holds is left for later.
func (q Mails) TakeMails(ctx context.Context, now, until time.Time, limit int) (taken []program.OutgoingMail, err error) {
	for {
		var rows []struct {
			EventID   string `db:"event_id"`
			SellerID  string `db:"seller_id"`
			PartnerID string `db:"partner_id"`
			Attempts  int    `db:"attempts"`
		}
		db := q.work.DB()
		if err := db.Reader.SelectContext(ctx, &rows, "SELECT event_id, seller_id, partner_id, attempts FROM outgoing_mails"+db.UseKey("outgoing_mails_next")+
			" WHERE next_at <= ? ORDER BY next_at, event_id LIMIT ?", engine.Micros(now), int64(limit)); err != nil {
			return nil, q.work.Failed(ctx, err)
		}
		raced := false
		for _, r := range rows {
			switch mine, err := q.take(ctx, r.SellerID, r.EventID, now, until); {
			case mine:
				taken = append(taken, program.OutgoingMail(r))
			case err == nil:
				raced = true
			case !application.IsHeld(err):
				return taken, err
			}
		}
		if len(taken) > 0 || !raced {
			return taken, nil
		}
	}
}

// take takes a mail that is due until some time; mine is false when somebody else did.
func (q Mails) take(ctx context.Context, sellerID, eventID string, now, until time.Time) (mine bool, err error) {
	err = q.work.Do(application.WithPatience(ctx, mailPatience), func(ctx context.Context, t *engine.Tx) error {
		var due string
		var err error
		if mine, err = t.Get(ctx, &due, "SELECT event_id FROM outgoing_mails WHERE seller_id = ? AND event_id = ? AND next_at <= ?"+t.ForUpdate(), sellerID, eventID, engine.Micros(now)); err != nil || !mine {
			return err
		}
		_, err = t.Exec(ctx, "UPDATE outgoing_mails SET next_at = ? WHERE seller_id = ? AND event_id = ?", engine.Micros(until), sellerID, eventID)
		return err
	})
	return mine && err == nil, err
}

// PostponeMail implements program.MailQueue.
func (q Mails) PostponeMail(ctx context.Context, m program.OutgoingMail, due time.Time) error {
	return q.work.Do(ctx, func(ctx context.Context, t *engine.Tx) error {
		_, err := t.Exec(ctx, "UPDATE outgoing_mails SET attempts = ?, next_at = ? WHERE seller_id = ? AND event_id = ?", int64(m.Attempts+1), engine.Micros(due), m.SellerID, m.EventID)
		return err
	})
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
	return q.work.Do(ctx, func(ctx context.Context, t *engine.Tx) error {
		_, err := t.Exec(ctx, "DELETE FROM outgoing_mails WHERE seller_id = ? AND event_id = ?", m.SellerID, m.EventID)
		return err
	})
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
