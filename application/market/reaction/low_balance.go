package reaction

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
)

// LowBalance is the name of the reaction that NewLowBalance returns.
const LowBalance = "low-balance"

// NewLowBalance returns the reaction that queues the mail to a buyer, after buyer.balance_low.v1.
func NewLowBalance(queue bus.Handler[marketcommand.QueueBuyerMail, struct{}]) application.Reactor {
	return lowBalance{queue}
}

type lowBalance struct {
	queue bus.Handler[marketcommand.QueueBuyerMail, struct{}]
}

// React implements application.Reactor.
func (r lowBalance) React(ctx context.Context, e application.StoredEvent) error {
	var low eventsv1.BuyerBalanceLow
	if err := json.Unmarshal(e.Payload, &low); err != nil {
		return fmt.Errorf("read %s: %w", e.Type, err)
	}
	_, err := r.queue.Handle(ctx, marketcommand.QueueBuyerMail{EventID: e.ID, SellerID: e.SellerID, BuyerID: low.BuyerID})
	return err
}
