package command

import (
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/campaign"
)

func contractOf(c *campaign.Campaign, id string) (marketquery.Contract, error) {
	for _, k := range c.Snapshot().Contracts {
		if k.ID == id {
			return marketquery.ContractOf(c.ID(), k), nil
		}
	}
	return marketquery.Contract{}, campaign.ErrContractNotFound
}
