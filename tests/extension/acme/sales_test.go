package acme

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/application/contract/eventsv1"
	"github.com/leadmill/leadmill/tests/leadmilltest"
)

const salesPath = "/v1/x/acme/sales-by-state"

// sold is what was sold in a state, with the revenue in micro-units.
type sold struct{ sales, revenue int64 }

// salesOf returns what the route answers to a key of a seller.
func salesOf(t *testing.T, c *leadmilltest.Client) map[string]sold {
	t.Helper()
	var answer struct {
		Data []struct {
			State   string
			Sales   int64
			Revenue json.Number
		}
	}
	require.NoError(t, json.Unmarshal(c.Must(t, "GET", salesPath, nil).Body, &answer))
	found := map[string]sold{}
	for _, line := range answer.Data {
		found[line.State] = sold{line.Sales, micros(t, line.Revenue)}
	}
	return found
}

// salesInFeed returns the sums of the same from the events of the feed.
func salesInFeed(t *testing.T, s *leadmilltest.Seller) map[string]sold {
	t.Helper()
	sums := map[string]sold{}
	for _, e := range s.Events(t, eventsv1.LeadSold{}.Type()) {
		var data eventsv1.LeadSold
		e.Into(t, &data)
		sum := sums[data.Dimensions.Get("state")]
		for _, sale := range data.Sales {
			price, err := sale.Price.Micros()
			require.NoError(t, err)
			sum = sold{sum.sales + 1, sum.revenue + price}
		}
		sums[data.Dimensions.Get("state")] = sum
	}
	return sums
}

// salesReported returns the sums over all states in the product's own report.
func salesReported(t *testing.T, s *leadmilltest.Seller) (sum sold) {
	t.Helper()
	var answer struct {
		Data []struct {
			Gross   int64 `json:"sold_gross"`
			Revenue json.Number
		}
	}
	require.NoError(t, json.Unmarshal(s.Program.Must(t, "GET", "/v1/reports/campaigns", nil).Body, &answer))
	for _, row := range answer.Data {
		sum = sold{sum.sales + row.Gross, sum.revenue + micros(t, row.Revenue)}
	}
	return sum
}

// agree fails unless Acme's table says what the feed and the product's own report say, which is something.
func agree(t *testing.T, s *leadmilltest.Seller) {
	t.Helper()
	want := salesInFeed(t, s)
	assert.Equal(t, want, salesOf(t, s.Program))
	var sum sold
	for _, state := range want {
		sum = sold{sum.sales + state.sales, sum.revenue + state.revenue}
	}
	assert.Equal(t, sum, salesReported(t, s))
	assert.NotZero(t, sum)
}

func micros(t *testing.T, dollars json.Number) int64 {
	t.Helper()
	whole, cents, _ := strings.Cut(dollars.String(), ".")
	n, err := strconv.ParseInt(whole+(cents + "000000")[:6], 10, 64)
	require.NoError(t, err)
	return n
}

func TestSalesByState(t *testing.T) {
	t.Parallel()
	leadmilltest.EachEngine(t, func(t *testing.T, databaseURL string) {
		app := start(t, databaseURL, settings)
		s, other := app.Seller(t), app.Seller(t)
		for _, state := range []string{"TX", "CA", "TX"} {
			s.Sell(t, s.Form().With("state", state))
		}
		other.Sell(t, other.Form().With("state", "NY"))
		app.Settle(t)
		assert.Equal(t, map[string]sold{"TX": {2, 40_000_000}, "CA": {1, 20_000_000}}, salesOf(t, s.Program))
		assert.Equal(t, map[string]sold{"NY": {1, 20_000_000}}, salesOf(t, other.Program), "each seller sees its own")
		agree(t, s)

		printed := strings.Fields(run(t, databaseURL, "acme-sales"))
		assert.Equal(t, []string{"STATE", "SALES", "CA", "1", "NY", "1", "TX", "2"}, printed)
		app.Doctor(t)
	})
}

// sell has clients sell leads at once, in some states, until they are stopped. answered says how many were sold.
func sell(s *leadmilltest.Seller, clients int) (answered func() int64, stop func()) {
	var n atomic.Int64
	var running sync.WaitGroup
	done, supplier := make(chan struct{}), s.Supplier.Unchecked()
	for range clients {
		running.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				form := s.Form().With("state", []string{"TX", "CA", "NY"}[rand.IntN(3)])
				if a := supplier.Do("POST", "/api/leads", form); a.Lead().Status == "sold" {
					n.Add(1)
				}
			}
		})
	}
	return n.Load, sync.OnceFunc(func() { close(done); running.Wait() })
}

// A process that is killed while it counts counts nothing twice and forgets nothing; neither does one that builds the table again
// while leads are sold.
func TestSalesAreCountedOnce(t *testing.T) {
	t.Parallel()
	leadmilltest.EachEngine(t, func(t *testing.T, databaseURL string) {
		const kills, each = 2, 30
		p := serve(t, databaseURL)
		s := p.SellerWith(t, leadmilltest.SellerOptions{Buyers: []leadmilltest.Buyer{leadmilltest.Rich}})
		counted := func() (n int64) {
			for _, row := range p.Query(t, "SELECT sales FROM x_acme_sales") {
				sales, err := strconv.ParseInt(row[0], 10, 64)
				require.NoError(t, err)
				n += sales
			}
			return n
		}
		more := func(before, answered int64) error {
			if n := counted() - before; n < each || answered < each {
				return fmt.Errorf("%d sales are counted, %d answered, want %d", n, answered, each)
			}
			return nil
		}
		for range kills {
			before := counted()
			answered, stop := sell(s, 4)
			t.Cleanup(stop)
			leadmilltest.Eventually(t, func() error { return more(before, answered()) })
			p.Kill()
			stop()
			p = serve(t, databaseURL)
			s = s.At(&p.App)
		}
		agree(t, s)

		answered, stop := sell(s, 2)
		t.Cleanup(stop)
		assert.Contains(t, run(t, databaseURL, "events", "replay", salesByState{}.Name()), "is built again")
		leadmilltest.Eventually(t, func() error { return more(0, answered()) })
		stop()
		agree(t, s)
		p.Doctor(t)
		p.Stop(t)
	})
}
