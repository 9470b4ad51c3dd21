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

// Updated says that something about a partner changed, including its referral links. It becomes partner.updated.v1.
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

// Approved says that an operator approved a partner. It becomes partner.approved.v1.
type Approved struct {
	PartnerID string
	At        time.Time
}

// Rejected says that an operator rejected a partner. It becomes partner.rejected.v1.
type Rejected struct {
	PartnerID string
	At        time.Time
}

// Archived says that a partner was archived. It becomes partner.archived.v1.
type Archived struct {
	PartnerID string
	At        time.Time
}

// Deleted says that a partner was deleted and its personal data erased. It becomes partner.deleted.v1. Joined is false for a
// partner that never accepted its invitation.
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
