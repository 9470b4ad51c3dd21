package query

import (
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/money"
)

// WaitingLeads asks what a seller's pending leads wait for. It looks at the oldest of each campaign, MostWaiting in all, so that the answer
// costs the same however many wait.
type WaitingLeads struct{ application.Actor }

// Needs implements application.Message.
func (WaitingLeads) Needs() application.Scope { return application.Program }

// The bounds of WaitingLeads: how many leads are looked at, and up to how many are counted.
const (
	MostWaiting        = 1_000
	MostWaitingCounted = 50_000
)

// Waiting is what pending leads wait for. Groups are by the worth of their leads, the greatest first.
type Waiting struct {
	Leads  int64 // how many wait, MostWaitingCounted at most
	Looked int64 // how many of them were looked at
	Groups []WaitingGroup
}

// WaitingGroup is one thing that would let leads be sold, or that none of their contracts takes them as they are (Reason WaitsForContract,
// without a contract). A lead that several contracts would take is in the groups of all of them. Of says whose cap or budget it is when not
// the contract's. Worth is what the contract would pay for the leads, in micro-units of the seller's currency.
type WaitingGroup struct {
	CampaignID, Campaign string
	ContractID           string
	BuyerID, Buyer       string
	Reason, Of           string
	Leads                int64
	Worth                money.Micros
	Oldest               time.Time
	LeadID               string // the oldest
}

// WaitsForContract is the reason of leads that no contract takes as they are.
const WaitsForContract = "no_contract"
