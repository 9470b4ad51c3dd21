package feed_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

// Readers are refused at a segment that cannot be read, which the log names once.
func TestADamagedSegmentIsToldOnce(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{})
		s := apptest.NewShop(t, app, nil, apptest.Rich)
		s.Sell(t, s.Form())
		db := apptest.Open(t, databaseURL)
		db.Settle()
		segment := db.Number("SELECT MAX(id) FROM event_segments")
		if _, err := db.Writer.ExecContext(context.Background(), "UPDATE event_segments SET body = ? WHERE id = ?", []byte("?"), segment); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if a := s.Program.Do("GET", "/v1/events?limit=1000", nil); a.Status != 503 {
				t.Errorf("the feed is answered %v, want 503", a)
			}
		}
		said := fmt.Sprintf("event log: readers of /v1/events are refused at a segment that cannot be read\" segment=%d", segment)
		if n := strings.Count(app.Logs.String(), said); n != 1 {
			t.Errorf("the log names the segment %d times, want once", n)
		}
	})
}
