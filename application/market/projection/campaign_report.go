// Package projection holds the read models of the marketplace that are built from the events.
//
// Stability: unsupported; it may change at any time.
package projection

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	"github.com/leadmill/leadmill/application/projection"
	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
)

// CampaignReportGroup is the key of a campaign report's figures. Day is YYYY-MM-DD in the seller's time zone.
type CampaignReportGroup struct{ SellerID, Day, CampaignID, Category, PartnerID string }

// LeadsDelta is what is added to the lead counts of a group; members may be negative.
type LeadsDelta struct{ Submitted, Pending, Sold, Duplicate, Rejected, Unsold int64 }

// SalesGroup is the key of the figures of sales.
type SalesGroup struct {
	CampaignReportGroup
	BuyerID string
}

// SalesDelta is what is added to the sales of a group. Money is in micro-units of the seller's currency.
type SalesDelta struct {
	Sales           int64
	Revenue, Payout money.Micros
}

// ReturnsDelta is what is added to what was given back of a group: sales of its buyer with their money, and under an empty buyer the leads
// that are returned. Leads may be negative. Money is in micro-units of the seller's currency.
type ReturnsDelta struct {
	Leads, Sales    int64
	Revenue, Payout money.Micros
}

// SellerZone is a time zone of a seller: its IANA name and the time from which it holds (Since). Latest is the latest time
// of submission that was counted while this was the seller's newest zone; 0 when there was none. Times are UTC microseconds.
type SellerZone struct {
	Since    int64
	TimeZone string
	Latest   int64
}

// CampaignReportStore stores the figures of campaign reports. When the database cannot be reached, its errors are of kind
// fault.Unavailable.
type CampaignReportStore interface {
	// Zones returns the time zones of sellers by id, each seller's oldest first. Unknown sellers are left out.
	Zones(ctx context.Context, tx projection.Tx, sellerIDs []string) (map[string][]SellerZone, error)
	// SaveZones writes time zones of sellers by id and replaces those with the same Since.
	SaveZones(ctx context.Context, tx projection.Tx, zones map[string][]SellerZone) error
	// Add adds to the figures of leads, of sales and of returns.
	Add(ctx context.Context, tx projection.Tx, leads map[CampaignReportGroup]LeadsDelta, sales map[SalesGroup]SalesDelta, returns map[SalesGroup]ReturnsDelta) error
	// Reset empties all tables.
	Reset(ctx context.Context, tx projection.Tx) error
}

// CampaignReport builds the read model of GET /v1/reports/campaigns. A lead is counted on the day it was submitted, in the
// time zone its seller had then, or UTC if that is unknown. A new zone never applies to a time of submission that was
// counted in an older zone before, so that all events of a lead count on the same day.
//
// The report is about the market: a form lead counts like any other once it is offered to buyers; the seller's review of it
// does not count.
type CampaignReport struct{ store CampaignReportStore }

// NewCampaignReport returns the projection.
func NewCampaignReport(s CampaignReportStore) *CampaignReport { return &CampaignReport{s} }

// Name implements projection.Projection.
func (*CampaignReport) Name() string { return "campaign-report" }

// Reset implements projection.Projection.
func (p *CampaignReport) Reset(ctx context.Context, tx projection.Tx) error {
	return p.store.Reset(ctx, tx)
}

// Types implements projection.Selective.
func (*CampaignReport) Types() []string {
	return []string{
		leadSubmitted, leadPending, leadSold, leadDuplicate, leadRejected, leadUnsold, leadReturned, returnApproved, account.SellerCreatedType, account.SellerUpdatedType,
	}
}

// Wants implements projection.Selective.
func (*CampaignReport) Wants(*application.StoredEvent) bool { return true }

// The events that are counted.
var (
	leadSubmitted = eventsv1.LeadSubmitted{}.Type()
	leadPending   = eventsv1.LeadPending{}.Type()
	leadSold      = eventsv1.LeadSold{}.Type()
	leadDuplicate = eventsv1.LeadDuplicate{}.Type()
	leadRejected  = eventsv1.LeadRejected{}.Type()
	leadUnsold    = eventsv1.LeadUnsold{}.Type()

	leadReturned   = eventsv1.LeadReturned{}.Type()
	returnApproved = eventsv1.ReturnApproved{}.Type()
)

// leadFact holds the members of a lead's events that the report reads: those that all share, those of lead.sold.v1 and those of
// return.approved.v1.
type leadFact struct {
	Origin         string          `json:"origin"`
	CampaignID     string          `json:"campaign_id"`
	Category       string          `json:"category"`
	PartnerID      string          `json:"partner_id"`
	SubmittedAt    eventsv1.Time   `json:"submitted_at"`
	PreviousStatus string          `json:"previous_status"`
	Payout         eventsv1.Amount `json:"payout"`
	Price          eventsv1.Amount `json:"price"`
	BuyerID        string          `json:"buyer_id"`
	Sales          []struct {
		BuyerID string          `json:"buyer_id"`
		Price   eventsv1.Amount `json:"price"`
		Payout  eventsv1.Amount `json:"payout"`
	} `json:"sales"`
}

const (
	// pending is the previous status of a lead that waited, unsold and returned are those of one that was offered again.
	pending  = string(lead.StatusPending)
	unsold   = string(lead.StatusUnsold)
	returned = string(lead.StatusReturned)
	// inReview is the previous status in the event of a seller's decision on a form lead. Such an event does not tell the
	// lead's market status.
	inReview = string(lead.ReviewStatusOpen)
	ofForm   = string(lead.OriginForm)
)

// inMarket reports whether an event is about what happens to a lead on the market.
func (f *leadFact) inMarket() bool {
	return f.Origin != ofForm || f.CampaignID != "" && f.PreviousStatus != inReview
}

// Apply implements projection.Projection. It adds up a batch in memory, so that the number of written rows depends on
// groups, not on events.
func (p *CampaignReport) Apply(ctx context.Context, tx projection.Tx, events []application.StoredEvent) error {
	b := reportBatch{
		leads: map[CampaignReportGroup]LeadsDelta{}, sales: map[SalesGroup]SalesDelta{}, returns: map[SalesGroup]ReturnsDelta{},
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
	if len(b.leads) == 0 && len(b.sales) == 0 && len(b.returns) == 0 {
		return nil
	}
	return p.store.Add(ctx, tx, b.leads, b.sales, b.returns)
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

// sellerZones is the time zones of one seller, oldest first, with strictly growing Since. Only the newest one changes.
type sellerZones struct {
	list    []SellerZone
	places  []*time.Location
	changed int // index of the first zone that must be written
}

// add adds a zone that holds from a time on. It holds later if an older zone starts at or after that time or counted a lead
// there, because events may be in the log in another order than they happened.
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

// count returns the zone of a time of submission and records the time in Latest.
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

// zoneOf returns the location of a zone, or UTC when this machine does not know the zone: a report with shifted days is
// better than none.
func zoneOf(name string) *time.Location {
	zone, err := calendar.ParseZone(name)
	if err != nil {
		return time.UTC
	}
	return zone
}

func counted(typ string) bool {
	switch typ {
	case leadSubmitted, leadPending, leadSold, leadDuplicate, leadRejected, leadUnsold, leadReturned, returnApproved:
		return true
	}
	return false
}

func ofSeller(typ string) bool {
	return typ == account.SellerCreatedType || typ == account.SellerUpdatedType
}

// reportBatch adds up a batch of events.
type reportBatch struct {
	leads   map[CampaignReportGroup]LeadsDelta
	sales   map[SalesGroup]SalesDelta
	returns map[SalesGroup]ReturnsDelta
	zones   map[string]*sellerZones

	lastDate [3]int
	lastDay  string
}

// changed returns the zones that must be written.
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
	if e.Type == returnApproved {
		return b.addReturn(group, &f)
	}
	d := b.leads[group]
	switch {
	case e.Type == leadSubmitted:
	case f.PreviousStatus == pending:
		d.Pending--
	case f.PreviousStatus == unsold:
		d.Unsold--
	case f.PreviousStatus == returned:
		b.addReturned(group, -1)
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
	case leadReturned:
		d.Sold--
		b.addReturned(group, 1)
	}
	b.leads[group] = d
	return nil
}

// addReturned counts leads that are returned.
func (b *reportBatch) addReturned(g CampaignReportGroup, leads int64) {
	group := SalesGroup{CampaignReportGroup: g}
	d := b.returns[group]
	d.Leads += leads
	b.returns[group] = d
}

// addReturn counts a sale that was given back.
func (b *reportBatch) addReturn(g CampaignReportGroup, f *leadFact) error {
	price, err := f.Price.Micros()
	if err != nil {
		return err
	}
	payout, err := f.Payout.Micros()
	if err != nil {
		return err
	}
	group := SalesGroup{g, f.BuyerID}
	d := b.returns[group]
	d.Sales++
	if d.Revenue, err = d.Revenue.Add(money.Micros(price)); err != nil {
		return err
	}
	if d.Payout, err = d.Payout.Add(money.Micros(payout)); err != nil {
		return err
	}
	b.returns[group] = d
	return nil
}

// addSales gives each of several sales the payout that the event tells of it, and a single one that of the lead.
func (b *reportBatch) addSales(g CampaignReportGroup, f leadFact) error {
	if len(f.Sales) == 0 {
		return errors.New("no sales")
	}
	payout, err := f.Payout.Micros()
	if err != nil {
		return err
	}
	for _, s := range f.Sales {
		price, err := s.Price.Micros()
		if err != nil {
			return err
		}
		if price < 0 {
			return errors.New("negative price")
		}
		share := payout
		if len(f.Sales) > 1 {
			if share, err = s.Payout.Micros(); err != nil {
				return err
			}
		}
		group := SalesGroup{g, s.BuyerID}
		d := b.sales[group]
		d.Sales++
		if d.Revenue, err = d.Revenue.Add(money.Micros(price)); err != nil {
			return err
		}
		if d.Payout, err = d.Payout.Add(money.Micros(share)); err != nil {
			return err
		}
		b.sales[group] = d
	}
	return nil
}

// day returns the local date of a time. It keeps the last text, because most events of a batch are of the same day.
func (b *reportBatch) day(t time.Time, sellerID string) string {
	local := t.In(b.zones[sellerID].count(t.UnixMicro()))
	year, month, day := local.Date()
	if date := [3]int{year, int(month), day}; date != b.lastDate {
		b.lastDate, b.lastDay = date, local.Format(time.DateOnly)
	}
	return b.lastDay
}
