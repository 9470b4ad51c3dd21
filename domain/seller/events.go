package seller

import "time"

// Created says that a seller was created. It is in the log but not public.
type Created struct {
	ID, Code, TimeZone, Currency string
	At                           time.Time
}

// EventType implements event.Event.
func (Created) EventType() string { return "seller.created" }

// Updated says that a seller's details or settings changed. It is in the log but not public.
type Updated struct {
	ID, Code, TimeZone, Currency string
	At                           time.Time
}

// EventType implements event.Event.
func (Updated) EventType() string { return "seller.updated" }
