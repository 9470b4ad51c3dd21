package apptest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
)

// Relayed is an event as it came out of a sink of LEADMILL_EVENTS_SINK.
type Relayed struct {
	ID, Type, Source, Subject, Version string
}

// RelayedOf makes one of the attributes of a CloudEvent, by the name that each has in the sink behind a prefix.
func RelayedOf(attribute func(name string) string) Relayed {
	return Relayed{attribute("id"), attribute("type"), attribute("source"), attribute("subject"), attribute("aggregateversion")}
}

// Public returns the public events of the database.
func (d *Database) Public() (public []application.StoredEvent) {
	d.t.Helper()
	catalogue, err := eventsv1.NewCatalogue()
	if err != nil {
		d.t.Fatal(err)
	}
	for _, e := range d.Events() {
		if catalogue.IsPublic(e.Type) {
			public = append(public, e)
		}
	}
	return public
}

// Relayed waits until every public event came out of a sink, and checks that nothing else did, that each is what was stored, and that those of an
// aggregate came in order: what comes again has the same id. It returns how many came again.
func (d *Database) Relayed(t testing.TB, came func() []Relayed) (again int) {
	t.Helper()
	d.Settle()
	want := map[string]application.StoredEvent{}
	for _, e := range d.Public() {
		want[e.ID] = e
	}
	var all []Relayed
	Eventually(t, func() error {
		all = came()
		ids := map[string]bool{}
		for _, e := range all {
			ids[e.ID] = true
		}
		if len(ids) < len(want) {
			return fmt.Errorf("%d of %d events came", len(ids), len(want))
		}
		return nil
	})
	codes := map[string]string{}
	seen, last := map[string]bool{}, map[string]int64{}
	for _, e := range all {
		if seen[e.ID] {
			again++
			continue
		}
		seen[e.ID] = true
		stored, known := want[e.ID]
		if !known {
			t.Errorf("%+v came, which is no public event", e)
			continue
		}
		if codes[stored.SellerID] == "" {
			var code string
			if err := d.Reader.QueryRowContext(t.Context(), "SELECT code FROM sellers WHERE id = ?", stored.SellerID).Scan(&code); err != nil {
				t.Fatal(err)
			}
			codes[stored.SellerID] = code
		}
		if is := (Relayed{stored.ID, stored.Type, "/sellers/" + codes[stored.SellerID], stored.AggregateID, fmt.Sprint(stored.AggregateVersion)}); is != e {
			t.Errorf("%+v came, stored is %+v", e, is)
		}
		aggregate := strings.Join([]string{stored.SellerID, stored.AggregateType, stored.AggregateID}, " ")
		if stored.AggregateVersion <= last[aggregate] {
			t.Errorf("version %d of %s came behind version %d", stored.AggregateVersion, aggregate, last[aggregate])
		}
		last[aggregate] = stored.AggregateVersion
	}
	return again
}
