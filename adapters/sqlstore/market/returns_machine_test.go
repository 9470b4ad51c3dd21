package market_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/adapters/eventlog"
	"github.com/leadmill/leadmill/adapters/sqlstore"
	marketstore "github.com/leadmill/leadmill/adapters/sqlstore/market"
	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
	"github.com/leadmill/leadmill/application/market"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/returns"
	"github.com/leadmill/leadmill/domain/seller"
	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/dbtest/migrated"
)

// machineSteps is how many steps each run of the machine takes.
const machineSteps = 30

// TestReturnsMachine sells, gives back and sells again in any order, while statements fail and commits are lost, on a seller of its own
// each time: what must hold, holds after every step.
func TestReturnsMachine(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines() {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			h := sqlstoretest.New(t, migrated.URL(t, engine))
			var sellers atomic.Int64
			done := map[string]int{}
			rapid.Check(t, func(t *rapid.T) {
				m := newMachine(t, h, int(sellers.Add(1)))
				m.done = done
				for range machineSteps {
					m.step(t)
					m.check(t)
				}
				done["automatic"] += len(m.ids(t, "SELECT id FROM sale_returns WHERE seller_id = ? AND automatic = 1"))
			})
			for _, action := range []string{"submit", "match", "request", "automatic", "approve", "reject", "redistribute", "price", "off"} {
				require.Positive(t, done[action], "%s never succeeded", action)
			}
		})
	}
}

// machine is a seller with a campaign that sells exclusive leads to three buyers, each with a contract with caps and a rule of its own.
type machine struct {
	h        *sqlstoretest.Harness
	clock    *clock.Manual
	seller   string
	campaign string
	actor    application.Actor
	deps     market.Deps
	match    *marketcommand.MatchPendingHandler
	request  marketcommand.RequestReturnHandler
	approve  marketcommand.ApproveReturnHandler
	reject   marketcommand.RejectReturnHandler
	again    marketcommand.RedistributeLeadHandler
	off      marketcommand.RejectMarketLeadHandler
	price    marketcommand.ChangeLeadPriceHandler
	leads    int
	done     map[string]int // how often each action succeeded, with all machines
}

func newMachine(t *rapid.T, h *sqlstoretest.Harness, n int) *machine {
	m := &machine{h: h, seller: fmt.Sprintf("seller_%d", n), campaign: fmt.Sprintf("campaign_%d", n), clock: clock.NewManual(sqlstoretest.Now)}
	m.actor = application.Actor{SellerID: m.seller}
	strategies, err := distribution.NewStrategies(nil)
	require.NoError(t, err)
	ids := &counted{prefix: fmt.Sprintf("s%d", n)}
	store := sqlstore.New(h.DB, eventlog.NewWriter(h.DB), silent{}, ids, application.Translations{market.Publish, account.Publish}.Translate)
	m.deps = market.Deps{Work: sqlstore.Work(store, func(tx *sqlstore.Tx) market.Tx { return tx }), Clock: m.clock, IDs: ids, InFlight: application.NewInFlight()}
	m.match = &marketcommand.MatchPendingHandler{Work: m.deps.Work, Clock: m.clock, IDs: ids, Reader: marketstore.NewReader(h.DB, m.clock), Strategies: strategies, Plans: marketcommand.NewPlans(nil), Logger: slog.New(slog.DiscardHandler)}
	m.request, m.approve, m.reject = marketcommand.RequestReturnHandler{Deps: m.deps}, marketcommand.ApproveReturnHandler{Deps: m.deps}, marketcommand.RejectReturnHandler{Deps: m.deps}
	m.again, m.off = marketcommand.RedistributeLeadHandler{Deps: m.deps, Strategies: strategies, Plans: marketcommand.NewPlans(nil)}, marketcommand.RejectMarketLeadHandler{Deps: m.deps}
	m.price = marketcommand.ChangeLeadPriceHandler{Deps: m.deps}
	require.NoError(t, store.Do(context.Background(), func(ctx context.Context, tx *sqlstore.Tx) error {
		s, err := seller.New(m.seller, fmt.Sprintf("M%07d", n), money.MustCurrency("USD"), seller.Details{Name: new("Name"), Slug: new(fmt.Sprintf("m-%d", n))}, m.clock.Now())
		if err != nil {
			return err
		}
		if err := tx.Sellers().Add(ctx, s); err != nil {
			return err
		}
		c, err := campaign.New(m.campaign, m.seller, campaign.StatusActive, campaign.Definition{
			Name: new("Name"), Category: new("Category"), PendingTTL: new(6), Payout: &campaign.Payout{Type: campaign.PayoutPercent, Percent: money.Hundred / 2},
			ResellReturned: new(n%2 == 0),
		}, strategies, m.clock.Now())
		if err != nil {
			return err
		}
		for i := range 3 {
			details := buyer.Details{Name: new("Buyer")}
			if i != 1 {
				details.AutoApprove = &buyer.AutoApprove{Share: money.Hundred / money.Percent(1+i/2), Reasons: []returns.Reason{returns.Duplicate}, Days: 30}
			}
			b, err := buyer.New(fmt.Sprintf("buyer_%d_%d", n, i), m.seller, details, m.clock.Now())
			if err != nil {
				return err
			}
			if _, err := b.Deposit(ids.New("entry"), 40_000_000, "", m.clock.Now()); err != nil {
				return err
			}
			if err := tx.Buyers().Add(ctx, b); err != nil {
				return err
			}
			if err := c.AddContract(fmt.Sprintf("contract_%d_%d", n, i), b.ID(), campaign.StatusActive, campaign.Terms{
				Price: new(money.Micros(10_000_000)), Priority: new(int64(i + 1)),
				Caps: &[]campaign.Cap{{Window: calendar.Day, HasLeads: true, Leads: 2}, {Window: calendar.Hour, HasBudget: true, Budget: 10_000_000}},
			}, campaign.Zones{Seller: "UTC"}, m.clock.Now()); err != nil {
				return err
			}
		}
		return tx.Campaigns().Add(ctx, c)
	}))
	return m
}

// errBroken is what a statement fails with that is broken on purpose.
var errBroken = errors.New("broken on purpose")

// step does one of the things that can happen, perhaps with a statement that fails, or a commit of which the answer is lost. Otherwise it
// must succeed, or fail with the error that follows from where the sale, the return or the lead stands.
func (m *machine) step(t *rapid.T) {
	ctx := context.Background()
	action := rapid.SampledFrom([]string{"submit", "submit", "match", "match", "request", "request", "request", "approve", "approve", "reject", "reject", "redistribute", "price", "off", "wait"}).Draw(t, "action")
	var do func() error
	var want error
	switch action {
	case "submit":
		m.leads++
		l := lead.Submit(lead.Submission{ID: fmt.Sprintf("lead_%s_%04d", m.seller, m.leads), SellerID: m.seller, SellerCode: "ABCD1234", KeyID: "key_1", PartnerID: "p", CampaignID: m.campaign, Category: "Category", At: m.clock.Now()})
		require.NoError(t, l.Wait(m.clock.Now().Add(6*time.Hour), m.clock.Now()))
		do = func() error {
			return m.deps.Work.Do(ctx, func(ctx context.Context, tx market.Tx) error {
				return tx.Leads().AddAll(ctx, []application.StoredLead{{Lead: l}})
			})
		}
	case "match":
		do = func() error {
			_, err := m.match.Handle(ctx, marketcommand.MatchPending{SellerID: m.seller, CampaignID: m.campaign})
			return err
		}
	case "request":
		if id := m.draw(t, "SELECT id FROM sales WHERE seller_id = ? ORDER BY id"); id != "" {
			reason := rapid.SampledFrom([]string{"duplicate", "other"}).Draw(t, "reason")
			want = map[string]error{"return_requested": lead.ErrReturnOpen, "returned": lead.ErrSaleReturned, "over": lead.ErrReturnWindowOver}[m.text(t,
				"SELECT CASE WHEN status = 'captured' AND sold_at < ? THEN 'over' ELSE status END FROM sales WHERE seller_id = ? AND id = ?",
				m.clock.Now().Add(-7*24*time.Hour).UnixMicro(), m.seller, id)]
			do = func() error {
				_, err := m.request.Handle(ctx, marketcommand.RequestReturn{Actor: m.actor, SaleID: id, Reason: reason, Once: once[marketquery.Return]()})
				return err
			}
		}
	case "approve":
		if id := m.draw(t, "SELECT id FROM sale_returns WHERE seller_id = ? ORDER BY id"); id != "" {
			again := rapid.Bool().Draw(t, "redistribute")
			want = m.decided(t, id)
			do = func() error {
				_, err := m.approve.Handle(ctx, marketcommand.ApproveReturn{Actor: m.actor, ID: id, Redistribute: again, Once: once[marketquery.Return]()})
				return err
			}
		}
	case "reject":
		if id := m.draw(t, "SELECT id FROM sale_returns WHERE seller_id = ? ORDER BY id"); id != "" {
			want = m.decided(t, id)
			do = func() error {
				_, err := m.reject.Handle(ctx, marketcommand.RejectReturn{Actor: m.actor, ID: id, Once: once[marketquery.Return]()})
				return err
			}
		}
	case "redistribute":
		if id := m.draw(t, "SELECT id FROM leads WHERE seller_id = ? ORDER BY id"); id != "" {
			want = map[string]error{"sold": lead.ErrLive, "rejected": lead.ErrNotOfferable}[m.status(t, "leads", id)]
			do = func() error {
				_, err := m.again.Handle(ctx, marketcommand.RedistributeLead{Actor: m.actor, ID: id, Once: once[marketquery.MarketplaceLead]()})
				return err
			}
		}
	case "price":
		if id := m.draw(t, "SELECT id FROM leads WHERE seller_id = ? ORDER BY id"); id != "" {
			want = map[string]error{"sold": lead.ErrLive, "rejected": lead.ErrNotRepriceable}[m.status(t, "leads", id)]
			var now []money.Micros
			require.NoError(t, m.h.DB.Reader.SelectContext(ctx, &now, "SELECT asking_price FROM unsold_leads WHERE seller_id = ? AND lead_id = ? AND asking_price IS NOT NULL", m.seller, id))
			var was *money.Micros
			if len(now) > 0 {
				was = &now[0]
			}
			price := rapid.SampledFrom([]*money.Micros{nil, new(money.Micros(3_000_000)), new(money.Micros(9_999_999)), new(money.Micros(11_000_000))}).Draw(t, "price")
			do = func() error {
				_, err := m.price.Handle(ctx, marketcommand.ChangeLeadPrice{Actor: m.actor, ID: id, Price: price, Was: was, Once: once[marketquery.MarketplaceLead]()})
				return err
			}
		}
	case "off":
		if id := m.draw(t, "SELECT id FROM leads WHERE seller_id = ? ORDER BY id"); id != "" {
			if m.status(t, "leads", id) != "pending" {
				want = lead.ErrNotOpen
			}
			do = func() error {
				_, err := m.off.Handle(ctx, marketcommand.RejectMarketLead{Actor: m.actor, ID: id, Once: once[marketquery.MarketplaceLead]()})
				return err
			}
		}
	case "wait":
		m.clock.Advance(time.Duration(rapid.IntRange(1, 30).Draw(t, "hours")) * time.Hour)
	}
	if do == nil {
		return
	}
	broken := rapid.SampledFrom([]string{"nothing", "nothing", "statement", "commit", "answer"}).Draw(t, "broken")
	switch broken {
	case "statement":
		left := rapid.IntRange(0, 25).Draw(t, "statements before")
		m.h.Faults.Before(func(string) error {
			if left--; left == 0 {
				return errBroken
			}
			return nil
		})
	case "commit", "answer":
		m.h.Faults.Commit(func(_ []string, commit, rollback func() error) error {
			m.h.Faults.Commit(nil)
			end := rollback
			if broken == "answer" {
				end = commit
			}
			return errors.Join(end(), errBroken)
		})
	}
	err := do()
	m.h.Faults.Before(nil)
	m.h.Faults.Commit(nil)
	switch {
	case broken != "nothing" && err != nil && strings.Contains(err.Error(), errBroken.Error()):
	case !errors.Is(err, want):
		t.Fatalf("%s: %v, want %v", action, err, want)
	case err == nil:
		m.done[action]++
	}
}

// decided returns the error of deciding a return; nil when it is open.
func (m *machine) decided(t *rapid.T, id string) error {
	if m.status(t, "sale_returns", id) == "pending" {
		return nil
	}
	return lead.ErrReturnDecided
}

// status returns where a row of a table stands.
func (m *machine) status(t *rapid.T, table, id string) string {
	return m.text(t, "SELECT status FROM "+table+" WHERE seller_id = ? AND id = ?", m.seller, id)
}

func (m *machine) text(t *rapid.T, query string, args ...any) (text string) {
	require.NoError(t, m.h.DB.Reader.GetContext(context.Background(), &text, query, args...))
	return text
}

// draw returns one of the ids that a query selects; "" when there is none.
func (m *machine) draw(t *rapid.T, query string) string {
	ids := m.ids(t, query)
	if len(ids) == 0 {
		return ""
	}
	return rapid.SampledFrom(ids).Draw(t, "id")
}

func (m *machine) ids(t *rapid.T, query string) (ids []string) {
	require.NoError(t, m.h.DB.Reader.SelectContext(context.Background(), &ids, query, m.seller))
	return ids
}

// check asserts what must hold.
func (m *machine) check(t *rapid.T) {
	for _, c := range []struct{ rule, query string }{
		{"a balance is the sum of its entries", "SELECT COUNT(*) FROM buyers b WHERE b.seller_id = ? AND b.balance <> (SELECT COALESCE(SUM(l.amount), 0) FROM ledger_entries l WHERE l.seller_id = b.seller_id AND l.buyer_id = b.id)"},
		{"a balance is what was paid in less live sales", "SELECT COUNT(*) FROM buyers b WHERE b.seller_id = ? AND (b.balance < 0 OR b.balance <> 40000000 - (SELECT COALESCE(SUM(s.price), 0) FROM sales s WHERE s.seller_id = b.seller_id AND s.buyer_id = b.id AND s.slot > 0))"},
		{"a sale is charged once", "SELECT COUNT(*) FROM sales s WHERE s.seller_id = ? AND (SELECT COUNT(*) FROM ledger_entries l WHERE l.seller_id = s.seller_id AND l.buyer_id = s.buyer_id AND l.sale_id = s.id AND l.type = 'sale' AND l.amount = -s.price) <> 1"},
		{"a returned sale is credited once, no other", "SELECT COUNT(*) FROM sales s WHERE s.seller_id = ? AND (SELECT COUNT(*) FROM ledger_entries l WHERE l.seller_id = s.seller_id AND l.buyer_id = s.buyer_id AND l.sale_id = s.id AND l.type = 'return' AND l.amount = s.price) <> CASE WHEN s.slot < 0 THEN 1 ELSE 0 END"},
		{"a sale stands where its slot and its returns say", "SELECT COUNT(*) FROM sales s WHERE s.seller_id = ? AND s.status <> CASE WHEN s.slot < 0 THEN 'returned' WHEN EXISTS (SELECT 1 FROM sale_returns r WHERE r.seller_id = s.seller_id AND r.sale_id = s.id AND r.status = 'pending') THEN 'return_requested' ELSE 'captured' END"},
		{"a sale has one open or approved return", "SELECT COUNT(*) FROM sales s WHERE s.seller_id = ? AND (SELECT COUNT(*) FROM sale_returns r WHERE r.seller_id = s.seller_id AND r.sale_id = s.id AND r.status <> 'rejected') <> CASE WHEN s.status = 'captured' THEN 0 ELSE 1 END"},
		{"an exclusive lead has one live sale, in slot 1", "SELECT COUNT(*) FROM leads l WHERE l.seller_id = ? AND l.status = 'sold' AND (SELECT COALESCE(SUM(s.slot), 0) FROM sales s WHERE s.seller_id = l.seller_id AND s.lead_id = l.id AND s.slot > 0) <> 1"},
		{"no other lead has one", "SELECT COUNT(*) FROM leads l WHERE l.seller_id = ? AND l.status <> 'sold' AND EXISTS (SELECT 1 FROM sales s WHERE s.seller_id = l.seller_id AND s.lead_id = l.id AND s.slot > 0)"},
		{"a returned lead was sold", "SELECT COUNT(*) FROM leads l WHERE l.seller_id = ? AND l.status = 'returned' AND NOT EXISTS (SELECT 1 FROM sales s WHERE s.seller_id = l.seller_id AND s.lead_id = l.id AND s.slot < 0)"},
		{"a payout is that of the live sales", "SELECT COUNT(*) FROM leads l WHERE l.seller_id = ? AND l.payout <> (SELECT COALESCE(SUM(s.payout), 0) FROM sales s WHERE s.seller_id = l.seller_id AND s.lead_id = l.id AND s.slot > 0)"},
		{"a buyer has a lead once", "SELECT COUNT(*) FROM (SELECT s.lead_id FROM sales s WHERE s.seller_id = ? GROUP BY s.lead_id, s.buyer_id HAVING COUNT(*) > 1) x"},
		{"what is not sold is in the narrow table", "SELECT COUNT(*) FROM leads l LEFT JOIN unsold_leads u ON u.seller_id = l.seller_id AND u.lead_id = l.id WHERE l.seller_id = ? AND (l.status = 'sold' AND u.lead_id IS NOT NULL OR l.status <> 'sold' AND (u.lead_id IS NULL OR u.status <> l.status))"},
		{"a sale is at the price of its contract or of its lead", "SELECT COUNT(*) FROM sales s WHERE s.seller_id = ? AND s.price NOT IN (3000000, 9999999, 10000000)"},
		{"a pending lead waits for a time", "SELECT COUNT(*) FROM leads l WHERE l.seller_id = ? AND (l.status = 'pending') <> (l.pending_until > 0)"},
		{"no cap is exceeded", "SELECT COUNT(*) FROM contract_counters c WHERE c.seller_id = ? AND (c.used < 0 OR c.span_window = 'day' AND c.used > 2 OR c.span_window = 'hour' AND c.spent > 10000000)"},
		{"a total counts live sales", "SELECT COUNT(*) FROM contract_counters c WHERE c.seller_id = ? AND c.span_window = 'total' AND c.used <> (SELECT COUNT(*) FROM sales s WHERE s.seller_id = c.seller_id AND s.contract_id = c.contract_id AND s.slot > 0)"},
		{"a span counts what was not returned in it", "SELECT COUNT(*) FROM contract_counters c WHERE c.seller_id = ? AND c.span_window <> 'total' AND c.used <> (SELECT COUNT(*) FROM sales s LEFT JOIN sale_returns r ON r.seller_id = s.seller_id AND r.sale_id = s.id AND r.status = 'approved' " +
			"WHERE s.seller_id = c.seller_id AND s.contract_id = c.contract_id AND s.sold_at >= c.starts_at AND s.sold_at < c.ends_at AND (s.slot > 0 OR r.decided_at >= c.ends_at))"},
	} {
		var n int
		require.NoError(t, m.h.DB.Reader.GetContext(context.Background(), &n, c.query, m.seller), c.rule)
		if n != 0 {
			t.Fatalf("%s: not so for %d rows", c.rule, n)
		}
	}
}

// once is a command that is done each time.
func once[R any]() application.Once[R] { return application.Once[R]{} }

// counted are ids that are drawn in order.
type counted struct {
	prefix string
	n      atomic.Int64
}

// New implements application.IDs.
func (c *counted) New(prefix string) string {
	return fmt.Sprintf("%s_%s_%06d", prefix, c.prefix, c.n.Add(1))
}

type silent struct{}

// Notify implements application.Wake.
func (silent) Notify() {}
