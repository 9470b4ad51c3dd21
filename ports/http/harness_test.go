package httpport

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/application/command"
	"github.com/leadmill/leadmill/application/query"
	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/partner"
	"github.com/leadmill/leadmill/domain/seller"
	"github.com/leadmill/leadmill/tests/openapitest"
)

var spec = sync.OnceValue(func() *openapitest.Spec {
	s, err := openapitest.Load(openAPI)
	if err != nil {
		panic(err)
	}
	return s
})

var (
	usd     = money.MustCurrency("USD")
	moment0 = time.Date(2025, 4, 30, 16, 44, 13, 0, time.UTC)
)

// clock stands still until it is moved.
type clock struct{ at atomic.Int64 }

func newClock() *clock { c := &clock{}; c.at.Store(moment0.UnixMicro()); return c }

func (c *clock) Now() time.Time          { return time.UnixMicro(c.at.Load()).UTC() }
func (c *clock) advance(d time.Duration) { c.at.Add(d.Microseconds()) }

type ids struct{ n atomic.Int64 }

func (i *ids) New(prefix string) string { return fmt.Sprintf("%s_%d", prefix, i.n.Add(1)) }

// limiter is a fixed window that starts with the first request.
type limiter struct {
	clock *clock
	mu    sync.Mutex
	used  map[string]int64
	end   map[string]time.Time
}

func (l *limiter) look(name string, r seller.RateLimit, n int64) application.RateState {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock.Now()
	if !l.end[name].After(now) {
		l.used[name], l.end[name] = 0, now.Add(r.Window)
	}
	ok := l.used[name]+n <= r.Requests
	if ok {
		l.used[name] += n
	}
	return application.RateState{Limit: r.Requests, Remaining: r.Requests - l.used[name], Window: r.Window, ResetAt: l.end[name], Allowed: ok}
}

func (l *limiter) Take(name string, r seller.RateLimit) application.RateState {
	return l.look(name, r, 1)
}
func (l *limiter) Peek(name string, r seller.RateLimit) application.RateState {
	return l.look(name, r, 0)
}

type credentials struct {
	actor application.Actor
	limit seller.RateLimit
	err   error
}

type keys map[string]credentials

func (k keys) Authenticate(_ context.Context, token string) (application.Actor, seller.RateLimit, error) {
	c, ok := k[token]
	if !ok {
		return application.Actor{}, seller.RateLimit{}, application.ErrInvalidKey
	}
	return c.actor, c.limit, c.err
}

// app is a server with handlers that remember what they were sent.
type app struct {
	t       testing.TB
	server  *Server
	clock   *clock
	keys    keys
	mu      sync.Mutex
	sent    any
	log     bytes.Buffer
	fail    error // what every handler answers instead
	panics  any
	again   bool // commands answer as replays
	calls   int
	events  func(context.Context, query.Events) (query.EventPage, error)
	ready   error
	logLock sync.Mutex
}

func (a *app) Write(p []byte) (int, error) {
	a.logLock.Lock()
	defer a.logLock.Unlock()
	return a.log.Write(p)
}

func (a *app) logged() string {
	a.logLock.Lock()
	defer a.logLock.Unlock()
	return a.log.String()
}

func (a *app) note(c any) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sent = c
	a.calls++
	if a.panics != nil {
		panic(a.panics)
	}
	return a.fail
}

func (a *app) take() any {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.sent
	a.sent = nil
	return s
}

func commands[C any](a *app, render func(C) application.Response) bus.Handler[C, command.Done] {
	return bus.HandlerFunc[C, command.Done](func(_ context.Context, c C) (command.Done, error) {
		if err := a.note(c); err != nil {
			return command.Done{}, err
		}
		return command.Done{Response: render(c), Replayed: a.again}, nil
	})
}

func queries[Q, R any](a *app, answer R) bus.Handler[Q, R] {
	return bus.HandlerFunc[Q, R](func(_ context.Context, q Q) (R, error) {
		if err := a.note(q); err != nil {
			var none R
			return none, err
		}
		return answer, nil
	})
}

// Samples with every member filled.
var (
	sampleSeller = query.Seller{ID: "seller_1", Code: "ACME1234", Slug: "acme", Name: "Acme Leads", Currency: "USD",
		TimeZone: "America/Chicago", Website: "https://yourcompany.com", CreatedAt: moment0, UpdatedAt: moment0}
	sampleKey = query.APIKey{ID: "k1", Scope: "supplier", Name: "form", PartnerID: "partner_123",
		Limit: seller.DefaultRateLimit, CreatedAt: moment0}
	samplePartner = query.Partner{ID: "partner_123", Email: "john@example.com", Name: "John", Surname: "Doe", Status: "active",
		Approved: true, Keys: []string{"ref_123"}, Tags: []string{"premium", "new"}, CreatedAt: moment0, UpdatedAt: moment0}
	sampleFullPartner = query.Partner{ID: "partner_123", Email: "john@example.com", Name: "John", Surname: "Doe", Status: "active",
		TermsAccepted: true, Approved: true, Keys: []string{"ref_123", "spring"}, Tags: []string{"premium", "new"},
		CustomFields: []partner.CustomField{{Name: "Region", Value: "North"}}, ReferralsCount: 2, CreatedAt: moment0, UpdatedAt: moment0}
	sampleLink     = query.ReferralLink{Key: "spring", PartnerID: "partner_123"}
	sampleCustomer = query.Customer{ID: "customer_1", Key: "customer_123", PartnerID: "partner_123", Name: "Alice", Surname: "Brown",
		Email: "alice.brown@example.com", Status: "active", Tags: []string{"new"}, CreatedAt: moment0, UpdatedAt: moment0}
	sampleForm = query.LeadForm{FormSnapshot: lead.FormSnapshot{SellerID: "seller_1", Version: 1, NextID: 90, Enabled: true,
		Questions: []lead.Question{{ID: 89, Type: lead.Input, Title: "Company", Required: true}}}}
	sampleFormLead = query.FormLead{Number: 71, LeadID: "lead_1", Status: "submitted", Name: "Alice Brown", Email: "alice.brown@example.com",
		Answers:   []lead.Answer{{ID: 89, Question: "Company", Answer: "Acme"}},
		Submitter: query.Person{ID: "partner_123", Name: "John Doe", Email: "john@example.com"}, CreatedAt: moment0}
	sampleProgram = seller.PartnerProgram{LinkParameter: "aff", CookieDays: 30,
		LeadCampaign: &seller.LeadCampaign{CampaignID: "campaign_1", Fields: map[string]string{"company": "89", "email": "email"}}}
	sampleSettings = query.Settings{Name: "Acme Leads", Code: "ACME1234", Website: "https://yourcompany.com", Currency: "USD",
		TimeZone: "America/Chicago", Program: sampleProgram}
	sampleOverview = query.ProgramOverview{Partners: query.Total{All: 10, Recent: 3, Before: 2}, Signups: query.Total{All: 5, Recent: 1, Before: 3},
		Clicks: query.Total{All: 100, Recent: 40}, Leads: query.Total{All: 7, Before: 7}, Settings: sampleSettings}
	sampleReferral = application.Referral{SellerID: "seller_1", PartnerID: "partner_123", Key: "ref_123", Website: "https://yourcompany.com",
		Parameter: "aff", CookieDays: 30, Live: true}
	sampleSession = command.Session{Token: "session_1", ExpiresAt: moment0.Add(12 * time.Hour)}
	sampleBuyer   = query.Buyer{ID: "buyer_1", Name: "Best Insurance", Email: "leads@best.example", Status: "active",
		TimeZone: "America/New_York", Balance: 1000_000_000, CreditLimit: 500_000, CreatedAt: moment0, UpdatedAt: moment0}
	sampleEntry = query.LedgerEntry{ID: "entry_1", Type: "deposit", Amount: 1000_000_000, BalanceAfter: 1000_000_000,
		Note: "wire 42", CreatedAt: moment0}
	sampleCampaign = query.Campaign{ID: "campaign_1", Name: "Auto", Category: "Auto Insurance", Status: "active",
		Fields: []field.Rule{{Name: "zip", Type: field.TypeZip, Required: true}, {Name: "kind", Type: field.TypeEnum, Options: []string{"a"}}},
		Mode:   "exclusive", MaxSales: 1, Strategy: "priority", DedupeFields: []string{"phone"}, DedupeMatch: "any", DedupeWindowDays: 30,
		PendingTTLHours: 72, PriceShown: "payout", PayoutType: "percent", PayoutPercent: 705_000, CreatedAt: moment0, UpdatedAt: moment0}
	sampleContract = query.Contract{ID: "contract_1", CampaignID: "campaign_1", BuyerID: "buyer_1", Status: "active", Price: 45_000_000,
		Priority: 1, TimeZone: "America/Chicago", Caps: []query.Cap{{Window: "day", HasLeads: true, Leads: 100},
			{Window: "month", HasBudget: true, Budget: 5000_000_000}}, CreatedAt: moment0, UpdatedAt: moment0}
	sampleLead = query.MarketplaceLead{ID: "lead_1", Origin: "supplier", Status: "sold", CampaignID: "campaign_1", Category: "Auto Insurance",
		PartnerID: "partner_123", KeyID: "k1", ExternalID: "x", Test: true, Code: "c", Reason: "r", Payout: 31_500_000,
		Fields: field.Set{"a": field.TextValue(`"q"`), "b": {Kind: field.Number, Text: "1.50"}, "c": {Kind: field.Bool, Text: "true"},
			"d": {}, "e": {Kind: field.Other, Text: `[1,{"x":2}]`}},
		Trace: lead.Trace{Considered: []lead.Consideration{{ContractID: "contract_1", BuyerID: "buyer_1", Reason: "sold", Price: 45_000_000}},
			More: map[string]int{"cap": 3}},
		Sales:     []query.Sale{{ID: "sale_1", ContractID: "contract_1", BuyerID: "buyer_1", Status: "captured", Price: 45_000_000, SoldAt: moment0}},
		CreatedAt: moment0, UpdatedAt: moment0, PendingUntil: moment0}
	sampleSold = command.SubmitLeadResult{LeadID: "lead_01J", Status: "sold", Price: 45_000_000, HasPrice: true, Currency: usd,
		BuyerIDs: []string{"buyer_01J"}}
)

func newApp(t testing.TB) *app {
	t.Helper()
	a := &app{t: t, clock: newClock()}
	actor := application.Actor{SellerID: "seller_1", SellerCode: "ACME1234", SellerSlug: "acme", Website: "https://yourcompany.com",
		LinkParameter: "aff", Currency: usd}
	supplierActor, programActor := actor, actor
	supplierActor.Scope, supplierActor.KeyID, supplierActor.PartnerID = seller.Supplier, "ks", "partner_123"
	programActor.Scope, programActor.KeyID = seller.Program, "kp"
	limited := supplierActor
	limited.KeyID = "kl"
	a.keys = keys{
		"supplier": {actor: supplierActor},
		"limited":  {actor: limited, limit: seller.DefaultRateLimit},
		"program":  {actor: programActor},
		"metered":  {actor: programActor, limit: seller.RateLimit{Requests: 1, Window: time.Minute}},
		"admin":    {actor: application.Actor{Scope: seller.Admin, KeyID: "admin"}},
		"broken":   {err: application.ErrUnavailable},
	}
	a.events = func(_ context.Context, q query.Events) (query.EventPage, error) {
		return query.EventPage{Next: 7, Events: []application.StoredEvent{{Position: 7, EventRecord: application.EventRecord{ID: "event_1",
			SellerID: "seller_1", AggregateType: "lead", AggregateID: "lead_1", AggregateVersion: 2, Type: "lead.sold.v1",
			Payload: []byte(`{"lead_id":"lead_1"}`), OccurredAt: moment0, Trail: application.Trail{CorrelationID: "req_9"}}}}}, nil
	}
	s, err := New(Deps{Authenticator: a.keys, Limiter: &limiter{clock: a.clock, used: map[string]int64{}, end: map[string]time.Time{}},
		Clock: a.clock, IDs: &ids{}, Logger: slog.New(slog.NewJSONHandler(a, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Ready: func(context.Context) error { return a.ready }, Handlers: a.handlers()})
	if err != nil {
		t.Fatal(err)
	}
	a.server = s
	return a
}

func (a *app) handlers() Handlers {
	return Handlers{
		SubmitLead: commands(a, func(c command.SubmitLead) application.Response { return c.Render(sampleSold) }),
		SupplierLead: queries[query.SupplierLeadByID](a, query.SupplierLead{ID: "lead_1", Status: "sold", Test: true, Price: 45_000_000,
			HasPrice: true, BuyerIDs: []string{"buyer_1"}, CreatedAt: moment0, UpdatedAt: moment0}),
		CreateSeller: commands(a, func(c command.CreateSeller) application.Response {
			return c.Once.Render(command.SellerCreated{Seller: sampleSeller, KeyID: "k1", Key: "lm_program_k1_x"})
		}),
		UpdateSeller: commands(a, func(c command.UpdateSeller) application.Response { return c.Once.Render(sampleSeller) }),
		Sellers:      queries[query.Sellers](a, query.List[query.Seller]{Items: []query.Seller{sampleSeller}}),
		Seller:       queries[query.SellerByCode](a, sampleSeller),
		CreateAPIKey: commands(a, func(c command.CreateAPIKey) application.Response {
			return c.Once.Render(command.APIKeyCreated{APIKey: sampleKey, Key: "lm_supplier_k1_x"})
		}),
		RevokeAPIKey:  commands(a, func(c command.RevokeAPIKey) application.Response { return c.Once.Render(struct{}{}) }),
		APIKeys:       queries[query.APIKeys](a, query.List[query.APIKey]{Items: []query.APIKey{sampleKey, {ID: "k2", Scope: "program", CreatedAt: moment0}}}),
		CreatePartner: commands(a, func(c command.CreatePartner) application.Response { return c.Once.Render(samplePartner) }),
		UpdatePartner: commands(a, func(c command.UpdatePartner) application.Response { return c.Once.Render(samplePartner) }),
		SteerPartner:  commands(a, func(c command.SteerPartner) application.Response { return c.Once.Render(samplePartner) }),
		DeletePartner: commands(a, func(c command.DeletePartner) application.Response { return c.Once.Render(struct{}{}) }),
		InvitePartner: commands(a, func(c command.InvitePartner) application.Response { return c.Once.Render(samplePartner) }),
		CreateSignInURL: commands(a, func(c command.CreateSignInURL) application.Response {
			return c.Once.Render(command.SignIn{Token: "token_1", ExpiresAt: moment0})
		}),
		Partner:            queries[query.PartnerByHandle](a, query.PartnerDetail{Partner: sampleFullPartner, Clicks: 12, Signups: 2, Leads: 3}),
		Partners:           queries[query.Partners](a, query.List[query.Partner]{Items: []query.Partner{samplePartner, {ID: "partner_124", Status: "pending"}}, Next: "partner_124"}),
		AddReferralLink:    commands(a, func(c command.AddReferralLink) application.Response { return c.Once.Render(sampleLink) }),
		ChangeReferralLink: commands(a, func(c command.ChangeReferralLink) application.Response { return c.Once.Render(sampleLink) }),
		RemoveReferralLink: commands(a, func(c command.RemoveReferralLink) application.Response { return c.Once.Render(struct{}{}) }),
		ReferralLinks:      queries[query.ReferralLinks](a, query.List[query.ReferralLink]{Items: []query.ReferralLink{sampleLink}}),
		ReferralLink:       queries[query.ReferralLinkByKey](a, sampleLink),
		CreateCustomer:     commands(a, func(c command.CreateCustomer) application.Response { return c.Once.Render(sampleCustomer) }),
		UpdateCustomer:     commands(a, func(c command.UpdateCustomer) application.Response { return c.Once.Render(sampleCustomer) }),
		SteerCustomer:      commands(a, func(c command.SteerCustomer) application.Response { return c.Once.Render(sampleCustomer) }),
		Customers:          queries[query.Customers](a, query.List[query.Customer]{Items: []query.Customer{sampleCustomer}}),
		Customer:           queries[query.CustomerByHandle](a, sampleCustomer),
		UpdateLeadForm:     commands(a, func(c command.UpdateLeadForm) application.Response { return c.Once.Render(sampleForm) }),
		LeadForm:           queries[query.LeadFormOfSeller](a, sampleForm),
		SubmitFormLead:     commands(a, func(c command.SubmitFormLead) application.Response { return c.Once.Render(sampleFormLead) }),
		ConvertLead:        commands(a, func(c command.ConvertLead) application.Response { return c.Once.Render(sampleFormLead) }),
		RejectLead:         commands(a, func(c command.RejectLead) application.Response { return c.Once.Render(sampleFormLead) }),
		DeleteLead:         commands(a, func(c command.DeleteLead) application.Response { return c.Once.Render(struct{}{}) }),
		FormLeads:          queries[query.FormLeads](a, query.List[query.FormLead]{Items: []query.FormLead{sampleFormLead}}),
		FormLead:           queries[query.FormLeadByNumber](a, sampleFormLead),
		UpdateSettings:     commands(a, func(c command.UpdateSettings) application.Response { return c.Once.Render(sampleSettings) }),
		Settings:           queries[query.SettingsOfSeller](a, sampleSettings),
		Overview:           queries[query.Overview](a, sampleOverview),
		FollowLink:         queries[command.FollowLink](a, command.Followed{Referral: sampleReferral}),
		AcceptInvitation:   queries[command.AcceptInvitation](a, sampleSession),
		OpenSession:        queries[command.OpenSession](a, sampleSession),
		CloseSession:       queries[command.CloseSession](a, struct{}{}),
		OpenInvitation:     queries[query.OpenInvitation](a, query.InvitationView{Program: "Acme Leads", Name: "Jane"}),
		PartnerPage: queries[query.PartnerPage](a, query.PartnerPageView{Program: "Acme Leads", Website: "https://yourcompany.com", LinkParameter: "aff",
			Partner: query.PartnerDetail{Partner: samplePartner, Clicks: 12, Signups: 2, Leads: 3}}),
		CreateBuyer: commands(a, func(c command.CreateBuyer) application.Response { return c.Once.Render(sampleBuyer) }),
		UpdateBuyer: commands(a, func(c command.UpdateBuyer) application.Response { return c.Once.Render(sampleBuyer) }),
		PauseBuyer:  commands(a, func(c command.PauseBuyer) application.Response { return c.Once.Render(sampleBuyer) }),
		MoveMoney:   commands(a, func(c command.MoveMoney) application.Response { return c.Once.Render(sampleEntry) }),
		Buyers:      queries[query.Buyers](a, query.List[query.Buyer]{}),
		Buyer:       queries[query.BuyerByID](a, sampleBuyer),
		Ledger:      queries[query.Ledger](a, query.List[query.LedgerEntry]{Items: []query.LedgerEntry{sampleEntry, {ID: "entry_2", Type: "sale", Amount: -45_000_000, SaleID: "sale_1", CreatedAt: moment0}}, Next: "entry_2"}),
		CreateCampaign: commands(a, func(c command.CreateCampaign) application.Response {
			return c.Once.Render(sampleCampaign)
		}),
		UpdateCampaign: commands(a, func(c command.UpdateCampaign) application.Response { return c.Once.Render(sampleCampaign) }),
		SteerCampaign:  commands(a, func(c command.SteerCampaign) application.Response { return c.Once.Render(sampleCampaign) }),
		Campaigns: queries[query.Campaigns](a, query.List[query.Campaign]{Items: []query.Campaign{sampleCampaign,
			{Status: "paused", PriceShown: "hidden", PayoutType: "fixed", PayoutFixed: 1_000_000}, {Status: "archived", PriceShown: "sale"}}}),
		Campaign:       queries[query.CampaignByID](a, sampleCampaign),
		CreateContract: commands(a, func(c command.CreateContract) application.Response { return c.Once.Render(sampleContract) }),
		UpdateContract: commands(a, func(c command.UpdateContract) application.Response { return c.Once.Render(sampleContract) }),
		SteerContract:  commands(a, func(c command.SteerContract) application.Response { return c.Once.Render(sampleContract) }),
		Contracts:      queries[query.Contracts](a, query.List[query.Contract]{Items: []query.Contract{sampleContract}}),
		Contract:       queries[query.ContractByID](a, sampleContract),
		ContractUsage: queries[query.ContractUsage](a, []query.Usage{
			{Cap: query.Cap{Window: "day", HasLeads: true, Leads: 100, HasBudget: true, Budget: 5_000_000}, Used: 3, Spent: 135_000_000, ResetsAt: moment0},
			{Cap: query.Cap{Window: string(calendar.Total)}, Used: 3, Spent: 135_000_000}}),
		MarketplaceLeads: queries[query.MarketplaceLeads](a, query.List[query.MarketplaceLead]{Items: []query.MarketplaceLead{sampleLead, {Origin: "supplier", Status: "pending"}}}),
		MarketplaceLead:  queries[query.MarketplaceLeadByID](a, sampleLead),
		CampaignReport: queries[query.CampaignReport](a, []query.CampaignReportRow{{Day: "2025-04-30", Leads: query.LeadCounts{Submitted: 3, Sold: 2, Pending: 1},
			SoldGross: 2, SoldNet: 2, Revenue: 90_000_000, Payout: 63_000_000, Margin: 27_000_000, AcceptanceRate: "0.6667"}}),
		Events: bus.HandlerFunc[query.Events, query.EventPage](func(ctx context.Context, q query.Events) (query.EventPage, error) {
			if err := a.note(q); err != nil {
				return query.EventPage{}, err
			}
			return a.events(ctx, q)
		}),
	}
}

type request struct {
	method, path, key, body string
	header                  http.Header
	chunked                 bool // without a Content-Length
}

// do sends a request and compares its answer with openapi.yaml.
func (a *app) do(r request) *httptest.ResponseRecorder {
	a.t.Helper()
	if r.method == "" {
		r.method = http.MethodPost
	}
	var body io.Reader
	if r.body != "" {
		body = strings.NewReader(r.body)
		if r.chunked {
			body = io.MultiReader(body)
		}
	}
	q := httptest.NewRequest(r.method, r.path, body)
	for name, values := range r.header {
		q.Header[http.CanonicalHeaderKey(name)] = values
	}
	if r.key != "" {
		q.Header.Set("Authorization", "Bearer "+r.key)
	}
	path := q.URL.EscapedPath()
	w := httptest.NewRecorder()
	a.server.ServeHTTP(w, q)
	if err := spec().Check(r.method, path, w.Code, w.Header(), w.Body.Bytes()); err != nil {
		a.t.Errorf("%s %s: %v\n%s", r.method, r.path, err, w.Body)
	}
	caching := "no-store"
	if w.Code == http.StatusOK && strings.HasPrefix(path, "/track.js") {
		caching = "public, max-age=3600" // the one answer that is the same for everybody
	}
	for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Cache-Control": caching} {
		if got := w.Header().Get(name); got != want {
			a.t.Errorf("%s %s: %s is %q", r.method, r.path, name, got)
		}
	}
	if w.Header().Get("X-Request-Id") == "" {
		a.t.Errorf("%s %s: no X-Request-Id", r.method, r.path)
	}
	if (w.Header().Get("Location") != "") != (w.Code == http.StatusFound) {
		a.t.Errorf("%s %s: %d with Location %q", r.method, r.path, w.Code, w.Header().Get("Location"))
	}
	// Which of them an operation answers is in openapi.yaml; an undocumented path answers JSON.
	switch ct := w.Header().Get("Content-Type"); ct {
	case "application/json", "application/yaml":
	case "text/html; charset=utf-8", "text/javascript; charset=utf-8":
		if _, documented := spec().Find(r.method, path); !documented {
			a.t.Errorf("%s %s: Content-Type %q", r.method, r.path, ct)
		}
	default:
		a.t.Errorf("%s %s: Content-Type %q", r.method, r.path, ct)
	}
	return w
}

func codeIn(t testing.TB, w *httptest.ResponseRecorder) string {
	t.Helper()
	var body struct{ Code string }
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatalf("%v: %s", err, w.Body)
	}
	return body.Code
}
