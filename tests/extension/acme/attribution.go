package acme

import (
	"slices"

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
