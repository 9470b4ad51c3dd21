package markettest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
)

func find(t *testing.T, ctx context.Context, tx *sqlstore.Tx, claims ...market.Claim) map[market.ClaimKey]market.Claim {
	t.Helper()
	refs := make([]market.ClaimRef, len(claims))
	for i, c := range claims {
		refs[i] = c.Ref()
	}
	found, _, err := tx.Claims().Find(ctx, refs, nil)
	require.NoError(t, err)
	return found
}

func testRequests(t *testing.T, h *sqlstoretest.Harness) {
	r := sqlstoretest.Filled[market.Request](0)
	sqlstoretest.RequireFull(t, r)
	first, second := sqlstoretest.NewRequest("1", "lead_1", now), sqlstoretest.NewRequest("2", "lead_2", now.Add(time.Minute))
	elsewhere := first
	elsewhere.SellerID = "seller_2"
	claim := sqlstoretest.NewClaim("1", "lead_1", now)
	find := func(ctx context.Context, tx *sqlstore.Tx) (map[market.ClaimKey]market.Claim, map[market.RequestContent]market.Request) {
		claims, requests, err := tx.Claims().Find(ctx, []market.ClaimRef{claim.Ref()}, []market.RequestRef{second.Ref(), r.Ref(), first.Ref(), sqlstoretest.NewRequest("absent", "", now).Ref()})
		require.NoError(t, err)
		return claims, requests
	}
	h.Do(t, func(ctx ctx, tx tx) error {
		claims, requests := find(ctx, tx)
		require.Empty(t, claims)
		require.Empty(t, requests)
		require.NoError(t, tx.Claims().Take(ctx, []market.Claim{claim}, nil, now))
		return tx.Claims().Remember(ctx, []market.Request{second, r, first, elsewhere}, nil, now)
	})
	h.Do(t, func(ctx ctx, tx tx) error {
		claims, requests := find(ctx, tx)
		require.Equal(t, map[market.ClaimKey]market.Claim{claim.Key: claim}, claims)
		require.Equal(t, map[market.RequestContent]market.Request{r.Content: r, first.Content: first, second.Content: second}, requests)
		return tx.Claims().Remember(ctx, nil, []market.Request{sqlstoretest.NewRequest("1", "lead_3", now.Add(time.Hour))}, now)
	})
	h.Do(t, func(ctx ctx, tx tx) error {
		_, requests := find(ctx, tx)
		require.Equal(t, "lead_3", requests[first.Content].LeadID)
		return nil
	})
	for _, taken := range [][2][]market.Request{{{second}, nil}, {nil, {second}}} { // another unit of work was quicker
		runs := 0
		err := h.Store.Do(t.Context(), func(ctx ctx, tx tx) error {
			runs++
			return tx.Claims().Remember(ctx, taken[0], taken[1], now)
		})
		require.ErrorIs(t, err, application.ErrUnavailable)
		require.Equal(t, 5, runs)
	}
}

func testClaims(t *testing.T, h *sqlstoretest.Harness) {
	c := sqlstoretest.Filled[market.Claim](0)
	sqlstoretest.RequireFull(t, c)
	first, second := sqlstoretest.NewClaim("1", "lead_1", now), sqlstoretest.NewClaim("2", "lead_1", now.Add(time.Hour))
	h.Do(t, func(ctx ctx, tx tx) error {
		require.Empty(t, find(t, ctx, tx, c, first, second))
		return tx.Claims().Take(ctx, []market.Claim{second, c, first}, nil, now)
	})
	h.Do(t, func(ctx ctx, tx tx) error {
		require.Equal(t, map[market.ClaimKey]market.Claim{c.Key: c, first.Key: first, second.Key: second}, find(t, ctx, tx, first, c, second, sqlstoretest.NewClaim("absent", "", now)))
		require.Empty(t, find(t, ctx, tx))
		return tx.Claims().Take(ctx, nil, nil, now)
	})
	mine, fresh := sqlstoretest.NewClaim("1", "lead_2", now.Add(2*time.Hour)), sqlstoretest.NewClaim("3", "lead_2", now.Add(2*time.Hour))
	h.Do(t, func(ctx ctx, tx tx) error {
		return tx.Claims().Take(ctx, []market.Claim{fresh}, []market.Claim{mine}, now)
	})
	h.Do(t, func(ctx ctx, tx tx) error {
		require.Equal(t, map[market.ClaimKey]market.Claim{mine.Key: mine, fresh.Key: fresh, second.Key: second}, find(t, ctx, tx, first, second, fresh))
		return nil
	})
	longer, revived := sqlstoretest.NewClaim("3", "lead_3", now.Add(3*time.Hour)), sqlstoretest.NewClaim("1", "lead_3", now.Add(5*time.Hour))
	h.Do(t, func(ctx ctx, tx tx) error {
		require.NoError(t, tx.Claims().Extend(ctx, nil))
		return tx.Claims().Extend(ctx, []market.Claim{longer, revived})
	})
	h.Do(t, func(ctx ctx, tx tx) error {
		require.Equal(t, map[market.ClaimKey]market.Claim{revived.Key: revived, longer.Key: longer, second.Key: second}, find(t, ctx, tx, first, second, fresh))
		return nil
	})
	for what, c := range map[string]market.Claim{"one that ends no later": longer, "one that is not stored": sqlstoretest.NewClaim("absent", "lead_3", now)} {
		require.ErrorIs(t, h.Store.Do(t.Context(), func(ctx ctx, tx tx) error { return tx.Claims().Extend(ctx, []market.Claim{c}) }), application.ErrUnavailable, what)
	}
	runs := 0
	err := h.Store.Do(t.Context(), func(ctx ctx, tx tx) error { // one that is in force is never taken over
		runs++
		return tx.Claims().Take(ctx, nil, []market.Claim{sqlstoretest.NewClaim("2", "thief", now.Add(time.Hour)), sqlstoretest.NewClaim("1", "thief", now.Add(time.Hour))}, now)
	})
	require.ErrorIs(t, err, application.ErrUnavailable)
	require.Equal(t, 5, runs)
	err = h.Store.Do(t.Context(), func(ctx ctx, tx tx) error {
		return tx.Claims().Take(ctx, []market.Claim{sqlstoretest.NewClaim("9", "a", now), sqlstoretest.NewClaim("9", "b", now)}, nil, now)
	})
	require.ErrorContains(t, err, "taken twice at once")
	h.Do(t, func(ctx ctx, tx tx) error {
		require.Equal(t, "lead_3", find(t, ctx, tx, first)[first.Key].LeadID)
		require.Empty(t, find(t, ctx, tx, sqlstoretest.NewClaim("9", "", now)))
		return nil
	})
}

func testClaimRace(t *testing.T, h *sqlstoretest.Harness) {
	const n = 6
	winners, losers := sqlstoretest.Race(t, h, n, func(ctx context.Context, tx *sqlstore.Tx, _ int) bool {
		return len(find(t, ctx, tx, sqlstoretest.NewClaim("1", "", now))) == 0
	}, func(ctx context.Context, tx *sqlstore.Tx, i int) error {
		return tx.Claims().Take(ctx, []market.Claim{sqlstoretest.NewClaim("1", fmt.Sprint(i), now.Add(time.Hour))}, nil, now)
	})
	require.Equal(t, []int{1, n - 1}, []int{winners, losers})
	require.Equal(t, 1, h.Count(t, "claims"))
}

func testTakeOverRace(t *testing.T, h *sqlstoretest.Harness) {
	const n = 6
	h.Do(t, func(ctx ctx, tx tx) error {
		return tx.Claims().Take(ctx, []market.Claim{sqlstoretest.NewClaim("1", "old", now.Add(-time.Hour))}, nil, now)
	})
	winners, losers := sqlstoretest.Race(t, h, n, func(ctx context.Context, tx *sqlstore.Tx, _ int) bool {
		c := sqlstoretest.NewClaim("1", "", now)
		return !find(t, ctx, tx, c)[c.Key].ExpiresAt.After(now)
	}, func(ctx context.Context, tx *sqlstore.Tx, i int) error {
		return tx.Claims().Take(ctx, nil, []market.Claim{sqlstoretest.NewClaim("1", fmt.Sprint(i), now.Add(time.Hour))}, now)
	})
	require.Equal(t, []int{1, n - 1}, []int{winners, losers})
}

func testOppositeClaims(t *testing.T, h *sqlstoretest.Harness) {
	for round := range 10 {
		a, b := sqlstoretest.NewClaim(fmt.Sprint("a", round), "lead", now.Add(time.Hour)), sqlstoretest.NewClaim(fmt.Sprint("b", round), "lead", now.Add(time.Hour))
		winners, losers := sqlstoretest.Race(t, h, 2, func(ctx context.Context, tx *sqlstore.Tx, _ int) bool {
			return len(find(t, ctx, tx, a, b)) == 0
		}, func(ctx context.Context, tx *sqlstore.Tx, i int) error {
			claims := []market.Claim{a, b}
			if i == 1 {
				claims = []market.Claim{b, a}
			}
			return tx.Claims().Take(ctx, claims, nil, now)
		})
		require.Equal(t, []int{1, 1}, []int{winners, losers})
	}
	for _, err := range h.Faults.Failures() {
		require.Equal(t, dialect.Duplicate, h.DB.Classify(err), "the loser waits and finds the row; nobody deadlocks: %v", err)
	}
}
