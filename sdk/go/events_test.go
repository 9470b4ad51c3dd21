package leadmill_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	leadmill "github.com/leadmill/leadmill/sdk/go"
	"github.com/leadmill/leadmill/sdk/go/events"
)

// page is a page of the log: events at these positions.
func page(log string, next int64, positions ...int64) func(http.ResponseWriter) {
	data := make([]string, 0, len(positions))
	for _, p := range positions {
		data = append(data, fmt.Sprintf(`{"id":"evt_%d","type":"lead.sold.v1","time":"2025-05-02T16:12:39.004217Z","sequence":"%020d","data":{"lead_id":"lead_%d","payout":31.50}}`, p, p, p))
	}
	return says(200, fmt.Sprintf(`{"data":[%s],"next":%d,"log_id":%q,"status":1}`, strings.Join(data, ","), next, log))
}

func TestEvents(t *testing.T) {
	t.Parallel()
	s, client := play(t, list(
		page("log_a", 7, 3, 5), says(500, busy), says(503, busy), says(503, busy), says(503, busy), cuts, says(503, busy), page("log_a", 9), page("log_a", 12, 12),
	))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var got []string
	for e, err := range client.Events(ctx, leadmill.Cursor{}, leadmill.EventOptions{Types: []string{"lead.sold.v1", "lead.unsold.v1"}, Limit: 2}) {
		if err != nil {
			t.Fatal(err)
		}
		var sold events.LeadSoldV1
		if err := e.Decode(&sold); err != nil {
			t.Fatal(err)
		}
		if got = append(got, sold.LeadId+" "+sold.Payout.String()+" "+e.Cursor.String()); sold.LeadId == "lead_12" {
			cancel() // ends without an error
		}
	}
	if want := "[lead_3 31.50 log_a:3 lead_5 31.50 log_a:7 lead_12 31.50 log_a:12]"; fmt.Sprint(got) != want {
		t.Errorf("reads %s, want %s", got, want)
	}
	if got := s.requests[0].URL.RawQuery; got != "after=0&limit=2&types=lead.sold.v1%2Clead.unsold.v1&wait=25" {
		t.Errorf("begins with %s", got)
	}
	if got := s.requests[8].URL.Query(); got.Get("after") != "9" || got.Get("log_id") != "log_a" {
		t.Errorf("goes on with %s", got)
	}
}

func TestEventsUntilTheEnd(t *testing.T) {
	t.Parallel()
	s, client := play(t, list(page("log_a", 7, 7), page("log_a", 9), page("log_a", 9)))
	var cursors []string
	for batch, err := range client.EventBatches(t.Context(), leadmill.Cursor{LogID: "log_a", Position: 6}, leadmill.EventOptions{UntilEnd: true}) {
		if err != nil {
			t.Fatal(err)
		}
		cursors = append(cursors, batch.Next.String())
	}
	if fmt.Sprint(cursors) != "[log_a:7 log_a:9]" || len(s.requests) != 3 || s.requests[0].URL.RawQuery != "after=6&log_id=log_a" {
		t.Errorf("goes through %s with %d requests", cursors, len(s.requests))
	}
}

func TestACursorThatMeansNothingIsRefused(t *testing.T) {
	t.Parallel()
	changed := `{"status":0,"message":"Changed","code":"log_changed","log_id":"log_b","head":5,"request_id":"req_1"}`
	archived := `{"status":0,"message":"Archived","code":"position_archived","first":40,"request_id":"req_1"}`
	read := func(answer func(http.ResponseWriter)) (err error) {
		_, client := play(t, list(answer))
		times := 0
		for _, err = range client.Events(t.Context(), leadmill.Cursor{LogID: "log_a", Position: 9}, leadmill.EventOptions{}) {
			times++
		}
		if times != 1 {
			t.Errorf("goes on after %v", err)
		}
		return err
	}
	var log *leadmill.LogChangedError
	if err := read(says(409, changed)); !errors.As(err, &log) || log.LogID != "log_b" || log.Head != 5 || log.Err.Code != "log_changed" {
		t.Errorf("another log: %v", err)
	}
	var gone *leadmill.PositionArchivedError
	if err := read(says(410, archived)); !errors.As(err, &gone) || gone.First != 40 {
		t.Errorf("archived: %v", err)
	}
	var refused *leadmill.Error
	if err := read(says(401, busy)); !errors.As(err, &refused) || refused.Status != 401 {
		t.Errorf("a revoked key: %v", err)
	}
}

func TestCursors(t *testing.T) {
	t.Parallel()
	for _, c := range []leadmill.Cursor{{}, {LogID: "log_a", Position: 0}, {LogID: "log_a", Position: 42}} {
		stored, err := json.Marshal(map[string]leadmill.Cursor{"cursor": c})
		if err != nil {
			t.Fatal(err)
		}
		var back map[string]leadmill.Cursor
		if err := json.Unmarshal(stored, &back); err != nil || back["cursor"] != c {
			t.Errorf("%+v is stored as %s and read as %+v, %v", c, stored, back, err)
		}
	}
	for _, text := range []string{"42", "log_a", "log_a:", ":42", "log_a:-1", "log_a:x"} {
		if c, err := leadmill.ParseCursor(text); err == nil {
			t.Errorf("reads %q as %+v", text, c)
		}
	}
}
