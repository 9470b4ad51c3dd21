package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"strings"
	"text/template"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/partner"
)

// SendInvitation mails an invited partner the link by which it accepts. It reacts to partner.invited.v1 and may come more
// than once for one invitation: every mail has a link of its own that works until one of them was used.
type SendInvitation struct {
	EventID, SellerID, PartnerID string
}

// SendInvitationHandler handles SendInvitation.
type SendInvitationHandler struct {
	Deps
	Secrets application.Secrets
	Portal  application.PortalReader
	Mailer  application.Mailer
	// Base returns the address under which partners reach this server, without a slash at its end.
	Base func() string
}

// Handle implements bus.Handler. Errors: of kind fault.Unavailable when the mail can go out later. An address that is refused
// for good is not an error worth trying again: the operator sees a partner that stays pending.
func (h SendInvitationHandler) Handle(ctx context.Context, c SendInvitation) (struct{}, error) {
	to, err := h.Portal.ContactOf(ctx, c.SellerID, c.PartnerID)
	if errors.Is(err, partner.ErrNotFound) || err == nil && !to.Open {
		return struct{}{}, nil
	}
	if err != nil {
		return struct{}{}, err
	}
	token := h.Secrets.New()
	err = h.Work.Do(ctx, func(ctx context.Context, tx application.Tx) error {
		return tx.Tokens().Add(ctx, application.Token{Hash: application.TokenHash(token), Kind: application.InvitationToken,
			SellerID: c.SellerID, PartnerID: c.PartnerID, ExpiresAt: h.Clock.Now().Add(invitationLife)})
	})
	if err != nil {
		return struct{}{}, err
	}
	mail, err := invitationMail(to, h.Base()+"/portal/invitations/"+token)
	if err != nil {
		return struct{}{}, err
	}
	mail.ID = c.EventID
	if err := h.Mailer.Send(ctx, mail); err != nil && fault.KindOf(err) != fault.RuleViolated {
		return struct{}{}, err
	}
	return struct{}{}, nil
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
