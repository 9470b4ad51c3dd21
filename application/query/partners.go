package query

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/partner"
)

// Partner is a partner as it is answered (seeds/create-partner.txt). Keys has the default referral key first.
type Partner struct {
	ID, Email, Name, Surname, Status string
	TermsAccepted, Approved          bool
	Keys, Tags                       []string
	ReferralsCount                   int64
	CreatedAt, UpdatedAt             time.Time
}

// PartnerOf answers a stored partner.
func PartnerOf(s partner.Snapshot) Partner {
	return Partner{ID: s.ID, Email: s.Email, Name: s.Name, Surname: s.Surname, Status: string(s.Status),
		TermsAccepted: s.TermsAccepted, Approved: s.Approved, Keys: s.Keys, Tags: s.Tags, CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt}
}

// PartnerByHandle asks for one partner of the actor's seller: partner.ErrNotFound.
type PartnerByHandle struct {
	application.Actor

	Handle application.PartnerHandle
}

// PartnerReader is the read model of partners.
type PartnerReader interface {
	PartnerByHandle(ctx context.Context, q PartnerByHandle) (Partner, error)
}
