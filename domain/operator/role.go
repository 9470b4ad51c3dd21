// Package operator is about the people who run a seller's business through the pages of Leadmill: who they are, what they may do and
// how they show who they are.
//
// Stability: experimental.
package operator

// Role says what a person may do for one seller.
type Role string

// The roles. Each may do all that the ones below it may.
const (
	Owner    Role = "owner"    // everything, people and keys too
	Operator Role = "operator" // runs campaigns, buyers, partners and leads
	Viewer   Role = "viewer"   // looks at everything but secrets, and changes nothing
)

// IsRole reports whether r is one of the roles.
func IsRole(r Role) bool { return r == Owner || r == Operator || r == Viewer }

// Includes reports whether who has the role may do what needs the other one.
func (r Role) Includes(other Role) bool { return r.rank() >= other.rank() && r.rank() > 0 }

func (r Role) rank() int {
	switch r {
	case Owner:
		return 3
	case Operator:
		return 2
	case Viewer:
		return 1
	}
	return 0
}
