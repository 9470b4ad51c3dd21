package acme

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
	"github.com/leadmill/leadmill/tests/leadmilltest"
)

// What takes the place of a port of Leadmill keeps the contract of that port.
func TestTheMailerKeepsItsContract(t *testing.T) {
	t.Parallel()
	leadmilltest.TestMailer(t, func(t *testing.T) leadmilltest.MailerUnderTest {
		service := leadmilltest.NewHTTPSink(t)
		return leadmilltest.MailerUnderTest{
			Mailer: newMailer(newHTTPClient(), Settings{Mail: service.URL}),
			Sent:   func(t *testing.T) []leadmilltest.Mail { return delivered(t, service) },
		}
	})
}

func TestTheInvitationKeepsItsContract(t *testing.T) {
	t.Parallel()
	leadmilltest.TestInvitationText(t, func(*testing.T) program.InvitationText { return newInvitation() })
}

// delivered returns the mails that the service took.
func delivered(t *testing.T, service *leadmilltest.HTTPSink) (mails []leadmilltest.Mail) {
	t.Helper()
	for _, r := range service.Requests() {
		var l letter
		require.NoError(t, json.Unmarshal(r.Body, &l))
		if r.Status == http.StatusOK {
			mails = append(mails, leadmilltest.Mail{ID: l.ID, To: l.To, ToName: l.ToName, Subject: l.Subject, Text: l.Text, HTML: l.HTML})
		}
	}
	return mails
}

func TestWhatTheMailServiceSays(t *testing.T) {
	t.Parallel()
	service := leadmilltest.NewHTTPSink(t)
	send := func(url string) error {
		return newMailer(newHTTPClient(), Settings{Mail: url}).Send(t.Context(), application.Mail{ID: "1", To: "jane@people.example", Text: "Hello"})
	}
	for status, want := range map[int]error{
		200: nil, 202: nil, 400: application.ErrMailRefused, 422: application.ErrMailRefused,
		401: application.ErrUnavailable, 404: application.ErrUnavailable, 429: application.ErrUnavailable, 503: application.ErrUnavailable,
	} {
		service.Answer(status, "", "")
		assert.ErrorIs(t, send(service.URL), want, "%d", status)
	}
	assert.ErrorIs(t, send(""), application.ErrUnavailable, "mails wait until there is a service")
}

func TestInvitationsAreAcmes(t *testing.T) {
	t.Parallel()
	leadmilltest.EachEngine(t, func(t *testing.T, databaseURL string) {
		service := leadmilltest.NewHTTPSink(t)
		service.Fail(http.StatusServiceUnavailable, 1)
		with := settings
		with.Mail = service.URL
		app := start(t, databaseURL, with)
		assert.Contains(t, app.Logs.String(), `replaced="[application.Mailer: acme program.InvitationText: acme]"`)
		s := app.Seller(t)
		s.Program.Must(t, "POST", "/v1/partners:invite", leadmilltest.Object{"email": "jane@people.example", "name": "Jane"})

		service.WaitFor(t, 2) // the first one failed
		mails := delivered(t, service)
		require.Len(t, mails, 1)
		assert.Equal(t, []string{"jane@people.example", "Sell with Acme"}, []string{mails[0].To, mails[0].Subject})
		assert.Contains(t, mails[0].Text, "Dear Jane,")
		if links := mails[0].Links(); assert.Len(t, links, 1) {
			assert.Contains(t, links[0], app.URL+"/portal/invitations/")
		}
		assert.Empty(t, app.Mails.All(t), "Leadmill's own mailer is not used")
		app.Doctor(t)
	})
}
