package query

import (
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/partner"
)

// Partners asks for a seller's partners, newest first. ID, Key and Email select the partners that contain these texts; Key
// looks at all keys of a partner.
type Partners struct {
	application.Actor

	ID, Key, Email string
	Page           application.Page
}

// Needs implements application.Message.
func (Partners) Needs() application.Scope { return application.Program }

// Partner is a partner as queries return it (docs/partner-program.md). Keys has the default referral key first.
type Partner struct {
	ID, Email, Name, Surname, Status string
	TermsAccepted, Approved          bool
	Keys, Tags                       []string
	CustomFields                     []partner.CustomField
	ReferralsCount                   int64
	CreatedAt, UpdatedAt             time.Time
}

// PartnerOf returns the Partner of a stored partner.
func PartnerOf(s partner.Snapshot) Partner {
	return Partner{
		ID: s.ID, Email: s.Email, Name: s.Name, Surname: s.Surname, Status: string(s.Status),
		TermsAccepted: s.TermsAccepted, Approved: s.Approved, Keys: s.Keys, Tags: s.Tags, CustomFields: s.CustomFields,
		CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt,
	}
}
