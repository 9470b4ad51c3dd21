// Package acme is a team that extends Leadmill without changing it: an example to copy, and the proof that the seams hold.
// It has a rule that leads must pass, a strategy that campaigns can name, a policy that decides whose customer somebody is, an interceptor around commands and a read model
// of its own. Its whole build is cmd/main.go.
package acme

import (
	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/domain/money"
)

// Module is all that Acme adds.
var Module = leadmill.NewModule("acme",
	leadmill.Provide(newPolicy),
	leadmill.AsMigrations(migrations, "migrations"),
	leadmill.AsIntakeRule(newServedStates),
	leadmill.AsStrategy(newLowestPrice),
	leadmill.AsAttributionPolicy(newHouseAccounts),
	leadmill.AsInterceptor(newDepositLimit),
	leadmill.AsProjection(newEventCounts),
)

// policy is Acme's own rules as data: other constructors of the module get it as a parameter.
type policy struct {
	states      map[string]bool // where Acme does business, as codes of US states
	maxTransfer money.Micros    // micro-units in one deposit or withdrawal
}

func newPolicy() policy {
	return policy{states: map[string]bool{"TX": true, "OK": true, "NM": true}, maxTransfer: 250_000_000_000}
}
