package command

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/delivery"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/ping"
)

// SettleReservations stores what became of attempts to have buyers confirm sales, and settles what they decide: an accepted sale is captured, a
// rejected one is released and the next candidate is asked, and one whose deadline has passed is released. A result with Ended is of a sale that is not asked about any more.
type SettleReservations struct{ Results []DeliveryResult }

// Needs implements application.Message.
func (SettleReservations) Needs() application.Scope { return application.Internal }

// ReservationsSettled says how many results were stored; the others were of deliveries of which somebody else had stored the same attempt. Final are
// the leads of which nobody is asked any more, Asked how many buyers more are asked now.
type ReservationsSettled struct {
	Stored, Asked int
	Final         []application.Ref
}

// SettleReservationsHandler handles SettleReservations. Render writes the response that a supplier that still waits gets in place of the stored one.
type SettleReservationsHandler struct {
	market.Deps

	Reader     market.ReservationReader
	Strategies distribution.Strategies
	Plans      *Plans
	Facts      application.FactProviders
	Render     func(SubmitLeadResult) application.Response
	Logger     *slog.Logger
}

// nextPatience is how long the next candidates of leads wait for facts from outside.
const nextPatience = 2 * time.Second

// Handle implements bus.Handler. The results of each campaign are one transaction; when one fails, the results of other campaigns may be stored. It
// can be sent again: what was stored is not stored twice.
func (h SettleReservationsHandler) Handle(ctx context.Context, c SettleReservations) (done ReservationsSettled, err error) {
	leads := make([]application.Ref, len(c.Results))
	for i := range c.Results {
		leads[i] = application.Ref{SellerID: c.Results[i].SellerID, ID: c.Results[i].LeadID}
	}
	campaigns, err := h.Reader.CampaignsOf(ctx, leads)
	if err != nil {
		return done, err
	}
	of := map[application.Ref][]*DeliveryResult{}
	for i := range c.Results {
		r := &c.Results[i]
		if id, known := campaigns[r.LeadID]; known {
			ref := application.Ref{SellerID: r.SellerID, ID: id}
			of[ref] = append(of[ref], r)
		}
	}
	for _, ahead := range []bool{true, false} { // what needs no facts waits for none
		for _, ref := range application.SortedRefs(slices.Collect(maps.Keys(of))) {
			some := slices.DeleteFunc(slices.Clone(of[ref]), func(r *DeliveryResult) bool { return h.needsFacts(r) == ahead })
			if len(some) == 0 {
				continue
			}
			one, err := h.settle(ctx, ref, some)
			done.Stored, done.Asked, done.Final = done.Stored+one.Stored, done.Asked+one.Asked, append(done.Final, one.Final...)
			if err != nil {
				return done, err
			}
		}
	}
	return done, nil
}

// needsFacts reports whether a lead may be offered to others, about which there are facts from outside.
func (h SettleReservationsHandler) needsFacts(r *DeliveryResult) bool {
	return h.Facts.Any() && r.Said.Verdict != delivery.Accepted && (r.Said.Verdict != delivery.Unsure || r.Ended != "" || r.Final)
}

// settle settles results of one campaign.
func (h SettleReservationsHandler) settle(ctx context.Context, of application.Ref, all []*DeliveryResult) (done ReservationsSettled, err error) {
	outside, err := h.ask(ctx, all)
	if err != nil {
		return done, err
	}
	now, sales, entries := h.Clock.Now(), newSaleIDs(h.IDs), map[string]string{}
	err = h.Plans.ahead(func(look lookup) error {
		return h.Work.Do(ctx, func(ctx context.Context, tx market.Tx) error {
			s := settlement{SettleReservationsHandler: h, tx: tx, of: of, now: now, sales: sales, entries: entries, outside: outside}
			err := s.run(ctx, look, all)
			done = s.done
			return err
		})
	})
	if err != nil {
		return ReservationsSettled{}, err
	}
	return done, nil
}

// ask asks the providers of facts from outside, if there are any, about leads that may be offered to others.
func (h SettleReservationsHandler) ask(ctx context.Context, all []*DeliveryResult) (map[string]map[string]field.Set, error) {
	var facts []lead.Facts
	for _, r := range all {
		if !h.needsFacts(r) {
			continue
		}
		l, err := h.Reader.MarketLead(ctx, r.SellerID, r.LeadID)
		if isNotFound(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		facts = append(facts, l.Facts())
	}
	if len(facts) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, nextPatience)
	defer cancel()
	answers := make(map[string]map[string]field.Set, len(facts))
	for i, a := range h.Facts.AskAll(ctx, facts) {
		answers[facts[i].ID] = a
	}
	return answers, nil
}

// settlement is one transaction of a SettleReservationsHandler.
type settlement struct {
	SettleReservationsHandler

	tx      market.Tx
	of      application.Ref
	now     time.Time
	sales   saleIDs
	entries map[string]string // of ledger entries by sale, drawn once
	outside map[string]map[string]field.Set
	done    ReservationsSettled

	campaign   *campaign.Campaign
	currency   money.Currency
	leads      map[string]*lead.Lead
	deliveries map[string]*delivery.Delivery
	erased     map[string]bool
	m          *marketplace

	touched  map[string]bool // leads that something became of
	again    map[string]bool // leads of which a reservation was released
	changed  []*delivery.Delivery
	attempts []market.DeliveryAttempt
	freed    []market.Uncounted
	declined []market.Uncounted // freed when everything is decided
	buyers   []application.Ref  // of the reservations of the leads
	until    map[string]time.Time
}

func (s *settlement) run(ctx context.Context, look lookup, all []*DeliveryResult) error {
	there, err := s.lock(ctx, all)
	if err != nil || !there {
		return err
	}
	for _, r := range all {
		if err := s.apply(r); err != nil {
			return err
		}
	}
	s.done.Stored = len(s.changed)
	if err := s.tx.Deliveries().AddAttempts(ctx, s.attempts); err != nil {
		return err
	}
	if len(s.touched) > 0 {
		if err := s.decide(ctx, look); err != nil {
			return err
		}
	}
	if err := s.tx.Deliveries().SaveAll(ctx, s.changed); err != nil {
		return err
	}
	return s.answer(ctx)
}

// lock locks the campaign, the leads and the deliveries; there is false when the campaign is gone.
func (s *settlement) lock(ctx context.Context, all []*DeliveryResult) (there bool, err error) {
	campaigns, err := s.tx.Campaigns().LockAll(ctx, []application.Ref{s.of}, s.Plans.cached(s.of.ID))
	if err != nil || campaigns[s.of.ID] == nil {
		return false, err
	}
	s.campaign = campaigns[s.of.ID]
	seller, err := s.tx.Sellers().Get(ctx, s.of.SellerID)
	if err != nil {
		return false, err
	}
	s.currency = seller.Currency()
	var ids []string
	var leads, deliveries []application.Ref
	for _, r := range all {
		ids = append(ids, r.LeadID)
		leads, deliveries = append(leads, application.Ref{SellerID: r.SellerID, ID: r.LeadID}), append(deliveries, application.Ref{SellerID: r.SellerID, ID: r.DeliveryID})
	}
	if s.erased, err = s.tx.Deliveries().LockErased(ctx, leads); err != nil {
		return false, err
	}
	if s.leads, err = s.tx.Reservations().LockLeads(ctx, s.of, unique(ids)); err != nil {
		return false, err
	}
	if err = s.leave(ctx, unique(ids)); err != nil {
		return false, err
	}
	if s.deliveries, err = s.tx.Deliveries().LockAll(ctx, deliveries); err != nil {
		return false, err
	}
	s.touched, s.again = map[string]bool{}, map[string]bool{}
	for _, l := range s.leads {
		for _, r := range l.Reservations() {
			s.buyers = append(s.buyers, application.Ref{SellerID: s.of.SellerID, ID: r.BuyerID})
		}
	}
	return true, nil
}

// decide gives back what was freed, asks the next candidates, sells what nobody is asked about any more, and stores all of that.
func (s *settlement) decide(ctx context.Context, look lookup) error {
	if err := s.open(ctx, look); err != nil {
		return err
	}
	for _, f := range s.freed {
		b, err := s.buyer(f.BuyerID)
		if err != nil {
			return err
		}
		b.Release(f.Price, s.now)
	}
	if err := s.next(ctx); err != nil {
		return err
	}
	promised, err := s.promised(ctx)
	if err != nil {
		return err
	}
	var leads []*lead.Lead
	for _, id := range slices.Sorted(maps.Keys(s.touched)) {
		l := s.leads[id]
		if err := s.finish(ctx, l, promised[id]); err != nil {
			return err
		}
		leads = append(leads, l)
	}
	if err := s.waiting(ctx); err != nil {
		return err
	}
	if err := s.tx.Leads().SaveAll(ctx, leads); err != nil {
		return err
	}
	if err := s.m.write(ctx, s.tx); err != nil {
		return err
	}
	if err := s.tx.Reservations().Uncount(ctx, s.of.SellerID, s.declined); err != nil {
		return err
	}
	return s.m.bought.write(ctx, s.tx)
}

// open locks the buyers and counters, and gives back what was freed of the counters before they are read.
func (s *settlement) open(ctx context.Context, look lookup) error {
	offers, err := look.offered(map[string]*campaign.Campaign{s.of.ID: s.campaign}, false, func(yield func(lead.Facts) bool) {
		for id := range s.again {
			if !yield(s.leads[id].Facts()) {
				return
			}
		}
	})
	if err != nil {
		return err
	}
	from, given := locked(s.tx), false
	var all map[string]*buyer.Buyer
	lockBuyers := from.buyers
	from.buyers = func(ctx context.Context, refs []application.Ref) (map[string]*buyer.Buyer, error) {
		all, err = lockBuyers(ctx, slices.Concat(refs, s.buyers))
		return all, err
	}
	lockCounters := from.counters
	from.counters = func(ctx context.Context, refs []application.Ref) (map[string]*distribution.Counter, error) {
		given = true
		if err := s.tx.Reservations().Uncount(ctx, s.of.SellerID, s.freed); err != nil {
			return nil, err
		}
		return lockCounters(ctx, refs)
	}
	if s.m, err = openMarketplace(ctx, from, offers, s.Strategies, s.now); err != nil {
		return err
	}
	if !given { // none of the contracts is offered anything
		if s.m.buyers, err = from.buyers(ctx, nil); err != nil {
			return err
		}
		return s.tx.Reservations().Uncount(ctx, s.of.SellerID, s.freed)
	}
	return nil
}

func (s *settlement) buyer(id string) (*buyer.Buyer, error) {
	if b := s.m.buyers[id]; b != nil {
		return b, nil
	}
	return nil, buyer.ErrNotFound
}

// next asks the next candidates of leads of which a reservation was released, while there is time.
func (s *settlement) next(ctx context.Context) error {
	var leads []*lead.Lead
	for _, id := range slices.Sorted(maps.Keys(s.again)) {
		if l := s.leads[id]; l.Deadline().Sub(s.now) >= lead.LeastAsk && s.room(l) > 0 && (!s.Facts.Any() || s.outside[id] != nil) {
			leads = append(leads, l)
		}
	}
	if len(leads) == 0 || s.m.books[s.of.ID] == nil || !open(s.m.books[s.of.ID], leads, s.now) {
		return nil
	}
	suppressed, err := suppressedPending(ctx, s.tx, s.campaign, leads)
	if err != nil {
		return err
	}
	if leads = slices.DeleteFunc(leads, func(l *lead.Lead) bool { return suppressed[l.ID()] }); len(leads) == 0 {
		return nil // the next match rejects them
	}
	if err := s.m.readAhead(ctx, s.campaign, leads); err != nil {
		return err
	}
	if err := s.m.promise(ctx, s.tx, s.of.SellerID, leads, s.currency, s.now); err != nil {
		return err
	}
	for id, q := range s.m.quotes {
		for _, r := range s.leads[id].Reservations() {
			if r.Status.Held() {
				q.held = append(q.held, r.Price)
			}
		}
		s.m.quotes[id] = q
	}
	ids := make([]string, len(leads))
	for i, l := range leads {
		ids[i] = l.ID()
	}
	gave, err := s.tx.Returns().GivenBack(ctx, s.of.SellerID, ids)
	if err != nil {
		return err
	}
	for _, l := range leads {
		d, err := s.m.decide(ctx, s.campaign, l, distribution.Ask{
			Facts: l.Facts().WithOutside(s.outside[l.ID()]), Refuse: refusedTo(gave[l.ID()], l.Reservations(), l.Deadline()), Room: s.room(l),
		})
		if err != nil {
			if !ofStrategy(err) {
				return err
			}
			s.Logger.LogAttrs(ctx, slog.LevelError, "a strategy failed on a lead whose buyer did not take it; no other buyer is asked now",
				append(failure{s.campaign.Strategy(), l.ID(), err}.attrs(), slog.String("campaign_id", s.of.ID))...)
			continue
		}
		l.SetTrace(d.Trace)
		if len(d.Takers) == 0 {
			continue
		}
		all := reservations(&d, s.currency, s.sales.of(l.ID()))
		if err := l.Reserve(all, l.Deadline(), time.Time{}, s.now); err != nil {
			return err
		}
		s.m.bought.take(l, d.Takers)
		if err := s.m.hold(s.of.ID, d.Takers, s.now); err != nil {
			return err
		}
		for i := range all {
			if all[i].Asked {
				s.done.Asked++
			}
		}
	}
	return nil
}

// room is how many contracts more may take a lead.
func (s *settlement) room(l *lead.Lead) int {
	room := s.campaign.MaxSales()
	for _, r := range l.Reservations() {
		if r.Status.Held() {
			room--
		}
	}
	return room
}

// promised returns what suppliers were promised of the leads that are sold now.
func (s *settlement) promised(ctx context.Context) (map[string]*ping.Ping, error) {
	var sold []string
	for id := range s.touched {
		if l := s.leads[id]; !l.Asked() && len(l.Taken()) > 0 {
			sold = append(sold, id)
		}
	}
	if len(sold) == 0 {
		return nil, nil
	}
	return s.tx.Pings().OfLeads(ctx, s.of.SellerID, sold)
}

// finish sells a lead of which nobody is asked any more to those who take it; without any, or when they pay too little for what was promised, it goes
// on waiting.
func (s *settlement) finish(ctx context.Context, l *lead.Lead, promised *ping.Ping) error {
	if l.Asked() {
		return nil
	}
	s.done.Final = append(s.done.Final, application.Ref{SellerID: s.of.SellerID, ID: l.ID()})
	taken := l.Taken()
	if len(taken) == 0 {
		l.StopAsking(s.now)
		return nil
	}
	prices, payouts := make([]money.Micros, len(taken)), make([]money.Micros, len(taken))
	for i := range taken {
		prices[i] = taken[i].Price
	}
	var o lead.Outcome
	o.Payout, o.Shown, o.ShownHidden = s.campaign.SupplierTerms(prices, payouts, s.currency)
	if q := promiseFor(promised, taken); q != nil {
		confirmed := slices.ContainsFunc(taken, func(r lead.Reservation) bool { return r.Asked })
		if !distribution.Honours(s.campaign, *q, prices, confirmed, s.currency) {
			return s.decline(ctx, l)
		}
		topUp(q, s.campaign, &o, payouts)
	}
	for i, r := range taken {
		b, err := s.buyer(r.BuyerID)
		if err != nil {
			return err
		}
		if s.entries[r.SaleID] == "" {
			s.entries[r.SaleID] = s.IDs.New("entry")
		}
		b.Capture(s.entries[r.SaleID], r.SaleID, r.Price, r.Price, s.now)
		o.Sales = append(o.Sales, lead.Sale{
			ID: r.SaleID, ContractID: r.ContractID, BuyerID: r.BuyerID, Price: r.Price, Payout: payouts[i], Currency: r.Currency, Status: lead.SaleCaptured,
			At: r.At, Delivery: s.told(&r),
		})
	}
	if err := l.Sell(o, s.now); err != nil {
		return err
	}
	return s.bought(ctx, l, taken)
}

// decline gives up what is held of a lead for which those who take it pay too little, and the deliveries of those who said yes.
func (s *settlement) decline(ctx context.Context, l *lead.Lead) error {
	released := l.ReleaseAll(distribution.ReasonBelowQuote, s.now)
	var refs []application.Ref
	for _, r := range released {
		if id := delivery.IDOf(r.SaleID); r.Asked && s.deliveries[id] == nil {
			refs = append(refs, application.Ref{SellerID: s.of.SellerID, ID: id})
		}
	}
	more, err := s.tx.Deliveries().LockAll(ctx, refs)
	if err != nil {
		return err
	}
	maps.Copy(s.deliveries, more)
	for _, r := range released {
		if d := s.deliveries[delivery.IDOf(r.SaleID)]; d != nil && d.GiveUp(delivery.BelowQuote, s.now) == nil && !slices.Contains(s.changed, d) {
			s.changed = append(s.changed, d)
		}
		b, err := s.buyer(r.BuyerID)
		if err != nil {
			return err
		}
		b.Release(r.Price, s.now)
		s.declined = append(s.declined, market.Uncounted{
			CampaignID: l.CampaignID(), ContractID: r.ContractID, BuyerID: r.BuyerID, Price: r.Price, Whole: true, At: r.At,
		})
	}
	return nil
}

// told is where telling the buyer of a sale stands: one that was asked knows of the lead.
func (s *settlement) told(r *lead.Reservation) string {
	if r.Asked {
		return string(delivery.Delivered)
	}
	if k, err := s.campaign.Contract(r.ContractID); err == nil && k.Delivery() != nil {
		return string(delivery.Pending)
	}
	return ""
}

// bought has the buyers of a lead hold its person since it was reserved for them.
func (s *settlement) bought(ctx context.Context, l *lead.Lead, taken []lead.Reservation) error {
	if s.m.bought == nil {
		return nil
	}
	fields := l.Facts().Fields()
	var refs []market.ClaimRef
	for _, r := range taken {
		for _, key := range s.m.bought.keys(s.of.ID, r.BuyerID, fields) {
			if s.m.bought.unread(key) {
				refs = append(refs, market.ClaimRef{SellerID: s.of.SellerID, Key: key})
			}
		}
	}
	if err := s.m.bought.read(ctx, refs); err != nil {
		return err
	}
	for _, r := range taken {
		s.m.bought.takeSince(l, fields, r.BuyerID, r.At)
	}
	return nil
}

// waiting finds out which suppliers wait for leads of which nobody is asked any more.
func (s *settlement) waiting(ctx context.Context) (err error) {
	if len(s.done.Final) == 0 {
		return nil
	}
	ids := make([]string, len(s.done.Final))
	for i, ref := range s.done.Final {
		ids[i] = ref.ID
	}
	s.until, err = s.tx.Reservations().AnswersUntil(ctx, s.of.SellerID, ids)
	return err
}

// answer replaces the responses of leads whose suppliers still wait, and makes the others final.
func (s *settlement) answer(ctx context.Context) error {
	if len(s.until) == 0 {
		return nil
	}
	now := s.Clock.Now() // nobody else answers them as long as they are locked
	responses := make(map[string]application.Response, len(s.until))
	for id, end := range s.until {
		l := s.leads[id]
		if l.Status() != lead.StatusSold || !now.Before(end) {
			responses[id] = application.Response{}
			continue
		}
		r := SubmitLeadResult{LeadID: id, Status: l.Status().ToSupplier(), Currency: s.currency}
		r.Price, r.HasPrice = l.Shown()
		for _, sale := range l.Sales() {
			r.BuyerIDs = append(r.BuyerIDs, sale.BuyerID)
		}
		responses[id] = s.Render(r)
	}
	return s.tx.Reservations().Answer(ctx, s.of.SellerID, responses)
}
