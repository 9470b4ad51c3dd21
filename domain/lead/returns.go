package lead

import (
	"slices"
	"time"

	"github.com/leadmill/leadmill/domain/contact"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/returns"
)

// ReturnStatus is where a return stands. It is pending until it is approved or rejected, once.
type ReturnStatus string

// The statuses of a return.
const (
	ReturnStatusPending  ReturnStatus = "pending"
	ReturnStatusApproved ReturnStatus = "approved"
	ReturnStatusRejected ReturnStatus = "rejected"
)

// ReturnStatuses returns all statuses of a return.
func ReturnStatuses() []ReturnStatus {
	return []ReturnStatus{ReturnStatusPending, ReturnStatusApproved, ReturnStatusRejected}
}

// Errors of sales and their returns. A rule that is violated has the kind of a request that is wrong: its answer is 422.
var (
	ErrSaleNotFound     = fault.New(fault.NotFound, "sale_not_found", "Sale not found.")
	ErrReturnNotFound   = fault.New(fault.NotFound, "return_not_found", "Return not found.")
	ErrReturnOpen       = fault.New(fault.Invalid, "return_already_open", "A return of this sale is open already.")
	ErrSaleReturned     = fault.New(fault.Invalid, "sale_already_returned", "The sale is returned already.")
	ErrReturnWindowOver = fault.New(fault.Invalid, "return_window_over", "The sale cannot be returned any more.")
	ErrReturnDecided    = fault.New(fault.Invalid, "return_already_decided", "The return is approved or rejected already.")
	ErrLive             = fault.New(fault.Invalid, "lead_is_sold", "The lead is sold.")
	ErrNotOfferable     = fault.New(fault.Invalid, "lead_not_redistributable", "Only a pending, unsold or returned lead can be offered again.")
	// ErrByOperator says why a lead is rejected that an operator took off the market.
	ErrByOperator = fault.New(fault.RuleViolated, "rejected_by_operator", "Rejected by the operator")
	ErrNotOpen    = fault.New(fault.Invalid, "lead_not_rejectable", "Only a lead that is not decided yet can be rejected.")
)

// maxReturnNote bounds a note on a return, in characters.
const maxReturnNote = 1000

// Return is a buyer's wish to give a sale back, and what became of it. Note says why in the buyer's words, DecisionNote in those of
// who decided; both may be personal. Price, which is credited, and Payout, which the supplier loses, are in micro-units of Currency.
// Automatic is true when a rule of the buyer's approved it.
type Return struct {
	ID, SellerID, LeadID, SaleID    string
	CampaignID, ContractID, BuyerID string
	Reason                          returns.Reason
	Note, DecisionNote              string
	Status                          ReturnStatus
	Automatic                       bool
	Price, Payout                   money.Micros
	Currency                        string
	SoldAt, RequestedAt, DecidedAt  time.Time
}

// ReturnRequest is what is said when a sale is to be given back. Window is for how long after the sale that can be said; zero: never.
type ReturnRequest struct {
	ID, SaleID string
	Reason     returns.Reason
	Note       string
	Window     time.Duration
}

// Check returns fault.ErrValidation with the members at fault.
func (q *ReturnRequest) Check() error {
	var v fault.Violations
	switch {
	case q.Reason == "":
		v.Add("reason", fault.Required, "is required")
	case !q.Reason.Known():
		v.Add("reason", fault.InvalidValue, "must be one of duplicate, invalid_contact, out_of_area, wrong_category, not_requested, fake_or_test, consent_risk, other")
	}
	q.Note = checkNote(q.Note, &v)
	return v.Err()
}

// CheckDecisionNote returns a note on a decision as it is kept, or fault.ErrValidation.
func CheckDecisionNote(note string) (string, error) {
	var v fault.Violations
	note = checkNote(note, &v)
	return note, v.Err()
}

func checkNote(note string, v *fault.Violations) string {
	note, err := contact.ParseMultiline(note, maxReturnNote)
	v.AddErr("note", err)
	return note
}

// RequestReturn opens a return of one of the lead's sales, which stays charged until it is decided. Nothing is noted about a person who
// was erased. Errors: ErrSaleNotFound, ErrReturnOpen, ErrSaleReturned, ErrReturnWindowOver, fault.ErrValidation.
func (l *Lead) RequestReturn(q ReturnRequest, at time.Time) (Return, error) {
	if err := q.Check(); err != nil {
		return Return{}, err
	}
	s, err := l.sale(q.SaleID)
	if err != nil {
		return Return{}, err
	}
	switch s.Status {
	case SaleReturnRequested:
		return Return{}, ErrReturnOpen
	case SaleReturned:
		return Return{}, ErrSaleReturned
	case SaleCaptured:
	}
	if q.Window <= 0 || at.After(s.At.Add(q.Window)) {
		return Return{}, ErrReturnWindowOver
	}
	s.Status, l.s.UpdatedAt = SaleReturnRequested, at
	r := Return{
		ID: q.ID, SellerID: l.s.SellerID, LeadID: l.s.ID, SaleID: s.ID, CampaignID: l.s.CampaignID, ContractID: s.ContractID, BuyerID: s.BuyerID,
		Reason: q.Reason, Note: l.noted(q.Note), Status: ReturnStatusPending, Price: s.Price, Payout: s.Payout, Currency: s.Currency,
		SoldAt: s.At, RequestedAt: at,
	}
	l.record(ReturnRequested{Ref: l.ref(), Return: r.told()})
	return r, nil
}

// ReturnDecision is who decided a return and what is noted about it.
type ReturnDecision struct {
	EntryID   string // of the credit in the buyer's ledger
	Note      string
	Automatic bool
	// PriceShown is true when the lead's campaign shows suppliers the prices of sales.
	PriceShown bool
}

// ApproveReturn gives a sale back: it is not live any more, and its supplier earns nothing of it. When none of the lead's sales is live the
// lead is returned. Errors: ErrReturnDecided, ErrSaleNotFound.
func (l *Lead) ApproveReturn(r Return, d ReturnDecision, at time.Time) (Return, error) {
	s, err := l.returning(r)
	if err != nil {
		return Return{}, err
	}
	switch price := l.pricesShown(d.PriceShown); {
	case l.s.ShownHidden:
	case price:
		l.s.Shown -= s.Price
	default:
		l.s.Shown -= s.Payout
	}
	s.Status, l.s.UpdatedAt = SaleReturned, at
	l.s.Payout -= s.Payout
	r.Status, r.DecidedAt, r.DecisionNote, r.Automatic = ReturnStatusApproved, at, l.noted(d.Note), d.Automatic
	l.record(ReturnApproved{Ref: l.ref(), Return: r.told(), EntryID: d.EntryID, LeadPayout: l.s.Payout})
	if slices.ContainsFunc(l.s.Sales, func(s Sale) bool { return s.Status.Live() }) {
		return r, nil
	}
	l.s.Status, l.s.Shown, l.s.ShownHidden = StatusReturned, 0, false
	l.record(Returned{Ref: l.ref(), PreviousStatus: StatusSold, At: at})
	return r, nil
}

// pricesShown reports whether the supplier is shown the sum of the prices of the live sales rather than what it earns for them. When both
// are the same, what the campaign says by now decides.
func (l *Lead) pricesShown(campaign bool) bool {
	var prices money.Micros
	for _, s := range l.s.Sales {
		if s.Status.Live() {
			prices += s.Price
		}
	}
	if prices == l.s.Payout {
		return campaign
	}
	return l.s.Shown == prices
}

// RejectReturn refuses a return: the sale stays as it was. Errors: ErrReturnDecided, ErrSaleNotFound.
func (l *Lead) RejectReturn(r Return, note string, at time.Time) (Return, error) {
	s, err := l.returning(r)
	if err != nil {
		return Return{}, err
	}
	s.Status, l.s.UpdatedAt = SaleCaptured, at
	r.Status, r.DecidedAt, r.DecisionNote = ReturnStatusRejected, at, l.noted(note)
	l.record(ReturnRejected{Ref: l.ref(), Return: r.told()})
	return r, nil
}

// Redistribute lets a pending, unsold or returned lead be offered once more: Sell or Wait says what became of it. Errors: ErrLive,
// ErrErased, ErrReserved, ErrNotOfferable in any other status.
func (l *Lead) Redistribute() error {
	switch {
	case l.s.Status == StatusSold:
		return ErrLive
	case !l.s.ErasedAt.IsZero():
		return ErrErased
	case !l.s.Deadline.IsZero():
		return ErrReserved
	case l.s.Status == StatusPending, l.s.Status == StatusUnsold, l.s.Status == StatusReturned:
		l.again = true
		return nil
	default:
		return ErrNotOfferable
	}
}

// RejectByOperator takes a lead off the market that is not decided yet, pending or quarantined: ErrNotOpen, ErrReserved.
func (l *Lead) RejectByOperator(at time.Time) error {
	if !l.s.Deadline.IsZero() {
		return ErrReserved
	}
	switch l.s.Status {
	case StatusPending:
		return l.takeOff(ErrByOperator, at)
	case StatusQuarantined:
		return l.takeOff(ErrRejectedInQuarantine, at)
	default:
		return ErrNotOpen
	}
}

// takeOff rejects a lead that waits; why is the error of the rule that says so.
func (l *Lead) takeOff(why *fault.Error, at time.Time) error {
	from := l.s.Status
	l.s.Status, l.s.UpdatedAt, l.s.PendingUntil, l.s.Code, l.s.Reason = StatusRejected, at, time.Time{}, why.Code, why.Message
	l.record(Rejected{Ref: l.ref(), PreviousStatus: from, Code: why.Code, At: at})
	return nil
}

// returning returns the sale of an open return.
func (l *Lead) returning(r Return) (*Sale, error) {
	s, err := l.sale(r.SaleID)
	if err != nil {
		return nil, err
	}
	if r.Status != ReturnStatusPending || s.Status != SaleReturnRequested {
		return nil, ErrReturnDecided
	}
	return s, nil
}

func (l *Lead) sale(id string) (*Sale, error) {
	i := slices.IndexFunc(l.s.Sales, func(s Sale) bool { return s.ID == id })
	if i < 0 {
		return nil, ErrSaleNotFound
	}
	return &l.s.Sales[i], nil
}

// noted returns a note, or none about a lead that nothing personal is kept of.
func (l *Lead) noted(note string) string {
	if l.s.ErasedAt.IsZero() {
		return note
	}
	return ""
}

// ReturnTold is what the events of a return tell of it: nothing that may be personal.
type ReturnTold struct {
	ID, SaleID, ContractID, BuyerID string
	Reason                          returns.Reason
	Automatic                       bool
	Price, Payout                   money.Micros
	Currency                        string
	SoldAt, RequestedAt, DecidedAt  time.Time
}

func (r Return) told() ReturnTold {
	return ReturnTold{
		ID: r.ID, SaleID: r.SaleID, ContractID: r.ContractID, BuyerID: r.BuyerID, Reason: r.Reason, Automatic: r.Automatic,
		Price: r.Price, Payout: r.Payout, Currency: r.Currency, SoldAt: r.SoldAt, RequestedAt: r.RequestedAt, DecidedAt: r.DecidedAt,
	}
}

// ReturnRequested becomes return.requested.v1.
type ReturnRequested struct {
	Ref
	Return ReturnTold
}

// ReturnApproved becomes return.approved.v1. LeadPayout is what is left to the supplier of the lead, in the sale's currency.
type ReturnApproved struct {
	Ref
	Return     ReturnTold
	EntryID    string
	LeadPayout money.Micros
}

// ReturnRejected becomes return.rejected.v1.
type ReturnRejected struct {
	Ref
	Return ReturnTold
}

// Returned becomes lead.returned.v1.
type Returned struct {
	Ref
	PreviousStatus Status
	At             time.Time
}

// EventType implements event.Event.
func (ReturnRequested) EventType() string { return "return.requested" }

// EventType implements event.Event.
func (ReturnApproved) EventType() string { return "return.approved" }

// EventType implements event.Event.
func (ReturnRejected) EventType() string { return "return.rejected" }

// EventType implements event.Event.
func (Returned) EventType() string { return "lead.returned" }
