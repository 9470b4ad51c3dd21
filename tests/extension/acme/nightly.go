package acme

import (
	"context"

	"github.com/leadmill/leadmill"
)

// newCloseOldCases is a job: every night one instance closes the cases that nobody touched for too long.
func newCloseOldCases(d leadmill.Deps, s Settings) func(context.Context) error {
	return func(ctx context.Context) error {
		until := d.Clock.Now().Add(-s.CaseLasts)
		return d.Work.Do(ctx, func(ctx context.Context, tx leadmill.Tx) error {
			_, err := tx.ExecContext(ctx, "UPDATE x_acme_cases SET status = 'closed' WHERE status = 'open' AND opened_at < ?", until.UnixMicro())
			return err
		})
	}
}
