package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
)

// QueueBuyerMail queues the mail to a buyer whose balance became low, after buyer.balance_low.v1. It may come several times for one event and
// queues one mail.
type QueueBuyerMail struct{ EventID, SellerID, BuyerID string }

// Needs implements application.Message.
func (QueueBuyerMail) Needs() application.Scope { return application.Internal }

// OfSeller returns whose buyer it is, for interceptors.
func (c QueueBuyerMail) OfSeller() string { return c.SellerID }

// QueueBuyerMailHandler handles QueueBuyerMail.
type QueueBuyerMailHandler struct {
	Clock application.Clock
	Queue market.BuyerMailQueue
}

// Handle implements bus.Handler.
func (h QueueBuyerMailHandler) Handle(ctx context.Context, c QueueBuyerMail) (struct{}, error) {
	return struct{}{}, h.Queue.AddBuyerMail(ctx, market.BuyerMail{EventID: c.EventID, SellerID: c.SellerID, BuyerID: c.BuyerID}, h.Clock.Now())
}
