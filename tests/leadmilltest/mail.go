package leadmilltest

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Mail is a mail as a mail program shows it.
type Mail struct {
	ID               string // the Message-ID without its brackets
	From, To         string // addresses
	FromName, ToName string // may be empty
	Subject          string
	Text, HTML       string // the parts, with \n for line ends; a part that is not there is empty
	Header           netmail.Header
}

// links are the addresses in a text. A full stop at the end belongs to the sentence.
var links = regexp.MustCompile(`https?://[^\s"'<>]*[^\s"'<>.,;:!?)]`)

// Links returns the addresses in the plain text, in its order, or in the HTML when there is no plain text.
func (m Mail) Links() []string {
	if m.Text == "" {
		return links.FindAllString(strings.ReplaceAll(m.HTML, "&amp;", "&"), -1)
	}
	return links.FindAllString(m.Text, -1)
}

// ParseMail reads a mail as servers exchange it and as .eml files hold it. It understands one text, plain or HTML, and both as
// alternatives.
func ParseMail(data []byte) (Mail, error) {
	message, err := netmail.ReadMessage(bytes.NewReader(data))
	if err != nil {
		return Mail{}, fmt.Errorf("read a mail: %w", err)
	}
	from, err := netmail.ParseAddress(message.Header.Get("From"))
	to, err2 := netmail.ParseAddress(message.Header.Get("To"))
	subject, err3 := new(mime.WordDecoder).DecodeHeader(message.Header.Get("Subject"))
	if err := errors.Join(err, err2, err3); err != nil {
		return Mail{}, fmt.Errorf("read a mail's header: %w", err)
	}
	m := Mail{
		ID: strings.Trim(message.Header.Get("Message-ID"), "<>"), From: from.Address, FromName: from.Name, To: to.Address,
		ToName: to.Name, Subject: subject, Header: message.Header,
	}
	kind, parameters, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
	if err != nil {
		return Mail{}, fmt.Errorf("read a mail's type: %w", err)
	}
	if kind != "multipart/alternative" {
		return m, m.read(kind, message.Header.Get("Content-Transfer-Encoding"), message.Body)
	}
	for parts := multipart.NewReader(message.Body, parameters["boundary"]); ; {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) && m.Text+m.HTML != "" {
			return m, nil
		}
		if err != nil {
			return Mail{}, fmt.Errorf("read a part of a mail: %w", err)
		}
		kind, _, err := mime.ParseMediaType(part.Header.Get("Content-Type"))
		if err != nil {
			return Mail{}, fmt.Errorf("read the type of a part of a mail: %w", err)
		}
		if err := m.read(kind, part.Header.Get("Content-Transfer-Encoding"), part); err != nil {
			return Mail{}, err
		}
	}
}

// read reads one part.
func (m *Mail) read(kind, encoding string, from io.Reader) error {
	var into *string
	switch kind {
	case "text/plain":
		into = &m.Text
	case "text/html":
		into = &m.HTML
	default:
		return fmt.Errorf("a part of a mail is of type %s", kind)
	}
	switch strings.ToLower(encoding) {
	case "quoted-printable":
		from = quotedprintable.NewReader(from)
	case "base64":
		from = base64.NewDecoder(base64.StdEncoding, from)
	}
	text, err := io.ReadAll(from)
	if err != nil {
		return fmt.Errorf("read a part of a mail: %w", err)
	}
	*into = strings.ReplaceAll(string(text), "\r\n", "\n")
	return nil
}

// MailSink is the folder into which an App writes its mails: that of LEADMILL_MAIL_DIR. It stays empty when the App has a mail
// server.
type MailSink struct{ dir string }

// NewMailSink returns the sink of a folder. An App has its own: [App.Mails].
func NewMailSink(dir string) *MailSink { return &MailSink{dir} }

// All returns the mails that were written so far, the oldest first.
func (s *MailSink) All(t testing.TB) []Mail {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(s.dir, "*.eml"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(files) // a name begins with the time
	mails := make([]Mail, len(files))
	for i, file := range files {
		data, err := os.ReadFile(file)
		if err == nil {
			mails[i], err = ParseMail(data)
		}
		if err != nil {
			t.Fatalf("the mail %s: %v", filepath.Base(file), err)
		}
	}
	return mails
}

// To returns the mails to an address, the oldest first.
func (s *MailSink) To(t testing.TB, address string) []Mail {
	t.Helper()
	return slices.DeleteFunc(s.All(t), func(m Mail) bool { return m.To != address })
}

// WaitFor waits until there are at least n mails to an address and returns them, the oldest first. A job sends them, every
// few seconds.
func (s *MailSink) WaitFor(t testing.TB, n int, address string) []Mail {
	t.Helper()
	var found []Mail
	Eventually(t, func() error {
		if found = s.To(t, address); len(found) < n {
			return fmt.Errorf("%d mails to %s, want %d", len(found), address, n)
		}
		return nil
	})
	return found
}
