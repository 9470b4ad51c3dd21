package application

import (
	"context"

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
