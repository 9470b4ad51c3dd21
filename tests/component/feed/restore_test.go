package feed_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

// A consumer whose server was restored from a backup silently got 10 of 50 events.
func TestAConsumerIsToldThatTheServerWasRestored(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{})
		s := apptest.NewShop(t, app, nil, apptest.Rich)
		s.Sell(t, s.Form())
		apptest.Open(t, databaseURL).Settle()
		type answer struct {
			Next  int64
			LogID string `json:"log_id"`
			Head  int64
			Code  string
		}
		read := func(query string) (page answer, a apptest.Answer) {
			a = s.Program.Do("GET", "/v1/events?"+query, nil)
			if err := json.Unmarshal(a.Body, &page); err != nil {
				t.Fatal(err)
			}
			return page, a
		}
		first, a := read("limit=1000")
		if a.Status != 200 || first.LogID == "" || first.Next == 0 {
			t.Fatalf("answered %s", a)
		}
		if page, a := read(fmt.Sprintf("after=%d&log_id=%s", first.Next, first.LogID)); a.Status != 200 || page.LogID != first.LogID || page.Next != first.Next {
			t.Errorf("answered %s", a)
		}
		if page, a := read(fmt.Sprintf("after=%d&log_id=log_of_before", first.Next)); a.Status != 409 || page.Code != "log_changed" || page.LogID != first.LogID || page.Head < first.Next {
			t.Errorf("answered %s", a)
		}
		if page, a := read("after=1000000&wait=25"); a.Status != 409 || page.Code != "position_ahead" || page.LogID != first.LogID || page.Head < first.Next {
			t.Errorf("answered %s", a)
		}
	})
}
