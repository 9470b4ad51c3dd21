package apptest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/fault"
)

// receiverVar tells a process where its reaction sends events.
const receiverVar = "LEADMILL_X_RECEIVER"

// Tell is the name of the reaction that sends events to a Receiver.
const Tell = "tell-receiver"

// Told is an event as a Receiver got it.
type Told struct {
	ID, Type, Aggregate string
	Version             int64
}

// Receiver is a server outside of Leadmill that a reaction tells of events: one that answers 503 is away, one that answers
// anything else but 200 refuses.
type Receiver struct {
	url string

	mu     sync.Mutex
	answer func(Told) int
	taken  []Told
	tries  int
}

// NewReceiver returns a Receiver that takes everything.
func NewReceiver(t testing.TB) *Receiver {
	t.Helper()
	r := &Receiver{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		var e Told
		if err := json.NewDecoder(q.Body).Decode(&e); err != nil || q.Header.Get("Idempotency-Key") != e.ID {
			t.Errorf("the reaction sent %+v under the key %q: %v", e, q.Header.Get("Idempotency-Key"), err)
		}
		r.mu.Lock()
		r.tries++
		answer := r.answer
		r.mu.Unlock()
		status := http.StatusOK
		if answer != nil {
			status = answer(e)
		}
		if status == http.StatusOK {
			r.mu.Lock()
			r.taken = append(r.taken, e)
			r.mu.Unlock()
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

// Setting is the setting of a process that has its reaction tell the Receiver.
func (r *Receiver) Setting() string { return receiverVar + "=" + r.url }

// Answering sets how events are answered; nil takes all.
func (r *Receiver) Answering(answer func(Told) int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
}

// Tries counts the requests so far.
func (r *Receiver) Tries() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.tries
}

// Taken returns the events that were taken, each once, in the order in which they came first. It fails the test when the
// events of an aggregate came in another order than that of their versions.
func (r *Receiver) Taken(t testing.TB) []Told {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []Told
	seen, last := map[string]bool{}, map[string]int64{}
	for _, e := range r.taken {
		if seen[e.ID] {
			continue
		}
		seen[e.ID] = true
		list = append(list, e)
		if e.Version <= last[e.Aggregate] {
			t.Errorf("version %d of %s came after version %d", e.Version, e.Aggregate, last[e.Aggregate])
		}
		last[e.Aggregate] = e.Version
	}
	return list
}

// Repeats counts the events that were taken more than once.
func (r *Receiver) Repeats() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	ids := map[string]int{}
	for _, e := range r.taken {
		ids[e.ID]++
	}
	repeats := 0
	for _, n := range ids {
		repeats += n - 1
	}
	return repeats
}

// TellTypes are the types of events that a Receiver is told of.
var TellTypes = []string{"lead.submitted.v1", "lead.pending.v1", "lead.sold.v1", "buyer.created.v1", "buyer.funded.v1"}

// Telling returns the module of a Receiver: with the reaction Tell, which begins at the log's head.
func (r *Receiver) Telling() leadmill.Module { return telling(r.url) }

// byEnvironment returns the modules of a process: that of the Receiver it was started with, and those of Next.
func byEnvironment() (modules []leadmill.Module) {
	if url := os.Getenv(receiverVar); url != "" {
		modules = append(modules, telling(url))
	}
	if os.Getenv(nextVar) != "" {
		modules = append(modules, next())
	}
	return modules
}

func telling(url string) leadmill.Module {
	return leadmill.NewModule("telling", leadmill.AsReaction(Tell, TellTypes, func() teller { return teller{url} }, leadmill.AtOnce(16)))
}

type teller struct{ url string }

var errAway = fault.New(fault.Unavailable, "receiver_away", "The receiver is away.")

// React implements application.Reactor.
func (r teller) React(ctx context.Context, e application.StoredEvent) error {
	body, err := json.Marshal(Told{ID: e.ID, Type: e.Type, Aggregate: e.AggregateID, Version: e.AggregateVersion})
	if err != nil {
		return err
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	q.Header.Set("Idempotency-Key", e.ID)
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		return errAway.Because(err)
	}
	err = a.Body.Close()
	switch {
	case a.StatusCode == http.StatusServiceUnavailable:
		return errAway
	case a.StatusCode != http.StatusOK:
		return errors.Join(fmt.Errorf("the receiver answered %d", a.StatusCode), err)
	}
	return nil
}
