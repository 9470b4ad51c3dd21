package program

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	"github.com/leadmill/leadmill/application/program"
)

// Clicks appends clicks to the event log.
type Clicks struct{ work *engine.Work }

var _ program.ClickLog = Clicks{}

// NewClicks returns a Clicks that writes in transactions of work.
func NewClicks(work *engine.Work) Clicks { return Clicks{work} }

// AppendClicks implements program.ClickLog. A click is no aggregate: its event in the log is all that is stored of it.
func (l Clicks) AppendClicks(ctx context.Context, clicks []program.Click) error {
	if len(clicks) == 0 {
		return nil
	}
	facts := make([]application.EventRecord, len(clicks))
	for i, c := range clicks {
		clicked := program.PartnerClicked{PartnerID: c.PartnerID, ReferralKey: c.ReferralKey, ClickedAt: eventsv1.Time{Time: c.At.UTC()}}
		if c.Count > 1 {
			clicked.Clicks = c.Count
		}
		payload, err := json.Marshal(clicked)
		if err != nil {
			return fmt.Errorf("encode %s: %w", program.PartnerClickedType, err)
		}
		facts[i] = application.EventRecord{
			ID: l.work.NewID("evt"), SellerID: c.SellerID, AggregateType: "click", AggregateID: c.ID,
			AggregateVersion: 1, Type: program.PartnerClickedType, Payload: payload, OccurredAt: c.At.UTC(), Trail: c.Trail,
		}
	}
	return l.work.Do(ctx, func(_ context.Context, t *engine.Tx) error {
		t.Append(facts...)
		return nil
	})
}
