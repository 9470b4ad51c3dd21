// Package returns holds the reasons for which buyers give sales back.
//
// Stability: experimental.
package returns

import "slices"

// Reason says why a buyer gives a lead back.
type Reason string

// The reasons for a return.
const (
	Duplicate      Reason = "duplicate"
	InvalidContact Reason = "invalid_contact"
	OutOfArea      Reason = "out_of_area"
	WrongCategory  Reason = "wrong_category"
	NotRequested   Reason = "not_requested"
	FakeOrTest     Reason = "fake_or_test"
	ConsentRisk    Reason = "consent_risk"
	Other          Reason = "other"
)

// Reasons returns all reasons for a return.
func Reasons() []Reason {
	return []Reason{Duplicate, InvalidContact, OutOfArea, WrongCategory, NotRequested, FakeOrTest, ConsentRisk, Other}
}

// Known reports whether it is one of Reasons.
func (r Reason) Known() bool { return slices.Contains(Reasons(), r) }
