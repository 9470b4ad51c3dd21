package application_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/leadmill/leadmill/application"
)

func TestAnEventSurvivesAsAMessage(t *testing.T) {
	t.Parallel()
	for name, e := range map[string]application.StoredEvent{
		"all": {Position: 7, EventRecord: application.EventRecord{
			ID: "evt_1", SellerID: "seller_1", AggregateType: "lead", AggregateID: "lead_1",
			AggregateVersion: 3, Type: "lead.sold.v1", Payload: []byte(`{"a":1}`), OccurredAt: time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC),
			Trail: application.Trail{CorrelationID: "req_1", CausationID: "evt_0", Traceparent: "00-1-2-01"},
		}},
		"without a trail": {Position: 1, EventRecord: application.EventRecord{ID: "evt_2", Type: "lead.pending.v1", OccurredAt: time.Unix(0, 0).UTC()}},
	} {
		assert.Equal(t, e, application.EventOfMessage(e.ID, e.Metadata(), e.Payload), name)
	}
	assert.Equal(t, application.StoredEvent{EventRecord: application.EventRecord{ID: "x"}},
		application.EventOfMessage("x", map[string]string{application.MetaPosition: "?", application.MetaOccurredAt: "?"}, nil))
	assert.NotContains(t, new(application.StoredEvent).Metadata(), application.MetaTraceparent)
}
