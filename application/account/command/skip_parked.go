package command

import (
	"context"
	"strings"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/operator"
)

// SkipParked lets a consumer go on without a parked event. The reason is kept.
type SkipParked struct {
	application.Actor

	Consumer string
	Position int64
	Reason   string
}

// Needs implements application.Message.
func (SkipParked) Needs() application.Scope { return application.Program }

// NeedsRole implements application.RoleNeeding.
func (SkipParked) NeedsRole() operator.Role { return operator.Owner }

// SkipParkedHandler handles SkipParked.
type SkipParkedHandler struct{ Maintenance Maintenance }

const maxReason = 500

// Handle implements bus.Handler. Errors: fault.ErrValidation, ErrSystemShared, ErrUnknownConsumer, ErrNotParked.
func (h SkipParkedHandler) Handle(ctx context.Context, c SkipParked) (struct{}, error) {
	var v fault.Violations
	reason := strings.TrimSpace(c.Reason)
	if reason == "" {
		v.Add("reason", fault.Required, "is required")
	} else if len(reason) > maxReason {
		v.Add("reason", fault.InvalidValue, "must have at most 500 bytes")
	}
	if err := v.Err(); err != nil {
		return struct{}{}, err
	}
	return struct{}{}, h.Maintenance.Skip(ctx, c.Consumer, c.Position, reason)
}
