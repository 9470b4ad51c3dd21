package mail_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/adapters/mail"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/tests/leadmilltest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	user     = "mill@relay.example"
	password = "s3cr:t/@pass"
	login    = "mill%40relay.example:s3cr%3At%2F%40pass@"
	sender   = "Leadmill Ünit <leads@seller.example>"
	token    = "TOKENTOKENTOKEN"
)

var noon = time.Date(2026, 3, 4, 12, 5, 6, 789_000_000, time.UTC)

func aMail() application.Mail {
	return application.Mail{
		ID: "evt_01JABCDEFGHJKMNPQRSTVWXYZ0", To: "john@people.example", ToName: "John",
		Subject: "Your invitation", Text: "Follow https://leads.example/" + token + "\n", HTML: "<p>Follow " + token + "</p>\n",
	}
}

// received is one mail as the server got it, and how.
type received struct {
	from, to, user string
	tls            bool
	utf8           bool
	data           []byte
}

// relay is a mail server in the test. Its errors are set before it starts.
type relay struct {
	addr                                string
	greetErr, authErr, fromErr, rcptErr error
	dataErr                             error
	inData                              chan struct{} // when not nil, told that a mail's data has come; the answer waits for release
	release                             chan struct{}
	gone                                chan struct{} // when not nil, told that a connection ended

	mu    sync.Mutex
	mails []received
	wire  bytes.Buffer
}

// Write collects what goes over the wire, both ways.
func (r *relay) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.wire.Write(p)
}

func (r *relay) got() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.mails
}

func (r *relay) spoken() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.wire.String()
}

type session struct {
	relay *relay
	conn  *smtp.Conn
	mail  received
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, name, pass string) error {
		if s.relay.authErr != nil {
			return s.relay.authErr
		}
		if name != user || pass != password {
			return smtp.ErrAuthFailed
		}
		s.mail.user = name
		return nil
	}), nil
}

func (s *session) Mail(from string, o *smtp.MailOptions) error {
	s.mail.from, s.mail.utf8 = from, o.UTF8
	_, s.mail.tls = s.conn.TLSConnectionState()
	return s.relay.fromErr
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.mail.to = to
	return s.relay.rcptErr
}

func (s *session) Data(r io.Reader) (err error) {
	if s.mail.data, err = io.ReadAll(r); err != nil {
		return err
	}
	if s.relay.inData != nil {
		s.relay.inData <- struct{}{}
		<-s.relay.release
	}
	if s.relay.dataErr != nil {
		return s.relay.dataErr
	}
	s.relay.mu.Lock()
	defer s.relay.mu.Unlock()
	s.relay.mails = append(s.relay.mails, s.mail)
	return nil
}

func (s *session) Reset() {}

func (s *session) Logout() error {
	if s.relay.gone != nil {
		s.relay.gone <- struct{}{}
	}
	return nil
}

// start serves r. With implicit, cert is used from the first byte, else it is offered by STARTTLS; nil is no TLS.
func (r *relay) start(t *testing.T, cert *tls.Certificate, implicit bool, also ...func(*smtp.Server)) *relay {
	t.Helper()
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return &session{relay: r, conn: c}, r.greetErr
	}))
	server.Domain, server.Debug, server.ErrorLog = "relay.example", r, log.New(io.Discard, "", 0)
	server.AllowInsecureAuth = true // the client must not send a password in the clear even when the server allows it
	for _, f := range also {
		f(server)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	r.addr = l.Addr().String()
	if cert != nil {
		config := &tls.Config{Certificates: []tls.Certificate{*cert}}
		if implicit {
			l = tls.NewListener(l, config)
		} else {
			server.TLSConfig = config
		}
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(l) // ends with the listener
	}()
	t.Cleanup(func() {
		_ = server.Close()
		_ = l.Close() // a server that has not started yet does not know its listener
		<-served
	})
	return r
}

// certificate makes a self-signed certificate for a host, and the roots that know it.
func certificate(t *testing.T, host string) (*tls.Certificate, *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	if ip := net.ParseIP(host); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{host}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	leaf, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, &tls.Config{RootCAs: roots}
}

func mailer(t *testing.T, url string, options ...mail.Option) *mail.SMTP {
	t.Helper()
	m, err := mail.NewSMTP(url, sender, clock.NewManual(noon), options...)
	require.NoError(t, err)
	return m
}

// discreet fails when an error of a chain holds anything of the mail or the settings.
func discreet(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	text := fmt.Sprintf("%v %+v %q", err, err, err)
	for _, secret := range []string{password, "s3cr", user, "john", "people.example", "John", "leads@seller", token, "invitation"} {
		assert.NotContains(t, text, secret)
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range many.Unwrap() {
			discreet(t, e)
		}
	}
	discreet(t, errors.Unwrap(err))
}

// read reads a mail that was sent.
func read(t *testing.T, data []byte) leadmilltest.Mail {
	t.Helper()
	m, err := leadmilltest.ParseMail(data)
	require.NoError(t, err)
	return m
}
