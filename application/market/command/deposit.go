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

// Deposit books an amount, in micro-units of the seller's currency, on a buyer's account.
type Deposit struct {
	application.Actor

	BuyerID string
	Amount  money.Micros
	Note    string
	Once    application.Once[marketquery.LedgerEntry]
}

// Needs implements application.Message.
func (Deposit) Needs() application.Scope { return application.Program }

// DepositHandler handles Deposit.
type DepositHandler struct{ market.Deps }

// Handle implements bus.Handler. Errors: buyer.ErrNotFound, buyer.ErrBalanceTooLarge, fault.ErrValidation.
func (h DepositHandler) Handle(ctx context.Context, c Deposit) (application.Done, error) {
	return changeBuyer(ctx, h.Deps, c.Actor, c.BuyerID, c.Once, func(b *buyer.Buyer, now time.Time) (marketquery.LedgerEntry, error) {
		// The id is made while the buyer is locked, so that ids sort in the order of booking.
		entry, err := b.Deposit(h.IDs.New("entry"), c.Amount, c.Note, now)
		return marketquery.LedgerEntryOf(entry), err
	})
}
