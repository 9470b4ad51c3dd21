package lead

import (
	"cmp"
	"slices"
	"time"

	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/money"
)

// ErrReserved says that a buyer is asked to confirm that it takes the lead, which nothing else may change meanwhile.
var ErrReserved = fault.New(fault.Invalid, "lead_is_reserved", "A buyer is being asked about the lead; try again in half a minute.")

// ReservationStatus is where a reservation stands. A reserved or accepted one holds its buyer's money and uses caps.
type ReservationStatus string

// The statuses of a reservation. Of an accepted one nobody is asked any more; it becomes a sale when that is so of all of the lead.
const (
	ReservationReserved ReservationStatus = "reserved"
	ReservationAccepted ReservationStatus = "accepted"
	ReservationReleased ReservationStatus = "released"
)

// Held reports whether the reservation holds money and uses caps.
func (s ReservationStatus) Held() bool {
	return s == ReservationReserved || s == ReservationAccepted
}

// Reservation is a sale that may be made of a lead. Its buyer is asked when Asked is true; else it takes the lead if it is sold at all. Price is
// in micro-units of Currency; PriceFromAnswer says that what the buyer answers may lower it. Reason is why it was released. Slot is its place among those of the lead, At when it was made, from which the sale
// counts too.
type Reservation struct {
	SaleID, ContractID, BuyerID string
	Price                       money.Micros
	Currency                    string
	Asked, PriceFromAnswer      bool
	Status                      ReservationStatus
	Reason                      string
	Slot                        int64
	At, UpdatedAt               time.Time
	Deadline                    time.Time
}

// AskFor is how long buyers are asked about a lead, all of them together.
const AskFor = 30 * time.Second

// LeastAsk is what must be left of AskFor for another buyer to be asked.
const LeastAsk = time.Second

// Reserve reserves sales of a lead that is new, quarantined, pending or offered again, until a deadline: it is pending, until it is sold or its time
// runs out. waits is until when it waits for a buyer if it is not pending yet. Errors: ErrAlreadySold; ErrNotPending in any other status.
func (l *Lead) Reserve(all []Reservation, deadline, waits, at time.Time) error {
	switch l.s.Status {
	case StatusPending:
	case StatusSold:
		return ErrAlreadySold
	default:
		if err := l.Wait(waits, at); err != nil {
			return ErrNotPending
		}
	}
	slot := int64(0)
	for i := range l.s.Reservations {
		slot = max(slot, l.s.Reservations[i].Slot)
	}
	for _, r := range all {
		slot++
		r.Slot, r.At, r.UpdatedAt, r.Deadline, r.Reason = slot, at, at, deadline, ""
		r.Status = ReservationAccepted
		if r.Asked {
			r.Status = ReservationReserved
		}
		l.s.Reservations = append(l.s.Reservations, r)
	}
	l.s.Deadline, l.s.UpdatedAt = deadline, at
	l.retrace()
	return nil
}

// NotAsked is why a reservation was released whose buyer was never asked, because nobody could ask it in time.
const NotAsked = "buyer_not_asked"

// The reasons in a trace that reservations set (docs/marketplace.md).
const (
	traceSold       = "sold"
	traceReserved   = "reserved"
	traceRejected   = "buyer_rejected"
	traceDuplicate  = "buyer_duplicate"
	traceTimeout    = "buyer_timeout"
	traceBelowQuote = "below_quote"
)

// Traced is what the trace of the lead says of the contract of a reservation.
func (r *Reservation) Traced() string {
	switch {
	case r.Status.Held():
		return traceReserved
	case r.Reason == traceRejected, r.Reason == traceDuplicate, r.Reason == traceBelowQuote, r.Reason == NotAsked:
		return r.Reason
	}
	return traceTimeout
}

// Bars reports whether the buyer is not offered the lead again while buyers are asked until a deadline, zero when none is: it was asked, or did not
// get it in this time.
func (r *Reservation) Bars(deadline time.Time) bool {
	return r.Asked && r.Reason != NotAsked || r.Deadline.Equal(deadline)
}

// retrace has the trace say what became of the reservations.
func (l *Lead) retrace() {
	if len(l.s.Reservations) == 0 {
		return
	}
	l.s.Trace.Considered = slices.Clone(l.s.Trace.Considered)
	for i := range l.s.Reservations {
		if r := &l.s.Reservations[i]; r.Bars(l.s.Deadline) {
			l.told(r.ContractID, r.Traced())
		}
	}
}

func (l *Lead) told(contractID, reason string) {
	for i := range l.s.Trace.Considered {
		if c := &l.s.Trace.Considered[i]; c.ContractID == contractID {
			c.Reason, c.Of = reason, ""
		}
	}
}

// Accept records that the buyer of a reservation takes the lead, at a price that is not above the reserved one. Errors: ErrSaleNotFound, also when
// the reservation is not open any more.
func (l *Lead) Accept(saleID string, price money.Micros, at time.Time) error {
	r, err := l.reservation(saleID)
	if err != nil {
		return err
	}
	r.Status, r.Price, r.UpdatedAt, l.s.UpdatedAt = ReservationAccepted, min(price, r.Price), at, at
	return nil
}

// Release gives up a reservation that is open: its buyer does not take the lead. Errors: ErrSaleNotFound.
func (l *Lead) Release(saleID string, why string, at time.Time) error {
	r, err := l.reservation(saleID)
	if err != nil {
		return err
	}
	l.release(r, why, at)
	return nil
}

// ReleaseAll gives up all reservations that are held, and nobody is asked any more. It returns those that were given up.
func (l *Lead) ReleaseAll(why string, at time.Time) (released []Reservation) {
	for i := range l.s.Reservations {
		if r := &l.s.Reservations[i]; r.Status.Held() {
			l.release(r, why, at)
			released = append(released, *r)
		}
	}
	l.s.Deadline = time.Time{}
	return released
}

func (l *Lead) release(r *Reservation, why string, at time.Time) {
	r.Status, r.Reason, r.UpdatedAt, l.s.UpdatedAt = ReservationReleased, why, at, at
	l.retrace()
	l.record(SaleReleased{Ref: l.ref(), SaleID: r.SaleID, ContractID: r.ContractID, BuyerID: r.BuyerID, Price: r.Price, Currency: r.Currency, Reason: why, At: at})
}

func (l *Lead) reservation(saleID string) (*Reservation, error) {
	for i := range l.s.Reservations {
		if r := &l.s.Reservations[i]; r.SaleID == saleID && r.Status == ReservationReserved {
			return r, nil
		}
	}
	return nil, ErrSaleNotFound
}

// StopAsking lets a lead of which nobody is asked go on waiting as any other pending lead does. It changes nothing while a reservation is held.
func (l *Lead) StopAsking(at time.Time) {
	if l.s.Deadline.IsZero() || slices.ContainsFunc(l.s.Reservations, func(r Reservation) bool { return r.Status.Held() }) {
		return
	}
	l.s.Deadline, l.s.UpdatedAt = time.Time{}, at
}

// Asked reports whether a buyer is asked about the lead.
func (l *Lead) Asked() bool {
	return slices.ContainsFunc(l.s.Reservations, func(r Reservation) bool { return r.Status == ReservationReserved })
}

// Reservations returns the reservations of the lead that were loaded or made.
func (l *Lead) Reservations() []Reservation { return slices.Clone(l.s.Reservations) }

// Taken returns the reservations that become sales when the lead is sold, in their order.
func (l *Lead) Taken() (all []Reservation) {
	for _, r := range l.s.Reservations {
		if r.Status == ReservationAccepted {
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(a, b Reservation) int { return cmp.Compare(a.Slot, b.Slot) })
	return all
}

// Deadline returns until when buyers are asked about the lead; zero when none is.
func (l *Lead) Deadline() time.Time { return l.s.Deadline }

// capture forgets the reservations that became sales.
func (l *Lead) capture() {
	l.s.Deadline = time.Time{}
	for _, r := range l.Taken() {
		l.told(r.ContractID, traceSold)
	}
	l.s.Reservations = slices.DeleteFunc(l.s.Reservations, func(r Reservation) bool { return r.Status.Held() })
}

// ReservationChanges are what became of a lead's reservations since it was loaded. Gone ones became sales.
type ReservationChanges struct {
	Added, Changed []Reservation
	Gone           []string
}

// ReservationChanges returns what is to be stored of the lead's reservations.
func (l *Lead) ReservationChanges() (c ReservationChanges) {
	was := make(map[string]Reservation, len(l.reserved))
	for _, r := range l.reserved {
		was[r.SaleID] = r
	}
	for _, r := range l.s.Reservations {
		old, there := was[r.SaleID]
		switch {
		case !there:
			c.Added = append(c.Added, r)
		case old != r:
			c.Changed = append(c.Changed, r)
		}
		delete(was, r.SaleID)
	}
	for _, r := range l.reserved {
		if _, gone := was[r.SaleID]; gone {
			c.Gone = append(c.Gone, r.SaleID)
		}
	}
	return c
}

// SaleReleased becomes sale.released.v1. Price is in micro-units of Currency.
type SaleReleased struct {
	Ref
	SaleID, ContractID, BuyerID string
	Price                       money.Micros
	Currency                    string
	Reason                      string
	At                          time.Time
}

// EventType implements event.Event.
func (SaleReleased) EventType() string { return "sale.released" }
