package leadmilltest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/leadmill/leadmill/tests/dbtest/inspect"
)

// Event is a public event as the feed tells it (docs/events.md).
type Event struct {
	ID               string          `json:"id"`
	Type             string          `json:"type"`    // such as "lead.sold.v1"
	Source           string          `json:"source"`  // the seller: "/sellers/<code>"
	Subject          string          `json:"subject"` // the id of the aggregate
	Time             time.Time       `json:"time"`
	Data             json.RawMessage `json:"data"`
	Sequence         string          `json:"sequence"` // the position in the log as 20 digits
	AggregateVersion int64           `json:"aggregateversion"`
	CorrelationID    string          `json:"correlationid"`
	CausationID      string          `json:"causationid"`
}

// Position is the event's position in the log.
func (e Event) Position() int64 {
	n, _ := strconv.ParseInt(e.Sequence, 10, 64)
	return n
}

// Into reads the event's data into a struct of application/contract/eventsv1 or of the team's own.
func (e Event) Into(t testing.TB, data any) {
	t.Helper()
	if err := json.Unmarshal(e.Data, data); err != nil {
		t.Fatalf("the data of %s: %v", e.Type, err)
	}
}

// Settle waits until the log is at rest: every event has its position, and every projection and reaction has seen it, as well
// as the events that came of that. Jobs, such as the one that sends mails, are not waited for: see [MailSink.WaitFor].
func (a *App) Settle(t testing.TB) {
	t.Helper()
	db, err := a.database()
	if err != nil {
		t.Fatal(err)
	}
	Eventually(t, func() error { return inspect.Settled(context.Background(), db, a.s.consumers...) })
}

// Doctor settles and then runs the audit of the command doctor. What it finds fails the test, and so do parked events: those
// that a projection or reaction could not handle.
func (a *App) Doctor(t testing.TB) {
	t.Helper()
	a.Settle(t)
	db, err := a.database()
	if err != nil {
		t.Fatal(err)
	}
	breaches, parked, err := inspect.Doctor(context.Background(), db)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range breaches {
		t.Errorf("doctor: %s", b)
	}
	if parked > 0 {
		t.Errorf("doctor: %d events are parked", parked)
	}
}

// Events settles and returns the public events of some types, of all when none is named, of the sellers that [App.Seller] made,
// in the order of the log. What making a seller caused is among them. An unknown type ends the test.
func (a *App) Events(t testing.TB, types ...string) []Event {
	t.Helper()
	a.Settle(t)
	return a.events(t, types)
}

// WaitFor waits until there are at least n public events of a type and returns them all, in the order of the log. It does not
// settle: use it where what happens comes from a job, and Events for everything else.
func (a *App) WaitFor(t testing.TB, n int, typ string) []Event {
	t.Helper()
	var found []Event
	Eventually(t, func() error {
		if found = a.events(t, []string{typ}); len(found) < n {
			return fmt.Errorf("%d events %s, want %d", len(found), typ, n)
		}
		return nil
	})
	return found
}

// Events is App.Events for this seller alone.
func (s *Seller) Events(t testing.TB, types ...string) []Event {
	t.Helper()
	s.App.Settle(t)
	return s.events(t, types)
}

func (a *App) events(t testing.TB, types []string) (all []Event) {
	t.Helper()
	known := a.known()
	if len(known) == 0 {
		t.Fatal("leadmilltest: events are those of sellers, and this App has made none: see App.Seller")
	}
	for _, s := range known {
		all = append(all, s.events(t, types)...)
	}
	slices.SortFunc(all, func(a, b Event) int { return cmp.Compare(a.Position(), b.Position()) })
	return all
}

// events reads the feed from the beginning, with the seller's key.
func (s *Seller) events(t testing.TB, types []string) (all []Event) {
	t.Helper()
	for after := int64(0); ; {
		query := url.Values{"after": {strconv.FormatInt(after, 10)}, "limit": {"1000"}}
		if len(types) > 0 {
			query.Set("types", strings.Join(types, ","))
		}
		a := s.Program.Must(t, "GET", "/v1/events?"+query.Encode(), nil)
		var page struct {
			Data []Event `json:"data"`
			Next int64   `json:"next"`
		}
		if err := json.Unmarshal(a.Body, &page); err != nil {
			t.Fatalf("a page of the feed: %v", err)
		}
		all = append(all, page.Data...)
		if page.Next == after {
			return all
		}
		after = page.Next
	}
}
