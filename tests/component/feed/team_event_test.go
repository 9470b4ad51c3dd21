package feed_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/adapters/eventlog"
	"github.com/leadmill/leadmill/adapters/random"
	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/tests/component/apptest"
	"github.com/leadmill/leadmill/tests/leadmilltest"
)

// rated is an event of a team about a buyer of ours.
type rated struct {
	Stars int       `json:"stars"`
	At    time.Time `json:"-"`
}

func (rated) EventType() string       { return "x.acme.buyer_rated.v1" }
func (e rated) OccurredAt() time.Time { return e.At }

var ratedDefinition = eventsv1.Definition{
	Type: "x.acme.buyer_rated.v1", Description: "Somebody rated a buyer.",
	Schema: []byte(`{"type":"object","required":["stars"],"properties":{"stars":{"type":"integer"}}}`),
}

// rate records a team's event with one of our aggregates, as a command of the team does.
func rate(t *testing.T, databaseURL, code, buyerID string, e rated) error {
	t.Helper()
	db, err := dialect.Open(databaseURL, dialect.Options{MaxConnections: 4})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var sellerID string
	if err := db.Reader.QueryRowContext(t.Context(), "SELECT id FROM sellers WHERE code = ?", code).Scan(&sellerID); err != nil {
		t.Fatal(err)
	}
	var team application.Translation
	if e.Stars > 0 { // no stars: an event that nobody registered
		if team, err = application.TranslateTeamEvents(clock.NewSystem(), application.TeamEvent{Go: reflect.TypeFor[rated](), Definition: ratedDefinition}); err != nil {
			t.Fatal(err)
		}
	} else {
		team = market.Publish
	}
	store := sqlstore.New(db, eventlog.NewWriter(db), eventlog.NewSignal(), random.NewIDs(clock.NewSystem()),
		application.Translations{market.Publish, team}.Translate)
	return store.Do(t.Context(), func(ctx context.Context, tx *sqlstore.Tx) error {
		b, err := tx.Buyers().Lock(ctx, sellerID, buyerID)
		if err != nil {
			return err
		}
		b.Record(e)
		return tx.Buyers().Save(ctx, b)
	})
}

func TestAnEventOfATeamIsLikeOurs(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		told := make(chan application.StoredEvent, 10)
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{}, leadmill.NewModule("acme",
			leadmill.AsEvent[rated](ratedDefinition),
			leadmill.AsReaction("acme-ratings", []string{ratedDefinition.Type}, func() application.ReactorFunc {
				return func(_ context.Context, e application.StoredEvent) error {
					told <- e
					return nil
				}
			})))
		s := apptest.NewShop(t, app, nil, apptest.Rich)
		at := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
		if err := rate(t, databaseURL, s.Code, s.BuyerIDs[0], rated{Stars: 4, At: at}); err != nil {
			t.Fatal(err)
		}
		if err := rate(t, databaseURL, s.Code, s.BuyerIDs[0], rated{}); err == nil || !strings.Contains(err.Error(), "(x.acme.buyer_rated.v1) has no contract") {
			t.Errorf("an event that nobody registered: %v", err)
		}
		reacted := <-told

		db := apptest.Open(t, databaseURL)
		db.Settle()
		all := feed(t, s.Program, "limit=1000").Data
		last := all[len(all)-1]
		own := feed(t, s.Program, "types="+ratedDefinition.Type).Data
		if len(own) != 1 || fmt.Sprint(own[0]) != fmt.Sprint(last) {
			t.Fatalf("by its type the feed has %v, of all the last is %v", own, last)
		}
		data, err := json.Marshal(last["data"])
		if err != nil {
			t.Fatal(err)
		}
		for name, got := range map[string][2]any{
			"type": {last["type"], ratedDefinition.Type}, "data": {string(data), `{"stars":4}`}, "subject": {last["subject"], s.BuyerIDs[0]},
			"time": {last["time"], "2026-01-02T03:04:05.000006Z"}, "source": {last["source"], "/sellers/" + s.Code},
			"dataschema": {last["dataschema"], app.URL + "/schemas/" + ratedDefinition.Type + ".json"}, "id": {last["id"], reacted.ID},
			"aggregateversion": {fmt.Sprint(last["aggregateversion"]), fmt.Sprint(reacted.AggregateVersion)},
		} {
			if got[0] != got[1] {
				t.Errorf("%s is %v, want %v", name, got[0], got[1])
			}
		}
		if a := s.Program.Do("GET", "/v1/events?types=x.acme.buyer_rated.v2", nil); a.Status != 422 {
			t.Errorf("a type that is not registered: %v", a)
		}
		for path, want := range map[string]string{
			"/schemas/" + ratedDefinition.Type + ".json": string(ratedDefinition.Schema), "/asyncapi.yaml": "summary: \"Somebody rated a buyer.\"",
		} {
			response, err := http.Get(app.URL + path)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(response.Body)
			_ = response.Body.Close()
			if err != nil || response.StatusCode != http.StatusOK || !strings.Contains(string(body), want) {
				t.Errorf("%s: %d %v", path, response.StatusCode, err)
			}
		}
		db.Audit()
	})
}

// What is wrong with a module's events and reactions ends the start and is named.
func TestEventsAndReactionsThatEndTheStart(t *testing.T) {
	t.Parallel()
	reaction := func(name string, types ...string) leadmill.Extension {
		return leadmill.AsReaction(name, types, func() application.ReactorFunc {
			return func(context.Context, application.StoredEvent) error { return nil }
		})
	}
	unnamed := ratedDefinition
	unnamed.Type = "x.acme.BuyerRated.v1"
	bare := ratedDefinition
	bare.Schema = nil
	for name, c := range map[string]struct {
		extensions []leadmill.Extension
		says       string
	}{
		"another module's prefix":  {[]leadmill.Extension{leadmill.AsEvent[rated](eventsv1.Definition{Type: "x.other.rated.v1"})}, `module "acme": AsEvent[feed_test.rated]: the event type "x.other.rated.v1" does not begin with x.acme.`},
		"a malformed name":         {[]leadmill.Extension{leadmill.AsEvent[rated](unnamed)}, `event type "x.acme.BuyerRated.v1": `},
		"no schema":                {[]leadmill.Extension{leadmill.AsEvent[rated](bare)}, `event type "x.acme.buyer_rated.v1": has no JSON Schema`},
		"a type twice":             {[]leadmill.Extension{leadmill.AsEvent[rated](ratedDefinition), leadmill.AsEvent[*rated](ratedDefinition)}, `event type "x.acme.buyer_rated.v1"`},
		"an unknown type":          {[]leadmill.Extension{reaction("acme", "lead.bought.v1")}, `reaction "acme": there is no public event type "lead.bought.v1"`},
		"the name of a projection": {[]leadmill.Extension{reaction("campaign-report", "lead.sold.v1")}, `reaction "campaign-report": a projection has this name`},
		"the name of another":      {[]leadmill.Extension{reaction("invitations", "lead.sold.v1")}, `two reactions are called "invitations": one of module "acme", one of module "program"`},
		"a malformed consumer":     {[]leadmill.Extension{reaction("Acme Ratings", "lead.sold.v1")}, `reaction name "Acme Ratings" is not`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := leadmilltest.StartError(t, leadmilltest.Options{}, leadmill.NewModule("acme", c.extensions...))
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("it says %q, want %q", err, c.says)
			}
		})
	}
}
