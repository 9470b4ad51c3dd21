package query

import (
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/contact"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
)

// MarketplaceLeads asks for a seller's leads, newest first. What is zero selects all. Where the answer is not found by a key, a page looks at no
// more than MostScanned leads: it may hold fewer items than its limit, or none, and still have a next one.
type MarketplaceLeads struct {
	application.Actor

	Status, Category    string
	State               contact.USState
	BuyerID, ContractID string // of one of its sales, also of one that was returned
	PartnerID, KeyID    string // who sent it
	Phone               contact.Phone
	Email               contact.Email
	From, To            time.Time // From inclusive, To exclusive, by the time they were created
	Page                application.Page
}

// MostScanned is how many leads a page of MarketplaceLeads looks at.
const MostScanned = 20_000

// Searches reports whether leads must be looked at one by one, because no key leads to those that are asked for.
func (q MarketplaceLeads) Searches() bool {
	return !q.State.IsZero() || q.BuyerID != "" || q.ContractID != "" || q.PartnerID != "" || q.KeyID != "" || q.OfPerson()
}

// OfPerson reports whether only leads of somebody are asked for.
func (q MarketplaceLeads) OfPerson() bool { return !q.Phone.IsZero() || !q.Email.IsZero() }

// Matches reports whether the fields of a lead hold the phone and the email that are asked for, in whatever field and however written.
func (q MarketplaceLeads) Matches(fields field.Set) bool {
	return (q.Phone.IsZero() || lead.NewPerson(contact.Email{}, q.Phone).In(fields)) && (q.Email.IsZero() || lead.NewPerson(q.Email, contact.Phone{}).In(fields))
}

// Needs implements application.Message.
func (MarketplaceLeads) Needs() application.Scope { return application.Program }

// MarketplaceLead is a lead as its seller sees it. Fields and Trace are filled only by MarketplaceLeadByID. State is empty where the lead has
// none. Price is the sum of its live sales; Price and Payout are in micro-units of the seller's currency.
type MarketplaceLead struct {
	ID, Origin, Status           string
	CampaignID, Category         string
	PartnerID, KeyID, ExternalID string
	State                        string
	Test                         bool
	Code, Reason                 string
	Price, Payout                money.Micros
	// AskingPrice is what it is offered at in place of the contracts' prices, in micro-units of the seller's currency; 0: none.
	AskingPrice money.Micros
	// Consent names the consent fields that it came with, in a campaign that asked for consent; also when the fields were erased.
	Consent              []string
	PingID               string // the ping that it came with, as long as it is kept; empty: none
	Fields               field.Set
	Trace                lead.Trace
	Sales                []Sale
	CreatedAt, UpdatedAt time.Time
	PendingUntil         time.Time
}

// Sale is one sale of a lead. Price is in micro-units of the seller's currency. Live says that it counts: it was not returned.
type Sale struct {
	ID, ContractID, BuyerID, Status string
	BuyerName                       string
	Live                            bool
	Price                           money.Micros
	SoldAt                          time.Time
	// Delivery is where telling the buyer stands, as DeliveryStatuses has it, or none.
	Delivery string
}

// DeliveryShown is how the stored state of a sale's delivery is shown.
func DeliveryShown(state string) string {
	if state == "" {
		return string(campaign.DeliveryNone)
	}
	return state
}

// LeadStatuses returns the statuses that a lead of the marketplace can have and be listed by.
func LeadStatuses() []string {
	var statuses []string
	for _, s := range lead.Statuses() {
		statuses = append(statuses, string(s))
	}
	return statuses
}

// MarketplaceLeadOf returns a lead as its seller sees it, without the names of its buyers.
func MarketplaceLeadOf(s lead.Snapshot) MarketplaceLead {
	out := MarketplaceLead{
		ID: s.ID, Origin: string(s.Origin), Status: string(s.Status), CampaignID: s.CampaignID, Category: s.Category, PartnerID: s.PartnerID,
		KeyID: s.KeyID, ExternalID: s.ExternalID, Test: s.Test, Code: string(s.Code), Reason: s.Reason, Payout: s.Payout, AskingPrice: s.AskingPrice, Fields: s.Fields,
		Trace: s.Trace, CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt, PendingUntil: s.PendingUntil,
	}
	for _, sale := range s.Sales {
		out.Sales = append(out.Sales, Sale{ID: sale.ID, ContractID: sale.ContractID, BuyerID: sale.BuyerID, Status: string(sale.Status), Live: sale.Status.Live(), Price: sale.Price, SoldAt: sale.At, Delivery: DeliveryShown(sale.Delivery)})
		if sale.Status.Live() {
			out.Price += sale.Price
		}
	}
	for _, r := range s.Reservations {
		out.Sales = append(out.Sales, ReservedSale(r))
	}
	return out
}

// ReservedSale returns a reservation as a sale that is not made, without the name of its buyer: it is reserved or released. What it tells of its
// delivery is none.
func ReservedSale(r lead.Reservation) Sale {
	status := string(lead.ReservationReserved)
	if !r.Status.Held() {
		status = string(lead.ReservationReleased)
	}
	return Sale{ID: r.SaleID, ContractID: r.ContractID, BuyerID: r.BuyerID, Status: status, Price: r.Price, SoldAt: r.At, Delivery: DeliveryShown("")}
}
