package customer

import "time"

// Created says that a customer was registered. It becomes customer.created.v1. In all events CustomerKey is the customer's
// id when its key looks like an email address or a phone number.
type Created struct {
	CustomerID, CustomerKey, PartnerID string
	At                                 time.Time
}

// Attributed says that a customer was given to a partner, and by which policy. It becomes customer.attributed.v1.
type Attributed struct {
	CustomerID, CustomerKey      string
	PartnerID, PreviousPartnerID string
	Policy, ReferralKey          string
	At                           time.Time
}

// Updated says that something about a customer changed. It becomes customer.updated.v1.
type Updated struct {
	CustomerID, CustomerKey, PartnerID string
	Status                             Status
	At                                 time.Time
}

// Archived says that a customer was archived. It becomes customer.archived.v1.
type Archived struct {
	CustomerID, CustomerKey, PartnerID string
	At                                 time.Time
}

// Deleted says that a customer was deleted and its personal data erased. It becomes customer.deleted.v1.
type Deleted struct {
	CustomerID, CustomerKey, PartnerID string
	At                                 time.Time
}

// EventType implements event.Event.
func (Created) EventType() string { return "customer.created" }

// EventType implements event.Event.
func (Attributed) EventType() string { return "customer.attributed" }

// EventType implements event.Event.
func (Updated) EventType() string { return "customer.updated" }

// EventType implements event.Event.
func (Archived) EventType() string { return "customer.archived" }

// EventType implements event.Event.
func (Deleted) EventType() string { return "customer.deleted" }
