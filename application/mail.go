package application

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/domain/fault"
)

// Mail is one message to one person. All of it but ID is personal data or a secret: it belongs in no log and no error.
type Mail struct {
	ID      string // stable and no secret; becomes the Message-ID, so that a second sending is the same message for mail programs
	To      string // an email address
	ToName  string // may be empty
	Subject string // one line
	Text    string // the plain part; it or HTML may be empty, not both
	HTML    string // the same as an HTML document
}

// ErrMailRefused says that the mail or its address was refused for good: sending it again will not help.
var ErrMailRefused = fault.New(fault.RuleViolated, "mail_refused", "The mail was refused for good")

// Mailer sends mail, at least once: a mail whose answer was lost may have been delivered all the same.
type Mailer interface {
	// Send hands a mail over for delivery. It fails with ErrUnavailable (wrapped) when sending it again later is worth
	// while, with ErrMailRefused (wrapped) when the address or the mail was refused for good, and with another error for
	// a mail without an ID or without text. No error's text holds an address or anything of the mail.
	Send(ctx context.Context, m Mail) error
}

// OutgoingMail is a mail that is still to be sent: what it says is made when it is sent. EventID is the event that asks for
// it; Attempts is how often sending it failed.
type OutgoingMail struct {
	EventID, SellerID, PartnerID string
	Attempts                     int
}

// MailQueue keeps mails until they are sent. Errors as of UnitOfWork.
type MailQueue interface {
	// AddMail queues a mail that is due at a time, unless it is queued already.
	AddMail(ctx context.Context, m OutgoingMail, due time.Time) error
	// TakeMails returns up to limit mails that are due at now, the longest due first, and keeps them from others until a time.
	TakeMails(ctx context.Context, now, until time.Time, limit int) ([]OutgoingMail, error)
	// PostponeMail makes a mail due later, after one more attempt.
	PostponeMail(ctx context.Context, m OutgoingMail, due time.Time) error
	// RemoveMail forgets a mail that was sent or given up.
	RemoveMail(ctx context.Context, eventID string) error
}
