package programtest

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
)

func testClicks(t *testing.T, h *sqlstoretest.Harness) {
	require.NoError(t, h.Store.AppendClicks(t.Context(), nil))
	require.Zero(t, h.Woken.Load())
	clicks := make([]program.Click, 3)
	for i := range clicks {
		clicks[i] = sqlstoretest.Filled[program.Click](int64(100 * i))
		sqlstoretest.RequireFull(t, clicks[i])
	}
	require.NoError(t, h.Store.AppendClicks(t.Context(), clicks))
	require.Equal(t, int64(1), h.Woken.Load())
	got := h.Events(t)
	require.Len(t, got, 3)
	records := h.Records(t)
	for i, c := range clicks {
		require.NotEmpty(t, got[i].EventID)
		require.Equal(t, sqlstoretest.EventRow{
			EventID: got[i].EventID, SellerID: c.SellerID, AggregateType: "click", AggregateID: c.ID, AggregateVersion: 1,
			Type: "partner.clicked.v1", Correlation: c.Trail.CorrelationID,
		}, got[i])
		require.Equal(t, c.At.UnixMicro(), records[i].OccurredAt.UnixMicro())
		var payload map[string]any
		require.NoError(t, json.Unmarshal(records[i].Payload, &payload))
		at, err := time.Parse(time.RFC3339Nano, fmt.Sprint(payload["clicked_at"]))
		require.NoError(t, err)
		require.WithinDuration(t, c.At, at, time.Millisecond)
		delete(payload, "clicked_at")
		require.Equal(t, map[string]any{"partner_id": c.PartnerID, "referral_key": c.ReferralKey, "clicks": float64(c.Count)}, payload)
	}

	one := clicks[0]
	one.ID, one.Count = "click_one", 1
	require.NoError(t, h.Store.AppendClicks(t.Context(), []program.Click{one}))
	require.NotContains(t, string(h.Records(t)[3].Payload), "clicks", "one is none more")

	// Failures are those of any unit of work.
	fresh := sqlstoretest.Filled[program.Click](900)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, h.Store.AppendClicks(ended, []program.Click{fresh}), application.ErrUnavailable)
	fresh.SellerID = strings.Repeat("x", 65)
	var dataError *application.DataError
	require.ErrorAs(t, h.Store.AppendClicks(t.Context(), []program.Click{clicks[0], fresh}), &dataError)
	require.Len(t, h.Events(t), 4, "all or none")
	fresh.SellerID = "seller_1"
	for _, failure := range h.Retryable(t) {
		fresh.ID += "x"
		failed := false
		h.Faults.Before(func(query string) error {
			if !failed && strings.HasPrefix(query, "INSERT INTO event_segments") {
				failed = true
				return failure
			}
			return nil
		})
		require.NoError(t, h.Store.AppendClicks(t.Context(), []program.Click{fresh}))
		require.True(t, failed)
	}
	h.Faults.Before(func(string) error { return driver.ErrBadConn })
	fresh.ID += "x"
	require.ErrorIs(t, h.Store.AppendClicks(t.Context(), []program.Click{fresh}), application.ErrUnavailable)
}
