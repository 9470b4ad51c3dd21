package receiver

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/attempt"
)

// StatusGone is the status by which a receiver says that it is gone for good.
const StatusGone = 410

// ReasonOf says why a request failed that was not answered.
func ReasonOf(err error) attempt.Reason {
	switch {
	case errors.Is(err, application.ErrAddressRefused):
		return attempt.BadAddress
	case errors.Is(err, application.ErrOutboundTimeout), errors.Is(err, context.DeadlineExceeded):
		return attempt.Timeout
	}
	return attempt.Unreachable
}

// RetryAfter is how long a receiver asks to be left alone: seconds, or until a date.
func RetryAfter(text string, now time.Time) time.Duration {
	text = strings.TrimSpace(text)
	if n, err := strconv.Atoi(text); err == nil && n >= 0 {
		return time.Duration(min(n, 366*24*3600)) * time.Second
	}
	if at, err := time.Parse("Mon, 02 Jan 2006 15:04:05 GMT", text); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}
