package markethttp

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel"

	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/adapters/random"
	"github.com/leadmill/leadmill/adapters/ratelimit"
	"github.com/leadmill/leadmill/adapters/telemetry"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/application/market"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/seller"
	httpport "github.com/leadmill/leadmill/ports/http"
)

// oneSupplier knows one key, which has no rate limit.
type oneSupplier struct{ actor application.Actor }

func (a oneSupplier) Authenticate(context.Context, string) (application.Actor, seller.RateLimit, error) {
	return a.actor, seller.RateLimit{}, nil
}

// oneCampaign has one campaign and no lead.
type oneCampaign struct {
	market.CampaignReader
	market.ReplayReader

	campaign *campaign.Campaign
}

func (c oneCampaign) ActiveCampaign(context.Context, string, string) (*campaign.Campaign, error) {
	return c.campaign, nil
}

// BenchmarkLeadOutsideOfTheTransaction is all that a request costs but the batch with its transaction and net/http's own part:
// routing, its key, reading and checking the lead, the interceptors and the answer.
func BenchmarkLeadOutsideOfTheTransaction(b *testing.B) {
	system := clock.NewSystem()
	logger := slog.New(slog.NewJSONHandler(b.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	metrics, err := telemetry.NewMetrics(prometheus.NewRegistry(), system)
	require.NoError(b, err)
	chain, err := bus.NewChain(telemetry.Recover{}, telemetry.Trace{Tracer: otel.Tracer("leadmill")}, metrics,
		telemetry.Log{Logger: logger, Clock: system}, application.Authorise{})
	require.NoError(b, err)
	name, category := "Auto", "Auto Insurance"
	strategy := "priority"
	c, err := campaign.New("campaign_1", "seller_1", campaign.StatusActive, campaign.Definition{
		Name: &name, Category: &category, Strategy: &strategy,
		Dedupe: &campaign.Dedupe{Fields: []string{"phone", "email"}, Match: campaign.MatchAny, WindowDays: 30},
	}, anyStrategy{}, system.Now())
	require.NoError(b, err)
	known := oneCampaign{campaign: c}
	ids := random.NewIDs(system)
	sold := application.Done{Response: application.Response{
		Status: http.StatusOK, Body: []byte(`{"success":true,"lead_id":"lead_1","status":"sold","price":31.50,"buyer_ids":["buyer_1"]}`),
	}}
	submit := application.Command(application.NewOperations(chain), &marketcommand.SubmitLeadHandler{
		Deps: market.Deps{Clock: system, IDs: ids, InFlight: application.NewInFlight()}, Replays: known, Directory: marketcommand.NewDirectory(known, marketcommand.NewPlans(nil)),
		Batch: bus.HandlerFunc[*marketcommand.Submission, application.Done](func(context.Context, *marketcommand.Submission) (application.Done, error) {
			return sold, nil
		}),
	})
	server, err := httpport.New(httpport.Deps{
		Routes: Handlers{SupplierHandlers: SupplierHandlers{SubmitLead: submit}}.supplierRoutes(), Authenticator: oneSupplier{application.Actor{
			Scope: seller.Supplier, KeyID: "key_1", SellerID: "seller_1", SellerCode: "ACME1234", Currency: money.MustCurrency("USD"), PartnerID: "partner_1",
		}}, Limiter: ratelimit.NewMemory(system), Clock: system, IDs: ids, Logger: logger, Ready: func(context.Context) error { return nil },
	})
	require.NoError(b, err)
	const lead = `{"seller":"ACME1234","category":"Auto Insurance","firstName":"John","lastName":"Doe","phone":"5551234567",` +
		`"email":"john.5551234567@example.com","state":"TX","zip":"75001"}`
	request := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "/api/leads", nil)
	request.Header.Set("Authorization", "Bearer lm_1")
	request.Header.Set("Content-Type", "application/json")
	request.ContentLength = int64(len(lead))
	body := strings.NewReader(lead)
	request.Body = nothingToClose{body}
	answer := &discarded{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		body.Reset(lead)
		clear(answer.header)
		server.ServeHTTP(answer, request)
	}
	require.Equal(b, http.StatusOK, answer.status)
}

type anyStrategy struct{}

func (anyStrategy) Has(string) bool { return true }

type nothingToClose struct{ *strings.Reader }

func (nothingToClose) Close() error { return nil }

// discarded is an answer of which only the status is kept.
type discarded struct {
	header http.Header
	status int
}

func (d *discarded) Header() http.Header         { return d.header }
func (d *discarded) Write(b []byte) (int, error) { return len(b), nil }
func (d *discarded) WriteHeader(status int)      { d.status = status }
