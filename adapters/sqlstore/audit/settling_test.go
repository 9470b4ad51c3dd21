package audit_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/adapters/sqlstore/audit"
	marketstore "github.com/leadmill/leadmill/adapters/sqlstore/market"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	"github.com/leadmill/leadmill/application/program"
	programcommand "github.com/leadmill/leadmill/application/program/command"
	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/delivery"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/quota"
	"github.com/leadmill/leadmill/tests/dbtest"
)

// asker is a seller with one campaign whose buyers are asked.
type asker struct {
	*marketLife

	campaignID string
	lead       string
	again      string // of the Idempotency-Key
	answer     application.Response
	awaits     *application.Awaited
}

// offerTo is a contract of an asker, in the order in which they are offered leads. Each has a buyer of its own, with 100.00.
type offerTo struct {
	mode  string // none, notify or confirm; "confirm once" takes nobody twice in 30 days
	price int64
	lower bool // price_from_answer
}

var askers atomic.Int64

func newAsker(t *testing.T, s *shop, most int, contracts ...offerTo) *asker {
	t.Helper()
	n := int(askers.Add(1)) + 1000
	a := &asker{marketLife: &marketLife{shop: s, hands: clock.NewManual(time.Now().Truncate(time.Hour).Add(50 * time.Minute))}, campaignID: fmt.Sprintf("campaign_%d", n)}
	a.actor = s.found(n)
	a.work = &cutting{UnitOfWork: sqlstore.Work(s.store, func(tx *sqlstore.Tx) market.Tx { return tx })}
	a.deps = market.Deps{Work: a.work, Clock: a.hands, IDs: s.ids, InFlight: application.NewInFlight()}
	reader := marketstore.NewReader(s.db, a.hands)
	a.match = &marketcommand.MatchPendingHandler{Work: a.work, Clock: a.hands, IDs: s.ids, Reader: reader, Strategies: s.strategies, Plans: marketcommand.NewPlans(nil)}
	d := campaign.Definition{Name: new("Asked"), Category: new("Asked"), Payout: &campaign.Payout{Type: campaign.PayoutPercent, Percent: 500_000}}
	if most > 1 {
		d.Mode, d.MaxSales = new(campaign.Shared), &most
	}
	c, err := campaign.New(a.campaignID, a.actor.SellerID, campaign.StatusActive, d, s.strategies, a.hands.Now())
	require.NoError(t, err)
	for i, k := range contracts {
		a.contract(t, c, i, k)
	}
	s.do(func(ctx context.Context, tx *sqlstore.Tx) error { return tx.Campaigns().Add(ctx, c) })
	return a
}

func (a *asker) contract(t *testing.T, c *campaign.Campaign, i int, k offerTo) {
	t.Helper()
	id := fmt.Sprintf("%s_%d", a.campaignID, i)
	a.buyer(a.actor.SellerID, "buyer_"+id, 0, 100_000_000)
	var once *campaign.Dedupe
	if mode, found := strings.CutSuffix(k.mode, " once"); found {
		k.mode, once = mode, &campaign.Dedupe{Fields: []string{"phone"}, Match: campaign.MatchAny, WindowDays: 30}
	}
	d := &campaign.DeliveryTerms{Mode: &k.mode}
	if k.mode != "none" {
		d.URL, d.NewSecret = new("https://buyer.example"), []byte{1}
	}
	if k.lower {
		d.PriceFromAnswer = new(true)
	}
	caps := []quota.Cap{{Window: calendar.Hour, HasLeads: true, Leads: 2}, {Window: calendar.Day, HasBudget: true, Budget: 50_000_000}}
	require.NoError(t, c.AddContract("contract_"+id, "buyer_"+id, campaign.StatusActive, campaign.Terms{
		Price: new(money.Micros(k.price) * 1_000_000), Priority: new(int64(i + 1)), Caps: &caps, Delivery: d, Dedupe: once,
	}, campaign.Zones{Seller: "UTC"}, a.hands.Now()))
}

// submit submits a lead whose supplier waits.
func (a *asker) submit(t *testing.T) {
	t.Helper()
	h, end := a.instance(10)
	defer end()
	c := a.command()
	c.IdempotencyKey += a.again
	done, err := h.Handle(t.Context(), c)
	require.NoError(t, err)
	a.answer, a.awaits = done.Response, done.Awaits
	if done.Awaits != nil {
		a.lead = done.Awaits.Lead.ID
	}
}

// form stores a form lead that waits for a buyer, and returns its number.
func (a *asker) form(t *testing.T) (number int64) {
	t.Helper()
	a.lead = a.ids.New("lead")
	a.shop.do(func(ctx context.Context, tx *sqlstore.Tx) (err error) {
		if number, err = tx.Numbers().Next(ctx, a.actor.SellerID, program.FormLeads); err != nil {
			return err
		}
		l, err := lead.SubmitForm(lead.FormSubmission{
			ID: a.lead, SellerID: a.actor.SellerID, SellerCode: a.actor.SellerCode, Number: number, Name: "Ada", Email: "ada@example.com", FormVersion: 1, At: a.hands.Now(),
			Offer: &lead.Offer{CampaignID: a.campaignID, Category: "Asked", Fields: field.Set{"phone": field.TextValue("+13125550199"), "state": field.TextValue("IL")}},
		})
		if err != nil {
			return err
		}
		if err := l.Wait(a.hands.Now().Add(time.Hour), a.hands.Now()); err != nil {
			return err
		}
		return tx.FormLeads().Add(ctx, l)
	})
	return number
}

func (a *asker) command() marketcommand.SubmitLead {
	return marketcommand.SubmitLead{
		Actor: a.actor, Seller: a.actor.SellerCode, Category: "Asked", Waits: true, IdempotencyKey: "key",
		Fields: field.Set{"phone": field.TextValue("+13125550199"), "firstName": field.TextValue("Ada"), "lastName": field.TextValue("Byron"), "state": field.TextValue("IL")},
		Render: rendered,
	}
}

func rendered(r marketcommand.SubmitLeadResult) application.Response {
	return application.Response{Status: 200, Body: fmt.Appendf(nil, "%s %s %d", r.Status, r.BuyerIDs, r.Price)}
}

// asked are the contracts, by their places, whose buyers are asked now.
func (a *asker) asked(t *testing.T) (places []int) {
	t.Helper()
	var ids []string
	require.NoError(t, a.db.Reader.SelectContext(t.Context(), &ids, "SELECT contract_id FROM reservations WHERE lead_id = ? AND status = 'reserved' ORDER BY slot", a.lead))
	for _, id := range ids {
		var n, i int
		_, err := fmt.Sscanf(id, "contract_campaign_%d_%d", &n, &i)
		require.NoError(t, err)
		places = append(places, i)
	}
	return places
}

// result is what the buyer of a contract said; a verdict of "ended" is that nobody asks it any more.
func (a *asker) result(t *testing.T, place int, verdict delivery.Verdict, price ...int64) marketcommand.DeliveryResult {
	t.Helper()
	var d struct {
		ID    string `db:"id"`
		Tries int64  `db:"tries"`
	}
	require.NoError(t, a.db.Reader.GetContext(t.Context(), &d, "SELECT id, tries FROM deliveries WHERE lead_id = ? AND contract_id = ? ORDER BY created_at DESC, id DESC LIMIT 1", a.lead, fmt.Sprintf("contract_%s_%d", a.campaignID, place)))
	r := marketcommand.DeliveryResult{SellerID: a.actor.SellerID, DeliveryID: d.ID, LeadID: a.lead}
	r.Try, r.At, r.Status, r.Said.Verdict = d.Tries, a.hands.Now(), 200, verdict
	switch verdict { //nolint:exhaustive // all others are as they are said
	case "ended":
		r.Said.Verdict, r.Ended = delivery.Unsure, delivery.Timeout
	case delivery.Unsure:
		r.Reason, r.Status = delivery.Timeout, 0
	}
	if len(price) > 0 {
		r.Said.Price, r.Said.HasPrice = money.Micros(price[0])*1_000_000, true
	}
	return r
}

func (a *asker) settler() marketcommand.SettleReservationsHandler {
	h := a.marketLife.settler()
	h.Render = rendered
	return h
}

func (a *asker) says(t *testing.T, place int, verdict delivery.Verdict, price ...int64) marketcommand.ReservationsSettled {
	t.Helper()
	done, err := a.settler().Handle(t.Context(), marketcommand.SettleReservations{Results: []marketcommand.DeliveryResult{a.result(t, place, verdict, price...)}})
	require.NoError(t, err)
	return done
}

// accounts are balance and held of each buyer in whole units.
func (a *asker) accounts(t *testing.T) (all [][2]int64) {
	t.Helper()
	var rows []struct {
		Balance int64 `db:"balance"`
		Held    int64 `db:"held"`
	}
	require.NoError(t, a.db.Reader.SelectContext(t.Context(), &rows, "SELECT balance, held FROM buyers WHERE seller_id = ? ORDER BY id", a.actor.SellerID))
	for _, r := range rows {
		all = append(all, [2]int64{r.Balance / 1_000_000, r.Held / 1_000_000})
	}
	return all
}

func (a *asker) reasons(t *testing.T) (out []string) {
	t.Helper()
	l, err := marketstore.NewReader(a.db, a.hands).MarketLead(t.Context(), a.actor.SellerID, a.lead)
	require.NoError(t, err)
	for _, c := range l.Snapshot().Trace.Considered {
		out = append(out, c.Reason)
	}
	return out
}

func (a *asker) status(t *testing.T) string {
	t.Helper()
	return a.text("SELECT status FROM leads WHERE id = '" + a.lead + "'")
}

func (a *asker) counted(t *testing.T, place int, window string) string {
	t.Helper()
	where := fmt.Sprintf("FROM contract_counters WHERE contract_id = 'contract_%s_%d' AND span_window = '%s'", a.campaignID, place, window)
	return fmt.Sprint(a.number("SELECT used "+where), a.number("SELECT spent "+where)/1_000_000)
}

func (a *asker) supplier(t *testing.T) string {
	t.Helper()
	done, err := marketcommand.AnswerSupplierHandler{Deps: a.deps}.Handle(t.Context(), marketcommand.AnswerSupplier{Lead: a.awaits.Lead})
	require.NoError(t, err)
	return string(done.Response.Body)
}

var settlings = map[string]func(t *testing.T, s *shop){
	"accepted": func(t *testing.T, s *shop) {
		a := newAsker(t, s, 1, offerTo{"confirm", 10, false}, offerTo{"notify", 5, false})
		a.submit(t)
		require.Equal(t, "pending [] 0", string(a.answer.Body))
		require.Equal(t, a.hands.Now().Add(5*time.Second), a.awaits.Until)
		require.Equal(t, [][2]int64{{100, 10}, {100, 0}}, a.accounts(t))
		require.Equal(t, []string{"reserved"}, a.reasons(t))
		first := *a.awaits
		a.submit(t) // a replay waits too
		require.Equal(t, first, *a.awaits)
		a.hands.Advance(time.Second)
		require.Equal(t, marketcommand.ReservationsSettled{Stored: 1, Final: []application.Ref{first.Lead}}, a.says(t, 0, delivery.Accepted))
		require.Equal(t, [][2]int64{{90, 0}, {100, 0}}, a.accounts(t))
		require.Equal(t, "sold", a.status(t))
		sold := fmt.Sprintf("sold [buyer_%s_0] 5000000", a.campaignID)
		answers, err := marketstore.NewReader(s.db, a.hands).FinalAnswers(t.Context(), []application.Ref{first.Lead})
		require.NoError(t, err)
		require.Equal(t, sold, string(answers[a.lead].Body))
		require.Equal(t, sold, a.supplier(t))
		a.submit(t)
		require.Equal(t, sold, string(a.answer.Body))
		require.Nil(t, a.awaits)
	},
	"the next ones are asked": func(t *testing.T, s *shop) {
		a := newAsker(t, s, 1, offerTo{"confirm", 10, false}, offerTo{"confirm", 9, false}, offerTo{"confirm", 8, false})
		a.submit(t)
		began := a.hands.Now()
		require.Equal(t, 1, a.says(t, 0, delivery.Rejected).Asked)
		require.Equal(t, []int{1}, a.asked(t))
		require.Equal(t, []string{"buyer_rejected", "reserved"}, a.reasons(t))
		a.hands.Advance(2 * time.Second)
		a.says(t, 1, delivery.Duplicate)
		require.Equal(t, []int{2}, a.asked(t))
		require.Equal(t, began.Add(lead.AskFor).UnixMicro(), s.number("SELECT deadline_at FROM reservations WHERE status = 'reserved' AND lead_id = '"+a.lead+"'"), "they have the same time together")
		a.says(t, 2, delivery.Unsure)
		require.Equal(t, []int{2}, a.asked(t))
		done := a.says(t, 2, "ended")
		require.Len(t, done.Final, 1)
		require.Equal(t, "pending", a.status(t))
		require.Equal(t, [][2]int64{{100, 0}, {100, 0}, {100, 0}}, a.accounts(t))
		require.Equal(t, []string{"buyer_rejected", "buyer_duplicate", "buyer_timeout"}, a.reasons(t))
		require.Equal(t, "0 0", a.counted(t, 0, "hour"))
		require.Equal(t, "pending [] 0", a.supplier(t))
		m, err := a.match.Handle(t.Context(), marketcommand.MatchPending{SellerID: a.actor.SellerID, CampaignID: a.campaignID})
		require.NoError(t, err)
		require.Zero(t, m, "nobody is asked twice")
	},
	"another buyer is asked later": func(t *testing.T, s *shop) {
		a := newAsker(t, s, 1, offerTo{"confirm", 10, false}, offerTo{"confirm", 9, false})
		s.exec("UPDATE buyers SET status = 'paused' WHERE id = 'buyer_" + a.campaignID + "_1'")
		a.submit(t)
		a.says(t, 0, delivery.Rejected)
		require.Empty(t, a.asked(t))
		s.exec("UPDATE buyers SET status = 'active' WHERE id = 'buyer_" + a.campaignID + "_1'")
		a.hands.Advance(time.Hour)
		m, err := a.match.Handle(t.Context(), marketcommand.MatchPending{SellerID: a.actor.SellerID, CampaignID: a.campaignID})
		require.NoError(t, err)
		require.Equal(t, marketcommand.Matched{Asked: 1}, m)
		require.Equal(t, []int{1}, a.asked(t))
		a.says(t, 1, delivery.Accepted)
		require.Equal(t, "sold", a.status(t))
		require.Equal(t, [][2]int64{{100, 0}, {91, 0}}, a.accounts(t))
	},
	"too late": func(t *testing.T, s *shop) {
		a := newAsker(t, s, 1, offerTo{"confirm", 10, false}, offerTo{"confirm", 9, false})
		a.submit(t)
		late := a.result(t, 0, delivery.Accepted)
		a.hands.Advance(lead.AskFor - lead.LeastAsk + time.Microsecond)
		require.Zero(t, a.says(t, 0, "ended").Asked, "nothing is left for another one")
		for range 2 {
			done, err := a.settler().Handle(t.Context(), marketcommand.SettleReservations{Results: []marketcommand.DeliveryResult{late}})
			require.NoError(t, err)
			require.Empty(t, done.Final)
		}
		require.Equal(t, "pending", a.status(t))
		require.Equal(t, [][2]int64{{100, 0}, {100, 0}}, a.accounts(t))
		require.EqualValues(t, 1, s.number("SELECT COUNT(*) FROM delivery_attempts WHERE lead_id = '"+a.lead+"'"), "what it answered is kept, once")
	},
	"across hours": func(t *testing.T, s *shop) {
		a := newAsker(t, s, 1, offerTo{"confirm", 10, false})
		a.hands.Advance(10*time.Minute - time.Second)
		a.submit(t)
		a.hands.Advance(10 * time.Second)
		a.says(t, 0, delivery.Accepted)
		require.Equal(t, "1 10", a.counted(t, 0, "hour"), "it counts in the hour in which it was reserved")
		require.EqualValues(t, 1, s.number("SELECT COUNT(*) FROM contract_counters WHERE span_window = 'hour' AND contract_id = 'contract_"+a.campaignID+"_0'"))
	},
	"a lower price": func(t *testing.T, s *shop) {
		a := newAsker(t, s, 1, offerTo{"confirm", 10, true})
		a.submit(t)
		a.says(t, 0, delivery.Accepted, 4)
		require.Equal(t, [][2]int64{{96, 0}}, a.accounts(t))
		require.Equal(t, "1 4", a.counted(t, 0, "day"))
		b := newAsker(t, s, 1, offerTo{"confirm", 10, true}, offerTo{"confirm", 10, false})
		b.submit(t)
		b.says(t, 0, delivery.Accepted, 40)
		require.Equal(t, [][2]int64{{90, 0}, {100, 0}}, b.accounts(t), "it is never above the contract's")
		c := newAsker(t, s, 1, offerTo{"confirm", 10, false})
		c.submit(t)
		c.says(t, 0, delivery.Accepted, 4)
		require.Equal(t, [][2]int64{{90, 0}}, c.accounts(t), "only where the contract says so")
	},
	"shared": func(t *testing.T, s *shop) {
		a := newAsker(t, s, 3, offerTo{"confirm", 10, true}, offerTo{"notify", 9, false}, offerTo{"confirm", 8, false}, offerTo{"none", 7, false}, offerTo{"notify", 6, false})
		a.submit(t)
		require.Equal(t, []int{0, 2}, a.asked(t))
		require.Equal(t, [][2]int64{{100, 10}, {100, 9}, {100, 8}, {100, 0}, {100, 0}}, a.accounts(t))
		require.EqualValues(t, 2, s.number("SELECT COUNT(*) FROM deliveries WHERE lead_id = '"+a.lead+"'"), "who is told only is not told yet")
		a.says(t, 0, delivery.Accepted, 3)
		require.Equal(t, [][2]int64{{100, 3}, {100, 9}, {100, 8}, {100, 0}, {100, 0}}, a.accounts(t), "what it does not pay is free at once")
		require.Equal(t, "pending", a.status(t))
		a.says(t, 2, delivery.Rejected)
		require.Equal(t, "sold", a.status(t), "the next one is not asked")
		require.Equal(t, [][2]int64{{97, 0}, {91, 0}, {100, 0}, {93, 0}, {100, 0}}, a.accounts(t))
		require.Equal(t, []string{"sold", "sold", "buyer_rejected", "sold"}, a.reasons(t))
		require.EqualValues(t, 1, s.number("SELECT COUNT(*) FROM deliveries WHERE state = 'pending' AND lead_id = '"+a.lead+"'"), "who is told only is told now")
		require.EqualValues(t, 9_500_000, s.number("SELECT payout FROM leads WHERE id = '"+a.lead+"'"), "half of 3, 9 and 7")
	},
	"16 at once": func(t *testing.T, s *shop) {
		a := newAsker(t, s, 1, offerTo{"confirm", 10, false})
		a.submit(t)
		results := []marketcommand.DeliveryResult{a.result(t, 0, delivery.Accepted)}
		var all sync.WaitGroup
		var stored atomic.Int64
		for range 16 {
			all.Go(func() {
				done, err := a.settler().Handle(t.Context(), marketcommand.SettleReservations{Results: results})
				if err != nil {
					t.Error(err)
				}
				stored.Add(int64(done.Stored))
			})
		}
		all.Wait()
		require.EqualValues(t, 1, stored.Load())
		require.Equal(t, [][2]int64{{90, 0}}, a.accounts(t))
		require.EqualValues(t, 1, s.number("SELECT COUNT(*) FROM sales WHERE lead_id = '"+a.lead+"'"))
	},
	"accepts and ends at once": func(t *testing.T, s *shop) {
		a := newAsker(t, s, 1, offerTo{"confirm", 10, false}, offerTo{"confirm", 9, false})
		a.submit(t)
		accepts, ends := a.result(t, 0, delivery.Accepted), a.result(t, 0, "ended")
		var all sync.WaitGroup
		for i := range 16 {
			all.Go(func() {
				r := accepts
				if i%2 == 0 {
					r = ends
				}
				if _, err := a.settler().Handle(t.Context(), marketcommand.SettleReservations{Results: []marketcommand.DeliveryResult{r}}); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if a.status(t) == "sold" {
			require.Equal(t, [][2]int64{{90, 0}, {100, 0}}, a.accounts(t))
		} else {
			require.Equal(t, []int{1}, a.asked(t))
			require.Equal(t, [][2]int64{{100, 0}, {100, 9}}, a.accounts(t))
			a.says(t, 1, "ended")
		}
	},
	"the answer is not known": func(t *testing.T, s *shop) {
		a := newAsker(t, s, 1, offerTo{"confirm", 10, false})
		a.submit(t)
		r := marketcommand.SettleReservations{Results: []marketcommand.DeliveryResult{a.result(t, 0, delivery.Accepted)}}
		for _, cut := range "bab" {
			a.work.plan = []byte(string(cut))
			_, err := a.settler().Handle(t.Context(), r)
			require.Error(t, err)
		}
		done, err := a.settler().Handle(t.Context(), r)
		require.NoError(t, err)
		require.Zero(t, done.Stored)
		require.Equal(t, [][2]int64{{90, 0}}, a.accounts(t))
	},
	"the supplier was answered": func(t *testing.T, s *shop) {
		for _, wait := range []time.Duration{0, 5 * time.Second} {
			a := newAsker(t, s, 1, offerTo{"confirm", 10, false})
			a.submit(t)
			a.hands.Advance(wait)
			if wait == 0 {
				require.Equal(t, "pending [] 0", a.supplier(t), "it gave up")
			}
			a.says(t, 0, delivery.Accepted)
			require.Equal(t, "sold", a.status(t))
			require.Equal(t, "pending [] 0", a.supplier(t), "the same bytes for ever")
			a.submit(t)
			require.Equal(t, "pending [] 0", string(a.answer.Body))
			require.Nil(t, a.awaits)
		}
	},
	"erased meanwhile": func(t *testing.T, s *shop) {
		a := newAsker(t, s, 2, offerTo{"confirm", 10, false}, offerTo{"notify", 9, false})
		a.submit(t)
		accepts := a.result(t, 0, delivery.Accepted)
		_, err := marketcommand.EraseLeadHandler{Deps: a.deps}.Handle(t.Context(), marketcommand.EraseLead{Actor: a.actor, ID: a.lead})
		require.NoError(t, err)
		require.Equal(t, [][2]int64{{100, 0}, {100, 0}}, a.accounts(t))
		require.Equal(t, "0 0", a.counted(t, 1, "hour"))
		require.Equal(t, "failed lead_erased", s.text("SELECT CONCAT(state, ' ', reason) FROM deliveries WHERE lead_id = '"+a.lead+"'"))
		_, err = a.settler().Handle(t.Context(), marketcommand.SettleReservations{Results: []marketcommand.DeliveryResult{accepts}})
		require.NoError(t, err)
		require.Equal(t, "unsold", a.status(t))
		require.Equal(t, [][2]int64{{100, 0}, {100, 0}}, a.accounts(t))
	},
	"a person once": func(t *testing.T, s *shop) {
		a := newAsker(t, s, 1, offerTo{"confirm once", 10, false}, offerTo{"confirm", 9, false})
		a.submit(t)
		first := a.lead
		a.again = " 2"
		a.submit(t)
		require.NotEqual(t, first, a.lead)
		require.Equal(t, []string{"duplicate_buyer", "reserved"}, a.reasons(t), "its buyer is asked about the person already")
		require.Equal(t, [][2]int64{{100, 10}, {100, 9}}, a.accounts(t))
		second := a.lead
		a.lead = first
		a.says(t, 0, delivery.Accepted)
		a.lead = second
		a.says(t, 1, delivery.Rejected)
		require.Equal(t, [][2]int64{{90, 0}, {100, 0}}, a.accounts(t))
		a.hands.Advance(30*24*time.Hour - time.Minute)
		a.again = " 3"
		a.submit(t)
		require.Equal(t, []string{"duplicate_buyer", "reserved"}, a.reasons(t), "whom it bought it holds for as long as its rule says")
	},
	"a person whom nobody bought": func(t *testing.T, s *shop) {
		a := newAsker(t, s, 1, offerTo{"confirm", 11, false}, offerTo{"confirm once", 10, false})
		a.submit(t)
		a.says(t, 0, delivery.Rejected)
		require.Equal(t, []int{1}, a.asked(t))
		first := a.lead
		a.again = " 2"
		a.submit(t)
		a.says(t, 0, delivery.Rejected)
		require.Equal(t, []string{"buyer_rejected", "duplicate_buyer"}, a.reasons(t), "also who is asked later holds the person")
		a.lead = first
		a.says(t, 1, delivery.Rejected)
		a.hands.Advance(time.Minute)
		_, err := a.match.Handle(t.Context(), marketcommand.MatchPending{SellerID: a.actor.SellerID, CampaignID: a.campaignID})
		require.NoError(t, err)
		require.Equal(t, []string{"buyer_rejected", "buyer_rejected"}, a.reasons(t))
		require.EqualValues(t, 1, s.number("SELECT COUNT(*) FROM reservations WHERE status = 'reserved' AND campaign_id = '"+a.campaignID+"'"), "the other lead's buyer is asked when nobody holds the person")
		a.lead = s.text("SELECT lead_id FROM reservations WHERE status = 'reserved' AND campaign_id = '" + a.campaignID + "'")
		a.says(t, 1, "ended")
	},
	"nobody may be asked any more": func(t *testing.T, s *shop) {
		for _, verdict := range []delivery.Verdict{delivery.Accepted, delivery.Rejected, delivery.Unsure, "ended"} {
			a := newAsker(t, s, 2, offerTo{"confirm", 10, false}, offerTo{"none", 9, false}, offerTo{"confirm", 8, false})
			a.submit(t)
			a.shop.do(func(ctx context.Context, tx *sqlstore.Tx) error { // as who knows nothing of reservations
				l, err := tx.Leads().Lock(ctx, a.actor.SellerID, a.lead)
				require.NoError(t, err)
				n := l.Snapshot()
				n.Deadline = time.Time{}
				l = lead.FromSnapshot(n)
				require.NoError(t, l.Expire(a.hands.Now()))
				return tx.Leads().SaveAll(ctx, []*lead.Lead{l})
			})
			for range 2 {
				a.says(t, 0, verdict)
				require.Equal(t, "unsold", a.status(t))
				require.Equal(t, [][2]int64{{100, 0}, {100, 0}, {100, 0}}, a.accounts(t))
				require.Equal(t, "0 0", a.counted(t, 0, "hour"))
				require.Equal(t, "failed", s.text("SELECT state FROM deliveries WHERE lead_id = '"+a.lead+"'"))
				require.Equal(t, "released", s.text("SELECT status FROM reservations WHERE slot = 1 AND lead_id = '"+a.lead+"'"))
			}
			b := newAsker(t, s, 1, offerTo{"confirm", 10, false})
			b.submit(t)
			b.says(t, 0, delivery.Accepted)
			require.Equal(t, [][2]int64{{90, 0}}, b.accounts(t))
		}
	},
	"there is no delivery": func(t *testing.T, s *shop) {
		a := newAsker(t, s, 1, offerTo{"confirm", 10, false})
		a.submit(t)
		ended := a.result(t, 0, "ended")
		s.exec("DELETE FROM delivery_queue WHERE delivery_id = '"+ended.DeliveryID+"'", "DELETE FROM deliveries WHERE id = '"+ended.DeliveryID+"'")
		done, err := a.settler().Handle(t.Context(), marketcommand.SettleReservations{Results: []marketcommand.DeliveryResult{ended}})
		require.NoError(t, err)
		require.Len(t, done.Final, 1)
		require.Equal(t, [][2]int64{{100, 0}}, a.accounts(t))
	},
	"nothing is reserved": func(t *testing.T, s *shop) {
		a := newAsker(t, s, 1, offerTo{"confirm", 10, false})
		a.submit(t)
		s.exec("UPDATE reservations SET status = 'released', reason = 'timeout' WHERE lead_id = '"+a.lead+"'", "UPDATE buyers SET held = 0 WHERE id = 'buyer_"+a.campaignID+"_0'",
			"UPDATE contract_counters SET used = 0, spent = 0 WHERE contract_id = 'contract_"+a.campaignID+"_0'")
		a.says(t, 0, delivery.Accepted)
		require.Equal(t, "failed timeout", s.text("SELECT CONCAT(state, ' ', reason) FROM deliveries WHERE lead_id = '"+a.lead+"'"))
		require.Equal(t, "pending", a.status(t))
		require.Equal(t, [][2]int64{{100, 0}}, a.accounts(t))
	},
	"nobody could be asked": func(t *testing.T, s *shop) {
		a := newAsker(t, s, 1, offerTo{"confirm", 10, false}, offerTo{"confirm", 9, false})
		a.submit(t)
		again := func() {
			t.Helper()
			_, err := a.match.Handle(t.Context(), marketcommand.MatchPending{SellerID: a.actor.SellerID, CampaignID: a.campaignID})
			require.NoError(t, err)
		}
		require.Equal(t, 1, a.says(t, 0, "ended").Asked, "the next one is asked, not the same one again")
		require.Equal(t, []int{1}, a.asked(t))
		require.Equal(t, []string{"buyer_not_asked", "reserved"}, a.reasons(t))
		a.says(t, 1, delivery.Unsure)
		a.says(t, 1, "ended")
		require.Empty(t, a.asked(t))
		for range 9 {
			a.hands.Advance(time.Minute)
			again()
			require.Equal(t, []int{0}, a.asked(t), "a buyer that was not asked can be asked later")
			require.Equal(t, "reserved", a.reasons(t)[0])
			require.Zero(t, a.says(t, 0, "ended").Asked)
		}
		again()
		require.Empty(t, a.asked(t), "but not for ever")
		require.Equal(t, [][2]int64{{100, 0}, {100, 0}}, a.accounts(t))
	},
	"a form lead": func(t *testing.T, s *shop) {
		a := newAsker(t, s, 1, offerTo{"confirm", 10, false})
		number := a.form(t)
		_, err := a.match.Handle(t.Context(), marketcommand.MatchPending{SellerID: a.actor.SellerID, CampaignID: a.campaignID})
		require.NoError(t, err)
		require.Equal(t, []int{0}, a.asked(t))
		deps := program.Deps{Work: sqlstore.Work(s.store, func(tx *sqlstore.Tx) program.Tx { return tx }), Clock: a.hands, IDs: s.ids}
		remove := func() error {
			_, err := programcommand.DeleteLeadHandler{Deps: deps}.Handle(t.Context(), programcommand.DeleteLead{Actor: a.actor, Number: number})
			return err
		}
		require.ErrorIs(t, remove(), lead.ErrReserved)
		_, err = programcommand.RejectLeadHandler{Deps: deps}.Handle(t.Context(), programcommand.RejectLead{Actor: a.actor, Number: number})
		require.ErrorIs(t, err, lead.ErrReserved)
		require.Equal(t, [][2]int64{{100, 10}}, a.accounts(t))
		a.says(t, 0, "ended")
		require.NoError(t, remove())
		require.Equal(t, "unsold", a.status(t))
		require.Equal(t, [][2]int64{{100, 0}}, a.accounts(t))
	},
	"erased when one buyer took it": func(t *testing.T, s *shop) {
		a := newAsker(t, s, 2, offerTo{"confirm", 10, false}, offerTo{"confirm", 9, false})
		a.submit(t)
		a.says(t, 0, delivery.Accepted)
		_, err := marketcommand.EraseLeadHandler{Deps: a.deps}.Handle(t.Context(), marketcommand.EraseLead{Actor: a.actor, ID: a.lead})
		require.NoError(t, err)
		require.Equal(t, [][2]int64{{100, 0}, {100, 0}}, a.accounts(t))
		require.EqualValues(t, 2, s.number("SELECT COUNT(*) FROM deliveries WHERE state = 'failed' AND reason = 'lead_erased' AND lead_id = '"+a.lead+"'"))
		id := s.text("SELECT MIN(id) FROM deliveries WHERE lead_id = '" + a.lead + "'")
		_, err = marketcommand.RedeliverHandler{Deps: a.deps}.Handle(t.Context(), marketcommand.Redeliver{Actor: a.actor, ID: id})
		require.ErrorIs(t, err, delivery.ErrReleased, "nothing was sold to it")
	},
	"suppressed meanwhile": func(t *testing.T, s *shop) {
		a := newAsker(t, s, 1, offerTo{"confirm", 10, false}, offerTo{"confirm", 9, false})
		a.submit(t)
		_, err := marketcommand.AddSuppressionHandler{Deps: a.deps}.Handle(t.Context(), marketcommand.AddSuppression{Actor: a.actor, Kind: "phone", Value: "+13125550199"})
		require.NoError(t, err)
		require.Zero(t, a.says(t, 0, delivery.Rejected).Asked)
		require.Equal(t, "pending", a.status(t))
		_, err = a.match.Handle(t.Context(), marketcommand.MatchPending{SellerID: a.actor.SellerID, CampaignID: a.campaignID})
		require.NoError(t, err)
		require.Equal(t, "rejected", a.status(t))
	},
	"operators wait": func(t *testing.T, s *shop) {
		a := newAsker(t, s, 1, offerTo{"confirm", 10, false})
		a.submit(t)
		_, err := marketcommand.RejectMarketLeadHandler{Deps: a.deps}.Handle(t.Context(), marketcommand.RejectMarketLead{Actor: a.actor, ID: a.lead})
		require.ErrorIs(t, err, lead.ErrReserved)
		_, err = marketcommand.ChangeLeadPriceHandler{Deps: a.deps}.Handle(t.Context(), marketcommand.ChangeLeadPrice{Actor: a.actor, ID: a.lead, Price: new(money.Micros(1))})
		require.ErrorIs(t, err, lead.ErrReserved)
		redistribute := marketcommand.RedistributeLeadHandler{Deps: a.deps, Strategies: s.strategies, Plans: marketcommand.NewPlans(nil)}
		_, err = redistribute.Handle(t.Context(), marketcommand.RedistributeLead{Actor: a.actor, ID: a.lead})
		require.ErrorIs(t, err, lead.ErrReserved)
		a.says(t, 0, delivery.Unsure)
		a.says(t, 0, "ended")
		_, err = redistribute.Handle(t.Context(), marketcommand.RedistributeLead{Actor: a.actor, ID: a.lead})
		require.NoError(t, err)
		require.Empty(t, a.asked(t), "the buyer was asked before")
	},
}

// TestSettlings settles what buyers answer, in each way once.
func TestSettlings(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines() {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			s := newShop(t, engine)
			for name, settle := range settlings {
				t.Run(name, func(t *testing.T) { settle(t, s) })
			}
			s.catchUp()
			r, err := audit.Run(t.Context(), s.db, audit.Options{Now: time.Now()}, sqlstore.AuditRules()...)
			require.NoError(t, err)
			require.Empty(t, r.Breaches)
		})
	}
}
