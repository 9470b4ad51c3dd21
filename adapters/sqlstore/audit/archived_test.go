package audit_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/adapters/sqlstore/audit"
	"github.com/leadmill/leadmill/tests/dbtest"
)

// archive lets the log begin at a position, and deletes the rows before it.
func (s *shop) archive(first int64, deleted bool) {
	s.t.Helper()
	s.exec(fmt.Sprintf("UPDATE event_archive SET first_position = %d", first))
	if deleted {
		s.exec(fmt.Sprintf("DELETE FROM event_segments WHERE id IN (SELECT segment_id FROM event_positions WHERE first_position < %d)", first),
			fmt.Sprintf("DELETE FROM event_positions WHERE first_position < %d", first))
	}
}

// TestArchivedEventsAreNotMissed archives the log up to each segment.
func TestArchivedEventsAreNotMissed(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, e dbtest.Engine) {
		f := newFair(t, e)
		f.save()
		all, last := f.segments(), f.last()
		for i, of := range append(all, storedSegment{first: last + 1}) {
			f.archive(of.first, i%3 > 0)
			for _, divisor := range []int{1, 1000} {
				r := f.audit(divisor)
				require.Empty(t, r.Breaches, "archived up to position %d of %d", of.first-1, last)
				require.Equal(t, of.first, r.First)
			}
			f.restore()
		}
	})
}

// TestBreachesBehindArchivedEvents are found.
func TestBreachesBehindArchivedEvents(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, e dbtest.Engine) {
		f := newFair(t, e)
		f.save()
		all := f.segments()
		var split storedSegment // the second of two segments of one aggregate
		for _, of := range all[len(all)/2:] {
			if of.events[0].AggregateVersion > 1 {
				split = of
				break
			}
		}
		require.NotZero(t, split.first)
		for rule, plant := range map[string]func(){
			"positions_are_dense": func() {
				f.exec("UPDATE event_sequence SET last_position = last_position + 1",
					fmt.Sprintf("UPDATE event_positions SET first_position = first_position + 1 WHERE first_position = %d", all[len(all)-1].first))
			},
			"event_versions_are_dense": func() {
				last := split.events[len(split.events)-1]
				f.publish(last.SellerID, last.AggregateType, last.AggregateID, int(last.AggregateVersion), "x.team.noted.v1", "{}", 1)
			},
			"segment_has_one_position": func() { f.segment(f.one("seller_1", "case", "case_1", 1, "x.team.noted.v1", "{}")) },
			"event_has_aggregate":      func() { f.publish("seller_1", "lead", "lead_none", 1, "lead.pending.v1", "{}", 1) },
			"version_counts_events": func() {
				f.exec("UPDATE campaigns SET version = 2 WHERE id = 'campaign_wait'")
				f.publish("seller_1", "campaign", "campaign_wait", 1, "campaign.paused.v1", "{}", 1)
			},
		} {
			f.archive(split.first, true)
			plant()
			found := map[string]bool{}
			for _, b := range f.audit(1).Breaches {
				found[b.Rule] = true
			}
			assert.Contains(t, found, rule)
			f.restore()
		}
	})
}

// TestEventsArchivedMeanwhile are no breach: the audit begins anew.
func TestEventsArchivedMeanwhile(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, e dbtest.Engine) {
		f := newFair(t, e)
		all, runs := f.segments(), 0
		archives := audit.Rule{Invariant: "I4", Name: "archives", Description: "Archives.", Run: func(context.Context, *audit.Chunk) error {
			if runs++; runs < 3 {
				f.archive(all[len(all)*runs/4].first, true)
			}
			return nil
		}}
		r, err := audit.Run(t.Context(), f.db, audit.Options{Now: f.clock.Now()}, append(sqlstore.AuditRules(), audit.Rules{Whole: []audit.Rule{archives}})...)
		require.NoError(t, err)
		require.Empty(t, r.Breaches)
		require.Equal(t, all[len(all)*2/4].first, r.First)
		require.Equal(t, 3, runs)
	})
}
