// Package market is the room of the lead marketplace: campaigns with their contracts, buyers with their accounts, the leads
// that suppliers send, and reports. It says what the room's commands need of a transaction and from outside, how its events
// are stored in the log, and the few things that other rooms do with the market's rows.
//
// Stability: experimental.
package market

import "github.com/leadmill/leadmill/application"

// Tx is what the commands of this room see of a transaction. Customers, AnswerErasures and MailErasures are for what is erased on request.
type Tx interface { //nolint:interfacebloat // one method a repository
	application.OnceTx
	ZonesTx

	Sellers() application.SellerRepository
	Leads() application.LeadRepository
	LeadPrices() application.LeadPriceRepository
	LeadErasures() application.LeadErasureRepository
	Retentions() RetentionRepository
	Erasures() ErasureRepository
	Customers() application.CustomerRepository
	AnswerErasures() application.AnswerErasureRepository
	MailErasures() application.MailErasureRepository
	Claims() ClaimRepository
	Returns() ReturnRepository
	Consents() ConsentRepository
	Suppressions() SuppressionRepository
	SellerJobs() SellerJobRepository
	Deliveries() DeliveryRepository
	Reservations() ReservationRepository
	Pings() PingRepository
}

// UnitOfWork runs closures in transactions of this room.
type UnitOfWork = application.UnitOfWork[Tx]

// Deps is what the command handlers of this room need.
type Deps = application.Deps[Tx]
