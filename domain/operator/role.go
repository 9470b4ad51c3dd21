// Package operator is about the people who run a seller's business through the pages of Leadmill: who they are, what they may do and
// how they show who they are.
//
// Stability: experimental.
package operator

// Role says what a person may do for one seller.
type Role string

// The roles of a seller's own people. Each may do all that the ones below it may.
const (
	Owner    Role = "owner"    // everything, people and keys too
	Operator Role = "operator" // runs campaigns, buyers, partners and leads
	Viewer   Role = "viewer"   // looks at everything but secrets, and changes nothing
)

// Buyer is the role of people of a buyer. They see and do only what is meant for buyers, of their own one. No other role includes it.
const Buyer Role = "buyer"

// Anybody is what is needed by what everybody who signed in may do, such as changing their own password. Nobody has it as a role.
const Anybody Role = "anybody"

// IsRole reports whether r is one of the roles of a seller's own people.
func IsRole(r Role) bool { return r == Owner || r == Operator || r == Viewer }

// Includes reports whether who has the role may do what needs the other one.
func (r Role) Includes(other Role) bool {
	if other == Anybody {
		return r == Buyer || IsRole(r)
	}
	if other == Buyer {
		return r == Buyer
	}
	return r.rank() >= other.rank() && r.rank() > 0
}

func (r Role) rank() int {
	switch r {
	case Owner:
		return 3
	case Operator:
		return 2
	case Viewer:
		return 1
	case Buyer, Anybody:
	}
	return 0
}
