// Package program is the room of the partner program: partners and their referral links, customers, the lead form with its
// leads, invitations, tracking and the partners' pages. It says what the room's commands need of a transaction and from
// outside, and how its events are stored in the log.
//
// Stability: experimental.
package program

import (
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
)

// Tx is what the commands of this room see of a transaction. Campaigns and Claims are for form leads that are offered to
// buyers, Keys for the supplier keys of a partner that is deleted.
type Tx interface { //nolint:interfacebloat // one method a repository
	application.OnceTx

	Sellers() application.SellerRepository
	Keys() application.KeyRepository
	Partners() application.PartnerRepository
	Customers() application.CustomerRepository
	Forms() FormRepository
	FormLeads() FormLeadRepository
	Numbers() NumberRepository
	Tokens() TokenRepository
	Campaigns() application.CampaignRepository
	Claims() market.ClaimRepository
}

// UnitOfWork runs closures in transactions of this room.
type UnitOfWork = application.UnitOfWork[Tx]

// Deps is what the command handlers of this room need.
type Deps = application.Deps[Tx]
