package query

import (
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/quota"
)

// Contracts asks for the contracts of a campaign that are not deleted, newest first: campaign.ErrNotFound.
type Contracts struct {
	application.Actor

	CampaignID string
	Page       application.Page
}

// Needs implements application.Message.
func (Contracts) Needs() application.Scope { return application.Program }

// Contract is a contract as queries return it. Price is in micro-units of the seller's currency; TimeZone is the zone in
// which its caps are counted.
type Contract struct {
	ID, CampaignID, BuyerID, Status string
	Price                           money.Micros
	Priority, Weight                int64
	DedupeFields                    []string // empty: no rule
	DedupeMatch                     string
	DedupeWindowDays                int
	TimeZone                        string
	Caps                            []Cap
	Filter                          string // empty: none
	Schedule                        calendar.ScheduleSpec
	Delivery                        *campaign.Delivery // nil: none
	DeliverySecret                  string             // only in the answer to who made it
	Bid                             *campaign.Bid      // nil: its buyer is not asked for bids
	CreatedAt, UpdatedAt            time.Time
}

// Cap is one limit of a contract, a buyer or a campaign. Without its Has flag there is no limit of that kind. Budget is in micro-units of the
// seller's currency.
type Cap struct {
	Window    string
	HasLeads  bool
	Leads     int64
	HasBudget bool
	Budget    money.Micros
}

// ContractOf returns the Contract of a stored contract.
func ContractOf(campaignID string, s campaign.ContractSnapshot) Contract {
	return Contract{
		ID: s.ID, CampaignID: campaignID, BuyerID: s.BuyerID, Status: string(s.Status), Price: s.Price,
		Priority: s.Priority, Weight: max(1, s.Weight), TimeZone: s.EffectiveZone, Caps: capsOf(s.Caps), CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt,
		DedupeFields: s.Dedupe.Fields, DedupeMatch: string(s.Dedupe.Match), DedupeWindowDays: s.Dedupe.WindowDays, Filter: s.Filter, Schedule: s.Schedule, Delivery: s.Delivery, Bid: s.Bid,
	}
}

func capsOf(caps []quota.Cap) []Cap {
	out := make([]Cap, len(caps))
	for i, k := range caps {
		out[i] = Cap{Window: string(k.Window), HasLeads: k.HasLeads, Leads: k.Leads, HasBudget: k.HasBudget, Budget: k.Budget}
	}
	return out
}
