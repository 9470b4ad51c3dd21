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
	CustomFields                     []partner.CustomField
	ReferralsCount                   int64
	CreatedAt, UpdatedAt             time.Time
}

// PartnerOf answers a stored partner.
func PartnerOf(s partner.Snapshot) Partner {
	return Partner{ID: s.ID, Email: s.Email, Name: s.Name, Surname: s.Surname, Status: string(s.Status),
		TermsAccepted: s.TermsAccepted, Approved: s.Approved, Keys: s.Keys, Tags: s.Tags, CustomFields: s.CustomFields,
		CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt}
}

// PartnerDetail is a partner with what came by it, as far as the projection got.
type PartnerDetail struct {
	Partner
	Clicks, Signups, Leads int64
}

// PartnerByHandle asks for one partner of the actor's seller: partner.ErrNotFound.
type PartnerByHandle struct {
	application.Actor

	Handle application.PartnerHandle
}

// Partners asks for a seller's partners, newest first. ID, Key and Email filter by what they contain; a key matches any of a
// partner's.
type Partners struct {
	application.Actor

	ID, Key, Email string
	Page           Page
}

// ReferralLink is one referral key of a partner.
type ReferralLink struct {
	Key, PartnerID string
	Default        bool
}

// ReferralLinks asks for referral links by key, of one partner when its handle is given (partner.ErrNotFound), else of the
// seller. Key filters by what it contains.
type ReferralLinks struct {
	application.Actor

	Partner application.PartnerHandle
	Key     string
	Page    Page
}

// ReferralLinkByKey asks for one referral link: partner.ErrLinkNotFound.
type ReferralLinkByKey struct {
	application.Actor

	Key string
}

// PartnerReader is the read model of partners.
type PartnerReader interface {
	PartnerByHandle(ctx context.Context, q PartnerByHandle) (PartnerDetail, error)
	Partners(ctx context.Context, q Partners) (List[Partner], error)
	ReferralLinks(ctx context.Context, q ReferralLinks) (List[ReferralLink], error)
	ReferralLinkByKey(ctx context.Context, q ReferralLinkByKey) (ReferralLink, error)
}
