package mail_test

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/adapters/mail"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/fault"
)

const here = "127.0.0.1"

func TestDelivers(t *testing.T) {
	t.Parallel()
	cert, trust := certificate(t, here)
	for name, c := range map[string]struct {
		cert     *tls.Certificate
		implicit bool
		url      string // with SERVER for its address
		user     string
		tls      bool
	}{
		"starttls with login":     {cert, false, "smtp://" + login + "SERVER", user, true},
		"starttls without login":  {cert, false, "smtp://SERVER", "", true},
		"implicit tls with login": {cert, true, "smtps://" + login + "SERVER", user, true},
		"no tls":                  {nil, false, "smtp://SERVER?tls=none", "", false},
		"no tls though offered":   {cert, false, "smtp://SERVER?tls=none", "", false},
		"opportunistic, offered":  {cert, false, "smtp://SERVER?tls=opportunistic", "", true},
		"opportunistic, not":      {nil, false, "smtp://SERVER?tls=opportunistic", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := new(relay).start(t, c.cert, c.implicit)
			m := mailer(t, strings.Replace(c.url, "SERVER", r.addr, 1), mail.WithTLSConfig(trust))
			require.NoError(t, m.Send(t.Context(), aMail()))
			got := r.got()
			require.Len(t, got, 1)
			assert.Equal(t, []any{"leads@seller.example", "john@people.example", c.user, c.tls}, []any{got[0].from, got[0].to, got[0].user, got[0].tls})
			assert.Contains(t, r.spoken(), "QUIT")
			assert.NotContains(t, fmt.Sprintf("%v %+v %#v", m, m, *m), "s3cr", "a mailer that is printed keeps its password")
		})
	}
}

func TestMessage(t *testing.T) {
	t.Parallel()
	r := new(relay).start(t, nil, false)
	m := mailer(t, "smtp://"+r.addr+"?tls=none")
	text := "Hello 👩‍👩‍👧 שלום,\n\n.\n..dots\nFrom here = there\n" + strings.Repeat("long ", 300) + "\n\tend\n"
	html := "<p dir=\"rtl\">مرحبا 🚀 &amp; =3D</p>\n" + strings.Repeat("x", 3000) + "\n"
	sent := application.Mail{
		ID: "evt_1", To: "john.o'neil+a@people.example", ToName: `מרים "O" 👩‍👩‍👧, <Inc>`,
		Subject: "Привет 🚀 " + strings.Repeat("été ", 40) + "end", Text: text, HTML: html,
	}
	require.NoError(t, m.Send(t.Context(), sent))
	require.NoError(t, m.Send(t.Context(), sent))
	got := r.got()
	require.Len(t, got, 2)
	for line := range strings.SplitSeq(string(got[0].data), "\r\n") {
		require.LessOrEqual(t, len(line), 998)
		require.NotContains(t, line, "\n")
		require.Negative(t, strings.IndexFunc(line, func(r rune) bool { return r > '~' }), "only ASCII travels")
	}
	l := read(t, got[0].data)
	assert.Equal(t, sent.To, l.To)
	assert.Equal(t, sent.ToName, l.ToName)
	assert.Equal(t, "Leadmill Ünit", l.FromName)
	assert.Equal(t, "leads@seller.example", l.From)
	assert.Equal(t, sent.Subject, l.Subject)
	assert.Equal(t, "Wed, 04 Mar 2026 12:05:06 +0000", l.Header.Get("Date"))
	assert.Equal(t, "<evt_1@seller.example>", l.Header.Get("Message-ID"))
	assert.Equal(t, "auto-generated", l.Header.Get("Auto-Submitted"))
	assert.Equal(t, []string{text, html}, []string{l.Text, l.HTML})
	assert.Less(t, strings.Index(string(got[0].data), "text/plain"), strings.Index(string(got[0].data), "text/html"), "the last part is the best one")
	assert.Equal(t, l.Header.Get("Message-ID"), read(t, got[1].data).Header.Get("Message-ID"), "the same mail again")
}

func TestOnePart(t *testing.T) {
	t.Parallel()
	r := new(relay).start(t, nil, false)
	m := mailer(t, "smtp://"+r.addr+"?tls=none")
	text, html := aMail(), aMail()
	text.HTML, html.Text = "", ""
	require.NoError(t, m.Send(t.Context(), text))
	require.NoError(t, m.Send(t.Context(), html))
	got := r.got()
	require.Len(t, got, 2)
	assert.Contains(t, string(got[0].data), "Content-Type: text/plain; charset=UTF-8\r\n\r\nFollow")
	assert.Contains(t, string(got[1].data), "Content-Type: text/html; charset=UTF-8\r\n\r\n<p>Follow")

	for _, broken := range []application.Mail{{ID: "a", To: text.To}, {To: text.To, Text: "a"}} {
		err := m.Send(t.Context(), broken)
		require.ErrorContains(t, err, "a mail needs")
		assert.Equal(t, fault.Internal, fault.KindOf(err))
	}
	assert.Len(t, r.got(), 2)
}

func TestOtherScripts(t *testing.T) {
	t.Parallel()
	r := new(relay).start(t, nil, false, func(s *smtp.Server) { s.EnableSMTPUTF8 = true })
	m := mailer(t, "smtp://"+r.addr+"?tls=none")
	for _, to := range []string{"jose@bücher.example", "josé@bücher.example"} {
		a := aMail()
		a.To = to
		require.NoError(t, m.Send(t.Context(), a))
	}
	got := r.got()
	require.Len(t, got, 2)
	assert.Equal(t, "jose@xn--bcher-kva.example", got[0].to)
	assert.False(t, got[0].utf8, "asked for only where needed")
	assert.Equal(t, "josé@xn--bcher-kva.example", got[1].to)
	assert.True(t, got[1].utf8)

	without := new(relay).start(t, nil, false)
	a := aMail()
	a.To = "josé@people.example"
	without.rcptErr = &smtp.SMTPError{Code: 553, EnhancedCode: smtp.EnhancedCode{5, 6, 7}, Message: "josé@people.example needs SMTPUTF8"}
	err := mailer(t, "smtp://"+without.addr+"?tls=none").Send(t.Context(), a)
	require.ErrorIs(t, err, application.ErrMailRefused)
	discreet(t, err)
}

func TestNoInjection(t *testing.T) {
	t.Parallel()
	r := new(relay).start(t, nil, false)
	url := "smtp://" + r.addr + "?tls=none"
	clean := mailer(t, url)
	hidden, err := mail.NewSMTP(url, "=?utf-8?q?Leads=0D=0ABcc=3A_x=40evil.example?= <leads@seller.example>", clock.NewManual(noon))
	require.NoError(t, err)
	const bcc = "\r\nBcc: x@evil.example"
	for name, c := range map[string]struct {
		mailer *mail.SMTP
		change func(*application.Mail)
		to     string
		subj   string
		from   string
	}{
		"name":             {clean, func(m *application.Mail) { m.ToName = "Eve" + bcc }, "Eve Bcc: x@evil.example", "", ""},
		"name with a body": {clean, func(m *application.Mail) { m.ToName = "Eve\r\n\r\nbody\n.\r\nQUIT" }, "Eve body . QUIT", "", ""},
		"name, encoded":    {clean, func(m *application.Mail) { m.ToName = "Évé" + bcc }, "Évé Bcc: x@evil.example", "", ""},
		"name, quoted":     {clean, func(m *application.Mail) { m.ToName = `Eve" <x@evil.example>, "` }, `Eve" <x@evil.example>, "`, "", ""},
		"name, bytes":      {clean, func(m *application.Mail) { m.ToName = "E\xffve\x00\u2028\x7f" }, "E�ve", "", ""},
		"subject":          {clean, func(m *application.Mail) { m.Subject = "Hi" + bcc }, "", "Hi Bcc: x@evil.example", ""},
		"subject, LF":      {clean, func(m *application.Mail) { m.Subject = "Hi\nBcc: x@evil.example\r\rX: y" }, "", "Hi Bcc: x@evil.example X: y", ""},
		"subject, encoded": {clean, func(m *application.Mail) { m.Subject = "Hé\r\n\r\n<b>body</b>" }, "", "Hé <b>body</b>", ""},
		"id":               {clean, func(m *application.Mail) { m.ID = "a>" + bcc }, "", "", ""},
		"sender":           {hidden, func(*application.Mail) {}, "", "", "Leads Bcc: x@evil.example"},
		"end of the data":  {clean, func(m *application.Mail) { m.Text = "a\r\n.\r\nMAIL FROM:<x@evil.example>\r\n" }, "", "", ""},
	} {
		// The cases run one after the other, because each looks at the last mail.
		a := aMail()
		c.change(&a)
		before := len(r.got())
		require.NoError(t, c.mailer.Send(t.Context(), a), name)
		got := r.got()
		require.Len(t, got, before+1, name)
		last := got[before]
		assert.Equal(t, "john@people.example", last.to, name)
		l := read(t, last.data)
		var keys []string
		for key := range l.Header {
			keys = append(keys, key)
		}
		assert.ElementsMatch(t, []string{"From", "To", "Subject", "Date", "Message-Id", "Mime-Version", "Auto-Submitted", "Content-Type"}, keys, name)
		assert.Equal(t, "john@people.example", l.To, name)
		assert.Equal(t, or(c.to, "John"), l.ToName, name)
		assert.Equal(t, or(c.subj, "Your invitation"), l.Subject, name)
		assert.Equal(t, or(c.from, "Leadmill Ünit"), l.FromName, name)
		assert.Equal(t, strings.ReplaceAll(a.Text, "\r\n", "\n"), l.Text, name)
		assert.Regexp(t, `^<[A-Za-z0-9_-]+@seller\.example>$`, l.Header.Get("Message-ID"), name)
	}

	sent := len(r.got())
	for _, to := range []string{
		"", "john", "john@people.example" + bcc, "john@people.example>\r\nRCPT TO:<x@evil.example", "john@people.example, x@evil.example",
		"John <john@people.example>", "\"john\r\n\"@people.example", "john@\u200dpeople.example", "john@a\u0300\u0301--.people.example",
	} {
		a := aMail()
		a.To = to
		err := clean.Send(t.Context(), a)
		require.ErrorIs(t, err, application.ErrMailRefused, "%q", to)
		discreet(t, err)
	}
	assert.Len(t, r.got(), sent)
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// TestNothingInTheClear has servers to which a password or a link must not go.
func TestNothingInTheClear(t *testing.T) {
	t.Parallel()
	cert, trust := certificate(t, here)
	other, otherTrust := certificate(t, "other.example")
	for name, c := range map[string]struct {
		cert     *tls.Certificate
		implicit bool
		url      string
		trust    *tls.Config
		why      string
	}{
		"no STARTTLS":                  {nil, false, "smtp://" + login, trust, "offers no STARTTLS"},
		"no STARTTLS, no login":        {nil, false, "smtp://", trust, "offers no STARTTLS"},
		"no TLS where it should begin": {nil, false, "smtps://" + login, trust, "does not begin with TLS"},
		"unknown issuer":               {cert, false, "smtp://" + login, otherTrust, "certificate is not valid"},
		"unknown issuer, implicit":     {cert, true, "smtps://" + login, otherTrust, "certificate is not valid"},
		"machine's roots":              {cert, true, "smtps://" + login, nil, "certificate is not valid"},
		"another host":                 {other, false, "smtp://" + login, otherTrust, "certificate is not valid"},
		"another host, implicit":       {other, true, "smtps://" + login, otherTrust, "certificate is not valid"},
		"another host, opportunistic":  {other, false, "smtp://", otherTrust, "certificate is not valid"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := new(relay).start(t, c.cert, c.implicit)
			url := c.url + r.addr
			if strings.Contains(name, "opportunistic") {
				url += "?tls=opportunistic"
			}
			err := mailer(t, url, mail.WithTLSConfig(c.trust)).Send(t.Context(), aMail())
			require.ErrorIs(t, err, application.ErrUnavailable)
			assert.Equal(t, fault.Unavailable, fault.KindOf(err))
			require.ErrorContains(t, fault.As(err).Unwrap(), c.why)
			discreet(t, err)
			assert.Empty(t, r.got())
			for _, word := range []string{"MAIL FROM", "AUTH PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00" + user))[:8], "john", token} {
				assert.NotContains(t, r.spoken(), word)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	cert, trust := certificate(t, here)
	// This server quotes what the client sent, as many servers do.
	says := func(code int, class int) error {
		return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{class, 1, 1}, Message: "<john@people.example> " + user + " " + password + " " + token}
	}
	for name, c := range map[string]struct {
		relay *relay
		want  *fault.Error
		why   string
	}{
		"recipient, for good":        {&relay{rcptErr: says(550, 5)}, application.ErrMailRefused, "550 5.1.1"},
		"recipient, bad form":        {&relay{rcptErr: says(501, 5)}, application.ErrMailRefused, "501 5.1.1"},
		"recipient, for now":         {&relay{rcptErr: says(451, 4)}, application.ErrUnavailable, "451 4.1.1"},
		"recipient, busy":            {&relay{rcptErr: says(450, 4)}, application.ErrUnavailable, "450"},
		"recipient, login missing":   {&relay{rcptErr: says(530, 5)}, application.ErrUnavailable, "530"},
		"recipient, out of sequence": {&relay{rcptErr: says(503, 5)}, application.ErrUnavailable, "503"},
		"sender":                     {&relay{fromErr: says(550, 5)}, application.ErrUnavailable, "MAIL FROM command failed: the mail server answered 550"},
		"sender, for now":            {&relay{fromErr: says(451, 4)}, application.ErrUnavailable, "451"},
		"content, for good":          {&relay{dataErr: says(554, 5)}, application.ErrMailRefused, "554"},
		"content, for now":           {&relay{dataErr: says(452, 4)}, application.ErrUnavailable, "452"},
		"login":                      {&relay{authErr: says(535, 5)}, application.ErrUnavailable, "535"},
		"login, for now":             {&relay{authErr: says(454, 4)}, application.ErrUnavailable, "454"},
		"connection":                 {&relay{greetErr: says(554, 5)}, application.ErrUnavailable, "554"},
		"connection, for now":        {&relay{greetErr: says(421, 4)}, application.ErrUnavailable, "421"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.relay.start(t, cert, false)
			err := mailer(t, "smtp://"+login+c.relay.addr, mail.WithTLSConfig(trust)).Send(t.Context(), aMail())
			require.ErrorIs(t, err, c.want)
			assert.Equal(t, c.want.Kind, fault.KindOf(err))
			require.ErrorContains(t, fault.As(err).Unwrap(), c.why)
			discreet(t, err)
			assert.Empty(t, c.relay.got())
		})
	}
}

func TestWrongPassword(t *testing.T) {
	t.Parallel()
	cert, trust := certificate(t, here)
	r := new(relay).start(t, cert, false)
	err := mailer(t, "smtp://u:other@"+r.addr, mail.WithTLSConfig(trust)).Send(t.Context(), aMail())
	require.ErrorIs(t, err, application.ErrUnavailable)
	require.ErrorContains(t, fault.As(err).Unwrap(), "535")
	assert.Empty(t, r.got())
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", here+":0")
	require.NoError(t, err)
	addr := l.Addr().String()
	require.NoError(t, l.Close())
	for _, url := range []string{"smtp://" + login + addr, "smtps://" + login + addr, "smtp://" + addr + "?tls=none"} {
		err := mailer(t, url).Send(t.Context(), aMail())
		require.ErrorIs(t, err, application.ErrUnavailable)
		require.ErrorContains(t, fault.As(err).Unwrap(), "connection refused")
		discreet(t, err)
	}
}

// silent accepts connections and says nothing, or what it is given to say. Connections close with the test; hung tells
// when one was made.
func silent(t *testing.T, say string) (addr string, hung <-chan struct{}) {
	t.Helper()
	l, err := net.Listen("tcp", here+":0")
	require.NoError(t, err)
	made := make(chan struct{}, 8)
	done := make(chan struct{})
	go func() {
		defer close(done)
		var conns []net.Conn
		defer func() {
			for _, c := range conns {
				_ = c.Close()
			}
		}()
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			conns = append(conns, c)
			_, _ = c.Write([]byte(say))
			made <- struct{}{}
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	return l.Addr().String(), made
}

// soon waits for something that should not take long.
func soon[T any](t *testing.T, c <-chan T) (got T) {
	t.Helper()
	select {
	case got = <-c:
	case <-time.After(3 * time.Minute): // only keeps the test from hanging
		require.Fail(t, "still not done")
	}
	return got
}

// TestHangsUp has a server whose connection must not stay open although its beginning failed.
func TestHangsUp(t *testing.T) {
	t.Parallel()
	r := &relay{gone: make(chan struct{}, 1)}
	r.start(t, nil, false)
	require.ErrorIs(t, mailer(t, "smtp://"+r.addr).Send(t.Context(), aMail()), application.ErrUnavailable)
	soon(t, r.gone)
}

func TestHangingServer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ url, say string }{
		"before greeting":       {"smtp://%s", ""},
		"after greeting":        {"smtp://%s", "220 relay.example\r\n"},
		"before handshake":      {"smtps://%s", ""},
		"in STARTTLS":           {"smtp://%s", "220 relay.example\r\n250-relay.example\r\n250 STARTTLS\r\n220 go\r\n"},
		"no TLS, in the middle": {"smtp://%s?tls=none", "220 relay.example\r\n250 relay.example\r\n250 sender\r\n250 recipient\r\n354 data\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr, hung := silent(t, c.say)
			url := fmt.Sprintf(c.url, addr)

			ctx, cancel := context.WithCancel(t.Context())
			failed := make(chan error, 1)
			m := mailer(t, url, mail.WithTimeout(time.Hour)) // only ctx ends it
			go func() { failed <- m.Send(ctx, aMail()) }()
			<-hung
			cancel()
			err := soon(t, failed)
			require.ErrorIs(t, err, application.ErrUnavailable)
			require.ErrorIs(t, err, context.Canceled)
			discreet(t, err)

			err = mailer(t, url, mail.WithTimeout(50*time.Millisecond)).Send(t.Context(), aMail())
			require.ErrorIs(t, err, application.ErrUnavailable, "its own patience ends too")
			discreet(t, err)
		})
	}
}

func TestContextEndsWhileDelivering(t *testing.T) {
	t.Parallel()
	r := &relay{inData: make(chan struct{}), release: make(chan struct{})}
	r.start(t, nil, false)
	t.Cleanup(func() { close(r.release) })
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	m := mailer(t, "smtp://"+r.addr+"?tls=none", mail.WithTimeout(time.Hour))
	go func() { failed <- m.Send(ctx, aMail()) }()
	<-r.inData
	cancel()
	err := soon(t, failed)
	require.ErrorIs(t, err, application.ErrUnavailable)
	require.ErrorIs(t, err, context.Canceled)
	discreet(t, err)
}

// A server that hangs up after it accepted the mail has it: sending again would deliver it twice.
func TestDeliveredThoughTheGoodbyeFails(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", here+":0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer func() { _ = c.Close() }()
		text := "220 r\r\n250 r\r\n250 sender\r\n250 recipient\r\n354 data\r\n"
		if _, err = c.Write([]byte(text)); err != nil {
			return
		}
		var all []byte
		for buf := make([]byte, 4096); !strings.HasSuffix(string(all), "\r\n.\r\n"); {
			n, err := c.Read(buf)
			if err != nil {
				return
			}
			all = append(all, buf[:n]...)
		}
		_, _ = c.Write([]byte("250 taken\r\n"))
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	require.NoError(t, mailer(t, "smtp://"+l.Addr().String()+"?tls=none").Send(t.Context(), aMail()))
}
