// Package httpport is Leadmill's HTTP port: it turns requests into commands and queries, and what they answer into JSON.
// openapi.yaml is its contract.
package httpport

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/application/command"
	"github.com/leadmill/leadmill/application/query"
)

//go:embed openapi.yaml
var openAPI []byte

// OpenAPI returns the document that describes every route, in YAML (OpenAPI 3.1).
func OpenAPI() []byte { return append([]byte(nil), openAPI...) }

// Handlers are the commands and queries that the port calls. All of them are needed.
type Handlers struct {
	SubmitLead   bus.Handler[command.SubmitLead, command.Done]
	SupplierLead bus.Handler[query.SupplierLeadByID, query.SupplierLead]

	CreateSeller bus.Handler[command.CreateSeller, command.Done]
	UpdateSeller bus.Handler[command.UpdateSeller, command.Done]
	Sellers      bus.Handler[query.Sellers, query.List[query.Seller]]
	Seller       bus.Handler[query.SellerByCode, query.Seller]

	CreateAPIKey bus.Handler[command.CreateAPIKey, command.Done]
	RevokeAPIKey bus.Handler[command.RevokeAPIKey, command.Done]
	APIKeys      bus.Handler[query.APIKeys, query.List[query.APIKey]]

	CreatePartner   bus.Handler[command.CreatePartner, command.Done]
	UpdatePartner   bus.Handler[command.UpdatePartner, command.Done]
	SteerPartner    bus.Handler[command.SteerPartner, command.Done]
	DeletePartner   bus.Handler[command.DeletePartner, command.Done]
	InvitePartner   bus.Handler[command.InvitePartner, command.Done]
	CreateSignInURL bus.Handler[command.CreateSignInURL, command.Done]
	Partner         bus.Handler[query.PartnerByHandle, query.PartnerDetail]
	Partners        bus.Handler[query.Partners, query.List[query.Partner]]

	AddReferralLink    bus.Handler[command.AddReferralLink, command.Done]
	ChangeReferralLink bus.Handler[command.ChangeReferralLink, command.Done]
	RemoveReferralLink bus.Handler[command.RemoveReferralLink, command.Done]
	ReferralLinks      bus.Handler[query.ReferralLinks, query.List[query.ReferralLink]]
	ReferralLink       bus.Handler[query.ReferralLinkByKey, query.ReferralLink]

	CreateCustomer bus.Handler[command.CreateCustomer, command.Done]
	UpdateCustomer bus.Handler[command.UpdateCustomer, command.Done]
	SteerCustomer  bus.Handler[command.SteerCustomer, command.Done]
	Customers      bus.Handler[query.Customers, query.List[query.Customer]]
	Customer       bus.Handler[query.CustomerByHandle, query.Customer]

	UpdateLeadForm bus.Handler[command.UpdateLeadForm, command.Done]
	LeadForm       bus.Handler[query.LeadFormOfSeller, query.LeadForm]
	SubmitFormLead bus.Handler[command.SubmitFormLead, command.Done]
	ConvertLead    bus.Handler[command.ConvertLead, command.Done]
	RejectLead     bus.Handler[command.RejectLead, command.Done]
	DeleteLead     bus.Handler[command.DeleteLead, command.Done]
	FormLeads      bus.Handler[query.FormLeads, query.List[query.FormLead]]
	FormLead       bus.Handler[query.FormLeadByNumber, query.FormLead]

	UpdateSettings bus.Handler[command.UpdateSettings, command.Done]
	Settings       bus.Handler[query.SettingsOfSeller, query.Settings]
	Overview       bus.Handler[query.Overview, query.ProgramOverview]

	FollowLink       bus.Handler[command.FollowLink, command.Followed]
	AcceptInvitation bus.Handler[command.AcceptInvitation, command.Session]
	OpenSession      bus.Handler[command.OpenSession, command.Session]
	CloseSession     bus.Handler[command.CloseSession, struct{}]
	OpenInvitation   bus.Handler[query.OpenInvitation, query.InvitationView]
	PartnerPage      bus.Handler[query.PartnerPage, query.PartnerPageView]

	CreateBuyer bus.Handler[command.CreateBuyer, command.Done]
	UpdateBuyer bus.Handler[command.UpdateBuyer, command.Done]
	PauseBuyer  bus.Handler[command.PauseBuyer, command.Done]
	MoveMoney   bus.Handler[command.MoveMoney, command.Done]
	Buyers      bus.Handler[query.Buyers, query.List[query.Buyer]]
	Buyer       bus.Handler[query.BuyerByID, query.Buyer]
	Ledger      bus.Handler[query.Ledger, query.List[query.LedgerEntry]]

	CreateCampaign bus.Handler[command.CreateCampaign, command.Done]
	UpdateCampaign bus.Handler[command.UpdateCampaign, command.Done]
	SteerCampaign  bus.Handler[command.SteerCampaign, command.Done]
	Campaigns      bus.Handler[query.Campaigns, query.List[query.Campaign]]
	Campaign       bus.Handler[query.CampaignByID, query.Campaign]

	CreateContract bus.Handler[command.CreateContract, command.Done]
	UpdateContract bus.Handler[command.UpdateContract, command.Done]
	SteerContract  bus.Handler[command.SteerContract, command.Done]
	Contracts      bus.Handler[query.Contracts, query.List[query.Contract]]
	Contract       bus.Handler[query.ContractByID, query.Contract]
	ContractUsage  bus.Handler[query.ContractUsage, []query.Usage]

	MarketplaceLeads bus.Handler[query.MarketplaceLeads, query.List[query.MarketplaceLead]]
	MarketplaceLead  bus.Handler[query.MarketplaceLeadByID, query.MarketplaceLead]
	CampaignReport   bus.Handler[query.CampaignReport, []query.CampaignReportRow]
	Events           bus.Handler[query.Events, query.EventPage]
}

// Deps is what the port needs.
type Deps struct {
	Handlers      Handlers
	Authenticator application.Authenticator
	Limiter       application.RateLimiter
	Clock         application.Clock
	IDs           application.IDs
	Logger        *slog.Logger
	// PublicURL is where clients reach this server, such as https://leads.example.com; empty: the request's host.
	PublicURL string
	// Ready says whether the database answers and has the schema of this version; nil error is ready.
	Ready func(ctx context.Context) error
	// MaxBody is the largest JSON or form body in bytes; zero is 64 KiB.
	MaxBody int64
}

// The limits of the server (reliability.md, "Server limits").
const (
	maxBody       = 64 << 10
	maxHeader     = 16 << 10
	headerTimeout = 5 * time.Second
	readTimeout   = 15 * time.Second
	writeTimeout  = 30 * time.Second
	idleTimeout   = 60 * time.Second
	drainTimeout  = 20 * time.Second
	readyTimeout  = 2 * time.Second
)

// Server answers HTTP. It is an http.Handler, and Serve runs it with the limits of a public server.
type Server struct {
	deps    Deps
	engine  *gin.Engine
	timeout timeouts

	// running ends when the server begins to stop.
	running context.Context
	stop    context.CancelFunc
}

type timeouts struct{ header, read, write, idle, drain time.Duration }

// New makes a Server. The error names every dependency that is missing.
func New(d Deps) (*Server, error) {
	var missing []error
	for name, v := range map[string]any{"Authenticator": d.Authenticator, "Limiter": d.Limiter, "Clock": d.Clock, "IDs": d.IDs} {
		if v == nil {
			missing = append(missing, fmt.Errorf("httpport: %s is missing", name))
		}
	}
	if d.Logger == nil {
		missing = append(missing, errors.New("httpport: Logger is missing"))
	}
	if d.Ready == nil {
		missing = append(missing, errors.New("httpport: Ready is missing"))
	}
	handlers := reflect.ValueOf(d.Handlers)
	for i := range handlers.NumField() {
		if handlers.Field(i).IsNil() {
			missing = append(missing, fmt.Errorf("httpport: handler %s is missing", handlers.Type().Field(i).Name))
		}
	}
	if len(missing) > 0 {
		return nil, errors.Join(missing...)
	}
	if d.MaxBody <= 0 {
		d.MaxBody = maxBody
	}
	d.PublicURL = strings.TrimRight(d.PublicURL, "/")
	s := &Server{deps: d, timeout: timeouts{header: headerTimeout, read: readTimeout, write: writeTimeout, idle: idleTimeout,
		drain: drainTimeout}}
	s.running, s.stop = context.WithCancel(context.Background())
	gin.SetMode(gin.ReleaseMode)
	s.engine = gin.New()
	s.engine.UseRawPath = true
	s.engine.HandleMethodNotAllowed = true
	s.engine.RedirectTrailingSlash = false
	s.engine.RedirectFixedPath = false
	if err := s.engine.SetTrustedProxies(nil); err != nil {
		return nil, err
	}
	for _, r := range routes() {
		f := programForm
		if strings.HasPrefix(r.path, "/api/") {
			f = supplierForm
		}
		s.engine.Handle(r.method, r.path, s.handle(f, r.scope, r.do))
	}
	s.engine.NoRoute(s.fallback(func(k *call) { k.fail(errNoRoute) })...)
	s.engine.NoMethod(s.fallback(func(k *call) { k.fail(errMethod) })...)
	return s, nil
}

// fallback answers in the form of the API whose path was asked for.
func (s *Server) fallback(do func(*call)) []gin.HandlerFunc {
	inSupplierForm, inProgramForm := s.handle(supplierForm, public, do), s.handle(programForm, public, do)
	return []gin.HandlerFunc{func(c *gin.Context) {
		if path := c.Request.URL.Path; path == "/api" || strings.HasPrefix(path, "/api/") {
			inSupplierForm(c)
			return
		}
		inProgramForm(c)
	}}
}

// ServeHTTP implements http.Handler. A path with a slash at its end is the same path, never a redirect.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if u := r.URL; len(u.Path) > 1 && u.Path[len(u.Path)-1] == '/' && !strings.HasSuffix(u.RawPath, "%2F") && !strings.HasSuffix(u.RawPath, "%2f") {
		u.Path = u.Path[:len(u.Path)-1]
		u.RawPath = strings.TrimSuffix(u.RawPath, "/")
	}
	s.engine.ServeHTTP(w, r)
}

// Serve answers requests on a listener until ctx ends. Then the server is not ready, long polls end, and requests that are
// under way have 20 seconds. It returns nil when all of them were answered.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{Handler: s, ReadHeaderTimeout: s.timeout.header, ReadTimeout: s.timeout.read,
		WriteTimeout: s.timeout.write, IdleTimeout: s.timeout.idle, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(s.deps.Logger.Handler(), slog.LevelDebug)}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	select {
	case err := <-failed:
		s.Stop()
		return err
	case <-ctx.Done():
	}
	s.Stop()
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.timeout.drain)
	defer cancel()
	err := server.Shutdown(drain)
	if err != nil {
		err = errors.Join(fmt.Errorf("httpport: requests were cut off at shutdown: %w", err), server.Close())
	}
	if ended := <-failed; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	return err
}

// Stop makes the server not ready and ends its long polls; other requests are still answered. Serve does so itself.
func (s *Server) Stop() { s.stop() }

// untilStop returns a context that ends with the request or when the server stops. The caller must call release.
func (s *Server) untilStop(ctx context.Context) (_ context.Context, release func()) {
	ctx, cancel := context.WithCancel(ctx)
	unhook := context.AfterFunc(s.running, cancel)
	return ctx, func() {
		unhook()
		cancel()
	}
}
