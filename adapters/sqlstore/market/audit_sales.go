package market

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"sort"
	"strconv"

	"github.com/jmoiron/sqlx"

	"github.com/leadmill/leadmill/adapters/sqlstore/audit"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/campaign"
)

// salesHaveEntries joins sales and entries in memory: there is no index by sale, and MariaDB would compare each with each.
func salesHaveEntries(ctx context.Context, c *audit.Chunk) error {
	type booking struct{ buyer, sale string }
	entries := map[booking]int{}
	err := c.Rows(ctx, `SELECT e.buyer_id, e.sale_id FROM buyers t JOIN ledger_entries e ON e.seller_id = t.seller_id
		AND e.buyer_id = t.id AND e.type = 'sale'
		WHERE {range}`, func(rows *sqlx.Rows) error {
		var b booking
		if err := rows.Scan(&b.buyer, &b.sale); err != nil {
			return err
		}
		entries[b]++
		return nil
	})
	if err != nil {
		return err
	}
	return c.Rows(ctx, `SELECT s.buyer_id, s.id FROM buyers t
		JOIN contracts k ON k.seller_id = t.seller_id AND k.buyer_id = t.id
		JOIN sales s ON s.seller_id = t.seller_id AND s.contract_id = k.id AND s.buyer_id = t.id WHERE {range}`, func(rows *sqlx.Rows) error {
		var b booking
		if err := rows.Scan(&b.buyer, &b.sale); err != nil {
			return err
		}
		if n := entries[b]; n != 1 {
			c.Breach(b.sale, "1", strconv.Itoa(n))
		}
		return nil
	})
}

// timeline is the live sales of a contract: by the time they were made, how many and for how much there were up to it.
type timeline struct{ at, sold, spent []int64 }

func (l *timeline) add(at, sold, price int64) {
	if n := len(l.at); n > 0 {
		sold, price = sold+l.sold[n-1], price+l.spent[n-1]
	}
	l.at, l.sold, l.spent = append(l.at, at), append(l.sold, sold), append(l.spent, price)
}

// before returns the number and the sum of the sales before a time.
func (l *timeline) before(at int64) (sold, spent int64) {
	if n := sort.Search(len(l.at), func(i int) bool { return l.at[i] >= at }); n > 0 {
		return l.sold[n-1], l.spent[n-1]
	}
	return 0, 0
}

// total returns the number and the sum of all sales.
func (l *timeline) total() (sold, spent int64) {
	if n := len(l.at); n > 0 {
		return l.sold[n-1], l.spent[n-1]
	}
	return 0, 0
}

// countersAreSales reads the sales of a contract once for all its counters: a contract has one for every hour it sold in.
func countersAreSales(ctx context.Context, c *audit.Chunk) error {
	lines := map[string]*timeline{}
	err := c.Rows(ctx, `SELECT s.contract_id, s.sold_at, COUNT(*), SUM(s.price) FROM contracts t
		JOIN sales s ON s.seller_id = t.seller_id AND s.contract_id = t.id AND s.slot > 0 WHERE {range}
		GROUP BY s.contract_id, s.sold_at ORDER BY s.contract_id, s.sold_at`, func(rows *sqlx.Rows) error {
		var contract string
		var at, sold, price int64
		if err := rows.Scan(&contract, &at, &sold, &price); err != nil {
			return err
		}
		if lines[contract] == nil {
			lines[contract] = &timeline{}
		}
		lines[contract].add(at, sold, price)
		return nil
	})
	if err != nil {
		return err
	}
	return c.Rows(ctx, `SELECT n.counter_key, n.contract_id, n.span_window, n.starts_at, n.ends_at, n.used, n.spent
		FROM contracts t JOIN contract_counters n ON n.seller_id = t.seller_id AND n.contract_id = t.id WHERE {range}`, func(rows *sqlx.Rows) error {
		var key, contract, window string
		var from, to, used, spent int64
		if err := rows.Scan(&key, &contract, &window, &from, &to, &used, &spent); err != nil {
			return err
		}
		line := lines[contract]
		if line == nil {
			line = &timeline{}
		}
		sold, price := line.total()
		if calendar.Window(window) != calendar.Total {
			soldBefore, priceBefore := line.before(from)
			sold, price = line.before(to)
			sold, price = sold-soldBefore, price-priceBefore
		}
		if sold != used || price != spent {
			c.Breach(key, usage(sold, price), usage(used, spent))
		}
		return nil
	})
}

func usage(used, spent int64) string { return fmt.Sprintf("used %d, spent %d", used, spent) }

// countersWithinCaps leaves changed contracts out: an operator may lower a cap below what was used.
func countersWithinCaps(ctx context.Context, c *audit.Chunk) error {
	return c.Rows(ctx, `SELECT n.counter_key, n.span_window, n.used, n.spent, t.caps FROM contracts t
		JOIN contract_counters n ON n.seller_id = t.seller_id AND n.contract_id = t.id WHERE {range} AND t.updated_at = t.created_at`, func(rows *sqlx.Rows) error {
		var key, window, text string
		var used, spent int64
		if err := rows.Scan(&key, &window, &used, &spent, &text); err != nil {
			return err
		}
		// The column contracts.caps as the migrations keep it; budgets are in micro-units.
		var caps []struct {
			Window string `json:"window"`
			Leads  *int64 `json:"leads"`
			Budget *int64 `json:"budget"`
		}
		if err := json.Unmarshal([]byte(text), &caps); err != nil {
			c.Breach(key, "caps", "unreadable")
			caps = nil
		}
		for _, limit := range caps {
			if limit.Window != window {
				continue
			}
			if limit.Leads != nil && used > *limit.Leads {
				c.Breach(key, fmt.Sprintf("used at most %d", *limit.Leads), fmt.Sprintf("used %d", used))
			}
			if limit.Budget != nil && spent > *limit.Budget {
				c.Breach(key, fmt.Sprintf("spent at most %d", *limit.Budget), fmt.Sprintf("spent %d", spent))
			}
		}
		return nil
	})
}

// exclusiveLeads reads the campaigns of the few leads with more than one live sale: the mode is inside the definition.
func exclusiveLeads(ctx context.Context, c *audit.Chunk) error {
	return c.Rows(ctx, `SELECT m.id, m.sales, ca.definition FROM (
			SELECT t.seller_id AS seller_id, t.id AS id, t.campaign_id AS campaign_id, COUNT(*) AS sales FROM leads t
			JOIN sales s ON s.seller_id = t.seller_id AND s.lead_id = t.id AND s.slot > 0 WHERE {range}
			GROUP BY t.seller_id, t.id, t.campaign_id HAVING COUNT(*) > 1) m
		JOIN campaigns ca ON ca.seller_id = m.seller_id AND ca.id = m.campaign_id`, func(rows *sqlx.Rows) error {
		var id, sales, text string
		if err := rows.Scan(&id, &sales, &text); err != nil {
			return err
		}
		var definition struct {
			Mode string `json:"mode"`
		}
		if err := json.Unmarshal([]byte(text), &definition); err != nil || definition.Mode == campaign.Exclusive {
			c.Breach(id, "at most 1", sales)
		}
		return nil
	})
}

// testClaims knows the only claim that a test lead may have, that of an Idempotency-Key, by how long it lasts: a test is answered
// again as it was.
func testClaims(ctx context.Context, c *audit.Chunk) error {
	return c.Rows(ctx, `SELECT t.lead_id, t.expires_at - l.created_at FROM claims t
		JOIN leads l ON l.seller_id = t.seller_id AND l.id = t.lead_id AND l.test <> 0 WHERE {range}`,
		func(rows *sqlx.Rows) error {
			var lead string
			var lasts int64
			if err := rows.Scan(&lead, &lasts); err != nil {
				return err
			}
			if lasts != application.KeepResponses.Microseconds() {
				c.Breach(lead, "no claim", "a claim")
			}
			return nil
		})
}

// salesOf reads the sales in a lead.sold.v1 event.
func salesOf(e *application.StoredEvent) ([]audit.Fact, error) {
	var sold eventsv1.LeadSold
	if err := json.Unmarshal(e.Payload, &sold); err != nil {
		return nil, err
	}
	if sold.LeadID != e.AggregateID {
		return nil, errors.New("it is about another lead")
	}
	sales := make([]audit.Fact, len(sold.Sales))
	for i, s := range sold.Sales {
		sales[i].Part = s.SaleID
	}
	return sales, nil
}

func addBalances() (run func(ctx context.Context, c *audit.Chunk) error, done func(c *audit.Chunk)) {
	type total struct{ balances, want *big.Int }
	totals := map[string]total{}
	run = func(ctx context.Context, c *audit.Chunk) error {
		return c.Rows(ctx, `SELECT seller_id, SUM(balance), SUM(moved), SUM(sold) FROM (
				SELECT t.seller_id AS seller_id, t.balance AS balance,
					IFNULL((SELECT SUM(e.amount) FROM ledger_entries e WHERE e.seller_id = t.seller_id AND e.buyer_id = t.id
						AND e.type IN ('deposit', 'withdrawal', 'adjustment')), 0) AS moved,
					IFNULL((SELECT SUM(s.price) FROM contracts k
						JOIN sales s ON s.seller_id = k.seller_id AND s.contract_id = k.id AND s.slot > 0
						WHERE k.seller_id = t.seller_id AND k.buyer_id = t.id), 0) AS sold
				FROM buyers t WHERE {range}) accounts GROUP BY seller_id`, func(rows *sqlx.Rows) error {
			var seller string
			var texts [3]string
			if err := rows.Scan(&seller, &texts[0], &texts[1], &texts[2]); err != nil {
				return err
			}
			var sums [3]*big.Int
			for i, text := range texts {
				n, ok := new(big.Int).SetString(text, 10)
				if !ok {
					return fmt.Errorf("%q is no sum", text)
				}
				sums[i] = n
			}
			t, known := totals[seller]
			if !known {
				t = total{new(big.Int), new(big.Int)}
				totals[seller] = t
			}
			t.balances.Add(t.balances, sums[0])
			t.want.Sub(t.want.Add(t.want, sums[1]), sums[2])
			return nil
		})
	}
	done = func(c *audit.Chunk) {
		for _, seller := range slices.Sorted(maps.Keys(totals)) {
			if t := totals[seller]; t.balances.Cmp(t.want) != 0 {
				c.Breach(seller, t.want.String(), t.balances.String())
			}
		}
	}
	return run, done
}
