package leadmill

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"go.opentelemetry.io/otel"
	"go.uber.org/fx"

	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/adapters/eventlog"
	"github.com/leadmill/leadmill/adapters/mail"
	"github.com/leadmill/leadmill/adapters/password"
	"github.com/leadmill/leadmill/adapters/random"
	"github.com/leadmill/leadmill/adapters/ratelimit"
	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/adapters/telemetry"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/application/command"
	"github.com/leadmill/leadmill/application/projection"
	"github.com/leadmill/leadmill/domain/attribution"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/event"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/ports/events"
	httpport "github.com/leadmill/leadmill/ports/http"
)

// coreModule provides everything but the servers. Constructors that need the tables depend on migrated, so that nothing
// uses a database before its schema is there.
var coreModule = fx.Module("leadmill",
	fx.Provide(
		newClock,
		fx.Annotate(random.NewIDs, fx.As(new(application.IDs))),
		func() application.Secrets { return random.Secrets{} },
		func() application.PasswordHasher { return password.Argon2id{} },
		fx.Annotate(ratelimit.NewMemory, fx.As(new(application.RateLimiter))),
		newRegistry,
		openDatabase,
		migrate,
		newLog,
		newWork,
		newReader,
		newAuthenticator,
		newDirectory,
		newBatcher,
		newClicks,
		newDeps,
		newMatcher,
		newMailer,
		newPostman,
		func() *publicAddress { return &publicAddress{} },
		fx.Annotate(newChain, fx.ParamTags(``, ``, ``, groupInterceptors)),
		fx.Annotate(func(rules []lead.IntakeRule) (lead.IntakeRules, error) { return lead.NewIntakeRules(rules...) }, fx.ParamTags(groupIntakeRules)),
		fx.Annotate(func(more []distribution.Strategy) (distribution.Strategies, error) {
			return distribution.NewStrategies(more...)
		}, fx.ParamTags(groupStrategies)),
		func(s distribution.Strategies) campaign.Strategies { return s },
		fx.Annotate(func(more []attribution.Policy) (attribution.Policies, error) {
			return attribution.NewPolicies(more...)
		}, fx.ParamTags(groupPolicies)),
		fx.Annotate(func(_ migrated, db *dialect.DB) projection.Projection {
			return projection.NewCampaignReport(sqlstore.NewCampaignReport(db))
		}, fx.ResultTags(groupProjections)),
		fx.Annotate(func(_ migrated, db *dialect.DB) projection.Projection {
			return projection.NewPartnerActivity(sqlstore.NewPartnerActivity(db))
		}, fx.ResultTags(groupProjections)),
		fx.Annotate(newRunner, fx.ParamTags(``, ``, ``, ``, groupProjections)),
		newHandlers,
	),
	fx.Provide(newCore),
)

// core is what the commands of the command line work with.
type core struct {
	config     Config
	logger     *slog.Logger
	db         *dialect.DB
	clock      application.Clock
	ids        application.IDs
	secrets    application.Secrets
	limiter    application.RateLimiter
	store      *sqlstore.Store
	log        *eventLog
	runner     *eventlog.Runner
	auth       *application.Keyring
	admin      adminKey
	batcher    *bus.Batcher[*command.Submission, command.Done]
	match      bus.Handler[command.MatchPending, command.Matched]
	sweep      bus.Handler[command.SweepPending, command.Matched]
	registry   *prometheus.Registry
	handlers   httpport.Handlers
	post       postman
	address    *publicAddress
	policies   attribution.Policies
	rules      lead.IntakeRules
	strategies distribution.Strategies
	chain      bus.Chain
}

type coreIn struct {
	fx.In

	Config     Config
	Logger     *slog.Logger
	DB         *dialect.DB
	Clock      application.Clock
	IDs        application.IDs
	Secrets    application.Secrets
	Limiter    application.RateLimiter
	Store      *sqlstore.Store
	Log        *eventLog
	Runner     *eventlog.Runner
	Auth       *application.Keyring
	Admin      adminKey
	Batcher    *bus.Batcher[*command.Submission, command.Done]
	Match      matcher
	Registry   *prometheus.Registry
	Handlers   httpport.Handlers
	Post       postman
	Address    *publicAddress
	Policies   attribution.Policies
	Rules      lead.IntakeRules
	Strategies distribution.Strategies
	Chain      bus.Chain
}

func newCore(in coreIn) *core {
	return &core{config: in.Config, logger: in.Logger, db: in.DB, clock: in.Clock, ids: in.IDs, secrets: in.Secrets,
		limiter: in.Limiter, store: in.Store, log: in.Log, runner: in.Runner, auth: in.Auth, admin: in.Admin, batcher: in.Batcher,
		match: in.Match.match, sweep: in.Match.sweep, registry: in.Registry, handlers: in.Handlers, post: in.Post, address: in.Address, policies: in.Policies, rules: in.Rules,
		strategies: in.Strategies, chain: in.Chain}
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

// migrated says that the schema is there and current.
type migrated struct{}

// connectPatience is how long the first start waits for a database that is starting too, as under docker compose.
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
			logger.Warn("the database cannot be reached yet", "error", dialect.Redact(err))
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return err
		}
	}
}

// eventLog is the parts of the event log that belong together in one instance.
type eventLog struct {
	committed *eventlog.Signal
	head      *eventlog.Head
	sequencer *eventlog.Sequencer
	reader    *eventlog.Reader
	consumers *eventlog.Consumers
	// One subscriber a reaction.
	matching, inviting *eventlog.Subscriber
}

func newLog(_ migrated, db *dialect.DB, clock application.Clock, logger *slog.Logger) (*eventLog, error) {
	l := &eventLog{committed: eventlog.NewSignal()}
	l.head = eventlog.NewHead(db, l.committed, eventlog.HeadConfig{Logger: logger})
	l.sequencer = eventlog.NewSequencer(db, l.committed, l.head, eventlog.SequencerConfig{Logger: logger})
	l.reader = eventlog.NewReader(db, l.head)
	l.consumers = eventlog.NewConsumers(db, l.head)
	var errs error
	subscribe := func(name string, types []string) *eventlog.Subscriber {
		s, err := eventlog.NewSubscriber(db, l.reader, clock, eventlog.SubscriberConfig{Name: name, Types: types, Logger: logger})
		errs = errors.Join(errs, err)
		return s
	}
	l.matching = subscribe("match-pending", events.MatchPendingTypes())
	l.inviting = subscribe("invitations", events.InvitationTypes())
	return l, errs
}

func newWork(_ migrated, db *dialect.DB, l *eventLog, ids application.IDs) (*sqlstore.Store, application.UnitOfWork[application.Tx]) {
	translate := func(_ string, e event.Event) (string, []byte, time.Time, error) { return application.Translate(e) }
	s := sqlstore.New(db, eventlog.NewWriter(db), l.committed, ids, translate)
	return s, s
}

func newReader(_ migrated, db *dialect.DB, clock application.Clock) (*sqlstore.Reader, application.ReplayReader, application.CampaignReader) {
	r := sqlstore.NewReader(db, clock)
	return r, r, r
}

// adminKey is the installation's admin key: its hash, and its text when it was made by this start.
type adminKey struct {
	hash [sha256.Size]byte
	made string
}

// adminKeyName is where the hash of a made admin key is kept.
const adminKeyName = "admin_key_sha256"

func newAuthenticator(c Config, store *sqlstore.Store, reader *sqlstore.Reader, clock application.Clock, secrets application.Secrets) (*application.Keyring, adminKey, error) {
	admin := adminKey{hash: sha256.Sum256([]byte(c.AdminKey))}
	if c.AdminKey == "" {
		made := "lm_admin_" + secrets.New()
		hash := sha256.Sum256([]byte(made))
		stored, set, err := store.GetOrSetInstallation(context.Background(), adminKeyName, hash[:])
		if err != nil {
			return nil, adminKey{}, fmt.Errorf("make the admin key: %w", err)
		}
		copy(admin.hash[:], stored)
		if set {
			admin.made = made
		}
	}
	return application.NewKeyring(reader, clock, admin.hash), admin, nil
}

func newDirectory(reader application.CampaignReader) *command.Directory {
	return command.NewDirectory(reader)
}

// The size of the batching of leads (design §4).
const (
	lanes        = 2
	laneQueue    = 4096
	batchTimeout = 20 * time.Second
)

func newBatcher(c Config, work application.UnitOfWork[application.Tx], clock application.Clock, ids application.IDs, directory *command.Directory, strategies distribution.Strategies,
	rules lead.IntakeRules) *bus.Batcher[*command.Submission, command.Done] {
	handler := &command.SubmitLeadsHandler{Work: work, Clock: clock, IDs: ids, Directory: directory, Strategies: strategies, Rules: rules}
	return bus.NewBatcher(bus.BatcherConfig{MaxBatch: c.BatchMax, Lanes: lanes, Queue: laneQueue, Timeout: batchTimeout},
		handler, (*command.Submission).Lane)
}

// newClicks stores clicks many at a time. They share no locks, so one lane is enough and keeps batches large.
func newClicks(lc fx.Lifecycle, store *sqlstore.Store) *bus.Batcher[application.Click, struct{}] {
	b := bus.NewBatcher(bus.BatcherConfig{MaxBatch: 1000, Lanes: 1, Queue: laneQueue, Timeout: batchTimeout},
		command.RecordClicksHandler{Log: store}, func(application.Click) string { return "" })
	lc.Append(fx.StopHook(b.Close))
	return b
}

// publicAddress is where clients reach this server: LEADMILL_PUBLIC_URL, or the address it listens on once it does.
type publicAddress struct{ at atomic.Pointer[string] }

func (a *publicAddress) set(base string) { a.at.Store(&base) }

func (a *publicAddress) base() string {
	if base := a.at.Load(); base != nil {
		return *base
	}
	return ""
}

func newMailer(c Config, clock application.Clock, logger *slog.Logger) (application.Mailer, error) {
	c.MailFrom, c.MailDir = cmp.Or(c.MailFrom, defaultMailFrom), cmp.Or(c.MailDir, defaultMailDir)
	if c.SMTPURL == "" {
		return mail.NewFile(c.MailDir, c.MailFrom, clock, logger)
	}
	return mail.NewSMTP(c.SMTPURL, c.MailFrom, clock)
}

// postman queues and sends mails.
type postman struct {
	queue bus.Handler[command.QueueInvitation, struct{}]
	send  bus.Handler[command.SendMails, []command.UnsentMail]
}

func newPostman(chain bus.Chain, d command.Deps, secrets application.Secrets, s *sqlstore.Store, r *sqlstore.Reader, mailer application.Mailer,
	at *publicAddress) postman {
	return postman{
		queue: plain[command.QueueInvitation, struct{}](chain, "QueueInvitation", command.QueueInvitationHandler{Clock: d.Clock, Queue: s}),
		send: plain[command.SendMails, []command.UnsentMail](chain, "SendMails", command.SendMailsHandler{Deps: d, Secrets: secrets, Portal: r,
			Queue: s, Mailer: mailer, Base: at.base}),
	}
}

func newDeps(work application.UnitOfWork[application.Tx], clock application.Clock, ids application.IDs) command.Deps {
	return command.Deps{Work: work, Clock: clock, IDs: ids, InFlight: command.NewInFlight()}
}

func newChain(logger *slog.Logger, registry *prometheus.Registry, clock application.Clock, more []bus.Interceptor) (bus.Chain, error) {
	metrics, err := telemetry.NewMetrics(registry, clock)
	if err != nil {
		return bus.Chain{}, err
	}
	return bus.NewChain(append([]bus.Interceptor{telemetry.Recover{}, telemetry.Trace{Tracer: otel.Tracer("leadmill")}, metrics,
		telemetry.Log{Logger: logger, Clock: clock}, application.Authorise{Scopes: scopes}}, more...)...)
}

// matcher offers pending leads again.
type matcher struct {
	match bus.Handler[command.MatchPending, command.Matched]
	sweep bus.Handler[command.SweepPending, command.Matched]
}

func newMatcher(chain bus.Chain, work application.UnitOfWork[application.Tx], clock application.Clock, ids application.IDs, reader application.CampaignReader,
	strategies distribution.Strategies) matcher {
	h := &command.MatchPendingHandler{Work: work, Clock: clock, IDs: ids, Reader: reader, Strategies: strategies}
	return matcher{
		match: bus.Wrap[command.MatchPending, command.Matched](chain, bus.Command, "MatchPending", h),
		sweep: bus.Wrap(chain, bus.Command, "SweepPending", bus.HandlerFunc[command.SweepPending, command.Matched](h.Sweep)),
	}
}

func newRunner(db *dialect.DB, l *eventLog, clock application.Clock, logger *slog.Logger, projections []projection.Projection) (*eventlog.Runner, error) {
	return eventlog.NewRunner(db, l.reader, clock, projections, eventlog.RunnerConfig{Logger: logger})
}
