package audit_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/adapters/sqlstore/audit"
	marketstore "github.com/leadmill/leadmill/adapters/sqlstore/market"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/application/market"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/quota"
	"github.com/leadmill/leadmill/tests/dbtest"
)

var errCut = errors.New("cut off")

// cutting is a UnitOfWork of which transactions fail as planned: 'b' before the commit, so that nothing is stored, as when the process ends
// there, and 'a' when the answer to the commit was lost.
type cutting struct {
	market.UnitOfWork

	mu   sync.Mutex
	plan []byte
}

func (c *cutting) Do(ctx context.Context, fn func(context.Context, market.Tx) error) error {
	c.mu.Lock()
	how := byte('-')
	if len(c.plan) > 0 {
		how, c.plan = c.plan[0], c.plan[1:]
	}
	c.mu.Unlock()
	err := c.UnitOfWork.Do(ctx, func(ctx context.Context, tx market.Tx) error {
		if err := fn(ctx, tx); err != nil || how != 'b' {
			return err
		}
		return errCut
	})
	if err == nil && how == 'a' {
		return &application.OutcomeUnknownError{Err: errCut}
	}
	return err
}

// marketLife is a seller whose market lives through what rapid draws.
type marketLife struct {
	*shop

	actor     application.Actor
	hands     *clock.Manual
	work      *cutting
	deps      market.Deps
	match     *marketcommand.MatchPendingHandler
	campaigns []string
	buyers    []string
	contracts [][2]string // campaign and contract
	answered  []string    // the leads that were answered
}

var lives atomic.Int64

func windowed(t *rapid.T, name string) []quota.Cap {
	var caps []quota.Cap
	for _, w := range calendar.Windows() {
		c := quota.Cap{Window: w}
		switch rapid.IntRange(0, 15).Draw(t, name+" "+string(w)) {
		case 7: // the ends are drawn more often
			c.HasLeads, c.Leads = true, rapid.Int64Range(0, 12).Draw(t, "leads")
		case 8:
			c.HasBudget, c.Budget = true, money.Micros(rapid.Int64Range(0, 60).Draw(t, "budget"))*1_000_000
		default:
			continue
		}
		caps = append(caps, c)
	}
	return caps
}

// raised are caps of which nothing is lower.
func raised(t *rapid.T, caps []quota.Cap) []quota.Cap {
	out := slices.Clone(caps)
	for i := range out {
		out[i].Leads += rapid.Int64Range(0, 5).Draw(t, "more leads")
		out[i].Budget += money.Micros(rapid.Int64Range(0, 20).Draw(t, "more budget")) * 1_000_000
	}
	if len(out) > 0 && rapid.IntRange(0, 3).Draw(t, "less") == 0 {
		out = slices.Delete(out, 0, 1)
	}
	return out
}

func newMarketLife(t *rapid.T, s *shop) *marketLife {
	n := int(lives.Add(1))
	m := &marketLife{shop: s, hands: clock.NewManual(time.Date(2026, 3, 7, 20, 0, 0, 0, time.UTC))}
	m.actor = s.found(n)
	s.exec("UPDATE sellers SET time_zone = 'America/Chicago' WHERE id = '" + m.actor.SellerID + "'")
	m.work = &cutting{UnitOfWork: sqlstore.Work(s.store, func(tx *sqlstore.Tx) market.Tx { return tx })}
	m.deps = market.Deps{Work: m.work, Clock: m.hands, IDs: s.ids, InFlight: application.NewInFlight()}
	reader := marketstore.NewReader(s.db, m.hands)
	m.match = &marketcommand.MatchPendingHandler{Work: m.work, Clock: m.hands, IDs: s.ids, Reader: reader, Strategies: s.strategies, Plans: marketcommand.NewPlans(nil)}
	ctx := context.Background()
	for i := range rapid.IntRange(3, 5).Draw(t, "buyers") {
		id := fmt.Sprintf("buyer_%d_%d", n, i)
		s.buyer(m.actor.SellerID, id, money.Micros(rapid.IntRange(0, 30).Draw(t, "credit"))*1_000_000, money.Micros(rapid.IntRange(50, 300).Draw(t, "deposit"))*1_000_000)
		if caps := windowed(t, "cap of the buyer"); len(caps) > 0 {
			m.do(t, func() error {
				_, err := marketcommand.UpdateBuyerHandler{Deps: m.deps}.Handle(ctx, marketcommand.UpdateBuyer{Actor: m.actor, ID: id, Details: marketcommand.BuyerDetails{Caps: &caps}})
				return err
			})
		}
		m.buyers = append(m.buyers, id)
	}
	for i := range rapid.IntRange(1, 3).Draw(t, "campaigns") {
		id, category := fmt.Sprintf("campaign_%d_%d", n, i), fmt.Sprintf("Category %d", i)
		d := campaign.Definition{
			Name: &category, Category: &category, Strategy: new(rapid.SampledFrom(s.strategies.Codes()).Draw(t, "strategy")), Mode: new(campaign.Exclusive),
			Payout: &campaign.Payout{Type: campaign.PayoutPercent, Percent: 333_333}, PendingTTL: new(rapid.SampledFrom([]int{1, 48}).Draw(t, "wait")),
		}
		if rapid.IntRange(0, 2).Draw(t, "shared") > 0 {
			d.Mode, d.MaxSales = new(campaign.Shared), new(rapid.IntRange(2, 4).Draw(t, "max sales"))
		}
		if rapid.Bool().Draw(t, "fixed") {
			d.Payout = &campaign.Payout{Type: campaign.PayoutFixed, Fixed: 10_000_000}
		}
		if caps := windowed(t, "cap of the campaign"); len(caps) > 0 {
			d.Caps = &caps
		}
		c, err := campaign.New(id, m.actor.SellerID, campaign.StatusActive, d, s.strategies, m.hands.Now())
		require.NoError(t, err)
		c.CountIn("America/Chicago", m.hands.Now())
		for j := range rapid.IntRange(3, 7).Draw(t, "contracts") {
			contract, caps := fmt.Sprintf("contract_%d_%d_%d", n, i, j), windowed(t, "cap of the contract")
			require.NoError(t, c.AddContract(contract, rapid.SampledFrom(m.buyers).Draw(t, "buyer"), campaign.StatusActive, campaign.Terms{
				Price: new(money.Micros(rapid.Int64Range(0, 9).Draw(t, "price")) * 1_000_000), Weight: new(rapid.Int64Range(1, 5).Draw(t, "weight")), Caps: &caps, Delivery: asking(t),
			}, campaign.Zones{Seller: "America/Chicago"}, m.hands.Now()))
			m.contracts = append(m.contracts, [2]string{id, contract})
		}
		s.do(func(ctx context.Context, tx *sqlstore.Tx) error { return tx.Campaigns().Add(ctx, c) })
		m.campaigns = append(m.campaigns, id)
	}
	return m
}

// do changes something; what was cut off is not an error.
func (m *marketLife) do(t *rapid.T, change func() error) {
	if err := change(); err != nil && !errors.Is(err, errCut) && !errors.Is(err, application.ErrOutcomeUnknown) {
		require.NoError(t, err)
	}
}

// instance is a handler of leads as another instance has it, with batches of at most so many.
func (m *marketLife) instance(batch int) (submit *marketcommand.SubmitLeadHandler, end func()) {
	reader := marketstore.NewReader(m.db, m.hands)
	directory := marketcommand.NewDirectory(reader, marketcommand.NewPlans(nil))
	batcher := bus.NewBatcher(bus.BatcherConfig{MaxBatch: batch, Lanes: 2, Queue: 100, Timeout: time.Minute},
		&marketcommand.SubmitLeadsHandler{Work: m.work, Clock: m.hands, IDs: m.ids, Directory: directory, Strategies: m.strategies}, (*marketcommand.Submission).Lane)
	return &marketcommand.SubmitLeadHandler{Deps: m.deps, Replays: reader, Directory: directory, Batch: batcher}, batcher.Close
}

// leads submits leads at once; which of them come together is left to chance.
func (m *marketLife) leads(t *rapid.T) {
	plan := []byte(rapid.StringMatching("[-ab]{0,2}").Draw(t, "cuts"))
	batch, category := rapid.SampledFrom([]int{1, 7, 50}).Draw(t, "batch"), rapid.IntRange(0, len(m.campaigns)-1).Draw(t, "category")
	test := rapid.IntRange(0, 9).Draw(t, "test") == 0
	submit, end := m.instance(batch)
	defer end()
	was := m.submit
	m.submit = submit
	defer func() { m.submit = was }()
	m.work.plan = plan
	defer func() { m.work.plan = nil }()
	ids := make([]string, rapid.IntRange(1, 20).Draw(t, "leads"))
	var all sync.WaitGroup
	for i := range ids {
		all.Go(func() {
			id, _, err := m.send(context.Background(), m.actor, fmt.Sprintf("Category %d", category), fmt.Sprintf("+1202%07d", lives.Add(1)%10_000_000), test)
			if err == nil {
				ids[i] = id
			}
		})
	}
	all.Wait()
	for _, id := range ids {
		if id != "" {
			m.answered = append(m.answered, id)
		}
	}
}

func (m *marketLife) change(t *rapid.T) {
	ctx := context.Background()
	var c *campaign.Campaign
	m.shop.do(func(ctx context.Context, tx *sqlstore.Tx) (err error) {
		c, err = tx.Campaigns().Get(ctx, m.actor.SellerID, rapid.SampledFrom(m.campaigns).Draw(t, "changed"))
		return err
	})
	m.work.plan = []byte(rapid.StringMatching("[-ab]{0,1}").Draw(t, "cut"))
	defer func() { m.work.plan = nil }()
	buyerID := rapid.SampledFrom(m.buyers).Draw(t, "buyer")
	switch rapid.IntRange(0, 4).Draw(t, "change") {
	case 0:
		m.do(t, func() error {
			_, err := marketcommand.DepositHandler{Deps: m.deps}.Handle(ctx, marketcommand.Deposit{Actor: m.actor, BuyerID: buyerID, Amount: 20_000_000})
			return err
		})
	case 1:
		caps := raised(t, c.Snapshot().Caps)
		m.do(t, func() error {
			_, err := marketcommand.UpdateCampaignHandler{Deps: m.deps, Strategies: m.strategies, Plans: marketcommand.NewPlans(nil)}.Handle(ctx, marketcommand.UpdateCampaign{
				Actor: m.actor, ID: c.ID(), Definition: marketcommand.CampaignDefinition{Caps: &caps, Strategy: new(rapid.SampledFrom(m.strategies.Codes()).Draw(t, "strategy"))},
			})
			return err
		})
	case 2:
		k := rapid.SampledFrom(c.Snapshot().Contracts).Draw(t, "contract")
		caps := raised(t, k.Caps)
		m.do(t, func() error {
			_, err := marketcommand.UpdateContractHandler{Deps: m.deps}.Handle(ctx, marketcommand.UpdateContract{
				Actor: m.actor, CampaignID: c.ID(), ID: k.ID, Terms: marketcommand.ContractTerms{Caps: &caps, Weight: new(rapid.Int64Range(1, 9).Draw(t, "weight"))},
			})
			return err
		})
	case 3:
		var caps []quota.Cap
		m.shop.do(func(ctx context.Context, tx *sqlstore.Tx) error {
			b, err := tx.Buyers().Get(ctx, m.actor.SellerID, buyerID)
			caps = b.Snapshot().Caps
			return err
		})
		caps = raised(t, caps)
		m.do(t, func() error {
			_, err := marketcommand.UpdateBuyerHandler{Deps: m.deps}.Handle(ctx, marketcommand.UpdateBuyer{Actor: m.actor, ID: buyerID, Details: marketcommand.BuyerDetails{Caps: &caps}})
			return err
		})
	default:
		handle := marketcommand.PauseBuyerHandler{Deps: m.deps}
		_, _ = handle.Handle(ctx, marketcommand.PauseBuyer{Actor: m.actor, ID: buyerID})
		_, _ = marketcommand.ResumeBuyerHandler{Deps: m.deps}.Handle(ctx, marketcommand.ResumeBuyer{Actor: m.actor, ID: buyerID})
	}
}

// limits checks the caps of one owner by its sales alone.
func (m *marketLife) limits(t *rapid.T, owner string, caps []quota.Cap, zone, column, id string) {
	if len(caps) == 0 {
		return
	}
	var sales []struct {
		At    int64 `db:"sold_at"`
		Price int64 `db:"price"`
	}
	require.NoError(t, m.db.Reader.SelectContext(context.Background(), &sales, "SELECT sold_at, price FROM sales WHERE seller_id = ? AND "+column+" = ? AND slot > 0 "+
		"UNION ALL SELECT reserved_at, price FROM reservations WHERE seller_id = ? AND "+column+" = ? AND status <> 'released'", m.actor.SellerID, id, m.actor.SellerID, id))
	at, err := calendar.ParseZone(zone)
	require.NoError(t, err)
	for _, c := range caps {
		count, spent := map[string]int64{}, map[string]money.Micros{}
		for _, s := range sales {
			key := calendar.SpanAt(c.Window, time.UnixMicro(s.At), at).Key
			count[key]++
			spent[key] += money.Micros(s.Price)
			require.False(t, c.HasLeads && count[key] > c.Leads, "%s %s has a cap of %d leads in %s and took %d", owner, id, c.Leads, key, count[key])
			require.False(t, c.HasBudget && spent[key] > c.Budget, "%s %s has a budget of %d in %s and spent %d", owner, id, c.Budget, key, spent[key])
		}
	}
}

// check holds what was sold against the rules, with none of the code that decides.
func (m *marketLife) check(t *rapid.T) {
	m.shop.do(func(ctx context.Context, tx *sqlstore.Tx) error {
		for _, id := range m.buyers {
			b, err := tx.Buyers().Get(ctx, m.actor.SellerID, id)
			if err != nil {
				return err
			}
			s := b.Snapshot()
			require.GreaterOrEqual(t, s.Balance+s.CreditLimit-s.Held, money.Micros(0), "%s is overdrawn", id)
			m.limits(t, "buyer", s.Caps, "America/Chicago", "buyer_id", id)
		}
		for _, id := range m.campaigns {
			c, err := tx.Campaigns().Get(ctx, m.actor.SellerID, id)
			if err != nil {
				return err
			}
			s := c.Snapshot()
			m.limits(t, "campaign", s.Caps, "America/Chicago", "campaign_id", id)
			for _, k := range s.Contracts {
				m.limits(t, "contract", k.Caps, "America/Chicago", "contract_id", k.ID)
			}
			require.Zero(t, m.count(t, "SELECT COUNT(*) FROM (SELECT lead_id FROM sales WHERE seller_id = ? AND campaign_id = ? AND slot > 0 GROUP BY lead_id HAVING COUNT(*) > ?) x",
				m.actor.SellerID, id, c.MaxSales()), "a lead was sold more often than %d times", c.MaxSales())
		}
		return nil
	})
	for rule, query := range map[string]string{
		"a buyer has a lead once": "SELECT COUNT(*) FROM (SELECT lead_id FROM sales WHERE seller_id = ? AND slot > 0 GROUP BY lead_id, buyer_id HAVING COUNT(*) > 1) x",
		"a sale is charged once": "SELECT COUNT(*) FROM sales s WHERE s.seller_id = ? AND 1 <> (SELECT COUNT(*) FROM ledger_entries e WHERE e.seller_id = s.seller_id AND e.buyer_id = s.buyer_id " +
			"AND e.sale_id = s.id AND e.amount = -s.price)",
		"a charge has a sale":    "SELECT COUNT(*) FROM ledger_entries e WHERE e.seller_id = ? AND e.type = 'sale' AND NOT EXISTS (SELECT 1 FROM sales s WHERE s.seller_id = e.seller_id AND s.id = e.sale_id)",
		"a balance is a sum":     "SELECT COUNT(*) FROM buyers b WHERE b.seller_id = ? AND b.balance <> (SELECT COALESCE(SUM(e.amount), 0) FROM ledger_entries e WHERE e.seller_id = b.seller_id AND e.buyer_id = b.id)",
		"a payout is a sum":      "SELECT COUNT(*) FROM leads l WHERE l.seller_id = ? AND l.status = 'sold' AND l.test = 0 AND l.payout <> (SELECT SUM(s.payout) FROM sales s WHERE s.seller_id = l.seller_id AND s.lead_id = l.id)",
		"what is sold has sales": "SELECT COUNT(*) FROM leads l WHERE l.seller_id = ? AND l.test = 0 AND (l.status = 'sold') <> EXISTS (SELECT 1 FROM sales s WHERE s.seller_id = l.seller_id AND s.lead_id = l.id)",
	} {
		require.Zero(t, m.count(t, query, m.actor.SellerID), rule)
	}
	for rule, query := range heldRules {
		require.Zero(t, m.count(t, query, m.actor.SellerID), rule)
	}
	for _, id := range m.answered {
		require.EqualValues(t, 1, m.count(t, "SELECT COUNT(*) FROM leads WHERE seller_id = ? AND id = ?", m.actor.SellerID, id), "the answered lead %s is lost", id)
	}
}

func (m *marketLife) count(t *rapid.T, query string, args ...any) (n int64) {
	require.NoError(t, m.db.Reader.GetContext(context.Background(), &n, query, args...), query)
	return n
}

// TestNoRuleOfTheMarketIsEverBroken draws sellers with several campaigns, exclusive and shared, contracts of the same buyers in them, some of whom
// are asked first, caps and budgets of all three kinds and little money, and lets leads come alone and together, transactions end before and in their commit,
// operators change what they may, and time go by.
func TestNoRuleOfTheMarketIsEverBroken(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines() {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			s := newShop(t, engine)
			checked, failed := 0, false
			rapid.Check(t, func(t *rapid.T) {
				// Each is a seller of its own in one database. One that failed is tried again, to find a shorter one.
				if checked++; checked > 25 && !failed {
					return
				}
				before := failed
				failed = true
				defer func() { failed = before || t.Failed() }()
				m := newMarketLife(t, s)
				t.Repeat(map[string]func(*rapid.T){
					"":         m.check,
					"leads":    m.leads,
					"leads2":   m.leads,
					"change":   m.change,
					"answers":  m.answers,
					"answers2": m.answers,
					"sweep":    m.sweep,
					"moment": func(t *rapid.T) {
						m.hands.Advance(time.Duration(rapid.Int64Range(1, int64(20*time.Second)).Draw(t, "a moment")))
					},
					"time": func(t *rapid.T) {
						m.hands.Advance(time.Duration(rapid.Int64Range(1, int64(30*time.Hour)).Draw(t, "later")))
					},
					"match": func(t *rapid.T) {
						m.work.plan = []byte(rapid.StringMatching("[-ab]{0,2}").Draw(t, "cuts"))
						_, err := m.match.Handle(context.Background(), marketcommand.MatchPending{SellerID: m.actor.SellerID, CampaignID: rapid.SampledFrom(m.campaigns).Draw(t, "campaign")})
						m.do(t, func() error { return err })
						m.work.plan = nil
					},
				})
				m.end(t)
				m.check(t)
			})
			for what, query := range map[string]string{
				"sales": "SELECT COUNT(*) FROM sales", "shared leads": "SELECT COUNT(*) FROM sales WHERE slot > 1", "leads that wait": "SELECT COUNT(*) FROM unsold_leads",
				"counters of buyers": "SELECT COUNT(*) FROM contract_counters WHERE owner = 'buyer'", "counters of campaigns": "SELECT COUNT(*) FROM contract_counters WHERE owner = 'campaign'",
				"sales that were confirmed": "SELECT COUNT(*) FROM sales s JOIN deliveries d ON d.seller_id = s.seller_id AND d.sale_id = s.id AND d.confirm = 1",
				"released reservations":     "SELECT COUNT(*) FROM reservations",
			} {
				require.Positive(t, s.number(query), what)
			}
			s.catchUp()
			r, err := audit.Run(t.Context(), s.db, audit.Options{Now: time.Now()}, sqlstore.AuditRules()...)
			require.NoError(t, err)
			require.Empty(t, r.Breaches)
		})
	}
}
