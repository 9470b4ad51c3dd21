package sqlstore

import (
	"context"
	"errors"
	"time"

	"github.com/leadmill/leadmill/application"
)

var _ application.MailQueue = (*Store)(nil)

// in runs a closure on a transaction of this store: for what is no aggregate.
func (s *Store) in(ctx context.Context, use func(ctx context.Context, t *tx) error) error {
	return s.Do(ctx, func(ctx context.Context, t application.Tx) error {
		own, ok := t.(*tx)
		if !ok {
			return errors.New("sqlstore: a transaction of another store")
		}
		return use(ctx, own)
	})
}

// AddMail implements application.MailQueue.
func (s *Store) AddMail(ctx context.Context, m application.OutgoingMail, due time.Time) error {
	return s.in(ctx, func(ctx context.Context, t *tx) error {
		_, err := t.insert(ctx, "outgoing_mails", "INSERT INTO outgoing_mails (event_id, seller_id, partner_id, attempts, next_at) VALUES (?,?,?,?,?)",
			m.EventID, m.SellerID, m.PartnerID, int64(m.Attempts), micros(due))
		return err // one that is there already is not added again
	})
}

// TakeMails implements application.MailQueue.
func (s *Store) TakeMails(ctx context.Context, now, until time.Time, limit int) (taken []application.OutgoingMail, err error) {
	err = s.in(ctx, func(ctx context.Context, t *tx) error {
		taken = nil
		var rows []struct {
			EventID   string `db:"event_id"`
			SellerID  string `db:"seller_id"`
			PartnerID string `db:"partner_id"`
			Attempts  int    `db:"attempts"`
		}
		if err := t.selectAll(ctx, &rows, "SELECT event_id, seller_id, partner_id, attempts FROM outgoing_mails"+s.db.UseKey("outgoing_mails_next")+
			" WHERE next_at <= ? ORDER BY next_at, event_id LIMIT ?"+s.db.ForUpdate(), micros(now), int64(limit)); err != nil || len(rows) == 0 {
			return err
		}
		args := []any{micros(until)}
		for _, r := range rows {
			taken = append(taken, application.OutgoingMail(r))
			args = append(args, r.EventID)
		}
		_, err := t.exec(ctx, "UPDATE outgoing_mails SET next_at = ? WHERE event_id IN ("+marks(len(rows))+")", args...)
		return err
	})
	return taken, err
}

// PostponeMail implements application.MailQueue.
func (s *Store) PostponeMail(ctx context.Context, m application.OutgoingMail, due time.Time) error {
	return s.in(ctx, func(ctx context.Context, t *tx) error {
		_, err := t.exec(ctx, "UPDATE outgoing_mails SET attempts = ?, next_at = ? WHERE event_id = ?", int64(m.Attempts+1), micros(due), m.EventID)
		return err
	})
}

// RemoveMail implements application.MailQueue.
func (s *Store) RemoveMail(ctx context.Context, eventID string) error {
	return s.in(ctx, func(ctx context.Context, t *tx) error {
		_, err := t.exec(ctx, "DELETE FROM outgoing_mails WHERE event_id = ?", eventID)
		return err
	})
}
