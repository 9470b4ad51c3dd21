package acme

import (
	"strconv"

	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/lead"
)

// errTooYoung is what the supplier reads in "error" and "code". It does not repeat the age: that is personal data.
var errTooYoung = fault.New(fault.RuleViolated, "acme_too_young", "Acme does not buy leads of people of this age.")

// ofAge is an intake rule: nobody is sold who is too young to sign. A lead without an age passes; a campaign that needs one
// says so in its fields.
type ofAge struct{ minimum int }

func newOfAge(s Settings) ofAge { return ofAge{s.MinimumAge} }

// Code implements lead.IntakeRule.
func (ofAge) Code() fault.Code { return errTooYoung.Code }

// Order implements lead.IntakeRule.
func (ofAge) Order() int { return 1000 }

// Check implements lead.IntakeRule.
func (r ofAge) Check(f lead.Facts) error {
	age := f.Field("age")
	if age.Empty() {
		return nil
	}
	if years, err := strconv.Atoi(age.Text); err != nil || years < r.minimum {
		return errTooYoung
	}
	return nil
}
