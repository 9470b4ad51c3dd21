package command

import (
	"context"

	"github.com/leadmill/leadmill/domain/fault"
)

// ErrSystemShared says that an installation has several sellers, so that none of them looks after it.
var ErrSystemShared = fault.New(fault.Forbidden, "system_shared", "This installation has several sellers. Whoever runs it looks after it.")

// Maintenance is what is done to an installation. Every method returns ErrSystemShared when it has several sellers.
type Maintenance interface {
	AskForAudit(ctx context.Context) error
	// Retry has the parked events of a consumer handled again: ErrUnknownConsumer.
	Retry(ctx context.Context, consumer string) error
	// Skip lets a consumer go on without a parked event: ErrUnknownConsumer, ErrNotParked.
	Skip(ctx context.Context, consumer string, position int64, reason string) error
}

// Errors of what is done to consumers.
var (
	ErrUnknownConsumer = fault.New(fault.NotFound, "consumer_not_found", "There is no such projection or reaction.")
	ErrNotParked       = fault.New(fault.Conflict, "event_not_parked", "This event is not parked any more.")
)
