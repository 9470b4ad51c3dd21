package command

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/application/program"
)

// ClickTally adds up clicks in memory and stores those of a link that came within tallyLife as one. It is for clicks of which one
// address sends many: a program that asks without end adds a few rows a minute and no more. What is not stored yet when the process
// dies is lost. Close stores the rest.
type ClickTally struct {
	record bus.Handler[program.Click, struct{}]
	ids    application.IDs

	storing sync.Mutex // held while sums are stored, so that Close waits for them

	mu     sync.Mutex
	counts map[tallied]program.Click
	timer  *time.Timer // runs while there are counts
	closed bool
}

type tallied struct{ sellerID, key, partnerID string }

const (
	tallyLife = 10 * time.Second
	// maxTally is how many links are added up at most; beyond it, clicks are stored earlier.
	maxTally = 10_000
	// tallyPatience is how long storing one sum may take.
	tallyPatience = 5 * time.Second
)

// NewClickTally returns a ClickTally that stores clicks by record. It must be closed before record is.
func NewClickTally(record bus.Handler[program.Click, struct{}], ids application.IDs) *ClickTally {
	return &ClickTally{record: record, ids: ids, counts: map[tallied]program.Click{}}
}

// Add counts a click. Its id and its trail are not kept.
func (t *ClickTally) Add(c program.Click) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return
	}
	t.add(c)
	if len(t.counts) >= maxTally {
		t.timer.Reset(0)
	}
}

// add adds to the counts and sees to it that they are stored; it needs the lock.
func (t *ClickTally) add(c program.Click) {
	link := tallied{c.SellerID, c.ReferralKey, c.PartnerID}
	sum, known := t.counts[link]
	if !known {
		sum = program.Click{SellerID: c.SellerID, PartnerID: c.PartnerID, ReferralKey: c.ReferralKey}
	}
	sum.Count += max(c.Count, 1)
	if c.At.After(sum.At) {
		sum.At = c.At
	}
	t.counts[link] = sum
	switch {
	case t.timer == nil:
		t.timer = time.AfterFunc(tallyLife, t.store)
	case len(t.counts) == 1 && !known:
		t.timer.Reset(tallyLife)
	}
}

// store stores what was counted. What the database could not take is kept for the next time.
func (t *ClickTally) store() {
	t.storing.Lock()
	defer t.storing.Unlock()
	t.mu.Lock()
	counts := t.counts
	t.counts = map[tallied]program.Click{}
	t.mu.Unlock()
	var all sync.WaitGroup
	slots := make(chan struct{}, tallyAtOnce)
	for _, sum := range counts {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			ctx, cancel := context.WithTimeout(context.Background(), tallyPatience)
			defer cancel()
			sum.ID = t.ids.New("click")
			if _, err := t.record.Handle(ctx, sum); errors.Is(err, application.ErrUnavailable) {
				t.mu.Lock()
				defer t.mu.Unlock()
				if !t.closed {
					t.add(sum)
				}
			}
		})
	}
	all.Wait()
}

// tallyAtOnce is how many sums wait to be stored together: they share transactions.
const tallyAtOnce = 100

// Close stores what was counted; later clicks are lost.
func (t *ClickTally) Close() {
	t.mu.Lock()
	t.closed = true
	if t.timer != nil {
		t.timer.Stop()
	}
	t.mu.Unlock()
	t.store()
}
