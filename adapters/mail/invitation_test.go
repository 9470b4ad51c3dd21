package mail_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/mail"
	"github.com/leadmill/leadmill/application/program"
	"github.com/leadmill/leadmill/tests/leadmilltest"
)

func TestInvitationText(t *testing.T) {
	t.Parallel()
	m, err := mail.InvitationText{}.Write(program.Invitation{
		Name: "Jane <b>", Surname: "Doe", Program: "Tom & Co",
		Link: "https://example.com/portal/invitations/abc", Lasts: 7 * 24 * time.Hour,
	})
	require.NoError(t, err)
	assert.Equal(t, "Tom & Co invites you to its partner program", m.Subject)
	assert.Contains(t, m.Text, "Hello Jane <b>,\n\nTom & Co invites you")
	assert.Contains(t, m.Text, "\nhttps://example.com/portal/invitations/abc\n")
	assert.Contains(t, m.Text, "once and for 7 days")
	assert.Contains(t, m.HTML, "<p>Hello Jane &lt;b&gt;,</p>")
	assert.Contains(t, m.HTML, `<a href="https://example.com/portal/invitations/abc">`)

	leadmilltest.TestInvitationText(t, func(*testing.T) program.InvitationText { return mail.InvitationText{} })
}
