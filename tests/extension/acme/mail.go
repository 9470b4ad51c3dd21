package acme

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	netmail "net/mail"
	"strings"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
)

// mailer sends Leadmill's mails through Acme's own mail service.
type mailer struct {
	client *http.Client
	url    string
}

// letter is a mail as the service reads it. It sends one of an ID once.
type letter struct {
	ID      string `json:"id"`
	To      string `json:"to"`
	ToName  string `json:"to_name"`
	Subject string `json:"subject"`
	Text    string `json:"text"`
	HTML    string `json:"html"`
}

// line makes one line of a text: whoever names itself could write a header otherwise.
func line(text string) string { return strings.NewReplacer("\r", " ", "\n", " ").Replace(text) }

func newMailer(c *http.Client, s Settings) mailer { return mailer{c, s.Mail} }

// Send implements application.Mailer. No error holds an address or a part of the mail.
func (m mailer) Send(ctx context.Context, mail application.Mail) error {
	if mail.ID == "" || mail.Text == "" && mail.HTML == "" {
		return errors.New("a mail needs an id and a text")
	}
	if to, err := netmail.ParseAddress(mail.To); err != nil || to.Address != mail.To {
		return application.ErrMailRefused.Because(errors.New("the recipient has no address that a mail can be sent to"))
	}
	if m.url == "" {
		return application.ErrUnavailable.Because(errors.New("there is no mail service"))
	}
	body, err := json.Marshal(letter{mail.ID, mail.To, line(mail.ToName), line(mail.Subject), mail.Text, mail.HTML})
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, m.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := m.client.Do(request)
	if err != nil {
		return application.ErrUnavailable.Because(errors.New("the mail service does not answer"))
	}
	defer func() { _ = response.Body.Close() }()
	switch code := response.StatusCode; {
	case code < 300:
		return nil
	case code == http.StatusBadRequest || code == http.StatusUnprocessableEntity: // it will never take this mail
		return application.ErrMailRefused.Because(fmt.Errorf("the mail service answered %d", code))
	default:
		return application.ErrUnavailable.Because(fmt.Errorf("the mail service answered %d", code))
	}
}

// invitation writes the mail to an invited partner in Acme's own words.
type invitation struct{}

func newInvitation() invitation { return invitation{} }

// Write implements program.InvitationText.
func (invitation) Write(i program.Invitation) (application.Mail, error) {
	return application.Mail{
		Subject: "Sell with Acme",
		Text:    fmt.Sprintf("Dear %s,\n\nAcme would like to work with you. Join here: %s\n", i.Name, i.Link),
	}, nil
}
