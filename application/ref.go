package application

import (
	"cmp"
	"slices"
)

// Ref names a row of a seller. Ids are unique over all sellers; the seller says where the row lies.
type Ref struct{ SellerID, ID string }

// Compare orders refs by seller, then by id: the order in which rows of one table are locked.
func (r Ref) Compare(other Ref) int {
	return cmp.Or(cmp.Compare(r.SellerID, other.SellerID), cmp.Compare(r.ID, other.ID))
}

// SortedRefs returns the distinct refs in order.
func SortedRefs(refs []Ref) []Ref {
	return slices.Compact(slices.SortedFunc(slices.Values(refs), Ref.Compare))
}
