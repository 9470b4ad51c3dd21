package campaign

import "slices"

// Confirms reports whether the contract's buyer is asked before a lead is sold to it.
func (k Contract) Confirms() bool { return k.s.Delivery != nil && k.s.Delivery.Confirm }

// Delivers reports whether any contract of the campaign tells its buyer of leads.
func (c *Campaign) Delivers() bool {
	return slices.ContainsFunc(c.s.Contracts, func(k ContractSnapshot) bool { return k.Delivery != nil })
}
