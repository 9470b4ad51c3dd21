// Package projection holds the read models of the marketplace that are built from the events.
package projection

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/bits"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	"github.com/leadmill/leadmill/application/projection"
	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
)

// CampaignReportGroup is what the figures of a campaign report are kept by. Day is YYYY-MM-DD in the seller's time zone.
type CampaignReportGroup struct{ SellerID, Day, CampaignID, Category, PartnerID string }

// LeadsDelta is what is to be added to the lead counts of a group; members may be negative.
type LeadsDelta struct{ Submitted, Pending, Sold, Duplicate, Rejected, Unsold int64 }

// SalesGroup is what the figures of sales are kept by.
type SalesGroup struct {
	CampaignReportGroup
	BuyerID string
}

// SalesDelta is what is to be added to the sales of a group. Money is in micro-units of the seller's currency.
type SalesDelta struct {
	Sales           int64
	Revenue, Payout money.Micros
}

// SellerZone is a time zone of a seller: an IANA name and from when on it holds, in UTC microseconds. Latest is the latest
// time of submission that was counted while it was the seller's newest zone, 0 when none was.
type SellerZone struct {
	Since    int64
	TimeZone string
	Latest   int64
}

// CampaignReportStore keeps what campaign reports are made of. Errors of a database that cannot be reached are of kind
// fault.Unavailable.
type CampaignReportStore interface {
	// Zones returns the time zones of sellers by id, each seller's oldest first. Unknown sellers are left out.
	Zones(ctx context.Context, tx projection.Tx, sellerIDs []string) (map[string][]SellerZone, error)
	// SaveZones writes time zones of sellers by id, over those with the same Since.
	SaveZones(ctx context.Context, tx projection.Tx, zones map[string][]SellerZone) error
	// Add adds to the figures of leads and of sales.
	Add(ctx context.Context, tx projection.Tx, leads map[CampaignReportGroup]LeadsDelta, sales map[SalesGroup]SalesDelta) error
	// Reset empties all tables.
	Reset(ctx context.Context, tx projection.Tx) error
}

// CampaignReport builds the read model of GET /v1/reports/campaigns. A lead is counted on the day it was submitted, in the
// time zone its seller had then; UTC when none was known. A zone never holds for a time of submission that was counted
// under an older one, whatever clocks say, so that all events of a lead count on one day.
//
// It tells of the market: form leads count like any others once they are offered to buyers, and what the seller makes of
// them in its review does not count.
type CampaignReport struct{ store CampaignReportStore }

// NewCampaignReport returns the projection.
func NewCampaignReport(s CampaignReportStore) *CampaignReport { return &CampaignReport{s} }

// Name implements projection.Projection.
func (*CampaignReport) Name() string { return "campaign-report" }

// Prepare implements projection.Projection: the tables are in the migrations.
func (*CampaignReport) Prepare(context.Context, projection.Tx) error { return nil }

// Reset implements projection.Projection.
func (p *CampaignReport) Reset(ctx context.Context, tx projection.Tx) error {
	return p.store.Reset(ctx, tx)
}

// The events that are counted.
var (
	leadSubmitted = eventsv1.LeadSubmitted{}.Type()
	leadPending   = eventsv1.LeadPending{}.Type()
	leadSold      = eventsv1.LeadSold{}.Type()
	leadDuplicate = eventsv1.LeadDuplicate{}.Type()
	leadRejected  = eventsv1.LeadRejected{}.Type()
	leadUnsold    = eventsv1.LeadUnsold{}.Type()
)

// leadFact is what the report needs of the events of a lead: the members they share and those of lead.sold.v1.
type leadFact struct {
	Origin         string          `json:"origin"`
	CampaignID     string          `json:"campaign_id"`
	Category       string          `json:"category"`
	PartnerID      string          `json:"partner_id"`
	SubmittedAt    eventsv1.Time   `json:"submitted_at"`
	PreviousStatus string          `json:"previous_status"`
	Payout         eventsv1.Amount `json:"payout"`
	Sales          []struct {
		BuyerID string          `json:"buyer_id"`
		Price   eventsv1.Amount `json:"price"`
	} `json:"sales"`
}

const (
	// pending is the previous status of a lead that waited.
	pending = string(lead.StatusPending)
	// inReview is the previous status of a form lead that the seller decided upon; where it stands in the market is not told.
	inReview = string(lead.ReviewStatusOpen)
	ofForm   = string(lead.OriginForm)
)

// inMarket reports whether an event is of a lead that is offered to buyers, and of what became of it there.
func (f *leadFact) inMarket() bool {
	return f.Origin != ofForm || f.CampaignID != "" && f.PreviousStatus != inReview
}

// Apply implements projection.Projection. It adds a batch up in memory, so that what it writes depends on the number of groups, not
// of events.
func (p *CampaignReport) Apply(ctx context.Context, tx projection.Tx, events []application.StoredEvent) error {
	b := reportBatch{
		leads: map[CampaignReportGroup]LeadsDelta{}, sales: map[SalesGroup]SalesDelta{},
		zones: map[string]*sellerZones{},
	}
	if err := p.loadZones(ctx, tx, events, &b); err != nil {
		return err
	}
	for i := range events {
		if err := b.apply(&events[i]); err != nil {
			return fmt.Errorf("campaign report: event %s at %d: %w", events[i].Type, events[i].Position, err)
		}
	}
	if changed := b.changed(); len(changed) > 0 {
		if err := p.store.SaveZones(ctx, tx, changed); err != nil {
			return err
		}
	}
	if len(b.leads) == 0 && len(b.sales) == 0 {
		return nil
	}
	return p.store.Add(ctx, tx, b.leads, b.sales)
}

func (p *CampaignReport) loadZones(ctx context.Context, tx projection.Tx, events []application.StoredEvent, b *reportBatch) error {
	var ids []string
	for i := range events {
		if _, ok := b.zones[events[i].SellerID]; !ok && (counted(events[i].Type) || ofSeller(events[i].Type)) {
			b.zones[events[i].SellerID] = &sellerZones{}
			ids = append(ids, events[i].SellerID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	stored, err := p.store.Zones(ctx, tx, ids)
	if err != nil {
		return err
	}
	for id, list := range stored {
		z := &sellerZones{list: list, changed: len(list)}
		for _, zone := range list {
			z.places = append(z.places, zoneOf(zone.TimeZone))
		}
		b.zones[id] = z
	}
	return nil
}

// sellerZones is the time zones of one seller, oldest first: Since grows strictly. Only the newest ever changes.
type sellerZones struct {
	list    []SellerZone
	places  []*time.Location
	changed int // the first that is to be written
}

// add makes a zone hold from a time on, or from the first time on that no lead was counted at and no older zone holds
// from: the events of two changes, or of a change and a lead, may be in the log in another order than they happened.
func (z *sellerZones) add(name string, at int64) {
	if n := len(z.list); n > 0 {
		last := z.list[n-1]
		if last.TimeZone == name {
			return
		}
		at = max(at, last.Since+1, last.Latest+1)
	}
	z.list, z.places = append(z.list, SellerZone{Since: at, TimeZone: name}), append(z.places, zoneOf(name))
}

// count returns the zone of a time of submission and remembers that it was asked for.
func (z *sellerZones) count(at int64) *time.Location {
	if len(z.list) == 0 {
		z.add("UTC", at)
	}
	last := len(z.list) - 1
	if z.list[last].Latest < at {
		z.list[last].Latest = at
		z.changed = min(z.changed, last)
	}
	for i := last; i > 0; i-- {
		if z.list[i].Since <= at {
			return z.places[i]
		}
	}
	return z.places[0]
}

// zoneOf returns UTC for a zone that this machine does not know: a report with shifted days is better than none.
func zoneOf(name string) *time.Location {
	zone, err := calendar.ParseZone(name)
	if err != nil {
		return time.UTC
	}
	return zone
}

func counted(typ string) bool {
	switch typ {
	case leadSubmitted, leadPending, leadSold, leadDuplicate, leadRejected, leadUnsold:
		return true
	}
	return false
}

func ofSeller(typ string) bool {
	return typ == account.SellerCreatedType || typ == account.SellerUpdatedType
}

// reportBatch adds up a batch of events.
type reportBatch struct {
	leads map[CampaignReportGroup]LeadsDelta
	sales map[SalesGroup]SalesDelta
	zones map[string]*sellerZones

	lastDate [3]int
	lastDay  string
}

// changed returns the zones that are to be written.
func (b *reportBatch) changed() map[string][]SellerZone {
	out := map[string][]SellerZone{}
	for id, z := range b.zones {
		if z.changed < len(z.list) {
			out[id] = z.list[z.changed:]
		}
	}
	return out
}

func (b *reportBatch) apply(e *application.StoredEvent) error {
	switch {
	case ofSeller(e.Type):
		var s account.SellerChanged
		if err := json.Unmarshal(e.Payload, &s); err != nil {
			return err
		}
		b.zones[e.SellerID].add(s.TimeZone, s.At.UnixMicro())
		return nil
	case !counted(e.Type):
		return nil
	}
	var f leadFact
	if err := json.Unmarshal(e.Payload, &f); err != nil {
		return err
	}
	if !f.inMarket() {
		return nil
	}
	group := CampaignReportGroup{
		SellerID: e.SellerID, Day: b.day(f.SubmittedAt.Time, e.SellerID), CampaignID: f.CampaignID,
		Category: f.Category, PartnerID: f.PartnerID,
	}
	d := b.leads[group]
	if e.Type != leadSubmitted && f.PreviousStatus == pending {
		d.Pending--
	}
	switch e.Type {
	case leadSubmitted:
		d.Submitted++
	case leadPending:
		d.Pending++
	case leadSold:
		d.Sold++
		if err := b.addSales(group, f); err != nil {
			return err
		}
	case leadDuplicate:
		d.Duplicate++
	case leadRejected:
		d.Rejected++
	case leadUnsold:
		d.Unsold++
	}
	b.leads[group] = d
	return nil
}

// addSales gives every sale its share of the payout: by price, cut to whole micro-units, the rest to the last.
func (b *reportBatch) addSales(g CampaignReportGroup, f leadFact) error {
	if len(f.Sales) == 0 {
		return errors.New("no sales")
	}
	payout, err := f.Payout.Micros()
	if err != nil {
		return err
	}
	prices := make([]int64, len(f.Sales))
	var total money.Micros
	for i, s := range f.Sales {
		if prices[i], err = s.Price.Micros(); err != nil {
			return err
		}
		if prices[i] < 0 {
			return errors.New("negative price")
		}
		if total, err = total.Add(money.Micros(prices[i])); err != nil {
			return err
		}
	}
	rest := payout
	for i, s := range f.Sales {
		share := rest
		if i < len(f.Sales)-1 {
			share = portion(payout, prices[i], int64(total))
		}
		rest -= share
		group := SalesGroup{g, s.BuyerID}
		d := b.sales[group]
		d.Sales++
		if d.Revenue, err = d.Revenue.Add(money.Micros(prices[i])); err != nil {
			return err
		}
		if d.Payout, err = d.Payout.Add(money.Micros(share)); err != nil {
			return err
		}
		b.sales[group] = d
	}
	return nil
}

// portion returns amount × part / whole, cut towards zero, for 0 <= part <= whole; 0 of nothing.
func portion(amount, part, whole int64) int64 {
	if whole == 0 {
		return 0
	}
	magnitude := uint64(amount)
	if amount < 0 {
		magnitude = -magnitude
	}
	hi, lo := bits.Mul64(magnitude, uint64(part))
	quotient, _ := bits.Div64(hi, lo, uint64(whole)) // part <= whole, so it fits
	if amount < 0 {
		return -int64(quotient)
	}
	return int64(quotient)
}

// day returns the local date of a moment. Most events of a batch are of one day, whose text is kept.
func (b *reportBatch) day(t time.Time, sellerID string) string {
	local := t.In(b.zones[sellerID].count(t.UnixMicro()))
	year, month, day := local.Date()
	if date := [3]int{year, int(month), day}; date != b.lastDate {
		b.lastDate, b.lastDay = date, local.Format(time.DateOnly)
	}
	return b.lastDay
}
