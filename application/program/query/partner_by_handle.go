package query

import (
	"github.com/leadmill/leadmill/application"
)

// PartnerByHandle asks for one partner of the actor's seller: partner.ErrNotFound.
type PartnerByHandle struct {
	application.Actor

	Handle application.PartnerHandle
}

// Needs implements application.Message.
func (PartnerByHandle) Needs() application.Scope { return application.Program }

// PartnerDetail is a partner with its figures, as far as the projection is.
type PartnerDetail struct {
	Partner
	Clicks, Signups, Leads int64
}
