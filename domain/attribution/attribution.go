// Package attribution decides which partner a customer belongs to. Each rule is a named policy; the first that has an
// opinion decides, and its name goes into customer.attributed.v1.
//
// Stability: experimental.
package attribution

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/leadmill/leadmill/domain/fault"
)

// Source says how a partner came to be named for a customer.
type Source string

// The sources of a touch.
const (
	Explicit Source = "explicit" // the partner is named when the customer is created
	Link     Source = "link"     // a referral URL names the partner
	Lead     Source = "lead"     // the partner submitted the lead that becomes the customer
	Operator Source = "operator" // an operator names the partner for an existing customer
	Current  Source = "current"  // the partner has the customer already, whose email address is being changed
)

// Touch is a partner's claim to a customer. ReferralKey is empty when no key named the partner. At is when the visitor
// followed the partner's link or, if that is unknown, when Leadmill heard of the touch.
type Touch struct {
	Source                 Source
	PartnerID, ReferralKey string
	At                     time.Time
}

// Facts is what a policy may know. It is a value: changing it changes nothing.
type Facts struct {
	SellerID, CustomerID string
	Touch                Touch
	// CurrentPartnerID is the partner that has the customer; empty for a new customer. CurrentSince is when that partner got
	// the customer, CurrentTouchedAt the time of its latest touch.
	CurrentPartnerID string
	CurrentSince     time.Time
	CurrentTouchedAt time.Time
	// PartnerStatus is the status of the touch's partner, such as "active".
	PartnerStatus string
	// PartnerEmail and CustomerEmail are lower-case addresses, the form that is compared; empty when unknown.
	PartnerEmail, CustomerEmail string
	PartnerTags, CustomerTags   []string
	Program                     Program
	Now                         time.Time
}

// New reports whether the customer has no partner yet.
func (f Facts) New() bool { return f.CurrentPartnerID == "" }

// Program is what a seller's settings say about attribution. With a zero Window touches never become too old.
type Program struct {
	LastTouch, AllowSelfReferral bool
	Window                       time.Duration
}

// Verdict is the opinion of a policy: none (the zero value), Attribute, Keep or Refuse.
type Verdict struct {
	says   opinion
	reason error
}

type opinion uint8

const (
	silent opinion = iota
	attribute
	keep
	refuse
)

// Attribute gives the customer to the touch's partner.
func Attribute() Verdict { return Verdict{says: attribute} }

// Keep leaves the customer with its current partner. A new customer has none and is refused: ErrNotAttributed.
func Keep() Verdict { return Verdict{says: keep} }

// Refuse refuses the request. A reason that is a *fault.Error keeps its kind and code; the text of any other reason becomes
// the message of an error of kind fault.RuleViolated with the policy's code.
func Refuse(reason error) Verdict { return Verdict{says: refuse, reason: reason} }

// Attributes reports whether the verdict is Attribute.
func (v Verdict) Attributes() bool { return v.says == attribute }

// Keeps reports whether the verdict is Keep.
func (v Verdict) Keeps() bool { return v.says == keep }

// Refuses reports whether the verdict is Refuse.
func (v Verdict) Refuses() bool { return v.says == refuse }

// Silent reports whether the verdict is the zero Verdict: no opinion, the next policy is asked.
func (v Verdict) Silent() bool { return v.says == silent }

// Reason returns what was given to Refuse; nil for any other verdict.
func (v Verdict) Reason() error { return v.reason }

// Policy is one rule of attribution. It is an extension point: implement it and register it with
// leadmill.AsAttributionPolicy. A policy is pure: it sees facts, never a database, and may be asked again for the same
// touch.
type Policy interface {
	// Code names the policy, unique among all policies: 1 to 64 lower-case letters, digits and underscores. That of a
	// replacement is the code of the built-in policy whose place it takes.
	Code() string
	// Order says when the policy is asked: lower first, ties by Code. The built-in policies have 100 to 800.
	Order() int
	// Decide returns the policy's opinion; the zero Verdict leaves it to the next.
	Decide(f Facts) Verdict
}

// ErrNotAttributed says that no policy gave a new customer to a partner.
var ErrNotAttributed = fault.New(fault.RuleViolated, "not_attributed", "The program's rules attribute this customer to no partner.")

// Policies are policies in the order they are asked.
type Policies struct {
	list     []Policy
	replaced map[string]bool
}

var codePattern = regexp.MustCompile(`^[a-z0-9_]{1,64}$`)

// NewPolicies returns the built-in policies, replacements for some of them, and those of extensions. It fails when a
// replacement's code is not that of a built-in policy, when two replace the same one, when any other two policies have the
// same code, and when a code is malformed.
func NewPolicies(replacements []Policy, extensions ...Policy) (Policies, error) {
	list, replaced, own, taken := builtIn(), map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, p := range list {
		own[p.Code()] = true
	}
	for _, p := range replacements {
		i := slices.IndexFunc(list, func(b Policy) bool { return b.Code() == p.Code() })
		if i < 0 {
			return Policies{}, fmt.Errorf("no built-in attribution policy has the code %q: there is nothing to replace", p.Code())
		}
		if replaced[p.Code()] {
			return Policies{}, fmt.Errorf("two attribution policies replace the built-in %q", p.Code())
		}
		list[i], replaced[p.Code()] = p, true
	}
	for _, p := range extensions {
		if !codePattern.MatchString(p.Code()) {
			return Policies{}, fmt.Errorf("the attribution policy code %q must be 1 to 64 lower-case letters, digits and underscores", p.Code())
		}
		if own[p.Code()] {
			return Policies{}, fmt.Errorf("the attribution policy %q has the code of a built-in one; to replace it use ReplacePolicy", p.Code())
		}
		if taken[p.Code()] {
			return Policies{}, fmt.Errorf("two attribution policies have the code %q", p.Code())
		}
		taken[p.Code()] = true
	}
	list = append(list, extensions...)
	slices.SortFunc(list, func(a, b Policy) int {
		return cmp.Or(cmp.Compare(a.Order(), b.Order()), cmp.Compare(a.Code(), b.Code()))
	})
	return Policies{list, replaced}, nil
}

// Listing returns Codes as they are shown to an operator: "window (replaced)" for a built-in policy that was replaced.
func (p Policies) Listing() []string {
	out := p.Codes()
	for i, code := range out {
		if p.replaced[code] {
			out[i] += " (replaced)"
		}
	}
	return out
}

// Codes returns the codes of the policies in the order they are asked.
func (p Policies) Codes() []string {
	out := make([]string, len(p.list))
	for i, policy := range p.list {
		out[i] = policy.Code()
	}
	return out
}

// Decide asks the policies until one has an opinion. attributed says whether the touch's partner gets the customer; policy
// is the code of the policy that decided, empty when none did. The error is the refusal of a policy or ErrNotAttributed.
func (p Policies) Decide(f Facts) (policy string, attributed bool, err error) {
	for _, policy := range p.list {
		own := f // its lists are copied, so that a policy cannot change what the next policy sees
		own.PartnerTags, own.CustomerTags = slices.Clone(f.PartnerTags), slices.Clone(f.CustomerTags)
		switch v := policy.Decide(own); v.says {
		case attribute:
			return policy.Code(), true, nil
		case refuse:
			return policy.Code(), false, fault.Refused(fault.Code(policy.Code()), v.reason)
		case keep:
			if f.New() {
				return policy.Code(), false, ErrNotAttributed
			}
			return policy.Code(), false, nil
		case silent:
		}
	}
	if f.New() {
		return "", false, ErrNotAttributed
	}
	return "", false, nil
}
