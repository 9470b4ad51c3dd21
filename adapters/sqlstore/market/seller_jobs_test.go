package market_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/adapters/sqlstore"
	marketstore "github.com/leadmill/leadmill/adapters/sqlstore/market"
	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/application/market"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/dbtest/migrated"
)

// eachJobs runs a test on each engine, with a handler of jobs whose pieces are done as soon as they are looked at, and a function that adds
// a job of three pieces.
func eachJobs(t *testing.T, test func(t *testing.T, h *sqlstoretest.Harness, run marketcommand.RunSellerJobsHandler, add func(id string, state market.SellerJobState))) {
	t.Helper()
	for _, engine := range dbtest.Engines() {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			h := sqlstoretest.New(t, migrated.URL(t, engine))
			hands := clock.NewManual(sqlstoretest.Now)
			run := marketcommand.RunSellerJobsHandler{
				Deps:   market.Deps{Work: sqlstore.Work(h.Store, func(tx *sqlstore.Tx) market.Tx { return tx }), Clock: hands},
				Reader: marketstore.NewReader(h.DB, hands),
				Pieces: market.JobPieces{market.SellerJobSuppressions: func(_ context.Context, _ market.Tx, j *market.SellerJob, _ market.JobPiece, _ time.Time) error {
					j.Done++
					return nil
				}},
			}
			test(t, h, run, func(id string, state market.SellerJobState) {
				h.Do(t, func(ctx context.Context, tx *sqlstore.Tx) error {
					for n := range int64(3) {
						require.NoError(t, tx.SellerJobs().AddPiece(ctx, "seller_"+id, id, market.JobPiece{Number: n, Line: n + 1, Content: []byte("x")}))
					}
					return tx.SellerJobs().Add(ctx, market.SellerJob{SellerID: "seller_" + id, ID: id, Kind: market.SellerJobSuppressions, State: state, Settings: "{}", Total: 3, CreatedAt: hands.Now()})
				})
				hands.Advance(time.Second)
			})
		})
	}
}

// jobsLeft returns the states of the jobs that there are, by their ids.
func jobsLeft(t *testing.T, h *sqlstoretest.Harness) map[string]string {
	t.Helper()
	var rows []struct{ ID, State string }
	require.NoError(t, h.DB.Reader.SelectContext(t.Context(), &rows, "SELECT id, state FROM seller_jobs"))
	states := map[string]string{}
	for _, row := range rows {
		states[row.ID] = row.State
	}
	return states
}

// A job and an upload that cannot be read fail each run, and all others are done to their end in the same run.
func TestAStuckJobStopsNoOther(t *testing.T) {
	t.Parallel()
	eachJobs(t, func(t *testing.T, h *sqlstoretest.Harness, run marketcommand.RunSellerJobsHandler, add func(string, market.SellerJobState)) {
		add("upload_stuck", market.JobUploading)
		add("upload_left", market.JobUploading)
		run.Clock.(*clock.Manual).Advance(3 * time.Hour)
		add("stuck", market.JobPending)
		add("first", market.JobPending)
		add("second", market.JobRunning)
		h.Exec(t, "UPDATE seller_jobs SET errors = '{' WHERE id IN ('stuck', 'upload_stuck')")
		for range 2 {
			_, err := run.Handle(t.Context(), marketcommand.RunSellerJobs{})
			require.ErrorContains(t, err, "restore job stuck")
			require.ErrorContains(t, err, "restore job upload_stuck")
			require.Equal(t, map[string]string{"upload_stuck": "uploading", "stuck": "pending", "first": "done", "second": "done"}, jobsLeft(t, h))
		}
		h.Exec(t, "UPDATE seller_jobs SET errors = '[]'")
		done, err := run.Handle(t.Context(), marketcommand.RunSellerJobs{})
		require.NoError(t, err)
		require.Equal(t, 4, done.Steps, "three pieces and the end")
		require.Equal(t, map[string]string{"stuck": "done", "first": "done", "second": "done"}, jobsLeft(t, h))
		require.Zero(t, h.Count(t, "seller_job_pieces"))
	})
}

// A job is forgotten 30 days after its end, and no other is.
func TestEndedJobsAreForgotten(t *testing.T) {
	t.Parallel()
	eachJobs(t, func(t *testing.T, h *sqlstoretest.Harness, run marketcommand.RunSellerJobsHandler, add func(string, market.SellerJobState)) {
		hands := run.Clock.(*clock.Manual)
		handle := func() {
			t.Helper()
			_, err := run.Handle(t.Context(), marketcommand.RunSellerJobs{})
			require.NoError(t, err)
		}
		add("waits", market.JobPending)
		h.Exec(t, "UPDATE seller_jobs SET kind = 'newer'")
		hands.Advance(24 * time.Hour)
		add("first", market.JobPending)
		add("fails", market.JobPending)
		h.Exec(t, "UPDATE seller_jobs SET created_at = created_at - 864000000000 WHERE id = 'first'")
		handle()
		h.Exec(t, "UPDATE seller_jobs SET state = 'failed' WHERE id = 'fails'")
		hands.Advance(30 * 24 * time.Hour)
		handle()
		require.Equal(t, map[string]string{"waits": "pending", "first": "done", "fails": "failed"}, jobsLeft(t, h))
		hands.Advance(time.Microsecond)
		handle()
		require.Equal(t, map[string]string{"waits": "pending"}, jobsLeft(t, h))
		require.Equal(t, 3, h.Count(t, "seller_job_pieces"))
	})
}
