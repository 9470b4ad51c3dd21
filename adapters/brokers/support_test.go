package brokers_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/leadmill/leadmill/adapters/brokers"
	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/fault"
)

var noon = time.Date(2026, 5, 2, 12, 0, 0, 123456000, time.UTC)

// logged collects a log.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) count(what string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), what)
}

// relayTo returns a relay to the one sink of a setting.
func relayTo(t *testing.T, setting string, log io.Writer, outbound application.Outbound, now application.Clock) *brokers.Relay {
	t.Helper()
	parsed, err := brokers.Parse(setting)
	if err != nil || len(parsed) != 1 {
		t.Fatalf("%d sinks: %v", len(parsed), err)
	}
	if now == nil {
		now = clock.NewSystem()
	}
	if log == nil {
		log = io.Discard
	}
	r := brokers.NewRelay(parsed[0], brokers.Config{
		Clock: now, Logger: slog.New(slog.NewTextHandler(log, nil)), Outbound: outbound,
		SellerCode: func(_ context.Context, id string) (string, error) { return strings.ToUpper(id), nil },
		BaseURL:    func() string { return "https://leads.example.com" },
	})
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// anEvent is the n-th event of an aggregate.
func anEvent(aggregate string, n int) application.StoredEvent {
	return application.StoredEvent{Position: int64(n), EventRecord: application.EventRecord{
		ID: fmt.Sprintf("evt_%s_%d", aggregate, n), SellerID: "acme1234", AggregateType: "lead", AggregateID: aggregate, AggregateVersion: int64(n),
		Type: "lead.sold.v1", Payload: fmt.Appendf(nil, `{"lead_id":%q,"n":%d}`, aggregate, n), OccurredAt: noon,
		Trail: application.Trail{CorrelationID: `a "b" 50% ü`},
	}}
}

// attributes are those of anEvent("lead_1", 2), as text.
var attributes = map[string]string{
	"specversion": "1.0", "id": "evt_lead_1_2", "source": "/sellers/ACME1234", "type": "lead.sold.v1", "subject": "lead_1", "time": "2026-05-02T12:00:00.123456Z",
	"dataschema": "https://leads.example.com/schemas/lead.sold.v1.json", "sequence": "00000000000000000002", "aggregateversion": "2",
	"correlationid": `a "b" 50% ü`,
}

const (
	payload = `{"lead_id":"lead_1","n":2}`
	encoded = "a%20%22b%22%2050%25%20%C3%BC" // the correlation id in a header
)

// send is what the event log does with an event: again until it is taken or will never be.
func send(ctx context.Context, r *brokers.Relay, e application.StoredEvent) error {
	for {
		err := r.React(ctx, e)
		if err == nil || fault.KindOf(err) != fault.Unavailable || ctx.Err() != nil {
			return err
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

// sendAll sends events 1 to n of aggregates, those of one after one another.
func sendAll(t *testing.T, r *brokers.Relay, aggregates, from, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var lanes sync.WaitGroup
	for a := range aggregates {
		lanes.Go(func() {
			for i := from; i < from+n; i++ {
				if err := send(ctx, r, anEvent(fmt.Sprintf("lead_%d", a+1), i)); err != nil {
					t.Errorf("event %d: %v", i, err)
					return
				}
			}
		})
	}
	lanes.Wait()
}

// arrived checks that events 1 to n of each aggregate came in order; an event that comes again has the same id.
func arrived(t *testing.T, ids []string, aggregates, n int) {
	t.Helper()
	last := map[string]int{}
	seen := map[string]bool{}
	for _, id := range ids {
		if seen[id] {
			continue
		}
		seen[id] = true
		at := strings.LastIndex(id, "_")
		var i int
		if _, err := fmt.Sscan(id[at+1:], &i); err != nil || i != last[id[:at]]+1 {
			t.Errorf("%s came behind number %d: %v", id, last[id[:at]], err)
		}
		last[id[:at]] = i
	}
	if len(seen) != aggregates*n {
		t.Errorf("%d events came, want %d", len(seen), aggregates*n)
	}
}

// eventually waits for a condition.
func eventually(t *testing.T, condition func() error) {
	t.Helper()
	var err error
	for range 1500 {
		if err = condition(); err == nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal(err)
}
