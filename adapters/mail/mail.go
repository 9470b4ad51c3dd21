// Package mail sends mail: through an SMTP server, or into files for machines without one.
//
// Stability: unsupported; it may change at any time.
package mail

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	netmail "net/mail"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	gomail "github.com/wneessen/go-mail"
	"golang.org/x/net/idna"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/contact"
)

// errFrom does not repeat the value, because values of settings are never shown.
var errFrom = errors.New("must be an ASCII email address, alone or with a name: Example Leads <leads@example.com>")

// CheckFrom reports what is wrong with LEADMILL_MAIL_FROM: "leads@example.com" or "Example Leads <leads@example.com>".
func CheckFrom(from string) error {
	_, err := parseFrom(from)
	return err
}

func parseFrom(from string) (netmail.Address, error) {
	if !utf8.ValidString(from) || strings.ContainsFunc(from, breaks) {
		return netmail.Address{}, errFrom
	}
	a, err := netmail.ParseAddress(from)
	// A decoded name may hold line breaks that the raw text does not show.
	if err != nil || !isASCII(a.Address) || strings.ContainsFunc(a.Address, breaks) {
		return netmail.Address{}, errFrom
	}
	return netmail.Address{Name: oneLine(a.Name), Address: a.Address}, nil
}

// compose makes the message to send or to write, with now as its date.
func compose(from netmail.Address, m application.Mail, now time.Time) (*gomail.Msg, error) {
	switch {
	case m.ID == "":
		return nil, errors.New("a mail needs an ID")
	case m.Text == "" && m.HTML == "":
		return nil, errors.New("a mail needs a text")
	}
	to, err := recipient(m.To)
	if err != nil {
		return nil, err
	}
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(&from)
	msg.ToMailAddress(&netmail.Address{Name: oneLine(m.ToName), Address: to})
	msg.Subject(oneLine(m.Subject))
	msg.SetDateWithValue(now)
	msg.SetMessageIDWithValue(cleanID(m.ID) + from.Address[strings.LastIndexByte(from.Address, '@'):])
	// This header keeps absence notes from replying (RFC 3834, section 5).
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	if m.Text != "" {
		msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	}
	if m.HTML != "" {
		msg.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	}
	return msg, nil
}

// recipient returns an address with its domain in ASCII form. So only an address whose local part is not ASCII needs a
// server with SMTPUTF8.
func recipient(address string) (string, error) {
	email, err := contact.ParseEmail(address)
	if err != nil {
		return "", application.ErrMailRefused.Because(errors.New("the recipient is no email address"))
	}
	local, domain, _ := strings.Cut(email.String(), "@")
	if isASCII(domain) {
		return email.String(), nil
	}
	if domain, err = idna.Lookup.ToASCII(domain); err != nil {
		return "", application.ErrMailRefused.Because(errors.New("the recipient's domain is none"))
	}
	return local + "@" + domain, nil
}

// oneLine makes a text safe for a header: line breaks and control characters become spaces. Encoding would hide them from
// servers, but mail programs decode them.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if breaks(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "�"))
	return strings.Join(strings.Fields(s), " ")
}

func breaks(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}

// maxID bounds an id within a Message-ID and a file name, in bytes.
const maxID = 64

// cleanID makes an id usable in a Message-ID and in a file name. An id that must be changed for that gets a hash, which
// keeps it different from others.
func cleanID(id string) string {
	clean := strings.Map(func(r rune) rune {
		if r >= utf8.RuneSelf || !strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-", r) {
			return '-'
		}
		return r
	}, id)
	if clean == id && len(id) <= maxID {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return clean[:min(len(clean), maxID-17)] + "-" + hex.EncodeToString(sum[:8])
}
