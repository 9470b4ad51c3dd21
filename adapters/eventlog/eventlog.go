// Package eventlog is the log of events in the database: it writes events with the change that caused them, numbers them
// after the commit, reads them, and feeds projections and reactions from them.
//
// What one transaction says of one seller is one segment (package segment). An auto-increment id is no cursor: a lower id may be
// committed after a higher one was read. So on MySQL a [Sequencer] gives committed segments their positions, which are dense
// over all events and never change; on SQLite, with its single writer, the [Writer] does. All readers go by position and only up
// to the [Head]; no transaction is open while a handler works. Who reads at the head shares the newest events with all others.
//
// There may be any number of instances, and each runs one Head and one Sequencer.
//
// Stability: unsupported; it may change at any time.
package eventlog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/fault"
)

// Topic is the one topic of the log.
const Topic = "events"

// Backoff sizes pauses between attempts: Base after the first, doubled each time up to Max, with jitter.
type Backoff struct{ Base, Max time.Duration }

func (b Backoff) or(base, most time.Duration) Backoff {
	if b.Base <= 0 {
		b.Base = base
	}
	if b.Max <= 0 {
		b.Max = most
	}
	return b
}

// delay is the pause after the n-th failure in a row, n from 1.
func (b Backoff) delay(n int) time.Duration {
	d := b.Max
	if n < 32 {
		if shifted := b.Base << (n - 1); shifted > 0 && shifted < b.Max {
			d = shifted
		}
	}
	return d/2 + rand.N(d/2+1) //nolint:gosec // jitter is no secret
}

// transient reports whether an error says nothing about the event in hand. Such errors are tried again and never count as
// attempts.
func transient(d dialect.Dialect, err error) bool {
	if _, ok := errors.AsType[*SegmentError](err); ok { // its reason may read like that of a lost connection, such as an unexpected end
		return false
	}
	if fault.KindOf(err) == fault.Unavailable || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	switch d.Classify(err) {
	case dialect.Retry, dialect.Lost:
		return true
	default:
		return false
	}
}

// describe wraps an error of the database for callers of the package. An error that may pass by itself becomes
// application.ErrUnavailable.
func describe(d dialect.Dialect, what string, err error) error {
	if ctxErr := errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded); !ctxErr && transient(d, err) {
		return application.ErrUnavailable.Because(fmt.Errorf("%s: %w", what, err))
	}
	return fmt.Errorf("%s: %w", what, err)
}

func loggerOr(l *slog.Logger) *slog.Logger {
	if l == nil {
		return slog.New(slog.DiscardHandler)
	}
	return l
}

// shorten cuts a text for the error column.
func shorten(s string) string { return dialect.Shorten(s, 1000) }
