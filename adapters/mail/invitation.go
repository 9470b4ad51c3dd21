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

var (
	joinedPlain = template.Must(template.New("text").Parse(`Hello {{.Name}},

sign in to the partner program of {{.Program}} here:

{{.Link}}

The link works once and for {{.Hours}} hours. If you did not expect this mail, ignore it.
`))
	joinedHTML = htmltemplate.Must(htmltemplate.New("html").Parse(`<!DOCTYPE html>
<html lang="en"><body style="font-family: sans-serif; line-height: 1.5">
<p>Hello {{.Name}},</p>
<p>You take part in the partner program of {{.Program}}.</p>
<p><a href="{{.Link}}">Sign in</a></p>
<p style="color: #555">The link works once and for {{.Hours}} hours. If you did not expect this mail, ignore it.</p>
</body></html>
`))
	signedUpPlain = template.Must(template.New("text").Parse(`Hello {{.Name}},

you signed up for the partner program of {{.Program}}. Choose a password and join here:

{{.Link}}

The link works once and for {{.Days}} days. If it was not you who signed up, ignore this mail: nothing happens then.
`))
	signedUpHTML = htmltemplate.Must(htmltemplate.New("html").Parse(`<!DOCTYPE html>
<html lang="en"><body style="font-family: sans-serif; line-height: 1.5">
<p>Hello {{.Name}},</p>
<p>You signed up for the partner program of {{.Program}}.</p>
<p><a href="{{.Link}}">Choose a password and join</a></p>
<p style="color: #555">The link works once and for {{.Days}} days. If it was not you who signed up, ignore this mail: nothing happens then.</p>
</body></html>
`))
)

// Write implements program.InvitationText. Its error is that of a template and holds nothing of the mail.
func (InvitationText) Write(i program.Invitation) (application.Mail, error) {
	in := struct {
		program.Invitation

		Days, Hours int
	}{i, int(i.Lasts / (24 * time.Hour)), int(i.Lasts / time.Hour)}
	subject, plain, marked := i.Program+" invites you to its partner program", invitationPlain, invitationHTML
	switch {
	case i.Joined:
		subject, plain, marked = "Sign in to the partner program of "+i.Program, joinedPlain, joinedHTML
	case i.SignedUp:
		subject, plain, marked = "Your place in the partner program of "+i.Program, signedUpPlain, signedUpHTML
	}
	var text, html bytes.Buffer
	if err := errors.Join(plain.Execute(&text, in), marked.Execute(&html, in)); err != nil {
		return application.Mail{}, fmt.Errorf("write the invitation: %w", err)
	}
	return application.Mail{Subject: subject, Text: text.String(), HTML: html.String()}, nil
}
