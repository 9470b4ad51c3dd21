package leadmilltest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	"github.com/leadmill/leadmill/application/program"
	"github.com/leadmill/leadmill/application/projection"
	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/seller"
	"github.com/leadmill/leadmill/tests/leadmilltest"
)

func TestMain(m *testing.M) { leadmilltest.Main(m, module) }

func TestExample(t *testing.T) {
	t.Parallel()
	testMarket(t)
}

// recorder is a test that goes on whatever fails, until it is told to end.
type recorder struct {
	testing.TB

	mu   sync.Mutex
	said []string
}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.said = append(r.said, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatal(args ...any) { panic(fmt.Sprint(args...)) }

func (r *recorder) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

func open(t *testing.T, databaseURL string) *dialect.DB {
	t.Helper()
	db, err := dialect.Open(databaseURL, dialect.Options{MaxConnections: 2})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, db.Close()) })
	return db
}

func TestDoctorFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	app := leadmilltest.Start(t)
	s := app.Seller(t)
	s.Sell(t, s.Form())
	app.Doctor(t)
	db := open(t, app.DatabaseURL)
	_, err := db.Writer.ExecContext(t.Context(), "UPDATE buyers SET balance = balance + 1 WHERE id = ?", s.BuyerIDs[0])
	require.NoError(t, err)
	_, err = db.Writer.ExecContext(t.Context(), "INSERT INTO event_parked (consumer, position, seller_id, aggregate_type, aggregate_id, attempts, error, parked_at) "+
		"VALUES ('x', 1, 's', 'lead', 'l', 1, 'e', 0)")
	require.NoError(t, err)
	r := &recorder{TB: t}
	app.Doctor(r)
	said := strings.Join(r.said, "\n")
	assert.Contains(t, said, s.BuyerIDs[0])
	assert.Contains(t, said, "1 events are parked")
}

// slowCounts is a projection that keeps everybody waiting, and counts.
type slowCounts struct {
	mu   sync.Mutex
	seen int
}

func (*slowCounts) Name() string                               { return "test-slow-counts" }
func (*slowCounts) Reset(context.Context, projection.Tx) error { return nil }
func (c *slowCounts) Apply(_ context.Context, _ projection.Tx, events []application.StoredEvent) error {
	pause := time.NewTimer(50 * time.Millisecond)
	<-pause.C
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen += len(events)
	return nil
}

func (c *slowCounts) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seen
}

func TestSettleWaitsForTheTeamsProjections(t *testing.T) {
	t.Parallel()
	counts := &slowCounts{}
	app := leadmilltest.Start(t, leadmill.NewModule("test", leadmill.AsProjection(func() *slowCounts { return counts })))
	app.Settle(t)
	s := app.Seller(t)
	for range 3 {
		s.Sell(t, s.Form())
		app.Settle(t)
		var events int
		require.NoError(t, open(t, app.DatabaseURL).Reader.GetContext(t.Context(), &events, "SELECT SUM(events) FROM event_segments"))
		assert.GreaterOrEqual(t, counts.count(), events)
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	app := leadmilltest.Start(t)
	assert.PanicsWithValue(t, "leadmilltest: events are those of sellers, and this App has made none: see App.Seller",
		func() { app.Events(&recorder{TB: t}) })
	first, second := app.Seller(t), app.Seller(t)
	var sold []string
	for _, s := range []*leadmilltest.Seller{first, second, first} {
		sold = append(sold, s.Sell(t, s.Form()).ID)
	}
	var subjects []string
	var last int64
	for _, e := range app.Events(t, "lead.sold.v1") {
		var data eventsv1.LeadSold
		e.Into(t, &data)
		assert.Equal(t, e.Subject, data.LeadID)
		assert.Greater(t, e.Position(), last)
		assert.NotZero(t, e.Time)
		last = e.Position()
		subjects = append(subjects, e.Subject)
	}
	assert.Equal(t, sold, subjects, "of all sellers, in the order of the log")
	assert.Len(t, first.Events(t, "lead.sold.v1"), 2)
	assert.Len(t, second.Events(t, "lead.submitted.v1", "lead.sold.v1"), 2)
	assert.Len(t, app.WaitFor(t, 3, "lead.sold.v1"), 3)
	assert.Greater(t, len(app.Events(t)), 6)
	assert.Panics(t, func() { app.Events(&recorder{TB: t}, "lead.slod.v1") }, "a misspelt type is no empty list")
}

func TestSeller(t *testing.T) {
	t.Parallel()
	app := leadmilltest.Start(t)
	s := app.SellerWith(t, leadmilltest.SellerOptions{Campaign: leadmilltest.Object{"name": "Mine", "dedupe": nil}})
	assert.Equal(t, "pending", s.Sell(t, s.Form()).Status, "it has no buyer")
	buyer, contract := s.AddBuyer(t, leadmilltest.Buyer{Contract: leadmilltest.Object{"price": 3.50}})
	assert.Equal(t, "pending", s.Sell(t, s.Form()).Status, "it has no money")
	s.Deposit(t, buyer, 100)
	form := s.Form()
	sold := s.Sell(t, form)
	assert.Equal(t, leadmilltest.Lead{Success: true, ID: sold.ID, Status: "sold", Price: 3.5, BuyerIDs: []string{buyer}}, sold)
	assert.Equal(t, "sold", s.Sell(t, form.With("city", "Austin")).Status, "there is no rule against duplicates")
	assert.Equal(t, "sold", s.Lead(t, sold.ID)["status"])
	assert.Equal(t, "Mine", s.Program.Must(t, "GET", "/v1/campaigns/"+s.CampaignID, nil).Data(t)["name"])
	assert.InDelta(t, 3.5, s.Program.Must(t, "GET", s.ContractPath(contract), nil).Data(t)["price"], 0)
	s.Partner(t, "p1", nil)
	assert.Equal(t, "p1", s.Customer(t, "c1", "p1", leadmilltest.Object{"name": "Kim"})["partner"])
}

func TestAnswersThatAreNotDocumented(t *testing.T) {
	t.Parallel()
	app := leadmilltest.Start(t)
	wrong := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"data":"none"}`)
	}))
	t.Cleanup(wrong.Close)
	r := &recorder{TB: t}
	c := app.Client(r, leadmilltest.AdminKey).At(&leadmilltest.App{URL: wrong.URL})
	require.Equal(t, 200, c.Do("GET", "/v1/buyers", nil).Status)
	assert.Contains(t, strings.Join(r.said, "\n"), "the body is not as documented")
	require.Equal(t, 200, c.Unchecked().Do("GET", "/v1/buyers", nil).Status)
	assert.Len(t, r.said, 1)
}

func TestClockDecidesWhatIsNow(t *testing.T) {
	t.Parallel()
	start := time.Date(2031, 2, 3, 4, 5, 6, 0, time.UTC)
	hands := leadmilltest.NewClock(start)
	app := leadmilltest.StartWith(t, leadmilltest.Options{Clock: hands})
	s := app.Seller(t)
	form := s.Form()
	s.Sell(t, form)
	assert.Equal(t, "duplicate", s.Sell(t, form.With("city", "Austin")).Status)
	hands.Advance(30*24*time.Hour - time.Microsecond)
	assert.Equal(t, "duplicate", s.Sell(t, form.With("city", "Boston")).Status)
	hands.Set(start.Add(30 * 24 * time.Hour))
	assert.Equal(t, "sold", s.Sell(t, form.With("city", "Chicago")).Status, "a claim lasts 30 days")
	events := app.Events(t, "lead.sold.v1")
	require.Len(t, events, 2)
	assert.Equal(t, []time.Time{start, hands.Now()}, []time.Time{events[0].Time.UTC(), events[1].Time.UTC()})
}

func TestOptions(t *testing.T) {
	t.Parallel()
	logs := &leadmilltest.Log{}
	const key = "another-admin-key-of-this-test-0123456789"
	app := leadmilltest.StartWith(t, leadmilltest.Options{Logs: logs, Settings: func(c *leadmill.Config) {
		c.AdminKey, c.PublicURL = key, "https://leads.example"
	}})
	assert.Equal(t, key, app.AdminKey)
	assert.Equal(t, "https://leads.example", app.URL)
	assert.Contains(t, logs.String(), "rules in force")
	assert.Equal(t, app.Logs.String(), logs.String())
}

func TestAnAppGoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	app := leadmilltest.Start(t)
	s := app.Seller(t)
	sold := s.Sell(t, s.Form())
	app.Stop(t)
	app.Stop(t)
	require.Error(t, s.Program.Do("GET", "/v1/buyers", nil).Err, "nobody listens")
	again := s.At(leadmilltest.StartWith(t, leadmilltest.Options{DatabaseURL: app.DatabaseURL}))
	assert.Equal(t, "sold", again.Lead(t, sold.ID)["status"])
	again.Sell(t, again.Form())
	assert.Len(t, again.App.Events(t, "lead.sold.v1"), 2)
}

func TestQuery(t *testing.T) {
	t.Parallel()
	leadmilltest.EachEngine(t, func(t *testing.T, databaseURL string) {
		files := fstest.MapFS{"0001_notes.sql": {Data: []byte("CREATE TABLE x_test_notes (id BIGINT NOT NULL PRIMARY KEY, note VARCHAR(20));\n" +
			"INSERT INTO x_test_notes (id, note) VALUES (1, 'é');\nINSERT INTO x_test_notes (id, note) VALUES (2, NULL);\n")}}
		app := leadmilltest.StartWith(t, leadmilltest.Options{DatabaseURL: databaseURL}, leadmill.NewModule("test", leadmill.AsMigrations(files, ".")))
		assert.Equal(t, [][]string{{"1", "é"}, {"2", ""}}, app.Query(t, "SELECT id, note FROM x_test_notes WHERE id < ? ORDER BY id", 3))
		assert.Equal(t, [][]string{{"2"}}, app.Query(t, "SELECT COUNT(*) FROM x_test_notes"))
		assert.Empty(t, app.Query(t, "SELECT id FROM x_test_notes WHERE note = ?", "none"))
		assert.Panics(t, func() { app.Query(&recorder{TB: t}, "SELECT id FROM x_test_nothing") })
	})
}

func TestProcesses(t *testing.T) {
	t.Parallel()
	p := leadmilltest.StartProcess(t, leadmilltest.ProcessOptions{})
	s := p.Seller(t)
	assert.Equal(t, "rejected", s.Sell(t, s.Form().With("age", 3)).Status, "it has the modules of Main")
	sold := s.Sell(t, s.Form())
	p.Kill()
	p.Kill()
	require.Error(t, s.Program.Do("GET", "/v1/buyers", nil).Err, "nobody listens")
	next := leadmilltest.StartProcess(t, leadmilltest.ProcessOptions{DatabaseURL: p.DatabaseURL, Settings: []string{"LEADMILL_LOG_LEVEL=debug"}})
	s = s.At(&next.App)
	assert.Equal(t, "sold", s.Lead(t, sold.ID)["status"])
	assert.Len(t, next.Events(t, "lead.sold.v1", "lead.rejected.v1"), 2)
	next.Doctor(t)
	next.Stop(t)
	assert.Contains(t, next.Logs.String(), "level=DEBUG")
	doctor := leadmilltest.LaunchProcess(t, leadmilltest.ProcessOptions{DatabaseURL: p.DatabaseURL, Args: []string{"doctor"}})
	assert.Zero(t, doctor.Wait(t))
	assert.Contains(t, doctor.Output.String(), "No breaches.")
	wrong := leadmilltest.LaunchProcess(t, leadmilltest.ProcessOptions{Settings: []string{"LEADMILL_BATCH_MAX=0"}})
	assert.Equal(t, 2, wrong.Wait(t))
	assert.Contains(t, wrong.Logs.Tail(), "LEADMILL_BATCH_MAX")
}

func TestMails(t *testing.T) {
	t.Parallel()
	app := leadmilltest.Start(t)
	s := app.Seller(t)
	assert.Empty(t, app.Mails.All(t))
	s.Program.Must(t, "POST", "/v1/partners:invite", leadmilltest.Object{"email": "jane@people.example", "name": "Jane", "surname": "Doe"})
	s.Program.Must(t, "POST", "/v1/partners:invite", leadmilltest.Object{"email": "kim@people.example", "name": "Kim"})
	m := app.Mails.WaitFor(t, 1, "jane@people.example")[0]
	assert.Equal(t, "leadmill@example.com", m.From)
	assert.Equal(t, "Shop invites you to its partner program", m.Subject)
	assert.Contains(t, m.Text, "Hello Jane")
	assert.Contains(t, m.HTML, "Hello Jane")
	require.Len(t, m.Links(), 1)
	assert.True(t, strings.HasPrefix(m.Links()[0], app.URL+"/portal/invitations/"), "%v", m.Links())
	m.Text = ""
	assert.Len(t, m.Links(), 1, "in the HTML")
	app.Mails.WaitFor(t, 1, "kim@people.example")
	assert.Len(t, app.Mails.All(t), 2)
	assert.Len(t, app.Mails.To(t, "jane@people.example"), 1)
}

func TestParseMail(t *testing.T) {
	t.Parallel()
	const header = "From: A <a@x.example>\r\nTo: b@x.example\r\nMessage-ID: <1@x.example>\r\n"
	m, err := leadmilltest.ParseMail([]byte(header + "Subject: =?utf-8?q?H=C3=A9?=\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\naGVsbG8NCg==\r\n"))
	require.NoError(t, err)
	m.Header = nil
	assert.Equal(t, leadmilltest.Mail{ID: "1@x.example", From: "a@x.example", FromName: "A", To: "b@x.example", Subject: "Hé", Text: "hello\n"}, m)
	for _, wrong := range []string{"", "To: b@x.example\r\n\r\n", header + "\r\nx", header + "Content-Type: image/png\r\n\r\nx", header + "Content-Type: multipart/alternative; boundary=a\r\n\r\n--a\r\n"} {
		_, err := leadmilltest.ParseMail([]byte(wrong))
		assert.Error(t, err, "%q", wrong)
	}
}

func TestHTTPSink(t *testing.T) {
	t.Parallel()
	sink := leadmilltest.NewHTTPSink(t)
	send := func(key string) int {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, sink.URL+"/a/b?c=d", strings.NewReader("body "+key))
		require.NoError(t, err)
		r.Header.Set("Idempotency-Key", key)
		answer, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		if answer.StatusCode == http.StatusCreated {
			assert.Equal(t, "made", string(body))
			assert.Equal(t, "text/plain", answer.Header.Get("Content-Type"))
		}
		return answer.StatusCode
	}
	assert.Equal(t, 200, send("k1"))
	sink.Fail(503, 2)
	assert.Equal(t, []int{503, 503, 200}, []int{send("k2"), send("k2"), send("k2")})
	sink.Fail(500, -1)
	assert.Equal(t, []int{500, 500}, []int{send("k3"), send("k3")})
	sink.Recover()
	sink.Answer(201, "text/plain", "made")
	assert.Equal(t, 201, send("k3"))

	sink.Hang()
	sink.Hang()
	answered := make(chan int, 1)
	go func() { answered <- send("k4") }()
	requests := sink.WaitFor(t, 8)
	assert.Zero(t, requests[7].Status)
	assert.Empty(t, answered)
	sink.Release()
	assert.Equal(t, 201, <-answered)

	first := requests[0]
	assert.Equal(t, []string{"PUT", "/a/b", "d", "body k1", "k1"}, []string{first.Method, first.Path, first.Query.Get("c"), string(first.Body), first.Key()})
	assert.Equal(t, map[string]int{"k1": 1, "k2": 3, "k3": 3, "k4": 1}, sink.Counts())
	assert.Equal(t, map[string]int{"k1": 1, "k2": 1, "k3": 1, "k4": 1}, sink.Accepted())
	assert.Equal(t, "evt_1", leadmilltest.HTTPRequest{Header: http.Header{"Webhook-Id": {"evt_1"}}}.Key())

	sink.Hang()
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, sink.URL, nil)
	require.NoError(t, err)
	go func() { sink.WaitFor(t, 9); cancel() }()
	_, err = http.DefaultClient.Do(r) //nolint:bodyclose // there is none
	require.ErrorIs(t, err, context.Canceled, "a test may end while a request hangs")
}

func TestFacts(t *testing.T) {
	t.Parallel()
	at := time.Date(2030, 1, 2, 0, 0, 0, 0, time.FixedZone("", 3600))
	f := leadmilltest.Facts(leadmilltest.Fields{
		"text": "TX", "number": 17, "decimal": 1.5, "bool": true, "null": nil, "list": []int{1}, "own": field.Value{Kind: field.Number, Text: "1e3"},
	}, leadmilltest.OfPartner("p1"), leadmilltest.OfCampaign("c1", "Solar"), leadmilltest.OfOrigin(lead.OriginForm),
		leadmilltest.ReceivedAt(at), leadmilltest.AsTestLead(), func(f *lead.Facts) { f.ID = "mine" })
	assert.Equal(t, field.Set{
		"text": field.TextValue("TX"), "number": {Kind: field.Number, Text: "17"}, "decimal": {Kind: field.Number, Text: "1.5"},
		"bool": {Kind: field.Bool, Text: "true"}, "null": {}, "list": {Kind: field.Other, Text: "[1]"}, "own": {Kind: field.Number, Text: "1e3"},
	}, f.Fields())
	assert.Equal(t, []any{"mine", "p1", "c1", "Solar", lead.OriginForm, true, at.UTC()},
		[]any{f.ID, f.PartnerID, f.CampaignID, f.Category, f.Origin, f.Test, f.ReceivedAt})
	plain := leadmilltest.Facts(nil)
	assert.Equal(t, lead.OriginSupplier, plain.Origin)
	assert.False(t, plain.Test)
	assert.Panics(t, func() { leadmilltest.Facts(leadmilltest.Fields{"x": make(chan int)}) })
	_, answered := plain.Outside("list")
	assert.False(t, answered)
	asked := leadmilltest.Facts(nil, leadmilltest.Answered(map[string]leadmilltest.Fields{"list": {"listed": true}, "score": {"points": 7}}))
	for provider, want := range map[string]field.Set{"list": {"listed": {Kind: field.Bool, Text: "true"}}, "score": {"points": {Kind: field.Number, Text: "7"}}} {
		got, ok := asked.Outside(provider)
		assert.True(t, ok)
		assert.Equal(t, want, got)
	}
}

func TestRunJob(t *testing.T) {
	t.Parallel()
	ran, broken := 0, errors.New("broken")
	app := leadmilltest.Start(t, leadmill.NewModule("jobs",
		leadmill.AsJob("fine", application.Cron("0 3 * * *"), func() func(context.Context) error {
			return func(context.Context) error { ran++; return nil }
		}),
		leadmill.AsJob("broken", application.Every(time.Hour), func() func(context.Context) error {
			return func(context.Context) error { return broken }
		})))
	app.RunJob(t, "fine")
	app.RunJob(t, "fine")
	assert.Equal(t, 2, ran)
	for name, says := range map[string]string{"broken": "the job broken: broken", "absent": "unknown job"} {
		func() {
			defer func() { assert.Contains(t, fmt.Sprint(recover()), says) }()
			app.RunJob(&recorder{TB: t}, name)
		}()
	}
}

// TestRunJobWaitsForTheJob runs a job while it runs.
func TestRunJobWaitsForTheJob(t *testing.T) {
	t.Parallel()
	began, goOn := make(chan struct{}, 2), make(chan struct{})
	app := leadmilltest.Start(t, leadmill.NewModule("jobs",
		leadmill.AsJob("slow", application.Cron("0 3 * * *"), func() func(context.Context) error {
			return func(context.Context) error {
				began <- struct{}{}
				<-goOn
				return nil
			}
		})))
	var runs sync.WaitGroup
	for range 2 {
		runs.Go(func() { app.RunJob(t, "slow") })
	}
	<-began
	assert.Empty(t, began)
	close(goOn)
	runs.Wait()
	assert.Len(t, began, 1)
}

// A job is due by the clock from the start on, also when the clock is moved at once.
func TestClockDecidesWhenAJobIsDue(t *testing.T) {
	t.Parallel()
	hands := leadmilltest.NewClock(time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC))
	ran := make(chan struct{}, 10)
	leadmilltest.StartWith(t, leadmilltest.Options{Clock: hands}, leadmill.NewModule("jobs",
		leadmill.AsJob("nightly", application.Cron("0 3 * * *"), func() func(context.Context) error {
			return func(context.Context) error { ran <- struct{}{}; return nil }
		})))
	hands.Advance(15*time.Hour + time.Minute)
	select {
	case <-ran:
	case <-time.After(leadmilltest.Patience):
		t.Fatal("it does not run")
	}
}

func TestStartError(t *testing.T) {
	t.Parallel()
	err := leadmilltest.StartError(t, leadmilltest.Options{}, leadmill.NewModule("acme", leadmill.Provide(3)))
	require.ErrorContains(t, err, `module "acme": int is no constructor`)
	r := &recorder{TB: t}
	require.NoError(t, leadmilltest.StartError(r, leadmilltest.Options{}))
	assert.Equal(t, []string{"leadmill starts, and ended with <nil>"}, r.said)
}

// twice returns each candidate twice, and one of its own making.
type twice struct{ distribution.Priority }

func (twice) Rank(_ lead.Facts, c []distribution.Candidate) []distribution.Candidate {
	return append(append(c, c...), distribution.Candidate{ContractID: "other"})
}

func TestCandidates(t *testing.T) {
	t.Parallel()
	at := time.Date(2030, 1, 2, 0, 0, 0, 0, time.UTC)
	list := append(leadmilltest.Candidates("30.00", "45"),
		leadmilltest.Candidate("c3", "1.25", leadmilltest.OfBuyer("b"), leadmilltest.Priority(0), leadmilltest.LastWon(at)))
	assert.Equal(t, distribution.Candidate{ContractID: "c3", BuyerID: "b", Price: money.Micros(1_250_000), LastWon: at}, list[2])
	assert.Equal(t, []string{"c3", "contract_1", "contract_2"}, leadmilltest.Rank(t, distribution.Priority{}, leadmilltest.Facts(nil), list))
	assert.Equal(t, []string{"contract_2", "contract_1", "c3"}, leadmilltest.Rank(t, distribution.HighestPrice{}, leadmilltest.Facts(nil), list))
	assert.Equal(t, "contract_1", list[0].ContractID, "the list is not changed")
	spent := leadmilltest.Candidate("c4", "1", leadmilltest.CanSpend("12.50"), leadmilltest.Budget(calendar.Day, "100", "40"),
		leadmilltest.LeadCap(calendar.Month, 10, 3))
	assert.Equal(t, money.Micros(12_500_000), spent.Balance)
	day, _ := spent.Usage.Of(calendar.Day)
	left, limited := day.BudgetLeft()
	assert.Equal(t, []any{money.Micros(60_000_000), true}, []any{left, limited})
	month, _ := spent.Usage.Of(calendar.Month)
	leads, limited := month.LeadsLeft()
	assert.Equal(t, []any{int64(7), true}, []any{leads, limited})
	r := &recorder{TB: t}
	leadmilltest.Rank(r, twice{}, leadmilltest.Facts(nil), list[:1])
	assert.Len(t, r.said, 2, "%v", r.said)
	for _, price := range []string{"", "-1", "1.234", "many"} {
		assert.Panics(t, func() { leadmilltest.Candidate("c", price) }, "%q", price)
	}
}

// brokenVar names the broken implementation that TestBroken has a contract look at.
const brokenVar = "TEST_BROKEN_PORT"

type (
	localClock    struct{}
	backwards     struct{ application.Clock }
	plainHasher   struct{}
	saltless      struct{}
	noLimiter     struct{}
	sliding       struct{ clock application.Clock }
	emptyText     struct{}
	unescaped     struct{}
	silentMailer  struct{}
	talkingMailer struct{}
)

func (localClock) Now() time.Time { return time.Now() }

func (b backwards) Elapsed() time.Duration               { return -time.Duration(time.Now().Nanosecond()) }
func (plainHasher) Hash(password string) (string, error) { return "$" + password, nil }
func (saltless) Hash(string) (string, error)             { return "$x", nil }
func (noLimiter) Take(string, seller.RateLimit) application.RateState {
	return application.RateState{Allowed: true}
}

func (noLimiter) Peek(string, seller.RateLimit) application.RateState {
	return application.RateState{Allowed: true}
}

func (s sliding) Take(n string, l seller.RateLimit) application.RateState { return s.Peek(n, l) }
func (s sliding) Peek(_ string, l seller.RateLimit) application.RateState {
	return application.RateState{Limit: l.Requests, Remaining: l.Requests, Window: l.Window, ResetAt: s.clock.Now().Add(l.Window), Allowed: true}
}

func (emptyText) Write(program.Invitation) (application.Mail, error) { return application.Mail{}, nil }

func (unescaped) Write(i program.Invitation) (application.Mail, error) {
	return application.Mail{Subject: "Hi", HTML: i.Name + i.Program + ` <a href="` + i.Link + `">`}, nil
}
func (silentMailer) Send(context.Context, application.Mail) error { return nil }
func (talkingMailer) Send(_ context.Context, m application.Mail) error {
	return application.ErrMailRefused.Because(fmt.Errorf("%s is refused", m.To))
}

var brokenPorts = map[string]func(t *testing.T){
	"clock, local": func(t *testing.T) {
		leadmilltest.TestClock(t, func(*testing.T) application.Clock { return localClock{} })
	},
	"clock, backwards": func(t *testing.T) {
		leadmilltest.TestClock(t, func(*testing.T) application.Clock { return backwards{leadmilltest.NewClock(time.Now())} })
	},
	"hasher, plain": func(t *testing.T) {
		leadmilltest.TestPasswordHasher(t, func(*testing.T) application.PasswordHasher { return plainHasher{} })
	},
	"hasher, no salt": func(t *testing.T) {
		leadmilltest.TestPasswordHasher(t, func(*testing.T) application.PasswordHasher { return saltless{} })
	},
	"limiter, none": func(t *testing.T) {
		leadmilltest.TestRateLimiter(t, func(*testing.T, application.Clock) application.RateLimiter { return noLimiter{} })
	},
	"limiter, sliding": func(t *testing.T) {
		leadmilltest.TestRateLimiter(t, func(_ *testing.T, c application.Clock) application.RateLimiter { return sliding{c} })
	},
	"text, empty": func(t *testing.T) {
		leadmilltest.TestInvitationText(t, func(*testing.T) program.InvitationText { return emptyText{} })
	},
	"text, not escaped": func(t *testing.T) {
		leadmilltest.TestInvitationText(t, func(*testing.T) program.InvitationText { return unescaped{} })
	},
	"mailer, silent": func(t *testing.T) {
		leadmilltest.TestMailer(t, func(*testing.T) leadmilltest.MailerUnderTest {
			return leadmilltest.MailerUnderTest{Mailer: silentMailer{}, Sent: func(*testing.T) []leadmilltest.Mail { return nil }}
		})
	},
	"mailer, talking": func(t *testing.T) {
		leadmilltest.TestMailer(t, func(*testing.T) leadmilltest.MailerUnderTest {
			return leadmilltest.MailerUnderTest{Mailer: talkingMailer{}}
		})
	},
}

// TestBroken has a contract look at what breaks it, in the process that TestContractsCatchMistakes starts.
func TestBroken(t *testing.T) {
	t.Parallel()
	if broken := brokenPorts[os.Getenv(brokenVar)]; broken != nil {
		broken(t)
	}
}

func TestContractsCatchMistakes(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"clock, local": "TestBroken/shows_UTC", "clock, backwards": "TestBroken/never_measures_backwards",
		"hasher, plain": "TestBroken/hashes_what", "hasher, no salt": "TestBroken/has_a_salt",
		"limiter, none": "TestBroken/refused_requests", "limiter, sliding": "TestBroken/a_window_starts",
		"text, empty": "TestBroken/leads_to_where|TestBroken/says_what", "text, not escaped": "TestBroken/escapes_names",
		"mailer, silent": "TestBroken/delivers", "mailer, talking": "TestBroken/an_address_that_is_none",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestBroken$")
			cmd.Env = append(os.Environ(), brokenVar+"="+name)
			var output bytes.Buffer
			cmd.Stdout, cmd.Stderr = &output, &output
			require.Error(t, cmd.Run(), "nothing was caught")
			assert.Regexp(t, "FAIL: ("+want+")", output.String())
		})
	}
}
