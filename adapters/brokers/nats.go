package brokers

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/singleflight"
)

var (
	natsStream  = regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}$`)
	natsSubject = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)
)

func checkNATS(s *Sink) error {
	switch subject, given := s.options["subject"]; {
	case !natsStream.MatchString(s.path()):
		return errors.New("must name a stream behind the host, as in nats://host:4222/EVENTS")
	case given && !natsSubject.MatchString(subject):
		return errors.New("has a subject that is not words with dots between them")
	}
	return nil
}

// natsSink writes to a stream of JetStream and waits until the server has stored each event. The event's id is the message's, so that the server
// passes over what it got before.
type natsSink struct {
	servers []string
	options []nats.Option
	stream  string
	subject string // what the subjects of events begin with

	dialling singleflight.Group

	mu     sync.Mutex
	conn   *nats.Conn
	js     jetstream.JetStream
	closed bool
}

const (
	natsDial = 5 * time.Second
	natsWait = 10 * time.Second
	natsBack = 500 * time.Millisecond
)

func newNATS(s Sink) *natsSink {
	n := &natsSink{stream: s.path(), subject: s.options["subject"]}
	if n.subject == "" {
		n.subject = n.stream
	}
	for host := range strings.SplitSeq(s.target.Host, ",") {
		n.servers = append(n.servers, (&url.URL{Scheme: "nats", Host: host}).String())
	}
	n.options = []nats.Option{
		nats.Name(clientName), nats.Timeout(natsDial), nats.MaxReconnects(-1), nats.ReconnectWait(natsBack),
		nats.IgnoreAuthErrorAbort(), // a password that is refused twice is mended in the broker as well as here
		nats.ReconnectBufSize(-1),   // what waited there through an outage would come late and out of order
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}), // otherwise they are printed
	}
	if s.options["tls"] == "true" {
		n.options = append(n.options, nats.Secure(&tls.Config{MinVersion: tls.VersionTLS12}))
	}
	if u := s.target.User; u != nil {
		if password, given := u.Password(); given {
			n.options = append(n.options, nats.UserInfo(u.Username(), password))
		} else {
			n.options = append(n.options, nats.Token(u.Username()))
		}
	}
	return n
}

// connected returns the connection, nil before there is one and when the client gave it up.
func (n *natsSink) connected() (jetstream.JetStream, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return nil, errClosed
	}
	if n.conn != nil && n.conn.IsClosed() {
		return nil, nil
	}
	return n.js, nil
}

func (n *natsSink) dial() error {
	if js, err := n.connected(); js != nil || err != nil {
		return err
	}
	conn, err := nats.Connect(strings.Join(n.servers, ","), n.options...)
	if err != nil {
		return err
	}
	js, err := jetstream.New(conn)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		err = errClosed
	}
	if err != nil {
		conn.Close()
		return err
	}
	n.conn, n.js = conn, js // it connects again by itself
	return nil
}

// take returns the connection, and makes it when there is none.
func (n *natsSink) take(ctx context.Context) (jetstream.JetStream, error) {
	if js, err := n.connected(); js != nil || err != nil {
		return js, err
	}
	if err := together(ctx, &n.dialling, n.dial); err != nil {
		return nil, err
	}
	return n.connected()
}

// Publish implements message.Publisher.
func (n *natsSink) Publish(_ string, messages ...*message.Message) error {
	for _, m := range messages {
		js, err := n.take(m.Context())
		if err != nil {
			return err
		}
		err = n.send(js, m)
		if errors.Is(err, jetstream.ErrNoStreamResponse) {
			if err = n.makeStream(m.Context(), js); err == nil {
				err = n.send(js, m)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// natsTooLarge is the server's code for a message that is larger than the stream takes.
const natsTooLarge jetstream.ErrorCode = 10054

func (n *natsSink) send(js jetstream.JetStream, m *message.Message) error {
	ctx, cancel := context.WithTimeout(m.Context(), natsWait)
	defer cancel()
	out := nats.NewMsg(n.subject + "." + sellerCode(m) + "." + m.Metadata[attributeType])
	out.Data = m.Payload
	// The names are not made canonical: subscribers look for these.
	out.Header["content-type"] = []string{m.Metadata[attributeContentType]}
	for name, value := range m.Metadata {
		out.Header["ce-"+name] = []string{encode(value)}
	}
	_, err := js.PublishMsg(ctx, out, jetstream.WithMsgID(m.UUID), jetstream.WithExpectStream(n.stream), jetstream.WithRetryAttempts(0))
	var answered *jetstream.APIError
	if errors.Is(err, nats.ErrMaxPayload) || errors.As(err, &answered) && answered.ErrorCode == natsTooLarge {
		return refused{err}
	}
	return err
}

// makeStream makes the stream when there is none. One that is there stays as it is.
func (n *natsSink) makeStream(ctx context.Context, js jetstream.JetStream) error {
	ctx, cancel := context.WithTimeout(ctx, natsWait)
	defer cancel()
	_, err := js.Stream(ctx, n.stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		_, err = js.CreateStream(ctx, jetstream.StreamConfig{Name: n.stream, Subjects: []string{n.subject + ".>"}, Storage: jetstream.FileStorage})
	}
	if err != nil {
		return fmt.Errorf("no stream takes the subject, and none could be made: %w", err)
	}
	return nil
}

// Close implements message.Publisher.
func (n *natsSink) Close() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed = true
	if n.conn != nil {
		n.conn.Close()
	}
	return nil
}
