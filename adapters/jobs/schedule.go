package jobs

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/robfig/cron/v3"

	"github.com/leadmill/leadmill/adapters/sqlstore/lease"
	"github.com/leadmill/leadmill/application"
)

// Limits of schedules.
const (
	shortest   = time.Second
	mostJitter = 30 * time.Second // of an interval; it is a tenth else
	cronJitter = time.Second
	longest    = 200         // bytes of a schedule's text, the size of its column
	mostSkew   = time.Minute // between the clocks of instances
)

// job is one job of a Runner.
type job struct {
	application.Job

	after  func(time.Time) time.Time // when it is due after a time, without jitter
	jitter time.Duration
	// kept says that the owner keeps the lease between runs, because they are closer together than a lease is long: taking and
	// giving it back each time would write more often.
	kept bool
	log  *slog.Logger

	entered   atomic.Bool
	notBefore time.Time // it is not due before, as far as this instance knows; used by follow alone
}

// ahead reports whether a time at which the job is due was planned by a clock far ahead of now: it is later than what would be
// planned now.
func (j *job) ahead(next, now time.Time) bool {
	return next.After(j.after(now).Add(j.jitter + mostSkew))
}

// Check returns what New would refuse about a job by itself.
func Check(a application.Job) error {
	_, err := newJob(a, time.Unix(0, 0), Config{Logger: slog.New(slog.DiscardHandler)})
	return err
}

func newJob(a application.Job, now time.Time, c Config) (*job, error) {
	if err := lease.CheckName("job", a.Name); err != nil {
		return nil, err
	}
	if a.Do == nil {
		return nil, fmt.Errorf("job %q has nothing to do: Do is nil", a.Name)
	}
	j := &job{Job: a, log: c.Logger.With(slog.String("job", a.Name))}
	if spec, ok := a.Schedule.Spec(); ok {
		s, err := parse(spec)
		if err != nil {
			return nil, fmt.Errorf("job %q: schedule %q cannot be read: %w", a.Name, spec, err)
		}
		if s.Next(now.UTC()).IsZero() {
			return nil, fmt.Errorf("job %q: schedule %q never comes", a.Name, spec)
		}
		j.after, j.jitter = func(t time.Time) time.Time { return s.Next(t.UTC()) }, cronJitter
		return j, nil
	}
	every := a.Schedule.Interval()
	if every < shortest {
		return nil, fmt.Errorf("job %q: schedule is %q; it must be Every of at least %v, or a Cron", a.Name, a.Schedule, shortest)
	}
	j.after, j.jitter = func(t time.Time) time.Time { return t.Add(every) }, min(every/10, mostJitter)
	j.kept = every < c.Lease.TTL
	return j, nil
}

var parser = cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)

// parse reads the five fields of a cron schedule. Time zones, which the parser knows before the fields, are refused: all
// schedules are in UTC.
func parse(spec string) (cron.Schedule, error) {
	if strings.Contains(spec, "=") {
		return nil, errors.New("time zones are not supported: it is in UTC")
	}
	if len(spec) > longest {
		return nil, fmt.Errorf("it is longer than %d characters", longest)
	}
	return parser.Parse(spec)
}
