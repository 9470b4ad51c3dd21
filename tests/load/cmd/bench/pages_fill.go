package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/tests/load"
)

// What a seller has whose pages are opened, beside leads.
const (
	pagesLeads      = 1_000_000
	pagesQuick      = 20_000
	pagesDays       = 30 // over which the leads are spread
	pagesPartners   = 10_000
	pagesCustomers  = 100_000
	pagesReturns    = 200
	pagesWebhooks   = 10
	pagesSuppliers  = 20     // of the partners, who send the leads
	pagesWaiting    = 5_000  // leads
	pagesOneWaiting = 200    // of so many leads waits, when there are few
	pagesPosted     = 40_000 // leads by the API, today; the others are written beside it
)

// pagesStates are where the leads are from; the last is rare.
var pagesStates = []string{"TX", "CA", "FL", "NY", "IL", "AZ", "NV", "WY"}

const rareEach = 10_000

// firstPhone is that of the first lead that is written; the others follow.
const firstPhone = 2_145_000_000

// shop is a seller whose pages are opened.
type shop struct {
	*site

	api                                   *load.API // with a key of the seller
	sellerID, code                        string
	campaign, supplierKey, supplierKeyID  string
	buyers, contracts, partners, webhooks []string
	returned                              string            // a return
	templates                             map[string]string // a lead of each kind
	newest, oldest                        string            // of the leads that were written
}

// call sends a request and reads the member data of the answer.
func call(ctx context.Context, at *load.API, method, path string, body map[string]any, data any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return at.Call(ctx, method, path, text, &struct{ Data any }{data})
}

type made struct{ ID, Key string }

// stock fills a new database: with what the API makes, of which leads of each kind are the pattern for all others, which are written by
// themselves over the last days.
func (s *shop) stock(ctx context.Context, c settings) (err error) {
	p, err := start(ctx, s.binary, s.databaseURL, s.batch, s.settings...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	if err := s.open(ctx, p); err != nil {
		return errors.Join(err, p.logs())
	}
	s.api = s.session.Reader(0)
	for _, step := range []struct {
		name string
		do   func(context.Context, settings) error
	}{{"who is there", s.whoIsThere}, {"post leads", s.sellSome}, {"make leads of each kind", s.kinds}, {"make partners", s.addPartners}, {"make returns, form leads and webhooks", s.addRest}, {"make a partner with links", s.addLinks}} {
		if err := step.do(ctx, c); err != nil {
			return errors.Join(fmt.Errorf("%s: %w", step.name, err), p.logs())
		}
	}
	if err := p.stop(); err != nil {
		return err
	}
	return s.write(ctx, c)
}

// whoIsThere finds what the session made.
func (s *shop) whoIsThere(ctx context.Context, _ settings) (err error) {
	db, err := dialect.Open(s.databaseURL, dialect.Options{MaxConnections: 1})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.Reader.QueryRowxContext(ctx, "SELECT s.id, s.code, c.id FROM sellers s JOIN campaigns c ON c.seller_id = s.id").Scan(&s.sellerID, &s.code, &s.campaign); err != nil {
		return err
	}
	if err := db.Reader.SelectContext(ctx, &s.contracts, "SELECT id FROM contracts WHERE seller_id = ? ORDER BY id", s.sellerID); err != nil {
		return err
	}
	return db.Reader.SelectContext(ctx, &s.buyers, "SELECT buyer_id FROM contracts WHERE seller_id = ? ORDER BY id", s.sellerID)
}

// sellSome sells leads of today by the API.
func (s *shop) sellSome(ctx context.Context, c settings) error {
	o := load.Options{Connections: 16, Leads: max(min(pagesPosted, c.pagesLeads/10), 16)}
	r, err := s.session.Run(ctx, o)
	if err != nil {
		return err
	}
	if err := r.Err(); err != nil {
		return err
	}
	_, err = r.Settle(ctx, settlePatience)
	return err
}

// kinds makes a lead of each kind: sold, and waiting for money or a cap, a duplicate, and a rejected one.
func (s *shop) kinds(ctx context.Context, _ settings) error {
	const partner = "load-supplier"
	var key made
	if err := call(ctx, s.api, http.MethodPost, "/v1/api-keys", map[string]any{"scope": "supplier", "partner": map[string]any{"id": partner}, "name": "pages", "rate_limit": nil}, &key); err != nil {
		return err
	}
	s.supplierKey, s.supplierKeyID = key.Key, key.ID
	for _, of := range []struct {
		category string
		deposit  int
		cap      int
	}{{"Solar", 0, 1000}, {"Roofing", 1000, 1}} {
		var campaign, buyer made
		if err := errors.Join(
			call(ctx, s.api, http.MethodPost, "/v1/campaigns", map[string]any{"name": of.category, "category": of.category, "dedupe": map[string]any{"fields": []string{"phone"}, "match": "any", "window_days": 30}, "pending_ttl_hours": 8000}, &campaign),
			call(ctx, s.api, http.MethodPost, "/v1/buyers", map[string]any{"name": "Buyer of " + of.category}, &buyer),
		); err != nil {
			return err
		}
		if of.deposit > 0 {
			if err := call(ctx, s.api, http.MethodPost, "/v1/buyers/"+buyer.ID+"/deposits", map[string]any{"amount": of.deposit}, nil); err != nil {
				return err
			}
		}
		if err := call(ctx, s.api, http.MethodPost, "/v1/campaigns/"+campaign.ID+"/contracts", map[string]any{"buyer_id": buyer.ID, "price": 45, "priority": 1, "caps": []map[string]any{{"window": "day", "leads": of.cap}}}, nil); err != nil {
			return err
		}
	}
	if err := call(ctx, s.api, http.MethodPost, "/v1/suppressions", map[string]any{"kind": "phone", "value": "9725550104"}, nil); err != nil {
		return err
	}
	s.templates = map[string]string{}
	for _, l := range []struct{ kind, status, category, phone string }{
		{"money", "pending", "Solar", "9725550101"},
		{"", "sold", "Roofing", "9725550102"},
		{"cap", "pending", "Roofing", "9725550103"},
		{"rejected", "rejected", "Auto Insurance", "9725550104"},
		{"sold", "sold", "Auto Insurance", "9725550105"},
		{"duplicate", "duplicate", "Auto Insurance", "9725550105"},
	} {
		var answer struct {
			LeadID string `json:"lead_id"`
			Status string
		}
		body := fmt.Sprintf(`{"seller":%q,"category":%q,"firstName":"John","lastName":"Doe","phone":%q,"email":"john.%s@example.com","state":"TX","zip":"75001","external_id":%q}`, s.code, l.category, l.phone, l.phone, "bench-"+l.kind+l.category)
		supplier := &load.API{Base: s.api.Base, Key: s.supplierKey}
		if err := supplier.Call(ctx, http.MethodPost, "/api/leads", []byte(body), &answer); err != nil {
			return err
		}
		if answer.Status != l.status {
			return fmt.Errorf("a lead that should be %s is %s", l.status, answer.Status)
		}
		s.templates[l.kind] = answer.LeadID
	}
	return nil
}

// addPartners makes partners by the API.
func (s *shop) addPartners(ctx context.Context, c settings) error {
	n := int(min(pagesPartners, max(c.pagesLeads/100, pagesSuppliers)))
	s.partners = make([]string, n)
	var working sync.WaitGroup
	failures := make([]error, 16)
	for w := range failures {
		working.Go(func() {
			for i := w; i < n && failures[w] == nil; i += len(failures) {
				s.partners[i] = fmt.Sprintf("p%05d", i)
				failures[w] = call(ctx, s.api, http.MethodPost, "/v1/partners", map[string]any{
					"id": s.partners[i], "email": s.partners[i] + "@partners.example", "name": []string{"Ana", "Marcus", "Priya", "Lena"}[i%4], "surname": fmt.Sprintf("Partner %d", i),
				}, nil)
			}
		})
	}
	working.Wait()
	return errors.Join(failures...)
}

// addRest makes what there is less of.
func (s *shop) addRest(ctx context.Context, c settings) (err error) {
	var sales []struct{ ID string }
	if err := s.api.Call(ctx, http.MethodGet, fmt.Sprintf("/v1/sales?limit=%d", pagesReturns), nil, &struct{ Data any }{&sales}); err != nil {
		return err
	}
	for i, sale := range sales {
		var back made
		if err := call(ctx, s.api, http.MethodPost, "/v1/sales/"+sale.ID+"/returns", map[string]any{"reason": "invalid_contact"}, &back); err != nil {
			return err
		}
		s.returned = back.ID
		if i%2 == 0 {
			if err := call(ctx, s.api, http.MethodPost, "/v1/returns/"+back.ID+"/approve", map[string]any{}, nil); err != nil {
				return err
			}
		}
	}
	if err := s.postFormLeads(ctx, c); err != nil {
		return err
	}
	for i := range pagesWebhooks {
		var hook made
		if err := call(ctx, s.api, http.MethodPost, "/v1/webhooks", map[string]any{"name": fmt.Sprintf("CRM %d", i), "url": fmt.Sprintf("http://127.0.0.1:9/%d", i), "events": []string{"partner.created.v1"}}, &hook); err != nil {
			return err
		}
		s.webhooks = append(s.webhooks, hook.ID)
	}
	return fillCustomers(ctx, s.databaseURL, s.sellerID, int(min(pagesCustomers, c.pagesLeads)))
}

// The rows that are written beside the API, with the columns that others have from it.

type leadLine struct {
	SellerID     string `db:"seller_id"`
	ID           string `db:"id"`
	SellerCode   string `db:"seller_code"`
	Origin       string `db:"origin"`
	KeyID        string `db:"key_id"`
	PartnerID    string `db:"partner_id"`
	CampaignID   string `db:"campaign_id"`
	Category     string `db:"category"`
	Fields       []byte `db:"fields"`
	Dimensions   []byte `db:"dimensions"`
	ExternalID   string `db:"external_id"`
	Test         int64  `db:"test"`
	Status       string `db:"status"`
	Code         string `db:"code"`
	Reason       string `db:"reason"`
	Payout       int64  `db:"payout"`
	Shown        int64  `db:"shown"`
	ShownHidden  int64  `db:"shown_hidden"`
	Trace        []byte `db:"trace"`
	PendingUntil int64  `db:"pending_until"`
	Fingerprint  []byte `db:"request_fingerprint"`
	AnswerStatus int64  `db:"answer_status"`
	AnswerBody   []byte `db:"answer_body"`
	CreatedAt    int64  `db:"created_at"`
	UpdatedAt    int64  `db:"updated_at"`
	Version      int64  `db:"version"`
}

type saleLine struct {
	SellerID   string `db:"seller_id"`
	LeadID     string `db:"lead_id"`
	Slot       int64  `db:"slot"`
	ID         string `db:"id"`
	CampaignID string `db:"campaign_id"`
	ContractID string `db:"contract_id"`
	BuyerID    string `db:"buyer_id"`
	Price      int64  `db:"price"`
	Currency   string `db:"currency"`
	Status     string `db:"status"`
	SoldAt     int64  `db:"sold_at"`
	Payout     int64  `db:"payout"`
}

type unsoldLine struct {
	SellerID   string `db:"seller_id"`
	LeadID     string `db:"lead_id"`
	CampaignID string `db:"campaign_id"`
	Status     string `db:"status"`
	Test       int64  `db:"test"`
	Reason     string `db:"reason"`
	ContractID string `db:"contract_id"`
}

type entryLine struct {
	SellerID     string `db:"seller_id"`
	BuyerID      string `db:"buyer_id"`
	ID           string `db:"id"`
	Type         string `db:"type"`
	Amount       int64  `db:"amount"`
	BalanceAfter int64  `db:"balance_after"`
	SaleID       string `db:"sale_id"`
	Note         string `db:"note"`
	CreatedAt    int64  `db:"created_at"`
}

// reported is a group of the campaign report, and counted what is added to it.
type reported struct{ day, campaign, category, partner, buyer string }

type counted struct{ submitted, pending, sold, duplicate, rejected, revenue, payout int64 }

// writer writes lines in large statements and transactions.
type writer struct {
	db     *dialect.DB
	tables map[string]*bytes.Buffer
	rows   map[string]int
}

const linesAtOnce = 200

func (w *writer) add(ctx context.Context, table string, line any) error {
	b := w.tables[table]
	if b == nil {
		b = &bytes.Buffer{}
		w.tables[table] = b
	}
	if b.Len() == 0 {
		b.WriteString("INSERT INTO " + table + " (" + strings.Join(columnsOf(line), ", ") + ") VALUES ")
	} else {
		b.WriteByte(',')
	}
	literals(b, line)
	if w.rows[table]++; w.rows[table] < linesAtOnce {
		return nil
	}
	return w.flush(ctx, table)
}

func (w *writer) flush(ctx context.Context, table string) error {
	b := w.tables[table]
	if b == nil || b.Len() == 0 {
		return nil
	}
	_, err := w.db.Writer.ExecContext(ctx, b.String())
	b.Reset()
	w.rows[table] = 0
	return err
}

func columnsOf(line any) []string {
	t := reflect.TypeOf(line)
	names := make([]string, t.NumField())
	for i := range names {
		names[i] = t.Field(i).Tag.Get("db")
	}
	return names
}

// literals writes a line as the values of a statement.
func literals(b *bytes.Buffer, line any) {
	v := reflect.ValueOf(line)
	for i := range v.NumField() {
		b.WriteByte("(,"[min(i, 1)])
		switch value := v.Field(i).Interface().(type) {
		case int64:
			b.WriteString(strconv.FormatInt(value, 10))
		case []byte:
			b.WriteString("X'" + hex.EncodeToString(value) + "'")
		case string:
			b.WriteString("'" + quoted(value) + "'")
		}
	}
	b.WriteByte(')')
}

// idAt is an id that was made at a time, the n-th.
func idAt(prefix string, at time.Time, n int64) string {
	var id ulid.ULID
	_ = id.SetTime(ulid.Timestamp(at)) // it is no such far day
	binary.BigEndian.PutUint64(id[8:], uint64(n))
	return prefix + "_" + id.String()
}

// write writes the leads that are not posted, over the last days up to now.
func (s *shop) write(ctx context.Context, c settings) (err error) {
	db, err := dialect.Open(s.databaseURL, dialect.Options{MaxConnections: 1})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if db.Name() == (dialect.SQLite{}).Name() {
		if _, err := db.Writer.ExecContext(ctx, "PRAGMA synchronous = OFF"); err != nil {
			return err
		}
	}
	of := map[string]leadLine{}
	for kind, id := range s.templates {
		var l leadLine
		if err := db.Reader.GetContext(ctx, &l, "SELECT "+strings.Join(columnsOf(l), ", ")+" FROM leads WHERE seller_id = ? AND id = ?", s.sellerID, id); err != nil {
			return err
		}
		of[kind] = l
	}
	var zone string
	if err := db.Reader.GetContext(ctx, &zone, "SELECT time_zone FROM sellers WHERE id = ?", s.sellerID); err != nil {
		return err
	}
	local, err := time.LoadLocation(zone)
	if err != nil {
		return err
	}
	w := &writer{db, map[string]*bytes.Buffer{}, map[string]int{}}
	sums := map[reported]*counted{}
	n := c.pagesLeads - min(pagesPosted, c.pagesLeads/10)
	to := time.Now().Add(-time.Minute)
	from := to.AddDate(0, 0, -pagesDays)
	waiting := max(n/min(pagesWaiting, max(n/pagesOneWaiting, 1)), 1) // each so many-th
	for i := range n {
		at := from.Add(time.Duration(float64(to.Sub(from)) * float64(i) / float64(n)))
		if err := s.writeLead(ctx, w, of, sums, i, waiting, at, local); err != nil {
			return err
		}
	}
	if err := s.writeProgram(ctx, w, c); err != nil {
		return err
	}
	for table := range w.tables {
		if err := w.flush(ctx, table); err != nil {
			return err
		}
	}
	return s.writeSums(ctx, db, sums)
}

// kindOf says what becomes of the n-th lead.
func kindOf(n, waiting int64) string {
	switch {
	case n%waiting == 0:
		return []string{"money", "cap"}[n/waiting%2]
	case n%100 < 82:
		return "sold"
	case n%100 < 91:
		return "duplicate"
	default:
		return "rejected"
	}
}

// contractOf says which of several contracts buys the n-th lead: every second is bought by the first.
func contractOf(n, contracts int64) int64 {
	others := contracts - 1
	return max(n/3%(2*others)-others+1, 0)
}

func (s *shop) writeLead(ctx context.Context, w *writer, of map[string]leadLine, sums map[reported]*counted, n, waiting int64, at time.Time, local *time.Location) error {
	kind := kindOf(n, waiting)
	l := of[kind]
	state := pagesStates[n%int64(len(pagesStates)-1)]
	if n%rareEach == rareEach/2 {
		state = pagesStates[len(pagesStates)-1]
	}
	l.ID, l.PartnerID, l.ExternalID = idAt("lead", at, n), s.partners[n%pagesSuppliers], ""
	l.CreatedAt, l.UpdatedAt = at.UnixMicro(), at.UnixMicro()
	own := fmt.Appendf(nil, "%010d", firstPhone+n)
	for _, template := range []string{"9725550101", "9725550103", "9725550104", "9725550105"} {
		l.Fields = bytes.ReplaceAll(l.Fields, []byte(template), own)
	}
	l.Fields = bytes.ReplaceAll(l.Fields, []byte(`"TX"`), []byte(`"`+state+`"`))
	l.Dimensions = bytes.ReplaceAll(l.Dimensions, []byte(`"TX"`), []byte(`"`+state+`"`))
	if s.oldest == "" {
		s.oldest = l.ID
	}
	s.newest = l.ID
	if err := w.add(ctx, "leads", l); err != nil {
		return err
	}
	group := reported{day: at.In(local).Format(time.DateOnly), campaign: l.CampaignID, category: l.Category, partner: l.PartnerID}
	sum := func(g reported) *counted {
		if sums[g] == nil {
			sums[g] = &counted{}
		}
		return sums[g]
	}
	leads := sum(group)
	leads.submitted++
	if kind != "sold" {
		*map[string]*int64{"money": &leads.pending, "cap": &leads.pending, "duplicate": &leads.duplicate, "rejected": &leads.rejected}[kind]++
		return w.add(ctx, "unsold_leads", unsoldLine{SellerID: s.sellerID, LeadID: l.ID, CampaignID: l.CampaignID, Status: l.Status, Reason: l.Code})
	}
	leads.sold++
	i := contractOf(n, int64(len(s.contracts)))
	group.buyer = s.buyers[i]
	sales := sum(group)
	const price, payout = 45_000_000, 31_500_000
	sales.sold++
	sales.revenue += price
	sales.payout += payout
	sale := saleLine{s.sellerID, l.ID, 1, idAt("sale", at, n), l.CampaignID, s.contracts[i], s.buyers[i], price, "USD", "sold", at.UnixMicro(), payout}
	if err := w.add(ctx, "sales", sale); err != nil {
		return err
	}
	return w.add(ctx, "ledger_entries", entryLine{s.sellerID, s.buyers[i], idAt("entry", at, n), "sale", -price, 1e15, sale.ID, "", at.UnixMicro()})
}

// writeSums writes what the leads are in the campaign report. Their partners are not those of the leads that were posted.
func (s *shop) writeSums(ctx context.Context, db *dialect.DB, sums map[reported]*counted) error {
	for g, n := range sums {
		var err error
		if g.buyer == "" {
			_, err = db.Writer.ExecContext(ctx, "INSERT INTO report_leads (seller_id, day, campaign_id, category, partner_id, submitted, pending, sold, duplicate, rejected, unsold) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
				s.sellerID, g.day, g.campaign, g.category, g.partner, n.submitted, n.pending, n.sold, n.duplicate, n.rejected)
		} else {
			_, err = db.Writer.ExecContext(ctx, "INSERT INTO report_sales (seller_id, day, campaign_id, category, partner_id, buyer_id, sales, revenue, payout) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
				s.sellerID, g.day, g.campaign, g.category, g.partner, g.buyer, n.sold, n.revenue, n.payout)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
