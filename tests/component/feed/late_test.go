package feed_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

func TestAnEventCommittedLateIsNotSkipped(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		if strings.HasPrefix(databaseURL, "sqlite:") {
			t.Skip("SQLite has one writer: no transaction commits while another one is open")
		}
		d, met := &sqlstoretest.Faults{}, &sqlstoretest.Faults{}
		slow := apptest.Start(t, databaseURL, leadmill.StartOptions{Driver: d.Wrap})
		fast := apptest.Start(t, databaseURL, leadmill.StartOptions{Driver: met.Wrap})
		a, b := apptest.NewShop(t, slow, nil, apptest.Rich), apptest.NewShop(t, fast, nil, apptest.Rich)
		db := apptest.Open(t, databaseURL)
		db.Settle() // nothing is left to be done for the seller whose transaction will be held
		held, release := make(chan struct{}), make(chan struct{})
		d.Commit(func(statements []string, commit, _ func() error) error {
			if apptest.StoresLeads(statements) {
				close(held)
				<-release
			}
			return commit()
		})
		late := make(chan apptest.Answer, 1)
		go func() { late <- a.Supplier.Do("POST", "/api/leads", a.Form()) }()
		<-held
		const n = 5
		met.Failures()
		for range n {
			b.Sell(t, b.Form())
		}
		// Whatever waited for the transaction that is held would have been told that it waited for too long.
		for _, err := range met.Failures() {
			if db.Classify(err) == dialect.Retry {
				t.Errorf("the leads of another seller met %v while a transaction was held", err)
			}
		}
		// Wait until consumers have gone past where the late events will turn out to belong by their ids.
		apptest.Eventually(t, func() error {
			if sales := db.Number("SELECT SUM(sales) FROM report_sales"); sales != n {
				return fmt.Errorf("%d sales in the report, want %d", sales, n)
			}
			return nil
		})
		close(release)
		answer := <-late
		sold := answer.Lead()
		if sold.Status != "sold" {
			t.Fatalf("the late lead is answered %v", answer)
		}
		db.Audit()
		var first, last int64 // ids of the segments of the late lead and of the last other one
		for _, e := range db.Events("lead.sold.v1") {
			id := db.Number("SELECT segment_id FROM event_positions WHERE first_position <= ? ORDER BY first_position DESC LIMIT 1", e.Position)
			if e.AggregateID == sold.ID {
				first = id
			} else {
				last = max(last, id)
			}
		}
		if first > last {
			t.Fatalf("the late event has the id %d behind %d: nothing was tested", first, last)
		}
		var seen []any
		for _, e := range a.Program.Must(t, "GET", "/v1/events?types=lead.submitted.v1,lead.sold.v1", nil).List(t) {
			if e["subject"] == sold.ID {
				seen = append(seen, e["type"])
			}
		}
		if !slices.Equal(seen, []any{"lead.submitted.v1", "lead.sold.v1"}) {
			t.Errorf("the feed has %v of the late lead", seen)
		}
		if sales := db.Number("SELECT SUM(sales) FROM report_sales"); sales != n+1 {
			t.Errorf("%d sales in the report, want %d", sales, n+1)
		}
	})
}
