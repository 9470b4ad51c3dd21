package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketquery "github.com/leadmill/leadmill/application/market/query"
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

// TestDeliveryHandler handles TestDelivery.
type TestDeliveryHandler struct {
	Reader market.DeliveryReader
	Poster market.Poster
	Clock  application.Clock
	IDs    application.IDs
}

// Handle implements bus.Handler. A receiver that does not answer well is no error. Errors: campaign.ErrNotFound, campaign.ErrContractNotFound,
// ErrNotDelivering, application.ErrSecretKeyMissing, application.ErrSecretUnreadable, application.ErrOutboundBusy.
func (h TestDeliveryHandler) Handle(ctx context.Context, c TestDelivery) (marketquery.DeliveryAttempt, error) {
	d, k, category, err := h.Reader.ContractDelivery(ctx, c.SellerID, c.CampaignID, c.ID)
	if err != nil {
		return marketquery.DeliveryAttempt{}, err
	}
	if d == nil {
		return marketquery.DeliveryAttempt{}, ErrNotDelivering
	}
	open, err := h.Poster.Open(application.Ref{SellerID: c.SellerID, ID: c.ID}, d)
	if err != nil {
		return marketquery.DeliveryAttempt{}, err
	}
	id := h.IDs.New("delivery_test")
	done := h.Poster.Post(ctx, open, id, market.TestContent(id[len("delivery_test_"):], category, c.Currency.Code(), k, h.Clock.Now()))
	if done.Unsent {
		return marketquery.DeliveryAttempt{}, application.ErrOutboundBusy
	}
	return marketquery.DeliveryAttempt{
		Number: 1, At: done.At, Took: done.Took, Status: done.Status, Reason: string(done.Reason), Request: string(done.Request), Answer: string(done.Answer),
	}, nil
}
