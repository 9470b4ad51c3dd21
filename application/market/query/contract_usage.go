package query

import (
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/money"
)

// ContractUsage asks what a contract used in each of its windows, always including the total: campaign.ErrNotFound,
// campaign.ErrContractNotFound.
type ContractUsage struct {
	application.Actor

	CampaignID, ID string
}

// Needs implements application.Message.
func (ContractUsage) Needs() application.Scope { return application.Program }

// Usage is what a contract, a buyer or a campaign used so far in the current span of one window. Spent is in micro-units of the seller's currency.
// ResetsAt is zero for the total, which never resets.
type Usage struct {
	Cap
	Used     int64
	Spent    money.Micros
	ResetsAt time.Time
}
