package command

import (
	"context"
	"encoding/json"
	"sync"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/feed"
	feedquery "github.com/leadmill/leadmill/application/feed/query"
)

// TestWebhook sends a webhook a made-up event of one of its types at once, once. Nothing of it is stored.
type TestWebhook struct {
	application.Actor

	ID string
}

// Needs implements application.Message.
func (TestWebhook) Needs() application.Scope { return application.Program }

// AuditObject implements application.Audited.
func (c TestWebhook) AuditObject() string { return c.ID }

// mostTests is how many tests are under way at once, and mostTestsOf how many of a seller: each holds a request of the API for as long as its receiver
// likes.
const (
	mostTests   = 8
	mostTestsOf = 2
)

// TestWebhookHandler handles TestWebhook. It must not be copied.
type TestWebhookHandler struct {
	Reader feed.Reader
	Poster feed.Poster
	Bodies feed.Bodies
	Clock  application.Clock
	IDs    application.IDs

	mu     sync.Mutex
	all    int            // under way
	ofEach map[string]int // of these of each seller
}

// begin reports whether there is room for a test of a seller, which end then gives back.
func (h *TestWebhookHandler) begin(seller string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.all >= mostTests || h.ofEach[seller] >= mostTestsOf {
		return false
	}
	if h.ofEach == nil {
		h.ofEach = map[string]int{}
	}
	h.all++
	h.ofEach[seller]++
	return true
}

func (h *TestWebhookHandler) end(seller string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all--
	if h.ofEach[seller]--; h.ofEach[seller] == 0 {
		delete(h.ofEach, seller)
	}
}

// Handle implements bus.Handler. A receiver that does not answer well is no error, and neither is a webhook that is not active. Errors:
// webhook.ErrNotFound, those of application.Sealer, application.ErrOutboundBusy, and the cause of a ctx that ends.
func (h *TestWebhookHandler) Handle(ctx context.Context, c TestWebhook) (feedquery.WebhookAttempt, error) {
	s, err := h.Reader.WebhookOf(ctx, c.SellerID, c.ID)
	if err != nil {
		return feedquery.WebhookAttempt{}, err
	}
	open, err := h.Poster.Open(s)
	if err != nil {
		return feedquery.WebhookAttempt{}, err
	}
	if !h.begin(c.SellerID) {
		return feedquery.WebhookAttempt{}, application.ErrOutboundBusy
	}
	defer h.end(c.SellerID)
	id := h.IDs.New("evt_test")
	data, err := json.Marshal(map[string]any{"test": true, "origin": "form"})
	if err != nil {
		return feedquery.WebhookAttempt{}, err
	}
	body, err := h.Bodies.Of(
		feed.Listener{SellerID: c.SellerID, SellerCode: c.SellerCode, ID: s.ID, Key: s.Key, URL: s.URL, Format: s.Format, Events: s.Events},
		&application.StoredEvent{EventRecord: application.EventRecord{
			ID: id, SellerID: c.SellerID, Type: s.Events[0], AggregateID: "test", AggregateVersion: 1, OccurredAt: h.Clock.Now(), Payload: data,
		}},
	)
	if err != nil {
		return feedquery.WebhookAttempt{}, err
	}
	done := h.Poster.Post(ctx, open, id, body)
	if done.Unsent {
		return feedquery.WebhookAttempt{}, application.ErrOutboundBusy
	}
	if !done.OK && ctx.Err() != nil { // it was cut off, which says nothing of the receiver
		return feedquery.WebhookAttempt{}, context.Cause(ctx)
	}
	return feedquery.WebhookAttempt{Number: 1, At: done.At, Took: done.Took, Status: done.Status, Reason: string(done.Reason), Answer: string(done.Answer)}, nil
}
