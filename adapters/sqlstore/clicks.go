package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
)

// AppendClicks implements application.ClickLog. A click is no aggregate: its event in the log is all that is stored of it.
// A click that is appended twice is refused with *application.DataError, with all that came with it.
func (s *Store) AppendClicks(ctx context.Context, clicks []application.Click) error {
	if len(clicks) == 0 {
		return nil
	}
	facts := make([]application.EventRecord, len(clicks))
	for i, c := range clicks {
		payload, err := json.Marshal(application.PartnerClicked{PartnerID: c.PartnerID, ReferralKey: c.ReferralKey,
			ClickedAt: eventsv1.Time{Time: c.At.UTC()}})
		if err != nil {
			return fmt.Errorf("encode %s: %w", application.PartnerClickedType, err)
		}
		facts[i] = application.EventRecord{ID: s.ids.New("evt"), SellerID: c.SellerID, AggregateType: "click", AggregateID: c.ID,
			AggregateVersion: 1, Type: application.PartnerClickedType, Payload: payload, OccurredAt: c.At.UTC(), Trail: c.Trail}
	}
	return s.in(ctx, func(_ context.Context, t *tx) error {
		t.facts = facts
		return nil
	})
}
