package audit_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/adapters/sqlstore/audit"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/tests/dbtest"
)

// fair is a shop where everything that is audited has rows, with the leads by what became of them.
type fair struct {
	*shop

	first, free, credit, pending, duplicate, test, other string
	converted, erased, open                              string // of the form, by what became of their reviews
}

func newFair(t *testing.T, e dbtest.Engine) *fair {
	t.Helper()
	f := &fair{shop: newShop(t, e)}
	one, two := f.found(1), f.found(2)
	f.buyer("seller_1", "buyer_rich", 0, 1_000_000_000)
	f.buyer("seller_1", "buyer_free", 0, 0)
	f.buyer("seller_1", "buyer_credit", 100_000_000, 0)
	f.buyer("seller_2", "buyer_other", 0, 50_000_000)
	f.campaign("seller_1", "Auto", "buyer_rich", 45_000_000, dayCap)
	f.campaign("seller_1", "Free", "buyer_free", 0)
	f.campaign("seller_1", "Credit", "buyer_credit", 30_000_000)
	f.campaign("seller_1", "Wait", "", 0)
	f.campaign("seller_2", "Other", "buyer_other", 10_000_000)
	send := func(a application.Actor, category, phone string, test bool, want string) string {
		id, status, err := f.send(t.Context(), a, category, phone, test)
		require.NoError(t, err)
		require.Equal(t, want, status)
		return id
	}
	f.first = send(one, "Auto", "+13125550101", false, "sold")
	send(one, "Auto", "+13125550102", false, "sold")
	f.free = send(one, "Free", "+13125550101", false, "sold")
	f.credit = send(one, "Credit", "+13125550101", false, "sold")
	f.pending = send(one, "Wait", "+13125550101", false, "pending")
	f.duplicate = send(one, "Auto", "+13125550101", false, "duplicate")
	f.test = send(one, "Auto", "+13125550103", true, "sold")
	f.other = send(two, "Other", "+13125550101", false, "sold")
	f.program()
	f.catchUp()
	return f
}

// program adds partners that referred each other, customers that moved and went, a form with its leads, and clicks.
func (f *fair) program() {
	f.t.Helper()
	now := f.clock.Now()
	f.partner("seller_1", "partner_second", "partner_1")
	f.partner("seller_1", "partner_third", "partner_second")
	gone := f.partner("seller_1", "partner_gone", "partner_third")
	f.customer("seller_1", "customer_stays", "partner_1")
	f.customer("seller_1", "customer_moved", "partner_1", "partner_second", "partner_gone")
	f.customer("seller_2", "customer_other", "partner_2")
	left := f.customer("seller_1", "customer_left", "partner_1")
	f.do(func(ctx context.Context, tx *sqlstore.Tx) error {
		c, err := tx.Customers().Lock(ctx, "seller_1", application.CustomerHandle{ID: left.ID()})
		if err != nil {
			return err
		}
		if err := c.Delete(now); err != nil {
			return err
		}
		return tx.Customers().Save(ctx, c)
	})
	f.do(func(ctx context.Context, tx *sqlstore.Tx) error {
		p, err := tx.Partners().Lock(ctx, "seller_1", application.PartnerHandle{ID: gone.ID()})
		if err != nil {
			return err
		}
		if err := p.Delete(now); err != nil {
			return err
		}
		return tx.Partners().Save(ctx, p)
	})
	form := lead.NewForm("seller_1")
	enabled := true
	require.NoError(f.t, form.Update(lead.FormChange{Enabled: &enabled}))
	f.do(func(ctx context.Context, tx *sqlstore.Tx) error { return tx.Forms().Save(ctx, form) })
	f.converted, f.erased, f.open = f.formLead("seller_1", "partner_1").ID(), f.formLead("seller_1", "partner_1").ID(), f.formLead("seller_1", "partner_second").ID()
	f.review("seller_1", 1, func(l *lead.Lead) error { return l.Convert("customer_stays", "key", nil, usd, now) })
	f.review("seller_1", 2, func(l *lead.Lead) error { return l.Erase(now) })
	require.NoError(f.t, f.store.AppendClicks(f.t.Context(), []program.Click{
		{ID: "click_1", SellerID: "seller_1", PartnerID: "partner_1", ReferralKey: "ref", At: now},
		{ID: "click_2", SellerID: "seller_1", PartnerID: "partner_1", ReferralKey: "ref", At: now},
	}))
}

// violation is a planted breach of one rule. plant returns the table and the id that the audit must name.
type violation struct {
	rule  string
	plant func(f *fair) (table, id string)
}

// by plants with plain statements.
func by(rule, table, id string, statements ...string) violation {
	return violation{rule, func(f *fair) (string, string) {
		f.exec(statements...)
		return table, id
	}}
}

// of plants with one statement on a lead of the fair, which %s stands for.
func of(rule, table string, lead func(f *fair) string, statements ...string) violation {
	return violation{rule, func(f *fair) (string, string) {
		for _, s := range statements {
			f.exec(fmt.Sprintf(s, lead(f)))
		}
		return table, lead(f)
	}}
}

const (
	newKey      = "INSERT INTO api_keys (id, seller_id, scope, name, partner_id, limit_requests, limit_window_us, hash, created_at, revoked_at) "
	newPartner  = "INSERT INTO partners (seller_id, id, email, email_key, name, surname, status, approved, terms_accepted, tags, referring_partner_id, password_hash, created_at, updated_at, version) "
	newCustomer = "INSERT INTO customers (id, seller_id, customer_key, key_hash, email, email_key, name, surname, tags, status, partner_id, referral_key, policy, attributed_at, touched_at, created_at, updated_at, deleted_at, version) "
	newBuyer    = "INSERT INTO buyers (id, seller_id, name, email, status, time_zone, balance, held, credit_limit, created_at, updated_at, version) "
	newCampaign = "INSERT INTO campaigns (id, seller_id, name, category, active_key, status, definition, created_at, updated_at, version) "
	newContract = "INSERT INTO contracts (id, campaign_id, seller_id, buyer_id, status, price, priority, time_zone, effective_zone, caps, created_at, updated_at) "
	newCounter  = "INSERT INTO contract_counters (counter_key, contract_id, span_window, span_key, starts_at, ends_at, used, spent, last_won) "
	newClaim    = "INSERT INTO claims (claim_key, seller_id, scope, kind, lead_id, expires_at) "
	hash32      = "X'0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20'"
)

func pendingLead(f *fair) string { return f.pending }
func openLead(f *fair) string    { return f.open }
func erasedLead(f *fair) string  { return f.erased }
func testLead(f *fair) string    { return f.test }
func firstLead(f *fair) string   { return f.first }

// sold is the data of a lead.sold.v1 event.
func sold(lead, sale string) string {
	return fmt.Sprintf(`{"lead_id":%q,"sales":[{"sale_id":%q,"price":1.00,"currency":"USD"}],"payout":0.00,"sold_at":"2026-01-01T00:00:00.000000Z","submitted_at":"2026-01-01T00:00:00.000000Z"}`, lead, sale)
}

// again sells a lead once more to buyer_free, and leaves everything else in order.
func again(f *fair, lead string) {
	sale := f.sale(lead, "2", "campaign_free", "contract_free", "buyer_free")
	f.entry("sale", sale, 0)
	f.exec("UPDATE contract_counters SET used = used + 1 WHERE contract_id = 'contract_free'", "UPDATE leads SET version = 3 WHERE id = '"+lead+"'")
	f.publish("seller_1", "lead", lead, 3, "lead.sold.v1", sold(lead, sale), 1)
}

// returned inserts a sale that is not live, so that nothing counts it.
func returned(rule string, lead func(f *fair) string, campaignID, contract, buyerID string) violation {
	return violation{rule, func(f *fair) (string, string) {
		sale := f.sale(lead(f), "NULL", campaignID, contract, buyerID)
		if contract == "contract_free" && buyerID == "buyer_free" {
			f.entry("sale", sale, 0)
		}
		if rule == "test_lead_has_no_sales" {
			return "leads", lead(f)
		}
		return "sales", sale
	}}
}

// gapped numbers the events of an aggregate with a gap before the last one.
func gapped(table, kind string, id func(f *fair) string) violation {
	return violation{"event_versions_are_dense", func(f *fair) (string, string) {
		where := fmt.Sprintf(" WHERE aggregate_type = '%s' AND aggregate_id = '%s'", kind, id(f))
		last := f.text("SELECT MAX(aggregate_version) FROM events" + where)
		f.exec("UPDATE events SET aggregate_version = aggregate_version + 1" + where + " AND aggregate_version = " + last)
		return table, id(f)
	}}
}

// attributed inserts customer_x with its one event.
func attributed(rule, sellerID, partnerID string) violation {
	return violation{rule, func(f *fair) (string, string) {
		f.exec(newCustomer + "VALUES ('customer_x', '" + sellerID + "', 'x', " + hash32 + ", '', '', '', '', '[]', 'active', '" + partnerID + "', '', '', 1, 1, 1, 1, 0, 1)")
		f.publish(sellerID, "customer", "customer_x", 1, "customer.attributed.v1", fmt.Sprintf(`{"partner_id":%q}`, partnerID), 1)
		return "customers", "customer_x"
	}}
}

func named(id string) func(*fair) string { return func(*fair) string { return id } }

var violations = []violation{
	by("balance_is_ledger_sum", "buyers", "buyer_free", "UPDATE buyers SET balance = balance + 1 WHERE id = 'buyer_free'",
		"UPDATE buyers SET balance = balance - 1 WHERE id = 'buyer_rich'"),
	by("held_is_open_holds", "buyers", "buyer_rich", "UPDATE buyers SET held = 5 WHERE id = 'buyer_rich'"),
	{"balances_are_money_in_less_sales", func(f *fair) (string, string) {
		f.entry("gift", "", 5)
		f.exec("UPDATE buyers SET balance = balance + 5 WHERE id = 'buyer_free'")
		return "sellers", "seller_1"
	}},
	{"entry_has_sale", func(f *fair) (string, string) { return "ledger_entries", f.entry("sale", "sale_none", 0) }},
	{"entry_is_price", func(f *fair) (string, string) {
		where := "buyer_id = 'buyer_rich' AND type = 'sale'"
		first := f.text("SELECT MIN(id) FROM ledger_entries WHERE " + where)
		f.exec("UPDATE ledger_entries SET amount = amount + CASE WHEN id = '" + first + "' THEN 1 ELSE -1 END WHERE " + where)
		return "ledger_entries", first
	}},
	{"sale_has_one_entry", func(f *fair) (string, string) {
		f.exec("DELETE FROM ledger_entries WHERE buyer_id = 'buyer_free'")
		return "sales", f.text("SELECT id FROM sales WHERE lead_id = '" + f.free + "'")
	}},
	{"sale_has_one_entry", func(f *fair) (string, string) {
		sale := f.text("SELECT id FROM sales WHERE lead_id = '" + f.free + "'")
		f.entry("sale", sale, 0)
		return "sales", sale
	}},
	{"sale_is_to_contracts_buyer", func(f *fair) (string, string) {
		f.exec("UPDATE contracts SET buyer_id = 'buyer_rich' WHERE id = 'contract_free'")
		return "sales", f.text("SELECT id FROM sales WHERE lead_id = '" + f.free + "'")
	}},

	by("buyer_within_credit", "buyers", "buyer_credit", "UPDATE buyers SET credit_limit = 10000000 WHERE id = 'buyer_credit'"),
	by("counter_is_live_sales", "contract_counters", "contract_auto/total", "UPDATE contract_counters SET used = used + 1 WHERE counter_key = 'contract_auto/total'"),
	by("counter_is_live_sales", "contract_counters", "contract_auto/total", "UPDATE contract_counters SET spent = spent - 1 WHERE counter_key = 'contract_auto/total'"),
	{"counter_is_live_sales", func(f *fair) (string, string) {
		key := f.text("SELECT counter_key FROM contract_counters WHERE contract_id = 'contract_auto' AND span_window = 'day'")
		f.exec("UPDATE contract_counters SET starts_at = ends_at, ends_at = ends_at + 1 WHERE counter_key = '" + key + "'")
		return "contract_counters", key
	}},
	by("sold_contract_has_total", "contracts", "contract_auto", "DELETE FROM contract_counters WHERE counter_key = 'contract_auto/total'"),
	{"counter_within_caps", func(f *fair) (string, string) {
		f.exec(`UPDATE contracts SET caps = '[{"window":"day","leads":1}]' WHERE id = 'contract_auto'`)
		return "contract_counters", f.text("SELECT counter_key FROM contract_counters WHERE contract_id = 'contract_auto' AND span_window = 'day'")
	}},
	by("counter_within_caps", "contract_counters", "contract_auto/total",
		`UPDATE contracts SET caps = '[{"window":"total","budget":89999999}]' WHERE id = 'contract_auto'`),
	by("counter_within_caps", "contract_counters", "contract_auto/total", `UPDATE contracts SET caps = '?' WHERE id = 'contract_auto'`),
	by("counter_has_contract", "contract_counters", "contract_none/total", newCounter+"VALUES ('contract_none/total', 'contract_none', 'total', 'total', 0, 0, 0, 0, 0)"),

	{"exclusive_lead_sold_once", func(f *fair) (string, string) {
		again(f, f.first)
		return "leads", f.first
	}},
	{"buyer_once_per_lead", func(f *fair) (string, string) {
		f.exec(`UPDATE campaigns SET definition = REPLACE(definition, '"mode":"exclusive"', '"mode":"shared"') WHERE id = 'campaign_free'`)
		again(f, f.free)
		return "leads", f.free
	}},
	of("sold_lead_has_sale", "leads", firstLead, "UPDATE leads SET status = 'pending' WHERE id = '%s'"),
	of("sold_lead_has_sale", "leads", pendingLead, "UPDATE leads SET status = 'sold' WHERE id = '%s'"),
	returned("test_lead_has_no_sales", testLead, "campaign_free", "contract_free", "buyer_free"),
	{"test_lead_has_no_events", func(f *fair) (string, string) {
		f.exec("UPDATE leads SET version = 1 WHERE id = '" + f.test + "'")
		f.publish("seller_1", "lead", f.test, 1, "lead.rejected.v1", "{}", 1)
		return "leads", f.test
	}},
	{"test_lead_has_no_claims", func(f *fair) (string, string) {
		f.exec(newClaim + "VALUES (" + hash32 + ", 'seller_1', 'campaign_auto', 'phone', '" + f.test + "', 1)")
		return "claims", f.test + " phone"
	}},
	{"test_lead_has_no_claims", func(f *fair) (string, string) {
		f.exec(newClaim + "VALUES (" + hash32 + ", 'seller_1', '', 'external_id', '" + f.test + "', 1)")
		return "claims", f.test + " external_id"
	}},

	{"sale_is_in_one_event", func(f *fair) (string, string) {
		sale := f.text("SELECT id FROM sales WHERE lead_id = '" + f.first + "'")
		f.exec("UPDATE leads SET version = 3 WHERE id = '" + f.first + "'")
		f.publish("seller_1", "lead", f.first, 3, "lead.sold.v1", sold(f.first, sale), 1)
		return "sales", sale
	}},
	{"event_sale_exists", func(f *fair) (string, string) {
		f.exec("UPDATE leads SET version = 3 WHERE id = '" + f.first + "'")
		return "events", f.publish("seller_1", "lead", f.first, 3, "lead.sold.v1", sold(f.first, "sale_none"), 1)
	}},
	{"event_sale_exists", func(f *fair) (string, string) {
		f.exec("UPDATE leads SET version = 3 WHERE id = '" + f.first + "'")
		return "events", f.publish("seller_1", "lead", f.first, 3, "lead.sold.v1", "{", 1)
	}},
	by("version_counts_events", "sellers", "seller_1", "UPDATE sellers SET version = version + 1 WHERE id = 'seller_1'"),
	by("version_counts_events", "partners", "partner_1", "UPDATE partners SET version = version + 1 WHERE id = 'partner_1'"),
	by("version_counts_events", "buyers", "buyer_rich", "UPDATE buyers SET version = version + 1 WHERE id = 'buyer_rich'"),
	by("version_counts_events", "campaigns", "campaign_auto", "UPDATE campaigns SET version = version + 1 WHERE id = 'campaign_auto'"),
	of("version_counts_events", "leads", pendingLead, "UPDATE leads SET version = version + 1 WHERE id = '%s'"),
	gapped("sellers", "seller", named("seller_1")),
	gapped("partners", "partner", named("partner_1")),
	gapped("buyers", "buyer", named("buyer_rich")),
	gapped("campaigns", "campaign", named("campaign_auto")),
	gapped("leads", "lead", firstLead),
	{"event_versions_are_dense", func(f *fair) (string, string) {
		f.publish("seller_1", "case", "case_1", 1, "x.team.case_opened.v1", "{}", 1)
		return "events", f.publish("seller_1", "case", "case_1", 3, "x.team.case_closed.v1", "{}", 1)
	}},
	{"event_versions_are_dense", func(f *fair) (string, string) {
		return "events", f.publish("seller_1", "case", "case_1", 2, "x.team.case_closed.v1", "{}", 1)
	}},
	{"event_versions_are_dense", func(f *fair) (string, string) {
		return "events", f.publish("seller_1", "case", "case_1", 0, "x.team.case_opened.v1", "{}", 1)
	}},
	{"event_has_aggregate", func(f *fair) (string, string) {
		return "events", f.publish("seller_1", "buyer", "buyer_none", 1, "buyer.created.v1", "{}", 1)
	}},
	{"aggregate_order_is_position_order", func(f *fair) (string, string) {
		swap := "UPDATE events SET aggregate_version = %d WHERE aggregate_version = %d AND aggregate_id = '" + f.first + "'"
		f.exec(fmt.Sprintf(swap, 9, 1), fmt.Sprintf(swap, 1, 2), fmt.Sprintf(swap, 2, 9))
		return "events", f.text("SELECT event_id FROM events WHERE aggregate_version = 2 AND aggregate_id = '" + f.first + "'")
	}},
	{"event_gets_position", func(f *fair) (string, string) {
		f.waiting("0")
		f.exec("UPDATE event_consumers SET lease_until = 9000000000000000")
		return "events", "evt_waits"
	}},
	{"event_waits_for_position", func(f *fair) (string, string) {
		f.waiting("0")
		f.exec("DELETE FROM event_pending")
		return "events", "evt_waits"
	}},
	{"waiting_events_exist", func(f *fair) (string, string) {
		f.exec("INSERT INTO event_pending (first_id, events) VALUES (900000, 2)")
		return "event_pending", "900000"
	}},
	{"waiting_events_exist", func(f *fair) (string, string) {
		first := f.text("SELECT MIN(id) FROM events")
		f.exec("INSERT INTO event_pending (first_id, events) VALUES (" + first + ", 1)")
		return "event_pending", first
	}},
	{"position_has_event", func(f *fair) (string, string) {
		last := f.text("SELECT MAX(position) + 1 FROM event_positions")
		f.exec("INSERT INTO event_positions (position, id, seller_id) VALUES ("+last+", 900000, 'seller_1')", "UPDATE event_sequence SET last_position = "+last)
		return "event_positions", last
	}},
	{"position_has_event", func(f *fair) (string, string) {
		position := f.text("SELECT position FROM event_log WHERE type = 'campaign.created.v1' AND seller_id = 'seller_1'")
		f.exec("UPDATE event_positions SET seller_id = 'seller_2' WHERE position = " + position)
		return "event_positions", position
	}},
	{"positions_are_dense", func(f *fair) (string, string) {
		f.exec("UPDATE buyers SET version = version + 1 WHERE id = 'buyer_free'")
		hole := f.text("SELECT MAX(position) + 1 FROM event_positions")
		f.publish("seller_1", "buyer", "buyer_free", 2, "buyer.paused.v1", "{}", 2)
		return "events", hole
	}},
	{"positions_are_dense", func(f *fair) (string, string) {
		f.exec(newBuyer + "VALUES ('buyer_zero', 'seller_1', '', '', 'active', '', 0, 0, 0, 1, 1, 1)")
		f.publish("seller_1", "buyer", "buyer_zero", 1, "buyer.created.v1", "{}", -f.number("SELECT MAX(position) FROM event_positions"))
		return "events", "the first event"
	}},
	{"last_position_is_known", func(f *fair) (string, string) {
		if f.db.Name() == "sqlite" {
			f.exec("UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = 'events'")
		} else {
			f.exec("UPDATE event_sequence SET last_position = last_position + 1")
		}
		return "events", "the last event"
	}},
	{"report_is_replay", func(f *fair) (string, string) {
		f.exec("UPDATE report_leads SET sold = sold + 1 WHERE campaign_id = 'campaign_auto'")
		return "report_leads", f.group("campaign_auto")
	}},
	{"report_is_replay", func(f *fair) (string, string) {
		group := f.group("campaign_auto")
		f.exec("DELETE FROM report_sales WHERE campaign_id = 'campaign_auto'")
		return "report_sales", group + " buyer_rich"
	}},
	by("report_is_replay", "report_sales", "seller_1 2026-01-01 campaign_x partner_1 buyer_free", "INSERT INTO report_sales (seller_id, day, campaign_id, category, "+
		"partner_id, buyer_id, sales, revenue, payout) VALUES ('seller_1', '2026-01-01', 'campaign_x', 'X', 'partner_1', 'buyer_free', 1, 1, 1)"),
	{"report_is_replay", func(f *fair) (string, string) {
		f.exec("UPDATE report_sellers SET time_zone = 'Asia/Kolkata' WHERE seller_id = 'seller_1'")
		return "report_sellers", "seller_1 " + f.text("SELECT since FROM report_sellers WHERE seller_id = 'seller_1'")
	}},
	{"report_is_replay", func(f *fair) (string, string) {
		where := " WHERE aggregate_id = '" + f.pending + "' AND aggregate_version = 2"
		f.exec("UPDATE events SET payload = X'7B'" + where)
		return "events", f.text("SELECT event_id FROM events" + where)
	}},

	by("activity_is_replay", "partner_activity", "seller_1 partner_1", "UPDATE partner_activity SET clicks = clicks + 1 WHERE partner_id = 'partner_1'"),
	by("activity_is_replay", "partner_activity", "seller_2 partner_x", "INSERT INTO partner_activity (seller_id, partner_id, clicks, signups, leads) VALUES ('seller_2', 'partner_x', 0, 0, 0)"),
	{"activity_is_replay", func(f *fair) (string, string) {
		day := f.text("SELECT MAX(day) FROM program_days WHERE seller_id = 'seller_1'")
		f.exec("DELETE FROM program_days WHERE seller_id = 'seller_1' AND day = '" + day + "'")
		return "program_days", "seller_1 " + day
	}},
	{"activity_is_replay", func(f *fair) (string, string) {
		where := " WHERE aggregate_id = 'click_2'"
		f.exec("UPDATE events SET payload = X'7B7D'" + where)
		return "events", f.text("SELECT event_id FROM events" + where)
	}},

	{"customer_is_attributed", func(f *fair) (string, string) {
		f.exec(newCustomer + "VALUES ('customer_x', 'seller_1', 'x', " + hash32 + ", '', '', '', '', '[]', 'active', 'partner_1', '', '', 1, 1, 1, 1, 0, 1)")
		f.publish("seller_1", "customer", "customer_x", 1, "customer.created.v1", `{"partner_id":"partner_1"}`, 1)
		return "customers", "customer_x"
	}},
	by("customer_is_attributed", "customers", "customer_moved", "UPDATE customers SET partner_id = 'partner_second' WHERE id = 'customer_moved'"),
	by("customer_is_attributed", "customers", "customer_stays", "UPDATE customers SET partner_id = '' WHERE id = 'customer_stays'"),
	{"customer_is_attributed", func(f *fair) (string, string) {
		f.exec("UPDATE customers SET version = 3 WHERE id = 'customer_stays'")
		f.publish("seller_1", "customer", "customer_stays", 3, "customer.attributed.v1", "{", 1)
		return "customers", "customer_stays"
	}},
	by("no_referral_circle", "partners", "partner_1", "UPDATE partners SET referring_partner_id = 'partner_third' WHERE id = 'partner_1'"),
	by("no_referral_circle", "partners", "partner_second", "UPDATE partners SET referring_partner_id = 'partner_second' WHERE id = 'partner_second'"),
	by("deleted_partner_is_erased", "partners", "partner_gone", "UPDATE partners SET surname = 'Byron' WHERE id = 'partner_gone'"),
	by("deleted_partner_is_erased", "partners", "partner_gone", "UPDATE partners SET email_key = 'ada@example.com' WHERE id = 'partner_gone'"),
	by("deleted_partner_is_erased", "partners", "partner_gone", `UPDATE partners SET tags = '["vip"]' WHERE id = 'partner_gone'`),
	by("deleted_partner_is_erased", "partners", "partner_gone", `UPDATE partners SET custom_fields = '[{"name":"a","value":"b"}]' WHERE id = 'partner_gone'`),
	by("deleted_customer_is_erased", "customers", "customer_left", "UPDATE customers SET customer_key = 'ada' WHERE id = 'customer_left'"),
	by("deleted_customer_is_erased", "customers", "customer_left", "UPDATE customers SET key_hash = "+hash32+" WHERE id = 'customer_left'"),
	by("deleted_customer_is_erased", "customers", "customer_left", "UPDATE customers SET email_key = 'ada@example.com' WHERE id = 'customer_left'"),
	of("deleted_lead_is_erased", "lead_reviews", erasedLead, "UPDATE lead_reviews SET name = 'Ada' WHERE lead_id = '%s'"),
	of("deleted_lead_is_erased", "lead_reviews", erasedLead, `UPDATE lead_reviews SET answers = '[{"id":1,"question":"a","answer":"b"}]' WHERE lead_id = '%s'`),
	of("deleted_lead_is_erased", "lead_reviews", erasedLead, "UPDATE leads SET fields = X'7B2261223A2262227D' WHERE id = '%s'"),
	of("form_lead_has_review", "leads", openLead, "DELETE FROM lead_reviews WHERE lead_id = '%s'"),
	of("form_lead_has_review", "leads", openLead, "UPDATE leads SET origin = 'supplier' WHERE id = '%s'"),
	of("converted_lead_has_customer", "lead_reviews", openLead, "UPDATE lead_reviews SET status = 'converted' WHERE lead_id = '%s'"),
	of("converted_lead_has_customer", "lead_reviews", openLead, "UPDATE lead_reviews SET customer_id = 'customer_stays' WHERE lead_id = '%s'"),
	by("form_lead_numbers_are_dense", "sellers", "seller_1", "UPDATE lead_reviews SET number = 4 WHERE number = 3", "UPDATE seller_numbers SET value = 4"),
	by("form_lead_numbers_are_dense", "sellers", "seller_1", "UPDATE lead_reviews SET number = number - 1", "UPDATE seller_numbers SET value = 4"),
	by("form_lead_number_was_given", "sellers", "seller_1", "UPDATE seller_numbers SET value = 2"),
	by("form_lead_number_was_given", "sellers", "seller_1", "DELETE FROM seller_numbers"),

	attributed("customers.seller_id", "seller_none", ""),
	attributed("customers.partner_id", "seller_2", "partner_1"),
	by("lead_forms.seller_id", "lead_forms", "seller_none", "INSERT INTO lead_forms (seller_id, version, definition) VALUES ('seller_none', 1, '{}')"),
	by("seller_numbers.seller_id", "seller_numbers", "seller_none", "INSERT INTO seller_numbers (seller_id, series, value) VALUES ('seller_none', 'form_leads', 1)"),
	by("lead_reviews.lead_id", "lead_reviews", "lead_none", "INSERT INTO lead_reviews (lead_id, seller_id, number, status, name, email, form_version, answers, customer_id) "+
		"VALUES ('lead_none', 'seller_1', 4, 'submitted', '', '', 0, '[]', '')", "UPDATE seller_numbers SET value = 4"),
	of("lead_reviews.customer_id", "lead_reviews", func(f *fair) string { return f.converted }, "UPDATE lead_reviews SET customer_id = 'customer_other' WHERE lead_id = '%s'"),
	by("version_counts_events", "customers", "customer_stays", "UPDATE customers SET version = version + 1 WHERE id = 'customer_stays'"),
	gapped("customers", "customer", named("customer_stays")),

	by("api_keys.seller_id", "api_keys", "key_x", newKey+"VALUES ('key_x', 'seller_none', 'program', '', '', 0, 0, "+hash32+", 1, 0)"),
	by("api_keys.partner_id", "api_keys", "key_x", newKey+"VALUES ('key_x', 'seller_2', 'supplier', '', 'partner_1', 0, 0, "+hash32+", 1, 0)"),
	by("partners.seller_id", "partners", "partner_x", newPartner+"VALUES ('seller_none', 'partner_x', '', '', '', '', 'active', 1, 0, '[]', '', '', 1, 1, 0)"),
	by("partners.referring_partner_id", "partners", "partner_1", "UPDATE partners SET referring_partner_id = 'partner_2' WHERE id = 'partner_1'"),
	by("partner_keys.partner_id", "partner_keys", "ref_x", "INSERT INTO partner_keys (seller_id, referral_key, partner_id, ordinal) VALUES ('seller_2', 'ref_x', 'partner_1', 0)"),
	by("buyers.seller_id", "buyers", "buyer_x", newBuyer+"VALUES ('buyer_x', 'seller_none', '', '', 'active', '', 0, 0, 0, 1, 1, 0)"),
	{"ledger_entries.buyer_id", func(f *fair) (string, string) {
		f.exec("UPDATE ledger_entries SET seller_id = 'seller_2' WHERE buyer_id = 'buyer_rich' AND type = 'deposit'")
		return "ledger_entries", f.text("SELECT id FROM ledger_entries WHERE buyer_id = 'buyer_rich' AND type = 'deposit'")
	}},
	by("campaigns.seller_id", "campaigns", "campaign_x", newCampaign+"VALUES ('campaign_x', 'seller_none', '', '', NULL, 'archived', '{}', 1, 1, 0)"),
	by("contracts.campaign_id", "contracts", "contract_x", newContract+"VALUES ('contract_x', 'campaign_other', 'seller_1', 'buyer_rich', 'deleted', 0, 1, '', '', '[]', 1, 1)"),
	by("contracts.buyer_id", "contracts", "contract_x", newContract+"VALUES ('contract_x', 'campaign_auto', 'seller_1', 'buyer_other', 'deleted', 0, 1, '', '', '[]', 1, 1)"),
	of("leads.key_id", "leads", pendingLead, "UPDATE leads SET key_id = 'key_2' WHERE id = '%s'"),
	of("leads.campaign_id", "leads", pendingLead, "UPDATE leads SET campaign_id = 'campaign_other' WHERE id = '%s'"),
	of("leads.partner_id", "leads", pendingLead, "UPDATE leads SET partner_id = 'partner_2' WHERE id = '%s'"),
	returned("sales.lead_id", func(f *fair) string { return f.other }, "campaign_free", "contract_free", "buyer_free"),
	returned("sales.contract_id", pendingLead, "campaign_free", "contract_none", "buyer_free"),
	returned("sales.buyer_id", pendingLead, "campaign_free", "contract_free", "buyer_other"),
	returned("sales.campaign_id", pendingLead, "campaign_other", "contract_free", "buyer_free"),
	of("claims.lead_id", "claims", pendingLead, "UPDATE claims SET seller_id = 'seller_2' WHERE lead_id = '%s' AND kind = 'phone'"),
	{"events.aggregate_id", func(f *fair) (string, string) {
		return "events", f.publish("seller_2", "buyer", "buyer_rich", 1, "buyer.paused.v1", "{}", 1)
	}},
}

// sequencedOnly are the rules about what the sequencer does.
var sequencedOnly = []string{"event_gets_position", "event_waits_for_position", "waiting_events_exist", "position_has_event"}

// waiting inserts an event of buyer_free that waits for its position.
func (f *fair) waiting(occurredAt string) {
	f.exec("UPDATE buyers SET version = 2 WHERE id = 'buyer_free'",
		"INSERT INTO events (event_id, seller_id, aggregate_type, aggregate_id, aggregate_version, type, payload, metadata, occurred_at) "+
			"VALUES ('evt_waits', 'seller_1', 'buyer', 'buyer_free', 2, 'buyer.paused.v1', X'7B7D', X'7B7D', "+occurredAt+")",
		"INSERT INTO event_pending (first_id, events) SELECT id, 1 FROM events WHERE event_id = 'evt_waits'")
}

// group is how a breach names the row of a campaign in report_leads.
func (f *fair) group(campaignID string) string {
	return "seller_1 " + f.text("SELECT day FROM report_leads WHERE campaign_id = '"+campaignID+"'") + " " + campaignID + " partner_1"
}

func onEngines(t *testing.T, test func(t *testing.T, e dbtest.Engine)) {
	t.Helper()
	for _, e := range dbtest.Engines() {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			test(t, e)
		})
	}
}

// TestEveryRuleFindsItsBreach plants one violation after the other and wants it from exactly one rule.
func TestEveryRuleFindsItsBreach(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, e dbtest.Engine) {
		clean := newFair(t, e).audit(1)
		require.Empty(t, clean.Breaches)
		require.True(t, clean.OK())
		require.Zero(t, clean.Parked)
		covered := map[string]bool{}
		for _, c := range clean.Checks {
			require.NotEmpty(t, c.Description)
			if c.Rule != "waiting_events_exist" { // nothing waits
				require.Positive(t, c.Rows, c.Rule)
			}
			covered[c.Rule] = false
		}
		require.True(t, slices.IsSortedFunc(clean.Checks, func(a, b audit.Check) int {
			return slices.Compare([]byte(a.Invariant), []byte(b.Invariant))
		}), "in the order of the invariants")
		for _, v := range violations {
			if _, applies := covered[v.rule]; !applies {
				require.Contains(t, sequencedOnly, v.rule)
				require.Equal(t, dbtest.SQLite, e)
				continue
			}
			covered[v.rule] = true
		}
		for rule, planted := range covered {
			assert.True(t, planted, "nothing planted for %s", rule)
		}
		const fairs = 3 // side by side, each with a part of the violations
		for n := range fairs {
			t.Run(fmt.Sprint(n), func(t *testing.T) {
				t.Parallel()
				f := newFair(t, e)
				f.save()
				for i := n; i < len(violations); i += fairs {
					if v := violations[i]; covered[v.rule] {
						t.Run(fmt.Sprintf("%d/%s", i, v.rule), func(t *testing.T) { //nolint:paralleltest // one fair, one after another
							f.t = t
							f.wantBreach(v)
							f.restore()
						})
					}
				}
				f.t = t
				require.True(t, f.audit(1).OK(), "after the last restore")
			})
		}
	})
}

// wantBreach plants a violation and wants it from exactly its rule.
func (f *fair) wantBreach(v violation) {
	f.t.Helper()
	table, id := v.plant(f)
	for _, divisor := range []int{1, 1000} { // all in one chunk; one or two rows in each
		r := f.audit(divisor)
		assert.False(f.t, r.OK())
		rules, named := map[string]bool{}, false
		for _, b := range r.Breaches {
			rules[b.Rule] = true
			named = named || b.Table == table && b.ID == id
			assert.NotEqual(f.t, b.Want, b.Got)
		}
		assert.Equal(f.t, map[string]bool{v.rule: true}, rules, "%v", r.Breaches)
		assert.True(f.t, named, "%s %s in %v", table, id, r.Breaches)
		for _, c := range r.Checks {
			assert.Equal(f.t, c.Rule == v.rule, c.Breaches > 0, c.Rule)
		}
	}
}

// TestWhatIsNoBreach plants what an operator or a standstill may bring about.
func TestWhatIsNoBreach(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, e dbtest.Engine) {
		f := newFair(t, e)
		f.save()
		for name, plant := range map[string]func(){
			"events of a module's aggregate": func() {
				for version := range 3 {
					f.publish("seller_1", "case", "case_1", version+1, "x.team.case_noted.v1", "{}", 1)
				}
			},
			"cap lowered later": func() {
				f.exec(`UPDATE contracts SET caps = '[{"window":"day","leads":1}]', updated_at = updated_at + 1 WHERE id = 'contract_auto'`)
			},
			"credit limit lowered later": func() {
				f.exec("UPDATE buyers SET credit_limit = 0, version = 2 WHERE id = 'buyer_credit'")
				f.publish("seller_1", "buyer", "buyer_credit", 2, "buyer.updated.v1", "{}", 1)
			},
			"sale returned": func() {
				f.exec("UPDATE sales SET slot = NULL, status = 'returned' WHERE lead_id = '"+f.free+"'", "UPDATE leads SET status = 'returned' WHERE id = '"+f.free+"'",
					"UPDATE contract_counters SET used = used - 1 WHERE contract_id = 'contract_free'")
			},
			"adjusted": func() {
				f.entry("adjustment", "", -7)
				f.entry("adjustment", "", 9)
				f.exec("UPDATE buyers SET balance = balance + 2 WHERE id = 'buyer_free'")
			},
			"request of a test remembered": func() {
				f.exec(newClaim + "VALUES (" + hash32 + ", 'seller_1', '', 'request', '" + f.test + "', 1)")
			},
		} {
			plant()
			assert.Empty(t, f.audit(1).Breaches, name)
			f.restore()
		}
		if e != dbtest.SQLite {
			f.waiting("0")
			assert.Empty(t, f.audit(1).Breaches, "nothing runs, so nothing gets a position")
			f.exec("UPDATE event_consumers SET lease_until = 9000000000000000", "UPDATE events SET occurred_at = "+f.db.Micros()+" WHERE event_id = 'evt_waits'")
			assert.Empty(t, f.audit(1).Breaches, "it has a minute")
			f.restore()
		}

		// A parked event counts for nothing, and is told.
		where := " WHERE aggregate_id = '" + f.pending + "' AND aggregate_version = 2"
		position := f.text("SELECT position FROM event_log" + where)
		f.exec("UPDATE events SET payload = X'7B'"+where, "UPDATE report_leads SET pending = pending - 1 WHERE campaign_id = 'campaign_wait'",
			"INSERT INTO event_parked (consumer, position, seller_id, aggregate_type, aggregate_id, attempts, error, parked_at) "+
				"VALUES ('campaign-report', "+position+", 'seller_1', 'lead', '"+f.pending+"', 5, '', 1)")
		r := f.audit(1)
		assert.Empty(t, r.Breaches)
		assert.Equal(t, 1, r.Parked)
	})
}

// TestBreachesAreListedUpToALimit counts them all.
func TestBreachesAreListedUpToALimit(t *testing.T) {
	t.Parallel()
	s := newShop(t, dbtest.SQLite)
	s.found(1)
	for i := range 150 {
		s.exec(newBuyer + fmt.Sprintf("VALUES ('buyer_%d', 'seller_1', '', '', 'active', '', 0, 1, 1, 1, 1, 0)", i))
	}
	r := s.audit(1)
	require.False(t, r.OK())
	require.Len(t, r.Breaches, 100)
	i := slices.IndexFunc(r.Checks, func(c audit.Check) bool { return c.Rule == "held_is_open_holds" })
	assert.Equal(t, 150, r.Checks[i].Breaches)
	assert.EqualValues(t, 150, r.Checks[i].Rows)
}

// TestCircleAtAnyDepth closes a long chain of referring partners and hangs another one to it.
func TestCircleAtAnyDepth(t *testing.T) {
	t.Parallel()
	const depth = 3000
	s := newShop(t, dbtest.SQLite)
	s.found(1)
	id := func(i int) string { return fmt.Sprintf("deep_%04d", i) }
	row := func(name, referring string) string {
		return fmt.Sprintf("('seller_1', '%[1]s', '', '%[1]s', '', '', 'active', 1, 0, '[]', '%[2]s', '', 1, 1, 0)", name, referring)
	}
	rows := []string{row(id(0), ""), row("deep_tail", id(depth/2))}
	for i := 1; i < depth; i++ {
		rows = append(rows, row(id(i), id(i-1)))
	}
	s.exec(newPartner + "VALUES " + strings.Join(rows, ","))
	require.True(t, s.audit(1).OK())
	s.exec("UPDATE partners SET referring_partner_id = '" + id(depth-1) + "' WHERE id = '" + id(0) + "'")
	r := s.audit(100)
	require.Equal(t, []audit.Breach{{
		Invariant: "I6", Rule: "no_referral_circle", Table: "partners", ID: id(0), Want: "no circle",
		Got: fmt.Sprintf("a circle of %d", depth),
	}}, r.Breaches)
}

func TestRunTellsThatTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, e dbtest.Engine) {
		s := newShop(t, e)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		r, err := audit.Run(ctx, s.db, s.clock.Now(), sqlstore.AuditRules()...)
		require.ErrorIs(t, err, context.Canceled)
		require.Empty(t, r)
		empty, err := audit.Run(t.Context(), s.db, s.clock.Now(), sqlstore.AuditRules()...)
		require.NoError(t, err)
		require.True(t, empty.OK())
	})
}

// TestAuditBesideWriters audits in small chunks while leads are sold, buyers funded, events numbered and the report built.
func TestAuditBesideWriters(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, e dbtest.Engine) {
		s := newShop(t, e)
		one, two := s.found(1), s.found(2)
		s.buyer("seller_1", "buyer_rich", 0, 1_000_000_000_000)
		s.buyer("seller_1", "buyer_poor", 20_000_000, 0)
		s.buyer("seller_2", "buyer_other", 0, 1_000_000_000_000)
		s.campaign("seller_1", "Auto", "buyer_rich", 45_000_000, dayCap)
		s.campaign("seller_1", "Home", "buyer_poor", 1_000_000)
		s.campaign("seller_2", "Other", "buyer_other", 10_000_000)
		defer s.background()()

		ctx, stop := context.WithCancel(t.Context())
		var writers sync.WaitGroup
		defer writers.Wait()
		defer stop()
		for w, actor := range []application.Actor{one, one, one, one, two, two} {
			category := []string{"Auto", "Auto", "Home", "Home", "Other", "Other"}[w]
			writers.Go(func() {
				// Bounded, so that the audits do not chase a log that outgrows them.
				for i := 0; ctx.Err() == nil && i < 300; i++ {
					// Every seventh phone comes from two writers: duplicates. Every fifth lead is a test.
					phone := fmt.Sprintf("+1312555%d%04d", w%2, i)
					if i%7 == 0 {
						phone = fmt.Sprintf("+1312555%d%04d", 9, i)
					}
					if _, _, err := s.send(ctx, actor, category, phone, i%5 == 0); err != nil && ctx.Err() == nil &&
						fault.KindOf(err) != fault.Unavailable {
						t.Error(err)
						return
					}
				}
			})
		}
		writers.Go(func() {
			for i := 0; ctx.Err() == nil && i < 500; i++ {
				err := s.store.Do(ctx, func(ctx context.Context, tx *sqlstore.Tx) error {
					b, err := tx.Buyers().Lock(ctx, "seller_1", "buyer_poor")
					if err != nil {
						return err
					}
					move := b.Deposit
					if i%3 == 2 {
						move = b.Withdraw
					}
					_, err = move(s.ids.New("entry"), money.Micros(500_000), "", s.clock.Now())
					if errors.Is(err, buyer.ErrInsufficientBalance) {
						return nil
					}
					if err != nil {
						return err
					}
					return tx.Buyers().Save(ctx, b)
				})
				if err != nil && ctx.Err() == nil && fault.KindOf(err) != fault.Unavailable {
					t.Error(err)
					return
				}
			}
		})
		var sold int64
		for n := 0; (n < 8 || sold < 300) && !t.Failed(); n++ {
			r := s.audit([]int{1, 50, 200}[n%3])
			require.Empty(t, r.Breaches, "audit %d", n)
			require.Zero(t, r.Parked)
			require.NoError(t, s.db.Reader.Get(&sold, "SELECT COUNT(*) FROM sales"))
		}
		stop()
		writers.Wait()
		s.catchUp()
		require.Empty(t, s.audit(1).Breaches)
	})
}
