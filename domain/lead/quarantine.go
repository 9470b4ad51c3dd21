package lead

import (
	"time"

	"github.com/leadmill/leadmill/domain/fault"
)

// Errors of quarantined leads.
var (
	// ErrNotQuarantined says that a lead does not wait for approval, or does so no more: somebody else decided it.
	ErrNotQuarantined = fault.New(fault.Conflict, "lead_not_quarantined", "The lead is not in quarantine.")
	// ErrQuarantined is why a lead is in quarantine because its campaign says so, and not by a rule.
	ErrQuarantined = fault.New(fault.RuleViolated, "campaign_quarantine", "The campaign's leads are looked at first")
	// ErrRejectedInQuarantine is why a lead is rejected that the seller looked at.
	ErrRejectedInQuarantine = fault.New(fault.RuleViolated, "rejected_in_quarantine", "Rejected by the seller")
)

// Quarantine records that a new lead waits for the seller to approve or reject it; why is the error of the rule that says so. Errors:
// ErrDecided when it is not new.
func (l *Lead) Quarantine(why *fault.Error, at time.Time) error {
	if l.s.Status != StatusReceived {
		return ErrDecided
	}
	l.s.Status, l.s.UpdatedAt, l.s.Code, l.s.Reason = StatusQuarantined, at, why.Code, why.Message
	l.record(Quarantined{Ref: l.ref(), PreviousStatus: StatusReceived, Code: why.Code, At: at})
	return nil
}

// Verdict is what intake rules say of a lead that they do not just accept. Why has the code of the rule and a text for the supplier.
// Quarantine says that the seller looks at the lead first; else it is rejected.
type Verdict struct {
	Why        *fault.Error
	Quarantine bool
}

// HoldBack is what an IntakeRule returns from Check for a lead that it neither accepts nor rejects: the lead is quarantined with the rule's
// code until the seller approves or rejects it. The seller reads the text; suppliers do not, to them the lead is pending.
func HoldBack(message string) error { return &heldBackError{message} }

type heldBackError struct{ message string }

// Error implements error.
func (h *heldBackError) Error() string { return h.message }

// ToSupplier is where the supplier is told that a lead stands: one that the seller looks at is pending.
func (s Status) ToSupplier() string {
	if s == StatusQuarantined {
		return string(StatusPending)
	}
	return string(s)
}
