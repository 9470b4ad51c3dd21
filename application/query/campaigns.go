package query

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/money"
)

// Campaign is a campaign as it is answered. Payout's zero type is no payout rule.
type Campaign struct {
	ID, Name, Category, Status string
	Fields                     []field.Rule
	Mode                       string
	MaxSales                   int
	Strategy                   string
	DedupeFields               []string
	DedupeMatch                string
	DedupeWindowDays           int
	PendingTTLHours            int
	PriceShown                 string
	PayoutType                 string
	PayoutPercent              money.Percent
	PayoutFixed                money.Micros
	CreatedAt, UpdatedAt       time.Time
}

// CampaignOf answers a stored campaign.
func CampaignOf(s campaign.Snapshot) Campaign {
	return Campaign{ID: s.ID, Name: s.Name, Category: s.Category, Status: string(s.Status), Fields: s.Fields, Mode: s.Mode,
		MaxSales: s.MaxSales, Strategy: s.Strategy, DedupeFields: s.Dedupe.Fields, DedupeMatch: string(s.Dedupe.Match),
		DedupeWindowDays: s.Dedupe.WindowDays, PendingTTLHours: s.PendingTTLHours, PriceShown: string(s.PriceShown),
		PayoutType: string(s.Payout.Type), PayoutPercent: s.Payout.Percent, PayoutFixed: s.Payout.Fixed,
		CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt}
}

// Cap is one limit of a contract as it is answered.
type Cap struct {
	Window    string
	HasLeads  bool
	Leads     int64
	HasBudget bool
	Budget    money.Micros
}

// Contract is a contract as it is answered. TimeZone is the one its caps count in.
type Contract struct {
	ID, CampaignID, BuyerID, Status string
	Price                           money.Micros
	Priority                        int64
	TimeZone                        string
	Caps                            []Cap
	CreatedAt, UpdatedAt            time.Time
}

// ContractOf answers a stored contract.
func ContractOf(campaignID string, s campaign.ContractSnapshot) Contract {
	c := Contract{ID: s.ID, CampaignID: campaignID, BuyerID: s.BuyerID, Status: string(s.Status), Price: s.Price,
		Priority: s.Priority, TimeZone: s.EffectiveZone, Caps: make([]Cap, len(s.Caps)), CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt}
	for i, k := range s.Caps {
		c.Caps[i] = Cap{Window: string(k.Window), HasLeads: k.HasLeads, Leads: k.Leads, HasBudget: k.HasBudget, Budget: k.Budget}
	}
	return c
}

// Usage is what a contract used of one window now. ResetsAt is zero for the total, which never resets.
type Usage struct {
	Cap
	Used     int64
	Spent    money.Micros
	ResetsAt time.Time
}

// Campaigns asks for a seller's campaigns, newest first.
type Campaigns struct {
	application.Actor

	Page Page
}

// CampaignByID asks for one campaign: campaign.ErrNotFound.
type CampaignByID struct {
	application.Actor

	ID string
}

// Contracts asks for the contracts of a campaign that are not deleted, newest first: campaign.ErrNotFound.
type Contracts struct {
	application.Actor

	CampaignID string
	Page       Page
}

// ContractByID asks for one contract: campaign.ErrNotFound, campaign.ErrContractNotFound.
type ContractByID struct {
	application.Actor

	CampaignID, ID string
}

// ContractUsage asks what a contract used of each of its windows, the total always with it.
type ContractUsage struct {
	application.Actor

	CampaignID, ID string
}

// CampaignReader is the read model of campaigns and contracts. ContractUsage reads the clock itself.
type CampaignReader interface {
	Campaigns(ctx context.Context, q Campaigns) (List[Campaign], error)
	CampaignByID(ctx context.Context, q CampaignByID) (Campaign, error)
	Contracts(ctx context.Context, q Contracts) (List[Contract], error)
	ContractByID(ctx context.Context, q ContractByID) (Contract, error)
	ContractUsage(ctx context.Context, q ContractUsage) ([]Usage, error)
}
