package acme

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/tests/leadmilltest"
)

func TestBudgetLeft(t *testing.T) {
	t.Parallel()
	month := func(limit, spent string) leadmilltest.CandidateOption {
		return leadmilltest.Budget(calendar.Month, limit, spent)
	}
	earlier, later := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	candidates := []distribution.Candidate{
		leadmilltest.Candidate("spent", "50.00", month("100.00", "100.00")),
		leadmilltest.Candidate("half", "40.00", month("100.00", "50.00")),
		leadmilltest.Candidate("half, won later", "40.00", month("200.00", "150.00"), leadmilltest.LastWon(later)),
		leadmilltest.Candidate("half, won earlier", "40.00", month("50.00", "0.00"), leadmilltest.LastWon(earlier)),
		leadmilltest.Candidate("no budget", "1.00", leadmilltest.LeadCap(calendar.Month, 10, 9), leadmilltest.CanSpend("1.00")),
		leadmilltest.Candidate("daily", "1.00", leadmilltest.Budget(calendar.Day, "1.00", "1.00"), leadmilltest.LastWon(later)),
	}
	assert.Equal(t, []string{"no budget", "daily", "half", "half, won earlier", "half, won later", "spent"},
		leadmilltest.Rank(t, newBudgetLeft(), leadmilltest.Facts(nil), candidates))
}

// What a strategy is told is as it is at the very lead, also when leads are decided together and by two instances.
func TestBuyersAreServedEvenly(t *testing.T) {
	t.Parallel()
	leadmilltest.EachEngine(t, func(t *testing.T, databaseURL string) {
		clock := leadmilltest.NewClock(time.Date(2026, 3, 15, 12, 0, 0, 0, time.UTC)) // no month ends while leads are sold
		start := func() *leadmilltest.App {
			return leadmilltest.StartWith(t, leadmilltest.Options{DatabaseURL: databaseURL, Clock: clock}, Module(settings))
		}
		app, other := start(), start()
		budget := func(amount float64) []leadmilltest.Object {
			return []leadmilltest.Object{{"window": "month", "budget": amount}}
		}
		buyer := leadmilltest.Buyer{Deposit: 1000, Contract: leadmilltest.Object{"price": 10.00, "caps": budget(1000)}}
		s := app.SellerWith(t, leadmilltest.SellerOptions{
			Campaign: leadmilltest.Object{"distribution": leadmilltest.Object{"strategy": "acme_budget_left"}},
			Buyers:   []leadmilltest.Buyer{buyer, buyer},
		})
		instances := []*leadmilltest.Seller{s, s.At(other)}
		sell := func() (first, second int) { // 40 leads at once, half of them at each instance
			answers := make([]leadmilltest.Lead, 40)
			leadmilltest.Parallel(len(answers), func(i int) {
				answers[i] = instances[i%2].Supplier.Insist("POST", "/api/leads", s.Form()).Lead()
			})
			for _, a := range answers {
				switch {
				case slices.Equal(a.BuyerIDs, s.BuyerIDs[:1]):
					first++
				case slices.Equal(a.BuyerIDs, s.BuyerIDs[1:]):
					second++
				default:
					t.Errorf("a lead is answered %+v", a)
				}
			}
			return first, second
		}
		first, second := sell()
		assert.Equal(t, []int{20, 20}, []int{first, second})

		s.Program.Must(t, "PUT", s.ContractPath(s.ContractIDs[0]), leadmilltest.Object{"caps": budget(1200)})
		first, second = sell()
		assert.Equal(t, []int{30, 10}, []int{first, second}, "20 leads more make them equal again")
		app.Doctor(t)
	})
}
