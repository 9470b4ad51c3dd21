// Package outbox keeps mails until they are sent: in tables that say which event caused a mail and to whom it goes, never its text.
//
// Stability: unsupported; it may change at any time.
package outbox

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/application"
)

// Queue is a table of mails: event_id, seller_id, attempts, next_at and the column To. It has an index on next_at that is named as the table with
// "_next" behind it.
type Queue struct {
	Work      *engine.Work
	Table, To string
}

// Mail is a row: its event, its seller, and who it goes to.
type Mail struct {
	EventID  string `db:"event_id"`
	SellerID string `db:"seller_id"`
	To       string `db:"recipient"`
	Attempts int    `db:"attempts"`
}

// Add queues a mail that is due at a time, unless it is queued already.
func (q Queue) Add(ctx context.Context, m Mail, due time.Time) error {
	return q.Work.Do(ctx, func(ctx context.Context, t *engine.Tx) error {
		_, err := t.Insert(ctx, q.Table, "INSERT INTO "+q.Table+" (event_id, seller_id, "+q.To+", attempts, next_at) VALUES (?,?,?,?,?)",
			m.EventID, m.SellerID, m.To, int64(m.Attempts), engine.Micros(due))
		return err // one that is there already is not added again
	})
}

// patience is how long the row of a mail is waited for. Whoever holds it for longer sends or removes the mail.
const patience = 300 * time.Millisecond

// Take returns up to limit mails that are due at now, the longest due first, and does not return them to others until a time. Mails are found
// without locks and taken one by one, so that none waits for those of another seller: one that somebody holds is left for later.
func (q Queue) Take(ctx context.Context, now, until time.Time, limit int) (taken []Mail, err error) {
	for {
		var rows []Mail
		db := q.Work.DB()
		if err := db.Reader.SelectContext(ctx, &rows, "SELECT event_id, seller_id, "+q.To+" AS recipient, attempts FROM "+q.Table+db.UseKey(q.Table+"_next")+
			" WHERE next_at <= ? ORDER BY next_at, event_id LIMIT ?", engine.Micros(now), int64(limit)); err != nil {
			return nil, q.Work.Failed(ctx, err)
		}
		raced := false
		for _, r := range rows {
			switch mine, err := q.take(ctx, r.SellerID, r.EventID, now, until); {
			case mine:
				taken = append(taken, r)
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
func (q Queue) take(ctx context.Context, sellerID, eventID string, now, until time.Time) (mine bool, err error) {
	err = q.Work.Do(application.WithPatience(ctx, patience), func(ctx context.Context, t *engine.Tx) error {
		var due string
		var err error
		if mine, err = t.Get(ctx, &due, "SELECT event_id FROM "+q.Table+" WHERE seller_id = ? AND event_id = ? AND next_at <= ?"+t.ForUpdate(), sellerID, eventID, engine.Micros(now)); err != nil || !mine {
			return err
		}
		_, err = t.Exec(ctx, "UPDATE "+q.Table+" SET next_at = ? WHERE seller_id = ? AND event_id = ?", engine.Micros(until), sellerID, eventID)
		return err
	})
	return mine && err == nil, err
}

// Postpone makes a mail due later, after one more attempt.
func (q Queue) Postpone(ctx context.Context, m Mail, due time.Time) error {
	return q.Work.Do(ctx, func(ctx context.Context, t *engine.Tx) error {
		_, err := t.Exec(ctx, "UPDATE "+q.Table+" SET attempts = ?, next_at = ? WHERE seller_id = ? AND event_id = ?", int64(m.Attempts+1), engine.Micros(due), m.SellerID, m.EventID)
		return err
	})
}

// Remove forgets a mail that was sent or given up.
func (q Queue) Remove(ctx context.Context, m Mail) error {
	return q.Work.Do(ctx, func(ctx context.Context, t *engine.Tx) error {
		_, err := t.Exec(ctx, "DELETE FROM "+q.Table+" WHERE seller_id = ? AND event_id = ?", m.SellerID, m.EventID)
		return err
	})
}
