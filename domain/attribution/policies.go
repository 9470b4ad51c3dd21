package attribution

import (
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/partner"
)

// Refusals of the built-in policies (docs/partner-program.md).
var (
	// ErrSelfReferral says that partner and customer have the same email address.
	ErrSelfReferral = fault.ErrValidation.With(fault.Violation{Field: "email", Code: "self_referral", Message: "is the partner's own: a partner cannot refer itself"})
	// ErrLeadSelfReferral is ErrSelfReferral for a lead that is converted, whose request has no email.
	ErrLeadSelfReferral = fault.New(fault.RuleViolated, "self_referral", "The lead's email is the partner's own: a partner cannot refer itself.")
	// ErrPartnerNotActive says that the partner was archived or rejected.
	ErrPartnerNotActive = fault.New(fault.RuleViolated, "partner_not_active", "The partner is not active in this program.")
	// ErrExpired says that the visit through the partner's link is older than the program's attribution window.
	ErrExpired = fault.New(fault.RuleViolated, "attribution_expired", "The referral is older than the program's attribution window.")
)

// rule is a built-in policy.
type rule struct {
	code   string
	order  int
	decide func(Facts) Verdict
}

// Code implements Policy.
func (r rule) Code() string { return r.code }

// Order implements Policy.
func (r rule) Order() int { return r.order }

// Decide implements Policy.
func (r rule) Decide(f Facts) Verdict { return r.decide(f) }

func builtIn() []Policy {
	return []Policy{
		rule{"self_referral", 100, selfReferral},
		rule{"inactive_partner", 200, inactivePartner},
		rule{"window", 300, window},
		rule{"operator", 400, from(Operator)},
		rule{"lead", 500, from(Lead)},
		rule{"first_touch", 600, firstTouch},
		rule{"last_touch", 600, lastTouch},
		rule{"explicit", 700, from(Explicit)},
		rule{"link", 800, from(Link)},
	}
}

// from returns the decision of a policy that attributes every touch of one source.
func from(s Source) func(Facts) Verdict {
	return func(f Facts) Verdict {
		if f.Touch.Source == s {
			return Attribute()
		}
		return Verdict{}
	}
}

func selfReferral(f Facts) Verdict {
	if f.Program.AllowSelfReferral || f.PartnerEmail == "" || f.PartnerEmail != f.CustomerEmail {
		return Verdict{}
	}
	if f.Touch.Source == Lead {
		return Refuse(ErrLeadSelfReferral)
	}
	return Refuse(ErrSelfReferral)
}

// inactivePartner refuses touches by a partner that is archived, rejected or deleted. Such a partner keeps its customers,
// and the leads it submitted still become its customers.
func inactivePartner(f Facts) Verdict {
	if f.Touch.Source == Lead || f.Touch.Source == Current {
		return Verdict{}
	}
	switch partner.Status(f.PartnerStatus) {
	case partner.StatusArchived, partner.StatusRejected, partner.StatusDeleted:
		return Refuse(ErrPartnerNotActive)
	default:
		return Verdict{}
	}
}

// window refuses a new customer, and keeps an existing one, when a link or an explicit touch is older than the program's
// window.
func window(f Facts) Verdict {
	w := f.Program.Window
	if w <= 0 || !f.Touch.At.Add(w).Before(f.Now) {
		return Verdict{}
	}
	switch f.Touch.Source {
	case Operator, Lead, Current:
		return Verdict{}
	case Explicit, Link:
	}
	if f.New() {
		return Refuse(ErrExpired)
	}
	return Keep()
}

// firstTouch keeps a customer with the partner that brought it first: a later touch by another partner changes nothing.
func firstTouch(f Facts) Verdict {
	if f.New() || f.Program.LastTouch {
		return Verdict{}
	}
	return Keep()
}

// lastTouch gives a customer to the partner whose touch happened last, in whatever order the touches arrive.
func lastTouch(f Facts) Verdict {
	switch {
	case f.New() || !f.Program.LastTouch:
		return Verdict{}
	case f.Touch.At.Before(f.CurrentTouchedAt):
		return Keep()
	}
	return Attribute()
}
