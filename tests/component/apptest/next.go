package apptest

import (
	"context"
	"errors"
	"testing/fstest"
	"time"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	"github.com/leadmill/leadmill/domain/event"
)

// Next is the setting of a process that is the next version of what runs without it: it has a table, a type of events and a reaction
// more. For every lead that is sold it stores a note, and says so in an event of NextType.
const Next = nextVar + "=1"

// NextType is the type of the events of Next, and NextReaction its reaction.
const (
	NextType     = "x.next.noted.v1"
	NextReaction = "next-notes"
)

const nextVar = "LEADMILL_X_NEXT"

func next() leadmill.Module {
	return leadmill.NewModule("next",
		leadmill.AsMigrations(fstest.MapFS{"0001_notes.sql": {Data: []byte(
			"-- +leadmill additive\nCREATE TABLE x_next_notes (seller_id VARCHAR(64) NOT NULL, id VARCHAR(64) NOT NULL, version BIGINT NOT NULL, PRIMARY KEY (seller_id, id));\n",
		)}}, "."),
		leadmill.AsEvent[noted](eventsv1.Definition{
			Type: NextType, Description: "A lead was noted.", Example: []byte(`{"lead_id":"lead_1"}`),
			Schema: []byte(`{"$schema":"https://json-schema.org/draft/2020-12/schema","title":"` + NextType + `","description":"A lead was noted.","type":"object",` +
				`"properties":{"lead_id":{"type":"string","description":"The lead's id."}},"required":["lead_id"]}`),
		}),
		leadmill.AsReaction(NextReaction, []string{eventsv1.LeadSold{}.Type()}, func(d leadmill.Deps) noting { return noting{d} }, leadmill.AtOnce(8)))
}

// noted is the event of a note.
type noted struct {
	LeadID string `json:"lead_id"`
	at     time.Time
}

// EventType implements event.Event.
func (noted) EventType() string { return NextType }

// OccurredAt implements event.Event.
func (n noted) OccurredAt() time.Time { return n.at }

// note is an aggregate.
type note struct{ event.Recorder }

type noting struct{ d leadmill.Deps }

// React implements application.Reactor.
func (n noting) React(ctx context.Context, e application.StoredEvent) error {
	now := n.d.Clock.Now()
	return n.d.Work.Do(ctx, func(ctx context.Context, tx leadmill.Tx) error {
		made := &note{}
		made.Record(noted{e.AggregateID, now})
		_, err := tx.ExecContext(ctx, "INSERT INTO x_next_notes (seller_id, id, version) VALUES (?, ?, ?)", e.SellerID, e.AggregateID, made.Version())
		if _, noted := errors.AsType[*application.DuplicateError](err); noted {
			return nil
		}
		if err != nil {
			return err
		}
		return tx.Record(made, application.Subject{Kind: "next_note", ID: e.AggregateID, SellerID: e.SellerID})
	})
}
