// Package jobs runs jobs by their schedules, each on one instance at a time. When a job is due next, how it last went and who
// owns it stands in the table jobs, so that a start does not run it again too early, and a killed owner's job goes on elsewhere
// when its lease ends.
//
// This package is not part of what extensions may rely on.
//
// Stability: unsupported; it may change at any time.
package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/adapters/sqlstore/lease"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
)

// Observer is told of every run that came to its end.
type Observer interface {
	// JobRan is called after each run of a job; err is what it failed with.
	JobRan(ctx context.Context, job string, started, finished time.Time, err error)
}

// Config sets how jobs are run.
type Config struct {
	Look     time.Duration // how often an instance looks whether a job is due; 1 s when zero
	Quiet    func() bool   // nothing happens on any instance; never when nil
	Lease    lease.Config
	Observer Observer // none when nil
	Logger   *slog.Logger
}

// Runner runs the jobs of one instance.
type Runner struct {
	db     *dialect.DB
	clock  application.Clock
	config Config
	leases *lease.Keeper
	jobs   []*job // by name
}

// Errors of RunNow.
var (
	ErrUnknown = errors.New("unknown job")
	ErrOwned   = errors.New("another instance runs this job")
)

// New returns a Runner. It fails when a job has no Do, when its name is malformed or another job's, and when its schedule
// cannot be read or never comes.
func New(db *dialect.DB, clock application.Clock, list []application.Job, c Config) (*Runner, error) {
	if c.Look <= 0 {
		c.Look = time.Second
	}
	c.Lease = c.Lease.WithDefaults()
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	r := &Runner{db: db, clock: clock, config: c, leases: lease.NewKeeper(db, "jobs")}
	for _, a := range list {
		j, err := newJob(a, clock.Now(), c)
		if err != nil {
			return nil, err
		}
		r.jobs = append(r.jobs, j)
	}
	slices.SortFunc(r.jobs, func(a, b *job) int { return strings.Compare(a.Name, b.Name) })
	for i := range r.jobs[min(1, len(r.jobs)):] {
		if name := r.jobs[i].Name; name == r.jobs[i+1].Name {
			return nil, fmt.Errorf("two jobs are named %q", name)
		}
	}
	return r, nil
}

func (r *Runner) find(name string) *job {
	i := slices.IndexFunc(r.jobs, func(j *job) bool { return j.Name == name })
	if i < 0 {
		return nil
	}
	return r.jobs[i]
}

// longestWait bounds the pause after failures in a row to reach the database.
const longestWait = 30 * time.Second

// Prepare enters the jobs that this installation does not know yet, so that when they are due counts from now on:
// application.ErrUnavailable (wrapped) when the database cannot do it.
func (r *Runner) Prepare(ctx context.Context) error {
	for _, j := range r.jobs {
		if err := r.enter(ctx, j); err != nil {
			return fmt.Errorf("prepare the job %s: %w", j.Name, err)
		}
	}
	return nil
}

// Run runs the jobs until ctx ends, which is no error. Then it waits for the jobs in work and releases their leases, so that
// another instance continues at once.
func (r *Runner) Run(ctx context.Context) error {
	var group sync.WaitGroup
	for _, j := range r.jobs {
		group.Go(func() { r.follow(ctx, j) })
	}
	group.Wait()
	return nil
}

// follow looks whether a job is due, again and again until ctx ends.
func (r *Runner) follow(ctx context.Context, j *job) {
	wait := r.config.Look
	for ctx.Err() == nil {
		err := r.look(ctx, j)
		if err != nil {
			j.entered.Store(false) // perhaps the row is gone
		}
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, lease.ErrLost):
			j.log.InfoContext(ctx, "a job goes on elsewhere or anew")
			wait = r.config.Look
		case err != nil:
			j.log.WarnContext(ctx, "a job waits for the database", slog.Any("error", dialect.Redact(err)))
			wait = max(r.config.Look, min(2*wait, longestWait))
		default:
			wait = r.config.Look
			if j.kept { // another instance has it
				c := r.config.Lease
				c.Retry = r.config.Look
				_ = r.leases.Wait(ctx, j.Name, c)
				continue
			}
		}
		_ = lease.Pause(ctx, wait)
	}
}

// look takes the job if it is free and due, and works on it. An error is the database's, or lease.ErrLost.
func (r *Runner) look(ctx context.Context, j *job) error {
	if now := r.clock.Now(); !j.kept && now.Before(j.notBefore) && !j.ahead(j.notBefore, now) {
		return nil
	}
	if err := r.enter(ctx, j); err != nil {
		return err
	}
	if !j.kept { // what is kept is taken whether due or not
		next, owned, err := r.peek(ctx, j)
		if err != nil {
			return err
		}
		if now := r.clock.Now(); j.ahead(next, now) {
			j.log.WarnContext(ctx, "a clock was set back; the job is planned anew", slog.Time("was", next))
			return r.replan(ctx, j, next)
		} else if now.Before(next) {
			j.notBefore = next
			return nil
		}
		if owned {
			return nil
		}
	}
	t, err := r.take(ctx, j)
	switch {
	case t == nil:
		return err
	case j.kept:
		return t.stay(ctx)
	case r.clock.Now().Before(t.next): // somebody ran it meanwhile
		j.notBefore = t.next
		t.lease.Release(ctx, lease.Columns{})
		return nil
	}
	err = t.once(ctx)
	j.notBefore = t.next
	if !errors.Is(err, lease.ErrLost) {
		err = nil // the job's own: it is told already
	}
	return err
}

// RunNow runs a job at once in this process, under its lease, and returns what it failed with. It returns ErrUnknown, and ErrOwned
// when another instance has the job.
func (r *Runner) RunNow(ctx context.Context, name string) error {
	j := r.find(name)
	if j == nil {
		names := make([]string, len(r.jobs))
		for i, j := range r.jobs {
			names[i] = j.Name
		}
		return fmt.Errorf("%w %q; there are %s", ErrUnknown, name, strings.Join(names, ", "))
	}
	if err := r.enter(ctx, j); err != nil {
		return err
	}
	t, err := r.take(ctx, j)
	switch {
	case err != nil:
		return err
	case t == nil && j.kept:
		return fmt.Errorf("%s: %w, %s", name, ErrOwned, j.Schedule)
	case t == nil:
		return fmt.Errorf("%s: %w; wait until it is done", name, ErrOwned)
	}
	return t.once(ctx)
}

// term is the work on a job by an instance that has its lease.
type term struct {
	*job

	r     *Runner
	lease *lease.Lease

	mu sync.Mutex
	record
}

// columns are the record as it is written together with the lease.
func (t *term) columns() lease.Columns {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.record.columns()
}

// once runs the job once and releases the lease. It returns what the job failed with, or lease.ErrLost.
func (t *term) once(ctx context.Context) error {
	held, stop := t.lease.Keep(ctx, true, t.columns)
	err := t.run(held)
	stop()
	t.lease.Release(ctx, t.columns())
	return err
}

// stay keeps the lease and runs the job whenever it is due, until ctx ends or the lease is lost: lease.ErrLost. What became of
// the runs is written with the renewals alone.
func (t *term) stay(ctx context.Context) error {
	held, stop := t.lease.Keep(ctx, true, t.columns)
	for t.rest(held) == nil {
		_ = t.run(held)
	}
	err := context.Cause(held)
	stop()
	t.lease.Release(ctx, t.columns())
	return err
}

// rest waits until the job is due. Whatever the Clock shows, that is no longer than its interval: a clock that stands still,
// as in tests, or is behind that of the last owner holds up nothing.
func (t *term) rest(ctx context.Context) error {
	for left := t.Schedule.Interval() + t.jitter; left > 0; {
		wait := min(left, t.next.Sub(t.r.clock.Now()), t.r.config.Look)
		if wait <= 0 {
			break
		}
		if err := lease.Pause(ctx, wait); err != nil {
			return err
		}
		left -= wait
	}
	for waited := t.Schedule.Interval(); waited < t.Schedule.Quiet() && t.r.config.Quiet != nil && t.r.config.Quiet(); waited += t.r.config.Look {
		if err := lease.Pause(ctx, t.r.config.Look); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// run runs the job. A run that is cut off because ctx ended is not recorded, so that it is due at once elsewhere.
func (t *term) run(ctx context.Context) error {
	started := t.r.clock.Now()
	t.mu.Lock()
	t.started = started
	t.mu.Unlock()
	err := safely(ctx, t.Do)
	finished := t.r.clock.Now()
	if why := context.Cause(ctx); why != nil && err != nil {
		if !errors.Is(why, lease.ErrLost) {
			return err
		}
		err = fmt.Errorf("%w: %w", why, err)
	}
	t.mu.Lock()
	t.finish(finished, err)
	t.next = t.plan(finished)
	t.mu.Unlock()
	if t.r.config.Observer != nil {
		t.r.config.Observer.JobRan(context.WithoutCancel(ctx), t.Name, started, finished, err)
	}
	return err
}

func safely(ctx context.Context, do func(context.Context) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = bus.Panicked(p)
		}
	}()
	return do(ctx)
}

// plan returns when the job is due after now, with jitter.
func (j *job) plan(now time.Time) time.Time {
	return j.after(now).Add(rand.N(j.jitter)).Truncate(time.Microsecond) //nolint:gosec // jitter is no secret
}
