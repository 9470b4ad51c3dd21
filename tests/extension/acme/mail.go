package acme

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
)

// mailer sends Leadmill's mails through Acme's own mail service.
type mailer struct {
	client *http.Client
	url    string
}

func newMailer(c *http.Client, s Settings) mailer { return mailer{c, s.Mail} }

// Send implements application.Mailer. No error holds an address or a part of the mail.
func (m mailer) Send(ctx context.Context, mail application.Mail) error {
	if mail.ID == "" || mail.Text == "" && mail.HTML == "" {
		return fmt.Errorf("a mail needs an id and a text")
	}
	body, err := json.Marshal(map[string]string{"id": mail.ID, "to": mail.To, "subject": mail.Subject, "text": mail.Text})
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, m.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	response, err := m.client.Do(request)
	if err != nil {
		return application.ErrUnavailable.Because(fmt.Errorf("the mail service does not answer"))
	}
	defer func() { _ = response.Body.Close() }()
	switch {
	case response.StatusCode < 300:
		return nil
	case response.StatusCode < 500:
		return application.ErrMailRefused.Because(fmt.Errorf("the mail service answered %d", response.StatusCode))
	default:
		return application.ErrUnavailable.Because(fmt.Errorf("the mail service answered %d", response.StatusCode))
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
