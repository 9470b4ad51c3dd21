// Package eventsv1 is the public contract of Leadmill's events: what an integrator may rely on. Inside a major version it
// is additive only: a member is never removed, renamed or retyped, and readers ignore members they do not know. No event
// holds personal data. Source: docs/events.md.
//
// A Catalogue lists the types of an installation, which are these and those of teams.
//
// Each type has a JSON Schema of its data (schemas/), an example that never changes (golden/) and an entry in
// asyncapi.yaml. Schemas and asyncapi.yaml are written from the structs by go generate, which refuses a change that
// would break the contract.
//
// Stability: stable.
package eventsv1

import (
	"embed"
	"slices"
)

//go:generate go test -run ^TestGenerated$ . -update

// Event is the data of one public event.
type Event interface {
	// Type is the event's name on the wire, such as "lead.sold.v1".
	Type() string
}

// numbered is an event with the number of its type, which never changes and is never given to another type: Mask.
type numbered struct {
	number int
	event  Event
}

// public has every public event, in the order of the documentation; each file lists its own.
var public = slices.Concat(partnerEvents, customerEvents, buyerEvents, campaignEvents, leadEvents, returnEvents, deliveryEvents)

// events has one value of every public event.
var events = func() []Event {
	list := make([]Event, 0, len(public))
	for _, n := range public {
		list = append(list, n.event)
	}
	return list
}()

var types = func() []string {
	list := make([]string, 0, len(events))
	for _, e := range events {
		list = append(list, e.Type())
	}
	return list
}()

// Types returns the names of Leadmill's own public events. A Catalogue has those of teams too.
func Types() []string { return slices.Clone(types) }

//go:embed schemas/*.json
var schemas embed.FS

//go:embed asyncapi.yaml
var asyncAPI []byte
