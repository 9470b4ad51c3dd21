package sqlstoretest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/application/program"
	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/event"
	"github.com/leadmill/leadmill/domain/seller"
)

// Test is one test of a suite. It is given a harness on a database of its own.
type Test struct {
	Name string
	Run  func(t *testing.T, h *Harness)
	// Alone says that no rows of other sellers are held beside the test (see Harness.Beside): because it writes whole tables itself, or
	// a unique key again that it has just deleted, for which MariaDB locks the next key too.
	Alone bool
}

// Each runs the tests of a suite side by side. open returns a harness on a database of its own each time; see New.
func Each(t *testing.T, open func(t *testing.T) *Harness, tests []Test) {
	t.Helper()
	for _, test := range tests {
		t.Run(test.Name, func(t *testing.T) {
			t.Parallel()
			h := open(t)
			if !test.Alone {
				h.Beside(t)
			}
			test.Run(t, h)
		})
	}
}

// Run runs the suite of what concerns all rooms: transactions with their events, locks and faults.
func Run(t *testing.T, open func(t *testing.T) *Harness) {
	t.Helper()
	Each(t, open, []Test{
		{Name: "version conflicts", Run: testVersionConflicts},
		{Name: "locks", Run: testLocks},
		{Name: "purge", Run: testPurge},
		{Name: "purge at once", Run: testPurgeAtOnce},
		{Name: "events", Run: testEvents},
		{Name: "retry", Run: testRetry, Alone: true},
		{Name: "retries run out", Run: testRetriesRunOut},
		{Name: "patience", Run: testPatience},
		{Name: "swallowed errors", Run: testSwallowed},
		{Name: "retry at commit", Run: testRetryAtCommit, Alone: true},
		{Name: "commit unknown", Run: testCommitUnknown, Alone: true},
		{Name: "connection lost", Run: testConnectionLost},
		{Name: "cancelled", Run: testCancelled},
		{Name: "panic", Run: testPanic},
		{Name: "nested", Run: testNested},
		{Name: "team commits together", Run: testTeamTogether},
		{Name: "team duplicates", Run: testTeamDuplicates},
		{Name: "team rows", Run: testTeamRows},
		{Name: "team raw errors", Run: testTeamRawErrors, Alone: true},
		{Name: "team swallowed errors", Run: testTeamSwallowed, Alone: true},
		{Name: "team commits fail", Run: testTeamCommits, Alone: true},
		{Name: "team version conflicts", Run: testTeamConflicts},
		{Name: "team records", Run: testTeamRecords},
		{Name: "team statements", Run: testTeamStatements},
	})
}

type (
	ctx = context.Context
	tx  = *sqlstore.Tx
)

// testNested begins a transaction inside of another, which would wait for the first for ever.
func testNested(t *testing.T, h *Harness) {
	begun := 0
	h.Do(t, func(ctx ctx, tx tx) error {
		var nested *application.NestedWorkError
		require.ErrorAs(t, h.Store.Do(ctx, func(context.Context, *sqlstore.Tx) error { begun++; return nil }), &nested)
		return tx.Sellers().Add(ctx, NewSeller(t, "seller_1", "ABCD1234", "slug"))
	})
	require.Zero(t, begun)
	require.Equal(t, 1, h.Count(t, "sellers"), "the outer one goes on")
}

func testVersionConflicts(t *testing.T, h *Harness) {
	s, b, c := NewSeller(t, "seller_1", "ABCD1234", "slug"), NewBuyer(t, "buyer_1"), NewCampaign(t, "campaign_1", "c")
	h.Do(t, func(ctx ctx, tx tx) error {
		return errors.Join(tx.Sellers().Add(ctx, s), tx.Buyers().Add(ctx, b), tx.Campaigns().Add(ctx, c))
	})
	stale := func() (*seller.Seller, *buyer.Buyer, *campaign.Campaign) {
		s, err := seller.FromSnapshot(s.Snapshot())
		require.NoError(t, err)
		_, err = s.Update(seller.Details{}, Now)
		require.NoError(t, err)
		b := buyer.FromSnapshot(b.Snapshot())
		_, err = b.Deposit("entry_1", 5, "", Now)
		require.NoError(t, err)
		c := campaign.FromSnapshot(c.Snapshot())
		require.NoError(t, c.Pause(Now))
		return s, b, c
	}
	s1, b1, c1 := stale()
	s2, b2, c2 := stale()
	h.Do(t, func(ctx ctx, tx tx) error {
		return errors.Join(tx.Sellers().Save(ctx, s1), tx.Buyers().Save(ctx, b1), tx.Campaigns().Save(ctx, c1))
	})
	for _, save := range []func(ctx context.Context, tx *sqlstore.Tx) error{
		func(ctx context.Context, tx *sqlstore.Tx) error { return tx.Sellers().Save(ctx, s2) },
		func(ctx context.Context, tx *sqlstore.Tx) error { return tx.Buyers().Save(ctx, b2) },
		func(ctx context.Context, tx *sqlstore.Tx) error { return tx.Campaigns().Save(ctx, c2) },
	} {
		require.Equal(t, application.ErrConcurrentChange, h.Store.Do(t.Context(), save))
	}
	require.Equal(t, 1, h.Count(t, "ledger_entries"))
	require.Len(t, h.Events(t), 6)
}

func testLocks(t *testing.T, h *Harness) {
	c := NewCampaign(t, "campaign_1", "c")
	AddContract(t, c, "contract_1", "buyer_1")
	h.Do(t, func(ctx ctx, tx tx) error {
		return errors.Join(tx.Sellers().Add(ctx, NewSeller(t, "seller_1", "ABCD1234", "slug")), tx.Buyers().Add(ctx, NewBuyer(t, "buyer_1")), tx.Campaigns().Add(ctx, c))
	})
	for name, lock := range map[string]func(ctx context.Context, tx *sqlstore.Tx) error{
		"sellers seller_1": func(ctx context.Context, tx *sqlstore.Tx) error {
			_, err := tx.Sellers().Lock(ctx, "seller_1")
			return err
		},
		"sellers  seller_1": func(ctx context.Context, tx *sqlstore.Tx) error {
			_, err := tx.Sellers().LockByCode(ctx, "ABCD1234")
			return err
		},
		"buyers buyer_1": func(ctx context.Context, tx *sqlstore.Tx) error {
			_, err := tx.Buyers().Lock(ctx, "seller_1", "buyer_1")
			return err
		},
		"buyers  buyer_1": func(ctx context.Context, tx *sqlstore.Tx) error {
			_, err := tx.Buyers().LockAll(ctx, Refs("buyer_1"))
			return err
		},
		"campaigns campaign_1": func(ctx context.Context, tx *sqlstore.Tx) error {
			_, err := tx.Campaigns().Lock(ctx, "seller_1", "campaign_1")
			return err
		},
		"campaigns  campaign_1": func(ctx context.Context, tx *sqlstore.Tx) error {
			_, err := tx.Campaigns().LockAll(ctx, Refs("campaign_1"), map[string]*campaign.Campaign{"campaign_1": c})
			return err
		},
		"campaigns   campaign_1": func(ctx context.Context, tx *sqlstore.Tx) error {
			_, err := tx.Campaigns().LockOfSeller(ctx, "seller_1")
			return err
		},
	} {
		var table, id string
		_, err := fmt.Sscan(name, &table, &id)
		require.NoError(t, err)
		h.Do(t, func(ctx ctx, tx tx) error {
			if h.Concurrent() {
				require.False(t, h.Locked(t, table, id), name)
			}
			require.NoError(t, lock(ctx, tx))
			require.True(t, h.Locked(t, table, id), name)
			return nil
		})
		require.False(t, h.Locked(t, table, id), name)
	}
	if !h.Concurrent() {
		return
	}
	h.Do(t, func(ctx ctx, tx tx) error {
		_, err := tx.Sellers().Get(ctx, "seller_1")
		require.NoError(t, err)
		_, err = tx.Buyers().Get(ctx, "seller_1", "buyer_1")
		require.NoError(t, err)
		_, err = tx.Campaigns().Get(ctx, "seller_1", "campaign_1")
		require.NoError(t, err)
		require.False(t, h.Locked(t, "sellers", "seller_1"))
		require.False(t, h.Locked(t, "buyers", "buyer_1"))
		require.False(t, h.Locked(t, "campaigns", "campaign_1"))
		return nil
	})
}

func testPurge(t *testing.T, h *Harness) {
	const expired = 5_003
	claims := make([]market.Claim, 0, expired+2)
	for i := range expired {
		c := NewClaim(fmt.Sprint(i), "lead", Now.Add(-time.Duration(i)*time.Microsecond))
		c.SellerID = fmt.Sprint("seller_", i%3)
		claims = append(claims, c)
	}
	claims = append(claims, NewClaim("a", "lead", Now.Add(time.Microsecond)), NewClaim("b", "lead", Now.Add(time.Hour)))
	h.Do(t, func(ctx ctx, tx tx) error {
		for i, until := range []time.Time{Now.Add(-time.Hour), Now, Now.Add(time.Microsecond)} {
			if _, _, err := tx.Idempotency().Claim(ctx, "seller_1", "key_1", fmt.Sprint(i), [32]byte{}, Now.Add(-2*time.Hour), until); err != nil {
				return err
			}
		}
		for i, until := range []time.Time{Now.Add(-time.Hour), Now, Now.Add(time.Microsecond)} {
			if err := tx.Tokens().Add(ctx, NewToken(fmt.Sprint(i), program.SessionToken, until)); err != nil {
				return err
			}
		}
		requests := []market.Request{NewRequest("a", "lead", Now.Add(-time.Hour)), NewRequest("b", "lead", Now.Add(-market.DoubleClick)), NewRequest("c", "lead", Now.Add(time.Microsecond-market.DoubleClick))}
		if err := tx.Claims().Remember(ctx, requests, nil, Now); err != nil {
			return err
		}
		var counters []*distribution.Counter
		for i, from := range []time.Time{Now.Add(-63 * 24 * time.Hour), Now.Add(-62*24*time.Hour - time.Hour), Now.Add(-62 * 24 * time.Hour), Now} {
			span := calendar.SpanAt(calendar.Hour, from, time.UTC)
			if i == 1 { // it ended to the microsecond so long ago
				span = calendar.Span{Window: calendar.Hour, Key: "hour:1", Start: from, End: from.Add(time.Hour)}
			}
			counters = append(counters, &distribution.Counter{SellerID: fmt.Sprint("seller_", i%2), Owner: distribution.OwnerContract, OwnerID: "k", Span: span, Used: 1, TakenLeads: 1})
		}
		counters = append(counters, &distribution.Counter{SellerID: "seller_1", Owner: distribution.OwnerContract, OwnerID: "k", Span: calendar.SpanAt(calendar.Total, Now, time.UTC), Used: 4, TakenLeads: 4})
		if err := tx.Counters().SaveAll(ctx, counters); err != nil {
			return err
		}
		return tx.Claims().Take(ctx, claims, nil, Now)
	})
	n, err := h.Store.PurgeExpired(t.Context(), Now)
	require.NoError(t, err)
	require.Equal(t, expired+8, n)
	var kept []string
	require.NoError(t, h.DB.Reader.SelectContext(t.Context(), &kept, "SELECT span_window FROM contract_counters ORDER BY ends_at"))
	require.Equal(t, []string{"total", "hour", "hour"}, kept, "the total never ends")
	require.Equal(t, []int{2, 1, 1, 1}, []int{h.Count(t, "claims"), h.Count(t, "answers"), h.Count(t, "partner_tokens"), h.Count(t, "recent_requests")})
	n, err = h.Store.PurgeExpired(t.Context(), Now)
	require.NoError(t, err)
	require.Zero(t, n)
}

// Instances purge at once while expired claims are given to other leads: each row goes once, and none that is young again.
func testPurgeAtOnce(t *testing.T, h *Harness) {
	const expired, renewed, instances = 4_000, 400, 3
	claims, young := make([]market.Claim, expired), make([]market.Claim, renewed)
	for i := range claims {
		claims[i] = NewClaim(fmt.Sprint(i), "old", Now.Add(-time.Hour))
	}
	for i := range young {
		young[i] = claims[i*expired/renewed]
		young[i].LeadID, young[i].ExpiresAt = "young", Now.Add(time.Hour)
	}
	h.Do(t, func(ctx ctx, tx tx) error { return tx.Claims().Take(ctx, claims, nil, Now) })
	var all sync.WaitGroup
	var deleted, over atomic.Int64
	errs := make([]error, instances+1)
	for i := range instances {
		store := sqlstore.New(h.DB, nil, nil, nil, nil)
		all.Go(func() {
			n, err := store.PurgeExpired(t.Context(), Now)
			deleted.Add(int64(n))
			errs[i] = err
		})
	}
	all.Go(func() {
		for _, c := range slices.Backward(young) {
			there := false
			err := h.Store.Do(t.Context(), func(ctx ctx, tx tx) error {
				found, _, err := tx.Claims().Find(ctx, []market.ClaimRef{c.Ref()}, nil)
				if err != nil {
					return err
				}
				if _, there = found[c.Key]; there {
					return tx.Claims().Take(ctx, nil, []market.Claim{c}, Now)
				}
				return tx.Claims().Take(ctx, []market.Claim{c}, nil, Now)
			})
			if there && err == nil {
				over.Add(1)
			}
			errs[instances] = errors.Join(errs[instances], err)
		}
	})
	all.Wait()
	require.NoError(t, errors.Join(errs...))
	require.EqualValues(t, expired, deleted.Load()+over.Load(), "each claim was purged once or given to another lead")
	var left []string
	require.NoError(t, h.DB.Reader.SelectContext(t.Context(), &left, "SELECT lead_id FROM claims"))
	require.Equal(t, slices.Repeat([]string{"young"}, renewed), left)
}

func testEvents(t *testing.T, h *Harness) {
	b, s, p, c := NewBuyer(t, "buyer_1"), NewSeller(t, "seller_1", "ABCD1234", "slug"), NewPartner(t, "seller_1", "p", "k", "a@example.com"), NewCampaign(t, "campaign_1", "c")
	l := PendingLead(t, "lead_1", "campaign_1")
	l.Trail = application.Trail{CorrelationID: "of the lead"}
	AddContract(t, c, "contract_1", "buyer_1")
	run := func(fail error) error {
		return h.Store.Do(application.WithTrail(t.Context(), application.Trail{CorrelationID: "of the context"}), func(ctx ctx, tx tx) error {
			require.NoError(t, tx.Leads().AddAll(ctx, []application.StoredLead{l}))
			require.NoError(t, tx.Sellers().Add(ctx, s))
			require.NoError(t, tx.Campaigns().Add(ctx, c))
			require.NoError(t, tx.Buyers().Add(ctx, b))
			require.NoError(t, tx.Partners().Add(ctx, p))
			return fail
		})
	}
	require.Equal(t, ErrOwn, run(ErrOwn), "its own error, unchanged")
	require.Empty(t, h.Events(t))
	require.Zero(t, h.Count(t, "leads"))
	require.Zero(t, h.Woken.Load())
	require.Len(t, l.Lead.Pending(), 2, "what was not stored is still to be stored")
	require.NoError(t, run(nil))
	require.Equal(t, int64(1), h.Woken.Load())
	want := []EventRow{
		{AggregateType: "lead", AggregateID: "lead_1", AggregateVersion: 1, Type: "lead.submitted.v1", Correlation: "of the lead"},
		{AggregateType: "lead", AggregateID: "lead_1", AggregateVersion: 2, Type: "lead.pending.v1", Correlation: "of the lead"},
		{AggregateType: "seller", AggregateID: "seller_1", AggregateVersion: 1, Type: "seller.created.v1"},
		{AggregateType: "campaign", AggregateID: "campaign_1", AggregateVersion: 1, Type: "campaign.created.v1"},
		{AggregateType: "campaign", AggregateID: "campaign_1", AggregateVersion: 2, Type: "contract.created.v1"},
		{AggregateType: "buyer", AggregateID: "buyer_1", AggregateVersion: 1, Type: "buyer.created.v1"},
		{AggregateType: "partner", AggregateID: "p", AggregateVersion: 1, Type: "partner.created.v1"},
	}
	check := func() {
		t.Helper()
		got, seen := h.Events(t), map[string]bool{}
		require.Len(t, got, len(want))
		for i := range got {
			require.False(t, seen[got[i].EventID] || got[i].EventID == "", "ids are unique")
			seen[got[i].EventID] = true
			want[i].EventID, want[i].SellerID = got[i].EventID, "seller_1"
			if want[i].Correlation == "" {
				want[i].Correlation = "of the context"
			}
		}
		require.Equal(t, want, got)
	}
	check()
	for _, a := range []interface {
		Pending() []event.Event
		StoredVersion() int64
	}{l.Lead, s, c, b, p} {
		require.Empty(t, a.Pending())
		require.NotZero(t, a.StoredVersion())
	}
	_, err := b.Deposit("entry_1", 5, "", Now)
	require.NoError(t, err)
	require.NoError(t, b.Pause(Now))
	h.Do(t, func(ctx ctx, tx tx) error {
		return tx.Buyers().Save(application.WithTrail(ctx, application.Trail{CorrelationID: "of the context"}), b)
	})
	want = append(want, EventRow{AggregateType: "buyer", AggregateID: "buyer_1", AggregateVersion: 2, Type: "buyer.funded.v1"},
		EventRow{AggregateType: "buyer", AggregateID: "buyer_1", AggregateVersion: 3, Type: "buyer.paused.v1"})
	check()
	h.Do(t, func(ctx ctx, tx tx) error {
		_, err := tx.Buyers().Get(ctx, "seller_1", "buyer_1")
		return err
	})
	require.Equal(t, int64(2), h.Woken.Load(), "nothing new, nobody woken")
}
