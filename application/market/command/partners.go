package command

import (
	"context"
	"slices"
	"strconv"

	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/fault"
)

// errUnknownPartner says that a partner who is named in a body does not exist at this seller.
var errUnknownPartner = fault.New(fault.Invalid, fault.InvalidValue, "is not a partner of yours")

// unknownPartners returns the places of those of some ids that are of no partner of a seller. An empty id names nobody.
func unknownPartners(ctx context.Context, r market.PartnerReader, sellerID string, ids ...string) (places []int, err error) {
	if !slices.ContainsFunc(ids, func(id string) bool { return id != "" }) {
		return nil, nil
	}
	known, err := r.PartnersAmong(ctx, sellerID, ids)
	if err != nil {
		return nil, err
	}
	slices.Sort(known)
	for i, id := range ids {
		if _, found := slices.BinarySearch(known, id); id != "" && !found {
			places = append(places, i)
		}
	}
	return places, nil
}

// unknownSuppliers returns the places of those suppliers that a definition quarantines who are no partners of a seller.
func unknownSuppliers(ctx context.Context, r market.PartnerReader, sellerID string, d campaign.Definition) ([]int, error) {
	if d.Quarantine == nil {
		return nil, nil
	}
	return unknownPartners(ctx, r, sellerID, d.Quarantine.Suppliers...)
}

// refuseSuppliers refuses unknown suppliers of a definition, but not those that a campaign has already: a partner may be deleted.
func refuseSuppliers(unknown []int, d campaign.Definition, has []string) error {
	var v fault.Violations
	for _, i := range unknown {
		if !slices.Contains(has, d.Quarantine.Suppliers[i]) {
			v.AddErr("quarantine.suppliers."+strconv.Itoa(i), errUnknownPartner)
		}
	}
	return v.Err()
}
