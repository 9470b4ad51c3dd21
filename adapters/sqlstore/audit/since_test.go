package audit_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/adapters/sqlstore/audit"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/tests/dbtest"
)

// sinceFair is a fair of two days ago, and what came today from a position on.
type sinceFair struct {
	*fair

	since int64
	fresh string // a lead of today
}

func newSinceFair(t *testing.T, e dbtest.Engine) *sinceFair {
	t.Helper()
	f := &sinceFair{fair: newFairOf(t, e, 48*time.Hour)}
	f.since = f.last() + 1
	f.ids.at = time.Now()
	one := application.Actor{Scope: "supplier", KeyID: "key_1", SellerID: "seller_1", SellerCode: "ACME0001", Currency: usd, PartnerID: "partner_1"}
	var err error
	var status string
	f.fresh, status, err = f.send(t.Context(), one, "Auto", "+13125550177", false)
	require.NoError(t, err)
	require.Equal(t, "sold", status)
	_, status, err = f.send(t.Context(), one, "Wait", "+13125550177", false)
	require.NoError(t, err)
	require.Equal(t, "pending", status)
	f.do(func(ctx context.Context, tx *sqlstore.Tx) error { // a lead of then
		leads, err := tx.Leads().LockPendingByID(ctx, application.Ref{SellerID: "seller_1", ID: "campaign_wait"}, f.pending)
		if err != nil {
			return err
		}
		if err := leads[0].Expire(f.clock.Now()); err != nil {
			return err
		}
		return tx.Leads().SaveAll(ctx, leads)
	})
	f.do(func(ctx context.Context, tx *sqlstore.Tx) error {
		b, err := tx.Buyers().Lock(ctx, "seller_1", "buyer_rich")
		if err != nil {
			return err
		}
		if _, err := b.Deposit(f.ids.New("entry"), money.Micros(7_000_000), "", f.clock.Now()); err != nil {
			return err
		}
		return tx.Buyers().Save(ctx, b)
	})
	f.catchUp()
	return f
}

func (f *sinceFair) auditSince(divisor int64) audit.Report {
	f.t.Helper()
	return f.auditWith(audit.Options{Since: f.since}.InSmallChunks(divisor))
}

// TestAuditSinceAPosition looks at what came from a position on and at what that is about, and at nothing else.
func TestAuditSinceAPosition(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, e dbtest.Engine) {
		f := newSinceFair(t, e)
		f.save()
		for _, divisor := range []int64{1, 1000} {
			r := f.auditSince(divisor)
			require.Empty(t, r.Breaches)
			require.Equal(t, f.since, r.Since)
			rows := map[string]int64{}
			for _, c := range r.Checks {
				rows[c.Rule] = c.Rows
			}
			assert.EqualValues(t, 3, rows["lead_is_as_told"], "two of today and one that changed")
			assert.EqualValues(t, 2, rows["leads.key_id"], "those of today; the other one is looked at besides")
			assert.NotContains(t, rows, "balance_is_ledger_sum")
		}
		assert.Zero(t, f.audit(1).Since)
		require.Empty(t, f.audit(1).Breaches)
		middle := f.since + 1 // inside of a segment
		require.Equal(t, f.since, f.auditWith(audit.Options{Since: middle}).Since)
		require.Empty(t, f.auditWith(audit.Options{Since: f.last() + 1000}).Breaches)
		at, err := audit.PositionAt(t.Context(), f.db, f.clock.Now().Add(time.Hour))
		require.NoError(t, err)
		require.Empty(t, f.auditWith(audit.Options{Since: at}).Breaches)
		at, err = audit.PositionAt(t.Context(), f.db, time.Unix(0, 0))
		require.NoError(t, err)
		require.EqualValues(t, 1, at)

		for _, v := range []violation{
			of("lead_is_as_told", "leads", func(*fair) string { return f.fresh }, "UPDATE leads SET payout = payout + 1 WHERE id = '%s'").and("payouts_of_sales_sum_up"),
			of("lead_holds_its_claims", "claims", func(*fair) string { return f.fresh }, "DELETE FROM claims WHERE lead_id = '%s'"),
			of("data_can_be_read", "leads", func(*fair) string { return f.fresh }, "UPDATE leads SET trace = X'FF' WHERE id = '%s'"),
			of("version_counts_events", "leads", func(*fair) string { return f.fresh }, "UPDATE leads SET version = 9 WHERE id = '%s'"),
			{rule: "sale_is_in_one_event", plant: func(*fair) (string, string) {
				f.exec("UPDATE sales SET currency = 'EUR' WHERE lead_id = '" + f.fresh + "'")
				return "sales", f.text("SELECT id FROM sales WHERE lead_id = '" + f.fresh + "'")
			}},
			{rule: "sale_has_one_entry", plant: func(*fair) (string, string) {
				sale := f.text("SELECT id FROM sales WHERE lead_id = '" + f.fresh + "'")
				f.exec("DELETE FROM ledger_entries WHERE sale_id = '" + sale + "'")
				return "sales", sale
			}, also: []string{"balance_goes_on"}},
			by("balance_goes_on", "buyers", "buyer_rich", "UPDATE buyers SET balance = balance + 1 WHERE id = 'buyer_rich'"),
			by("balance_goes_on", "buyers", "buyer_free", "UPDATE buyers SET balance = balance + 1 WHERE id = 'buyer_free'"),
			{rule: "entry_is_in_one_event", plant: func(*fair) (string, string) {
				last := f.text("SELECT MAX(id) FROM ledger_entries WHERE buyer_id = 'buyer_rich' AND type = 'deposit'")
				f.exec("UPDATE ledger_entries SET amount = amount + 1, balance_after = balance_after + 1 WHERE id = '"+last+"'", "UPDATE buyers SET balance = balance + 1 WHERE id = 'buyer_rich'")
				return "ledger_entries", last
			}},
			{rule: "counter_is_live_sales", plant: func(*fair) (string, string) {
				key := f.text("SELECT counter_key FROM contract_counters WHERE contract_id = 'contract_auto' AND span_window = 'day'")
				f.exec("UPDATE contract_counters SET used = used + 1 WHERE counter_key = '" + key + "'")
				return "contract_counters", key
			}},
			of("lead_is_as_told", "leads", pendingLead, "UPDATE leads SET status = 'duplicate' WHERE id = '%s'", "UPDATE unsold_leads SET status = 'duplicate' WHERE lead_id = '%s'"), // it was told of today
			of("unsold_lead_is_listed", "leads", pendingLead, "DELETE FROM unsold_leads WHERE lead_id = '%s'"),
			{rule: "positions_are_dense", plant: func(*fair) (string, string) {
				f.exec("UPDATE buyers SET version = version + 1 WHERE id = 'buyer_free'")
				hole := f.last() + 1
				f.publish("seller_1", "buyer", "buyer_free", 2, "buyer.updated.v1", "{}", 2)
				return "event_positions", fmt.Sprint(hole)
			}},
			{rule: "segment_has_one_position", plant: func(*fair) (string, string) {
				return "event_segments", fmt.Sprint(f.segment(f.one("seller_1", "buyer", "buyer_free", 2, "buyer.updated.v1", "{}")))
			}},
		} {
			table, id := v.plant(f.fair)
			for _, divisor := range []int64{1, 1000} {
				r := f.auditSince(divisor)
				var rules []string
				named := false
				for _, b := range r.Breaches {
					if !slices.Contains(rules, b.Rule) {
						rules = append(rules, b.Rule)
					}
					named = named || b.Table == table && b.ID == id
				}
				assert.ElementsMatch(t, append([]string{v.rule}, v.also...), rules, "%s: %v", v.rule, r.Breaches)
				assert.True(t, named, "%s %s in %v", table, id, r.Breaches)
			}
			f.restore()
		}
		f.exec("UPDATE leads SET payout = payout + 1 WHERE id = '" + f.first + "'")
		require.Empty(t, f.auditSince(1).Breaches, "it is of then, and nothing is about it")
	})
}
