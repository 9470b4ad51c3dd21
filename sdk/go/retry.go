package leadmill

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"
)

// route is an operation: its method and its path.
type route struct{ method, path string }

func newRoute(operation string) route {
	method, path, _ := strings.Cut(operation, " ")
	return route{method, path}
}

func takesNoKey(method, path string) bool {
	return slices.Contains(unkeyed, route{method, path})
}

// inProgress is the code of a request that came while the first of its key is worked on.
const inProgress = "idempotency_in_progress"

// connectionError is a request of which nobody knows whether it arrived.
type connectionError struct{ error }

func (e connectionError) Unwrap() error { return e.error }

// again reports whether a request that failed is sent again, and after which pause. What has an Idempotency-Key, or reads, may be sent
// again although nobody knows whether it arrived; what has none only when the server said that it did nothing. While the server is still
// at work on the request, as after a connection that was cut, its outcome is waited for beyond the attempts.
func (c *Client) again(r *request, err error, attempt int, keyed bool) (pause time.Duration, ok bool) {
	more := attempt < c.attempts || r.tireless
	pause = backoff(attempt, c.longest)
	if _, lost := errors.AsType[connectionError](err); lost {
		return pause, keyed && more
	}
	refused, is := errors.AsType[*Error](err)
	if !is {
		return 0, false
	}
	if refused.Code == inProgress && r.waited < c.longest {
		pause = max(refused.RetryAfter, min(pause, time.Second))
		r.waited += pause
		return pause, pause <= c.longest
	}
	if !more {
		return 0, false
	}
	switch {
	case refused.Status == http.StatusTooManyRequests, refused.Status == http.StatusServiceUnavailable:
	case refused.Status == http.StatusBadGateway, refused.Status == http.StatusGatewayTimeout: // of a proxy that lost its connection
		if !keyed {
			return 0, false
		}
	case r.tireless && refused.Status == http.StatusInternalServerError:
	default:
		return 0, false
	}
	if refused.RetryAfter > c.longest {
		if !r.tireless {
			return 0, false
		}
		return refused.RetryAfter, true
	}
	if refused.RetryAfter > 0 { // somewhat later than asked for, so that not all come back at once
		return refused.RetryAfter + min(pause, time.Second), true
	}
	return pause, true
}

// backoff is a random pause that doubles from a quarter of a second at most.
func backoff(attempt int, longest time.Duration) time.Duration {
	most := min(longest, 250*time.Millisecond<<min(attempt-1, 7))
	return most/2 + rand.N(most/2+1) //nolint:gosec // it only spreads
}

// sleep waits, or returns why the context ended before.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
