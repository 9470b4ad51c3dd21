// Package market stores the lead marketplace: campaigns with their contracts, buyers with their ledgers, suppliers' leads with
// their sales, what contracts used of their caps, the claims that make duplicates impossible, and the campaign report.
//
// Stability: unsupported; it may change at any time.
package market

import (
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
)

// Repositories are the repositories of this room in one transaction.
type Repositories struct{ t *engine.Tx }

// NewRepositories binds the repositories to a transaction.
func NewRepositories(t *engine.Tx) Repositories { return Repositories{t} }

// Buyers returns the repository of buyers.
func (r Repositories) Buyers() application.BuyerRepository { return buyers(r) }

// Campaigns returns the repository of campaigns and their contracts.
func (r Repositories) Campaigns() application.CampaignRepository { return campaigns(r) }

// Leads returns the repository of leads and their sales.
func (r Repositories) Leads() application.LeadRepository { return leads(r) }

// LeadPrices returns the repository of the prices of leads.
func (r Repositories) LeadPrices() application.LeadPriceRepository { return leads(r) }

// Counters returns the repository of what contracts used in spans of time.
func (r Repositories) Counters() market.CounterRepository { return counters(r) }

// LeadErasures returns the repository of leads that are erased.
func (r Repositories) LeadErasures() application.LeadErasureRepository { return erasures(r) }

// Retentions returns the repository of how far leads were erased because they are old.
func (r Repositories) Retentions() market.RetentionRepository { return erasures(r) }

// Erasures returns the repository of what was asked to be erased.
func (r Repositories) Erasures() market.ErasureRepository { return requestedErasures(r) }

// Claims returns the repository of claims.
func (r Repositories) Claims() market.ClaimRepository { return claims(r) }

// Returns returns the repository of the returns of sales.
func (r Repositories) Returns() market.ReturnRepository { return saleReturns(r) }

// Consents returns the repository of what was given with leads to prove consent.
func (r Repositories) Consents() market.ConsentRepository { return consents(r) }

// Suppressions returns the repository of what sellers suppress.
func (r Repositories) Suppressions() market.SuppressionRepository { return suppressions(r) }

// SellerJobs returns the repository of what sellers asked for that takes long.
func (r Repositories) SellerJobs() market.SellerJobRepository { return sellerJobs(r) }

// Deliveries returns the repository of what buyers are told of their sales.
func (r Repositories) Deliveries() market.DeliveryRepository { return deliveries(r) }

// Reservations returns the repository of sales that may be made.
func (r Repositories) Reservations() market.ReservationRepository { return saleReservations(r) }

// Pings returns the repository of what suppliers were promised.
func (r Repositories) Pings() market.PingRepository { return pings(r) }

// keepPings is how long pings are kept, used ones too.
const keepPings = 24 * time.Hour

// keepAttempts is how long attempts to deliver are kept.
const keepAttempts = 30 * 24 * time.Hour

// keepCounters is how long a contract's counter is kept after its span ended. No cap looks at it then; it waits for what may still
// change the sales of that span, and for an instance whose clock is behind.
const keepCounters = 62 * 24 * time.Hour

// Expiring are the tables of this room whose rows are over at some time.
func Expiring() []engine.Expiring {
	return []engine.Expiring{
		{Table: "recent_requests", Key: []string{"seller_id", "content"}, Time: "accepted_at", Lives: market.DoubleClick},
		{Table: "claims", Key: []string{"seller_id", "claim_key"}, Time: "expires_at"},
		{Table: "contract_counters", Key: []string{"seller_id", "counter_key"}, Text: true, Time: "ends_at", Lives: keepCounters},
		{Table: "delivery_attempts", Key: []string{"seller_id", "delivery_id", "number"}, Time: "at", Lives: keepAttempts},
		{Table: "pings", Key: []string{"seller_id", "id"}, Text: true, Time: "created_at", Lives: keepPings},
	}
}
