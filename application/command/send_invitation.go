package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"strings"
	"text/template"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/partner"
)

// QueueInvitation puts the mail to an invited partner among those to be sent. It reacts to partner.invited.v1 and may come
// more than once for one invitation.
type QueueInvitation struct {
	EventID, SellerID, PartnerID string
}

// QueueInvitationHandler handles QueueInvitation.
type QueueInvitationHandler struct {
	Clock application.Clock
	Queue application.MailQueue
}

// Handle implements bus.Handler.
func (h QueueInvitationHandler) Handle(ctx context.Context, c QueueInvitation) (struct{}, error) {
	return struct{}{}, h.Queue.AddMail(ctx, application.OutgoingMail{EventID: c.EventID, SellerID: c.SellerID, PartnerID: c.PartnerID}, h.Clock.Now())
}

// SendMails sends the mails that are due. Every instance may do so: each mail is one's at a time.
type SendMails struct{}

// UnsentMail is a mail that could not be sent. GivenUp says that it is not tried again: the partner stays pending, and the
// operator can invite it once more.
type UnsentMail struct {
	EventID string
	GivenUp bool
	Err     error // holds nothing of the mail and no address
}

// SendMailsHandler handles SendMails.
type SendMailsHandler struct {
	Deps
	Secrets application.Secrets
	Portal  application.PortalReader
	Queue   application.MailQueue
	Mailer  application.Mailer
	// Base returns the address under which partners reach this server, without a slash at its end.
	Base func() string
}

const (
	mailsAtOnce = 10
	mailClaim   = 5 * time.Minute // longer than sending mailsAtOnce can take
)

// mailPauses is how long a mail waits after each failed attempt: seconds for a server that restarts, hours for a mailbox
// that is full or a server that knows nobody yet. After the last it is given up.
var mailPauses = []time.Duration{time.Second, 5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute,
	time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour}

// Handle implements bus.Handler. The error is that of the queue; what could not be sent is a result.
func (h SendMailsHandler) Handle(ctx context.Context, _ SendMails) (unsent []UnsentMail, err error) {
	now := h.Clock.Now()
	due, err := h.Queue.TakeMails(ctx, now, now.Add(mailClaim), mailsAtOnce)
	if err != nil {
		return nil, err
	}
	for _, m := range due {
		failed := h.send(ctx, m)
		switch {
		case failed == nil:
			err = h.Queue.RemoveMail(ctx, m.EventID)
		case fault.KindOf(failed) == fault.RuleViolated || m.Attempts >= len(mailPauses):
			unsent = append(unsent, UnsentMail{EventID: m.EventID, GivenUp: true, Err: failed})
			err = h.Queue.RemoveMail(ctx, m.EventID)
		default:
			unsent = append(unsent, UnsentMail{EventID: m.EventID, Err: failed})
			err = h.Queue.PostponeMail(ctx, m, h.Clock.Now().Add(mailPauses[m.Attempts]))
		}
		if err != nil {
			return unsent, err
		}
	}
	return unsent, nil
}

// send mails an invited partner a link of its own: several mails of one partner each have one, until one of them was used.
func (h SendMailsHandler) send(ctx context.Context, m application.OutgoingMail) error {
	to, err := h.Portal.ContactOf(ctx, m.SellerID, m.PartnerID)
	if errors.Is(err, partner.ErrNotFound) || err == nil && !to.Open {
		return nil // it joined or was deleted meanwhile
	}
	if err != nil {
		return err
	}
	token := h.Secrets.New()
	err = h.Work.Do(ctx, func(ctx context.Context, tx application.Tx) error {
		// Whoever revokes the partner's tokens, because its email is another now, waits for this one or is seen.
		p, err := findPartner(ctx, tx.Partners().Lock, m.SellerID, application.PartnerHandle{ID: m.PartnerID}, application.ErrConcurrentChange)
		if err != nil {
			return err
		}
		if p.Snapshot().Email != to.Email || !p.AcceptsInvitation() {
			return application.ErrConcurrentChange // tried again, with what is stored now
		}
		return tx.Tokens().Add(ctx, application.Token{Hash: application.TokenHash(token), Kind: application.InvitationToken,
			SellerID: m.SellerID, PartnerID: m.PartnerID, ExpiresAt: h.Clock.Now().Add(invitationLife)})
	})
	if err != nil {
		return err
	}
	mail, err := invitationMail(to, h.Base()+"/portal/invitations/"+token)
	if err != nil {
		return err
	}
	mail.ID = m.EventID
	return h.Mailer.Send(ctx, mail)
}

type invitation struct{ Name, Program, Link string }

var (
	invitationText = template.Must(template.New("text").Parse(`Hello {{.Name}},

{{.Program}} invites you to its partner program. Choose a password and join here:

{{.Link}}

The link works once and for 7 days. If you did not expect this mail, ignore it.
`))
	invitationHTML = htmltemplate.Must(htmltemplate.New("html").Parse(`<!DOCTYPE html>
<html lang="en"><body style="font-family: sans-serif; line-height: 1.5">
<p>Hello {{.Name}},</p>
<p>{{.Program}} invites you to its partner program.</p>
<p><a href="{{.Link}}">Choose a password and join</a></p>
<p style="color: #555">The link works once and for 7 days. If you did not expect this mail, ignore it.</p>
</body></html>
`))
)

func invitationMail(to application.PartnerContact, link string) (application.Mail, error) {
	name := strings.TrimSpace(to.Name + " " + to.Surname)
	in := invitation{Name: to.Name, Program: to.SellerName, Link: link}
	var text, html bytes.Buffer
	if err := errors.Join(invitationText.Execute(&text, in), invitationHTML.Execute(&html, in)); err != nil {
		return application.Mail{}, fmt.Errorf("write the invitation: %w", err)
	}
	return application.Mail{To: to.Email, ToName: name, Subject: to.SellerName + " invites you to its partner program",
		Text: text.String(), HTML: html.String()}, nil
}
