package query

import (
	"time"

	"github.com/leadmill/leadmill/application"
)

// PeopleOfSeller asks for the actor's seller's own people, those who were invited too.
type PeopleOfSeller struct{ application.Actor }

// Needs implements application.Message.
func (PeopleOfSeller) Needs() application.Scope { return application.Program }

// PersonOfSeller is one of a seller's people. Of who has not accepted the invitation, little is told.
type PersonOfSeller struct {
	ID           string
	Email        string
	Name         string
	Role         string // owner, operator or viewer; buyer for one of a buyer's
	Invited      bool   // the invitation is not accepted yet
	SecondFactor bool
	InvitedAt    time.Time
	AcceptedAt   time.Time // zero: not yet
	LastSeenAt   time.Time // zero: has no session
}
