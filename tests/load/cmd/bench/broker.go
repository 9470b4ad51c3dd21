package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/load"
)

// broker is a NATS server in this process with a stream of all events.
type broker struct {
	server *server.Server
	client *nats.Conn
	dir    string
	port   string
}

func startBroker(to *ear) (b *broker, err error) {
	b = &broker{}
	if b.dir, err = os.MkdirTemp("", "leadmill-bench-nats-"); err != nil {
		return nil, err
	}
	if b.server, err = server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: b.dir, NoLog: true, NoSigs: true}); err != nil {
		return nil, errors.Join(err, os.RemoveAll(b.dir))
	}
	b.server.Start()
	if !b.server.ReadyForConnections(time.Minute) {
		return nil, errors.Join(errors.New("the NATS server does not start"), b.close())
	}
	if _, b.port, err = net.SplitHostPort(strings.TrimPrefix(b.server.ClientURL(), "nats://")); err != nil {
		return nil, errors.Join(err, b.close())
	}
	if b.client, err = nats.Connect(b.server.ClientURL(), nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond)); err != nil {
		return nil, errors.Join(err, b.close())
	}
	js, err := b.client.JetStream()
	if err == nil {
		_, err = js.AddStream(&nats.StreamConfig{Name: "EVENTS", Subjects: []string{"EVENTS.>"}})
	}
	if err == nil {
		_, err = b.client.Subscribe("EVENTS.>", func(m *nats.Msg) { _ = to.binary(m.Header.Get) })
	}
	if err != nil {
		return nil, errors.Join(err, b.close())
	}
	return b, nil
}

func (b *broker) setting() string {
	return "LEADMILL_EVENTS_SINK=nats://127.0.0.1:" + b.port + "/EVENTS"
}

func (b *broker) close() error {
	if b.client != nil {
		b.client.Close()
	}
	b.server.Shutdown()
	b.server.WaitForShutdown()
	return os.RemoveAll(b.dir)
}

// The case of the part outage: the broker is away while leads are sold, and there before and after.
const (
	outagePace  = 100 // leads a second
	outageStart = 10 * time.Second
	outageEnd   = 20 * time.Second // leads are still sold then
)

// restart starts the server again that was shut down, with what it had stored and at the same address.
func (b *broker) restart() error {
	port, err := strconv.Atoi(b.port)
	if err != nil {
		return err
	}
	if b.server, err = server.NewServer(&server.Options{Host: "127.0.0.1", Port: port, JetStream: true, StoreDir: b.dir, NoLog: true, NoSigs: true}); err != nil {
		return err
	}
	b.server.Start()
	if !b.server.ReadyForConnections(time.Minute) {
		return errors.New("the NATS server does not start again")
	}
	return nil
}

// interrupt takes the server away for a while, from a moment on.
func (b *broker) interrupt(ctx context.Context, after, away time.Duration) error {
	for _, step := range []struct {
		wait time.Duration
		do   func() error
	}{{after, func() error { b.server.Shutdown(); b.server.WaitForShutdown(); return nil }}, {away, b.restart}} {
		select {
		case <-time.After(step.wait):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if err := step.do(); err != nil {
			return err
		}
	}
	return nil
}

// arrived is what a stream has in the end.
type arrived struct {
	events, sold, again, disordered int64
}

// read counts what the stream of the broker has, in its order, until as many leads were sold as given.
func (b *broker) read(sold int64) (a arrived, err error) {
	js, err := b.client.JetStream()
	if err != nil {
		return a, err
	}
	all, err := js.SubscribeSync("EVENTS.>", nats.OrderedConsumer())
	if err != nil {
		return a, err
	}
	defer func() { err = errors.Join(err, all.Unsubscribe()) }()
	seen, last := map[string]bool{}, map[string]int{}
	for {
		m, err := all.NextMsg(hearPatience)
		if errors.Is(err, nats.ErrTimeout) {
			return a, fmt.Errorf("%d of %d sales came", a.sold, sold)
		}
		if err != nil {
			return a, err
		}
		if id := m.Header.Get("ce-id"); seen[id] {
			a.again++
		} else {
			seen[id] = true
			a.events++
			subject := m.Header.Get("ce-subject")
			version, err := strconv.Atoi(m.Header.Get("ce-aggregateversion"))
			if err != nil {
				return a, err
			}
			if version <= last[subject] {
				a.disordered++
			}
			last[subject] = version
			if m.Header.Get("ce-type") == soldType {
				a.sold++
			}
		}
		if meta, err := m.Metadata(); err != nil || meta.NumPending == 0 && a.sold == sold {
			return a, err
		}
	}
}

// measureOutage sells leads through an outage of a broker, and then counts what came.
func measureOutage(ctx context.Context, s settings, of build, e dbtest.Engine, dir string) (h heard, err error) {
	h.engine = e
	database, stop, err := startServer(ctx, e)
	if err != nil {
		return h, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	at, err := newSite(ctx, of, database, dir, s.batches[0], 1, load.UsualBuyers)
	if err != nil {
		return h, err
	}
	defer func() { err = errors.Join(err, at.close()) }()
	b, err := startBroker(newEar())
	if err != nil {
		return h, err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	at.settings = []string{b.setting()}
	var interrupting sync.WaitGroup
	var interrupted error
	at.setUp = func(ctx context.Context) error {
		interrupting.Go(func() { interrupted = b.interrupt(ctx, outageStart, s.outage) })
		return nil
	}
	o := s.load()
	o.PerSecond, o.Duration = outagePace, outageStart+s.outage+outageEnd
	var came arrived
	var behind time.Duration
	m, err := at.run(ctx, stint{Options: o, settled: func(_ context.Context, m *measurement) error {
		interrupting.Wait()
		if interrupted != nil {
			return interrupted
		}
		ended := time.Now()
		var err error
		came, err = b.read(m.Sold)
		behind = time.Since(ended)
		return err
	}})
	if _, err = told(fmt.Sprintf("a broker away for %s", s.outage), m, err); err != nil {
		return h, err
	}
	h.lines = []string{fmt.Sprintf("NATS away for %s at %d leads/s: %d leads sold and %d events came, %d twice, %d behind a newer one of their aggregate; read to the end %s after the last lead",
		s.outage, outagePace, came.sold, came.events, came.again, came.disordered, short(behind))}
	if came.disordered > 0 {
		return h, fmt.Errorf("%d events came behind a newer one of their aggregate", came.disordered)
	}
	return h, nil
}
