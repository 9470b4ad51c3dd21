package partner

import "time"

// Created says that a partner joined. It becomes partner.created.v1.
type Created struct {
	PartnerID          string
	Status             Status
	ReferralKey        string
	ReferringPartnerID string
	At                 time.Time
}

// Updated says that something about a partner changed, its links included. It becomes partner.updated.v1.
type Updated struct {
	PartnerID          string
	Status             Status
	ReferringPartnerID string
	At                 time.Time
}

// Invited says that somebody was asked to join, perhaps once more. It becomes partner.invited.v1.
type Invited struct {
	PartnerID string
	At        time.Time
}

// Approved says that an operator let a partner in. It becomes partner.approved.v1.
type Approved struct {
	PartnerID string
	At        time.Time
}

// Rejected says that an operator turned a partner down. It becomes partner.rejected.v1.
type Rejected struct {
	PartnerID string
	At        time.Time
}

// Archived says that a partner was put aside. It becomes partner.archived.v1.
type Archived struct {
	PartnerID string
	At        time.Time
}

// Deleted says that a partner was deleted and what is personal of it erased. It becomes partner.deleted.v1. Joined is
// false for one that never accepted its invitation.
type Deleted struct {
	PartnerID string
	Joined    bool
	At        time.Time
}

// EventType implements event.Event.
func (Created) EventType() string { return "partner.created" }

// EventType implements event.Event.
func (Updated) EventType() string { return "partner.updated" }

// EventType implements event.Event.
func (Invited) EventType() string { return "partner.invited" }

// EventType implements event.Event.
func (Approved) EventType() string { return "partner.approved" }

// EventType implements event.Event.
func (Rejected) EventType() string { return "partner.rejected" }

// EventType implements event.Event.
func (Archived) EventType() string { return "partner.archived" }

// EventType implements event.Event.
func (Deleted) EventType() string { return "partner.deleted" }
