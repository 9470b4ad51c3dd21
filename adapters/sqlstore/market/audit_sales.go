package market

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"sort"
	"strconv"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/leadmill/leadmill/adapters/sqlstore/audit"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/campaign"
)

// balanceRule is the rule about the balances in a ledger.
const balanceRule = "balance_goes_on"

// account is what is added up over the ledger of a buyer. Entries are not ordered by their ids, which may be drawn before the account is
// locked. So it is added up what each entry goes on from and what it leads to: all of the former but zero, with the sum at the end, are
// all of the latter. Hashes of both add up to the same.
type account struct {
	sum  int64
	from uint64
	to   uint64
}

func (a *account) add(amount, after int64) {
	a.sum += amount
	a.from += mixed(after - amount)
	a.to += mixed(after)
}

// goesOn reports whether the entries lead from one balance to another.
func (a *account) goesOn(start, end int64) bool {
	return a.sum == end-start && a.from+mixed(end) == a.to+mixed(start)
}

// mixed is a hash of a number.
func mixed(n int64) uint64 {
	h := uint64(n) + 0x9e3779b97f4a7c15
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

// salesHaveEntries joins sales and entries in memory: there is no index by sale, and MariaDB would compare each with each. It adds up
// the entries with that, so that they are read once.
func salesHaveEntries(ctx context.Context, c *audit.Chunk) error {
	type booking struct{ buyer, sale string }
	entries, credits := map[booking]int{}, map[booking]int{}
	accounts := map[[2]string]*account{}
	var last [2]string
	var of *account
	read := 0
	err := c.Rows(ctx, `SELECT e.seller_id, e.buyer_id, CASE WHEN e.type IN ('sale', 'return') THEN e.sale_id ELSE '' END, e.type, e.amount, e.balance_after
		FROM buyers t JOIN ledger_entries e ON e.seller_id = t.seller_id AND e.buyer_id = t.id AND e.id >= '{since:entry}' WHERE {range}`, func(rows *sqlx.Rows) error {
		var buyer [2]string
		var sale, kind string
		var amount, after int64
		if err := rows.Scan(&buyer[0], &buyer[1], &sale, &kind, &amount, &after); err != nil {
			return err
		}
		if buyer != last || of == nil {
			if of = accounts[buyer]; of == nil {
				of = &account{}
				accounts[buyer] = of
			}
			last = buyer
		}
		of.add(amount, after)
		read++
		switch {
		case sale == "":
		case kind == "return":
			credits[booking{last[1], sale}]++
		default:
			entries[booking{last[1], sale}]++
		}
		return nil
	})
	if err != nil {
		return err
	}
	c.As(balanceRule, "ledger_entries").Looked(read)
	for buyer, a := range accounts {
		if c.Since() == 0 && !a.goesOn(0, a.sum) {
			if err := breakOff(ctx, c.As(balanceRule, "ledger_entries"), buyer, a.sum); err != nil {
				return err
			}
		}
	}
	if c.Since() > 0 {
		if err := balancesSince(ctx, c.As(balanceRule, "buyers"), accounts); err != nil {
			return err
		}
	}
	return c.Rows(ctx, `SELECT s.buyer_id, s.id, CASE WHEN s.status = 'returned' THEN 1 ELSE 0 END FROM buyers t
		JOIN contracts k ON k.seller_id = t.seller_id AND k.buyer_id = t.id
		JOIN sales s ON s.seller_id = t.seller_id AND s.contract_id = k.id AND s.buyer_id = t.id AND ({since} = 0 OR s.sold_at >= {since} + 3600000000) WHERE {range}`, func(rows *sqlx.Rows) error {
		var b booking
		var returned int
		if err := rows.Scan(&b.buyer, &b.sale, &returned); err != nil {
			return err
		}
		if n := credits[b]; n != returned {
			c.As(creditRule, "sales").Breach(b.sale, strconv.Itoa(returned), strconv.Itoa(n))
		}
		if n := entries[b]; n != 1 {
			c.Breach(b.sale, "1", strconv.Itoa(n))
		}
		return nil
	})
}

// lastEntries is how many entries before those that are looked at may be in another order than their ids.
const lastEntries = 20

// balancesSince compares the balances of buyers with what their entries since a time lead to, from the balance of one of the last before.
func balancesSince(ctx context.Context, c *audit.Chunk, accounts map[[2]string]*account) error {
	balances := map[[2]string]int64{}
	if err := c.Rows(ctx, "SELECT t.seller_id, t.id, t.balance FROM buyers t WHERE {range}", func(rows *sqlx.Rows) error {
		var buyer [2]string
		var balance int64
		err := rows.Scan(&buyer[0], &buyer[1], &balance)
		balances[buyer] = balance
		return err
	}); err != nil {
		return err
	}
	for buyer, balance := range balances {
		a := accounts[buyer]
		if a == nil {
			a = &account{}
		}
		before, n, found := balance-a.sum, 0, false
		if err := c.Query(ctx, "SELECT balance_after FROM ledger_entries WHERE seller_id = ? AND buyer_id = ? AND id < ? ORDER BY id DESC LIMIT ?",
			[]any{buyer[0], buyer[1], c.Earliest("entry"), lastEntries}, func(rows *sqlx.Rows) error {
				var after int64
				err := rows.Scan(&after)
				n, found = n+1, found || after == before
				return err
			}); err != nil {
			return err
		}
		if found = found || n < lastEntries && before == 0; !found || !a.goesOn(before, balance) {
			c.Breach(buyer[1], "the balance of its entries", strconv.FormatInt(balance, 10))
		}
	}
	return nil
}

// breakOff names the entries of a buyer that go on from a balance that no other leads to.
func breakOff(ctx context.Context, c *audit.Chunk, buyer [2]string, sum int64) error {
	const query = "SELECT id, amount, balance_after FROM ledger_entries WHERE seller_id = ? AND buyer_id = ? ORDER BY id"
	left := map[int64]int{0: 1} // how many more lead to a balance than go on from it
	left[sum]--
	each := func(do func(id string, amount, after int64)) error {
		return c.Query(ctx, query, []any{buyer[0], buyer[1]}, func(rows *sqlx.Rows) error {
			var id string
			var amount, after int64
			if err := rows.Scan(&id, &amount, &after); err != nil {
				return err
			}
			do(id, amount, after)
			return nil
		})
	}
	if err := each(func(_ string, amount, after int64) {
		left[after]++
		left[after-amount]--
	}); err != nil {
		return err
	}
	return each(func(id string, amount, after int64) {
		if left[after-amount] < 0 {
			left[after-amount]++
			c.Breach(id, "a balance that goes on from another", fmt.Sprintf("%d, from %d", after, after-amount))
		}
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

// countersAreSales reads the sales and reservations of a contract once for all its counters: a contract has one for every hour it sold in.
func countersAreSales(ctx context.Context, c *audit.Chunk) error {
	lines := map[string]*timeline{}
	var from int64 // of the first span that ends behind what is looked at
	if c.Since() > 0 {
		if err := c.Rows(ctx, `SELECT IFNULL(MIN(n.starts_at), 0) FROM contracts t JOIN contract_counters n ON n.seller_id = t.seller_id AND n.contract_id = t.id
			AND n.ends_at > {since} WHERE {range}`, func(rows *sqlx.Rows) error { return rows.Scan(&from) }); err != nil {
			return err
		}
	}
	err := c.Rows(ctx, `SELECT c.contract_id, c.at, COUNT(*), SUM(c.price) FROM (
			SELECT s.contract_id AS contract_id, s.sold_at AS at, s.price AS price FROM contracts t
			JOIN sales s ON s.seller_id = t.seller_id AND s.contract_id = t.id AND s.slot > 0 AND s.sold_at >= `+strconv.FormatInt(from, 10)+` WHERE {range}
			UNION ALL SELECT r.contract_id, r.reserved_at, r.price FROM contracts t
			JOIN reservations r ON r.seller_id = t.seller_id AND r.contract_id = t.id AND r.`+held+` AND r.reserved_at >= `+strconv.FormatInt(from, 10)+` WHERE {range}) c
		GROUP BY c.contract_id, c.at ORDER BY c.contract_id, c.at`, func(rows *sqlx.Rows) error {
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
	late, err := returnedTooLate(ctx, c, from)
	if err != nil {
		return err
	}
	return c.Rows(ctx, `SELECT n.counter_key, n.contract_id, n.span_window, n.starts_at, n.ends_at, n.used, n.spent
		FROM contracts t JOIN contract_counters n ON n.seller_id = t.seller_id AND n.contract_id = t.id AND ({since} = 0 OR n.ends_at > {since})
		WHERE {range}`, func(rows *sqlx.Rows) error {
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
			kept, keptPrice := late[contract].in(from, to)
			sold, price = sold-soldBefore+kept, price-priceBefore+keptPrice
		}
		if sold != used || price != spent {
			c.Breach(key, usage(sold, price), usage(used, spent))
		}
		return nil
	})
}

func usage(used, spent int64) string { return fmt.Sprintf("used %d, spent %d", used, spent) }

// over is a counter above a cap of a contract that was changed.
type over struct {
	want, got string
	changed   int64 // when the contract was
}

// countersWithinCaps knows that an operator may lower a cap below what was used: nothing may be sold behind that. A sale that was under
// way may come a little later, and by another clock.
func countersWithinCaps(ctx context.Context, c *audit.Chunk) error {
	changed := map[[2]string][]over{} // by seller and key of the counter
	err := c.Rows(ctx, `SELECT n.seller_id, n.counter_key, n.span_window, n.used, n.spent, t.caps, CASE WHEN t.updated_at = t.created_at THEN 0 ELSE t.updated_at END
		FROM contracts t JOIN contract_counters n ON n.seller_id = t.seller_id AND n.contract_id = t.id WHERE {range}`, func(rows *sqlx.Rows) error {
		var seller, key, window, text string
		var used, spent, at int64
		if err := rows.Scan(&seller, &key, &window, &used, &spent, &text, &at); err != nil {
			return err
		}
		// The column contracts.caps as the migrations keep it; budgets are in micro-units.
		var caps []struct {
			Window string `json:"window"`
			Leads  *int64 `json:"leads"`
			Budget *int64 `json:"budget"`
		}
		_ = json.Unmarshal([]byte(text), &caps) // what cannot be read is a breach by itself
		exceeds := func(want, got string) {
			if at == 0 {
				c.Breach(key, want, got)
				return
			}
			of := [2]string{seller, key}
			changed[of] = append(changed[of], over{want, got, at})
		}
		for _, limit := range caps {
			if limit.Window != window {
				continue
			}
			if limit.Leads != nil && used > *limit.Leads {
				exceeds(fmt.Sprintf("used at most %d", *limit.Leads), fmt.Sprintf("used %d", used))
			}
			if limit.Budget != nil && spent > *limit.Budget {
				exceeds(fmt.Sprintf("spent at most %d", *limit.Budget), fmt.Sprintf("spent %d", spent))
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for of, all := range changed {
		if err := c.Query(ctx, `SELECT MAX(s.sold_at) FROM contract_counters n JOIN sales s ON s.seller_id = n.seller_id AND s.contract_id = n.contract_id AND s.slot > 0
			AND (n.span_window = 'total' OR s.sold_at >= n.starts_at AND s.sold_at < n.ends_at) WHERE n.seller_id = ? AND n.counter_key = ?`, []any{of[0], of[1]},
			func(rows *sqlx.Rows) error {
				var last sql.NullInt64
				if err := rows.Scan(&last); err != nil {
					return err
				}
				for _, o := range all {
					if last.Int64 > o.changed+time.Minute.Microseconds() {
						c.Breach(of[1], o.want, o.got)
					}
				}
				return nil
			}); err != nil {
			return err
		}
	}
	return nil
}

// activeKeys compares categories in the form in which the marketplace compares them.
func activeKeys(ctx context.Context, c *audit.Chunk) error {
	return c.Rows(ctx, "SELECT t.id, t.status, t.category, t.active_key FROM campaigns t WHERE {range}", func(rows *sqlx.Rows) error {
		var id, status, category string
		var key sql.NullString
		if err := rows.Scan(&id, &status, &category, &key); err != nil {
			return err
		}
		active := status == string(campaign.StatusActive)
		switch {
		case active && !key.Valid:
			c.Breach(id, "its category", "none")
		case active && key.String != campaign.CategoryKey(category):
			c.Breach(id, "its category", "another")
		case !active && key.Valid:
			c.Breach(id, "none", "a category")
		}
		return nil
	})
}

// sharedLeads reads the campaigns of the few leads with more than one live sale: between how many buyers a lead is shared is inside the
// definition. An operator may lower that, which changes nothing of what was sold before.
func sharedLeads(ctx context.Context, c *audit.Chunk) error {
	return c.Rows(ctx, `SELECT m.id, m.sales, m.sold_at, ca.updated_at, ca.definition FROM (
			SELECT t.seller_id AS seller_id, t.id AS id, t.campaign_id AS campaign_id, COUNT(*) AS sales, MAX(s.sold_at) AS sold_at FROM leads t
			JOIN sales s ON s.seller_id = t.seller_id AND s.lead_id = t.id AND s.slot > 0 WHERE {range}
			GROUP BY t.seller_id, t.id, t.campaign_id HAVING COUNT(*) > 1) m
		JOIN campaigns ca ON ca.seller_id = m.seller_id AND ca.id = m.campaign_id`, func(rows *sqlx.Rows) error {
		var id, text string
		var sales, sold, changed int64
		if err := rows.Scan(&id, &sales, &sold, &changed, &text); err != nil {
			return err
		}
		var definition struct {
			Mode     string `json:"mode"`
			MaxSales int64  `json:"max_sales"`
		}
		most := int64(1)
		if err := json.Unmarshal([]byte(text), &definition); err == nil && definition.Mode == campaign.Shared {
			most = max(1, definition.MaxSales)
		}
		if sold <= changed+time.Minute.Microseconds() {
			most = campaign.MostSales
		}
		if sales > most {
			c.Breach(id, fmt.Sprintf("at most %d", most), strconv.FormatInt(sales, 10))
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
