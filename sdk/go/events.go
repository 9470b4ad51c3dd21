package leadmill

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/leadmill/leadmill/sdk/go/api"
)

// Cursor is a place in the log of events: what was handled lies before it. Position and log belong together, since a position means
// nothing in another log. The zero value is before the first event.
//
// Store it in the same transaction as what handling the events did: then each event counts exactly once. Else every event comes at
// least once.
type Cursor struct {
	LogID    string
	Position int64
}

// String returns the cursor for one column of text, as ParseCursor reads it and the stream of events writes it: <log>:<position>.
func (c Cursor) String() string {
	if c == (Cursor{}) {
		return ""
	}
	return c.LogID + ":" + strconv.FormatInt(c.Position, 10)
}

// ParseCursor reads what String returned. An empty text is the zero Cursor.
func ParseCursor(text string) (Cursor, error) {
	if text == "" {
		return Cursor{}, nil
	}
	log, position, _ := strings.Cut(text, ":")
	n, err := strconv.ParseInt(position, 10, 64)
	if err != nil || n < 0 || log == "" {
		return Cursor{}, fmt.Errorf("leadmill: %q is no cursor", text)
	}
	return Cursor{log, n}, nil
}

// MarshalText does as String.
func (c Cursor) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText does as ParseCursor.
func (c *Cursor) UnmarshalText(text []byte) (err error) {
	*c, err = ParseCursor(string(text))
	return err
}

// Event is a CloudEvent of the log.
type Event struct {
	api.CloudEvent

	// Cursor is where to go on when this event was handled; the zero value for an event of a webhook.
	Cursor Cursor
}

// Decode reads the event's data into a type of the package events, such as *events.LeadSoldV1 for lead.sold.v1.
func (e Event) Decode(into any) error {
	if err := json.Unmarshal(e.Data, into); err != nil {
		return fmt.Errorf("leadmill: the data of %s %s: %w", e.Type, e.Id, err)
	}
	return nil
}

// EventBatch is a page of the log.
type EventBatch struct {
	Events []Event
	Next   Cursor // where to go on when all of them were handled
}

// EventOptions say which events are read and how.
type EventOptions struct {
	Types []string // such as lead.sold.v1; all when empty
	Limit int      // of a page: 1 to 1,000, 100 when 0

	// UntilEnd ends at the end of the log instead of waiting for more.
	UntilEnd bool
}

// longPoll is how many seconds a request waits for events, as long as the server lets it.
const longPoll = 25

// hasty is the shortest pause between two requests that found nothing, in case the server does not wait.
const hasty = time.Second

// Events goes through the log after a cursor, in its order, and waits for more at its end. It outlives restarts and failures of the
// server: it asks again, ever more slowly, until the context ends, which ends it without an error. Anything else ends it with an
// error: a key that may not read, a filter that is wrong, a [*LogChangedError], a [*PositionArchivedError].
func (c *Client) Events(ctx context.Context, after Cursor, o EventOptions) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for batch, err := range c.EventBatches(ctx, after, o) {
			if err != nil {
				yield(Event{}, err)
				return
			}
			for _, e := range batch.Events {
				if !yield(e, nil) {
					return
				}
			}
		}
	}
}

// EventBatches is Events page by page, for those who store one cursor for many events. A page may be empty: with Types, its cursor moves past
// events of other types, which are then not looked at again.
func (c *Client) EventBatches(ctx context.Context, after Cursor, o EventOptions) iter.Seq2[EventBatch, error] {
	return func(yield func(EventBatch, error) bool) {
		for {
			began := time.Now()
			batch, err := c.eventBatch(ctx, after, o)
			if ctx.Err() != nil {
				return
			}
			if err != nil {
				yield(EventBatch{}, err)
				return
			}
			nothing := len(batch.Events) == 0 && batch.Next.Position == after.Position
			if batch.Next != after && !yield(batch, nil) {
				return
			}
			after = batch.Next
			if nothing && o.UntilEnd {
				return
			}
			if early := hasty - time.Since(began); nothing && early > 0 && sleep(ctx, early) != nil {
				return
			}
		}
	}
}

func (c *Client) eventBatch(ctx context.Context, after Cursor, o EventOptions) (EventBatch, error) {
	p := api.ListEventsParams{After: &after.Position}
	if after.LogID != "" {
		p.LogId = &after.LogID
	}
	if len(o.Types) > 0 {
		p.Types = new(strings.Join(o.Types, ","))
	}
	if o.Limit > 0 {
		p.Limit = &o.Limit
	}
	if !o.UntilEnd {
		p.Wait = new(longPoll)
	}
	page, err := answered[api.EventPage](c.do(ctx, request{method: http.MethodGet, path: "/v1/events", query: &p, tireless: true}))
	if err != nil {
		return EventBatch{}, err
	}
	batch := EventBatch{Events: make([]Event, len(page.Data)), Next: Cursor{page.LogId, page.Next}}
	for i, e := range page.Data {
		position, err := strconv.ParseInt(e.Sequence, 10, 64)
		if err != nil {
			return EventBatch{}, fmt.Errorf("leadmill: event %s has the position %q", e.Id, e.Sequence)
		}
		batch.Events[i] = Event{e, Cursor{page.LogId, position}}
	}
	if n := len(batch.Events); n > 0 {
		batch.Events[n-1].Cursor = batch.Next
	}
	return batch, nil
}
