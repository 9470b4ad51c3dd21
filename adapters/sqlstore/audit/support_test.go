package audit_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/adapters/eventlog"
	"github.com/leadmill/leadmill/adapters/eventlog/segment"
	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/adapters/sqlstore/audit"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	marketstore "github.com/leadmill/leadmill/adapters/sqlstore/market"
	programstore "github.com/leadmill/leadmill/adapters/sqlstore/program"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/application/feed"
	"github.com/leadmill/leadmill/application/market"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	marketprojection "github.com/leadmill/leadmill/application/market/projection"
	"github.com/leadmill/leadmill/application/program"
	programprojection "github.com/leadmill/leadmill/application/program/projection"
	"github.com/leadmill/leadmill/application/projection"
	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/customer"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/partner"
	"github.com/leadmill/leadmill/domain/seller"
	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/dbtest/migrated"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var usd = money.MustCurrency("USD")

// shop is an installation without its servers.
type shop struct {
	t          *testing.T
	db         *dialect.DB
	clock      application.Clock
	ids        *ids
	store      *sqlstore.Store
	committed  *eventlog.Signal
	head       *eventlog.Head
	sequencer  *eventlog.Sequencer
	runner     *eventlog.Runner
	strategies distribution.Strategies
	submit     *marketcommand.SubmitLeadHandler

	saved map[string][][]any // the rows of all tables, see save
	order []string
}

// ids are made as if it were a time.
type ids struct {
	n  atomic.Int64
	at time.Time
}

// New implements application.IDs.
func (i *ids) New(prefix string) string {
	var id ulid.ULID
	_ = id.SetTime(ulid.Timestamp(i.at))
	binary.BigEndian.PutUint64(id[8:], uint64(i.n.Add(1)))
	return prefix + "_" + id.String()
}

func newShop(t *testing.T, e dbtest.Engine) *shop { return newShopOf(t, e, 0) }

// newShopOf makes a shop whose ids are as if it had been made a time ago.
func newShopOf(t *testing.T, e dbtest.Engine, ago time.Duration) *shop {
	t.Helper()
	db, err := dialect.Open(migrated.URL(t, e), dialect.Options{MaxConnections: 32})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	s := &shop{t: t, db: db, clock: clock.NewSystem(), ids: &ids{at: time.Now().Add(-ago)}, committed: eventlog.NewSignal()}
	s.store = sqlstore.New(db, eventlog.NewWriter(db), s.committed, s.ids, application.Translations{market.Publish, program.Publish, account.Publish, feed.Publish}.Translate)
	s.head = eventlog.NewHead(db, s.committed, eventlog.HeadConfig{})
	s.sequencer = eventlog.NewSequencer(db, s.committed, s.head, eventlog.SequencerConfig{})
	s.runner, err = eventlog.NewRunner(db, eventlog.NewReader(db, s.head), s.clock,
		[]projection.Projection{
			marketprojection.NewCampaignReport(marketstore.NewCampaignReport(db)),
			programprojection.NewPartnerActivity(programstore.NewPartnerActivity(db)),
			programprojection.NewLinkDays(programstore.NewLinkDays(db)),
		}, eventlog.RunnerConfig{})
	require.NoError(t, err)
	s.strategies, err = distribution.NewStrategies(nil)
	require.NoError(t, err)
	reader := marketstore.NewReader(db, s.clock)
	directory := marketcommand.NewDirectory(reader, marketcommand.NewPlans(nil))
	work := sqlstore.Work(s.store, func(tx *sqlstore.Tx) market.Tx { return tx })
	batcher := bus.NewBatcher(bus.BatcherConfig{MaxBatch: 50, Lanes: 2, Queue: 1000, Timeout: time.Minute},
		&marketcommand.SubmitLeadsHandler{Work: work, Clock: s.clock, IDs: s.ids, Directory: directory, Strategies: s.strategies},
		(*marketcommand.Submission).Lane)
	t.Cleanup(batcher.Close)
	s.submit = &marketcommand.SubmitLeadHandler{
		Deps:    market.Deps{Work: work, Clock: s.clock, IDs: s.ids, InFlight: application.NewInFlight()},
		Replays: reader, Directory: directory, Batch: batcher,
	}
	return s
}

func (s *shop) do(fn func(ctx context.Context, tx *sqlstore.Tx) error) {
	s.t.Helper()
	require.NoError(s.t, s.store.Do(s.t.Context(), fn))
}

// found makes seller_<n> with partner_<n> and its key_<n>.
func (s *shop) found(n int) application.Actor {
	s.t.Helper()
	id, partnerID, keyID := fmt.Sprintf("seller_%d", n), fmt.Sprintf("partner_%d", n), fmt.Sprintf("key_%d", n)
	code := fmt.Sprintf("ACME%04d", n)
	now := s.clock.Now()
	sold, err := seller.New(id, code, usd, seller.Details{Name: &code}, now)
	require.NoError(s.t, err)
	p, err := partner.Register(id, partner.Registration{ID: partnerID, Key: "ref", Email: "partner@example.com"}, now)
	require.NoError(s.t, err)
	key, err := seller.NewKey(keyID, id, "token of "+keyID, seller.KeyRequest{Scope: seller.Supplier, PartnerID: partnerID}, now)
	require.NoError(s.t, err)
	s.do(func(ctx context.Context, tx *sqlstore.Tx) error {
		if err := tx.Sellers().Add(ctx, sold); err != nil {
			return err
		}
		if err := tx.Partners().Add(ctx, p); err != nil {
			return err
		}
		return tx.Keys().Add(ctx, key)
	})
	return application.Actor{Scope: seller.Supplier, KeyID: keyID, SellerID: id, SellerCode: code, Currency: usd, PartnerID: partnerID}
}

// buyer makes a buyer with a credit limit and, when it is not zero, a deposit.
func (s *shop) buyer(sellerID, id string, credit, deposit money.Micros) {
	s.t.Helper()
	b, err := buyer.New(id, sellerID, buyer.Details{Name: &id, CreditLimit: &credit}, s.clock.Now())
	require.NoError(s.t, err)
	if deposit > 0 {
		_, err = b.Deposit(s.ids.New("entry"), deposit, "", s.clock.Now())
		require.NoError(s.t, err)
	}
	s.do(func(ctx context.Context, tx *sqlstore.Tx) error { return tx.Buyers().Add(ctx, b) })
}

// campaign makes campaign_<category> with contract_<category> of a buyer; without a contract when the buyer is empty.
func (s *shop) campaign(sellerID, category, buyerID string, price money.Micros, caps ...campaign.Cap) {
	s.t.Helper()
	name := strings.ToLower(category)
	c, err := campaign.New("campaign_"+name, sellerID, campaign.StatusActive, campaign.Definition{
		Name: &category, Category: &category,
		Dedupe: &campaign.Dedupe{Fields: []string{"phone"}, Match: "any", WindowDays: 30},
	}, s.strategies, s.clock.Now())
	require.NoError(s.t, err)
	if buyerID != "" {
		require.NoError(s.t, c.AddContract("contract_"+name, buyerID, campaign.StatusActive, campaign.Terms{Price: &price, Caps: &caps},
			campaign.Zones{Seller: "UTC"}, s.clock.Now()))
	}
	s.do(func(ctx context.Context, tx *sqlstore.Tx) error { return tx.Campaigns().Add(ctx, c) })
}

// send submits a lead and returns its id and status.
func (s *shop) send(ctx context.Context, a application.Actor, category, phone string, test bool) (id, status string, err error) {
	_, err = s.submit.Handle(ctx, marketcommand.SubmitLead{
		Actor: a, Seller: a.SellerCode, Category: category,
		Fields: field.Set{
			"phone": field.TextValue(phone), "firstName": field.TextValue("Ada"), "lastName": field.TextValue("Byron"),
			"state": field.TextValue("IL"),
		}, ExternalID: fmt.Sprint(phone, test, s.ids.New("external")), Test: test,
		Fingerprint: sha256.Sum256([]byte(phone)),
		Render: func(r marketcommand.SubmitLeadResult) application.Response {
			id, status = r.LeadID, r.Status
			return application.Response{Status: 200, Body: []byte("{}")}
		},
	})
	if err != nil { // who gives up is not waited for: the lead may be decided still
		return "", "", err
	}
	return id, status, nil
}

// partner makes a partner that another one referred.
func (s *shop) partner(sellerID, id, referring string) *partner.Partner {
	s.t.Helper()
	p, err := partner.Register(sellerID, partner.Registration{
		ID: id, Key: "ref_" + id, Email: id + "@example.com", Name: "Ada", Surname: "Byron",
		Tags: []string{"vip"}, CustomFields: []partner.CustomField{{Name: "city", Value: "Bonn"}}, Approved: true, ReferringPartnerID: referring,
		PasswordHash: "hash",
	}, s.clock.Now())
	require.NoError(s.t, err)
	s.do(func(ctx context.Context, tx *sqlstore.Tx) error { return tx.Partners().Add(ctx, p) })
	return p
}

// customer makes a customer of a partner and gives it to others one after the other.
func (s *shop) customer(sellerID, id, partnerID string, then ...string) *customer.Customer {
	s.t.Helper()
	c, err := customer.Register(customer.Registration{
		SellerID: sellerID, ID: id, Key: "key_" + id, Email: id + "@example.com", Name: "Ada",
		Surname: "Byron", Tags: []string{"vip"},
	}, customer.Attribution{PartnerID: partnerID, Policy: "explicit", At: s.clock.Now()}, s.clock.Now())
	require.NoError(s.t, err)
	for _, next := range then {
		require.True(s.t, c.AttributeTo(customer.Attribution{PartnerID: next, Policy: "operator", At: s.clock.Now()}))
	}
	s.do(func(ctx context.Context, tx *sqlstore.Tx) error { return tx.Customers().Add(ctx, c) })
	return c
}

// formLead submits a lead through the form of a seller.
func (s *shop) formLead(sellerID, partnerID string) *lead.Lead {
	s.t.Helper()
	var l *lead.Lead
	s.do(func(ctx context.Context, tx *sqlstore.Tx) error {
		number, err := tx.Numbers().Next(ctx, sellerID, program.FormLeads)
		if err != nil {
			return err
		}
		if l, err = lead.SubmitForm(lead.FormSubmission{
			ID: s.ids.New("lead"), SellerID: sellerID, SellerCode: "ACME0001", PartnerID: partnerID,
			Number: number, Name: "Ada Byron", Email: "ada@example.com", Answers: []lead.Answer{{ID: 1, Question: "City", Answer: "Bonn"}},
			At: s.clock.Now(),
		}); err != nil {
			return err
		}
		return tx.FormLeads().Add(ctx, l)
	})
	return l
}

// review changes a stored form lead.
func (s *shop) review(sellerID string, number int64, change func(l *lead.Lead) error) {
	s.t.Helper()
	s.do(func(ctx context.Context, tx *sqlstore.Tx) error {
		l, err := tx.FormLeads().LockByNumber(ctx, sellerID, number)
		if err != nil {
			return err
		}
		if err := change(l); err != nil {
			return err
		}
		return tx.FormLeads().Save(ctx, l)
	})
}

// catchUp numbers all events and applies them.
func (s *shop) catchUp() {
	s.t.Helper()
	require.NoError(s.t, s.sequencer.Drain(s.t.Context()))
	require.NoError(s.t, s.runner.CatchUp(s.t.Context()))
}

// background runs the log until stop is called.
func (s *shop) background() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	for _, run := range []func(context.Context) error{s.head.Run, s.sequencer.Run, s.runner.Run} {
		group.Go(func() {
			if err := run(ctx); err != nil {
				s.t.Error(err)
			}
		})
	}
	return func() {
		cancel()
		group.Wait()
	}
}

func (s *shop) audit(divisor int) audit.Report {
	s.t.Helper()
	return s.auditWith(audit.Options{}.InSmallChunks(int64(divisor)))
}

func (s *shop) auditWith(o audit.Options) audit.Report {
	s.t.Helper()
	o.Now = s.clock.Now()
	r, err := audit.Run(s.t.Context(), s.db, o, sqlstore.AuditRules()...)
	require.NoError(s.t, err)
	return r
}

// exec runs statements behind the back of the program.
func (s *shop) exec(statements ...string) {
	s.t.Helper()
	for _, statement := range statements {
		_, err := s.db.Writer.ExecContext(s.t.Context(), statement)
		require.NoError(s.t, err, statement)
	}
}

// text reads one value.
func (s *shop) text(query string) (v string) {
	s.t.Helper()
	require.NoError(s.t, s.db.Reader.GetContext(s.t.Context(), &v, query), query)
	return v
}

var tables = []string{
	"sellers", "api_keys", "partners", "partner_keys", "short_links", "buyers", "ledger_entries", "campaigns", "contracts",
	"contract_counters", "leads", "unsold_leads", "sales", "sale_returns", "claims", "recent_requests", "event_segments", "event_positions", "event_sequence", "event_archive",
	"event_versions", "event_consumers", "known_consumers", "event_parked", "event_skipped", "report_sellers", "report_leads", "report_sales", "report_returns",
	"customers", "customer_attributions", "lead_forms", "seller_numbers", "lead_reviews", "partner_activity", "program_days", "link_days", "seller_logos", "jobs", "partner_tokens", "outgoing_mails", "mailed_addresses", "buyer_mails", "answers", "installation",
	"lead_consents", "suppressions", "seller_jobs", "seller_job_pieces", "seller_job_results", "deliveries", "delivery_queue", "delivery_attempts", "reservations", "pings",
	"people", "memberships", "person_sessions", "person_links", "person_mails", "audit_trail", "audit_objects",
	"webhooks", "webhook_deliveries", "webhook_queue", "webhook_attempts", "webhook_replays",
}

// save keeps all rows in memory, so that restore can undo what a test does to them.
func (s *shop) save() {
	s.t.Helper()
	s.order = append([]string{"sqlite_sequence"}, tables...)
	if s.db.Name() != "sqlite" {
		s.order = append([]string{"event_pending"}, tables...)
	}
	s.saved = map[string][][]any{}
	for _, table := range s.order {
		rows, err := s.db.Reader.QueryxContext(s.t.Context(), "SELECT * FROM "+table)
		require.NoError(s.t, err)
		for rows.Next() {
			row, err := rows.SliceScan()
			require.NoError(s.t, err)
			for i, v := range row {
				if b, ok := v.([]byte); ok && b == nil { // SQLite's driver returns an empty value so; as it is, it would become NULL
					row[i] = []byte{}
				}
			}
			s.saved[table] = append(s.saved[table], row)
		}
		require.NoError(s.t, rows.Err())
		require.NoError(s.t, rows.Close())
	}
}

func (s *shop) restore() {
	s.t.Helper()
	tx, err := s.db.Writer.BeginTxx(s.t.Context(), nil)
	require.NoError(s.t, err)
	defer func() { _ = tx.Rollback() }()
	for _, table := range slices.Backward(s.order) { // sqlite_sequence last: inserts change it
		_, err := tx.Exec("DELETE FROM " + table)
		require.NoError(s.t, err)
		if rows := s.saved[table]; len(rows) > 0 {
			row := "(?" + strings.Repeat(",?", len(rows[0])-1) + ")"
			_, err := tx.Exec("INSERT INTO "+table+" VALUES "+row+strings.Repeat(","+row, len(rows)-1), slices.Concat(rows...)...)
			require.NoError(s.t, err, table)
		}
	}
	require.NoError(s.t, tx.Commit())
}

// one is an event with an id of its own.
func (s *shop) one(sellerID, kind, id string, version int, eventType, payload string) application.EventRecord {
	return application.EventRecord{
		ID: s.ids.New("evt"), SellerID: sellerID, AggregateType: kind, AggregateID: id, AggregateVersion: int64(version), Type: eventType,
		Payload: []byte(payload), OccurredAt: time.UnixMicro(1).UTC(),
	}
}

// segment stores events as a segment without positions and returns its id.
func (s *shop) segment(events ...application.EventRecord) (id int64) {
	s.t.Helper()
	r, err := s.db.Writer.ExecContext(s.t.Context(), "INSERT INTO event_segments (seller_id, tx, events, at, types, body) VALUES (?,?,?,?,?,?)",
		events[0].SellerID, s.ids.n.Add(1), len(events), events[0].OccurredAt.UnixMicro(), int64(segment.Types(events)), segment.Encode(events))
	require.NoError(s.t, err)
	id, err = r.LastInsertId()
	require.NoError(s.t, err)
	return id
}

// place gives a segment the position by behind the last event.
func (s *shop) place(id, by int64) (first int64) {
	s.t.Helper()
	first = s.last() + by
	s.exec(fmt.Sprintf("INSERT INTO event_positions (first_position, seller_id, segment_id, events, at, types) SELECT %d, seller_id, id, events, at, types "+
		"FROM event_segments WHERE id = %d", first, id))
	if by > 0 {
		s.exec("UPDATE event_sequence SET last_position = (SELECT MAX(first_position + events - 1) FROM event_positions)")
	}
	return first
}

// last is the position of the last event.
func (s *shop) last() int64 {
	s.t.Helper()
	return s.number("SELECT MAX(first_position + events - 1) FROM event_positions")
}

// publish appends an event with the position by behind the last one.
func (s *shop) publish(sellerID, kind, id string, version int, eventType, payload string, by int64) (eventID string) {
	s.t.Helper()
	e := s.one(sellerID, kind, id, version, eventType, payload)
	s.place(s.segment(e), by)
	return e.ID
}

// events returns the events of an aggregate, with their segments.
func (s *shop) events(aggregateID string) (events []stored) {
	s.t.Helper()
	for _, of := range s.segments() {
		for _, e := range of.events {
			if e.AggregateID == aggregateID {
				events = append(events, stored{e, of.id})
			}
		}
	}
	return events
}

type stored struct {
	application.StoredEvent

	segment int64
}

type storedSegment struct {
	id, first int64
	seller    string
	body      []byte
	events    []application.StoredEvent
}

// segments returns all segments with positions, in order.
func (s *shop) segments() (all []storedSegment) {
	s.t.Helper()
	rows, err := s.db.Reader.QueryContext(s.t.Context(), "SELECT p.first_position, g.id, g.seller_id, g.events, g.body FROM event_positions p "+
		"JOIN event_segments g ON g.id = p.segment_id ORDER BY p.first_position")
	require.NoError(s.t, err)
	defer func() { require.NoError(s.t, rows.Close()) }()
	for rows.Next() {
		var g storedSegment
		var n int
		require.NoError(s.t, rows.Scan(&g.first, &g.id, &g.seller, &n, &g.body))
		g.events, err = segment.Decode(nil, g.body, g.seller, g.first, n, ^uint64(0))
		require.NoError(s.t, err)
		all = append(all, g)
	}
	require.NoError(s.t, rows.Err())
	return all
}

// rewrite changes stored events.
func (s *shop) rewrite(change func(e *application.EventRecord)) {
	s.t.Helper()
	for _, g := range s.segments() {
		records := make([]application.EventRecord, len(g.events))
		for i, e := range g.events {
			records[i] = e.EventRecord
			change(&records[i])
		}
		_, err := s.db.Writer.ExecContext(s.t.Context(), "UPDATE event_segments SET body = ? WHERE id = ?", segment.Encode(records), g.id)
		require.NoError(s.t, err)
	}
}

// number reads one number.
func (s *shop) number(query string) (v int64) {
	s.t.Helper()
	require.NoError(s.t, s.db.Reader.GetContext(s.t.Context(), &v, query), query)
	return v
}

// sale inserts a sale of no price under contract_free, with its ledger entry; slot is an SQL literal.
func (s *shop) sale(lead, slot, campaignID, contract, buyerID string) (id string) {
	s.t.Helper()
	id = s.ids.New("sale")
	s.exec(fmt.Sprintf("INSERT INTO sales (id, seller_id, lead_id, slot, campaign_id, contract_id, buyer_id, price, currency, status, sold_at) "+
		"VALUES ('%s', 'seller_1', '%s', %s, '%s', '%s', '%s', 0, 'USD', 'captured', 1)", id, lead, slot, campaignID, contract, buyerID))
	return id
}

// entry inserts a ledger entry of buyer_free.
func (s *shop) entry(kind, sale string, amount int) (id string) {
	s.t.Helper()
	id = s.ids.New("entry")
	balance := s.number("SELECT COALESCE(SUM(amount), 0) FROM ledger_entries WHERE seller_id = 'seller_1' AND buyer_id = 'buyer_free'")
	s.exec(fmt.Sprintf("INSERT INTO ledger_entries (id, seller_id, buyer_id, type, amount, balance_after, sale_id, note, created_at) "+
		"VALUES ('%s', 'seller_1', 'buyer_free', '%s', %d, %d, '%s', '', 1)", id, kind, amount, balance+int64(amount), sale))
	return id
}

var dayCap = campaign.Cap{Window: calendar.Day, HasLeads: true, Leads: 100, HasBudget: true, Budget: 5_000_000_000}
