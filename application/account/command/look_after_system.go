package command

import (
	"context"
	"strings"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/operator"
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

// AskForAudit has the installation audited within some seconds, by the job that does it each night.
type AskForAudit struct{ application.Actor }

// Needs implements application.Message.
func (AskForAudit) Needs() application.Scope { return application.Program }

// NeedsRole implements application.RoleNeeding.
func (AskForAudit) NeedsRole() operator.Role { return operator.Owner }

// AskForAuditHandler handles AskForAudit.
type AskForAuditHandler struct{ Maintenance Maintenance }

// Handle implements bus.Handler. Errors: ErrSystemShared.
func (h AskForAuditHandler) Handle(ctx context.Context, _ AskForAudit) (struct{}, error) {
	return struct{}{}, h.Maintenance.AskForAudit(ctx)
}

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
