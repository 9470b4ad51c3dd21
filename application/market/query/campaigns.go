package query

import (
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/money"
)

// Campaigns asks for a seller's campaigns, newest first.
type Campaigns struct {
	application.Actor

	Page application.Page
}

// Needs implements application.Message.
func (Campaigns) Needs() application.Scope { return application.Program }

// Campaign is a campaign as queries return it. An empty PayoutType is no payout rule. PayoutFixed is in micro-units of the
// seller's currency.
type Campaign struct {
	ID, Name, Category, Status string
	Fields                     []field.Rule
	FieldMap                   map[string]string
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
	RedirectURL                string
	Returns                    campaign.Returns
	QuarantineAll              bool     // whether the seller looks at all leads first
	QuarantineSuppliers        []string // whose leads it looks at first
	Consent                    []string // the consent fields that leads must have
	Caps                       []Cap
	CapZone                    string // the zone in which its own caps are counted; empty without them
	ReservePrice               money.Micros
	AuctionTimeout             time.Duration
	CreatedAt, UpdatedAt       time.Time
}

// CampaignOf returns the Campaign of a stored campaign.
func CampaignOf(s campaign.Snapshot) Campaign {
	return Campaign{
		ID: s.ID, Name: s.Name, Category: s.Category, Status: string(s.Status), Fields: s.Fields, FieldMap: s.FieldMap, Mode: s.Mode,
		MaxSales: s.MaxSales, Strategy: s.Strategy, DedupeFields: s.Dedupe.Fields, DedupeMatch: string(s.Dedupe.Match),
		DedupeWindowDays: s.Dedupe.WindowDays, PendingTTLHours: s.PendingTTLHours, PriceShown: string(s.PriceShown),
		PayoutType: string(s.Payout.Type), PayoutPercent: s.Payout.Percent, PayoutFixed: s.Payout.Fixed, RedirectURL: s.RedirectURL, Returns: s.Returns,
		Caps: capsOf(s.Caps), CapZone: s.CapZone,
		Consent: s.Consent, QuarantineAll: s.Quarantine.All, QuarantineSuppliers: s.Quarantine.Suppliers,
		ReservePrice: s.ReservePrice, AuctionTimeout: s.AuctionOrDefault(),
		CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt,
	}
}

// The ways in which a campaign pays suppliers, as Campaign.PayoutType says it.
const (
	PayoutPercent = string(campaign.PayoutPercent)
	PayoutFixed   = string(campaign.PayoutFixed)
)
