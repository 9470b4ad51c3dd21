package lead

import "time"

// Suppress records that a lead which waits, or is offered again, is of somebody whom the seller suppresses by now: it is rejected. Errors:
// ErrNotPending, ErrReserved.
func (l *Lead) Suppress(at time.Time) error {
	if l.s.Status != StatusPending && l.s.Status != StatusQuarantined && !l.again {
		return ErrNotPending
	}
	if !l.s.Deadline.IsZero() {
		return ErrReserved
	}
	return l.takeOff(ErrSuppressed, at)
}
