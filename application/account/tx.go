// Package account is the room of whoever uses the installation: sellers, their settings and API keys. It says what the
// room's commands need of a transaction, and what the log keeps of its events.
package account

import (
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
)

// Tx is what the commands of this room see of a transaction. Campaigns, Buyers and Counters are for what a new time zone of
// a seller means for its contracts.
type Tx interface {
	application.OnceTx
	market.ZonesTx

	Sellers() application.SellerRepository
	Keys() application.KeyRepository
	Partners() application.PartnerRepository
}

// UnitOfWork runs closures in transactions of this room.
type UnitOfWork = application.UnitOfWork[Tx]

// Deps is what the command handlers of this room need.
type Deps = application.Deps[Tx]
