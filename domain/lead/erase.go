package lead

import (
	"strings"
	"time"

	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
)

// ErrErased says that nothing is left of the person that the lead was about.
var ErrErased = fault.New(fault.RuleViolated, "lead_erased", "The lead's personal data is erased.")

// Erase erases what the lead holds of a person: its fields, an external id that is an email address, and the name, the email and the
// answers of a form lead. Other ids, statuses, figures, sales, dimensions and the trace stay, and so does what the seller decided. A pending or quarantined lead becomes unsold first. It fails
// with ErrErased when that was done before, by Delete too.
func (l *Lead) Erase(at time.Time) error {
	if !l.s.ErasedAt.IsZero() {
		return ErrErased
	}
	if err := l.withdraw(at); err != nil {
		return err
	}
	l.forget(at)
	l.record(Erased{Ref: l.ref(), Status: l.s.Status, At: at})
	return nil
}

// forget clears what is personal.
func (l *Lead) forget(at time.Time) {
	l.s.Fields, l.s.ErasedAt, l.s.UpdatedAt = field.Set{}, at, at
	if strings.Contains(l.s.ExternalID, "@") {
		l.s.ExternalID = ""
	}
	if r := l.s.Review; r != nil {
		r.Name, r.Email, r.Answers = "", "", nil
	}
}
