package application

import (
	"context"

	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/operator"
)

// ErrForbidden says that the key is valid but its scope does not allow the message.
var ErrForbidden = fault.New(fault.Forbidden, "forbidden", "This API key may not do this.")

// ErrRole says that the person who signed in may look at this seller, but not do what was asked.
var ErrRole = fault.New(fault.Forbidden, "role_forbidden", "Your role may not do this.")

// RoleNeeding is a message that needs another role of a person than its kind does: queries are for every role, commands for operators.
type RoleNeeding interface{ NeedsRole() operator.Role }

// ForBuyers is a message that people of a buyer may send too. OfBuyer is whose buyer's it is about: it is refused unless that is the one
// that the person is of. A message that names no buyer returns that of its actor, and its handler finds nothing of other buyers.
type ForBuyers interface{ OfBuyer() string }

// Authorise is the interceptor that compares the scope of a command's or query's actor with the scope the message needs. An
// actor with the scope of a team may also send what its scope opens. The HTTP port checks scopes too; Authorise checks them
// for every port. It refuses a message that names no scope, and a message that needs a key but carries no actor. Of a person who signed in it
// also compares the role.
type Authorise struct {
	// Scopes are the scopes of teams; the zero value is none.
	Scopes Scopes
}

// Code implements bus.Interceptor.
func (Authorise) Code() string { return "authorise" }

// Order implements bus.Interceptor.
func (Authorise) Order() int { return 500 }

// Intercept implements bus.Interceptor. Errors: ErrForbidden, ErrRole, those of next.
func (a Authorise) Intercept(ctx context.Context, op bus.Operation, next func(context.Context) error) error {
	if !a.permits(op) {
		return ErrForbidden
	}
	if !roleAllows(op) {
		return ErrRole
	}
	return next(ctx)
}

func (a Authorise) permits(op bus.Operation) bool {
	m, ok := op.Message.(Message)
	if !ok {
		return false
	}
	switch need := m.Needs(); need {
	case Visitor, Internal:
		return true
	case "":
		return false
	default:
		sent, ok := op.Message.(interface{ Who() Actor })
		if !ok {
			return false
		}
		has := Scope(sent.Who().Scope)
		return has == need || need == Program && a.Scopes.Opens(has, op.Name)
	}
}

// roleAllows reports whether the role of the person who acts, if one does, is enough for an operation.
func roleAllows(op bus.Operation) bool {
	sent, ok := op.Message.(interface{ Who() Actor })
	if !ok {
		return true
	}
	who := sent.Who()
	if who.PersonID == "" && who.Role == "" {
		return true
	}
	if who.Role == operator.Buyer {
		return buyerMay(op, who)
	}
	needs := operator.Operator
	if op.Kind == bus.Query {
		needs = operator.Viewer
	}
	if m, ok := op.Message.(RoleNeeding); ok {
		needs = m.NeedsRole()
	}
	return who.Role.Includes(needs)
}

// buyerMay reports whether a person of a buyer may send a message: one that is for buyers and about that one, or one for everybody.
func buyerMay(op bus.Operation, who Actor) bool {
	if m, ok := op.Message.(ForBuyers); ok {
		return who.BuyerID != "" && m.OfBuyer() == who.BuyerID
	}
	m, ok := op.Message.(RoleNeeding)
	return ok && m.NeedsRole() == operator.Anybody
}
