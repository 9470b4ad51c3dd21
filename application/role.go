package application

import "github.com/leadmill/leadmill/domain/operator"

// Role says what a person may do for one seller; see Person.
type Role = operator.Role

// The roles. Each may do all that the ones below it may.
const (
	Owner    = operator.Owner
	Operator = operator.Operator
	Viewer   = operator.Viewer
)

// Buyer is the role of people of a buyer, and Anybody what is needed by what everybody who signed in may do.
const (
	Buyer   = operator.Buyer
	Anybody = operator.Anybody
)
