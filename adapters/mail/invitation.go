package mail

import (
	"bytes"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"text/template"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
)

// InvitationText implements program.InvitationText in English.
type InvitationText struct{}

var _ program.InvitationText = InvitationText{}

var (
	invitationPlain = template.Must(template.New("text").Parse(`Hello {{.Name}},

{{.Program}} invites you to its partner program. Choose a password and join here:

{{.Link}}

The link works once and for {{.Days}} days. If you did not expect this mail, ignore it.
`))
	invitationHTML = htmltemplate.Must(htmltemplate.New("html").Parse(`<!DOCTYPE html>
<html lang="en"><body style="font-family: sans-serif; line-height: 1.5">
<p>Hello {{.Name}},</p>
<p>{{.Program}} invites you to its partner program.</p>
<p><a href="{{.Link}}">Choose a password and join</a></p>
<p style="color: #555">The link works once and for {{.Days}} days. If you did not expect this mail, ignore it.</p>
</body></html>
`))
)

// Write implements program.InvitationText. Its error is that of a template and holds nothing of the mail.
func (InvitationText) Write(i program.Invitation) (application.Mail, error) {
	in := struct {
		program.Invitation

		Days int
	}{i, int(i.Lasts / (24 * time.Hour))}
	var text, html bytes.Buffer
	if err := errors.Join(invitationPlain.Execute(&text, in), invitationHTML.Execute(&html, in)); err != nil {
		return application.Mail{}, fmt.Errorf("write the invitation: %w", err)
	}
	return application.Mail{Subject: i.Program + " invites you to its partner program", Text: text.String(), HTML: html.String()}, nil
}
