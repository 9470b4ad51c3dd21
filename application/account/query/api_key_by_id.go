package query

import "github.com/leadmill/leadmill/application"

// APIKeyByID asks for one key that is in force: seller.ErrKeyNotFound.
type APIKeyByID struct {
	application.Actor

	ID string
}

// Needs implements application.Message.
func (APIKeyByID) Needs() application.Scope { return application.Program }
