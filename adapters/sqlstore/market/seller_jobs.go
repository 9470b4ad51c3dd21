package market

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketquery "github.com/leadmill/leadmill/application/market/query"
)

const sellerJobColumns = "seller_id, id, kind, state, settings, done, total, failed, errors, step, created_at, finished_at"

type sellerJobRow struct {
	SellerID   string `db:"seller_id"`
	ID         string `db:"id"`
	Kind       string `db:"kind"`
	State      string `db:"state"`
	Settings   string `db:"settings"`
	Done       int64  `db:"done"`
	Total      int64  `db:"total"`
	Failed     int64  `db:"failed"`
	Errors     string `db:"errors"`
	Step       int64  `db:"step"`
	CreatedAt  int64  `db:"created_at"`
	FinishedAt int64  `db:"finished_at"`
}

// lineError is one element of the column seller_jobs.errors.
type lineError struct {
	Line   int64  `json:"line"`
	Reason string `json:"reason"`
}

func (r sellerJobRow) job() (market.SellerJob, error) {
	j := market.SellerJob{
		SellerID: r.SellerID, ID: r.ID, Kind: market.SellerJobKind(r.Kind), State: market.SellerJobState(r.State), Settings: r.Settings,
		Done: r.Done, Total: r.Total, Failed: r.Failed, Step: r.Step, CreatedAt: engine.Time(r.CreatedAt), FinishedAt: engine.Time(r.FinishedAt),
	}
	var errs []lineError
	if err := json.Unmarshal([]byte(r.Errors), &errs); err != nil {
		return market.SellerJob{}, fmt.Errorf("restore job %s: %w", r.ID, err)
	}
	for _, e := range errs {
		j.Errors = append(j.Errors, market.LineError(e))
	}
	return j, nil
}

func errorsOf(j market.SellerJob) (string, error) {
	errs := make([]lineError, len(j.Errors))
	for i, e := range j.Errors {
		errs[i] = lineError(e)
	}
	return engine.JSON(errs)
}

// SellerJobs is what a transaction signals that changed what sellers asked for and that takes long.
const SellerJobs = "seller_jobs"

type sellerJobs struct{ t *engine.Tx }

// Add implements market.SellerJobRepository.
func (r sellerJobs) Add(ctx context.Context, j market.SellerJob) error {
	errs, err := errorsOf(j)
	if err != nil {
		return r.t.Refuse(err)
	}
	r.t.Signal(SellerJobs)
	_, err = r.t.Exec(ctx, "INSERT INTO seller_jobs ("+sellerJobColumns+") VALUES ("+engine.Marks(12)+")", j.SellerID, j.ID, string(j.Kind), string(j.State), j.Settings,
		j.Done, j.Total, j.Failed, errs, j.Step, engine.Micros(j.CreatedAt), engine.Micros(j.FinishedAt))
	return err
}

// Lock implements market.SellerJobRepository.
func (r sellerJobs) Lock(ctx context.Context, sellerID, id string) (market.SellerJob, error) {
	if !engine.IsID(id) {
		return market.SellerJob{}, market.ErrJobNotFound
	}
	var row sellerJobRow
	found, err := r.t.Get(ctx, &row, "SELECT "+sellerJobColumns+" FROM seller_jobs WHERE seller_id = ? AND id = ?"+r.t.ForUpdate(), sellerID, id)
	if err != nil {
		return market.SellerJob{}, err
	}
	if !found {
		return market.SellerJob{}, market.ErrJobNotFound
	}
	j, err := row.job()
	if err != nil {
		return market.SellerJob{}, r.t.Refuse(err)
	}
	return j, nil
}

// Save implements market.SellerJobRepository.
func (r sellerJobs) Save(ctx context.Context, j market.SellerJob) error {
	errs, err := errorsOf(j)
	if err != nil {
		return r.t.Refuse(err)
	}
	r.t.Signal(SellerJobs)
	matched, err := r.t.Exec(ctx, "UPDATE seller_jobs SET state = ?, settings = ?, done = ?, total = ?, failed = ?, errors = ?, step = ?, finished_at = ? WHERE seller_id = ? AND id = ?",
		string(j.State), j.Settings, j.Done, j.Total, j.Failed, errs, j.Step, engine.Micros(j.FinishedAt), j.SellerID, j.ID)
	if err == nil && matched != 1 {
		err = r.t.Refuse(fmt.Errorf("%w: job %s is not there", engine.ErrGuard, j.ID))
	}
	return err
}

// Delete implements market.SellerJobRepository.
func (r sellerJobs) Delete(ctx context.Context, sellerID, id string) error {
	_, err := r.t.Exec(ctx, "DELETE FROM seller_jobs WHERE seller_id = ? AND id = ?", sellerID, id)
	return err
}

// AddPiece implements market.SellerJobRepository.
func (r sellerJobs) AddPiece(ctx context.Context, sellerID, jobID string, p market.JobPiece) error {
	_, err := r.t.Exec(ctx, "INSERT INTO seller_job_pieces (seller_id, job_id, number, line, content) VALUES (?, ?, ?, ?, ?)", sellerID, jobID, p.Number, p.Line, engine.Blob(p.Content))
	return err
}

// Piece implements market.SellerJobRepository.
func (r sellerJobs) Piece(ctx context.Context, sellerID, jobID string, number int64) (market.JobPiece, bool, error) {
	var row struct {
		Line    int64  `db:"line"`
		Content []byte `db:"content"`
	}
	found, err := r.t.Get(ctx, &row, "SELECT line, content FROM seller_job_pieces WHERE seller_id = ? AND job_id = ? AND number = ?", sellerID, jobID, number)
	return market.JobPiece{Number: number, Line: row.Line, Content: row.Content}, found, err
}

// SellerJobByID answers marketquery.SellerJobByID: market.ErrJobNotFound.
func (r *Reader) SellerJobByID(ctx context.Context, q marketquery.SellerJobByID) (market.SellerJob, error) {
	var row sellerJobRow
	if err := r.db.One(ctx, market.ErrJobNotFound, &row, "SELECT "+sellerJobColumns+" FROM seller_jobs WHERE seller_id = ? AND id = ?", q.SellerID, q.ID); err != nil {
		return market.SellerJob{}, err
	}
	return row.job()
}

// OpenJobs implements market.SellerJobReader.
func (r *Reader) OpenJobs(ctx context.Context, limit int) ([]application.Ref, error) {
	return r.jobsAre(ctx, "state IN (?, ?)", limit, string(market.JobPending), string(market.JobRunning))
}

// LeftUploads implements market.SellerJobReader.
func (r *Reader) LeftUploads(ctx context.Context, before time.Time, limit int) ([]application.Ref, error) {
	return r.jobsAre(ctx, "state = ? AND created_at < ?", limit, string(market.JobUploading), engine.Micros(before))
}

// EndedJobs implements market.SellerJobReader. Jobs begin before they end, and are found by that.
func (r *Reader) EndedJobs(ctx context.Context, before time.Time, limit int) ([]application.Ref, error) {
	return r.jobsAre(ctx, "state IN (?, ?) AND created_at < ? AND finished_at < ?", limit,
		string(market.JobDone), string(market.JobFailed), engine.Micros(before), engine.Micros(before))
}

func (r *Reader) jobsAre(ctx context.Context, condition string, limit int, args ...any) ([]application.Ref, error) {
	var rows []struct {
		SellerID string `db:"seller_id"`
		ID       string `db:"id"`
	}
	if err := r.db.All(ctx, &rows, "SELECT seller_id, id FROM seller_jobs WHERE "+condition+" ORDER BY created_at, seller_id, id LIMIT ?", append(args, int64(limit))...); err != nil {
		return nil, err
	}
	out := make([]application.Ref, len(rows))
	for i, row := range rows {
		out[i] = application.Ref{SellerID: row.SellerID, ID: row.ID}
	}
	return out, nil
}
