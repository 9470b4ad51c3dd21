package query

import (
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/money"
)

// ContractUsage asks what a contract used of each of its windows, the total always with it.
type ContractUsage struct {
	application.Actor

	CampaignID, ID string
}

// Needs implements application.Message.
func (ContractUsage) Needs() application.Scope { return application.Program }

// Usage is what a contract used of one window now. ResetsAt is zero for the total, which never resets.
type Usage struct {
	Cap
	Used     int64
	Spent    money.Micros
	ResetsAt time.Time
}
