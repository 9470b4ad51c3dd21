package leadmilltest_test

import (
	"errors"
	"fmt"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/tests/leadmilltest"
)

// adultsOnly is the rule under test.
type adultsOnly struct{}

func (adultsOnly) Code() fault.Code { return "acme_adults_only" }
func (adultsOnly) Order() int       { return 10 }

func (adultsOnly) Check(f lead.Facts) error {
	if age, err := strconv.Atoi(f.Field("age").Text); err == nil && age < 18 {
		return errors.New("Acme buys leads of adults only.")
	}
	return nil
}

// module is what the team's program hands to leadmill.New.
var module = leadmill.NewModule("acme", leadmill.AsIntakeRule(func() adultsOnly { return adultsOnly{} }))

// testMarket is a test of the module in a whole Leadmill, on every engine that LEADMILL_TEST_ENGINES names. In a file of tests
// it is TestMarket.
func testMarket(t *testing.T) {
	leadmilltest.EachEngine(t, func(t *testing.T, databaseURL string) {
		app := leadmilltest.StartWith(t, leadmilltest.Options{DatabaseURL: databaseURL}, module)
		seller := app.Seller(t)

		sold := seller.Sell(t, seller.Form().With("age", 18))
		assert.Equal(t, "sold", sold.Status)
		assert.Equal(t, []string{seller.BuyerIDs[0]}, sold.BuyerIDs)
		refused := seller.Sell(t, seller.Form().With("age", 17))
		assert.Equal(t, "rejected", refused.Status)
		assert.Equal(t, "acme_adults_only", refused.Code)

		events := app.Events(t, "lead.sold.v1", "lead.rejected.v1")
		if assert.Len(t, events, 2) {
			assert.Equal(t, sold.ID, events[0].Subject)
			assert.Equal(t, refused.ID, events[1].Subject)
		}
		app.Doctor(t)
	})
}

// A rule by itself needs no App. For a test of the module that has it, see testMarket in the whole example.
func Example() {
	for _, age := range []int{17, 18} {
		facts := leadmilltest.Facts(leadmilltest.Fields{"age": age}, leadmilltest.OfPartner("p1"))
		fmt.Println(age, adultsOnly{}.Check(facts))
	}
	// Output:
	// 17 Acme buys leads of adults only.
	// 18 <nil>
}
