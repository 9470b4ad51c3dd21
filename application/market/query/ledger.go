package query

import (
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/money"
)

// Ledger asks for a buyer's ledger, newest first: buyer.ErrNotFound.
type Ledger struct {
	application.Actor

	BuyerID string
	Page    application.Page
}

// Needs implements application.Message.
func (Ledger) Needs() application.Scope { return application.Program }

// OfBuyer implements application.ForBuyers.
func (q Ledger) OfBuyer() string { return q.BuyerID }

// LedgerEntry is one line of a buyer's ledger. Amounts are in micro-units of the seller's currency; Amount is signed: a sale
// is negative. LeadID is the lead of the sale.
type LedgerEntry struct {
	ID, Type             string
	Amount, BalanceAfter money.Micros
	SaleID, LeadID, Note string
	CreatedAt            time.Time
}

// LedgerEntryOf returns the LedgerEntry of a booked entry.
func LedgerEntryOf(e buyer.Entry) LedgerEntry {
	return LedgerEntry{
		ID: e.ID, Type: string(e.Type), Amount: e.Amount, BalanceAfter: e.BalanceAfter, SaleID: e.SaleID,
		Note: e.Note, CreatedAt: e.At,
	}
}
