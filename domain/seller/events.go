package seller

import "time"

// Created is internal: a seller was founded.
type Created struct {
	ID, Code, TimeZone, Currency string
	At                           time.Time
}

// EventType implements event.Event.
func (Created) EventType() string { return "seller.created" }

// Updated is internal: a seller's details changed.
type Updated struct {
	ID, Code, TimeZone, Currency string
	At                           time.Time
}

// EventType implements event.Event.
func (Updated) EventType() string { return "seller.updated" }
