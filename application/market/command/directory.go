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
	plans  *Plans

	mu     sync.RWMutex
	known  map[directoryKey]*campaign.Campaign
	queues map[directoryKey]*queue
}

// queue is of those who need what is stored of a category. One is let in at a time: it takes the result of a reading that began after it
// came, if there was one, so that however many they are two readings answer them all. What was read before is for nobody who came later: a
// campaign that was just made is found.
type queue struct {
	turn  chan struct{} // full while somebody is in
	users int           // guarded by Directory.mu, as begun
	begun int           // readings
	// last is which reading c and err are of. They are for who is in.
	last int
	c    *campaign.Campaign
	err  error
}

// find returns the active campaign of a category, and whether it was remembered: campaign.ErrNoMatching. It never remembers
// that there is none.
func (d *Directory) find(ctx context.Context, sellerID, category string) (c *campaign.Campaign, remembered bool, err error) {
	key, ok := newDirectoryKey(sellerID, category)
	if !ok {
		return nil, false, campaign.ErrNoMatching
	}
	if c := d.remembered(key); c != nil {
		return c, true, nil
	}
	return d.ask(ctx, key, false)
}

// refresh is find that looks at what is stored, and remembers it.
func (d *Directory) refresh(ctx context.Context, sellerID, category string) (*campaign.Campaign, error) {
	key, ok := newDirectoryKey(sellerID, category)
	if !ok {
		return nil, campaign.ErrNoMatching
	}
	c, _, err := d.ask(ctx, key, true)
	return c, err
}

// ask returns what is stored of a category or, unless it is asked afresh, what somebody remembered meanwhile.
func (d *Directory) ask(ctx context.Context, key directoryKey, afresh bool) (c *campaign.Campaign, remembered bool, err error) {
	q, came := d.join(key)
	defer d.leave(key, q)
	select {
	case q.turn <- struct{}{}:
		defer func() { <-q.turn }()
	case <-ctx.Done():
		return nil, false, ctx.Err()
	}
	if c := d.remembered(key); c != nil && !afresh {
		return c, true, nil
	}
	if q.last > came {
		return q.c, false, q.err
	}
	d.mu.Lock()
	q.begun++
	reading := q.begun
	d.mu.Unlock()
	c, err = d.read(ctx, key)
	if err == nil || ctx.Err() == nil { // whoever gives up says nothing of what is stored
		q.last, q.c, q.err = reading, c, err
	}
	return c, false, err
}

func (d *Directory) join(key directoryKey) (q *queue, came int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	q = d.queues[key]
	if q == nil {
		q = &queue{turn: make(chan struct{}, 1)}
		d.queues[key] = q
	}
	q.users++
	return q, q.begun
}

func (d *Directory) leave(key directoryKey, q *queue) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if q.users--; q.users == 0 {
		delete(d.queues, key)
	}
}

func (d *Directory) remembered(key directoryKey) *campaign.Campaign {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.known[key]
}

// read reads the campaign of a category, unless what is remembered is still what is stored.
func (d *Directory) read(ctx context.Context, key directoryKey) (c *campaign.Campaign, err error) {
	if known := d.remembered(key); known != nil {
		id, version, err := d.reader.ActiveVersion(ctx, key.sellerID, key.category)
		switch {
		case err == nil && id == known.ID() && version == known.Version():
			return known, nil
		case err != nil && !errors.Is(err, campaign.ErrNoMatching):
			return nil, err
		}
	}
	c, err = d.reader.ActiveCampaign(ctx, key.sellerID, key.category)
	switch {
	case errors.Is(err, campaign.ErrNoMatching):
		d.mu.Lock()
		delete(d.known, key)
		d.mu.Unlock()
		return nil, err
	case err != nil:
		return nil, err
	}
	d.plans.of(c) // outside of any transaction: filters are compiled while nobody waits for a lock
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

// NewDirectory returns an empty Directory over a reader, which makes the plans of what it reads.
func NewDirectory(reader market.CampaignReader, plans *Plans) *Directory {
	return &Directory{reader: reader, plans: plans, known: map[directoryKey]*campaign.Campaign{}, queues: map[directoryKey]*queue{}}
}

// maxCategory bounds the bytes of a category that is looked up; a stored one has at most 200 characters.
const maxCategory = 1000

func newDirectoryKey(sellerID, category string) (directoryKey, bool) {
	key := directoryKey{sellerID, campaign.CategoryKey(category)}
	return key, key.category != "" && len(category) <= maxCategory
}
