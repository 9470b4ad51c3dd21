package acme

import (
	_ "embed"
	"time"

	"github.com/leadmill/leadmill/application/contract/eventsv1"
	"github.com/leadmill/leadmill/domain/event"
)

// Case is an aggregate of Acme's own: somebody looks into a lead. Its events are stored with its row, or not at all.
type Case struct {
	event.Recorder

	id, sellerID, leadID string
	openedAt             time.Time
}

// CaseOpened is the event x.acme.case_opened.v1. Its JSON is what integrators read, so it holds ids and facts only.
type CaseOpened struct {
	CaseID   string    `json:"case_id"`
	LeadID   string    `json:"lead_id"`
	OpenedAt time.Time `json:"opened_at"`
}

// EventType implements event.Event.
func (CaseOpened) EventType() string { return "x.acme.case_opened.v1" }

// OccurredAt says when it happened.
func (e CaseOpened) OccurredAt() time.Time { return e.OpenedAt }

func openCase(id, sellerID, leadID string, now time.Time) *Case {
	c := &Case{id: id, sellerID: sellerID, leadID: leadID, openedAt: now}
	c.Record(CaseOpened{id, leadID, now})
	return c
}

//go:embed case_opened.json
var caseOpenedSchema []byte

// caseOpened is what readers are told of CaseOpened: in /asyncapi.yaml and /schemas.
var caseOpened = eventsv1.Definition{
	Type: CaseOpened{}.EventType(), Description: "Somebody looks into a lead.", Schema: caseOpenedSchema,
	Example: []byte(`{"case_id":"case_01JD8YV5T3Q8W0F2K4M6N8P0R4","lead_id":"lead_01JD8YV5T3Q8W0F2K4M6N8P0R5","opened_at":"2026-01-02T03:04:05Z"}`),
}
