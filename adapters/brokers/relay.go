package brokers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/leadmill/leadmill/application"
)

// Config is what a Relay works with.
type Config struct {
	Clock    application.Clock
	Logger   *slog.Logger
	Outbound application.Outbound // sends to sinks by HTTP
	// SellerCode returns the code of a seller, which never changes.
	SellerCode func(ctx context.Context, sellerID string) (string, error)
	// BaseURL returns where the schemas of events are served.
	BaseURL func() string
}

// Relay is a reaction that sends every event of its types to a sink. The order of an aggregate's events is that of its calls.
type Relay struct {
	sink      Sink
	config    Config
	publisher message.Publisher
	codes     sync.Map // by id of the seller

	mu      sync.Mutex
	failing map[string]time.Duration // when an event that is tried again failed last, by its id
	told    bool                     // the log was told that the sink does not take events
	since   time.Duration
}

// staleAfter is when an event that failed is thought to be tried elsewhere: here it would have been tried again long before.
const staleAfter = 3 * time.Minute

// NewRelay returns the Relay of a sink. Nothing is connected before the first event. Close it.
func NewRelay(s Sink, c Config) *Relay {
	return &Relay{sink: s, config: c, publisher: s.publisher(c), failing: map[string]time.Duration{}}
}

func (s Sink) publisher(c Config) message.Publisher {
	switch s.kind {
	case kindFile:
		return newFiles(s, c.Clock)
	case kindHTTP:
		return newHTTP(s, c.Outbound)
	case kindKafka:
		return newKafka(s)
	case kindNATS:
		return newNATS(s)
	case kindAMQP:
		return newAMQP(s)
	default:
		return newRedis(s)
	}
}

// refused is the error of a publisher for a message that the sink will never take.
type refused struct{ error }

// Unwrap returns the cause.
func (r refused) Unwrap() error { return r.error }

// patience is how long a sink may take for one event before it is tried again.
const patience = 30 * time.Second

// React implements application.Reactor. An event that the sink will never take fails as such, so that it is parked with its aggregate; every
// other error is of kind fault.Unavailable, so that the event is tried until the sink takes it.
func (r *Relay) React(ctx context.Context, e application.StoredEvent) error {
	code, err := r.sellerCode(ctx, e.SellerID)
	if err != nil {
		return err
	}
	m := newMessage(&e, code, r.config.BaseURL(), r.sink.kind == kindFile)
	within, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	m.SetContext(within)
	err = r.publisher.Publish("", m)
	var never refused
	switch {
	case err == nil:
		r.took(e.ID)
		return nil
	case errors.As(err, &never):
		r.took(e.ID)
		return fmt.Errorf("the sink will never take the event: %s", r.redact(never.error))
	case ctx.Err() != nil:
		return fmt.Errorf("send to %s: %w", r.sink.Name, ctx.Err())
	}
	text := r.redact(err)
	r.failed(e.ID, text)
	return application.ErrUnavailable.Because(errors.New(text))
}

func (r *Relay) sellerCode(ctx context.Context, id string) (string, error) {
	if code, known := r.codes.Load(id); known {
		if code, is := code.(string); is {
			return code, nil
		}
	}
	code, err := r.config.SellerCode(ctx, id)
	if err == nil {
		r.codes.Store(id, code)
	}
	return code, err
}

// redact is the text of an error without passwords.
func (r *Relay) redact(err error) string {
	text := err.Error()
	for _, secret := range r.sink.secrets() {
		text = strings.ReplaceAll(text, secret, "…")
	}
	return text
}

// failed notes that an event is tried again, and tells the log of an outage once.
func (r *Relay) failed(id, text string) {
	now := application.Elapsed(r.config.Clock)
	r.mu.Lock()
	r.forget(now)
	r.failing[id] = now
	tell := !r.told
	if tell {
		r.told, r.since = true, now
	}
	r.mu.Unlock()
	if tell {
		r.config.Logger.Warn("a sink does not take events; they wait and are tried until it does", slog.String("sink", r.sink.Name), slog.String("error", text))
	}
}

// took notes that an event is not tried again, and tells the log that an outage is over when none is.
func (r *Relay) took(id string) {
	now := application.Elapsed(r.config.Clock)
	r.mu.Lock()
	if len(r.failing) == 0 && !r.told {
		r.mu.Unlock()
		return
	}
	delete(r.failing, id)
	r.forget(now)
	over := r.told && len(r.failing) == 0
	if over {
		r.told = false
	}
	lasted := now - r.since
	r.mu.Unlock()
	if over {
		r.config.Logger.Info("a sink takes events again", slog.String("sink", r.sink.Name), slog.Duration("after", lasted.Round(time.Millisecond)))
	}
}

// forget removes events that failed long ago: another instance works on them now. The caller holds the lock.
func (r *Relay) forget(now time.Duration) {
	for id, at := range r.failing {
		if now-at > staleAfter {
			delete(r.failing, id)
		}
	}
}

// Failing is how many events this instance tries again because the sink did not take them.
func (r *Relay) Failing() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget(application.Elapsed(r.config.Clock))
	return len(r.failing)
}

// Name is that of the sink.
func (r *Relay) Name() string { return r.sink.Name }

// Close closes the connections.
func (r *Relay) Close() error { return r.publisher.Close() }

var (
	_ application.Reactor = (*Relay)(nil)
	_ io.Closer           = (*Relay)(nil)
)
