package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
	programquery "github.com/leadmill/leadmill/application/program/query"
	"github.com/leadmill/leadmill/domain/lead"
)

// RevealFormLead asks for what a form lead holds of a person, for somebody to look at. It changes nothing, but is a command, so that the audit trail
// has who looked. ID is the lead's, of the number.
type RevealFormLead struct {
	application.Actor

	Number int64
	ID     string
}

// Needs implements application.Message.
func (RevealFormLead) Needs() application.Scope { return application.Program }

// AuditObject implements application.Audited.
func (c RevealFormLead) AuditObject() string { return c.ID }

// RevealFormLeadHandler handles RevealFormLead.
type RevealFormLeadHandler struct {
	program.Deps
	// Lead answers programquery.FormLeadByNumber.
	Lead func(context.Context, programquery.FormLeadByNumber) (programquery.FormLead, error)
}

// Handle implements bus.Handler. The transaction has nothing to store but the entry of the audit trail: without it nothing is shown.
// Errors: lead.ErrNotFound.
func (h RevealFormLeadHandler) Handle(ctx context.Context, c RevealFormLead) (programquery.FormLead, error) {
	found, err := h.Lead(ctx, programquery.FormLeadByNumber{Actor: c.Actor, Number: c.Number})
	if err == nil && found.LeadID != c.ID {
		err = lead.ErrNotFound
	}
	if err != nil {
		return programquery.FormLead{}, err
	}
	if err := h.Work.Do(ctx, func(context.Context, program.Tx) error { return nil }); err != nil {
		return programquery.FormLead{}, err
	}
	return found, nil
}
