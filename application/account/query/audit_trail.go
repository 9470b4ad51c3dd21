package query

import (
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/operator"
)

// AuditTrail asks who changed what for the actor's seller: all of it, what was done to an object, or by a person or a key, named by their ids. A
// whole trail is read page by page, behind the key of the last one.
type AuditTrail struct {
	application.Actor

	Object, By string
	Page       application.Page
}

// Needs implements application.Message.
func (AuditTrail) Needs() application.Scope { return application.Program }

// NeedsRole implements application.RoleNeeding: where colleagues work from is not for everybody.
func (AuditTrail) NeedsRole() operator.Role { return operator.Operator }

// AuditEntry is that a person or a key changed something. Of a person who is none of the seller's any more, the id alone is told.
type AuditEntry struct {
	ID                      string
	At                      time.Time
	PersonID                string
	PersonName, PersonEmail string
	KeyID, KeyName          string // cli for the command line, admin for the installation's key
	Command                 string // such as UpdateContract
	Objects                 []string
	Address                 string // of the client; of an IPv6 client its network
}
