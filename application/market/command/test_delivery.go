package command

import (
	"context"
	"sync"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/delivery"
	"github.com/leadmill/leadmill/domain/fault"
)

// ErrNotDelivering says that a contract delivers nothing, so that there is nothing to test.
var ErrNotDelivering = fault.New(fault.Invalid, "contract_not_delivering", "The contract delivers nothing: it has neither a URL nor an email.")

// TestDelivery sends a made-up lead to the buyer of a contract at once, once. Nothing of it is stored.
type TestDelivery struct {
	application.Actor

	CampaignID, ID string
}

// Needs implements application.Message.
func (TestDelivery) Needs() application.Scope { return application.Program }

// OfBuyer implements application.ForBuyers: the handler finds nothing of other buyers.
func (c TestDelivery) OfBuyer() string { return c.Actor.BuyerID }

// mostTests is how many test deliveries are under way at once, and mostTestsOf how many of a seller: each holds a request of the API for as long as its
// receiver likes.
const (
	mostTests   = 8
	mostTestsOf = 2
)

// TestDeliveryHandler handles TestDelivery. It must not be copied.
type TestDeliveryHandler struct {
	Reader market.DeliveryReader
	Poster market.Poster
	Clock  application.Clock
	IDs    application.IDs

	mu     sync.Mutex
	all    int            // under way
	ofEach map[string]int // of these of each seller
}

// begin reports whether there is room for a test of a seller, which end then gives back.
func (h *TestDeliveryHandler) begin(seller string) bool {
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

func (h *TestDeliveryHandler) end(seller string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all--
	if h.ofEach[seller]--; h.ofEach[seller] == 0 {
		delete(h.ofEach, seller)
	}
}

// Handle implements bus.Handler. A receiver that does not answer well is no error. Errors: campaign.ErrNotFound, campaign.ErrContractNotFound,
// ErrNotDelivering, application.ErrSecretKeyMissing, application.ErrSecretUnreadable, application.ErrOutboundBusy, and the cause of a ctx that ends.
func (h *TestDeliveryHandler) Handle(ctx context.Context, c TestDelivery) (marketquery.DeliveryAttempt, error) {
	d, k, category, err := h.Reader.ContractDelivery(ctx, c.SellerID, c.CampaignID, c.ID)
	if err != nil {
		return marketquery.DeliveryAttempt{}, err
	}
	if c.Actor.BuyerID != "" && c.Actor.BuyerID != k.BuyerID {
		return marketquery.DeliveryAttempt{}, campaign.ErrContractNotFound
	}
	if d == nil {
		return marketquery.DeliveryAttempt{}, ErrNotDelivering
	}
	open, err := h.Poster.Open(application.Ref{SellerID: c.SellerID, ID: c.ID}, d)
	if err != nil {
		return marketquery.DeliveryAttempt{}, err
	}
	if !h.begin(c.SellerID) {
		return marketquery.DeliveryAttempt{}, application.ErrOutboundBusy
	}
	defer h.end(c.SellerID)
	id := h.IDs.New("delivery_test")
	content := market.TestContent(id[len("delivery_test_"):], category, c.Currency.Code(), k, h.Clock.Now())
	done := h.Poster.Post(ctx, open, id, content)
	if done.Unsent {
		return marketquery.DeliveryAttempt{}, application.ErrOutboundBusy
	}
	if !done.OK && ctx.Err() != nil { // it was cut off, which says nothing of the receiver
		return marketquery.DeliveryAttempt{}, context.Cause(ctx)
	}
	var said *delivery.Answer
	if content.Asks {
		said = &done.Said
	}
	return marketquery.DeliveryAttempt{
		Number: 1, At: done.At, Took: done.Took, Status: done.Status, Reason: string(done.Reason), Request: string(done.Request), Answer: string(done.Answer),
		Said: said,
	}, nil
}
