package lead

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/leadmill/leadmill/domain/fault"
)

// IntakeRule is a business rule that every lead must pass before it is offered to buyers. It is an extension point:
// implement it and register it with leadmill.AsIntakeRule. A rule is pure: it sees facts, never a database, and may be
// called again for the same lead.
type IntakeRule interface {
	// Code names the rule. It is shown to suppliers and unique among all rules: 1 to 64 lower-case letters, digits and
	// underscores.
	Code() fault.Code
	// Order says when the rule is asked: lower first, ties by Code.
	Order() int
	// Check returns nil to accept the lead, HoldBack to have the seller look at it first, or an error whose text the supplier may read. An error of kind
	// fault.Unavailable says that the rule cannot tell now: the lead is neither rejected nor stored, and can be sent again.
	Check(f Facts) error
}

// ErrRuleUnavailable says that an intake rule cannot tell now whether it accepts a lead: the lead is not stored and can be
// sent again.
var ErrRuleUnavailable = fault.New(fault.Unavailable, "service_unavailable", "Service unavailable")

// IntakeRules are rules in the order they are asked.
type IntakeRules struct{ rules []IntakeRule }

// NewIntakeRules orders rules by (Order, Code). It fails when two rules have the same code or a code is malformed.
func NewIntakeRules(rules ...IntakeRule) (IntakeRules, error) {
	rules = slices.Clone(rules)
	slices.SortFunc(rules, func(a, b IntakeRule) int {
		return cmp.Or(cmp.Compare(a.Order(), b.Order()), cmp.Compare(a.Code(), b.Code()))
	})
	seen := map[fault.Code]bool{}
	for _, r := range rules {
		if !codePattern.MatchString(string(r.Code())) {
			return IntakeRules{}, fmt.Errorf("the intake rule code %q must be 1 to 64 lower-case letters, digits and underscores", r.Code())
		}
		if seen[r.Code()] {
			return IntakeRules{}, fmt.Errorf("two intake rules have the code %q", r.Code())
		}
		seen[r.Code()] = true
	}
	return IntakeRules{rules}, nil
}

var codePattern = regexp.MustCompile(`^[a-z0-9_]{1,64}$`)

// Codes returns the codes of the rules in the order they are asked.
func (r IntakeRules) Codes() []fault.Code {
	out := make([]fault.Code, len(r.rules))
	for i, rule := range r.rules {
		out[i] = rule.Code()
	}
	return out
}

// Check asks every rule until one refuses or cannot tell. refused is nil or carries the refusing rule's code and text, also that of a rule
// that holds the lead back; Judge tells the two apart. The error is ErrRuleUnavailable when a rule could not tell.
func (r IntakeRules) Check(f Facts) (refused *fault.Error, err error) {
	v, err := r.Judge(f)
	return v.Why, err
}

// Judge asks every rule until one rejects the lead or cannot tell. A lead that rules hold back and none rejects is quarantined with the
// first one's code. The Verdict is zero for a lead that all accept. The error is ErrRuleUnavailable when a rule could not tell.
func (r IntakeRules) Judge(f Facts) (v Verdict, err error) {
	for _, rule := range r.rules {
		if err := rule.Check(f); err != nil {
			if h, ok := errors.AsType[*heldBackError](err); ok {
				if v.Why == nil {
					v = Verdict{Why: fault.New(fault.RuleViolated, rule.Code(), fault.Readable(h.message)), Quarantine: true}
				}
				continue
			}
			e := fault.As(err)
			if e != nil && e.Kind == fault.Unavailable {
				// The rule's own text stays away from logs: it may repeat what it was asked about.
				return Verdict{}, ErrRuleUnavailable.Because(fmt.Errorf("the intake rule %q cannot tell now", rule.Code()))
			}
			message := err.Error()
			if e != nil {
				message = e.Message
			}
			return Verdict{Why: fault.New(fault.RuleViolated, rule.Code(), fault.Readable(message))}, nil
		}
	}
	return v, nil
}
