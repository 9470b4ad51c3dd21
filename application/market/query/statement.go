package query

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/money"
)

// Statement asks for what happened on a buyer's account in a month of the buyer's time zone, or of the seller's where the buyer has none:
// buyer.ErrNotFound. Month is such as 2026-11. Begin is told the opening of the statement, then Entry each ledger entry, the oldest first, so
// that however many there are, few are held. An error of either ends the question.
type Statement struct {
	application.Actor

	BuyerID, Month string
	Begin          func(StatementOpening) error
	Entry          func(LedgerEntry) error
}

// Needs implements application.Message.
func (Statement) Needs() application.Scope { return application.Program }

// OfBuyer implements application.ForBuyers.
func (q Statement) OfBuyer() string { return q.BuyerID }

// StatementOpening is how a statement begins. Opening is the sum of all entries before From, in micro-units of the seller's currency; To is
// exclusive.
type StatementOpening struct {
	Buyer    Buyer
	TimeZone string
	From, To time.Time
	Opening  money.Micros
}

// StatementClosing is how a statement ends: Totals has the sum of the entries of each type that was told, in the order of the types in
// LedgerEntryTypes, and Closing is the opening balance and all of them.
type StatementClosing struct {
	Totals  []StatementTotal
	Closing money.Micros
}

// StatementTotal is the sum of the entries of one type, in micro-units of the seller's currency.
type StatementTotal struct {
	Type    string
	Entries int64
	Amount  money.Micros
}

// LedgerEntryTypes are the types of ledger entries in the order in which a statement sums them up.
var LedgerEntryTypes = []string{"deposit", "withdrawal", "sale", "return", "adjustment"}

// StatementReader reads what statements are made of.
type StatementReader interface {
	// BuyerByID answers BuyerByID.
	BuyerByID(ctx context.Context, q BuyerByID) (Buyer, error)
	// SellerZone returns the time zone of a seller.
	SellerZone(ctx context.Context, sellerID string) (string, error)
	// BalanceBefore returns the sum of a buyer's entries before a time.
	BalanceBefore(ctx context.Context, sellerID, buyerID string, at time.Time) (money.Micros, error)
	// Entries returns up to limit of a buyer's entries within a time, to exclusive, behind the entry of an id, in the order of their ids.
	Entries(ctx context.Context, sellerID, buyerID string, from, to time.Time, after string, limit int) ([]LedgerEntry, error)
}

// StatementHandler handles Statement.
type StatementHandler struct{ Reader StatementReader }

// statementPage is how many entries are read at once.
const statementPage = 1_000

// Handle answers the question. Errors: fault.ErrValidation with the field month, those of the reader, of Begin and of Entry.
func (h StatementHandler) Handle(ctx context.Context, q Statement) (StatementClosing, error) {
	month, err := time.Parse("2006-01", q.Month)
	if err != nil || month.Year() < 1 || month.AddDate(0, 1, 0).Year() > 9999 { // both ends are written with four digits
		var v fault.Violations
		v.Add("month", fault.InvalidValue, "must be a month such as 2026-11")
		return StatementClosing{}, v.Err()
	}
	open, err := h.open(ctx, q, month)
	if err != nil {
		return StatementClosing{}, err
	}
	if err := q.Begin(open); err != nil {
		return StatementClosing{}, err
	}
	sums := map[string]StatementTotal{}
	closing := StatementClosing{Closing: open.Opening}
	for after := ""; ; {
		entries, err := h.Reader.Entries(ctx, q.SellerID, q.BuyerID, open.From, open.To, after, statementPage)
		if err != nil {
			return StatementClosing{}, err
		}
		for _, e := range entries {
			sum := sums[e.Type]
			sum.Type = e.Type
			sum.Entries++
			if sum.Amount, err = sum.Amount.Add(e.Amount); err != nil {
				return StatementClosing{}, err
			}
			sums[e.Type] = sum
			if closing.Closing, err = closing.Closing.Add(e.Amount); err != nil {
				return StatementClosing{}, err
			}
			if err := q.Entry(e); err != nil {
				return StatementClosing{}, err
			}
			after = e.ID
		}
		if len(entries) < statementPage {
			break
		}
	}
	for _, t := range slices.Sorted(maps.Keys(sums)) {
		closing.Totals = append(closing.Totals, sums[t])
	}
	slices.SortStableFunc(closing.Totals, func(a, b StatementTotal) int { return rank(a.Type) - rank(b.Type) })
	return closing, nil
}

func rank(entryType string) int {
	if i := slices.Index(LedgerEntryTypes, entryType); i >= 0 {
		return i
	}
	return len(LedgerEntryTypes)
}

func (h StatementHandler) open(ctx context.Context, q Statement, month time.Time) (StatementOpening, error) {
	b, err := h.Reader.BuyerByID(ctx, BuyerByID{Actor: q.Actor, ID: q.BuyerID})
	if err != nil {
		return StatementOpening{}, err
	}
	open := StatementOpening{Buyer: b, TimeZone: b.TimeZone}
	if open.TimeZone == "" {
		if open.TimeZone, err = h.Reader.SellerZone(ctx, q.SellerID); err != nil {
			return StatementOpening{}, err
		}
	}
	zone, err := calendar.ParseZone(open.TimeZone)
	if err != nil {
		return StatementOpening{}, err
	}
	open.From = calendar.StartOf(month, zone).In(zone)
	open.To = calendar.StartOf(month.AddDate(0, 1, 0), zone).In(zone)
	open.Opening, err = h.Reader.BalanceBefore(ctx, q.SellerID, q.BuyerID, open.From)
	return open, err
}
