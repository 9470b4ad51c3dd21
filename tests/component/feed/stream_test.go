package feed_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

// reader follows a stream as an EventSource does: it reads blocks, remembers the last id, and comes back with it.
type reader struct {
	key, query string
	last       string // the last id
	events     []event
	blocks     int
}

type event struct {
	ID, Type, Source, Subject, Sequence string
	at                                  string // the id of its block
}

// read follows the stream at a server until it ends, or until there is enough. An answer that is no stream is an error.
func (r *reader) read(ctx context.Context, url string, enough func() bool) error {
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/v1/events/stream"+r.query, nil)
	if err != nil {
		return err
	}
	q.Header.Set("Authorization", "Bearer "+r.key)
	q.Header.Set("Accept", "text/event-stream")
	q.Header.Set("Cache-Control", "no-cache")
	if r.last != "" {
		q.Header.Set("Last-Event-ID", r.last)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	a, err := client.Do(q)
	if err != nil {
		return err
	}
	defer func() { _ = a.Body.Close() }()
	if a.StatusCode != http.StatusOK || a.Header.Get("Content-Type") != "text/event-stream" {
		text, _ := io.ReadAll(a.Body)
		return fmt.Errorf("answered %d %s", a.StatusCode, text)
	}
	id, data := r.last, ""
	lines := bufio.NewScanner(a.Body)
	lines.Buffer(nil, 1<<20)
	for !enough() && lines.Scan() {
		switch field, value, _ := strings.Cut(lines.Text(), ": "); field {
		case "id":
			id = value
		case "data":
			data = value
		case "": // the end of a block, before which nothing counts
			if strings.HasPrefix(lines.Text(), ":") {
				continue
			}
			r.last = id
			r.blocks++
			if data == "" {
				continue
			}
			e := event{at: id}
			if err := json.Unmarshal([]byte(data), &e); err != nil {
				return fmt.Errorf("%w: %s", err, data)
			}
			r.events, data = append(r.events, e), ""
		}
	}
	if enough() {
		return nil
	}
	return io.ErrUnexpectedEOF
}

// Events come in order and exactly once, over many connections, while they happen and the server is stopped and started again; a reader that
// begins at the head and one with a filter get theirs, and nobody gets those of another seller.
func TestStreamsOverRestarts(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{})
		s := apptest.NewShop(t, app, nil, apptest.Rich)
		other := apptest.NewShop(t, app, nil, apptest.Rich)
		key, _ := s.Program.Must(t, "POST", "/v1/api-keys", apptest.Object{"scope": "events", "name": "reader"}).Data(t)["key"].(string)
		apptest.Open(t, databaseURL).Settle()
		ctx, cancel := context.WithTimeout(t.Context(), apptest.Patience)
		defer cancel()

		var mu sync.Mutex // what is at the moment
		at, final := app.URL, ""
		var all sync.WaitGroup
		readers := []*reader{{key: key, query: "?after=0"}, {key: key, query: "?after=0&types=lead.sold.v1"}, {key: s.Program.Key}}
		begun := make(chan struct{})
		for n, r := range readers {
			all.Go(func() {
				told := false
				for ctx.Err() == nil {
					mu.Lock()
					url := at
					mu.Unlock()
					connected := len(r.events)
					// A connection now and then ends by itself, at every event in turn.
					err := r.read(ctx, url, func() bool {
						if n == 2 && r.blocks > 0 && !told {
							told = true
							close(begun)
						}
						mu.Lock()
						defer mu.Unlock()
						if final != "" && len(r.events) > 0 && r.events[len(r.events)-1].Subject == final && r.events[len(r.events)-1].Type == "lead.sold.v1" {
							return true
						}
						return len(r.events) >= connected+5+n
					})
					mu.Lock()
					done := final != "" && len(r.events) > 0 && r.events[len(r.events)-1].Subject == final && r.events[len(r.events)-1].Type == "lead.sold.v1"
					mu.Unlock()
					if done {
						return
					}
					if err != nil {
						select { // the server is away
						case <-ctx.Done():
						case <-time.After(10 * time.Millisecond):
						}
					}
				}
				t.Errorf("reader %d has %d events and not the last", n, len(r.events))
			})
		}
		<-begun
		for range 3 {
			for range 8 {
				s.Supplier.At(app).Must(t, "POST", "/api/leads", s.Form())
				other.Supplier.At(app).Must(t, "POST", "/api/leads", other.Form())
			}
			app.Stop(t)
			app = apptest.Start(t, databaseURL, leadmill.StartOptions{})
			mu.Lock()
			at = app.URL
			mu.Unlock()
		}
		last := s.Supplier.At(app).Must(t, "POST", "/api/leads", s.Form()).Lead().ID
		mu.Lock()
		final = last
		mu.Unlock()
		// A reader that has it already looks again only at the next event.
		for range 10 {
			other.Supplier.At(app).Must(t, "POST", "/api/leads", other.Form())
		}
		all.Wait()

		log := fullFeed(t, s.Program.At(app))
		var sales, sinceStart []event
		for _, e := range log {
			if e.Type == "lead.sold.v1" {
				sales = append(sales, e)
			}
		}
		if got := readers[2].events; len(got) > 0 {
			for i, e := range log {
				if e.ID == got[0].ID {
					sinceStart = log[i:]
				}
			}
		}
		for n, want := range [][]event{log, sales, sinceStart} {
			compare(t, fmt.Sprint("reader ", n), readers[n].events, want)
		}
		if len(sinceStart) != 2*25 {
			t.Errorf("from the head on there were %d events, want 50", len(sinceStart))
		}
		for _, r := range readers {
			for _, e := range r.events {
				if e.Source != "/sellers/"+s.Code {
					t.Errorf("an event of %s", e.Source)
				}
			}
		}
	})
}

// fullFeed is the whole log of a seller.
func fullFeed(t *testing.T, c *apptest.Client) (log []event) {
	t.Helper()
	var page struct{ Data []event }
	if err := json.Unmarshal(c.Must(t, "GET", "/v1/events?limit=1000", nil).Body, &page); err != nil {
		t.Fatal(err)
	}
	return page.Data
}

func compare(t *testing.T, who string, got, want []event) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			t.Errorf("%s lacks %d events from %v on", who, len(want)-i, want[i])
			return
		case i >= len(want):
			t.Errorf("%s has %d events too many, the first is %v", who, len(got)-i, got[i])
			return
		case got[i].ID != want[i].ID:
			t.Errorf("%s has %v at %d, want %v", who, got[i], i, want[i])
			return
		}
		_, position, _ := strings.Cut(got[i].at, ":")
		if fmt.Sprintf("%020s", position) != got[i].Sequence {
			t.Errorf("%s has %s in the block %s", who, got[i].Sequence, got[i].at)
		}
	}
}

// Hundreds of streams of several sellers are open at the same time, and all get what happens; then the instance ends all of them at once.
func TestHundredsOfStreams(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{})
		const streams, leads = 90, 10
		shops := []*apptest.Shop{apptest.NewShop(t, app, nil, apptest.Rich), apptest.NewShop(t, app, nil, apptest.Rich), apptest.NewShop(t, app, nil, apptest.Rich)}
		apptest.Open(t, databaseURL).Settle()
		ctx, cancel := context.WithTimeout(t.Context(), apptest.Patience)
		defer cancel()
		var open, got, all sync.WaitGroup
		for _, s := range shops {
			for range streams {
				open.Add(1)
				got.Add(1)
				r := &reader{key: s.Program.Key, query: "?types=lead.sold.v1"}
				opened, enough := sync.OnceFunc(open.Done), sync.OnceFunc(got.Done)
				all.Go(func() {
					defer opened()
					defer enough()
					err := r.read(ctx, app.URL, func() bool {
						if r.blocks > 0 {
							opened()
						}
						if len(r.events) == leads {
							enough()
						}
						return false
					})
					if err != io.ErrUnexpectedEOF || len(r.events) != leads { //nolint:errorlint // returned as it is
						t.Errorf("a stream ended with %d events and %v", len(r.events), err)
					}
					for _, e := range r.events {
						if e.Source != "/sellers/"+s.Code {
							t.Errorf("%s was given an event of %s", s.Code, e.Source)
						}
					}
				})
			}
		}
		open.Wait()
		for range leads {
			for _, s := range shops {
				s.Sell(t, s.Form())
			}
		}
		got.Wait()
		if a := shops[0].Program.Do("GET", "/v1/events/stream?after=1000000", nil); a.Status != 409 || !strings.Contains(string(a.Body), `"position_ahead"`) {
			t.Errorf("answered %s", a)
		}
		app.Stop(t)
		all.Wait()
	})
}

// A key that was revoked at one instance ends its streams at all, and others go on.
func TestARevokedKeyEndsItsStreams(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		here := apptest.Start(t, databaseURL, leadmill.StartOptions{})
		there := apptest.Start(t, databaseURL, leadmill.StartOptions{})
		s := apptest.NewShop(t, here, nil, apptest.Rich)
		apptest.Open(t, databaseURL).Settle()
		made := s.Program.Must(t, "POST", "/v1/api-keys", apptest.Object{"name": "reader", "scope": "events"}).Data(t)
		id, _ := made["id"].(string)
		token, _ := made["key"].(string)
		ctx, cancel := context.WithTimeout(t.Context(), apptest.Patience)
		defer cancel()
		ends := make(chan error, 2)
		for _, app := range []*apptest.App{here, there} {
			began := make(chan struct{})
			r := &reader{key: token}
			tell := sync.OnceFunc(func() { close(began) })
			go func() {
				ends <- r.read(ctx, app.URL, func() bool {
					if r.blocks > 0 {
						tell()
					}
					return false
				})
			}()
			<-began
		}
		if a := s.Program.With(token).Do("GET", "/v1/partners", nil); a.Status != 403 {
			t.Errorf("a key that reads events is answered %s", a)
		}
		s.Program.Must(t, "DELETE", "/v1/api-keys/"+id, nil)
		for range 2 {
			if err := <-ends; err != io.ErrUnexpectedEOF { //nolint:errorlint // returned as it is
				t.Error(err)
			}
		}
		if a := s.Program.With(token).Do("GET", "/v1/events/stream", nil); a.Status != 401 {
			t.Errorf("answered %s", a)
		}
	})
}
