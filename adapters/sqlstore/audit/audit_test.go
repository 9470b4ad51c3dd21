package audit_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/adapters/sqlstore/audit"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	"github.com/leadmill/leadmill/application/program"
	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/returns"
	"github.com/leadmill/leadmill/domain/suppression"
	"github.com/leadmill/leadmill/tests/dbtest"
)

// fair is a shop where everything that is audited has rows, with the leads by what became of them.
type fair struct {
	*shop

	first, free, credit, pending, duplicate, test, other string
	undelivered, delivered                               string // deliveries: one that is pending, one that was delivered
	asked, reserved, released                            string // a lead of which a buyer is asked, its sale, and one that was released
	back, returned, requested                            string // a lead that was given back, its return, and the open one of another
	converted, erased, open                              string // of the form, by what became of their reviews
}

func newFair(t *testing.T, e dbtest.Engine) *fair { return newFairOf(t, e, 0) }

func newFairOf(t *testing.T, e dbtest.Engine, ago time.Duration) *fair {
	t.Helper()
	f := &fair{shop: newShopOf(t, e, ago)}
	one, two := f.found(1), f.found(2)
	f.buyer("seller_1", "buyer_rich", 0, 1_000_000_000)
	f.buyer("seller_1", "buyer_free", 0, 0)
	f.buyer("seller_1", "buyer_credit", 100_000_000, 0)
	f.buyer("seller_2", "buyer_other", 0, 50_000_000)
	f.campaign("seller_1", "Auto", "buyer_rich", 45_000_000, dayCap)
	f.campaign("seller_1", "Free", "buyer_free", 0)
	f.campaign("seller_1", "Credit", "buyer_credit", 30_000_000)
	f.campaign("seller_1", "Wait", "", 0)
	f.buyer("seller_1", "buyer_back", 0, 100_000_000)
	f.campaign("seller_1", "Back", "buyer_back", 10_000_000, dayCap)
	f.campaign("seller_2", "Other", "buyer_other", 10_000_000)
	f.buyer("seller_1", "buyer_told", 0, 100_000_000)
	f.campaign("seller_1", "Told", "buyer_told", 10_000_000)
	f.exec("UPDATE contracts SET delivery = '{\"url\":\"https://buyer.example\",\"format\":\"json\",\"timeout_ms\":5000}', delivers_since = 1 WHERE id = 'contract_told'")
	f.buyer("seller_1", "buyer_asked", 0, 100_000_000)
	f.campaign("seller_1", "Asked", "buyer_asked", 10_000_000, dayCap)
	f.exec("UPDATE contracts SET delivery = '{\"url\":\"https://buyer.example\",\"format\":\"json\",\"timeout_ms\":5000,\"confirm\":true}', delivers_since = 1 WHERE id = 'contract_asked'")
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
	f.back, f.returned = f.giveBack(one, "+13125550104")
	_, f.requested = f.giveBack(one, "+13125550105")
	_, err := marketcommand.ApproveReturnHandler{Deps: f.submit.Deps}.Handle(t.Context(), marketcommand.ApproveReturn{Actor: one, ID: f.returned, Note: "yes"})
	require.NoError(t, err)
	f.deliver(one)
	f.listen()
	f.reserve(one)
	f.ping()
	f.do(func(ctx context.Context, tx *sqlstore.Tx) error {
		l, err := tx.Leads().Lock(ctx, "seller_1", f.back)
		require.NoError(t, err)
		require.NoError(t, l.ChangePrice(5_000_000, 0, "USD", f.clock.Now()))
		return tx.LeadPrices().SavePrice(ctx, l)
	})
	f.program()
	f.catchUp()
	f.exec("INSERT INTO event_consumers (name, position, owner, fence, lease_until) VALUES ('match-pending', 1, '', 0, 0)",
		"INSERT INTO known_consumers (name) VALUES ('match-pending')",
		newPeople, newMembers, newSession, newLink, newPersonMail, newLogo, newAudit, newObject,
		newToken+"VALUES ("+hash32+", 'session', 'seller_1', 'partner_1', 9000000000000000)", newMail+"VALUES ('seller_1', 'evt_x', 'partner_1', 0, 1)",
		"INSERT INTO buyer_mails (seller_id, event_id, buyer_id, attempts, next_at) VALUES ('seller_1', 'evt_y', 'buyer_free', 0, 1)",
		"INSERT INTO mailed_addresses (seller_id, address, event_id, expires_at) VALUES ('seller_1', "+hash32+", 'evt_x', 9000000000000000)",
		newAnswer+"VALUES ('seller_1', 'key_1', "+hash32+", "+hash32+", 200, X'', 9000000000000000)",
		leadsJob("job_1", "running", 1, 2, 1), "INSERT INTO seller_job_pieces (seller_id, job_id, number, line, content) VALUES ('seller_1', 'job_1', 1, 2, X'61')",
		jobResult("job_1", 0, 1),
		strings.Replace(leadsJob("job_old", "done", 4, 4, 2), "9000000000000000", "1", 1), jobResult("job_old", 1, 2), // goes in steps
		newSuppression+"VALUES ('seller_1', "+hashX+", 'suppression_fair', 'domain', 'x.example', 'job_1', 1)",
		"INSERT INTO lead_consents (seller_id, lead_id, given, created_at) VALUES ('seller_1', '"+f.pending+"', '', 1)",
		newAnswer+"VALUES ('', 'admin', "+hash32+", "+hash32+", 200, X'', 9000000000000000)", newJob+"VALUES ('purge', '', '', 0, 0, 0, 0, 0, '', '', 0, 0)")
	return f
}

// giveBack sells a lead of the category Back and asks for its return.
func (f *fair) giveBack(a application.Actor, phone string) (leadID, returnID string) {
	f.t.Helper()
	leadID, status, err := f.send(f.t.Context(), a, "Back", phone, false)
	require.NoError(f.t, err)
	require.Equal(f.t, "sold", status)
	sale := f.text("SELECT id FROM sales WHERE lead_id = '" + leadID + "'")
	_, err = marketcommand.RequestReturnHandler{Deps: f.submit.Deps}.Handle(f.t.Context(), marketcommand.RequestReturn{
		Actor: a, SaleID: sale, Reason: string(returns.InvalidContact), Note: "no such number",
	})
	require.NoError(f.t, err)
	return leadID, f.text("SELECT id FROM sale_returns WHERE lead_id = '" + leadID + "'")
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
	f.review("seller_1", 2, func(l *lead.Lead) error { return l.Delete(now) })
	require.NoError(f.t, f.store.AppendClicks(f.t.Context(), []program.Click{
		{ID: "click_1", SellerID: "seller_1", PartnerID: "partner_1", ReferralKey: "ref", At: now},
		{ID: "click_2", SellerID: "seller_1", PartnerID: "partner_1", ReferralKey: "ref", At: now},
	}))
}

// suppress suppresses somebody for seller_1, some microseconds after the first lead was sold.
func (f *fair) suppress(kind, value, masked string, after int) {
	f.t.Helper()
	v, err := suppression.Parse(kind, value)
	require.NoError(f.t, err)
	key := market.NewSuppressionKey("seller_1", v)
	f.exec(fmt.Sprintf("INSERT INTO suppressions (seller_id, hash, id, kind, masked, job_id, created_at) SELECT 'seller_1', X'%x', 'suppression_1', '%s', '%s', '', sold_at + %d FROM sales WHERE lead_id = '%s'",
		key[:], kind, masked, after, f.first))
}

// boughtWithoutClaims lets a contract have a duplicate rule, that was set so long before it bought a lead, and returns that lead.
func (f *fair) boughtWithoutClaims(before time.Duration) (leadID string) {
	leadID = f.text("SELECT MAX(lead_id) FROM sales WHERE contract_id = 'contract_auto'")
	f.exec(fmt.Sprintf(`UPDATE contracts SET rules = '{"dedupe":{"fields":["phone"],"match":"any","window_days":30}}',
		updated_at = (SELECT MIN(sold_at) FROM sales WHERE lead_id = '%s') - %d WHERE id = 'contract_auto'`, leadID, before.Microseconds()))
	return leadID
}

// sellerJob adds a job of a seller.
func sellerJob(seller, id, state string, done, total, step int) string {
	return fmt.Sprintf("INSERT INTO seller_jobs (seller_id, id, kind, state, settings, done, total, failed, errors, step, created_at, finished_at) "+
		"VALUES ('%s', '%s', 'suppressions', '%s', '{}', %d, %d, 0, '[]', %d, 1, 0)", seller, id, state, done, total, step)
}

// leadsJob adds a job of seller_1 that imports leads, and that did not end long ago.
func leadsJob(id, state string, done, total, step int) string {
	return strings.NewReplacer("'suppressions'", "'leads'", "1, 0)", "1, 9000000000000000)").Replace(sellerJob("seller_1", id, state, done, total, step))
}

// jobResult adds a part of the report of a job of seller_1.
func jobResult(id string, number, told int) string {
	return fmt.Sprintf("INSERT INTO seller_job_results (seller_id, job_id, number, line, told, content) VALUES ('seller_1', '%s', %d, 1, %d, X'61')", id, number, told)
}

// violation is a planted breach of one rule. plant returns the table and the id that the audit must name.
type violation struct {
	rule  string
	plant func(f *fair) (table, id string)
	also  []string // rules that it breaks besides
	only  []dbtest.Engine
	deep  bool
}

// and adds rules that a violation breaks besides.
func (v violation) and(rules ...string) violation {
	v.also = append(slices.Clone(v.also), rules...)
	return v
}

// on limits a violation to engines.
func (v violation) on(engines ...dbtest.Engine) violation {
	v.only = engines
	return v
}

// by plants with plain statements.
func by(rule, table, id string, statements ...string) violation {
	return violation{rule: rule, plant: func(f *fair) (string, string) {
		f.exec(statements...)
		return table, id
	}}
}

// of plants with one statement on a lead of the fair, which %s stands for.
func of(rule, table string, lead func(f *fair) string, statements ...string) violation {
	return violation{rule: rule, plant: func(f *fair) (string, string) {
		for _, s := range statements {
			f.exec(fmt.Sprintf(s, lead(f)))
		}
		return table, lead(f)
	}}
}

const (
	newKey         = "INSERT INTO api_keys (id, seller_id, scope, name, partner_id, limit_requests, limit_window_us, hash, created_at, revoked_at) "
	newPartner     = "INSERT INTO partners (seller_id, id, email, email_key, name, surname, status, approved, terms_accepted, tags, referring_partner_id, password_hash, created_at, updated_at, version) "
	newCustomer    = "INSERT INTO customers (id, seller_id, customer_key, key_hash, email, email_key, name, surname, tags, status, partner_id, referral_key, policy, attributed_at, touched_at, created_at, updated_at, deleted_at, version) "
	newBuyer       = "INSERT INTO buyers (id, seller_id, name, email, status, time_zone, balance, held, credit_limit, created_at, updated_at, version) "
	newCampaign    = "INSERT INTO campaigns (id, seller_id, name, category, active_key, status, definition, created_at, updated_at, version) "
	newContract    = "INSERT INTO contracts (id, campaign_id, seller_id, buyer_id, status, price, priority, time_zone, effective_zone, caps, created_at, updated_at) "
	newCounter     = "INSERT INTO contract_counters (seller_id, counter_key, contract_id, span_window, span_key, starts_at, ends_at, used, spent, last_won) "
	newClaim       = "INSERT INTO claims (seller_id, claim_key, lead_id, expires_at) "
	newSuppression = "INSERT INTO suppressions (seller_id, hash, id, kind, masked, job_id, created_at) "
	newVersion     = "INSERT INTO event_versions (seller_id, aggregate_type, aggregate_id, version) "
	newToken       = "INSERT INTO partner_tokens (token_hash, kind, seller_id, partner_id, expires_at) "
	newMail        = "INSERT INTO outgoing_mails (seller_id, event_id, partner_id, attempts, next_at) "
	newAnswer      = "INSERT INTO answers (seller_id, key_id, key_hash, fingerprint, status, body, expires_at) "
	newJob         = "INSERT INTO jobs (name, schedule, owner, fence, lease_until, next_at, last_started_at, last_finished_at, last_result, last_error, runs, failures) "
	newParked      = "INSERT INTO event_parked (consumer, position, seller_id, aggregate_type, aggregate_id, attempts, error, parked_at) "
	newPending     = "INSERT INTO event_pending (first_id, seller_id, tx, segments) "
	hashX          = "X'2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881'" // of the key x
	hash32         = "X'0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20'"
)

func pendingLead(f *fair) string { return f.pending }
func openLead(f *fair) string    { return f.open }
func erasedLead(f *fair) string  { return f.erased }
func testLead(f *fair) string    { return f.test }
func firstLead(f *fair) string   { return f.first }

// sold is the data of a lead.sold.v1 event with a sale under contract_free.
func sold(lead, sale string) string {
	return soldFor(lead, sale, "0.00", "contract_free", "buyer_free")
}

func soldFor(lead, sale, price, contract, buyer string) string {
	return fmt.Sprintf(`{"lead_id":%q,"sales":[{"sale_id":%q,"buyer_id":%q,"contract_id":%q,"price":%s,"currency":"USD"}],"payout":0.00,`+
		`"sold_at":"2026-01-01T00:00:00.000000Z","submitted_at":"2026-01-01T00:00:00.000000Z"}`, lead, sale, buyer, contract, price)
}

// again sells a lead once more to buyer_free, and leaves everything else in order.
func again(f *fair, lead string) {
	sale := f.sale(lead, "2", "campaign_free", "contract_free", "buyer_free")
	f.entry("sale", sale, 0)
	f.exec("UPDATE contract_counters SET used = used + 1 WHERE contract_id = 'contract_free'", "UPDATE leads SET version = 3 WHERE id = '"+lead+"'")
	f.publish("seller_1", "lead", lead, 3, "lead.sold.v1", sold(lead, sale), 1)
}

// ownCounter inserts a counter of a buyer or a campaign over all time, in which everything is counted as the expressions say.
func ownCounter(id, owner, counted string) string {
	return "INSERT INTO contract_counters (seller_id, counter_key, contract_id, span_window, span_key, starts_at, ends_at, used, spent, last_won, owner) " +
		"SELECT 'seller_1', '" + id + "/day:2000-01-01', '" + id + "', 'day', 'day:2000-01-01', 1, 9000000000000000, " + counted + ", 0, '" + owner + "' " +
		"FROM (SELECT COUNT(*) AS used, COALESCE(SUM(price), 0) AS spent FROM sales WHERE seller_id = 'seller_1' AND " + owner + "_id = '" + id + "') sold"
}

// dead inserts a sale that is not live, so that nothing counts it.
func dead(rule string, lead func(f *fair) string, campaignID, contract, buyerID string) violation {
	return violation{rule: rule, plant: func(f *fair) (string, string) {
		sale := f.sale(lead(f), "-1", campaignID, contract, buyerID)
		f.exec("UPDATE sales SET status = 'voided' WHERE id = '" + sale + "'")
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
func gapped(table, id string) violation {
	return violation{rule: "event_versions_are_dense", plant: func(f *fair) (string, string) {
		all := f.events(id)
		last := all[len(all)-1]
		f.rewrite(func(e *application.EventRecord) {
			if e.ID == last.ID {
				e.AggregateVersion++
			}
		})
		f.exec("UPDATE " + table + " SET version = version + 1 WHERE id = '" + id + "'")
		return "events", last.ID
	}}
}

// unreadable gives the last event of an aggregate data that cannot be read.
func (f *fair) unreadable(aggregateID, data string) (eventID string) {
	all := f.events(aggregateID)
	eventID = all[len(all)-1].ID
	f.rewrite(func(e *application.EventRecord) {
		if e.ID == eventID {
			e.Payload = []byte(data)
		}
	})
	return eventID
}

// attributed inserts customer_x with its events.
func attributed(rule, sellerID, partnerID string) violation {
	return violation{rule: rule, plant: func(f *fair) (string, string) {
		f.exec(newCustomer + "VALUES ('customer_x', '" + sellerID + "', 'x', " + hashX + ", '', '', '', '', '[]', 'active', '" + partnerID + "', '', '', 1, 1, 1, 1, 0, 2)")
		f.publish(sellerID, "customer", "customer_x", 1, "customer.created.v1", "{}", 1)
		f.publish(sellerID, "customer", "customer_x", 2, "customer.attributed.v1", fmt.Sprintf(`{"partner_id":%q}`, partnerID), 1)
		return "customers", "customer_x"
	}}
}

var violations = []violation{
	by("balance_is_ledger_sum", "buyers", "buyer_free", "UPDATE buyers SET balance = balance + 1 WHERE id = 'buyer_free'",
		"UPDATE buyers SET balance = balance - 1 WHERE id = 'buyer_rich'"),
	by("held_is_open_holds", "buyers", "buyer_rich", "UPDATE buyers SET held = 5 WHERE id = 'buyer_rich'"),
	{rule: "balances_are_money_in_less_sales", plant: func(f *fair) (string, string) {
		f.entry("gift", "", 5)
		f.exec("UPDATE buyers SET balance = balance + 5 WHERE id = 'buyer_free'")
		return "sellers", "seller_1"
	}},
	{rule: "entry_has_sale", plant: func(f *fair) (string, string) { return "ledger_entries", f.entry("sale", "sale_none", 0) }},
	{rule: "entry_is_price", plant: func(f *fair) (string, string) {
		where := "buyer_id = 'buyer_rich' AND type = 'sale'"
		first := f.text("SELECT MIN(id) FROM ledger_entries WHERE " + where)
		f.exec("UPDATE ledger_entries SET amount = amount + CASE WHEN id = '"+first+"' THEN 1 ELSE -1 END WHERE "+where,
			"UPDATE ledger_entries SET balance_after = balance_after + 1 WHERE id = '"+first+"'")
		return "ledger_entries", first
	}},
	{rule: "sale_has_one_entry", plant: func(f *fair) (string, string) {
		f.exec("DELETE FROM ledger_entries WHERE buyer_id = 'buyer_free'")
		return "sales", f.text("SELECT id FROM sales WHERE lead_id = '" + f.free + "'")
	}},
	{rule: "sale_has_one_entry", plant: func(f *fair) (string, string) {
		sale := f.text("SELECT id FROM sales WHERE lead_id = '" + f.free + "'")
		f.entry("sale", sale, 0)
		return "sales", sale
	}},
	{rule: "sale_is_to_contracts_buyer", plant: func(f *fair) (string, string) {
		f.exec("UPDATE contracts SET buyer_id = 'buyer_rich' WHERE id = 'contract_free'")
		return "sales", f.text("SELECT id FROM sales WHERE lead_id = '" + f.free + "'")
	}},

	by("buyer_within_credit", "buyers", "buyer_credit", "UPDATE buyers SET credit_limit = 10000000 WHERE id = 'buyer_credit'"),
	by("counter_is_live_sales", "contract_counters", "contract_auto/total", "UPDATE contract_counters SET used = used + 1 WHERE counter_key = 'contract_auto/total'"),
	by("counter_is_live_sales", "contract_counters", "contract_auto/total", "UPDATE contract_counters SET spent = spent - 1 WHERE counter_key = 'contract_auto/total'"),
	{rule: "counter_is_live_sales", plant: func(f *fair) (string, string) {
		key := f.text("SELECT counter_key FROM contract_counters WHERE contract_id = 'contract_auto' AND span_window = 'day'")
		f.exec("UPDATE contract_counters SET starts_at = ends_at, ends_at = ends_at + 1 WHERE counter_key = '" + key + "'")
		return "contract_counters", key
	}},
	by("sold_contract_has_total", "contracts", "contract_auto", "DELETE FROM contract_counters WHERE counter_key = 'contract_auto/total'"),
	{rule: "counter_within_caps", plant: func(f *fair) (string, string) {
		f.exec(`UPDATE contracts SET caps = '[{"window":"day","leads":1}]' WHERE id = 'contract_auto'`)
		return "contract_counters", f.text("SELECT counter_key FROM contract_counters WHERE contract_id = 'contract_auto' AND span_window = 'day'")
	}},
	by("counter_within_caps", "contract_counters", "contract_auto/total",
		`UPDATE contracts SET caps = '[{"window":"total","budget":89999999}]' WHERE id = 'contract_auto'`),
	{rule: "counter_within_caps", plant: func(f *fair) (string, string) { // after an update
		f.exec(`UPDATE contracts SET caps = '[{"window":"day","leads":1}]', updated_at = updated_at + 1 WHERE id = 'contract_auto'`)
		first := f.text("SELECT MIN(lead_id) FROM sales WHERE contract_id = 'contract_auto'")
		f.exec("UPDATE sales SET sold_at = (SELECT updated_at + 60000001 FROM contracts WHERE id = 'contract_auto') WHERE contract_id = 'contract_auto' AND lead_id <> '"+first+"'",
			"UPDATE contract_counters SET ends_at = ends_at + 60000001 WHERE contract_id = 'contract_auto' AND span_window = 'day'")
		return "contract_counters", f.text("SELECT counter_key FROM contract_counters WHERE contract_id = 'contract_auto' AND span_window = 'day'")
	}},
	by("counter_has_owner", "contract_counters", "contract_auto/month:1999-01", // no buyer of that id
		"INSERT INTO contract_counters (seller_id, counter_key, contract_id, span_window, span_key, starts_at, ends_at, used, spent, last_won, owner) VALUES ('seller_1', 'contract_auto/month:1999-01', 'contract_auto', 'month', 'month:1999-01', 1, 2, 0, 0, 0, 'buyer')"),
	by("buyer_counter_is_live_sales", "contract_counters", "buyer_rich/day:2000-01-01", ownCounter("buyer_rich", "buyer", "used, spent + 1")),
	by("buyer_counter_is_live_sales", "contract_counters", "buyer_rich/day:2000-01-01", ownCounter("buyer_rich", "buyer", "used + 1, spent")),
	by("campaign_counter_is_live_sales", "contract_counters", "campaign_auto/day:2000-01-01", ownCounter("campaign_auto", "campaign", "used - 1, spent")),
	by("counter_has_owner", "contract_counters", "contract_none/total", newCounter+"VALUES ('seller_1', 'contract_none/total', 'contract_none', 'total', 'total', 0, 0, 0, 0, 0)"),

	{rule: "lead_within_max_sales", plant: func(f *fair) (string, string) {
		f.exec("UPDATE campaigns SET updated_at = updated_at - 61000000 WHERE id = 'campaign_auto'")
		again(f, f.first)
		return "leads", f.first
	}},
	{rule: "lead_within_max_sales", plant: func(f *fair) (string, string) {
		f.exec(`UPDATE campaigns SET definition = REPLACE(definition, '"mode":"exclusive"', '"mode":"shared"') WHERE id = 'campaign_auto'`,
			"UPDATE campaigns SET updated_at = updated_at - 61000000 WHERE id = 'campaign_auto'")
		again(f, f.first)
		return "leads", f.first
	}},
	of("payouts_of_sales_sum_up", "leads", firstLead, "UPDATE sales SET payout = payout + 1 WHERE lead_id = '%s'"),
	of("payouts_of_sales_sum_up", "leads", firstLead, "UPDATE leads SET payout = 7 WHERE id = '%s'").and("lead_is_as_told"),
	{rule: "buyer_once_per_lead", plant: func(f *fair) (string, string) {
		f.exec(`UPDATE campaigns SET definition = REPLACE(definition, '"mode":"exclusive"', '"mode":"shared"') WHERE id = 'campaign_free'`)
		again(f, f.free)
		return "leads", f.free
	}},
	of("sold_lead_has_sale", "leads", firstLead, "UPDATE leads SET status = 'pending' WHERE id = '%s'").and("lead_is_as_told"),
	of("sold_lead_has_sale", "leads", pendingLead, "UPDATE leads SET status = 'sold' WHERE id = '%s'", "UPDATE unsold_leads SET status = 'sold' WHERE lead_id = '%s'").and("lead_is_as_told"),
	dead("test_lead_has_no_sales", testLead, "campaign_free", "contract_free", "buyer_free"),
	{rule: "test_lead_has_no_events", plant: func(f *fair) (string, string) {
		f.exec("UPDATE leads SET version = 1 WHERE id = '" + f.test + "'")
		f.publish("seller_1", "lead", f.test, 1, "lead.rejected.v1", "{}", 1)
		return "leads", f.test
	}},
	of("test_lead_has_no_claims", "claims", testLead, newClaim+"VALUES ('seller_1', "+hash32+", '%s', 1)"),
	of("test_lead_has_no_claims", "claims", testLead, newClaim+"SELECT seller_id, "+hash32+", id, created_at + 86400000001 FROM leads WHERE id = '%s'"),
	{rule: "suppressed_lead_is_not_sold", plant: func(f *fair) (string, string) {
		f.suppress("phone", "+13125550101", "***********1", 0)
		f.exec("UPDATE sales SET sold_at = sold_at + 60000001 WHERE lead_id = '" + f.first + "'")
		return "sales", f.text("SELECT id FROM sales WHERE lead_id = '" + f.first + "'")
	}},
	{rule: "suppressed_lead_is_not_sold", plant: func(f *fair) (string, string) {
		f.suppress("domain", "evil.example", "evil.example", 0)
		f.exec(fmt.Sprintf("UPDATE leads SET fields = X'%x' WHERE id = '%s'", `{"email":"x@a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.evil.example","phone":"+13125550101"}`, f.first))
		f.exec("UPDATE sales SET sold_at = sold_at + 60000001 WHERE lead_id = '" + f.first + "'")
		return "sales", f.text("SELECT id FROM sales WHERE lead_id = '" + f.first + "'")
	}},
	{rule: "buyer_holds_its_claims", plant: func(f *fair) (string, string) {
		return "claims", f.boughtWithoutClaims(time.Minute + time.Microsecond)
	}},
	{rule: "buyer_holds_its_claims", plant: func(f *fair) (string, string) {
		f.exec(`UPDATE contracts SET rules = '{"dedupe":{"fields":["phone"],"match":"any","window_days":30}}' WHERE id = 'contract_auto'`)
		second := f.text("SELECT MAX(lead_id) FROM sales WHERE contract_id = 'contract_auto'")
		f.exec("UPDATE contracts SET updated_at = (SELECT MIN(sold_at) FROM sales WHERE lead_id = '" + second + "') WHERE id = 'contract_auto'")
		f.exec("UPDATE sales SET sold_at = sold_at + 60000001 WHERE lead_id = '" + second + "'")
		key := market.BuyerClaimKeys("buyer_rich", campaign.Dedupe{Fields: []string{"phone"}, Match: campaign.MatchAny, WindowDays: 30}, field.Set{"phone": field.TextValue("+13125550102")})[0]
		f.exec(fmt.Sprintf(newClaim+"SELECT seller_id, X'%x', '%s', sold_at + 2592000000000 + 10 FROM sales WHERE lead_id = '%s'", key[:], f.first, second))
		return "claims", second
	}},
	{rule: "suppression_holds_no_value", plant: func(f *fair) (string, string) {
		f.suppress("phone", "+13125550999", "+13125550999", 0)
		return "suppressions", "suppression_1"
	}},
	by("suppressions.seller_id", "suppressions", "suppression_x", newSuppression+"VALUES ('seller_none', "+hash32+", 'suppression_x', 'domain', 'x.example', '', 1)"),
	of("consent_is_with_lead", "lead_consents", pendingLead, "UPDATE lead_consents SET given = 'jornaya_lead_id ip_address' WHERE lead_id = '%s'"),
	by("lead_consents.lead_id", "lead_consents", "lead_none", "INSERT INTO lead_consents (seller_id, lead_id, given, created_at) VALUES ('seller_1', 'lead_none', '', 1)"),
	by("seller_jobs.seller_id", "seller_jobs", "job_x", sellerJob("seller_none", "job_x", "done", 1, 1, 1)),
	by("seller_job_pieces.job_id", "seller_job_pieces", "job_none", "INSERT INTO seller_job_pieces (seller_id, job_id, number, line, content) VALUES ('seller_1', 'job_none', 0, 1, X'61')"),
	by("job_is_within_total", "seller_jobs", "job_x", sellerJob("seller_1", "job_x", "running", 2, 1, 1)),
	by("job_is_within_total", "seller_jobs", "job_x", sellerJob("seller_1", "job_x", "done", 1, 2, 1)),
	by("seller_job_results.job_id", "seller_job_results", "job_none", jobResult("job_none", 0, 1)),
	by("job_tells_what_it_did", "seller_jobs", "job_x", leadsJob("job_x", "done", 2, 2, 1), jobResult("job_x", 0, 1)),
	by("job_tells_what_it_did", "seller_jobs", "job_x", leadsJob("job_x", "running", 1, 2, 1)),
	by("job_tells_of_what_is_done", "seller_job_results", "job_x", leadsJob("job_x", "running", 1, 2, 0), jobResult("job_x", 0, 1)),
	by("job_tells_of_what_is_done", "seller_job_results", "job_x", sellerJob("seller_1", "job_x", "running", 1, 2, 1), jobResult("job_x", 0, 1)),
	by("ended_job_holds_nothing", "seller_job_pieces", "job_x", sellerJob("seller_1", "job_x", "done", 1, 1, 0),
		"INSERT INTO seller_job_pieces (seller_id, job_id, number, line, content) VALUES ('seller_1', 'job_x', 0, 1, X'61')"),
	by("ended_job_holds_nothing", "seller_job_pieces", "job_x", sellerJob("seller_1", "job_x", "running", 1, 1, 1),
		"INSERT INTO seller_job_pieces (seller_id, job_id, number, line, content) VALUES ('seller_1', 'job_x', 0, 1, X'61')"),
	of("sale_slots_are_dense", "leads", firstLead, "UPDATE sales SET slot = 2 WHERE lead_id = '%s'"),
	of("unsold_lead_is_listed", "leads", pendingLead, "DELETE FROM unsold_leads WHERE lead_id = '%s'"),
	of("unsold_lead_is_listed", "leads", pendingLead, "UPDATE unsold_leads SET status = 'unsold' WHERE lead_id = '%s'"),
	of("unsold_lead_is_listed", "leads", pendingLead, "UPDATE unsold_leads SET campaign_id = 'campaign_auto' WHERE lead_id = '%s'"),
	of("unsold_lead_is_listed", "leads", pendingLead, "UPDATE unsold_leads SET reason = 'x' WHERE lead_id = '%s'"),
	of("unsold_lead_is_listed", "leads", testLead, "UPDATE unsold_leads SET test = 0 WHERE lead_id = '%s'"),
	of("unsold_lead_is_listed", "leads", firstLead, "INSERT INTO unsold_leads SELECT seller_id, id, campaign_id, status, test, code, '', NULL, NULL, NULL FROM leads WHERE id = '%s'"),
	of("unsold_lead_is_listed", "leads", openLead, "INSERT INTO unsold_leads SELECT seller_id, id, campaign_id, status, test, code, '', NULL, NULL, NULL FROM leads WHERE id = '%s'"),

	{rule: "sale_is_in_one_event", plant: func(f *fair) (string, string) {
		sale := f.text("SELECT id FROM sales WHERE lead_id = '" + f.first + "'")
		f.exec("UPDATE leads SET version = 3 WHERE id = '" + f.first + "'")
		f.publish("seller_1", "lead", f.first, 3, "lead.sold.v1", sold(f.first, sale), 1)
		return "sales", sale
	}},
	{rule: "event_sale_exists", plant: func(f *fair) (string, string) {
		f.exec("UPDATE leads SET version = 3 WHERE id = '" + f.first + "'")
		return "events", f.publish("seller_1", "lead", f.first, 3, "lead.sold.v1", sold(f.first, "sale_none"), 1)
	}},
	{rule: "event_sale_exists", plant: func(f *fair) (string, string) {
		f.exec("UPDATE leads SET version = 3 WHERE id = '" + f.first + "'")
		return "events", f.publish("seller_1", "lead", f.first, 3, "lead.sold.v1", "{", 1)
	}},
	by("version_counts_events", "sellers", "seller_1", "UPDATE sellers SET version = version + 1 WHERE id = 'seller_1'"),
	by("version_counts_events", "partners", "partner_1", "UPDATE partners SET version = version + 1 WHERE id = 'partner_1'"),
	by("version_counts_events", "buyers", "buyer_rich", "UPDATE buyers SET version = version + 1 WHERE id = 'buyer_rich'"),
	by("version_counts_events", "campaigns", "campaign_auto", "UPDATE campaigns SET version = version + 1 WHERE id = 'campaign_auto'"),
	of("version_counts_events", "leads", pendingLead, "UPDATE leads SET version = version + 1 WHERE id = '%s'"),
	gapped("sellers", "seller_1"),
	gapped("partners", "partner_1"),
	gapped("buyers", "buyer_rich"),
	gapped("campaigns", "campaign_auto"),
	{rule: "event_versions_are_dense", plant: func(f *fair) (string, string) { return gapped("leads", f.first).plant(f) }},
	{rule: "event_versions_are_dense", plant: func(f *fair) (string, string) {
		f.exec(newVersion + "VALUES ('seller_1', 'case', 'case_1', 3)")
		f.publish("seller_1", "case", "case_1", 1, "x.team.case_opened.v1", "{}", 1)
		return "events", f.publish("seller_1", "case", "case_1", 3, "x.team.case_closed.v1", "{}", 1)
	}},
	{rule: "event_versions_are_dense", plant: func(f *fair) (string, string) {
		f.exec(newVersion + "VALUES ('seller_1', 'case', 'case_1', 2)")
		return "events", f.publish("seller_1", "case", "case_1", 2, "x.team.case_closed.v1", "{}", 1)
	}},
	{rule: "event_versions_are_dense", plant: func(f *fair) (string, string) {
		f.exec(newVersion + "VALUES ('seller_1', 'case', 'case_1', 0)")
		return "events", f.publish("seller_1", "case", "case_1", 0, "x.team.case_opened.v1", "{}", 1)
	}},
	{rule: "event_versions_are_dense", plant: func(f *fair) (string, string) { // a version twice
		return "events", f.publish("seller_1", "lead", f.first, 2, "lead.rejected.v1", "{}", 1)
	}, also: []string{"lead_is_as_told"}},
	{rule: "event_versions_are_dense", plant: func(f *fair) (string, string) { // in another order
		all := f.events(f.first)
		f.rewrite(func(e *application.EventRecord) {
			if e.AggregateID == f.first {
				e.AggregateVersion = 3 - e.AggregateVersion
			}
		})
		return "events", all[0].ID
	}},
	by("version_counts_events", "event_versions", "case_1", newVersion+"VALUES ('seller_1', 'case', 'case_1', 1)"),
	{rule: "version_counts_events", plant: func(f *fair) (string, string) {
		f.exec(newVersion+"VALUES ('seller_1', 'case', 'case_1', 1)", newVersion+"VALUES ('seller_1', 'file', 'case_1', 1)", newVersion+"VALUES ('seller_2', 'case', 'case_1', 2)")
		f.publish("seller_1", "case", "case_1", 1, "x.team.case_opened.v1", "{}", 1)
		f.publish("seller_1", "file", "case_1", 1, "x.team.file_opened.v1", "{}", 1)
		f.publish("seller_2", "case", "case_1", 1, "x.team.case_opened.v1", "{}", 1)
		return "event_versions", "case_1"
	}},
	{rule: "event_has_aggregate", plant: func(f *fair) (string, string) {
		return "events", f.publish("seller_1", "buyer", "buyer_none", 1, "buyer.created.v1", "{}", 1)
	}},
	{rule: "event_has_aggregate", plant: func(f *fair) (string, string) {
		f.exec(newVersion + "VALUES ('seller_2', 'case', 'case_1', 1)")
		f.publish("seller_2", "case", "case_1", 1, "x.team.case_opened.v1", "{}", 1)
		return "events", f.publish("seller_1", "case", "case_1", 1, "x.team.case_opened.v1", "{}", 1)
	}},
	{rule: "event_has_aggregate", plant: func(f *fair) (string, string) {
		return "events", f.publish("seller_1", "lead", "lead_none", 1, "lead.sold.v1", sold("lead_none", "sale_none"), 1)
	}},
	{rule: "event_has_aggregate", plant: func(f *fair) (string, string) {
		f.publish("seller_1", "lead", "lead_none", 1, "lead.submitted.v1", "{}", 1)
		return "events", f.publish("seller_1", "lead", "lead_none", 2, "lead.pending.v1", "{}", 1)
	}},
	damaged("cut off"), damaged("empty"), damaged("flipped"), damaged("newer"),
	{rule: "event_id_is_unique", plant: func(f *fair) (string, string) {
		again := f.one("seller_1", "buyer", "buyer_free", 2, "buyer.updated.v1", "{}")
		again.ID = f.events("seller_2")[0].ID
		f.place(f.segment(again), 1)
		f.exec("UPDATE buyers SET version = 2 WHERE id = 'buyer_free'")
		return "events", again.ID
	}},
	{rule: "event_gets_position", plant: func(f *fair) (string, string) {
		id := f.waiting()
		f.exec("UPDATE event_consumers SET lease_until = " + f.db.Micros() + " + 1000000000")
		return "event_segments", fmt.Sprint(id)
	}},
	{rule: "segment_has_one_position", plant: func(f *fair) (string, string) {
		return "event_segments", fmt.Sprint(f.segment(f.one("seller_1", "buyer", "buyer_free", 2, "buyer.updated.v1", "{}")))
	}},
	{rule: "segment_has_one_position", plant: func(f *fair) (string, string) {
		id := f.events("seller_1")[0].segment
		f.place(id, 1)
		return "event_segments", fmt.Sprint(id)
	}},
	by("waiting_segments_exist", "event_pending", "900000", newPending+"VALUES (900000, 'seller_1', 1, 2)"),
	{rule: "waiting_segments_exist", plant: func(f *fair) (string, string) {
		first := f.text("SELECT MIN(id) FROM event_segments")
		f.exec(newPending + "SELECT id, seller_id, tx, 1 FROM event_segments WHERE id = " + first)
		return "event_pending", first
	}},
	{rule: "waiting_segments_exist", plant: func(f *fair) (string, string) { // one of two
		id := f.waiting()
		f.exec("UPDATE event_pending SET segments = 2")
		return "event_pending", fmt.Sprint(id)
	}},
	{rule: "position_has_segment", plant: func(f *fair) (string, string) {
		first := f.last() + 1
		f.exec(fmt.Sprintf("INSERT INTO event_positions (first_position, seller_id, segment_id, events, at, types) VALUES (%d, 'seller_1', 900000, 2, 1, 1)", first),
			fmt.Sprintf("UPDATE event_sequence SET last_position = %d", first+1))
		return "event_positions", fmt.Sprint(first)
	}},
	saying("event_positions", "seller_id = 'seller_2'"), saying("event_segments", "seller_id = 'seller_2'"),
	saying("event_positions", "events = events + 1"), saying("event_segments", "events = events - 1"),
	saying("event_positions", "at = at + 1"), saying("event_segments", "at = at - 1"),
	saying("event_positions", "types = types - 1"), saying("event_segments", "types = types + 1"),
	{rule: "positions_are_dense", plant: func(f *fair) (string, string) {
		f.exec("UPDATE buyers SET version = version + 1 WHERE id = 'buyer_free'")
		hole := f.last() + 1
		f.publish("seller_1", "buyer", "buyer_free", 2, "buyer.updated.v1", "{}", 2)
		return "event_positions", fmt.Sprint(hole)
	}},
	{rule: "positions_are_dense", plant: func(f *fair) (string, string) {
		f.exec(newBuyer + "VALUES ('buyer_zero', 'seller_1', '', '', 'active', '', 0, 0, 0, 1, 1, 1)")
		f.publish("seller_1", "buyer", "buyer_zero", 1, "buyer.created.v1", "{}", -f.last())
		return "event_positions", "the first event"
	}},
	{rule: "positions_are_dense", plant: func(f *fair) (string, string) { // two segments at one position
		f.exec("UPDATE buyers SET version = 4 WHERE id = 'buyer_free'")
		paused := func(version int) application.EventRecord {
			return f.one("seller_1", "buyer", "buyer_free", version, "buyer.updated.v1", "{}")
		}
		f.place(f.segment(paused(2), paused(3)), 1)
		return "event_positions", fmt.Sprint(f.place(f.segment(paused(4)), 0))
	}},
	by("last_position_is_known", "event_positions", "the last event", "UPDATE event_sequence SET last_position = last_position + 1"),
	{rule: "report_is_replay", plant: func(f *fair) (string, string) {
		f.exec("UPDATE report_leads SET sold = sold + 1 WHERE campaign_id = 'campaign_auto'")
		return "report_leads", f.group("campaign_auto")
	}},
	{rule: "report_is_replay", plant: func(f *fair) (string, string) {
		group := f.group("campaign_auto")
		f.exec("DELETE FROM report_sales WHERE campaign_id = 'campaign_auto'")
		return "report_sales", group + " buyer_rich"
	}},
	by("report_is_replay", "report_sales", "seller_1 2026-01-01 campaign_x partner_1 buyer_free", "INSERT INTO report_sales (seller_id, day, campaign_id, category, "+
		"partner_id, buyer_id, sales, revenue, payout) VALUES ('seller_1', '2026-01-01', 'campaign_x', 'X', 'partner_1', 'buyer_free', 1, 1, 1)"),
	{rule: "report_is_replay", plant: func(f *fair) (string, string) {
		f.exec("UPDATE report_sellers SET time_zone = 'Asia/Kolkata' WHERE seller_id = 'seller_1'")
		return "report_sellers", "seller_1 " + f.text("SELECT since FROM report_sellers WHERE seller_id = 'seller_1'")
	}},
	{rule: "report_is_replay", plant: func(f *fair) (string, string) { return "events", f.unreadable(f.pending, "{") }},

	by("activity_is_replay", "partner_activity", "seller_1 partner_1", "UPDATE partner_activity SET clicks = clicks + 1 WHERE partner_id = 'partner_1'"),
	by("activity_is_replay", "partner_activity", "seller_2 partner_x", "INSERT INTO partner_activity (seller_id, partner_id, clicks, signups, leads) VALUES ('seller_2', 'partner_x', 0, 0, 0)"),
	{rule: "activity_is_replay", plant: func(f *fair) (string, string) {
		day := f.text("SELECT MAX(day) FROM program_days WHERE seller_id = 'seller_1'")
		f.exec("DELETE FROM program_days WHERE seller_id = 'seller_1' AND day = '" + day + "'")
		return "program_days", "seller_1 " + day
	}},
	violation{rule: "activity_is_replay", plant: func(f *fair) (string, string) { return "events", f.unreadable("click_2", "{}") }}.and("links_are_replay"),
	{rule: "links_are_replay", plant: func(f *fair) (string, string) {
		row := f.text("SELECT MAX(CONCAT(seller_id, ' ', partner_id, ' ', day, ' ', referral_key)) FROM link_days WHERE partner_id = 'partner_1' AND clicks > 0")
		f.exec("UPDATE link_days SET clicks = clicks + 1 WHERE CONCAT(seller_id, ' ', partner_id, ' ', day, ' ', referral_key) = '" + row + "'")
		return "link_days", row
	}},
	by("links_are_replay", "link_days", "seller_2 partner_x 2026-01-01 k", "INSERT INTO link_days (seller_id, partner_id, day, referral_key, clicks, signups) VALUES ('seller_2', 'partner_x', '2026-01-01', 'k', 0, 0)"),

	{rule: "customer_is_attributed", plant: func(f *fair) (string, string) {
		f.exec(newCustomer + "VALUES ('customer_x', 'seller_1', 'x', " + hashX + ", '', '', '', '', '[]', 'active', 'partner_1', '', '', 1, 1, 1, 1, 0, 1)")
		f.publish("seller_1", "customer", "customer_x", 1, "customer.created.v1", `{"partner_id":"partner_1"}`, 1)
		return "customers", "customer_x"
	}},
	by("customer_is_attributed", "customers", "customer_moved", "UPDATE customers SET partner_id = 'partner_second' WHERE id = 'customer_moved'"),
	by("customer_is_attributed", "customers", "customer_stays", "UPDATE customers SET partner_id = '' WHERE id = 'customer_stays'"),
	{rule: "customer_is_attributed", plant: func(f *fair) (string, string) {
		f.exec("UPDATE customers SET version = 3 WHERE id = 'customer_stays'")
		f.publish("seller_1", "customer", "customer_stays", 3, "customer.attributed.v1", "{", 1)
		return "customers", "customer_stays"
	}},
	by("former_attribution_is_past", "customer_attributions", "customer_moved", "UPDATE customer_attributions SET until_at = 9000000000000000"),
	by("customer_attributions.customer_id", "customer_attributions", "customer_none", "UPDATE customer_attributions SET customer_id = 'customer_none'"),
	by("customer_attributions.partner_id", "customer_attributions", "customer_moved", "UPDATE customer_attributions SET partner_id = 'partner_none'"),
	by("no_referral_circle", "partners", "partner_1", "UPDATE partners SET referring_partner_id = 'partner_third' WHERE id = 'partner_1'"),
	by("no_referral_circle", "partners", "partner_second", "UPDATE partners SET referring_partner_id = 'partner_second' WHERE id = 'partner_second'"),
	by("deleted_partner_is_erased", "partners", "partner_gone", "UPDATE partners SET surname = 'Byron' WHERE id = 'partner_gone'"),
	by("deleted_partner_is_erased", "partners", "partner_gone", "UPDATE partners SET email_key = 'ada@example.com' WHERE id = 'partner_gone'"),
	by("deleted_partner_is_erased", "partners", "partner_gone", `UPDATE partners SET tags = '["vip"]' WHERE id = 'partner_gone'`),
	by("deleted_partner_is_erased", "partners", "partner_gone", `UPDATE partners SET custom_fields = '[{"name":"a","value":"b"}]' WHERE id = 'partner_gone'`),
	by("deleted_customer_is_erased", "customers", "customer_left", "UPDATE customers SET customer_key = 'ada' WHERE id = 'customer_left'"),
	by("deleted_customer_is_erased", "customers", "customer_left", "UPDATE customers SET key_hash = "+hash32+" WHERE id = 'customer_left'").and("customer_key_has_its_hash"),
	by("deleted_customer_is_erased", "customers", "customer_left", "UPDATE customers SET email_key = 'ada@example.com' WHERE id = 'customer_left'"),
	of("deleted_lead_is_erased", "lead_reviews", erasedLead, "UPDATE lead_reviews SET name = 'Ada' WHERE lead_id = '%s'"),
	of("deleted_lead_is_erased", "lead_reviews", erasedLead, `UPDATE lead_reviews SET answers = '[{"id":1,"question":"a","answer":"b"}]' WHERE lead_id = '%s'`),
	of("deleted_lead_is_erased", "lead_reviews", erasedLead, "UPDATE leads SET fields = X'7B2261223A2262227D' WHERE id = '%s'"),
	of("erased_lead_holds_nobody", "leads", openLead, "UPDATE leads SET erased_at = 5 WHERE id = '%s'"),
	of("form_lead_has_review", "leads", openLead, "DELETE FROM lead_reviews WHERE lead_id = '%s'"),
	of("form_lead_has_review", "leads", openLead, "UPDATE leads SET origin = 'supplier' WHERE id = '%s'"),
	of("converted_lead_has_customer", "lead_reviews", openLead, "UPDATE lead_reviews SET status = 'converted' WHERE lead_id = '%s'").and("status_is_told"),
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
	gapped("customers", "customer_stays"),

	by("api_keys.seller_id", "api_keys", "key_x", newKey+"VALUES ('key_x', 'seller_none', 'program', '', '', 0, 0, "+hash32+", 1, 0)"),
	by("api_keys.partner_id", "api_keys", "key_x", newKey+"VALUES ('key_x', 'seller_2', 'supplier', '', 'partner_1', 0, 0, "+hash32+", 1, 0)"),
	by("api_keys.campaign_id", "api_keys", "key_x", "INSERT INTO api_keys (id, seller_id, scope, name, partner_id, limit_requests, limit_window_us, hash, created_at, revoked_at, campaign_id) "+
		"VALUES ('key_x', 'seller_1', 'form', '', '', 0, 0, "+hash32+", 1, 0, 'campaign_none')"),
	by("partners.seller_id", "partners", "partner_x", newPartner+"VALUES ('seller_none', 'partner_x', '', '', '', '', 'active', 1, 0, '[]', '', '', 1, 1, 0)").and("status_is_told"),
	by("partners.referring_partner_id", "partners", "partner_1", "UPDATE partners SET referring_partner_id = 'partner_2' WHERE id = 'partner_1'"),
	by("partner_keys.partner_id", "partner_keys", "ref_x", "INSERT INTO partner_keys (seller_id, referral_key, partner_id, ordinal) VALUES ('seller_2', 'ref_x', 'partner_1', 0)").and("short_link_has_owner"),
	by("short_link_has_owner", "partner_keys", "ref_x", "INSERT INTO partner_keys (seller_id, referral_key, partner_id, ordinal) VALUES ('seller_1', 'ref_x', 'partner_1', 9)"),
	by("short_link_owner_has_key", "short_links", "ref_x", "INSERT INTO short_links (referral_key, seller_id) VALUES ('ref_x', 'seller_1')"),
	by("short_link_owner_has_key", "short_links", "ref_stolen", "INSERT INTO partner_keys (seller_id, referral_key, partner_id, ordinal) VALUES ('seller_1', 'ref_stolen', 'partner_1', 9)",
		"INSERT INTO short_links (referral_key, seller_id) VALUES ('ref_stolen', 'seller_2')"),
	by("buyers.seller_id", "buyers", "buyer_x", newBuyer+"VALUES ('buyer_x', 'seller_none', '', '', 'active', '', 0, 0, 0, 1, 1, 0)").and("status_is_told"),
	{rule: "ledger_entries.buyer_id", plant: func(f *fair) (string, string) {
		id := f.entry("deposit", "", 0)
		f.exec("UPDATE ledger_entries SET buyer_id = 'buyer_other' WHERE id = '" + id + "'")
		return "ledger_entries", id
	}},
	by("campaigns.seller_id", "campaigns", "campaign_x", newCampaign+"VALUES ('campaign_x', 'seller_none', '', '', NULL, 'archived', '{}', 1, 1, 0)").and("status_is_told"),
	by("contracts.campaign_id", "contracts", "contract_x", newContract+"VALUES ('contract_x', 'campaign_other', 'seller_1', 'buyer_rich', 'deleted', 0, 1, '', '', '[]', 1, 1)"),
	by("contracts.buyer_id", "contracts", "contract_x", newContract+"VALUES ('contract_x', 'campaign_auto', 'seller_1', 'buyer_other', 'deleted', 0, 1, '', '', '[]', 1, 1)").and("status_is_told"),
	of("leads.key_id", "leads", pendingLead, "UPDATE leads SET key_id = 'key_2' WHERE id = '%s'").and("lead_holds_its_claims"),
	of("leads.campaign_id", "leads", pendingLead, "UPDATE leads SET campaign_id = 'campaign_other' WHERE id = '%s'", "UPDATE unsold_leads SET campaign_id = 'campaign_other' WHERE lead_id = '%s'").and("lead_holds_its_claims"),
	of("leads.partner_id", "leads", pendingLead, "UPDATE leads SET partner_id = 'partner_2' WHERE id = '%s'"),
	dead("sales.lead_id", func(f *fair) string { return f.other }, "campaign_free", "contract_free", "buyer_free"),
	dead("sales.contract_id", pendingLead, "campaign_free", "contract_none", "buyer_free"),
	dead("sales.buyer_id", pendingLead, "campaign_free", "contract_free", "buyer_other"),
	dead("sales.contract_id", pendingLead, "campaign_other", "contract_free", "buyer_free"),
	by("unsold_leads.lead_id", "unsold_leads", "lead_none", "INSERT INTO unsold_leads VALUES ('seller_1', 'lead_none', 'campaign_wait', 'pending', 0, '', '', NULL, NULL, NULL)"),
	by("recent_requests.lead_id", "recent_requests", "lead_none", "INSERT INTO recent_requests VALUES ('seller_1', "+hash32+", 'lead_none', 1)"),
	of("claims.lead_id", "claims", pendingLead, "UPDATE claims SET seller_id = 'seller_2' WHERE lead_id = '%s'").and("lead_holds_its_claims"),
	{rule: "events.aggregate_id", plant: func(f *fair) (string, string) {
		return "events", f.publish("seller_2", "seller", "seller_1", 1, "seller.created.v1", "{}", 1)
	}},
}

// more are what an attacker planted that nobody found.
var more = []violation{
	{rule: "entry_is_in_one_event", plant: func(f *fair) (string, string) { // a deposit without its event
		id := f.entry("deposit", "", 5)
		f.exec("UPDATE buyers SET balance = balance + 5 WHERE id = 'buyer_free'")
		return "ledger_entries", id
	}},
	{rule: "entry_is_in_one_event", plant: func(f *fair) (string, string) { // a deposit changed by one micro, with all that follows from it
		f.exec("UPDATE ledger_entries SET balance_after = balance_after + 1 WHERE buyer_id = 'buyer_rich'", "UPDATE buyers SET balance = balance + 1 WHERE id = 'buyer_rich'",
			"UPDATE ledger_entries SET amount = amount + 1 WHERE buyer_id = 'buyer_rich' AND type = 'deposit'")
		return "ledger_entries", f.text("SELECT id FROM ledger_entries WHERE buyer_id = 'buyer_rich' AND type = 'deposit'")
	}},
	{rule: "entry_is_in_one_event", plant: func(f *fair) (string, string) { // told twice
		e := f.events("buyer_other")[1]
		f.exec("UPDATE buyers SET version = 3 WHERE id = 'buyer_other'")
		f.publish("seller_2", "buyer", "buyer_other", 3, e.Type, string(e.Payload), 1)
		return "ledger_entries", f.text("SELECT id FROM ledger_entries WHERE buyer_id = 'buyer_other' AND type = 'deposit'")
	}},
	{rule: "event_entry_exists", plant: func(f *fair) (string, string) {
		f.exec("UPDATE buyers SET version = 2 WHERE id = 'buyer_free'")
		return "events", f.publish("seller_1", "buyer", "buyer_free", 2, "buyer.withdrawn.v1", `{"buyer_id":"buyer_free","entry_id":"entry_none","amount":1.00,"balance_after":0.00}`, 1)
	}},
	{rule: "event_entry_exists", plant: func(f *fair) (string, string) {
		f.exec("UPDATE buyers SET version = 2 WHERE id = 'buyer_free'")
		return "events", f.publish("seller_1", "buyer", "buyer_free", 2, "buyer.funded.v1", `{"amount":"1"}`, 1)
	}},
	{rule: "balance_goes_on", plant: func(f *fair) (string, string) {
		last := f.text("SELECT MAX(id) FROM ledger_entries WHERE buyer_id = 'buyer_rich'")
		f.exec("UPDATE ledger_entries SET balance_after = balance_after + 1 WHERE id = '" + last + "'")
		return "ledger_entries", last
	}},
	violation{rule: "balance_goes_on", plant: func(f *fair) (string, string) {
		id := f.text("SELECT id FROM ledger_entries WHERE buyer_id = 'buyer_other' AND type = 'deposit'")
		f.exec("UPDATE ledger_entries SET balance_after = balance_after - 1 WHERE id = '" + id + "'")
		return "ledger_entries", id
	}}.and("entry_is_in_one_event"),
	{rule: "sale_is_in_one_event", plant: func(f *fair) (string, string) { // the price, with all that follows from it
		f.exec("UPDATE sales SET price = price + 1 WHERE lead_id = '"+f.free+"'",
			"UPDATE ledger_entries SET amount = amount - 1, balance_after = balance_after - 1 WHERE buyer_id = 'buyer_free'",
			"UPDATE buyers SET balance = balance - 1, credit_limit = 1 WHERE id = 'buyer_free'", "UPDATE contract_counters SET spent = spent + 1 WHERE contract_id = 'contract_free'")
		return "sales", f.text("SELECT id FROM sales WHERE lead_id = '" + f.free + "'")
	}},
	{rule: "sale_is_in_one_event", plant: func(f *fair) (string, string) {
		f.exec("UPDATE sales SET currency = 'EUR' WHERE lead_id = '" + f.first + "'")
		return "sales", f.text("SELECT id FROM sales WHERE lead_id = '" + f.first + "'")
	}},
	of("lead_is_as_told", "leads", firstLead, "UPDATE leads SET payout = payout + 1 WHERE id = '%s'", "UPDATE sales SET payout = payout + 1 WHERE lead_id = '%s'"),
	of("lead_is_as_told", "leads", pendingLead, "UPDATE leads SET status = 'unsold' WHERE id = '%s'", "UPDATE unsold_leads SET status = 'unsold' WHERE lead_id = '%s'"),
	of("lead_is_as_told", "leads", openLead, "UPDATE leads SET status = 'pending', campaign_id = 'campaign_wait' WHERE id = '%s'",
		"INSERT INTO unsold_leads SELECT seller_id, id, campaign_id, status, test, code, '', NULL, NULL, NULL FROM leads WHERE id = '%s'"),
	of("price_is_as_told", "unsold_leads", pendingLead, "UPDATE unsold_leads SET asking_price = 5000000 WHERE lead_id = '%s'"),
	of("price_is_as_told", "unsold_leads", returnedLead, "UPDATE unsold_leads SET asking_price = 5000001 WHERE lead_id = '%s'"),
	by("status_is_told", "partners", "partner_1", "UPDATE partners SET status = 'archived' WHERE id = 'partner_1'"),
	by("status_is_told", "customers", "customer_stays", "UPDATE customers SET status = 'archived' WHERE id = 'customer_stays'"),
	by("status_is_told", "buyers", "buyer_rich", "UPDATE buyers SET status = 'paused' WHERE id = 'buyer_rich'"),
	by("status_is_told", "campaigns", "campaign_wait", "UPDATE campaigns SET status = 'archived', active_key = NULL WHERE id = 'campaign_wait'"),
	by("status_is_told", "contracts", "contract_free", "UPDATE contracts SET status = 'paused' WHERE id = 'contract_free'"),
	of("status_is_told", "lead_reviews", openLead, "UPDATE lead_reviews SET status = 'rejected' WHERE lead_id = '%s'"),
	by("status_is_told", "buyers", "buyer_x", newBuyer+"VALUES ('buyer_x', 'seller_1', '', '', 'active', '', 0, 0, 0, 1, 1, 0)"), // made without an event
	of("lead_holds_its_claims", "claims", firstLead, "DELETE FROM claims WHERE lead_id = '%s'"),
	{rule: "lead_holds_its_claims", plant: func(f *fair) (string, string) {
		f.exec("UPDATE claims SET lead_id = '" + f.pending + "' WHERE lead_id = '" + f.first + "'")
		return "claims", f.first
	}},
	of("lead_holds_its_claims", "claims", firstLead, "UPDATE claims SET expires_at = 1 WHERE lead_id = '%s'"),
	of("lead_holds_its_claims", "claims", firstLead, "UPDATE claims SET expires_at = expires_at + 1 WHERE lead_id = '%s'"),
	{rule: "event_type_is_known", plant: func(f *fair) (string, string) {
		f.exec("UPDATE buyers SET version = 2 WHERE id = 'buyer_free'")
		return "events", f.publish("seller_1", "buyer", "buyer_free", 2, "buyer.enriched.v1", "{}", 1)
	}},
	by("cursor_is_in_log", "event_consumers", "match-pending", "UPDATE event_consumers SET position = 1000000 WHERE name = 'match-pending'"),
	by("cursor_is_in_log", "event_consumers", "match-pending", "UPDATE event_consumers SET position = -1 WHERE name = 'match-pending'"),
	by("consumer_has_cursor", "known_consumers", "match-pending", "DELETE FROM event_consumers WHERE name = 'match-pending'"),
	by("consumer_has_cursor", "known_consumers", "campaign-report", "DELETE FROM event_consumers WHERE name = 'campaign-report'").and("report_is_replay"),
	by("lease_ends_soon", "event_consumers", "match-pending", "UPDATE event_consumers SET lease_until = 9000000000000000 WHERE name = 'match-pending'"),
	by("lease_ends_soon", "jobs", "purge", "UPDATE jobs SET lease_until = 9000000000000000"),
	by("parked_event_is_in_log", "event_parked", "gone", newParked+"VALUES ('gone', 1, 'seller_1', 'lead', 'lead_x', 5, '', 1)"),
	by("parked_event_is_in_log", "event_parked", "match-pending", newParked+"VALUES ('match-pending', 1000000, 'seller_1', 'lead', 'lead_x', 5, '', 1)"),
	by("partner_tokens.partner_id", "partner_tokens", "partner_none", "UPDATE partner_tokens SET partner_id = 'partner_none'"),
	by("outgoing_mails.partner_id", "outgoing_mails", "evt_x", "UPDATE outgoing_mails SET partner_id = 'partner_2'"),
	by("mailed_addresses.seller_id", "mailed_addresses", "evt_x", "UPDATE mailed_addresses SET seller_id = 'seller_none'"),
	by("buyer_mails.buyer_id", "buyer_mails", "evt_y", "UPDATE buyer_mails SET buyer_id = 'buyer_none'"),
	by("buyer_mail_is_due_soon", "buyer_mails", "evt_y", "UPDATE buyer_mails SET next_at = 9000000000000000"),
	by("mail_is_due_soon", "outgoing_mails", "evt_x", "UPDATE outgoing_mails SET next_at = 9000000000000000"),
	by("answers.key_id", "answers", "key_none", "UPDATE answers SET key_id = 'key_none' WHERE key_id = 'key_1'"),
	by("answers.key_id", "answers", "key_2", "UPDATE answers SET key_id = 'key_2' WHERE key_id = 'key_1'"),
	by("key_hash_is_of_one", "api_keys", "key_1", "UPDATE api_keys SET hash = X'"+strings.Repeat("00", 32)+"' WHERE id = 'key_1'"),
	by("key_hash_is_of_one", "api_keys", "key_x", newKey+"SELECT 'key_x', seller_id, scope, name, partner_id, 0, 0, hash, 1, 0 FROM api_keys WHERE id = 'key_1'"),
	by("customer_key_has_its_hash", "customers", "customer_stays", "UPDATE customers SET key_hash = "+hash32+" WHERE id = 'customer_stays'"),
	by("active_campaign_has_key", "campaigns", "campaign_auto", "UPDATE campaigns SET active_key = NULL WHERE id = 'campaign_auto'"),
	by("active_campaign_has_key", "campaigns", "campaign_auto", "UPDATE campaigns SET active_key = 'home' WHERE id = 'campaign_auto'"),
	by("active_campaign_has_key", "campaigns", "campaign_wait", "UPDATE campaigns SET status = 'paused', version = 2 WHERE id = 'campaign_wait'").and("status_is_told", "version_counts_events"),
	unreadable("sellers", "seller_1", "program", "{"),
	unreadable("partners", "partner_1", "tags", "{}"),
	unreadable("partners", "partner_1", "custom_fields", "[1"),
	unreadable("customers", "customer_stays", "tags", ""),
	unreadable("campaigns", "campaign_wait", "definition", "[]"),
	unreadable("contracts", "contract_auto", "caps", "?"),
	unreadable("contracts", "contract_auto", "rules", `{"dedupe":`),
	unreadable("buyers", "buyer_free", "rules", "[]"),
	of("data_can_be_read", "lead_reviews", openLead, "UPDATE lead_reviews SET answers = '[' WHERE lead_id = '%s'"),
	by("data_can_be_read", "lead_forms", "seller_1", "UPDATE lead_forms SET definition = '{' WHERE seller_id = 'seller_1'"),
	of("data_can_be_read", "leads", firstLead, "UPDATE leads SET fields = X'7B22' WHERE id = '%s'"),
	of("data_can_be_read", "leads", firstLead, "UPDATE leads SET dimensions = X'00' WHERE id = '%s'"),
	of("data_can_be_read", "leads", firstLead, "UPDATE leads SET trace = X'FF' WHERE id = '%s'"),
	of("data_can_be_read", "leads", firstLead, "UPDATE leads SET claimed = 'any' WHERE id = '%s'"),
	by("file_is_sound", "the file", "SQLite", "PRAGMA ignore_check_constraints = ON", "INSERT INTO installation (name, value) VALUES ('"+strings.Repeat("x", 65)+"', X'00')",
		"PRAGMA ignore_check_constraints = OFF").on(dbtest.SQLite),
}

// unreadable puts something else than JSON of its kind into a column.
func unreadable(table, id, column, text string) violation {
	return by("data_can_be_read", table, id, "UPDATE "+table+" SET "+column+" = '"+text+"' WHERE id = '"+id+"'")
}

// sequencedOnly are the rules about what the sequencer does.
var sequencedOnly = []string{"event_gets_position", "waiting_segments_exist"}

// damages are what may become of a segment.
var damages = map[string]func(body []byte) []byte{
	"cut off": func(body []byte) []byte { return body[:len(body)-len(body)/3] },
	"empty":   func([]byte) []byte { return []byte{} },
	"flipped": func(body []byte) []byte {
		body = slices.Clone(body)
		body[len(body)/2] ^= 4
		return body
	},
	"newer": func(body []byte) []byte { return slices.Concat([]byte{99}, body[1:]) },
}

// damage does something to a segment; "missing" deletes it. It returns what the audit must name.
func (f *fair) damage(of storedSegment, how string) (rule, table, id string) {
	if how == "missing" {
		f.exec(fmt.Sprintf("DELETE FROM event_segments WHERE id = %d", of.id))
		return "position_has_segment", "event_positions", fmt.Sprint(of.first)
	}
	_, err := f.db.Writer.ExecContext(f.t.Context(), "UPDATE event_segments SET body = ? WHERE id = ?", damages[how](of.body), of.id)
	require.NoError(f.t, err)
	return "segment_can_be_read", "event_segments", fmt.Sprint(of.id)
}

// damaged damages the segment of the first lead.
func damaged(how string) violation {
	return violation{rule: "segment_can_be_read", plant: func(f *fair) (table, id string) {
		all := f.segments()
		at := slices.IndexFunc(all, func(g storedSegment) bool { return g.events[0].AggregateID == f.first })
		_, table, id = f.damage(all[at], how)
		return table, id
	}}
}

// saying lets a position or its segment say what is not so.
func saying(table, set string) violation {
	return violation{rule: "position_has_segment", plant: func(f *fair) (string, string) {
		of := f.events(f.first)[0]
		key := "id"
		if table == "event_positions" {
			key = "segment_id"
		}
		f.exec(fmt.Sprintf("UPDATE %s SET %s WHERE %s = %d", table, set, key, of.segment))
		return "event_positions", f.text(fmt.Sprintf("SELECT first_position FROM event_positions WHERE segment_id = %d", of.segment))
	}}
}

// waiting inserts a segment that waits for its position.
func (f *fair) waiting() (id int64) {
	id = f.segment(f.one("seller_1", "buyer", "buyer_free", 2, "buyer.updated.v1", "{}"))
	f.exec("UPDATE buyers SET version = 2 WHERE id = 'buyer_free'",
		fmt.Sprintf(newPending+"SELECT id, seller_id, tx, 1 FROM event_segments WHERE id = %d", id))
	return id
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
			if !slices.Contains(sequencedOnly, c.Rule) && c.Rule != "parked_event_is_in_log" { // nothing waits, nothing is parked
				require.Positive(t, c.Rows, c.Rule)
			}
			covered[c.Rule] = false
		}
		require.True(t, slices.IsSortedFunc(clean.Checks, func(a, b audit.Check) int {
			return slices.Compare([]byte(a.Invariant), []byte(b.Invariant))
		}), "in the order of the invariants")
		violations := slices.Concat(violations, more, ofReturns, ofDeliveries, ofReservations, ofPings, ofWebhooks, ofPeople)
		for _, v := range violations {
			if _, applies := covered[v.rule]; !applies {
				if e == dbtest.SQLite {
					require.Contains(t, sequencedOnly, v.rule)
				} else {
					require.Contains(t, v.only, dbtest.SQLite)
				}
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
					if v := violations[i]; covered[v.rule] && (len(v.only) == 0 || slices.Contains(v.only, e)) {
						t.Run(fmt.Sprintf("%d/%s", i, v.rule), func(t *testing.T) { //nolint:paralleltest // one fair, one after another
							f.t = t
							f.wantBreach(v)
							f.restore()
						})
					}
				}
				f.t = t
				last := f.audit(1)
				require.Empty(t, last.Breaches, "after the last restore")
				require.True(t, last.OK(), "after the last restore")
			})
		}
	})
}

// wantBreach plants a violation and wants it from exactly its rule.
func (f *fair) wantBreach(v violation) {
	f.t.Helper()
	table, id := v.plant(f)
	for _, divisor := range []int{1, 1000} { // all in one chunk; one or two rows in each
		r := f.auditWith(audit.Options{Deep: v.deep}.InSmallChunks(int64(divisor)))
		assert.False(f.t, r.OK())
		rules, named := map[string]bool{}, false
		for _, b := range r.Breaches {
			rules[b.Rule] = true
			named = named || b.Table == table && b.ID == id
			assert.NotEqual(f.t, b.Want, b.Got)
		}
		want := map[string]bool{v.rule: true}
		for _, rule := range v.also {
			want[rule] = true
		}
		assert.Equal(f.t, want, rules, "%v", r.Breaches)
		assert.True(f.t, named, "%s %s in %v", table, id, r.Breaches)
		for _, c := range r.Checks {
			assert.Equal(f.t, want[c.Rule], c.Breaches > 0, c.Rule)
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
				f.exec(newVersion + "VALUES ('seller_1', 'case', 'case_1', 3)")
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
			"place kept in a span that was over when the sale was returned": func() {
				f.exec("UPDATE sale_returns SET decided_at = (SELECT MAX(ends_at) FROM contract_counters WHERE contract_id = 'contract_back' AND span_window = 'day') WHERE id = '"+f.returned+"'",
					"UPDATE contract_counters SET used = used + 1, spent = spent + 10000000 WHERE contract_id = 'contract_back' AND span_window = 'day'")
			},
			"claim of an erased lead": func() {
				f.exec("UPDATE leads SET erased_at = 5, fields = X'7B7D' WHERE id = '"+f.first+"'", "DELETE FROM claims WHERE lead_id = '"+f.first+"'")
			},
			"claim of a lead of an earlier version": func() {
				f.exec("UPDATE leads SET claimed = NULL WHERE id = '"+f.first+"'", "DELETE FROM claims WHERE lead_id = '"+f.first+"'")
			},
			"lead bought in the minute behind a change of its contract": func() {
				f.boughtWithoutClaims(time.Minute)
			},
			"claim that is over": func() {
				f.exec("UPDATE leads SET created_at = created_at - 2592000000000, external_id = '' WHERE id = '"+f.first+"'", "DELETE FROM claims WHERE lead_id = '"+f.first+"'")
			},
			"adjusted": func() {
				f.entry("adjustment", "", -7)
				f.entry("adjustment", "", 9)
				f.exec("UPDATE buyers SET balance = balance + 2 WHERE id = 'buyer_free'")
			},
			"Idempotency-Key of a test remembered": func() {
				f.exec(newClaim + "SELECT seller_id, " + hash32 + ", id, created_at + 86400000000 FROM leads WHERE id = '" + f.test + "'")
			},
		} {
			plant()
			assert.Empty(t, f.audit(1).Breaches, name)
			f.restore()
		}
		if e != dbtest.SQLite {
			id := f.waiting()
			assert.Empty(t, f.audit(1).Breaches, "nothing runs, so nothing gets a position")
			f.exec("UPDATE event_consumers SET lease_until = "+f.db.Micros()+" + 1000000000", fmt.Sprintf("UPDATE event_segments SET at = %s WHERE id = %d", f.db.Micros(), id))
			assert.Empty(t, f.audit(1).Breaches, "it has a minute")
			f.restore()
		}

		// A parked event counts for nothing, and is told.
		position := fmt.Sprint(f.events(f.pending)[1].Position)
		f.unreadable(f.pending, "{")
		f.exec("UPDATE report_leads SET pending = pending - 1 WHERE campaign_id = 'campaign_wait'",
			"INSERT INTO event_parked (consumer, position, seller_id, aggregate_type, aggregate_id, attempts, error, parked_at) "+
				"VALUES ('campaign-report', "+position+", 'seller_1', 'lead', '"+f.pending+"', 5, '', 1)")
		r := f.audit(1)
		assert.Empty(t, r.Breaches)
		assert.Equal(t, 1, r.Parked)
	})
}

// TestASegmentThatCannotBeRead damages one segment after the other and wants it, and nothing that follows from it, from the audit.
func TestASegmentThatCannotBeRead(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, e dbtest.Engine) {
		f := newFair(t, e)
		f.save()
		for i, of := range f.segments() {
			how := []string{"missing", "cut off", "empty", "flipped", "newer"}[i%5]
			rule, table, id := f.damage(of, how)
			for _, divisor := range []int{1, 1000} {
				r := f.audit(divisor)
				if assert.Len(t, r.Breaches, 1, "%s %+v: %v", how, of.events, r.Breaches) {
					assert.Equal(t, []string{rule, table, id}, []string{r.Breaches[0].Rule, r.Breaches[0].Table, r.Breaches[0].ID}, how)
				}
			}
			f.restore()
		}

		// What is wrong elsewhere is still found, for all sellers.
		f.damage(f.segments()[0], "flipped")
		f.exec("UPDATE buyers SET version = version - 1 WHERE id = 'buyer_rich'", "UPDATE leads SET version = version + 1 WHERE id = '"+f.other+"'",
			"UPDATE report_leads SET sold = sold + 1 WHERE campaign_id = 'campaign_other'")
		f.publish("seller_1", "lead", f.first, 2, "lead.rejected.v1", "{}", 1)
		var rules []string
		for _, b := range f.audit(1000).Breaches {
			rules = append(rules, b.Rule)
		}
		assert.ElementsMatch(t, []string{"segment_can_be_read", "version_counts_events", "version_counts_events", "report_is_replay", "event_versions_are_dense"}, rules)
	})
}

// TestASegmentThatAConsumerSkipped is none that its read model lacks.
func TestASegmentThatAConsumerSkipped(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, e dbtest.Engine) {
		f := newFair(t, e)
		f.exec(fmt.Sprintf("INSERT INTO event_skipped (consumer, segment_id, reason, skipped_at) VALUES ('partner-activity', %d, '', 1)", f.events("click_1")[0].segment))
		require.False(t, f.audit(1).OK())
		f.exec("UPDATE partner_activity SET clicks = clicks - 2 WHERE partner_id = 'partner_1' AND seller_id = 'seller_1'",
			"UPDATE program_days SET clicks = clicks - 2 WHERE seller_id = 'seller_1'")
		require.Empty(t, f.audit(1).Breaches)
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
	listed := 0
	for _, b := range r.Breaches {
		if b.Rule == "held_is_open_holds" {
			listed++
		}
	}
	require.Equal(t, 100, listed)
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
	circles := func(r audit.Report) (found []audit.Breach) {
		for _, b := range r.Breaches {
			if b.Rule == "no_referral_circle" {
				found = append(found, b)
			}
		}
		return found
	}
	require.Empty(t, circles(s.audit(1)))
	s.exec("UPDATE partners SET referring_partner_id = '" + id(depth-1) + "' WHERE id = '" + id(0) + "'")
	r := s.audit(100)
	require.Equal(t, []audit.Breach{{
		Invariant: "I6", Rule: "no_referral_circle", Table: "partners", ID: id(0), Want: "no circle",
		Got: fmt.Sprintf("a circle of %d", depth),
	}}, circles(r))
}

func TestRunTellsThatTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, e dbtest.Engine) {
		s := newShop(t, e)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		r, err := audit.Run(ctx, s.db, audit.Options{Now: s.clock.Now()}, sqlstore.AuditRules()...)
		require.ErrorIs(t, err, context.Canceled)
		require.Empty(t, r)
		empty, err := audit.Run(t.Context(), s.db, audit.Options{Now: s.clock.Now()}, sqlstore.AuditRules()...)
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

// TestADeepLookFindsWhatIndexesLack lets an index of SQLite say another value than its table, which the quick check does not look for.
func TestADeepLookFindsWhatIndexesLack(t *testing.T) {
	t.Parallel()
	s := newShop(t, dbtest.SQLite)
	s.found(1)
	row := "SELECT %s FROM sqlite_schema WHERE name = 'partners_created'"
	page, definition, next := s.number(fmt.Sprintf(row, "rootpage")), s.text(fmt.Sprintf(row, "sql")), s.number("PRAGMA schema_version")+1
	s.exec("PRAGMA writable_schema = ON", "DELETE FROM sqlite_schema WHERE name = 'partners_created'", fmt.Sprintf("PRAGMA schema_version = %d", next))
	s.exec("UPDATE partners SET created_at = created_at + 1", fmt.Sprintf("INSERT INTO sqlite_schema (type, name, tbl_name, rootpage, sql) VALUES ('index', 'partners_created', 'partners', %d, '%s')", page, definition),
		fmt.Sprintf("PRAGMA schema_version = %d", next+1), "PRAGMA writable_schema = OFF")
	require.Empty(t, s.auditWith(audit.Options{}).Breaches)
	found := s.auditWith(audit.Options{Deep: true}).Breaches
	require.NotEmpty(t, found)
	require.Equal(t, "file_is_sound", found[0].Rule)
	require.Contains(t, found[0].Got, "missing from index partners_created")
}
