// Package eventsv1 is the public contract of Leadmill's events: what an integrator may rely on. Inside a major version it
// is additive only: a member is never removed, renamed or retyped, and readers ignore members they do not know. No event
// holds personal data. Source: docs/events.md.
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

// events has one value of every public event, in the order of the documentation; each file lists its own.
var events = slices.Concat(partnerEvents, customerEvents, buyerEvents, campaignEvents, leadEvents)

var types, public = func() ([]string, map[string]bool) {
	list, set := make([]string, 0, len(events)), make(map[string]bool, len(events))
	for _, e := range events {
		list = append(list, e.Type())
		set[e.Type()] = true
	}
	return list, set
}()

// Types returns the names of all public events.
func Types() []string { return slices.Clone(types) }

// IsPublic reports whether typ names a public event.
func IsPublic(typ string) bool { return public[typ] }

//go:embed schemas/*.json
var schemas embed.FS

//go:embed asyncapi.yaml
var asyncAPI []byte

// Schema returns the JSON Schema (2020-12) of the data of a public event; ok is false for any other type.
func Schema(typ string) (schema []byte, ok bool) {
	if !public[typ] {
		return nil, false
	}
	schema, err := schemas.ReadFile("schemas/" + typ + ".json")
	return schema, err == nil
}

// AsyncAPI returns the AsyncAPI 3 document that lists all public events, in YAML. It refers to the schemas as
// ./schemas/<type>.json, beside the place it is served from.
func AsyncAPI() []byte { return slices.Clone(asyncAPI) }
