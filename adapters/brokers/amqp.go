package brokers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	amqp "github.com/rabbitmq/amqp091-go"
	"golang.org/x/sync/singleflight"
)

// defaultExchange is the exchange of a sink that names none.
const defaultExchange = "leadmill.events"

func checkAMQP(s *Sink) error {
	if _, err := amqp.ParseURI(s.target.String()); err != nil {
		return errors.New("must be a URL such as amqp://user:password@host:5672/?exchange=events&queue=events")
	}
	return nil
}

// rabbit publishes to a durable topic exchange, under the type of the event: persistent messages, which the broker confirms when every queue that they
// are routed to has them, and returns when there is none.
type rabbit struct {
	url             string
	exchange, queue string

	dialling singleflight.Group

	mu     sync.Mutex
	conn   *amqp.Connection
	wire   net.Conn // below conn
	closed bool
	free   []*rabbitChannel // of conn
}

// rabbitChannel is a channel that one message at a time is on: so what is returned, or closes the channel, is about that one.
type rabbitChannel struct {
	*amqp.Channel

	conn    *amqp.Connection
	wire    net.Conn
	returns chan amqp.Return
	closes  chan *amqp.Error
}

const (
	rabbitDial  = 5 * time.Second
	rabbitBeat  = 10 * time.Second
	rabbitLeave = time.Second
	rabbitNone  = 404 // NOT_FOUND
	rabbitWrong = 406 // PRECONDITION_FAILED
)

var (
	errUnrouted    = errors.New("no queue is bound to the exchange for events of this type")
	errUnconfirmed = errors.New("the broker did not confirm the message")
)

func newAMQP(s Sink) *rabbit {
	r := &rabbit{url: s.target.String(), exchange: s.options["exchange"], queue: s.options["queue"]}
	if r.exchange == "" {
		r.exchange = defaultExchange
	}
	return r
}

// Publish implements message.Publisher.
func (r *rabbit) Publish(_ string, messages ...*message.Message) error {
	for _, m := range messages {
		c, err := r.take(m.Context())
		if err != nil {
			return err
		}
		if err := r.send(m.Context(), c, m); err != nil {
			if !errors.Is(err, errUnrouted) {
				c.leave() // something of this message may still come
				return err
			}
			r.give(c)
			return err
		}
		r.give(c)
	}
	return nil
}

func (r *rabbit) send(ctx context.Context, c *rabbitChannel, m *message.Message) error {
	headers := amqp.Table{}
	for name, value := range m.Metadata {
		if name != attributeContentType {
			headers["cloudEvents_"+name] = value
		}
	}
	uncut := cut(ctx, c.wire)
	confirmation, err := c.PublishWithDeferredConfirmWithContext(ctx, r.exchange, m.Metadata[attributeType], true, false, amqp.Publishing{
		Headers: headers, ContentType: m.Metadata[attributeContentType], DeliveryMode: amqp.Persistent, MessageId: m.UUID, Type: m.Metadata[attributeType],
		AppId: clientName, Body: m.Payload,
	})
	uncut()
	if err != nil {
		return err
	}
	confirmed, err := confirmation.WaitContext(ctx)
	if err != nil {
		return err
	}
	// What the broker sent before the confirmation is there by now.
	select {
	case <-c.returns:
		return errUnrouted
	case err := <-c.closes:
		if err != nil && err.Code == rabbitWrong && strings.Contains(err.Reason, "larger than configured max size") {
			return refused{errors.New("the message is larger than the broker takes")}
		}
		if err != nil {
			return err
		}
		return errUnconfirmed
	default:
	}
	if !confirmed {
		return errUnconfirmed
	}
	return nil
}

// take returns a channel that nobody uses.
func (r *rabbit) take(ctx context.Context) (*rabbitChannel, error) {
	if !r.connected() {
		if err := together(ctx, &r.dialling, r.dial); err != nil {
			return nil, err
		}
	}
	c, conn, wire, err := r.unused()
	if c != nil || err != nil {
		return c, err
	}
	defer cut(ctx, wire)()
	raw, err := conn.Channel()
	if err != nil {
		return nil, err
	}
	if err := raw.Confirm(false); err != nil {
		return nil, errors.Join(err, raw.Close())
	}
	return &rabbitChannel{
		Channel: raw, conn: conn, wire: wire, returns: raw.NotifyReturn(make(chan amqp.Return, 1)), closes: raw.NotifyClose(make(chan *amqp.Error, 1)),
	}, nil
}

// unused returns a channel that was used before, or else the connection to open one on.
func (r *rabbit) unused() (*rabbitChannel, *amqp.Connection, net.Conn, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closed:
		return nil, nil, nil, errClosed
	case r.conn == nil:
		return nil, nil, nil, amqp.ErrClosed
	}
	for len(r.free) > 0 {
		c := r.free[len(r.free)-1]
		r.free = r.free[:len(r.free)-1]
		if !c.IsClosed() {
			return c, nil, nil, nil
		}
	}
	return nil, r.conn, r.wire, nil
}

// cut closes a connection when ctx ends before uncut is called: what is written to a broker that does not read waits without end otherwise.
func cut(ctx context.Context, wire net.Conn) (uncut func() bool) {
	return context.AfterFunc(ctx, func() { _ = wire.Close() })
}

// leave closes a channel beside all else, and its connection when the broker does not answer.
func (c *rabbitChannel) leave() {
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), rabbitLeave)
		defer cancel()
		defer cut(ctx, c.wire)()
		_ = c.Close()
	}()
}

func (r *rabbit) connected() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.conn != nil && !r.conn.IsClosed()
}

func (r *rabbit) give(c *rabbitChannel) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.conn != r.conn || r.closed || c.IsClosed() {
		c.leave()
		return
	}
	r.free = append(r.free, c)
}

// dial connects, and makes the exchange and the queue that are not there.
func (r *rabbit) dial() error {
	if r.connected() {
		return nil
	}
	var wire net.Conn
	conn, err := amqp.DialConfig(r.url, amqp.Config{
		Heartbeat: rabbitBeat, Locale: "en_US", Properties: amqp.Table{"connection_name": clientName},
		Dial: func(network, address string) (c net.Conn, err error) {
			wire, err = amqp.DefaultDial(rabbitDial)(network, address)
			return wire, err
		},
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), rabbitDial)
	defer cancel()
	defer cut(ctx, wire)()
	if err := r.declare(conn); err != nil {
		return errors.Join(err, conn.Close())
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return errors.Join(errClosed, conn.Close())
	}
	r.conn, r.wire, r.free = conn, wire, nil
	return nil
}

func (r *rabbit) declare(conn *amqp.Connection) error {
	steps := []struct {
		what        string
		there, make func(c *amqp.Channel) error
	}{{
		"the exchange",
		func(c *amqp.Channel) error {
			return c.ExchangeDeclarePassive(r.exchange, amqp.ExchangeTopic, true, false, false, false, nil)
		},
		func(c *amqp.Channel) error {
			return c.ExchangeDeclare(r.exchange, amqp.ExchangeTopic, true, false, false, false, nil)
		},
	}, {
		"the queue",
		func(c *amqp.Channel) error {
			_, err := c.QueueDeclarePassive(r.queue, true, false, false, false, nil)
			return err
		},
		func(c *amqp.Channel) error {
			_, err := c.QueueDeclare(r.queue, true, false, false, false, nil)
			return err
		},
	}, {"the queue's binding", nil, func(c *amqp.Channel) error { return c.QueueBind(r.queue, "#", r.exchange, false, nil) }}}
	if r.queue == "" {
		steps = steps[:1]
	}
	for _, step := range steps {
		err := errors.New("")
		if step.there != nil {
			err = within(conn, step.there)
			var answered *amqp.Error
			if err != nil && (!errors.As(err, &answered) || answered.Code != rabbitNone) {
				return fmt.Errorf("look for %s: %w", step.what, err)
			}
		}
		if err != nil {
			if err := within(conn, step.make); err != nil {
				return fmt.Errorf("make %s: %w", step.what, err)
			}
		}
	}
	return nil
}

// together runs connect once for all who come while it runs.
func together(ctx context.Context, all *singleflight.Group, connect func() error) error {
	select {
	case done := <-all.DoChan("", func() (any, error) { return nil, connect() }):
		return done.Err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// within calls do with a channel of its own, because what fails closes the channel.
func within(conn *amqp.Connection, do func(c *amqp.Channel) error) error {
	c, err := conn.Channel()
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	return do(c)
}

// Close implements message.Publisher.
func (r *rabbit) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed, r.free = true, nil
	if r.conn == nil || r.conn.IsClosed() {
		return nil
	}
	done := make(chan struct{})
	go func() {
		_ = r.conn.Close() // fails on a connection that was cut or lost: nothing waits for it any more
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(rabbitLeave): // a broker that hangs
	}
	return nil
}
