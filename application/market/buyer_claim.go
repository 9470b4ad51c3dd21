package market

import (
	"strconv"

	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/field"
)

// BuyerClaimKeys returns the keys of the claims by which a buyer is found to have bought a person before, by the buyer's rule. Rules of
// different windows have different claims, so that each holds for as long as it says.
func BuyerClaimKeys(buyerID string, rule campaign.Dedupe, fields field.Set) []ClaimKey {
	values := rule.Keys(fields)
	if len(values) == 0 {
		return nil
	}
	keys := make([]ClaimKey, 0, len(values))
	for kind, value := range values {
		keys = append(keys, NewClaimKey(buyerID, ClaimKind("bought_"+kind+"_"+strconv.Itoa(rule.WindowDays)), value))
	}
	return keys
}
