package query

import (
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/operator"
)

// SecurityOfPerson asks how who signed in signs in.
type SecurityOfPerson struct{ application.Actor }

// Needs implements application.Message.
func (SecurityOfPerson) Needs() application.Scope { return application.Program }

// NeedsRole implements application.RoleNeeding: everybody signs in somehow.
func (SecurityOfPerson) NeedsRole() operator.Role { return operator.Anybody }

// Security is how a person signs in.
type Security struct {
	HasPassword   bool
	HasProvider   bool // came from an identity provider at least once
	SecondFactor  bool
	RecoveryCodes int // that are left
}
