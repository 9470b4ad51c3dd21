package program

import (
	"context"
	"time"
)

// OutgoingMail is a mail in the queue. Its text is made when it is sent. EventID is the event that caused the mail; Attempts
// is how often sending it failed.
type OutgoingMail struct {
	EventID, SellerID, PartnerID string
	Attempts                     int
}

// MailQueue keeps mails until they are sent. Its errors are those of UnitOfWork.Do.
type MailQueue interface {
	// AddMail queues a mail that is due at a time, unless it is queued already.
	AddMail(ctx context.Context, m OutgoingMail, due time.Time) error
	// TakeMails returns up to limit mails that are due at now, the longest due first, and does not return them to others
	// until a time.
	TakeMails(ctx context.Context, now, until time.Time, limit int) ([]OutgoingMail, error)
	// PostponeMail makes a mail due later, after one more attempt.
	PostponeMail(ctx context.Context, m OutgoingMail, due time.Time) error
	// RemoveMail forgets a mail that was sent or given up.
	RemoveMail(ctx context.Context, m OutgoingMail) error
}
