package query

import "github.com/leadmill/leadmill/application"

// PeopleOfBuyer asks for the people of a buyer of the actor's seller, those who were invited too. Of a buyer that is not there, there are none.
type PeopleOfBuyer struct {
	application.Actor

	Buyer string // its id
}

// Needs implements application.Message.
func (PeopleOfBuyer) Needs() application.Scope { return application.Program }
