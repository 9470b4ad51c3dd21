package campaign

import (
	"time"

	"github.com/leadmill/leadmill/domain/money"
)

// Created becomes campaign.created.v1.
type Created struct {
	CampaignID, Category string
	Status               Status
	At                   time.Time
}

// Updated becomes campaign.updated.v1.
type Updated struct {
	CampaignID, Category string
	At                   time.Time
}

// Paused becomes campaign.paused.v1.
type Paused struct {
	CampaignID, Category string
	At                   time.Time
}

// Resumed becomes campaign.resumed.v1.
type Resumed struct {
	CampaignID, Category string
	At                   time.Time
}

// Archived becomes campaign.archived.v1.
type Archived struct {
	CampaignID, Category string
	At                   time.Time
}

// ContractCreated becomes contract.created.v1.
type ContractCreated struct {
	CampaignID, ContractID, BuyerID string
	Status                          Status
	Price                           money.Micros
	At                              time.Time
}

// ContractUpdated becomes contract.updated.v1.
type ContractUpdated struct {
	CampaignID, ContractID, BuyerID string
	Price                           money.Micros
	At                              time.Time
}

// ContractPaused becomes contract.paused.v1.
type ContractPaused struct {
	CampaignID, ContractID, BuyerID string
	At                              time.Time
}

// ContractResumed becomes contract.resumed.v1.
type ContractResumed struct {
	CampaignID, ContractID, BuyerID string
	At                              time.Time
}

// ContractDeleted becomes contract.deleted.v1.
type ContractDeleted struct {
	CampaignID, ContractID, BuyerID string
	At                              time.Time
}

// EventType implements event.Event.
func (Created) EventType() string { return "campaign.created" }

// EventType implements event.Event.
func (Updated) EventType() string { return "campaign.updated" }

// EventType implements event.Event.
func (Paused) EventType() string { return "campaign.paused" }

// EventType implements event.Event.
func (Resumed) EventType() string { return "campaign.resumed" }

// EventType implements event.Event.
func (Archived) EventType() string { return "campaign.archived" }

// EventType implements event.Event.
func (ContractCreated) EventType() string { return "contract.created" }

// EventType implements event.Event.
func (ContractUpdated) EventType() string { return "contract.updated" }

// EventType implements event.Event.
func (ContractPaused) EventType() string { return "contract.paused" }

// EventType implements event.Event.
func (ContractResumed) EventType() string { return "contract.resumed" }

// EventType implements event.Event.
func (ContractDeleted) EventType() string { return "contract.deleted" }
