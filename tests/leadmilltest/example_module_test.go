package leadmilltest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/tests/leadmilltest"
)

// A strategy by itself: candidates are made, and its order is read.
func TestAStrategyByItself(t *testing.T) {
	t.Parallel()
	order := leadmilltest.Rank(t, distribution.HighestPrice{}, leadmilltest.Facts(nil), leadmilltest.Candidates("30.00", "45.00"))
	assert.Equal(t, []string{"contract_2", "contract_1"}, order)
}

// tell is a reaction: it posts each sold lead to a URL.
func tell(url string) leadmill.Module {
	return leadmill.NewModule("tell", leadmill.AsReaction("tell-sold", []string{eventsv1.LeadSold{}.Type()}, func() application.ReactorFunc {
		return func(ctx context.Context, e application.StoredEvent) error {
			request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, nil)
			if err != nil {
				return err
			}
			request.Header.Set("Idempotency-Key", e.ID)
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				return application.ErrUnavailable.Because(err)
			}
			defer func() { _ = response.Body.Close() }()
			if response.StatusCode >= 500 {
				return application.ErrUnavailable.Because(fmt.Errorf("it answered %d", response.StatusCode))
			}
			return nil
		}
	}))
}

// A reaction through an outage of what it calls: each event arrives once it is over.
func TestAReactionOutlivesAnOutage(t *testing.T) {
	t.Parallel()
	sink := leadmilltest.NewHTTPSink(t)
	sink.Fail(http.StatusServiceUnavailable, 3)
	app := leadmilltest.Start(t, tell(sink.URL))
	seller := app.Seller(t)
	seller.Sell(t, seller.Form())
	seller.Sell(t, seller.Form())

	accepted := map[string]int{}
	for _, e := range app.Events(t, "lead.sold.v1") { // settles: the reaction has seen them
		accepted[e.ID] = 1
	}
	assert.Len(t, accepted, 2)
	assert.Equal(t, accepted, sink.Accepted())
	app.Doctor(t) // nothing is parked
}

// pauseBuyers pauses every buyer that bought a lead, as often as it says.
func pauseBuyers(times int) leadmill.Module {
	return leadmill.NewModule("pause", leadmill.AsReaction("pause-buyers", []string{eventsv1.LeadSold{}.Type()}, func(o *application.Operations) application.ReactorFunc {
		return func(ctx context.Context, e application.StoredEvent) error {
			var sold eventsv1.LeadSold
			if err := json.Unmarshal(e.Payload, &sold); err != nil {
				return err
			}
			pause := marketcommand.PauseBuyer{Actor: application.Actor{Scope: "program", SellerID: e.SellerID}, ID: sold.Sales[0].BuyerID}
			pause.Once.Key = "pause-buyers/" + e.ID
			for range times {
				if _, err := application.Send[application.Done](ctx, o, pause); err != nil {
					return err
				}
			}
			return nil
		}
	}))
}

// A command that a reaction sends again has its effect once: without the key the second one would fail, because the buyer is
// paused already.
func TestACommandOfAReactionIsDoneOnce(t *testing.T) {
	t.Parallel()
	leadmilltest.EachEngine(t, func(t *testing.T, databaseURL string) {
		app := leadmilltest.StartWith(t, leadmilltest.Options{DatabaseURL: databaseURL}, pauseBuyers(2))
		seller := app.SellerWith(t, leadmilltest.SellerOptions{Buyers: []leadmilltest.Buyer{leadmilltest.Rich}})
		seller.Sell(t, seller.Form())
		assert.Len(t, app.Events(t, "buyer.paused.v1"), 1)
		assert.Equal(t, "pending", seller.Sell(t, seller.Form()).Status)
		app.Doctor(t)
	})
}

// A mistake of a module, such as a setting that is missing, ends the start.
func TestALicenceIsNeeded(t *testing.T) {
	t.Parallel()
	newLicensed := func() (adultsOnly, error) { return adultsOnly{}, errors.New("LEADMILL_X_LICENCE is not set") }
	err := leadmilltest.StartError(t, leadmilltest.Options{}, leadmill.NewModule("acme", leadmill.AsIntakeRule(newLicensed)))
	require.ErrorContains(t, err, "LEADMILL_X_LICENCE is not set")
}
