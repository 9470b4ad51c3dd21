package jobs

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/adapters/sqlstore/lease"
	"github.com/leadmill/leadmill/domain/fault"
)

// record is what is stored of a job: when it is due, and how it went. Times that never were are zero. Only the owner writes
// it, whole each time, so that a write whose answer was lost can be sent again.
type record struct {
	next, started, finished time.Time
	result, reason          string
	runs, failures          int64
}

const recordColumns = "next_at, last_started_at, last_finished_at, last_result, last_error, runs, failures"

// Results of a run.
const (
	OK     = "ok"
	Failed = "failed"
)

func (r *record) scan(row interface{ Scan(dest ...any) error }, more ...any) error {
	var next, started, finished int64
	err := row.Scan(append([]any{&next, &started, &finished, &r.result, &r.reason, &r.runs, &r.failures}, more...)...)
	r.next, r.started, r.finished = moment(next), moment(started), moment(finished)
	return err
}

func (r *record) columns() lease.Columns {
	return lease.Columns{
		Names: strings.Split(recordColumns, ", "),
		Values: []any{
			micros(r.next), micros(r.started), micros(r.finished), r.result, r.reason, r.runs, r.failures,
		},
	}
}

// finish records the end of a run.
func (r *record) finish(at time.Time, err error) {
	r.finished, r.result, r.reason = at, OK, ""
	r.runs++
	if err != nil {
		r.failures++
		r.result, r.reason = Failed, dialect.Shorten(reason(err), 1000)
	}
}

// reason describes an error without personal data: the message of a *fault.Error is safe to show, that of any other is not.
func reason(err error) string {
	if e := fault.As(err); e != nil {
		return string(e.Code) + ": " + e.Error()
	}
	return fault.Chain(err)
}

func moment(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// enter adds the job's row unless it exists. A job whose schedule is another than that of its row is due by the new one.
// Several instances may do so at the same time.
func (r *Runner) enter(ctx context.Context, j *job) error {
	if j.entered.Load() {
		return nil
	}
	schedule, was := j.Schedule.String(), ""
	next := micros(j.plan(r.clock.Now()))
	err := r.db.Reader.QueryRowContext(ctx, "SELECT schedule FROM jobs WHERE name = ?", j.Name).Scan(&was)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		_, err = r.db.Writer.ExecContext(ctx, "INSERT INTO jobs (name, schedule, owner, fence, lease_until, "+recordColumns+") "+
			"VALUES (?, ?, '', 0, 0, ?, 0, 0, '', '', 0, 0)", j.Name, schedule, next)
		if r.db.Classify(err) == dialect.Duplicate {
			err = nil
		}
	case err == nil && was != schedule:
		_, err = r.db.Writer.ExecContext(ctx, "UPDATE jobs SET schedule = ?, next_at = ? WHERE name = ? AND schedule = ?", schedule, next, j.Name, was)
	}
	if err != nil {
		return fmt.Errorf("enter job %s: %w", j.Name, err)
	}
	j.entered.Store(true)
	return nil
}

// peek reads when a job is due and whether an instance has its lease.
func (r *Runner) peek(ctx context.Context, j *job) (next time.Time, owned bool, err error) {
	var at int64
	err = r.db.Reader.QueryRowContext(ctx, "SELECT next_at, "+lease.Held(r.db, r.config.Lease.TTL)+" FROM jobs WHERE name = ?", j.Name).Scan(&at, &owned)
	if err != nil {
		return time.Time{}, false, fmt.Errorf("look at job %s: %w", j.Name, err)
	}
	return moment(at), owned, nil
}

// replan plans a job anew that was due at a time, unless somebody did so.
func (r *Runner) replan(ctx context.Context, j *job, was time.Time) error {
	_, err := r.db.Writer.ExecContext(ctx, "UPDATE jobs SET next_at = ? WHERE name = ? AND next_at = ?", micros(j.plan(r.clock.Now())), j.Name, micros(was))
	if err != nil {
		return fmt.Errorf("plan job %s anew: %w", j.Name, err)
	}
	return nil
}

// take takes the lease of a job that is free; for any other it returns nil.
func (r *Runner) take(ctx context.Context, j *job) (*term, error) {
	l, err := r.leases.Try(ctx, j.Name, r.config.Lease, j.log)
	if l == nil {
		return nil, err
	}
	t := &term{job: j, r: r, lease: l}
	where, guard := l.Guard()
	err = t.scan(r.db.Writer.QueryRowContext(ctx, "SELECT "+recordColumns+" FROM jobs"+where, guard...))
	if err != nil {
		l.Release(ctx, lease.Columns{})
		return nil, fmt.Errorf("read job %s: %w", j.Name, err)
	}
	return t, nil
}

// Status is a job and how it stands.
type Status struct {
	Name, Schedule string
	Next           time.Time // when it is due; zero for a job that no instance knows yet
	Started        time.Time // of the last run; zero when there was none
	Finished       time.Time // of the last run that came to its end
	Result         string    // of that run: OK or Failed
	Reason         string    // what it failed with: code and message, or types; without personal data
	Runs, Failures int64
	Owned          bool // an instance has its lease: it runs there, or will
}

// Status returns all jobs of this program, by name. Errors are those of the database.
func (r *Runner) Status(ctx context.Context) ([]Status, error) {
	list := make([]Status, len(r.jobs))
	for i, j := range r.jobs {
		var rec record
		list[i] = Status{Name: j.Name, Schedule: j.Schedule.String()}
		err := rec.scan(r.db.Reader.QueryRowContext(ctx, "SELECT "+recordColumns+", "+lease.Held(r.db, r.config.Lease.TTL)+" FROM jobs WHERE name = ?", j.Name),
			&list[i].Owned)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			continue
		case err != nil:
			return nil, fmt.Errorf("read job %s: %w", j.Name, err)
		}
		s := &list[i]
		s.Next, s.Started, s.Finished, s.Result, s.Reason = rec.next, rec.started, rec.finished, rec.result, rec.reason
		s.Runs, s.Failures = rec.runs, rec.failures
	}
	return list, nil
}
