package audit

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
)

// RunInSmallChunks is Run with chunks smaller by a divisor, and with several passes over the log when it is large.
func RunInSmallChunks(ctx context.Context, db *dialect.DB, now time.Time, divisor int, rooms ...Rules) (Report, error) {
	pass := int64(passEvents)
	if divisor >= 1000 {
		pass = 20
	}
	return run(ctx, db, now, divisor, pass, rooms...)
}
