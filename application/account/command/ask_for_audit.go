package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/operator"
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
