package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
)

// RevealLead notes in the audit trail that somebody looks at what a lead says of a person. It is sent before that is shown.
type RevealLead struct {
	application.Actor

	ID string // the lead's
}

// Needs implements application.Message.
func (RevealLead) Needs() application.Scope { return application.Program }

// AuditObject implements application.Audited.
func (c RevealLead) AuditObject() string { return c.ID }

// RevealLeadHandler handles RevealLead.
type RevealLeadHandler struct{ account.Deps }

// Handle implements bus.Handler. The transaction has nothing to store but the entry of the audit trail: without it the lead must not be shown.
func (h RevealLeadHandler) Handle(ctx context.Context, _ RevealLead) (struct{}, error) {
	return struct{}{}, h.Work.Do(ctx, func(context.Context, account.Tx) error { return nil })
}
