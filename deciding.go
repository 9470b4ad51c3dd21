package leadmill

import "github.com/leadmill/leadmill/domain/attribution"

// groupReplacedPolicies is the value group of attribution policies that take the place of built-in ones.
const groupReplacedPolicies = `group:"replaced_attribution_policies"`

// ReplaceAttributionPolicy registers a constructor of an attribution.Policy that takes the place of the built-in policy of the
// same code, with an order of its own.
func ReplaceAttributionPolicy(constructor any) Extension {
	return grouped[attribution.Policy](constructor, groupReplacedPolicies)
}
