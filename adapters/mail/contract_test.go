package mail_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/adapters/mail"
	"github.com/leadmill/leadmill/tests/leadmilltest"
)

func TestSMTPContract(t *testing.T) {
	t.Parallel()
	cert, trust := certificate(t, here)
	leadmilltest.TestMailer(t, func(t *testing.T) leadmilltest.MailerUnderTest {
		r := new(relay).start(t, cert, false)
		return leadmilltest.MailerUnderTest{
			Mailer: mailer(t, "smtp://"+login+r.addr, mail.WithTLSConfig(trust)),
			Sent: func(t *testing.T) (mails []leadmilltest.Mail) {
				for _, got := range r.got() {
					mails = append(mails, read(t, got.data))
				}
				return mails
			},
		}
	})
}

func TestFileContract(t *testing.T) {
	t.Parallel()
	leadmilltest.TestMailer(t, func(t *testing.T) leadmilltest.MailerUnderTest {
		dir := t.TempDir()
		f, err := mail.NewFile(dir, sender, clock.NewManual(noon), slog.New(slog.DiscardHandler))
		require.NoError(t, err)
		return leadmilltest.MailerUnderTest{Mailer: f, Sent: func(t *testing.T) (mails []leadmilltest.Mail) {
			for _, name := range files(t, dir) {
				written, err := os.ReadFile(filepath.Join(dir, name))
				require.NoError(t, err)
				mails = append(mails, read(t, written))
			}
			return mails
		}}
	})
}
