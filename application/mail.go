package application

import (
	"context"

	"github.com/leadmill/leadmill/domain/fault"
)

// Mail is one message to one person. All of it but ID is personal data or a secret: it belongs in no log and no error.
type Mail struct {
	ID      string // stable and not secret; becomes the Message-ID, so that mail programs recognise a mail that is sent twice
	To      string // an email address
	ToName  string // may be empty
	Subject string // one line
	Text    string // the plain part; it or HTML may be empty, not both
	HTML    string // the same as an HTML document
}

// ErrMailRefused says that the server refused the mail or its address for good: sending it again would not help.
var ErrMailRefused = fault.New(fault.RuleViolated, "mail_refused", "The mail was refused for good")

// Mailer sends mail at least once: a mail may have been delivered although Send failed.
type Mailer interface {
	// Send hands a mail over for delivery. It fails with ErrUnavailable (wrapped) when sending it again later is worth
	// while, with ErrMailRefused (wrapped) when the address or the mail was refused for good, and with another error for a
	// mail without an ID or without text. No error's text holds an address or a part of the mail.
	Send(ctx context.Context, m Mail) error
}
