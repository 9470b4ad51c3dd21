package application

import (
	"context"

	"github.com/leadmill/leadmill/domain/campaign"
)

// CampaignRepository stores campaigns with their contracts.
type CampaignRepository interface {
	// Add stores a new campaign: campaign.ErrCategoryTaken.
	Add(ctx context.Context, c *campaign.Campaign) error
	// Get loads a campaign of a seller without locking it: campaign.ErrNotFound.
	Get(ctx context.Context, sellerID, id string) (*campaign.Campaign, error)
	// Lock loads a campaign of a seller and locks its row: campaign.ErrNotFound.
	Lock(ctx context.Context, sellerID, id string) (*campaign.Campaign, error)
	// LockAll locks campaigns in the order of their refs with one statement. A campaign whose cached version is still the
	// stored one is taken from cached, as a copy where that says otherwise whether its seller suppresses anybody; the others are
	// loaded. Unknown ones are left out. Both maps are by id.
	LockAll(ctx context.Context, campaigns []Ref, cached map[string]*campaign.Campaign) (map[string]*campaign.Campaign, error)
	// Save stores changes of a locked campaign and of its contracts: campaign.ErrCategoryTaken.
	Save(ctx context.Context, c *campaign.Campaign) error
	// LockOfSeller locks all campaigns of a seller that are not archived, in the order of their ids. It locks all, so that
	// no contract can be added meanwhile to a campaign that was left out.
	LockOfSeller(ctx context.Context, sellerID string) ([]*campaign.Campaign, error)
}
