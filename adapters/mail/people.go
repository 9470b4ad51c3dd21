package mail

import (
	"bytes"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"text/template"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
)

// PeopleText implements account.PersonMailText in English.
type PeopleText struct{}

var _ account.PersonMailText = PeopleText{}

var (
	joinPlain = template.Must(template.New("text").Parse(`Hello{{with .Name}} {{.}}{{end}},

{{.Seller}} invites you to its Leadmill. Join here:

{{.Link}}

The link works once and for {{.Days}} days. If you did not expect this mail, ignore it.
`))
	joinHTML = htmltemplate.Must(htmltemplate.New("html").Parse(`<!DOCTYPE html>
<html lang="en"><body style="font-family: sans-serif; line-height: 1.5">
<p>Hello{{with .Name}} {{.}}{{end}},</p>
<p>{{.Seller}} invites you to its Leadmill.</p>
<p><a href="{{.Link}}">Join</a></p>
<p style="color: #555">The link works once and for {{.Days}} days. If you did not expect this mail, ignore it.</p>
</body></html>
`))
	resetPlain = template.Must(template.New("text").Parse(`Hello{{with .Name}} {{.}}{{end}},

somebody asked for a new password of your Leadmill account. Choose one here:

{{.Link}}

The link works once and for {{.Minutes}} minutes. If it was not you, ignore this mail: your password stays as it is.
`))
	resetHTML = htmltemplate.Must(htmltemplate.New("html").Parse(`<!DOCTYPE html>
<html lang="en"><body style="font-family: sans-serif; line-height: 1.5">
<p>Hello{{with .Name}} {{.}}{{end}},</p>
<p>somebody asked for a new password of your Leadmill account.</p>
<p><a href="{{.Link}}">Choose a new password</a></p>
<p style="color: #555">The link works once and for {{.Minutes}} minutes. If it was not you, ignore this mail: your password stays as it is.</p>
</body></html>
`))
)

// WriteInvitation implements account.PersonMailText. Its error is that of a template and holds nothing of the mail.
func (PeopleText) WriteInvitation(i account.PersonInvitation) (application.Mail, error) {
	in := struct {
		account.PersonInvitation

		Days int
	}{i, int(i.Lasts / (24 * time.Hour))}
	var text, html bytes.Buffer
	if err := errors.Join(joinPlain.Execute(&text, in), joinHTML.Execute(&html, in)); err != nil {
		return application.Mail{}, fmt.Errorf("write the invitation of a person: %w", err)
	}
	return application.Mail{Subject: i.Seller + " invites you", Text: text.String(), HTML: html.String()}, nil
}

// WriteReset implements account.PersonMailText. Its error is that of a template and holds nothing of the mail.
func (PeopleText) WriteReset(r account.PersonReset) (application.Mail, error) {
	in := struct {
		account.PersonReset

		Minutes int
	}{r, int(r.Lasts / time.Minute)}
	var text, html bytes.Buffer
	if err := errors.Join(resetPlain.Execute(&text, in), resetHTML.Execute(&html, in)); err != nil {
		return application.Mail{}, fmt.Errorf("write the mail for a new password: %w", err)
	}
	return application.Mail{Subject: "Choose a new password", Text: text.String(), HTML: html.String()}, nil
}
