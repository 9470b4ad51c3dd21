package command

import (
	"context"

	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/lead"
)

// suppressedAmong returns the submissions of a batch whose person is suppressed. It asks with one statement, and with none when no seller
// of the batch suppresses anybody.
func suppressedAmong(ctx context.Context, tx market.Tx, t *tally, batch []*Submission) (map[*Submission]bool, error) {
	var refs []market.SuppressionRef
	var of []*Submission
	for i, s := range batch {
		if c := t.campaigns[s.campaign.ID()]; t.checks[i].err == nil && c.Suppresses() {
			for _, ref := range market.SuppressibleKeys(c, t.checks[i].fields) {
				refs, of = append(refs, ref), append(of, s)
			}
		}
	}
	return findSuppressed(ctx, tx, refs, of)
}

// suppressedPending returns the ids of those of some leads of a campaign whose person is suppressed by now.
func suppressedPending(ctx context.Context, tx market.Tx, c *campaign.Campaign, leads []*lead.Lead) (map[string]bool, error) {
	if !c.Suppresses() {
		return nil, nil
	}
	var refs []market.SuppressionRef
	var of []string
	for _, l := range leads {
		for _, ref := range market.SuppressibleKeys(c, l.Facts().Fields()) {
			refs, of = append(refs, ref), append(of, l.ID())
		}
	}
	return findSuppressed(ctx, tx, refs, of)
}

// findSuppressed returns those of whom some of refs are suppressed; of says whose each ref is.
func findSuppressed[K comparable](ctx context.Context, tx market.Tx, refs []market.SuppressionRef, of []K) (map[K]bool, error) {
	if len(refs) == 0 {
		return nil, nil
	}
	found, err := tx.Suppressions().Find(ctx, refs)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	out := map[K]bool{}
	for i, ref := range refs {
		if _, suppressed := found[ref.Key]; suppressed {
			out[of[i]] = true
		}
	}
	return out, nil
}

func rejectedAmong(leads []*lead.Lead) (out []*lead.Lead) {
	for _, l := range leads {
		if l.Status() == lead.StatusRejected {
			out = append(out, l)
		}
	}
	return out
}

// giveBackClaims gives back the claims that rejected leads took when they came, so that the same person may be sent again.
func giveBackClaims(ctx context.Context, tx market.Tx, sellerID string, leads []*lead.Lead) error {
	var marks []market.Mark
	for _, l := range leads {
		if l.Test() {
			continue
		}
		for _, key := range market.ClaimKeysOf(l.Snapshot()) {
			marks = append(marks, market.Mark{Key: key, LeadID: l.ID()})
		}
	}
	return tx.Erasures().DeleteMarks(ctx, market.MarkClaims, sellerID, marks)
}

// forgetSuppressions forgets what is shown of the suppressions of somebody.
func forgetSuppressions(ctx context.Context, tx market.Tx, e market.Erasure) error {
	values := market.SuppressedValues(e.Person)
	if len(values) == 0 {
		return nil
	}
	keys := make([]market.SuppressionKey, len(values))
	for i, v := range values {
		keys[i] = market.NewSuppressionKey(e.SellerID, v)
	}
	return tx.Suppressions().Forget(ctx, e.SellerID, keys)
}
