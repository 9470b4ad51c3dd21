package acme

import (
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/lead"
)

// errState is what the supplier reads in "error" and "code". It does not repeat the state: that is personal data.
var errState = fault.New(fault.RuleViolated, "acme_state_not_served", "Acme does not buy leads of this state.")

// servedStates is an intake rule: Acme takes no leads of states in which it does no business.
type servedStates struct{ policy policy }

func newServedStates(p policy) servedStates { return servedStates{p} }

// Code implements lead.IntakeRule.
func (servedStates) Code() fault.Code { return errState.Code }

// Order implements lead.IntakeRule.
func (servedStates) Order() int { return 1000 }

// Check implements lead.IntakeRule. A lead without a state passes: a campaign that needs one says so in its fields.
func (r servedStates) Check(f lead.Facts) error {
	state := f.Field("state")
	if state.Empty() || r.policy.states[state.Text] {
		return nil
	}
	return errState
}
