package query

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/money"
)

// Buyer is a buyer as it is answered. Money is in micro-units of the seller's currency.
type Buyer struct {
	ID, Name, Email, Status, TimeZone string
	Balance, Held, CreditLimit        money.Micros
	CreatedAt, UpdatedAt              time.Time
}

// BuyerOf answers a stored buyer.
func BuyerOf(s buyer.Snapshot) Buyer {
	return Buyer{ID: s.ID, Name: s.Name, Email: s.Email, Status: string(s.Status), TimeZone: s.TimeZone, Balance: s.Balance,
		Held: s.Held, CreditLimit: s.CreditLimit, CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt}
}

// LedgerEntry is one line of a buyer's ledger. Amount is signed.
type LedgerEntry struct {
	ID, Type             string
	Amount, BalanceAfter money.Micros
	SaleID, Note         string
	CreatedAt            time.Time
}

// LedgerEntryOf answers a booked entry.
func LedgerEntryOf(e buyer.Entry) LedgerEntry {
	return LedgerEntry{ID: e.ID, Type: string(e.Type), Amount: e.Amount, BalanceAfter: e.BalanceAfter, SaleID: e.SaleID,
		Note: e.Note, CreatedAt: e.At}
}

// Buyers asks for a seller's buyers, newest first.
type Buyers struct {
	application.Actor

	Page Page
}

// BuyerByID asks for one buyer: buyer.ErrNotFound.
type BuyerByID struct {
	application.Actor

	ID string
}

// Ledger asks for a buyer's ledger, newest first: buyer.ErrNotFound.
type Ledger struct {
	application.Actor

	BuyerID string
	Page    Page
}

// BuyerReader is the read model of buyers.
type BuyerReader interface {
	Buyers(ctx context.Context, q Buyers) (List[Buyer], error)
	BuyerByID(ctx context.Context, q BuyerByID) (Buyer, error)
	Ledger(ctx context.Context, q Ledger) (List[LedgerEntry], error)
}
