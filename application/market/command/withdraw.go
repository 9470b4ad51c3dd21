package command

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/money"
)

// Withdraw takes an amount, in micro-units of the seller's currency, from a buyer's account.
type Withdraw struct {
	application.Actor

	BuyerID string
	Amount  money.Micros
	Note    string
	Once    application.Once[marketquery.LedgerEntry]
}

// Needs implements application.Message.
func (Withdraw) Needs() application.Scope { return application.Program }

// WithdrawHandler handles Withdraw.
type WithdrawHandler struct{ market.Deps }

// Handle implements bus.Handler. Errors: buyer.ErrNotFound, buyer.ErrInsufficientBalance, fault.ErrValidation.
func (h WithdrawHandler) Handle(ctx context.Context, c Withdraw) (application.Done, error) {
	return changeBuyer(ctx, h.Deps, c.Actor, c.BuyerID, c.Once, func(b *buyer.Buyer, now time.Time) (marketquery.LedgerEntry, error) {
		// The id is made while the buyer is locked, so that ids sort in the order of booking.
		entry, err := b.Withdraw(h.IDs.New("entry"), c.Amount, c.Note, now)
		return marketquery.LedgerEntryOf(entry), err
	})
}
