package command

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/application/market"
)

// RunSellerJobs does what sellers asked for and that takes long, in small steps with a rest behind each, each of which is stored with what it
// did. Cut off, it goes on there when it is sent again. Two at once do nothing twice. It forgets jobs that ended long ago.
type RunSellerJobs struct{}

// Needs implements application.Message.
func (RunSellerJobs) Needs() application.Scope { return application.Internal }

// SellerJobsRun says how many steps were done.
type SellerJobsRun struct{ Steps int }

// RunSellerJobsHandler handles RunSellerJobs.
type RunSellerJobsHandler struct {
	market.Deps
	Reader market.SellerJobReader
	Pieces market.JobPieces
	Steps  market.JobSteps
}

// NewJobPieces returns what does the pieces of jobs of each kind.
func NewJobPieces(ids application.IDs) market.JobPieces {
	return market.JobPieces{market.SellerJobSuppressions: importPiece(ids)}
}

const (
	// jobsAtOnce is how many jobs are gone through in turns, so that a long one does not keep others waiting.
	jobsAtOnce = 100
	// leftAfter is when an upload that nobody completes is given up.
	leftAfter = 2 * time.Hour
	// openFor is how long an import of leads may take.
	openFor = 3 * 24 * time.Hour
	// endedKept is how long a job is kept after its end.
	endedKept = 30 * 24 * time.Hour
)

// Handle implements bus.Handler. A job that fails does not stop the others.
func (h RunSellerJobsHandler) Handle(ctx context.Context, _ RunSellerJobs) (done SellerJobsRun, err error) {
	now := h.Clock.Now()
	left, err := h.Reader.LeftUploads(ctx, now.Add(-leftAfter), jobsAtOnce)
	if err != nil {
		return done, err
	}
	ended, err := h.Reader.EndedJobs(ctx, now.Add(-endedKept), jobsAtOnce)
	if err != nil {
		return done, err
	}
	var failed error
	for _, ref := range left {
		failed = errors.Join(failed, dropJob(ctx, h.Work, ref.SellerID, ref.ID, market.JobUploading))
	}
	for _, ref := range ended {
		failed = errors.Join(failed, dropJob(ctx, h.Work, ref.SellerID, ref.ID, market.JobDone, market.JobFailed))
	}
	later := map[application.Ref]bool{} // what failed, which the next run tries again
	for progress := true; progress && ctx.Err() == nil; {
		open, err := h.Reader.OpenJobs(ctx, jobsAtOnce)
		if err != nil {
			return done, errors.Join(failed, err)
		}
		progress = false
		for _, ref := range open {
			if later[ref] {
				continue
			}
			began := application.Elapsed(h.Clock)
			more, err := h.step(ctx, ref)
			rest(ctx, application.Elapsed(h.Clock)-began)
			if later[ref] = err != nil; err == nil && more {
				progress = true
				done.Steps++
			}
			failed = errors.Join(failed, err)
		}
	}
	return done, errors.Join(failed, ctx.Err())
}

// longestRest is for how long a rest keeps a job waiting at most.
const longestRest = time.Second

// rest lets others in for as long as a step took, so that no job takes more than half of the database's time from who decides about leads.
func rest(ctx context.Context, took time.Duration) {
	t := time.NewTimer(min(took, longestRest))
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// step does one piece of a job, or ends it; more is false when it is not this version's to do. A job with something that the database never
// takes fails.
func (h RunSellerJobsHandler) step(ctx context.Context, ref application.Ref) (more bool, err error) {
	var next *nextPiece
	err = h.Work.Do(ctx, func(ctx context.Context, tx market.Tx) error {
		more, next, err = h.piece(ctx, tx, ref)
		return err
	})
	if errors.Is(err, errOverdue) {
		return true, h.fail(ctx, ref, "was not done within 3 days")
	}
	if err == nil && next != nil {
		err = h.take(ctx, next)
	}
	if _, refused := errors.AsType[*application.DataError](err); !refused {
		return more, err
	}
	return true, h.fail(ctx, ref, "")
}

// take has a piece done. A panic is an error, so that other jobs go on.
func (h RunSellerJobsHandler) take(ctx context.Context, next *nextPiece) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = bus.Panicked(r)
		}
	}()
	return h.Steps[next.job.Kind](ctx, next.job, next.piece)
}

// errOverdue says that a job is open for longer than it may be.
var errOverdue = errors.New("the job is not done in time")

// fail ends a job that cannot be gone on with, and forgets what is left of its file.
func (h RunSellerJobsHandler) fail(ctx context.Context, ref application.Ref, why string) error {
	return h.Work.Do(ctx, func(ctx context.Context, tx market.Tx) error {
		j, err := tx.SellerJobs().Lock(ctx, ref.SellerID, ref.ID)
		if err != nil || !j.Open() {
			return err
		}
		j.EndWith(why, h.Clock.Now())
		if _, err := tx.SellerJobs().DeletePieces(ctx, j.SellerID, j.ID, allPieces); err != nil {
			return err
		}
		return tx.SellerJobs().Save(ctx, j)
	})
}

// allPieces is more than a job has.
const allPieces = 1_000_000

// nextPiece is what a step of its own does.
type nextPiece struct {
	job   market.SellerJob
	piece market.JobPiece
}

// piece does the next piece of a job, or returns it when it takes more than this transaction.
func (h RunSellerJobsHandler) piece(ctx context.Context, tx market.Tx, ref application.Ref) (more bool, next *nextPiece, err error) {
	j, err := tx.SellerJobs().Lock(ctx, ref.SellerID, ref.ID)
	if err != nil {
		return false, nil, err
	}
	if !j.Open() {
		return true, nil, nil // another instance ended it
	}
	do, apart := h.Pieces[j.Kind], h.Steps[j.Kind] != nil
	if do == nil && !apart {
		return false, nil, nil // a newer version's
	}
	now := h.Clock.Now()
	p, found, err := tx.SellerJobs().Piece(ctx, j.SellerID, j.ID, j.Step)
	if err != nil {
		return false, nil, err
	}
	switch {
	case !found:
		j.End(market.JobDone, now)
		return true, nil, tx.SellerJobs().Save(ctx, j)
	case j.Kind == market.SellerJobLeads && j.CreatedAt.Before(now.Add(-openFor)):
		return false, nil, errOverdue
	case apart:
		return true, &nextPiece{j, p}, nil
	}
	if err := do(ctx, tx, &j, p, now); err != nil {
		return false, nil, err
	}
	return true, nil, pieceDone(ctx, tx, j)
}

// pieceDone stores that the next piece of a job is done, and forgets what was uploaded of it.
func pieceDone(ctx context.Context, tx market.Tx, j market.SellerJob) error {
	if _, err := tx.SellerJobs().DeletePieces(ctx, j.SellerID, j.ID, 1); err != nil {
		return err
	}
	j.State, j.Step = market.JobRunning, j.Step+1
	return tx.SellerJobs().Save(ctx, j)
}

// dropJob deletes a job that is in one of some states, a few pieces at a time.
func dropJob(ctx context.Context, work market.UnitOfWork, sellerID, id string, states ...market.SellerJobState) error {
	for {
		var n int
		if err := work.Do(ctx, func(ctx context.Context, tx market.Tx) error {
			j, err := tx.SellerJobs().Lock(ctx, sellerID, id)
			if errors.Is(err, market.ErrJobNotFound) || err == nil && !slices.Contains(states, j.State) {
				n = 0
				return nil
			}
			if err != nil {
				return err
			}
			if n, err = tx.SellerJobs().DeletePieces(ctx, sellerID, id, 20); err != nil || n > 0 {
				return err
			}
			if n, err = tx.SellerJobs().DeleteReports(ctx, sellerID, id, 20); err != nil || n > 0 {
				return err
			}
			return tx.SellerJobs().Delete(ctx, sellerID, id)
		}); err != nil || n == 0 {
			return err
		}
	}
}
