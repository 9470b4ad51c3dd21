package leadmill

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/fx"

	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/adapters/eventlog"
	"github.com/leadmill/leadmill/adapters/jobs"
	"github.com/leadmill/leadmill/adapters/password"
	"github.com/leadmill/leadmill/adapters/random"
	"github.com/leadmill/leadmill/adapters/ratelimit"
	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/adapters/telemetry"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/application/projection"
	"github.com/leadmill/leadmill/domain/attribution"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/event"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/ports/events"
	httpport "github.com/leadmill/leadmill/ports/http"
	accounthttp "github.com/leadmill/leadmill/ports/http/account"
	feedhttp "github.com/leadmill/leadmill/ports/http/feed"
	markethttp "github.com/leadmill/leadmill/ports/http/market"
	programhttp "github.com/leadmill/leadmill/ports/http/program"
)

// coreConstructor is a constructor of what every room needs. tags are those of its parameters.
type coreConstructor struct {
	make any
	tags []string
}

// coreConstructors make what every room needs. Those that need the tables depend on migrated, so that nothing uses the
// database before its schema is current.
var coreConstructors = []coreConstructor{
	{make: newClock},
	{make: func(clock application.Clock) application.IDs { return random.NewIDs(clock) }},
	{make: func() application.Secrets { return random.Secrets{} }},
	{make: newHasher},
	{make: newOutbound},
	{make: newSealer},
	{make: newLimiter},
	{make: newRegistry},
	{make: newTracing},
	{make: openDatabase},
	{make: migrate},
	{make: newLog},
	{make: application.NewKeyUsage},
	{make: newStore, tags: []string{``, ``, ``, ``, ``, ``, ``, groupTranslations, groupTeamEvents}},
	{make: newDeps},
	{make: newReader},
	{make: application.NewInFlight},
	{make: application.NewOperations},
	{make: newScopes, tags: []string{groupScopes}},
	{make: func() *publicAddress { return &publicAddress{} }},
	{make: newChain, tags: []string{``, ``, ``, ``, ``, ``, ``, groupInterceptors}},
	{make: newRunner, tags: []string{``, ``, ``, ``, groupProjections}},
	{make: newJobs, tags: []string{``, ``, ``, ``, ``, ``, groupJobs}},
	{make: newCatalogue, tags: []string{groupTeamEvents}},
	{make: newFeed},
	{make: newStreams},
	{make: newRelays},
	{make: newSubscriptions, tags: []string{``, ``, ``, ``, ``, ``, ``, ``, groupReactions, ``}},
	{make: newWatch},
	{make: newFactProviders, tags: []string{``, groupFacts}},
	{make: newFilters},
	{make: newIntakeRules, tags: []string{``, groupIntakeRules}},
	{make: newStrategies, tags: []string{``, groupReplacedStrategies, groupStrategies}},
	{make: newAttributionPolicies, tags: []string{groupReplacedPolicies, groupPolicies}},
}

// open are the types of what Leadmill offers to every module; see Extension. What else it makes is its own.
var open = map[reflect.Type]bool{
	reflect.TypeFor[*slog.Logger]():               true,
	reflect.TypeFor[Config]():                     true,
	reflect.TypeFor[application.Clock]():          true,
	reflect.TypeFor[application.IDs]():            true,
	reflect.TypeFor[application.Secrets]():        true,
	reflect.TypeFor[application.Mailer]():         true,
	reflect.TypeFor[application.PasswordHasher](): true,
	reflect.TypeFor[application.Sessions]():       true,
	reflect.TypeFor[*application.Operations]():    true,
	reflect.TypeFor[Deps]():                       true,
	reflect.TypeFor[projection.Reader]():          true,
	reflect.TypeFor[*prometheus.Registry]():       true,
}

// coreTypes are the types of what the core provides.
var coreTypes = sync.OnceValue(func() map[reflect.Type]bool {
	types := map[reflect.Type]bool{
		reflect.TypeFor[*slog.Logger](): true, reflect.TypeFor[Config](): true, reflect.TypeFor[wrapDriver](): true,
		reflect.TypeFor[*assembly](): true, reflect.TypeFor[*closers](): true, reflect.TypeFor[opening](): true,
	}
	for _, c := range coreConstructors {
		types[reflect.TypeOf(c.make).Out(0)] = true
	}
	return types
})

// coreNeeds are the types that the core takes from the rooms.
func coreNeeds() []reflect.Type {
	var types []reflect.Type
	for _, f := range reflect.VisibleFields(reflect.TypeFor[core]()) {
		if !f.Anonymous {
			types = append(types, f.Type)
		}
	}
	for _, c := range coreConstructors {
		types = slices.AppendSeq(types, reflect.TypeOf(c.make).Ins())
	}
	return types
}

// coreOption makes what the core provides, but for what a module replaced.
func coreOption(replaced map[reflect.Type]*provider) fx.Option {
	var options []fx.Option
	for _, c := range coreConstructors {
		if replaced[reflect.TypeOf(c.make).Out(0)] == nil {
			options = append(options, fx.Provide(fx.Annotate(c.make, fx.ParamTags(c.tags...))))
		}
	}
	return fx.Options(options...)
}

// core holds what the commands of the command line use.
type core struct {
	fx.In

	Assembly      *assembly
	Config        Config
	Logger        *slog.Logger
	DB            *dialect.DB
	Clock         application.Clock
	IDs           application.IDs
	Limiter       application.RateLimiter
	Log           *eventLog
	Runner        *eventlog.Runner
	Keyring       *application.Keyring
	Usage         *application.KeyUsage
	Store         *sqlstore.Store
	Admin         adminKey
	Registry      *prometheus.Registry
	Address       *publicAddress
	Chain         bus.Chain
	Tracing       *tracing
	Operations    *application.Operations
	Scopes        application.Scopes
	Subscriptions []events.Subscription
	Streams       *eventlog.Streams
	Jobs          *jobs.Runner
	Routes        []part[httpport.Team] `group:"routes"`
	Made          []part[operationName] `group:"operations"`

	Account accounthttp.Handlers
	People  people
	// Sessions says who is signed in to the pages.
	Sessions application.Sessions
	Program  programhttp.Handlers
	Market   markethttp.Handlers
	Feed     feedhttp.Handlers

	Erasing  market.Erasing
	Erasures erasureTools

	Policies   attribution.Policies
	Rules      lead.IntakeRules
	Strategies distribution.Strategies
	Facts      application.FactProviders
}

// passwordsWait is how many passwords wait for each core that hashes them: they take a second or two.
const passwordsWait = 32

func newHasher() application.PasswordHasher {
	cores := runtime.GOMAXPROCS(0)
	return password.Limit(password.Argon2id{}, cores, passwordsWait*cores)
}

// newLimiter returns a limiter that instances share when there is a Redis.
func newLimiter(c Config, clock application.Clock, logger *slog.Logger, registry *prometheus.Registry, closing *closers) (application.RateLimiter, error) {
	if c.RedisURL == "" {
		return ratelimit.NewMemory(clock), nil
	}
	limiter, err := ratelimit.NewRedis(c.RedisURL, clock, logger)
	if err != nil {
		return nil, fmt.Errorf("LEADMILL_REDIS_URL %w", err)
	}
	closing.add("Redis", limiter.Close)
	return limiter, registry.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "leadmill_rate_limits_shared", Help: "1 while rate limits are counted in Redis, 0 while it is away and each instance counts by itself.",
	}, func() float64 {
		if limiter.Shared() {
			return 1
		}
		return 0
	}))
}

func newClock() application.Clock { return clock.NewSystem() }

// wrapDriver wraps the connector of the database's driver; nil for none.
type wrapDriver func(driver.Connector) driver.Connector

// opening says how the database is opened.
type opening struct {
	// makes has the database made, migrated, and given an admin key where it has none; otherwise it must be as this build needs it.
	makes bool
	// tell is where it is printed which database that is; nil for nowhere.
	tell io.Writer
}

func openDatabase(closing *closers, c Config, o opening, wrap wrapDriver, logger *slog.Logger) (*dialect.DB, error) {
	told := func(stalled bool) {
		if stalled {
			logger.Warn("the database does not answer; requests that need it are refused until it does")
			return
		}
		logger.Info("the database answers again")
	}
	// A command of an operator takes as long as it takes; what serves is not to wait for a server that is gone.
	db, err := openDB(c, o.tell, dialect.Options{Wrap: wrap, Existing: !o.makes, Unhurried: !o.makes, Stalled: told, MaxConnections: c.DatabasePool})
	if err != nil {
		return nil, err
	}
	closing.add("the database", db.Close)
	return db, nil
}

// openDB opens the database of the settings, and prints to tell which one that is. The error says how to make one that is missing.
func openDB(c Config, tell io.Writer, o dialect.Options) (*dialect.DB, error) {
	if tell != nil {
		_, _ = fmt.Fprintf(tell, "Database: %s\n", dialect.Describe(c.DatabaseURL))
	}
	db, err := dialect.Open(c.DatabaseURL, o)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf(`open the database: %w; look at LEADMILL_DATABASE_URL, or make a database by "leadmill serve" or "leadmill migrate up"`, err)
	}
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	return db, nil
}

// migrated is the proof, for constructors, that the schema is current.
type migrated struct{}

// connectPatience is how long a start waits for a database that is still starting, as under docker compose.
const connectPatience = time.Minute

func migrate(ctx starting, c Config, db *dialect.DB, o opening, wrap wrapDriver, logger *slog.Logger, a *assembly) (_ migrated, err error) {
	if err := waitFor(ctx, db, c, logger); err != nil {
		return migrated{}, err
	}
	if !o.makes {
		return migrated{}, sqlstore.CheckVersion(ctx, db, a.migrations...)
	}
	// A migration of a large table takes longer than a server that serves requests may be silent.
	unhurried, err := openDB(c, nil, dialect.Options{Wrap: wrap, Unhurried: true, MaxConnections: migrationConnections})
	if err != nil {
		return migrated{}, err
	}
	defer func() { err = errors.Join(err, unhurried.Close()) }()
	return migrated{}, sqlstore.MigrateAndTell(ctx, unhurried, logger, a.migrations...)
}

// migrationConnections is enough for a migration: one holds its lock.
const migrationConnections = 4

// waitFor returns when the database answers. What waiting does not change, such as a wrong password, is an error at once; so is the end of ctx.
func waitFor(ctx context.Context, db *dialect.DB, c Config, logger *slog.Logger) error {
	within, cancel := context.WithTimeout(ctx, connectPatience)
	defer cancel()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var last error
	for {
		err := db.Ping(within)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("told to stop while waiting for the database %s: %w", dialect.Describe(c.DatabaseURL), cmp.Or(last, err))
		case dialect.Refused(err) != nil:
			return fmt.Errorf("the database %s cannot be used, %w; look at LEADMILL_DATABASE_URL", dialect.Describe(c.DatabaseURL), dialect.Refused(err))
		case within.Err() != nil:
			return fmt.Errorf("the database %s could not be reached for %v: %w", dialect.Describe(c.DatabaseURL), connectPatience, cmp.Or(last, err))
		case last == nil:
			logger.Warn("the database cannot be reached yet; it is waited for", slog.String("database", dialect.Describe(c.DatabaseURL)),
				slog.Duration("at_most", connectPatience), slog.Any("error", dialect.Redact(err)))
		}
		last = err
		select {
		case <-tick.C:
		case <-within.Done():
		}
	}
}

// eventLog holds the parts of the event log that one instance has.
type eventLog struct {
	committed *eventlog.Signal
	head      *eventlog.Head
	sequencer *eventlog.Sequencer
	reader    *eventlog.Reader
	consumers *eventlog.Consumers
}

func newLog(_ migrated, db *dialect.DB, logger *slog.Logger) *eventLog {
	l := &eventLog{committed: eventlog.NewSignal()}
	l.head = eventlog.NewHead(db, l.committed, eventlog.HeadConfig{Logger: logger})
	l.sequencer = eventlog.NewSequencer(db, l.committed, l.head, eventlog.SequencerConfig{Logger: logger})
	l.reader = eventlog.NewReader(db, l.head)
	l.consumers = eventlog.NewConsumers(db, l.head)
	return l
}

func newStore(_ migrated, registry *prometheus.Registry, db *dialect.DB, l *eventLog, ids application.IDs, clock application.Clock, usage *application.KeyUsage,
	translations []part[application.Translation],
	registered []part[application.TeamEvent],
) (*sqlstore.Store, error) {
	ofTeams, err := application.TranslateTeamEvents(clock, values(registered)...)
	if err != nil {
		return nil, err
	}
	// Leadmill's own come first, so that no module translates what is not its own.
	var own, more application.Translations
	for _, t := range translations {
		if t.by.module.own {
			own = append(own, t.value)
			continue
		}
		more = append(more, ofModule(t, registered))
	}
	all := slices.Concat(own, more, application.Translations{ofTeams})
	metrics, err := telemetry.NewMarket(registry)
	if err := errors.Join(err, measureDatabase(registry, db)); err != nil {
		return nil, err
	}
	store := sqlstore.New(db, eventlog.NewWriter(db), l.committed, ids, all.Translate)
	store.OnSellerJobs(l.head.Stir)
	store.Observe(func(e event.Event) {
		metrics.Happened(e)
		if e, ok := e.(lead.Submitted); ok {
			usage.LeadCame(e.KeyID)
		}
	})
	return store, nil
}

// ofModule returns a module's translation, which yields the events that the module registered and no others.
func ofModule(t part[application.Translation], registered []part[application.TeamEvent]) application.Translation {
	types := map[string]bool{}
	for _, r := range registered {
		if r.by.module == t.by.module {
			types[r.value.Definition.Type] = true
		}
	}
	return func(e event.Event) (application.Published, bool, error) {
		p, ok, err := t.value(e)
		if ok && err == nil && !types[p.Type] {
			err = fmt.Errorf("%s: translates a %T to %q, which the module did not register by AsEvent", t.by.where(), e, p.Type)
		}
		return p, ok, err
	}
}

func newRunner(db *dialect.DB, l *eventLog, clock application.Clock, logger *slog.Logger, projections []part[projection.Projection]) (*eventlog.Runner, error) {
	if err := unique("projections", projections, projection.Projection.Name); err != nil {
		return nil, err
	}
	list := values(projections)
	for i, p := range projections {
		if !p.by.module.own {
			list[i] = guarded{p.value, db}
		}
	}
	return eventlog.NewRunner(db, l.reader, clock, list, eventlog.RunnerConfig{Logger: logger})
}

// guarded is a module's projection, which writes to tables of modules only.
type guarded struct {
	projection.Projection

	dialect dialect.Dialect
}

// Apply implements projection.Projection.
func (g guarded) Apply(ctx context.Context, tx projection.Tx, events []application.StoredEvent) error {
	return g.Projection.Apply(ctx, sqlstore.GuardTx(g.dialect, tx), events)
}

// Reset implements projection.Projection.
func (g guarded) Reset(ctx context.Context, tx projection.Tx) error {
	return g.Projection.Reset(ctx, sqlstore.GuardTx(g.dialect, tx))
}

// adminKey is the installation's admin key: its hash and, if this start made it, its text.
type adminKey struct {
	hash [sha256.Size]byte
	made string
}

// adminKeyName is the name under which the hash of a made admin key is stored.
const adminKeyName = "admin_key_sha256"

// publicAddress is the address under which clients reach this server: LEADMILL_PUBLIC_URL, or else the address it listens
// on, empty before that.
type publicAddress struct{ at atomic.Pointer[string] }

func (a *publicAddress) set(base string) { a.at.Store(&base) }

func (a *publicAddress) base() string {
	if base := a.at.Load(); base != nil {
		return *base
	}
	return ""
}

func newChain(logger *slog.Logger, traces *tracing, registry *prometheus.Registry, clock application.Clock, ids application.IDs, store *sqlstore.Store, scopes application.Scopes,
	more []part[bus.Interceptor],
) (bus.Chain, error) {
	if err := unique("interceptors", more, bus.Interceptor.Code); err != nil {
		return bus.Chain{}, err
	}
	metrics, err := telemetry.NewMetrics(registry, clock)
	if err != nil {
		return bus.Chain{}, err
	}
	return bus.NewChain(append(interceptors(metrics, traces, logger, clock, scopes), append(values(more), application.Audit{Clock: clock, IDs: ids, Writer: store, Logger: logger})...)...)
}

// interceptors are Leadmill's own.
func interceptors(metrics *telemetry.Metrics, traces *tracing, logger *slog.Logger, clock application.Clock, scopes application.Scopes) []bus.Interceptor {
	return []bus.Interceptor{
		telemetry.Recover{},
		telemetry.Trace{Tracer: traces.tracer},
		metrics,
		telemetry.Log{Logger: logger, Clock: clock},
		application.Authorise{Scopes: scopes},
	}
}

// newScopes returns the key scopes of all modules.
func newScopes(list []part[application.KeyScope]) (application.Scopes, error) {
	return application.NewScopes(values(list)...)
}

// checkScopes compares the key scopes with the commands and queries of the build.
func (k *core) checkScopes() error {
	var wrong []error
	for _, scope := range k.Scopes.Declared() {
		if err := scope.Check(k.Operations); err != nil {
			for line := range strings.SplitSeq(err.Error(), "\n") { // of several joined errors
				wrong = append(wrong, fmt.Errorf("%s: %s", k.Assembly.names["key scopes "+string(scope.Name)], line))
			}
		}
	}
	return errors.Join(append(wrong, k.Scopes.CheckNeeds(k.Operations))...)
}

// server returns the HTTP port with the routes of all modules.
func (k *core) server() (*httpport.Server, error) {
	var routes []httpport.Route
	var teams []httpport.Team
	for _, p := range k.Routes {
		if p.by.module.own {
			routes = append(routes, p.value.Routes...)
			continue
		}
		teams = append(teams, p.value)
	}
	missed, err := telemetry.NewNotSupported(k.Registry)
	if err != nil {
		return nil, err
	}
	requests, err := telemetry.NewHTTP(k.Registry)
	if err != nil {
		return nil, err
	}
	var tracer trace.Tracer
	if k.Tracing.on {
		tracer = k.Tracing.tracer
	}
	var encryption *tls.Config
	if k.Config.TLSCert != "" {
		certificate, err := httpport.OpenCertificate(k.Config.TLSCert, k.Config.TLSKey, k.Logger)
		if err != nil {
			return nil, err
		}
		encryption = certificate.Config()
	}
	s, err := httpport.New(httpport.Deps{
		TLS:    encryption,
		Tracer: tracer,
		Routes: routes, Teams: teams, Scopes: k.Scopes, Authenticator: k.Keyring, Limiter: k.Limiter, Clock: k.Clock, IDs: k.IDs,
		Logger: k.Logger, PublicURL: k.Config.PublicURL, TrustedProxies: k.Config.TrustedProxies, Ready: k.isReady, NotSupported: missed.Asked,
		Measure:  requests.Route,
		Timeouts: httpport.Timeouts{Notice: k.Config.Drain},
	})
	if err != nil {
		return nil, fmt.Errorf("make the HTTP server: %w", err)
	}
	return s, nil
}
