package command

import (
	"context"
	"errors"
	"sync"

	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/campaign"
)

// maxDirectory is how many campaigns are remembered; a full directory is emptied.
const maxDirectory = 10_000

// Directory remembers active campaigns by seller and category. A remembered campaign may be out of date, so the transaction
// that uses it compares its version with the stored one.
type Directory struct {
	reader market.CampaignReader

	mu    sync.RWMutex
	known map[directoryKey]*campaign.Campaign
}

// find returns the active campaign of a category, and whether it was remembered: campaign.ErrNoMatching. It never remembers
// that there is none.
func (d *Directory) find(ctx context.Context, sellerID, category string) (c *campaign.Campaign, remembered bool, err error) {
	key, ok := newDirectoryKey(sellerID, category)
	if !ok {
		return nil, false, campaign.ErrNoMatching
	}
	d.mu.RLock()
	c = d.known[key]
	d.mu.RUnlock()
	if c != nil {
		return c, true, nil
	}
	c, err = d.read(ctx, key)
	return c, false, err
}

// refresh is find that reads the stored campaign and remembers it.
func (d *Directory) refresh(ctx context.Context, sellerID, category string) (*campaign.Campaign, error) {
	key, ok := newDirectoryKey(sellerID, category)
	if !ok {
		return nil, campaign.ErrNoMatching
	}
	return d.read(ctx, key)
}

func (d *Directory) read(ctx context.Context, key directoryKey) (*campaign.Campaign, error) {
	c, err := d.reader.ActiveCampaign(ctx, key.sellerID, key.category)
	switch {
	case errors.Is(err, campaign.ErrNoMatching):
		d.mu.Lock()
		delete(d.known, key)
		d.mu.Unlock()
		return nil, err
	case err != nil:
		return nil, err
	}
	d.remember(c)
	return c, nil
}

// remember keeps a campaign that a transaction read, or forgets it when it is not active.
func (d *Directory) remember(c *campaign.Campaign) {
	key := directoryKey{c.SellerID(), campaign.CategoryKey(c.Category())}
	d.mu.Lock()
	defer d.mu.Unlock()
	if c.Status() != campaign.StatusActive {
		if k := d.known[key]; k != nil && k.ID() == c.ID() {
			delete(d.known, key)
		}
		return
	}
	if len(d.known) >= maxDirectory {
		clear(d.known)
	}
	d.known[key] = c
}

// forget drops what is known of a category of a seller.
func (d *Directory) forget(sellerID, category string) {
	d.mu.Lock()
	delete(d.known, directoryKey{sellerID, campaign.CategoryKey(category)})
	d.mu.Unlock()
}

type directoryKey struct{ sellerID, category string }

// NewDirectory returns an empty Directory over a reader.
func NewDirectory(reader market.CampaignReader) *Directory {
	return &Directory{reader: reader, known: map[directoryKey]*campaign.Campaign{}}
}

// maxCategory bounds the bytes of a category that is looked up; a stored one has at most 200 characters.
const maxCategory = 1000

func newDirectoryKey(sellerID, category string) (directoryKey, bool) {
	key := directoryKey{sellerID, campaign.CategoryKey(category)}
	return key, key.category != "" && len(category) <= maxCategory
}
