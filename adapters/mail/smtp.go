package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	netmail "net/mail"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"github.com/leadmill/leadmill/application"
)

const (
	// sendTimeout bounds the sending of one mail, from connecting to the server's last answer.
	sendTimeout = 15 * time.Second
	// quitTimeout bounds the closing QUIT, before which the mail is delivered or refused.
	quitTimeout = time.Second
)

// logins are the ways to log in, in the order in which they are tried. With TLS none of them shows the password, and PLAIN
// works everywhere.
var logins = []gomail.SMTPAuthType{gomail.SMTPAuthPlain, gomail.SMTPAuthLogin, gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthSCRAMSHA1, gomail.SMTPAuthCramMD5}

// SMTP sends each mail over a connection of its own. It is safe for concurrent use.
type SMTP struct {
	host     string
	port     string
	implicit bool
	tls      *tls.Config
	from     netmail.Address
	clock    application.Clock
	timeout  time.Duration
	options  []gomail.Option // they hold the password in closures, not in a field that could be printed
}

var _ application.Mailer = (*SMTP)(nil)

// Option changes how an SMTP sends.
type Option func(*SMTP)

// WithTLSConfig replaces the machine's TLS configuration, for example to trust other root certificates. An empty ServerName
// becomes the URL's host.
func WithTLSConfig(c *tls.Config) Option {
	return func(s *SMTP) {
		if c != nil {
			s.tls = c.Clone()
		}
	}
}

// WithTimeout bounds the sending of one mail; 15 seconds without it.
func WithTimeout(d time.Duration) Option { return func(s *SMTP) { s.timeout = d } }

// NewSMTP returns a mailer that sends through the server of smtpURL (see CheckURL) from the address from (see CheckFrom). It
// does not connect. Its errors say which setting is wrong and why, but never show the value.
func NewSMTP(smtpURL, from string, clock application.Clock, options ...Option) (*SMTP, error) {
	srv, err := parseURL(smtpURL)
	if err != nil {
		return nil, fmt.Errorf("the SMTP URL %w", err)
	}
	sender, err := parseFrom(from)
	if err != nil {
		return nil, fmt.Errorf("the sender %w", err)
	}
	s := &SMTP{
		host: srv.host, port: strconv.Itoa(srv.port), implicit: srv.implicit, tls: &tls.Config{MinVersion: tls.VersionTLS12},
		from: sender, clock: clock, timeout: sendTimeout,
	}
	for _, option := range options {
		option(s)
	}
	if s.tls.ServerName == "" {
		s.tls.ServerName = s.host
	}
	s.options = []gomail.Option{
		gomail.WithPort(srv.port), gomail.WithTimeout(s.timeout), gomail.WithTLSConfig(s.tls),
		gomail.WithoutNoop(), gomail.WithoutRset(), // each connection sends one mail
	}
	if s.implicit {
		s.options = append(s.options, gomail.WithSSL())
	} else {
		s.options = append(s.options, gomail.WithTLSPolicy(srv.policy))
	}
	if srv.user != "" {
		s.options = append(s.options, gomail.WithUsername(srv.user), gomail.WithPassword(srv.password), gomail.WithOpportunisticSMTPAuth(logins...))
	}
	if _, err := gomail.NewClient(s.host, s.options...); err != nil {
		return nil, fmt.Errorf("prepare SMTP: %w", err)
	}
	return s, nil
}

// Send implements application.Mailer. When the server refuses the login, the sender or the connection, the error is
// application.ErrUnavailable and not ErrMailRefused: after the operator has corrected the settings, the mail can be sent.
func (s *SMTP) Send(ctx context.Context, m application.Mail) error {
	msg, err := compose(s.from, m, s.clock.Now())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()

	// The library leaves the connection open when its first steps fail, and does not watch ctx after them. The code below
	// does both.
	hangUp := func() {}
	defer func() { hangUp() }()
	dial := func(_ context.Context, network, _ string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, net.JoinHostPort(s.host, s.port))
		if err != nil {
			return nil, err
		}
		stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
		hangUp = func() { stop(); _ = conn.Close() }
		if !s.implicit {
			return conn, nil
		}
		secure := tls.Client(conn, s.tls)
		return secure, secure.HandshakeContext(ctx)
	}
	options := append(slices.Clone(s.options), gomail.WithDialContextFunc(dial))
	// A mail that does not need SMTPUTF8 must not ask for it, because the next server may not support it (RFC 6531, section
	// 3.4).
	if isASCII(msg.GetTo()[0].Address) {
		options = append(options, gomail.WithoutSMTPUTF8())
	}
	client, err := gomail.NewClient(s.host, options...)
	if err != nil {
		return fmt.Errorf("prepare SMTP: %w", err)
	}
	session, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return unavailable(ctx, reason(err))
	}
	err = client.SendWithSMTPClient(session, msg)
	goodbye(session)
	// A failure after the server accepted the mail is no error, so that the mail is not sent again.
	if err == nil || msg.IsDelivered() {
		return nil
	}
	var failed *gomail.SendError
	if !errors.As(err, &failed) {
		return unavailable(ctx, reason(err))
	}
	// The text of a SendError holds the recipient, and the server's words, which may hold it too. The codes hold nothing
	// personal.
	why := fmt.Sprintf("%s failed: the mail server answered %s", failed.Reason, strings.TrimSpace(strconv.Itoa(failed.ErrorCode())+" "+failed.EnhancedStatusCode()))
	switch {
	case failed.ErrorCode() == 0:
		return unavailable(ctx, failed.Reason.String()+" failed: the connection broke")
	case forGood(failed):
		return application.ErrMailRefused.Because(errors.New(why))
	}
	return unavailable(ctx, why)
}

// forGood reports whether a server's reply is final and about this mail (RFC 5321, section 4.2.1). Replies to MAIL FROM are
// about the sender, the codes 500 and 502 to 504 about commands, and 530 to 538 about logging in (RFC 4954, section 6).
func forGood(e *gomail.SendError) bool {
	code := e.ErrorCode()
	return code >= 500 && e.Reason != gomail.ErrSMTPMailFrom &&
		!slices.Contains([]int{500, 502, 503, 504, 530, 534, 535, 538}, code)
}

// goodbye sends QUIT. Its errors do not matter, because the mail is delivered or refused already.
func goodbye(session *smtp.Client) {
	if session.UpdateDeadline(quitTimeout) == nil {
		_ = session.Quit()
	}
}

// unavailable returns application.ErrUnavailable with its reason, which is the end of ctx if ctx has ended.
func unavailable(ctx context.Context, why string) error {
	if err := ctx.Err(); err != nil {
		return application.ErrUnavailable.Because(fmt.Errorf("no answer of the mail server in time: %w", err))
	}
	return application.ErrUnavailable.Because(errors.New(why))
}

// reason returns for the operator why connecting failed. Of the server's reply it repeats only the code, because servers
// quote logins and addresses.
func reason(err error) string {
	var answer *textproto.Error
	var certificate *tls.CertificateVerificationError
	var network *net.OpError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &answer):
		return fmt.Sprintf("connecting failed: the mail server answered %d", answer.Code)
	case errors.As(err, &certificate):
		return "connecting failed: the mail server's certificate is not valid: " + certificate.Err.Error()
	case errors.As(err, &record):
		return "connecting failed: the mail server does not begin with TLS"
	case errors.As(err, &network):
		return "connecting failed: " + network.Error()
	case errors.Is(err, io.EOF):
		return "connecting failed: the mail server closed the connection"
	case strings.HasPrefix(err.Error(), "STARTTLS mode"):
		return "connecting failed: the mail server offers no STARTTLS"
	case strings.HasPrefix(err.Error(), "server does not support SMTP AUTH"), errors.Is(err, gomail.ErrNoSupportedAuthDiscovered):
		return "connecting failed: the mail server offers no login that can be used"
	}
	return "connecting failed"
}
