package leadmill

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"go.opentelemetry.io/otel"
	"go.uber.org/fx"

	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/adapters/eventlog"
	"github.com/leadmill/leadmill/adapters/password"
	"github.com/leadmill/leadmill/adapters/random"
	"github.com/leadmill/leadmill/adapters/ratelimit"
	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/adapters/telemetry"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/application/projection"
	"github.com/leadmill/leadmill/domain/attribution"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/ports/events"
	httpport "github.com/leadmill/leadmill/ports/http"
	accounthttp "github.com/leadmill/leadmill/ports/http/account"
	feedhttp "github.com/leadmill/leadmill/ports/http/feed"
	markethttp "github.com/leadmill/leadmill/ports/http/market"
	programhttp "github.com/leadmill/leadmill/ports/http/program"
)

// coreModule provides what every room needs. Constructors that need the tables depend on migrated, so that nothing uses the
// database before its schema is current.
var coreModule = fx.Module("core", fx.Provide(
	newClock,
	fx.Annotate(random.NewIDs, fx.As(new(application.IDs))),
	func() application.Secrets { return random.Secrets{} },
	func() application.PasswordHasher { return password.Argon2id{} },
	fx.Annotate(ratelimit.NewMemory, fx.As(new(application.RateLimiter))),
	newRegistry,
	openDatabase,
	migrate,
	newLog,
	fx.Annotate(newStore, fx.ParamTags(``, ``, ``, ``, groupTranslations)),
	application.NewInFlight,
	application.NewOperations,
	func() *publicAddress { return &publicAddress{} },
	fx.Annotate(newChain, fx.ParamTags(``, ``, ``, groupInterceptors)),
	fx.Annotate(newRunner, fx.ParamTags(``, ``, ``, ``, groupProjections)),
	fx.Annotate(newPurge, fx.ResultTags(groupJobs)),
	fx.Annotate(newCatalogue, fx.ParamTags(groupTeamEvents)),
	fx.Annotate(newTeamTranslation, fx.ParamTags(``, groupTeamEvents), fx.ResultTags(groupTranslations)),
	newSubscriptions,
))

// core holds what the commands of the command line use.
type core struct {
	fx.In

	Config        Config
	Logger        *slog.Logger
	DB            *dialect.DB
	Clock         application.Clock
	IDs           application.IDs
	Limiter       application.RateLimiter
	Log           *eventLog
	Runner        *eventlog.Runner
	Keyring       *application.Keyring
	Admin         adminKey
	Registry      *prometheus.Registry
	Address       *publicAddress
	Chain         bus.Chain
	Operations    *application.Operations
	Subscriptions []events.Subscription
	Jobs          []application.Job  `group:"jobs"`
	Routes        [][]httpport.Route `group:"routes"`

	Account accounthttp.Handlers
	Program programhttp.Handlers
	Market  markethttp.Handlers
	Feed    feedhttp.Handlers

	Policies   attribution.Policies
	Rules      lead.IntakeRules
	Strategies distribution.Strategies
}

func newClock() application.Clock { return clock.NewSystem() }

func newRegistry() (*prometheus.Registry, error) {
	r := prometheus.NewRegistry()
	for _, c := range []prometheus.Collector{collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})} {
		if err := r.Register(c); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func openDatabase(lc fx.Lifecycle, c Config) (*dialect.DB, error) {
	db, err := dialect.Open(c.DatabaseURL, dialect.Options{})
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	lc.Append(fx.StopHook(db.Close))
	return db, nil
}

// migrated is the proof, for constructors, that the schema is current.
type migrated struct{}

// connectPatience is how long a start waits for a database that is still starting, as under docker compose.
const connectPatience = time.Minute

func migrate(db *dialect.DB, logger *slog.Logger) (migrated, error) {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	if err := waitFor(ctx, db, logger); err != nil {
		return migrated{}, err
	}
	return migrated{}, sqlstore.Migrate(ctx, db)
}

func waitFor(ctx context.Context, db *dialect.DB, logger *slog.Logger) error {
	ctx, cancel := context.WithTimeout(ctx, connectPatience)
	defer cancel()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for told := false; ; told = true {
		err := db.Ping(ctx)
		if err == nil {
			return nil
		}
		if !told {
			logger.Warn("the database cannot be reached yet", slog.Any("error", dialect.Redact(err)))
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return err
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

func newStore(_ migrated, db *dialect.DB, l *eventLog, ids application.IDs, translations []application.Translation) *sqlstore.Store {
	return sqlstore.New(db, eventlog.NewWriter(db), l.committed, ids, application.Translations(translations).Translate)
}

func newRunner(db *dialect.DB, l *eventLog, clock application.Clock, logger *slog.Logger, projections []projection.Projection) (*eventlog.Runner, error) {
	return eventlog.NewRunner(db, l.reader, clock, projections, eventlog.RunnerConfig{Logger: logger})
}

// newPurge deletes the claims, stored responses and tokens whose time is over, in all rooms.
func newPurge(_ migrated, s *sqlstore.Store, clock application.Clock) application.Job {
	return application.Job{Name: "purge what is over", Every: time.Minute, Do: func(ctx context.Context) error {
		_, err := s.PurgeExpired(ctx, clock.Now())
		return err
	}}
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

func newChain(logger *slog.Logger, registry *prometheus.Registry, clock application.Clock, more []bus.Interceptor) (bus.Chain, error) {
	metrics, err := telemetry.NewMetrics(registry, clock)
	if err != nil {
		return bus.Chain{}, err
	}
	return bus.NewChain(append([]bus.Interceptor{
		telemetry.Recover{},
		telemetry.Trace{Tracer: otel.Tracer("leadmill")},
		metrics,
		telemetry.Log{Logger: logger, Clock: clock},
		application.Authorise{},
	}, more...)...)
}

// server returns the HTTP port with the routes of all rooms.
func (k *core) server() (*httpport.Server, error) {
	s, err := httpport.New(httpport.Deps{
		Routes: slices.Concat(k.Routes...), Authenticator: k.Keyring, Limiter: k.Limiter, Clock: k.Clock, IDs: k.IDs,
		Logger: k.Logger, PublicURL: k.Config.PublicURL, Ready: k.isReady,
	})
	if err != nil {
		return nil, fmt.Errorf("make the HTTP server: %w", err)
	}
	return s, nil
}
