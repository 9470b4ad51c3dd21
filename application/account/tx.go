// Package account is the room of sellers, their settings and API keys. It says what the room's commands need of a
// transaction, and how its events are stored in the log.
//
// Stability: experimental.
package account

import (
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
)

// Tx is what the commands of this room see of a transaction. ZonesTx is for the caps of contracts, which are counted again
// when a seller's time zone changes.
type Tx interface { //nolint:interfacebloat // one method a repository
	application.OnceTx
	market.ZonesTx

	Sellers() application.SellerRepository
	Keys() application.KeyRepository
	Partners() application.PartnerRepository
	People() PersonRepository
	Staff() StaffRepository
	PersonSessions() PersonSessionRepository
	PersonLinks() PersonLinkRepository
	PersonMails() PersonMailRepository
	Logos() LogoRepository
	// Trail is for commands that the interceptor "audit" does not know who sends: those of visitors who turn out to be people, and those that
	// change something of several sellers.
	Trail() application.AuditWriter
}

// UnitOfWork runs closures in transactions of this room.
type UnitOfWork = application.UnitOfWork[Tx]

// Deps is what the command handlers of this room need.
type Deps = application.Deps[Tx]
