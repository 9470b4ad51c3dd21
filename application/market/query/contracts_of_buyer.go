package query

import "github.com/leadmill/leadmill/application"

// ContractsOfBuyer asks for a buyer's contracts that are not deleted, in all campaigns, newest first, at most MostOfBuyer: buyer.ErrNotFound.
type ContractsOfBuyer struct {
	application.Actor

	BuyerID string
}

// Needs implements application.Message.
func (ContractsOfBuyer) Needs() application.Scope { return application.Program }

// OfBuyer implements application.ForBuyers.
func (q ContractsOfBuyer) OfBuyer() string { return q.BuyerID }

// MostOfBuyer is how many contracts, or returns of a kind, are told of a buyer.
const MostOfBuyer = 100

// BuyerContract is a contract with its campaign and what it used in its windows.
type BuyerContract struct {
	Contract

	CampaignName, CampaignStatus, Category string
	Usage                                  []Usage
}
