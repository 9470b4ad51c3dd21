package query

import (
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/lead"
)

// LeadFormOfSeller asks for the form of the actor's seller; a seller that has set none gets the empty form.
type LeadFormOfSeller struct{ application.Actor }

// Needs implements application.Message.
func (LeadFormOfSeller) Needs() application.Scope { return application.Program }

// LeadForm is a seller's lead form.
type LeadForm struct{ lead.FormSnapshot }
