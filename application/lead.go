package application

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/leadmill/leadmill/domain/lead"
)

// StoredLead is a lead with the response that its supplier got. Fingerprint identifies the request; Trail goes into the
// lead's events.
type StoredLead struct {
	Lead        *lead.Lead
	Fingerprint [sha256.Size]byte
	Response    Response
	Trail       Trail
	// Claimed is the duplicate rule by which the lead took claims, as campaign.Campaign.DedupeRule writes it; empty when it took none.
	Claimed string
	// AnswerUntil is until when Response may be replaced, because a buyer is asked; zero when it is final.
	AnswerUntil time.Time
}

// LeadErasureRepository erases what leads hold of persons. Every origin is meant.
type LeadErasureRepository interface {
	// LockToErase loads and locks leads of a seller for lead.Erase, by id, without their fields, sales, traces and reviews, and with their
	// reservations. Unknown ids are left out, and so are leads that are erased already.
	LockToErase(ctx context.Context, sellerID string, ids []string) ([]*lead.Lead, error)
	// SaveErased stores leads that LockToErase returned and lead.Erase erased, clears their reviews, and forgets the fingerprints of
	// their requests, from which what was sent can be guessed.
	SaveErased(ctx context.Context, leads []*lead.Lead) error
}

// LeadPriceRepository stores at what leads are offered by themselves.
type LeadPriceRepository interface {
	// SavePrice stores a lead that LeadRepository.Lock loaded and its price, which nothing else stores.
	SavePrice(ctx context.Context, l *lead.Lead) error
}

// LeadRepository stores leads with their sales.
type LeadRepository interface {
	// AddAll stores new, decided leads with their sales and responses: one statement for the leads, one for the
	// sales, one for those without a live sale, and where there are some those for their reservations.
	AddAll(ctx context.Context, leads []StoredLead) error
	// Responses returns the stored responses of leads by id, in one statement. Unknown ones are left out.
	Responses(ctx context.Context, leads []Ref) (map[string]StoredResponse, error)
	// LockPending loads and locks up to limit pending leads of a campaign with ids above after, oldest first, but for those of which buyers are
	// asked.
	LockPending(ctx context.Context, campaign Ref, after string, limit int) ([]*lead.Lead, error)
	// LockPendingByID is LockPending for one lead; the list is empty when the lead is not pending in the campaign.
	LockPendingByID(ctx context.Context, campaign Ref, id string) ([]*lead.Lead, error)
	// LockQuarantined loads and locks a lead of a campaign; the list is empty when it is not quarantined.
	LockQuarantined(ctx context.Context, campaign Ref, id string) ([]*lead.Lead, error)
	// CampaignOf returns the id of the campaign that a lead of the market is offered in, without locking: lead.ErrNotFound.
	CampaignOf(ctx context.Context, sellerID, id string) (string, error)
	// Lock loads and locks a lead of the market, without its sales: lead.ErrNotFound.
	Lock(ctx context.Context, sellerID, id string) (*lead.Lead, error)
	// LockSold is Lock with the lead's sales, returned ones too.
	LockSold(ctx context.Context, sellerID, id string) (*lead.Lead, error)
	// SaveSold stores a lead that LockSold loaded and what became of its sales. One that is not live any more gives up its slot,
	// and the live ones keep theirs without a gap. No sale may have been added.
	SaveSold(ctx context.Context, l *lead.Lead) error
	// SaveAll stores changes of leads of one seller that are locked and have no live sale, their new sales and what became of their
	// reservations: one statement for the leads, one for the sales, and one for each thing that became of them.
	SaveAll(ctx context.Context, leads []*lead.Lead) error
}
