package buyer

import (
	"time"

	"github.com/leadmill/leadmill/domain/money"
)

// Created becomes buyer.created.v1.
type Created struct {
	BuyerID string
	At      time.Time
}

// Updated becomes buyer.updated.v1.
type Updated struct {
	BuyerID string
	At      time.Time
}

// Paused becomes buyer.paused.v1.
type Paused struct {
	BuyerID string
	At      time.Time
}

// Resumed becomes buyer.resumed.v1.
type Resumed struct {
	BuyerID string
	At      time.Time
}

// Funded becomes buyer.funded.v1.
type Funded struct {
	BuyerID, EntryID     string
	Amount, BalanceAfter money.Micros
	At                   time.Time
}

// Withdrawn becomes buyer.withdrawn.v1.
type Withdrawn struct {
	BuyerID, EntryID     string
	Amount, BalanceAfter money.Micros
	At                   time.Time
}

// BalanceLow becomes buyer.balance_low.v1. EntryID is the ledger entry that took the balance below LowBalance.
type BalanceLow struct {
	BuyerID, EntryID    string
	Balance, LowBalance money.Micros
	At                  time.Time
}

// EventType implements event.Event.
func (Created) EventType() string { return "buyer.created" }

// EventType implements event.Event.
func (Updated) EventType() string { return "buyer.updated" }

// EventType implements event.Event.
func (Paused) EventType() string { return "buyer.paused" }

// EventType implements event.Event.
func (Resumed) EventType() string { return "buyer.resumed" }

// EventType implements event.Event.
func (Funded) EventType() string { return "buyer.funded" }

// EventType implements event.Event.
func (Withdrawn) EventType() string { return "buyer.withdrawn" }

// EventType implements event.Event.
func (BalanceLow) EventType() string { return "buyer.balance_low" }
