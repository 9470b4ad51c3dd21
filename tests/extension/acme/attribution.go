package acme

import (
	"slices"
	"strings"

	"github.com/leadmill/leadmill/domain/attribution"
	"github.com/leadmill/leadmill/domain/fault"
)

// errHouse is what a client reads that names a partner for one of Acme's own customers.
var errHouse = fault.New(fault.RuleViolated, "acme_house_account", "House accounts belong to no partner.")

// houseAccounts is an attribution policy: customers that are tagged "house" are Acme's own, whoever refers them. It is asked
// before all built-in ones.
type houseAccounts struct{}

func newHouseAccounts() houseAccounts { return houseAccounts{} }

// Code implements attribution.Policy.
func (houseAccounts) Code() string { return "acme_house_accounts" }

// Order implements attribution.Policy.
func (houseAccounts) Order() int { return 50 }

// Decide implements attribution.Policy.
func (houseAccounts) Decide(f attribution.Facts) attribution.Verdict {
	if slices.Contains(f.CustomerTags, "house") {
		return attribution.Refuse(errHouse)
	}
	return attribution.Verdict{}
}

// errFamily is what a client reads when a partner refers somebody of its own mail domain.
var errFamily = fault.New(fault.RuleViolated, "acme_same_company", "A partner does not refer its own company.")

// familyReferral replaces the built-in policy against partners that refer themselves: at Acme a whole company counts as one.
type familyReferral struct{}

func newFamilyReferral() familyReferral { return familyReferral{} }

// Code implements attribution.Policy. It is that of the policy it replaces.
func (familyReferral) Code() string { return "self_referral" }

// Order implements attribution.Policy.
func (familyReferral) Order() int { return 100 }

// Decide implements attribution.Policy.
func (familyReferral) Decide(f attribution.Facts) attribution.Verdict {
	_, partner, _ := strings.Cut(f.PartnerEmail, "@")
	_, customer, _ := strings.Cut(f.CustomerEmail, "@")
	if partner != "" && partner == customer {
		return attribution.Refuse(errFamily)
	}
	return attribution.Verdict{}
}
