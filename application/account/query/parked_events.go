package query

import (
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/operator"
)

// ParkedEvents asks how many events consumers could not handle, or hold back behind such a one, up to MostParkedCounted. Of an installation with
// several sellers none is told of.
type ParkedEvents struct{ application.Actor }

// MostParkedCounted is up to how many parked events are counted.
const MostParkedCounted = 100

// Needs implements application.Message.
func (ParkedEvents) Needs() application.Scope { return application.Program }

// NeedsRole implements application.RoleNeeding.
func (ParkedEvents) NeedsRole() operator.Role { return operator.Owner }
