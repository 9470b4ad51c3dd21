package sqlstoretest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/seller"
)

var errOwn = errors.New("the closure's own error")

func claim(value, leadID string, until time.Time) application.Claim {
	return application.Claim{Key: application.NewClaimKey("campaign_1", application.ClaimPhone, value), SellerID: "seller_1", Scope: "campaign_1",
		Kind: application.ClaimPhone, LeadID: leadID, ExpiresAt: until}
}

func find(t *testing.T, ctx context.Context, tx application.Tx, claims ...application.Claim) map[application.ClaimKey]application.Claim {
	t.Helper()
	keys := make([]application.ClaimKey, len(claims))
	for i, c := range claims {
		keys[i] = c.Key
	}
	found, err := tx.Claims().Find(ctx, keys)
	require.NoError(t, err)
	return found
}

func testClaims(t *testing.T, h *Harness) {
	c := filled[application.Claim](0)
	requireFull(t, c)
	first, second := claim("1", "lead_1", now), claim("2", "lead_1", now.Add(time.Hour))
	h.do(t, func(ctx ctx, tx tx) error {
		require.Empty(t, find(t, ctx, tx, c, first, second))
		return tx.Claims().Take(ctx, []application.Claim{second, c, first}, nil, now)
	})
	h.do(t, func(ctx ctx, tx tx) error {
		require.Equal(t, map[application.ClaimKey]application.Claim{c.Key: c, first.Key: first, second.Key: second}, find(t, ctx, tx, first, c, second, claim("absent", "", now)))
		require.Empty(t, find(t, ctx, tx))
		return tx.Claims().Take(ctx, nil, nil, now)
	})
	mine, fresh := claim("1", "lead_2", now.Add(2*time.Hour)), claim("3", "lead_2", now.Add(2*time.Hour))
	h.do(t, func(ctx ctx, tx tx) error {
		return tx.Claims().Take(ctx, []application.Claim{fresh}, []application.Claim{mine}, now)
	})
	h.do(t, func(ctx ctx, tx tx) error {
		require.Equal(t, map[application.ClaimKey]application.Claim{mine.Key: mine, fresh.Key: fresh, second.Key: second}, find(t, ctx, tx, first, second, fresh))
		return nil
	})
	runs := 0
	err := h.Store.Do(t.Context(), func(ctx ctx, tx tx) error { // one that is in force is never taken over
		runs++
		return tx.Claims().Take(ctx, nil, []application.Claim{claim("2", "thief", now.Add(time.Hour)), claim("1", "thief", now.Add(time.Hour))}, now)
	})
	require.ErrorIs(t, err, application.ErrUnavailable)
	require.Equal(t, 5, runs)
	err = h.Store.Do(t.Context(), func(ctx ctx, tx tx) error {
		return tx.Claims().Take(ctx, []application.Claim{claim("9", "a", now), claim("9", "b", now)}, nil, now)
	})
	require.ErrorContains(t, err, "taken twice at once")
	h.do(t, func(ctx ctx, tx tx) error {
		require.Equal(t, "lead_2", find(t, ctx, tx, first)[first.Key].LeadID)
		require.Empty(t, find(t, ctx, tx, claim("9", "", now)))
		return nil
	})
}

// race runs n units of work at once. Where transactions run side by side, none goes on after look before all have looked.
func race(t *testing.T, h *Harness, n int, look func(ctx context.Context, tx application.Tx, i int) (free bool), act func(ctx context.Context, tx application.Tx, i int) error) (winners, losers int) {
	t.Helper()
	var mu sync.Mutex
	var all, barrier sync.WaitGroup
	barrier.Add(n)
	errs := make([]error, n)
	for i := range n {
		all.Go(func() {
			first := true
			won := false
			errs[i] = h.Store.Do(t.Context(), func(ctx context.Context, tx application.Tx) error {
				won = false
				free := look(ctx, tx, i)
				if first {
					first = false
					barrier.Done()
					if h.concurrent() {
						barrier.Wait()
					}
				}
				if !free {
					return nil
				}
				won = true
				return act(ctx, tx, i)
			})
			mu.Lock()
			defer mu.Unlock()
			if won {
				winners++
			} else {
				losers++
			}
		})
	}
	all.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	return winners, losers
}

func testClaimRace(t *testing.T, h *Harness) {
	const n = 6
	winners, losers := race(t, h, n, func(ctx context.Context, tx application.Tx, _ int) bool {
		return len(find(t, ctx, tx, claim("1", "", now))) == 0
	}, func(ctx context.Context, tx application.Tx, i int) error {
		return tx.Claims().Take(ctx, []application.Claim{claim("1", fmt.Sprint(i), now.Add(time.Hour))}, nil, now)
	})
	require.Equal(t, []int{1, n - 1}, []int{winners, losers})
	require.Equal(t, 1, h.count(t, "claims"))
}

func testTakeOverRace(t *testing.T, h *Harness) {
	const n = 6
	h.do(t, func(ctx ctx, tx tx) error {
		return tx.Claims().Take(ctx, []application.Claim{claim("1", "old", now.Add(-time.Hour))}, nil, now)
	})
	winners, losers := race(t, h, n, func(ctx context.Context, tx application.Tx, _ int) bool {
		c := claim("1", "", now)
		return !find(t, ctx, tx, c)[c.Key].ExpiresAt.After(now)
	}, func(ctx context.Context, tx application.Tx, i int) error {
		return tx.Claims().Take(ctx, nil, []application.Claim{claim("1", fmt.Sprint(i), now.Add(time.Hour))}, now)
	})
	require.Equal(t, []int{1, n - 1}, []int{winners, losers})
}

func testOppositeClaims(t *testing.T, h *Harness) {
	for round := range 10 {
		a, b := claim(fmt.Sprint("a", round), "lead", now.Add(time.Hour)), claim(fmt.Sprint("b", round), "lead", now.Add(time.Hour))
		winners, losers := race(t, h, 2, func(ctx context.Context, tx application.Tx, _ int) bool {
			return len(find(t, ctx, tx, a, b)) == 0
		}, func(ctx context.Context, tx application.Tx, i int) error {
			claims := []application.Claim{a, b}
			if i == 1 {
				claims = []application.Claim{b, a}
			}
			return tx.Claims().Take(ctx, claims, nil, now)
		})
		require.Equal(t, []int{1, 1}, []int{winners, losers})
	}
	for _, err := range h.Faults.Failures() {
		require.Equal(t, dialect.Duplicate, h.DB.Classify(err), "the loser waits and finds the row; nobody deadlocks: %v", err)
	}
}

func testAnswers(t *testing.T, h *Harness) {
	one, two := sha256.Sum256([]byte("one")), sha256.Sum256([]byte("two"))
	long := string(make([]byte, 255)) + "é"
	answer := application.Response{Status: 201, Body: []byte("{\"id\":1}\n")}
	h.do(t, func(ctx ctx, tx tx) error {
		_, taken, err := tx.Idempotency().Claim(ctx, "key_1", long, one, now, now.Add(time.Hour))
		require.NoError(t, err)
		require.True(t, taken)
		return tx.Idempotency().Complete(ctx, "key_1", long, answer)
	})
	var kept []byte
	require.NoError(t, h.DB.Reader.GetContext(t.Context(), &kept, "SELECT body FROM answers WHERE key_id = 'key_1'"))
	require.NotContains(t, string(kept), `"id"`, "an answer may hold a secret, so it is stored sealed")
	h.do(t, func(ctx ctx, tx tx) error {
		stored, taken, err := tx.Idempotency().Claim(ctx, "key_1", long, two, now.Add(time.Hour-time.Microsecond), now.Add(2*time.Hour))
		require.NoError(t, err)
		require.False(t, taken)
		require.Equal(t, application.StoredResponse{Fingerprint: one, Response: answer}, stored)
		_, taken, err = tx.Idempotency().Claim(ctx, "key_2", long, two, now, now.Add(2*time.Hour))
		require.NoError(t, err)
		require.True(t, taken, "keys do not share")
		return nil
	})
	h.do(t, func(ctx ctx, tx tx) error {
		_, taken, err := tx.Idempotency().Claim(ctx, "key_1", long, two, now.Add(time.Hour), now.Add(2*time.Hour))
		require.NoError(t, err)
		require.True(t, taken, "its time is over")
		return tx.Idempotency().Complete(ctx, "key_1", long, application.Response{Status: 204})
	})
	h.do(t, func(ctx ctx, tx tx) error {
		stored, taken, err := tx.Idempotency().Claim(ctx, "key_1", long, one, now.Add(time.Hour), now.Add(2*time.Hour))
		require.NoError(t, err)
		require.False(t, taken)
		require.Equal(t, application.StoredResponse{Fingerprint: two, Response: application.Response{Status: 204, Body: []byte{}}}, stored)
		return nil
	})
	err := h.Store.Do(t.Context(), func(ctx ctx, tx tx) error { return tx.Idempotency().Complete(ctx, "key_1", "never claimed", answer) })
	require.ErrorContains(t, err, "not claimed")
}

func testAnswerRace(t *testing.T, h *Harness) {
	const n = 6
	var effects sync.Map
	winners := 0
	var mu sync.Mutex
	_, _ = race(t, h, n, func(context.Context, application.Tx, int) bool { return true }, func(ctx context.Context, tx application.Tx, i int) error {
		stored, taken, err := tx.Idempotency().Claim(ctx, "key_1", "once", sha256.Sum256(nil), now, now.Add(time.Hour))
		if err != nil {
			return err
		}
		if !taken {
			effects.Store(string(stored.Response.Body), true)
			return nil
		}
		mu.Lock()
		winners++
		mu.Unlock()
		return tx.Idempotency().Complete(ctx, "key_1", "once", application.Response{Status: 200, Body: []byte(fmt.Sprint(i))})
	})
	require.Equal(t, 1, winners)
	answers := 0
	effects.Range(func(any, any) bool { answers++; return true })
	require.Equal(t, 1, answers, "all others get its answer")
}

func testVersionConflicts(t *testing.T, h *Harness) {
	s, b, c := newSeller(t, "seller_1", "ABCD1234", "slug"), newBuyer(t, "buyer_1"), newCampaign(t, "campaign_1", "c")
	h.do(t, func(ctx ctx, tx tx) error {
		return errors.Join(tx.Sellers().Add(ctx, s), tx.Buyers().Add(ctx, b), tx.Campaigns().Add(ctx, c))
	})
	stale := func() (*seller.Seller, *buyer.Buyer, *campaign.Campaign) {
		s, err := seller.FromSnapshot(s.Snapshot())
		require.NoError(t, err)
		_, err = s.Update(seller.Details{}, now)
		require.NoError(t, err)
		b := buyer.FromSnapshot(b.Snapshot())
		_, err = b.Deposit("entry_1", 5, "", now)
		require.NoError(t, err)
		c := campaign.FromSnapshot(c.Snapshot())
		require.NoError(t, c.Pause(now))
		return s, b, c
	}
	s1, b1, c1 := stale()
	s2, b2, c2 := stale()
	h.do(t, func(ctx ctx, tx tx) error {
		return errors.Join(tx.Sellers().Save(ctx, s1), tx.Buyers().Save(ctx, b1), tx.Campaigns().Save(ctx, c1))
	})
	for _, save := range []func(ctx context.Context, tx application.Tx) error{
		func(ctx context.Context, tx application.Tx) error { return tx.Sellers().Save(ctx, s2) },
		func(ctx context.Context, tx application.Tx) error { return tx.Buyers().Save(ctx, b2) },
		func(ctx context.Context, tx application.Tx) error { return tx.Campaigns().Save(ctx, c2) },
	} {
		require.Equal(t, application.ErrConcurrentChange, h.Store.Do(t.Context(), save))
	}
	require.Equal(t, 1, h.count(t, "ledger_entries"))
	require.Equal(t, 6, h.count(t, "events"))
}

func testLocks(t *testing.T, h *Harness) {
	c := newCampaign(t, "campaign_1", "c")
	addContract(t, c, "contract_1", "buyer_1")
	h.do(t, func(ctx ctx, tx tx) error {
		return errors.Join(tx.Sellers().Add(ctx, newSeller(t, "seller_1", "ABCD1234", "slug")), tx.Buyers().Add(ctx, newBuyer(t, "buyer_1")), tx.Campaigns().Add(ctx, c))
	})
	for name, lock := range map[string]func(ctx context.Context, tx application.Tx) error{
		"sellers seller_1": func(ctx context.Context, tx application.Tx) error {
			_, err := tx.Sellers().Lock(ctx, "seller_1")
			return err
		},
		"sellers  seller_1": func(ctx context.Context, tx application.Tx) error {
			_, err := tx.Sellers().LockByCode(ctx, "ABCD1234")
			return err
		},
		"buyers buyer_1": func(ctx context.Context, tx application.Tx) error {
			_, err := tx.Buyers().Lock(ctx, "seller_1", "buyer_1")
			return err
		},
		"buyers  buyer_1": func(ctx context.Context, tx application.Tx) error {
			_, err := tx.Buyers().LockAll(ctx, []string{"buyer_1"})
			return err
		},
		"campaigns campaign_1": func(ctx context.Context, tx application.Tx) error {
			_, err := tx.Campaigns().Lock(ctx, "seller_1", "campaign_1")
			return err
		},
		"campaigns  campaign_1": func(ctx context.Context, tx application.Tx) error {
			_, err := tx.Campaigns().LockAll(ctx, []string{"campaign_1"}, map[string]*campaign.Campaign{"campaign_1": c})
			return err
		},
		"campaigns   campaign_1": func(ctx context.Context, tx application.Tx) error {
			_, err := tx.Campaigns().LockOfSeller(ctx, "seller_1")
			return err
		},
	} {
		var table, id string
		_, err := fmt.Sscan(name, &table, &id)
		require.NoError(t, err)
		h.do(t, func(ctx ctx, tx tx) error {
			if h.concurrent() {
				require.False(t, h.locked(t, table, id), name)
			}
			require.NoError(t, lock(ctx, tx))
			require.True(t, h.locked(t, table, id), name)
			return nil
		})
		require.False(t, h.locked(t, table, id), name)
	}
	if !h.concurrent() {
		return
	}
	h.do(t, func(ctx ctx, tx tx) error {
		_, err := tx.Sellers().Get(ctx, "seller_1")
		require.NoError(t, err)
		_, err = tx.Buyers().Get(ctx, "seller_1", "buyer_1")
		require.NoError(t, err)
		_, err = tx.Campaigns().Get(ctx, "seller_1", "campaign_1")
		require.NoError(t, err)
		require.False(t, h.locked(t, "sellers", "seller_1"))
		require.False(t, h.locked(t, "buyers", "buyer_1"))
		require.False(t, h.locked(t, "campaigns", "campaign_1"))
		return nil
	})
}

func testSideBySide(t *testing.T, h *Harness) {
	const workers, each = 6, 8
	h.do(t, func(ctx ctx, tx tx) error { return tx.Buyers().Add(ctx, newBuyer(t, "buyer_1")) })
	var all sync.WaitGroup
	errs := make([]error, workers)
	for w := range workers {
		all.Go(func() {
			for i := range each {
				errs[w] = errors.Join(errs[w], h.Store.Do(t.Context(), func(ctx context.Context, tx application.Tx) error {
					b, err := tx.Buyers().Lock(ctx, "seller_1", "buyer_1")
					if err != nil {
						return err
					}
					if _, err := b.Deposit(fmt.Sprintf("entry_%d_%d", w, i), 1, "", now); err != nil {
						return err
					}
					return tx.Buyers().Save(ctx, b)
				}))
			}
		})
	}
	all.Wait()
	require.NoError(t, errors.Join(errs...))
	h.do(t, func(ctx ctx, tx tx) error {
		b, err := tx.Buyers().Get(ctx, "seller_1", "buyer_1")
		require.NoError(t, err)
		require.Equal(t, int64(workers*each), int64(b.Balance()))
		require.Equal(t, int64(workers*each+1), b.Version())
		return nil
	})
	require.Equal(t, workers*each+1, h.count(t, "events"))
}

// testStatementCounts counts what one batch of leads costs, whatever its size.
func testStatementCounts(t *testing.T, h *Harness) {
	h.do(t, func(ctx ctx, tx tx) error {
		for i := range 3 {
			b := newBuyer(t, fmt.Sprint("buyer_", i))
			if _, err := b.Deposit(fmt.Sprint("deposit_", i), 100, "", now); err != nil {
				return err
			}
			c := newCampaign(t, fmt.Sprint("campaign_", i), fmt.Sprint(i))
			addContract(t, c, fmt.Sprint("contract_", i), b.ID())
			if err := errors.Join(tx.Buyers().Add(ctx, b), tx.Campaigns().Add(ctx, c)); err != nil {
				return err
			}
		}
		require.NoError(t, tx.Counters().SaveAll(ctx, []*distribution.Counter{take(counter("k1", calendar.Day), 1, 1), take(counter("k2", calendar.Day), 1, 1)}))
		require.NoError(t, tx.Claims().Take(ctx, []application.Claim{claim("old 1", "", now), claim("old 2", "", now)}, nil, now))
		return tx.Leads().AddAll(ctx, []application.StoredLead{pendingLead(t, "pending_1", "c"), pendingLead(t, "pending_2", "c")})
	})
	h.do(t, func(ctx ctx, tx tx) error {
		expect := func(n int, what string, err error) {
			t.Helper()
			require.NoError(t, err, what)
			require.Len(t, h.Faults.Statements(), n, what)
		}
		h.Faults.Statements()
		_, err := tx.Campaigns().LockAll(ctx, []string{"campaign_0", "campaign_1", "campaign_2"}, nil)
		expect(3, "Campaigns.LockAll, nothing cached", err)
		buyers, err := tx.Buyers().LockAll(ctx, []string{"buyer_0", "buyer_1", "buyer_2"})
		expect(1, "Buyers.LockAll", err)
		counters, err := tx.Counters().LockAll(ctx, []string{counter("k1", calendar.Day).Key(), counter("k2", calendar.Day).Key(), counter("k3", calendar.Day).Key()})
		expect(1, "Counters.LockAll", err)
		_, err = tx.Claims().Find(ctx, []application.ClaimKey{claim("1", "", now).Key, claim("old 1", "", now).Key})
		expect(1, "Claims.Find", err)
		_, err = tx.Leads().Responses(ctx, []string{"lead_1", "pending_1"})
		expect(1, "Leads.Answers", err)
		stored, err := tx.Leads().LockPending(ctx, "c", "", 10)
		expect(1, "Leads.LockPending", err)
		require.Len(t, stored, 2)
		expect(2, "Leads.AddAll with sales", tx.Leads().AddAll(ctx, []application.StoredLead{soldLead(t, "lead_1", "campaign_0", "k", 1, now), soldLead(t, "lead_2", "campaign_0", "k", 1, now), pendingLead(t, "lead_3", "c")}))
		expect(1, "Leads.AddAll without sales", tx.Leads().AddAll(ctx, []application.StoredLead{pendingLead(t, "lead_4", "c"), pendingLead(t, "lead_5", "c")}))
		for i, l := range stored {
			require.NoError(t, l.Sell(lead.Outcome{Sales: []lead.Sale{{ID: fmt.Sprint("sale_", i), Status: lead.SaleCaptured, At: now}}}, now))
		}
		expect(2, "Leads.SaveAll", tx.Leads().SaveAll(ctx, stored))
		var sold []*buyer.Buyer
		for id, b := range buyers {
			_, err := b.Charge("charge_"+id, "sale_"+id, 1, now)
			require.NoError(t, err)
			sold = append(sold, b)
		}
		expect(2, "Buyers.SaveSold", tx.Buyers().SaveSold(ctx, sold))
		changed := []*distribution.Counter{take(counter("k3", calendar.Day), 1, 1), take(counter("k4", calendar.Day), 1, 1)}
		for _, c := range counters {
			changed = append(changed, take(c, 1, 1))
		}
		expect(2, "Counters.SaveAll", tx.Counters().SaveAll(ctx, changed))
		expect(2, "Claims.Take", tx.Claims().Take(ctx, []application.Claim{claim("1", "", now), claim("2", "", now)}, []application.Claim{claim("old 1", "", now), claim("old 2", "", now)}, now))
		expect(0, "nothing to do", errors.Join(tx.Leads().AddAll(ctx, nil), tx.Leads().SaveAll(ctx, nil), tx.Buyers().SaveSold(ctx, nil), tx.Counters().SaveAll(ctx, nil), tx.Claims().Take(ctx, nil, nil, now)))
		return nil
	})
}

func testInstallation(t *testing.T, h *Harness) {
	const n = 6
	var all sync.WaitGroup
	values, sets, errs := make([]string, n), make([]bool, n), make([]error, n)
	for i := range n {
		all.Go(func() {
			stored, set, err := h.Store.GetOrSetInstallation(t.Context(), "admin_key", []byte{byte(i), 0xff})
			values[i], sets[i], errs[i] = string(stored), set, err
		})
	}
	all.Wait()
	require.NoError(t, errors.Join(errs...))
	setters := 0
	for i := range n {
		require.Equal(t, values[0], values[i])
		if sets[i] {
			setters++
			require.Equal(t, values[0], string([]byte{byte(i), 0xff}))
		}
	}
	require.Equal(t, 1, setters)
	stored, set, err := h.Store.GetOrSetInstallation(t.Context(), "other", []byte("x"))
	require.NoError(t, err)
	require.True(t, set)
	require.Equal(t, []byte("x"), stored)
}

func testPurge(t *testing.T, h *Harness) {
	const expired = 5_003
	claims := make([]application.Claim, 0, expired+2)
	for i := range expired {
		claims = append(claims, claim(fmt.Sprint(i), "lead", now.Add(-time.Duration(i)*time.Microsecond)))
	}
	claims = append(claims, claim("a", "lead", now.Add(time.Microsecond)), claim("b", "lead", now.Add(time.Hour)))
	h.do(t, func(ctx ctx, tx tx) error {
		for i, until := range []time.Time{now.Add(-time.Hour), now, now.Add(time.Microsecond)} {
			if _, _, err := tx.Idempotency().Claim(ctx, "key_1", fmt.Sprint(i), [32]byte{}, now.Add(-2*time.Hour), until); err != nil {
				return err
			}
		}
		for i, until := range []time.Time{now.Add(-time.Hour), now, now.Add(time.Microsecond)} {
			if err := tx.Tokens().Add(ctx, token(fmt.Sprint(i), application.SessionToken, until)); err != nil {
				return err
			}
		}
		return tx.Claims().Take(ctx, claims, nil, now)
	})
	n, err := h.Store.PurgeExpired(t.Context(), now)
	require.NoError(t, err)
	require.Equal(t, expired+4, n)
	require.Equal(t, []int{2, 1, 1}, []int{h.count(t, "claims"), h.count(t, "answers"), h.count(t, "partner_tokens")})
	n, err = h.Store.PurgeExpired(t.Context(), now)
	require.NoError(t, err)
	require.Zero(t, n)
}
