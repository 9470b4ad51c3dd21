// Package buyer holds the buyers of leads and their accounts.
//
// Stability: experimental.
package buyer

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/contact"
	"github.com/leadmill/leadmill/domain/event"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/quota"
)

// Status says whether a buyer takes leads.
type Status string

// The statuses of a buyer.
const (
	StatusActive Status = "active"
	StatusPaused Status = "paused"
)

// Errors of buyers.
var (
	ErrNotFound            = fault.New(fault.NotFound, "buyer_not_found", "Buyer not found.")
	ErrInsufficientBalance = fault.New(fault.RuleViolated, "insufficient_balance", "The balance and credit limit do not cover this amount.")
	ErrBalanceTooLarge     = fault.New(fault.RuleViolated, "balance_too_large", "The balance would be larger than an account can hold.")
	ErrAlreadyPaused       = fault.New(fault.RuleViolated, "buyer_already_paused", "The buyer is already paused.")
	// ErrNotAllowed says that somebody of the buyer wants what its seller has not allowed it.
	ErrNotAllowed = fault.New(fault.Forbidden, "not_allowed_by_seller", "The seller has not allowed this.")
	ErrNotPaused  = fault.New(fault.RuleViolated, "buyer_not_paused", "The buyer is not paused.")
)

// maxBalance bounds a balance in micro-units, so that sums of many balances stay inside int64.
const maxBalance money.Micros = 9_000_000_000_000_000

// EntryType is the kind of a ledger entry (docs/marketplace.md).
type EntryType string

// The kinds of ledger entries that exist.
const (
	Deposit    EntryType = "deposit"
	Withdrawal EntryType = "withdrawal"
	SaleEntry  EntryType = "sale"
	// ReturnEntry credits the price of a sale that was given back.
	ReturnEntry EntryType = "return"
)

// Entry is one line of a buyer's append-only ledger. Amounts are in micro-units of the seller's currency; Amount is signed:
// a sale is negative.
type Entry struct {
	ID, SellerID, BuyerID string
	Type                  EntryType
	Amount, BalanceAfter  money.Micros
	SaleID, Note          string
	At                    time.Time
}

// Buyer buys leads from one account. It can spend balance + credit limit − held.
type Buyer struct {
	event.Recorder

	s        Snapshot
	entries  []Entry
	heldMore money.Micros
}

// Details are what an operator says about a buyer. A nil member keeps the stored value; an empty TimeZone means the
// seller's. CreditLimit is in micro-units of the seller's currency.
type Details struct {
	Name, Email, TimeZone *string
	CreditLimit           *money.Micros
	LowBalance            *Threshold
	ReturnWindow          *ReturnWindow
	AutoApprove           *AutoApprove
	Portal                *Portal
	Caps                  *[]quota.Cap // on what all contracts of the buyer together take
}

// Threshold is a balance in micro-units of the seller's currency, below which somebody wants to know. Without On there is none.
type Threshold struct {
	On bool
	At money.Micros
}

// Portal is what people of the buyer may do themselves. The zero Portal lets them look, and give leads back.
type Portal struct {
	PauseContracts bool // and resume them
	ChangeCaps     bool // of each contract
}

// New opens a buyer's account with a balance of zero. It returns fault.ErrValidation with the members at fault.
func New(id, sellerID string, d Details, now time.Time) (*Buyer, error) {
	b := &Buyer{s: Snapshot{ID: id, SellerID: sellerID, Status: StatusActive, CreatedAt: now}}
	var v fault.Violations
	if d.Name == nil {
		v.Add("name", fault.Required, "is required")
	}
	b.apply(d, &v)
	if err := v.Err(); err != nil {
		return nil, err
	}
	b.s.UpdatedAt = now
	b.Record(Created{BuyerID: id, At: now})
	return b, nil
}

// Update changes the buyer's details. It reports whether the time zone changed, because contracts without a zone of their
// own count their caps in it. It returns fault.ErrValidation with the members at fault.
func (b *Buyer) Update(d Details, now time.Time) (zoneChanged bool, err error) {
	next := *b
	var v fault.Violations
	next.apply(d, &v)
	if err := v.Err(); err != nil {
		return false, err
	}
	zoneChanged = next.s.TimeZone != b.s.TimeZone
	next.s.UpdatedAt = now
	next.Record(Updated{BuyerID: b.s.ID, At: now})
	*b = next
	return zoneChanged, nil
}

func (b *Buyer) apply(d Details, v *fault.Violations) {
	if d.Name != nil {
		name, err := contact.ParseRequiredText(strings.TrimSpace(*d.Name), 200)
		v.AddErr("name", err)
		b.s.Name = name
	}
	if d.Email != nil {
		b.s.Email = ""
		if *d.Email != "" {
			email, err := contact.ParseEmail(*d.Email)
			v.AddErr("email", err)
			b.s.Email = email.String()
		}
	}
	if d.TimeZone != nil {
		if *d.TimeZone != "" {
			_, err := calendar.ParseZone(*d.TimeZone)
			v.AddErr("time_zone", err)
		}
		b.s.TimeZone = *d.TimeZone
	}
	if d.CreditLimit != nil {
		if *d.CreditLimit < 0 || *d.CreditLimit > maxBalance {
			v.Add("credit_limit", fault.InvalidValue, "must be between 0 and 9000000000")
		}
		b.s.CreditLimit = *d.CreditLimit
	}
	if d.LowBalance != nil {
		if d.LowBalance.At < 0 || d.LowBalance.At > maxBalance {
			v.Add("low_balance", fault.InvalidValue, "must be between 0 and 9000000000")
		}
		b.s.LowBalance = *d.LowBalance
	}
	if d.ReturnWindow != nil {
		b.s.Returns.Window = d.ReturnWindow.checked(v)
	}
	if d.AutoApprove != nil {
		b.s.Returns.AutoApprove = d.AutoApprove.checked(v)
	}
	if d.Portal != nil {
		b.s.Portal = *d.Portal
	}
	if d.Caps != nil {
		b.s.Caps, b.s.CapZone = quota.Check(*d.Caps, v), ""
	}
}

// CountIn sets the zone in which the buyer's caps are counted: its own, else that of the seller. It changes nothing of a buyer without
// caps, and reports whether it changed something.
func (b *Buyer) CountIn(sellerZone string, now time.Time) bool {
	zone := cmp.Or(b.s.TimeZone, sellerZone)
	if len(b.s.Caps) == 0 || b.s.CapZone == zone {
		return false
	}
	b.s.CapZone, b.s.UpdatedAt = zone, now
	return true
}

// Rezone is CountIn for a seller whose zone changed: a buyer whose caps are counted anew was updated.
func (b *Buyer) Rezone(sellerZone string, now time.Time) bool {
	if !b.CountIn(sellerZone, now) {
		return false
	}
	b.Record(Updated{BuyerID: b.s.ID, At: now})
	return true
}

// Cap returns the buyer's cap of a window, if there is one.
func (b *Buyer) Cap(w calendar.Window) (quota.Cap, bool) { return quota.Of(b.s.Caps, w) }

// Spans returns the spans in which the buyer's caps are counted at t, one for each capped window.
func (b *Buyer) Spans(t time.Time) []calendar.Span { return quota.Spans(b.s.Caps, t, b.s.CapZone) }

// Pause stops all contracts of the buyer from taking leads: ErrAlreadyPaused.
func (b *Buyer) Pause(now time.Time) error {
	if b.s.Status == StatusPaused {
		return ErrAlreadyPaused
	}
	b.s.Status, b.s.UpdatedAt = StatusPaused, now
	b.Record(Paused{BuyerID: b.s.ID, At: now})
	return nil
}

// Resume lets the buyer's contracts take leads again: ErrNotPaused.
func (b *Buyer) Resume(now time.Time) error {
	if b.s.Status != StatusPaused {
		return ErrNotPaused
	}
	b.s.Status, b.s.UpdatedAt = StatusActive, now
	b.Record(Resumed{BuyerID: b.s.ID, At: now})
	return nil
}

// Deposit adds money to the account. Errors: fault.ErrValidation with the members at fault, ErrBalanceTooLarge.
func (b *Buyer) Deposit(entryID string, amount money.Micros, note string, now time.Time) (Entry, error) {
	amount, note, err := checkMovement(amount, note)
	if err != nil {
		return Entry{}, err
	}
	if b.s.Balance > maxBalance-amount {
		return Entry{}, ErrBalanceTooLarge
	}
	e := b.book(entryID, Deposit, amount, "", note, now)
	b.Record(Funded{BuyerID: b.s.ID, EntryID: entryID, Amount: amount, BalanceAfter: e.BalanceAfter, At: now})
	return e, nil
}

// Withdraw takes money out of the account, at most balance − held, so never the credit. Errors: fault.ErrValidation with the
// members at fault, ErrInsufficientBalance.
func (b *Buyer) Withdraw(entryID string, amount money.Micros, note string, now time.Time) (Entry, error) {
	amount, note, err := checkMovement(amount, note)
	if err != nil {
		return Entry{}, err
	}
	if b.s.Balance-b.s.Held < amount {
		return Entry{}, ErrInsufficientBalance
	}
	e := b.book(entryID, Withdrawal, -amount, "", note, now)
	b.Record(Withdrawn{BuyerID: b.s.ID, EntryID: entryID, Amount: amount, BalanceAfter: e.BalanceAfter, At: now})
	return e, nil
}

func checkMovement(amount money.Micros, note string) (money.Micros, string, error) {
	var v fault.Violations
	if amount <= 0 || amount > maxBalance {
		v.Add("amount", fault.InvalidValue, "must be more than 0 and at most 9000000000")
	}
	note, err := contact.ParseText(note, 500)
	v.AddErr("note", err)
	return amount, note, v.Err()
}

// Spendable returns what the account can pay now, in micro-units: balance + credit limit − held. It is negative when the
// credit limit was lowered below what is used of it.
func (b *Buyer) Spendable() money.Micros { return b.s.Balance + b.s.CreditLimit - b.s.Held }

// CanPay reports whether the account covers a price: Spendable >= price.
func (b *Buyer) CanPay(price money.Micros) bool { return b.Spendable() >= price }

// Charge books the price of a sale on the account: ErrInsufficientBalance when CanPay is false. It records BalanceLow where the balance was not
// below the buyer's threshold and is now, and nothing else.
func (b *Buyer) Charge(entryID, saleID string, price money.Micros, now time.Time) (Entry, error) {
	if !b.CanPay(price) {
		return Entry{}, ErrInsufficientBalance
	}
	return b.book(entryID, SaleEntry, -price, saleID, "", now), nil
}

// Refund books the price of a sale that was given back.
func (b *Buyer) Refund(entryID, saleID string, price money.Micros, now time.Time) Entry {
	return b.book(entryID, ReturnEntry, price, saleID, "", now)
}

func (b *Buyer) book(id string, t EntryType, amount money.Micros, saleID, note string, now time.Time) Entry {
	before := b.s.Balance
	b.s.Balance += amount
	b.s.UpdatedAt = now
	if low := b.s.LowBalance; low.On && before >= low.At && b.s.Balance < low.At {
		b.Record(BalanceLow{BuyerID: b.s.ID, EntryID: id, Balance: b.s.Balance, LowBalance: low.At, At: now})
	}
	e := Entry{
		ID: id, SellerID: b.s.SellerID, BuyerID: b.s.ID, Type: t, Amount: amount, BalanceAfter: b.s.Balance,
		SaleID: saleID, Note: note, At: now,
	}
	b.entries = append(b.entries, e)
	return e
}

// Entries returns the ledger entries booked since the buyer was loaded, in order.
func (b *Buyer) Entries() []Entry { return b.entries }

// ID returns the buyer's id.
func (b *Buyer) ID() string { return b.s.ID }

// SellerID returns the id of the buyer's seller.
func (b *Buyer) SellerID() string { return b.s.SellerID }

// Portal says what people of the buyer may do themselves.
func (b *Buyer) Portal() Portal { return b.s.Portal }

// Status says whether the buyer takes leads.
func (b *Buyer) Status() Status { return b.s.Status }

// TimeZone returns the buyer's IANA zone; empty means the seller's.
func (b *Buyer) TimeZone() string { return b.s.TimeZone }

// Balance returns the sum of all ledger entries.
func (b *Buyer) Balance() money.Micros { return b.s.Balance }

// Snapshot is a buyer as it is stored. Money is in micro-units of the seller's currency.
type Snapshot struct {
	ID, SellerID, Name, Email  string
	Status                     Status
	TimeZone                   string
	Balance, Held, CreditLimit money.Micros
	LowBalance                 Threshold
	Returns                    ReturnRules
	Portal                     Portal
	Caps                       []quota.Cap
	CapZone                    string // the zone in which Caps are counted; empty while it was never told
	CreatedAt, UpdatedAt       time.Time
	Version                    int64
}

// Snapshot returns the buyer as it is stored.
func (b *Buyer) Snapshot() Snapshot {
	s := b.s
	s.Caps = slices.Clone(s.Caps)
	s.Version = b.Version()
	return s
}

// FromSnapshot restores a stored buyer.
func FromSnapshot(s Snapshot) *Buyer { return &Buyer{Recorder: event.Restored(s.Version), s: s} }
