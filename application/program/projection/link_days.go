package projection

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
	"github.com/leadmill/leadmill/application/projection"
)

// LinkDay is the key of a referral link's figures on a day: YYYY-MM-DD in UTC. ReferralKey is empty for customers that a partner got by no link.
type LinkDay struct{ SellerID, PartnerID, Day, ReferralKey string }

// LinkDelta is what is added to a link's figures.
type LinkDelta struct{ Clicks, Signups int64 }

// LinkDaysStore stores the figures of referral links. When the database cannot be reached, its errors are of kind fault.Unavailable.
type LinkDaysStore interface {
	// Add adds to the figures of links.
	Add(ctx context.Context, tx projection.Tx, days map[LinkDay]LinkDelta) error
	// Reset empties the table.
	Reset(ctx context.Context, tx projection.Tx) error
}

// LinkDays builds the read model of what came by each referral link on each day. A sign-up is counted on the day on which a customer is
// attributed to the partner, and stays counted there when the customer becomes another's or is deleted.
type LinkDays struct{ store LinkDaysStore }

// NewLinkDays returns the projection.
func NewLinkDays(s LinkDaysStore) *LinkDays { return &LinkDays{s} }

// Name implements projection.Projection.
func (*LinkDays) Name() string { return "link-days" }

// Reset implements projection.Projection.
func (p *LinkDays) Reset(ctx context.Context, tx projection.Tx) error { return p.store.Reset(ctx, tx) }

var linkTypes = []string{program.PartnerClickedType, customerAttributed}

// Types implements projection.Selective.
func (*LinkDays) Types() []string { return slices.Clone(linkTypes) }

// Wants implements projection.Selective.
func (*LinkDays) Wants(e *application.StoredEvent) bool { return slices.Contains(linkTypes, e.Type) }

// Apply implements projection.Projection. It adds up a batch in memory, so that the number of written rows depends on links and days, not on
// events.
func (p *LinkDays) Apply(ctx context.Context, tx projection.Tx, events []application.StoredEvent) error {
	sums := map[LinkDay]LinkDelta{}
	for i := range events {
		if err := countLink(sums, &events[i]); err != nil {
			return fmt.Errorf("link days: event %s at %d: %w", events[i].Type, events[i].Position, err)
		}
	}
	if len(sums) == 0 {
		return nil
	}
	return p.store.Add(ctx, tx, sums)
}

func countLink(sums map[LinkDay]LinkDelta, e *application.StoredEvent) error {
	if !slices.Contains(linkTypes, e.Type) {
		return nil
	}
	var f struct {
		PartnerID   string `json:"partner_id"`
		ReferralKey string `json:"referral_key"`
		Clicks      int64  `json:"clicks"` // of partner.clicked.v1; none is one
	}
	if err := json.Unmarshal(e.Payload, &f); err != nil {
		return err
	}
	if f.PartnerID == "" {
		return errors.New("no partner")
	}
	link := LinkDay{e.SellerID, f.PartnerID, e.OccurredAt.UTC().Format(time.DateOnly), f.ReferralKey}
	sum := sums[link]
	if e.Type == program.PartnerClickedType {
		sum.Clicks += max(f.Clicks, 1)
	} else {
		sum.Signups++
	}
	sums[link] = sum
	return nil
}
