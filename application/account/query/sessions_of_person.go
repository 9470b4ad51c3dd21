package query

import (
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/operator"
)

// SessionsOfPerson asks for the sessions of who signed in.
type SessionsOfPerson struct{ application.Actor }

// Needs implements application.Message.
func (SessionsOfPerson) Needs() application.Scope { return application.Program }

// NeedsRole implements application.RoleNeeding: everybody has sessions.
func (SessionsOfPerson) NeedsRole() operator.Role { return operator.Anybody }

// SessionOfPerson is a browser in which a person is signed in. Address and Agent are as they were at the sign-in.
type SessionOfPerson struct {
	ID             string
	Seller         string // code of the one whose pages are open
	Address, Agent string
	CreatedAt      time.Time
	SeenAt         time.Time
	ExpiresAt      time.Time
}
