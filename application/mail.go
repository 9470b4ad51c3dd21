package application

import (
	"context"
	"errors"
	"log/slog"
	"time"

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

// What sends the mails of a queue takes MailsAtOnce of them, each for MailClaim, which is longer than sending them can take.
const (
	MailsAtOnce = 10
	MailClaim   = 5 * time.Minute
)

// mailPauses is how long a mail waits after each failed attempt: seconds for a server that restarts, hours for a full
// mailbox or a mail server that is not set up yet. After the last attempt the mail is given up.
var mailPauses = []time.Duration{
	time.Second, 5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute,
	time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour,
}

// MailRetry says how long a mail of a queue waits that failed with err, after so many failed attempts before. ok is false when it is given
// up: it was refused for good, or tried for two days.
func MailRetry(attempts int, err error) (pause time.Duration, ok bool) {
	if fault.KindOf(err) == fault.RuleViolated || attempts >= len(mailPauses) {
		return 0, false
	}
	return mailPauses[attempts], true
}

// UnsentMail is a mail of a queue that could not be sent. GivenUp says that it is not tried again.
type UnsentMail struct {
	EventID string
	GivenUp bool
	Err     error // holds nothing of the mail and no address
}

// LogUnsentMails writes a line for each mail that could not be sent, other than because the instance stops, which holds nothing of the mail. mail says of what kind they are, such
// as "invitation".
func LogUnsentMails(ctx context.Context, logger *slog.Logger, mail string, unsent []UnsentMail) {
	for _, m := range unsent {
		if !m.GivenUp && ctx.Err() != nil && errors.Is(m.Err, context.Canceled) { // the instance stops
			continue
		}
		attrs := []any{slog.String("mail", mail), slog.String("event_id", m.EventID), slog.String("code", string(fault.CodeOf(m.Err))), slog.Any("cause", errors.Unwrap(m.Err))}
		if m.GivenUp {
			logger.WarnContext(ctx, "mail not sent and given up", attrs...)
		} else {
			logger.WarnContext(ctx, "mail not sent; it is tried again", attrs...)
		}
	}
}
