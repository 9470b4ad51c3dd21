package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/operator"
)

// RetryParked has the parked events of a consumer handled again, in order.
type RetryParked struct {
	application.Actor

	Consumer string
}

// Needs implements application.Message.
func (RetryParked) Needs() application.Scope { return application.Program }

// NeedsRole implements application.RoleNeeding.
func (RetryParked) NeedsRole() operator.Role { return operator.Owner }

// RetryParkedHandler handles RetryParked.
type RetryParkedHandler struct{ Maintenance Maintenance }

// Handle implements bus.Handler. Errors: ErrSystemShared, ErrUnknownConsumer.
func (h RetryParkedHandler) Handle(ctx context.Context, c RetryParked) (struct{}, error) {
	return struct{}{}, h.Maintenance.Retry(ctx, c.Consumer)
}
