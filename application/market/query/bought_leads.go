package query

import (
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/money"
)

// BoughtLeads asks for the leads that a buyer bought, by the sale, the one that was charged last first.
type BoughtLeads struct {
	application.Actor

	BuyerID  string
	From, To time.Time // From inclusive, To exclusive, by when they were charged; zero: any
	Page     application.Page
}

// Needs implements application.Message.
func (BoughtLeads) Needs() application.Scope { return application.Program }

// OfBuyer implements application.ForBuyers.
func (q BoughtLeads) OfBuyer() string { return q.BuyerID }

// BoughtLead is a lead as who bought it sees it: of other buyers, of its supplier and of what it earned nothing is told. Price is in micro-units of
// the seller's currency.
type BoughtLead struct {
	EntryID                     string // of the charge in the ledger, by which they are listed
	SaleID, LeadID              string
	CampaignID, CampaignName    string
	ContractID, Category, State string
	Status, Delivery            string // of the sale
	Price                       money.Micros
	SoldAt                      time.Time
	// ReturnUntil is until when it can be given back; zero: never.
	ReturnUntil time.Time
	// Fields are what the contract delivers of the lead; none once the sale is returned or the lead is erased.
	Fields field.Set
}

// Returned reports whether the sale was given back.
func (l BoughtLead) Returned() bool { return l.Status == SaleReturned }
