package leadmill

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/leadmill/leadmill/adapters/eventlog"
	"github.com/leadmill/leadmill/adapters/jobs"
	"github.com/leadmill/leadmill/adapters/sqlstore"
	accountstore "github.com/leadmill/leadmill/adapters/sqlstore/account"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/adapters/sqlstore/size"
	"github.com/leadmill/leadmill/application"
	accountcommand "github.com/leadmill/leadmill/application/account/command"
	accountquery "github.com/leadmill/leadmill/application/account/query"
	"github.com/leadmill/leadmill/ports/events"
)

// tending is what somebody asked for on the page of the system and what takes too long for a request: an audit, and measuring the tables.
type tending struct {
	store *sqlstore.Store
	db    *dialect.DB
	clock application.Clock

	mu      sync.Mutex
	jobs    *jobs.Runner // once it is made: it is made of this job too
	wanted  bool         // somebody looks at the sizes of the tables
	sizes   size.Sizes
	sizedAt time.Time
}

const (
	tendEvery      = 5 * time.Second
	sizesFor       = time.Hour // how old the sizes of the tables may be
	auditAskedName = "audit_asked"
)

func newTending(_ migrated, s *sqlstore.Store, db *dialect.DB, clock application.Clock) *tending {
	return &tending{store: s, db: db, clock: clock}
}

func newTend(t *tending) func(context.Context) error { return t.run }

// run does what was asked for. An audit that finds a breach says so as the job that it is.
func (t *tending) run(ctx context.Context) error {
	t.mu.Lock()
	runner, measure := t.jobs, t.wanted && t.clock.Now().Sub(t.sizedAt) > sizesFor
	t.mu.Unlock()
	if measure {
		if err := t.measure(ctx); err != nil {
			return err
		}
	}
	asked, err := t.auditAsked(ctx)
	if err != nil || !asked || runner == nil {
		return err
	}
	if err := t.store.SetInstallation(ctx, auditAskedName, []byte("no")); err != nil {
		return err
	}
	_ = runner.RunNow(ctx, "audit") // its result is kept with the job, and another instance may be at it already
	return nil
}

func (t *tending) auditAsked(ctx context.Context) (bool, error) {
	value, err := t.store.GetInstallation(ctx, auditAskedName)
	return string(value) == "yes", err
}

func (t *tending) measure(ctx context.Context) error {
	now := t.clock.Now()
	found, err := size.Read(ctx, t.db, now)
	if err != nil {
		return err
	}
	t.mu.Lock()
	t.sizes, t.sizedAt, t.wanted = found, now, false
	t.mu.Unlock()
	return nil
}

// measured returns the sizes of the tables as they were measured last. Old ones are measured again: on MySQL at once, which only reads the server's
// estimates; on SQLite, where rows are counted, by the job.
func (t *tending) measured(ctx context.Context) (size.Sizes, time.Time, error) {
	t.mu.Lock()
	stale := t.clock.Now().Sub(t.sizedAt) > sizesFor
	t.wanted = t.wanted || stale
	t.mu.Unlock()
	if stale && t.db.Name() != (dialect.SQLite{}).Name() {
		if err := t.measure(ctx); err != nil {
			return size.Sizes{}, time.Time{}, err
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.sizes, t.sizedAt, nil
}

// installation is the whole installation, for whoever looks after it on the pages.
type installation struct {
	*tending

	reader        *accountstore.Reader
	log           *eventLog
	runner        *eventlog.Runner
	subscriptions []events.Subscription
}

func newInstallation(o *application.Operations, t *tending, l *eventLog, runner *eventlog.Runner, j *jobs.Runner, s []events.Subscription) *installation {
	i := &installation{t, accountstore.NewReader(t.db, t.clock), l, runner, s}
	t.mu.Lock()
	t.jobs = j
	t.mu.Unlock()
	application.Query(o, i.StateOfSystem)
	application.Query(o, i.ParkedEvents)
	application.Command(o, accountcommand.AskForAuditHandler{Maintenance: i})
	application.Command(o, accountcommand.RetryParkedHandler{Maintenance: i})
	application.Command(o, accountcommand.SkipParkedHandler{Maintenance: i})
	return i
}

// shared reports whether the installation has several sellers.
func (i *installation) shared(ctx context.Context) (bool, error) {
	list, err := i.reader.Sellers(ctx, accountquery.Sellers{Page: application.Page{Limit: 1, Number: 1}})
	return list.Next != "", err
}

func (i *installation) alone(ctx context.Context) error {
	shared, err := i.shared(ctx)
	if err == nil && shared {
		err = accountcommand.ErrSystemShared
	}
	return err
}

// AskForAudit implements accountcommand.Maintenance.
func (i *installation) AskForAudit(ctx context.Context) error {
	if err := i.alone(ctx); err != nil {
		return err
	}
	return i.store.SetInstallation(ctx, auditAskedName, []byte("yes"))
}

// Retry implements accountcommand.Maintenance.
func (i *installation) Retry(ctx context.Context, consumer string) error {
	if err := i.alone(ctx); err != nil {
		return err
	}
	for _, s := range i.subscriptions {
		if s.Reaction.Name == consumer {
			_, err := s.Subscriber.Retry(ctx)
			return err
		}
	}
	if !slices.Contains(i.runner.Names(), consumer) {
		return accountcommand.ErrUnknownConsumer
	}
	_, err := i.runner.Retry(ctx, consumer)
	return err
}

// Skip implements accountcommand.Maintenance.
func (i *installation) Skip(ctx context.Context, consumer string, position int64, reason string) error {
	if err := i.alone(ctx); err != nil {
		return err
	}
	isReaction := slices.ContainsFunc(i.subscriptions, func(s events.Subscription) bool { return s.Reaction.Name == consumer })
	if !isReaction && !slices.Contains(i.runner.Names(), consumer) {
		return accountcommand.ErrUnknownConsumer
	}
	err := i.log.consumers.SkipParked(ctx, consumer, position, reason, i.clock.Now())
	if errors.Is(err, eventlog.ErrNotParked) {
		return accountcommand.ErrNotParked
	}
	if err != nil || isReaction {
		return err
	}
	_, err = i.runner.RetryBehind(ctx, consumer, position)
	return err
}

// ParkedEvents answers accountquery.ParkedEvents.
func (i *installation) ParkedEvents(ctx context.Context, _ accountquery.ParkedEvents) (int, error) {
	shared, err := i.shared(ctx)
	if err != nil || shared {
		return 0, err
	}
	return i.log.consumers.CountParked(ctx, accountquery.MostParkedCounted)
}

// StateOfSystem answers accountquery.StateOfSystem.
func (i *installation) StateOfSystem(ctx context.Context, _ accountquery.StateOfSystem) (accountquery.System, error) {
	shared, err := i.shared(ctx)
	if err != nil || shared {
		return accountquery.System{Shared: shared}, err
	}
	out := accountquery.System{Version: Version()}
	consumers, err := i.log.consumers.Status(ctx)
	if err != nil {
		return accountquery.System{}, err
	}
	for _, c := range consumers {
		out.Consumers = append(out.Consumers, accountquery.SystemConsumer{Name: c.Consumer, Lag: c.Lag, Oldest: c.Oldest, Parked: c.Parked, Owned: c.Owned})
	}
	parked, err := i.log.consumers.Parked(ctx)
	if err != nil {
		return accountquery.System{}, err
	}
	for _, p := range parked[:min(len(parked), mostParkedShown)] {
		out.Parked = append(out.Parked, accountquery.SystemParked{
			Consumer: p.Consumer, Type: p.Type, Position: p.Position, AggregateType: p.AggregateType, AggregateID: p.AggregateID, Attempts: p.Attempts, Error: p.Error,
		})
	}
	all, err := i.jobs.Status(ctx)
	if err != nil {
		return accountquery.System{}, err
	}
	for _, j := range all {
		job := accountquery.SystemJob{Name: j.Name, Schedule: j.Schedule, Next: j.Next, Started: j.Started, Result: j.Result, Reason: j.Reason, Failures: j.Failures}
		out.Jobs = append(out.Jobs, job)
		if j.Name == "audit" {
			out.Audit = job
		}
	}
	if out.AuditAsked, err = i.auditAsked(ctx); err != nil {
		return accountquery.System{}, err
	}
	sizes, at, err := i.measured(ctx)
	if err != nil {
		return accountquery.System{}, err
	}
	out.SizedAt = at
	for _, t := range sizes.Tables {
		out.Tables = append(out.Tables, accountquery.SystemTable{Name: t.Name, Rows: t.Rows, Bytes: t.Bytes})
	}
	return out, nil
}

// mostParkedShown is how many parked events are shown.
const mostParkedShown = 100
