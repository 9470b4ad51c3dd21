package campaign

import (
	"slices"

	"github.com/leadmill/leadmill/domain/fault"
)

// Quarantine says which leads of a campaign the seller looks at before they are sold: All of them, or those of some Suppliers, the ids of
// partners. The zero value is none.
type Quarantine struct {
	All       bool
	Suppliers []string
}

const maxQuarantined = 1000

func checkQuarantine(q Quarantine, v *fault.Violations) Quarantine {
	q.Suppliers = slices.Compact(slices.Sorted(slices.Values(q.Suppliers)))
	if len(q.Suppliers) > maxQuarantined || slices.ContainsFunc(q.Suppliers, func(id string) bool { return id == "" || len(id) > 64 }) {
		v.Add("quarantine.suppliers", fault.InvalidValue, "must be at most 1000 ids of partners")
	}
	if len(q.Suppliers) == 0 {
		q.Suppliers = nil
	}
	return q
}

// Quarantines reports whether the seller looks at the leads of a supplier before they are sold.
func (c *Campaign) Quarantines(partnerID string) bool {
	if c.s.Quarantine.All {
		return true
	}
	_, found := slices.BinarySearch(c.s.Quarantine.Suppliers, partnerID)
	return found
}
