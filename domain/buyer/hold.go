package buyer

import (
	"time"

	"github.com/leadmill/leadmill/domain/money"
)

// Hold keeps the price of a sale that its buyer is asked about, so that nothing else spends it: ErrInsufficientBalance when CanPay is false.
func (b *Buyer) Hold(price money.Micros, now time.Time) error {
	if !b.CanPay(price) {
		return ErrInsufficientBalance
	}
	b.hold(price, now)
	return nil
}

// Release gives back what was held.
func (b *Buyer) Release(price money.Micros, now time.Time) { b.hold(-price, now) }

func (b *Buyer) hold(price money.Micros, now time.Time) {
	b.s.Held += price
	b.heldMore += price
	b.s.UpdatedAt = now
}

// Capture books the price of a sale that was held, which may be less than that: what was held is given back. It is booked also when a credit limit
// that was lowered meanwhile does not cover it: it was promised before. It records BalanceLow as Charge does.
func (b *Buyer) Capture(entryID, saleID string, held, price money.Micros, now time.Time) Entry {
	b.hold(-held, now)
	return b.book(entryID, SaleEntry, -price, saleID, "", now)
}

// HeldMore returns by how much what is held changed since the buyer was loaded, in micro-units of the seller's currency.
func (b *Buyer) HeldMore() money.Micros { return b.heldMore }
