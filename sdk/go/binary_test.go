package leadmill_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	leadmill "github.com/leadmill/leadmill/sdk/go"
	"github.com/leadmill/leadmill/sdk/go/api"
	"github.com/leadmill/leadmill/sdk/go/events"
)

// patience bounds what is waited for.
const patience = 2 * time.Minute

const adminKey = "lm_admin_0123456789abcdef0123456789abcdef"

// server is the program that LEADMILL_BINARY names, on an SQLite file and an address of its own.
type server struct {
	t       *testing.T
	url     string
	dir     string
	process *exec.Cmd
}

// newServer starts a server. A test that needs one is skipped where there is none: make test-clients builds it and runs these tests.
func newServer(t *testing.T) *server {
	t.Helper()
	if os.Getenv("LEADMILL_BINARY") == "" {
		t.Skip("LEADMILL_BINARY names no program")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, url: "http://" + l.Addr().String(), dir: t.TempDir()}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	s.start()
	t.Cleanup(s.kill)
	return s
}

func (s *server) start() {
	s.t.Helper()
	c := exec.CommandContext(context.Background(), os.Getenv("LEADMILL_BINARY"), "serve")
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "LEADMILL_") {
			c.Env = append(c.Env, v)
		}
	}
	c.Env = append(c.Env, "LEADMILL_HTTP_ADDR="+strings.TrimPrefix(s.url, "http://"), "LEADMILL_DRAIN=0s", "LEADMILL_OUTBOUND_ALLOW=127.0.0.1/32",
		"LEADMILL_ADMIN_KEY="+adminKey, "LEADMILL_DATABASE_URL=sqlite:"+filepath.Join(s.dir, "leadmill.db"), "LEADMILL_MAIL_DIR="+s.dir)
	var log strings.Builder
	c.Stderr = &log
	out, err := c.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.process = c
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "Leadmill listens on ") {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return
		}
	}
	_ = c.Wait()
	s.t.Fatalf("leadmill ended before it listened:\n%s", log.String())
}

// kill ends the program as a crash does.
func (s *server) kill() {
	_ = s.process.Process.Kill()
	_ = s.process.Wait()
}

func (s *server) client(key string, options ...leadmill.Option) *leadmill.Client {
	s.t.Helper()
	c, err := leadmill.New(s.url, key, options...)
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

func must[T any](t *testing.T) func(v *T, err error) *T {
	return func(v *T, err error) *T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// market is a seller whose only buyer takes every lead.
type market struct {
	*server
	program, supplier  *leadmill.Client
	supplierKey        string
	programKey         string
	campaign, contract string
	buyer              string
}

func openMarket(t *testing.T, delivery *api.ContractDeliveryInput) (m market, secret string) {
	t.Helper()
	m = market{server: newServer(t)}
	ctx := t.Context()
	seller := must[api.SellerCreatedAnswer](t)(m.client(adminKey).CreateSeller(ctx, api.SellerCreateInput{Name: "SDK", Code: new("SDKTESTS")}))
	m.programKey = seller.Data.ApiKey.Key
	m.program = m.client(m.programKey)
	partner := must[api.PartnerAnswer](t)(m.program.CreatePartner(ctx, api.PartnerInput{Email: "supplier@example.com"}))
	key := must[api.APIKeyCreatedAnswer](t)(m.program.CreateAPIKey(ctx, api.APIKeyInput{Scope: "supplier", Partner: &api.PartnerHandle{Id: &partner.Data.Id}}))
	m.supplierKey = key.Data.Key
	m.supplier = m.client(m.supplierKey)
	campaign := must[api.CampaignAnswer](t)(m.program.CreateCampaign(ctx, api.CampaignCreateInput{Name: "Solar", Category: "Solar", PriceShown: new(api.CampaignCreateInputPriceShownSale)}))
	buyer := must[api.BuyerAnswer](t)(m.program.CreateBuyer(ctx, api.BuyerCreateInput{Name: "Best", CreditLimit: new(json.Number("100000000"))}))
	contract := must[api.ContractAnswer](t)(m.program.CreateContract(ctx, campaign.Data.Id, api.ContractCreateInput{BuyerId: buyer.Data.Id, Price: "876543.21", Delivery: delivery}))
	m.campaign, m.contract, m.buyer = campaign.Data.Id, contract.Data.Id, buyer.Data.Id
	if d := contract.Data.Delivery; d.Secret != nil {
		secret = *d.Secret
	}
	return m, secret
}

func lead(n int) api.SupplierLeadInput {
	return api.SupplierLeadInput{
		Seller: "SDKTESTS", Category: "Solar", FirstName: "Jane", LastName: "Doe", Phone: fmt.Sprintf("604785%04d", n), State: "CA",
		AdditionalProperties: map[string]any{"homeowner": true},
	}
}

// cutter hands requests to the server, and cuts the connection of the first of some path instead of answering, after the server did.
func cutter(t *testing.T, to, path string) (address string, taken *atomic.Int32) {
	t.Helper()
	target, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	taken = new(atomic.Int32)
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ModifyResponse: func(r *http.Response) error {
			if r.Request.URL.Path == path && taken.Add(1) == 1 {
				_, err := io.Copy(io.Discard, r.Body)
				return errors.Join(err, errors.New("cut"))
			}
			return nil
		},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	s := httptest.NewServer(proxy)
	t.Cleanup(s.Close)
	return s.URL, taken
}

// A lead whose answer is lost is sent again, and is sold once.
func TestALeadIsSoldOnceThroughACutConnection(t *testing.T) {
	t.Parallel()
	m, _ := openMarket(t, nil)
	address, taken := cutter(t, m.url, "/api/leads")
	var retries atomic.Int32
	supplier, err := leadmill.New(address, m.supplierKey, leadmill.WithOnRetry(func(leadmill.Retry) { retries.Add(1) }))
	if err != nil {
		t.Fatal(err)
	}
	sold := must[api.LeadAnswer](t)(supplier.SubmitLead(t.Context(), nil, lead(1)))
	if sold.Status != api.LeadStatusSold || sold.Price == nil || *sold.Price != "876543.21" || taken.Load() != 2 || retries.Load() != 1 {
		t.Errorf("answers %+v after %d requests and %d retries", sold, taken.Load(), retries.Load())
	}
	var sales []string
	for sale, err := range m.program.EachSales(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		sales = append(sales, sale.LeadId)
	}
	if !slices.Equal(sales, []string{sold.LeadId}) {
		t.Errorf("sold %q, want %s once", sales, sold.LeadId)
	}

	_, err = supplier.SubmitLead(t.Context(), nil, api.SupplierLeadInput{Seller: "SDKTESTS", Category: "Solar", FirstName: "Jane", LastName: "Doe", Phone: "6047850002", State: "ZZ"})
	var refused *leadmill.Error
	if !errors.As(err, &refused) || refused.Status != 400 || refused.Code != "invalid_field" || len(refused.Fields["state"]) != 1 || refused.RequestID == "" {
		t.Errorf("a wrong state: %v", err)
	}
}

// A deposit whose answer is lost is sent again, and is made once. The server would take two of one amount for two, if their keys were not one.
func TestADepositIsMadeOnceThroughACutConnection(t *testing.T) {
	t.Parallel()
	m, _ := openMarket(t, nil)
	address, taken := cutter(t, m.url, "/v1/buyers/"+m.buyer+"/deposits")
	program, err := leadmill.New(address, m.programKey)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // two calls are two deposits
		must[api.LedgerEntryAnswer](t)(program.DepositMoney(t.Context(), m.buyer, api.MoneyInput{Amount: "2345678.91"}))
	}
	var amounts []json.Number
	for entry, err := range m.program.EachLedger(t.Context(), m.buyer, nil) {
		if err != nil {
			t.Fatal(err)
		}
		amounts = append(amounts, entry.Amount)
	}
	if taken.Load() != 3 || !slices.Equal(amounts, []json.Number{"2345678.91", "2345678.91"}) {
		t.Errorf("%d requests make %s", taken.Load(), amounts)
	}
}

func TestAllPagesOfPartners(t *testing.T) {
	t.Parallel()
	m, _ := openMarket(t, nil)
	want := []string{"supplier@example.com"}
	for n := range 22 {
		email := fmt.Sprintf("partner%d@example.com", n)
		must[api.PartnerAnswer](t)(m.program.CreatePartner(t.Context(), api.PartnerInput{Email: email}))
		want = append(want, email)
	}
	var got []string
	for partner, err := range m.program.EachPartners(t.Context(), &api.ListPartnersParams{Limit: new(5), Sort: new(api.ListPartnersParamsSortAsc)}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, partner.Email)
	}
	if !slices.Equal(got, want) {
		t.Errorf("goes through %q", got)
	}
	found := must[api.PartnerDetailAnswer](t)(m.program.FindPartner(t.Context(), &api.FindPartnerParams{Email: new("partner7@example.com")}))
	if found.Data.Email != "partner7@example.com" {
		t.Errorf("finds %+v", found.Data)
	}
	_, err := m.program.CreatePartner(t.Context(), api.PartnerInput{Email: "partner7@example.com"})
	var taken *leadmill.Error
	if !errors.As(err, &taken) || taken.Status != 422 || !slices.Equal(taken.Fields["email"], []string{"Email already exists"}) {
		t.Errorf("an email that is taken: %v", err)
	}
}

// store is a database of a consumer: what its events did, and the cursor, in one transaction.
type store struct {
	cursor leadmill.Cursor
	sold   map[string]int
}

// The server is killed and started again while leads are sold, and so is the consumer, anywhere between two transactions: each sale counts once.
func TestEachEventCountsOnceThroughRestarts(t *testing.T) {
	t.Parallel()
	const leads, kills = 60, 4
	m, _ := openMarket(t, nil)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var ids sync.Map
	patient := m.client(m.supplierKey, leadmill.WithAttempts(50), leadmill.WithLongestPause(200*time.Millisecond))
	selling, due, killing := make(chan error, 1), make(chan struct{}, kills), make(chan struct{})
	go func() {
		defer close(due)
		for n := range leads {
			answer, err := patient.SubmitLead(ctx, nil, lead(n))
			if err != nil || answer.Status != api.LeadStatusSold {
				selling <- fmt.Errorf("lead %d: %+v, %w", n, answer, err)
				return
			}
			ids.Store(answer.LeadId, n)
			if n%(leads/kills) == 1 {
				due <- struct{}{}
			}
		}
		selling <- nil
	}()
	t.Cleanup(func() { <-killing }) // before the server is killed for good
	go func() {
		defer close(killing)
		for range due {
			m.kill()
			m.start()
		}
	}()

	db := store{sold: map[string]int{}}
	for runs := 0; len(db.sold) < leads; runs++ {
		if ctx.Err() != nil {
			t.Fatalf("%d of %d leads after %v", len(db.sold), leads, patience)
		}
		handled := 0
		for e, err := range m.program.Events(ctx, db.cursor, leadmill.EventOptions{Types: []string{"lead.sold.v1"}, Limit: 5}) {
			if err != nil {
				t.Fatal(err)
			}
			var of events.LeadSoldV1
			if err := e.Decode(&of); err != nil {
				t.Fatal(err)
			}
			if len(of.Sales) != 1 || of.Sales[0].Price != "876543.21" {
				t.Errorf("sold as %+v", of)
			}
			db.sold[of.LeadId]++
			db.cursor = e.Cursor
			if handled++; handled > runs%7 || len(db.sold) == leads { // the consumer ends here, and begins again with its cursor
				break
			}
		}
	}
	if err := <-selling; err != nil {
		t.Fatal(err)
	}
	<-killing
	for e, err := range m.program.Events(ctx, db.cursor, leadmill.EventOptions{Types: []string{"lead.sold.v1"}, UntilEnd: true}) {
		t.Errorf("there is %s more, %v", e.Id, err)
	}
	for id, times := range db.sold {
		if _, known := ids.Load(id); !known || times != 1 {
			t.Errorf("lead %s counts %d times, sold by this test: %t", id, times, known)
		}
	}
	for _, err := range m.program.Events(ctx, leadmill.Cursor{LogID: "log_of_before", Position: 1}, leadmill.EventOptions{}) {
		var changed *leadmill.LogChangedError
		if !errors.As(err, &changed) || changed.LogID != db.cursor.LogID || changed.Head < db.cursor.Position {
			t.Errorf("the cursor of another log: %v", err)
		}
	}
}

// A delivery is signed by the server: the client takes it, with the new and the old secret while one is rotated, and refuses what was changed.
func TestWhatTheServerSigns(t *testing.T) {
	t.Parallel()
	type request struct {
		header http.Header
		body   []byte
	}
	got := make(chan request, 10)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- request{r.Header, body}
	}))
	t.Cleanup(receiver.Close)
	m, first := openMarket(t, &api.ContractDeliveryInput{Url: &receiver.URL, Mode: new(api.ContractDeliveryInputModeNotify)})
	rotated := must[api.ContractAnswer](t)(m.program.RotateContractSecret(t.Context(), m.campaign, m.contract))
	second := *rotated.Data.Delivery.Secret
	sold := must[api.LeadAnswer](t)(m.supplier.SubmitLead(t.Context(), nil, lead(1)))

	var r request
	select {
	case r = <-got:
	case <-time.After(patience):
		t.Fatal("nothing is delivered")
	}
	verify := func(body []byte, secrets ...string) (leadmill.Message, error) {
		w, err := leadmill.NewWebhook(secrets...)
		if err != nil {
			t.Fatal(err)
		}
		return w.Verify(r.header, body)
	}
	for _, secrets := range [][]string{{first}, {second}, {second, first}} {
		message, err := verify(r.body, secrets...)
		if err != nil || message.ID == "" || !strings.Contains(string(message.Body), sold.LeadId) {
			t.Errorf("with %d secrets: %s, %v", len(secrets), message.Body, err)
		}
	}
	if _, err := verify(r.body, "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"); !errors.Is(err, leadmill.ErrSignature) {
		t.Errorf("another secret: %v", err)
	}
	if _, err := verify(append(r.body, ' '), second); !errors.Is(err, leadmill.ErrSignature) {
		t.Errorf("another body: %v", err)
	}
	r.header.Set("webhook-timestamp", "1")
	if _, err := verify(r.body, second); !errors.Is(err, leadmill.ErrSignature) {
		t.Errorf("another time: %v", err)
	}
}
