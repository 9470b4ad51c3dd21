package markettest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/suppression"
)

func suppressed(t *testing.T, seller, id, kind, value string) market.Suppression {
	t.Helper()
	v, err := suppression.Parse(kind, value)
	require.NoError(t, err)
	return market.NewSuppression(seller, id, v, "job_1", now)
}

func testSuppressions(t *testing.T, h *sqlstoretest.Harness) {
	phone, email := suppressed(t, "seller_1", "suppression_1", "phone", "+12125550001"), suppressed(t, "seller_1", "suppression_2", "email", "john@mail.example")
	theirs, again := suppressed(t, "seller_2", "suppression_1", "phone", "+12125550001"), suppressed(t, "seller_1", "suppression_3", "phone", "+12125550001")
	sqlstoretest.RequireFull(t, phone)
	require.NotEqual(t, phone.Key, theirs.Key, "two sellers' keys of a value differ")
	ref := func(s market.Suppression) market.SuppressionRef {
		return market.SuppressionRef{SellerID: s.SellerID, Key: s.Key}
	}
	find := func(ctx context.Context, tx *sqlstore.Tx, all ...market.Suppression) map[market.SuppressionKey]market.Suppression {
		refs := make([]market.SuppressionRef, len(all))
		for i := range all {
			refs[i] = ref(all[i])
		}
		found, err := tx.Suppressions().Find(ctx, refs)
		require.NoError(t, err)
		return found
	}
	add := func(want int, all ...market.Suppression) {
		t.Helper()
		h.Do(t, func(ctx ctx, tx tx) error {
			there, err := tx.Suppressions().Add(ctx, all)
			added := 0
			for _, s := range all {
				require.Equal(t, s.Key, there[s.Key].Key, "each is there")
				if there[s.Key] == s {
					added++
				}
			}
			require.Equal(t, want, added)
			return err
		})
	}
	suppresses := func() (of []bool) {
		h.Do(t, func(ctx ctx, tx tx) error {
			refs := sqlstoretest.Refs("campaign_1")
			all, err := tx.Campaigns().LockAll(ctx, refs, nil)
			require.NoError(t, err)
			stale := all["campaign_1"].Suppressing(!all["campaign_1"].Suppresses())
			h.Faults.Statements()
			cached, err := tx.Campaigns().LockAll(ctx, refs, map[string]*campaign.Campaign{"campaign_1": stale})
			of = []bool{all["campaign_1"].Suppresses(), cached["campaign_1"].Suppresses()}
			require.Len(t, h.Faults.Statements(), 1, "its contracts are not read again")
			require.NotEqual(t, of[1], stale.Suppresses(), "what others read is not changed")
			require.Equal(t, all["campaign_1"].Snapshot(), cached["campaign_1"].Snapshot())
			return err
		})
		return of
	}
	h.Do(t, func(ctx ctx, tx tx) error {
		return tx.Campaigns().Add(ctx, sqlstoretest.NewCampaign(t, "campaign_1", "Auto"))
	})
	add(1, theirs)
	require.Equal(t, []bool{false, false}, suppresses(), "another seller's do not count")
	add(2, email, phone, again)
	require.Equal(t, []bool{true, true}, suppresses(), "so does one that is remembered from before")
	add(0, again)
	add(0)
	h.Do(t, func(ctx ctx, tx tx) error {
		require.Equal(t, map[market.SuppressionKey]market.Suppression{phone.Key: phone, email.Key: email, theirs.Key: theirs}, find(ctx, tx, phone, email, theirs))
		h.Faults.Statements()
		find(ctx, tx, phone, email, theirs)
		require.Len(t, h.Faults.Statements(), 1)
		require.ErrorIs(t, tx.Suppressions().Delete(ctx, "seller_2", "suppression_2", market.SuppressionKey{}), suppression.ErrNotFound)
		require.ErrorIs(t, tx.Suppressions().Delete(ctx, "seller_2", "", email.Key), suppression.ErrNotFound)
		require.ErrorIs(t, tx.Suppressions().Delete(ctx, "seller_1", "süppression", email.Key), suppression.ErrNotFound)
		require.NoError(t, tx.Suppressions().Delete(ctx, "seller_1", "suppression_2", market.SuppressionKey{}))
		require.NoError(t, tx.Suppressions().Forget(ctx, "seller_1", []market.SuppressionKey{phone.Key, theirs.Key}))
		return tx.Suppressions().Forget(ctx, "seller_1", nil)
	})
	phone.Masked = ""
	h.Do(t, func(ctx ctx, tx tx) error {
		require.Equal(t, map[market.SuppressionKey]market.Suppression{phone.Key: phone, theirs.Key: theirs}, find(ctx, tx, phone, email, theirs))
		return tx.Suppressions().Delete(ctx, "seller_1", "", phone.Key)
	})
	require.Equal(t, []bool{false, false}, suppresses())
}

// Of those who suppress one value at the same time one does.
func testSuppressionRace(t *testing.T, h *sqlstoretest.Harness) {
	const n = 6
	var added [n]bool
	sqlstoretest.Race(t, h, n, func(ctx context.Context, tx *sqlstore.Tx, _ int) bool {
		s := suppressed(t, "seller_1", "suppression_x", "phone", "+12125550001")
		_, err := tx.Suppressions().Find(ctx, []market.SuppressionRef{{SellerID: s.SellerID, Key: s.Key}})
		require.NoError(t, err)
		return true
	}, func(ctx context.Context, tx *sqlstore.Tx, i int) (err error) {
		s := suppressed(t, "seller_1", fmt.Sprint("suppression_", i), "phone", "+12125550001")
		there, err := tx.Suppressions().Add(ctx, []market.Suppression{s})
		added[i] = there[s.Key] == s
		return err
	})
	require.Len(t, slices.DeleteFunc(added[:], func(added bool) bool { return !added }), 1)
	require.Equal(t, 1, h.Count(t, "suppressions"))
}

// signal is given once, however often a unit of work is run again.
type signal struct {
	given <-chan struct{}
	give  func()
}

func newSignal() signal {
	c := make(chan struct{})
	return signal{c, sync.OnceFunc(func() { close(c) })}
}

// Who adds a suppression waits for those who decide about leads of the seller; who decides behind it knows of it, also when the decision
// began before and is about several sellers.
func testSuppressionAmongDecisions(t *testing.T, h *sqlstoretest.Harness) {
	if !h.Concurrent() {
		return // one unit of work is done before the next begins
	}
	refs := append(sqlstoretest.Refs("campaign_1"), application.Ref{SellerID: "seller_2", ID: "campaign_2"})
	h.Do(t, func(ctx ctx, tx tx) error {
		theirs := sqlstoretest.NewCampaign(t, "campaign_2", "Auto").Snapshot()
		theirs.SellerID = "seller_2"
		return errors.Join(tx.Campaigns().Add(ctx, sqlstoretest.NewCampaign(t, "campaign_1", "Auto")), tx.Campaigns().Add(ctx, campaign.FromSnapshot(theirs)))
	})
	// aWhile lets who does not wait come to its end.
	aWhile := func(done <-chan struct{}) {
		select {
		case <-done:
		case <-time.After(300 * time.Millisecond):
		}
	}
	var all sync.WaitGroup
	var decided atomic.Bool
	locked, added, holds, knows := newSignal(), newSignal(), newSignal(), newSignal()
	all.Go(func() {
		h.Do(t, func(ctx ctx, tx tx) error {
			_, err := tx.Campaigns().LockAll(ctx, refs[:1], nil)
			locked.give()
			aWhile(added.given)
			decided.Store(true)
			return err
		})
	})
	all.Go(func() {
		<-locked.given
		h.Do(t, func(ctx ctx, tx tx) error {
			_, err := tx.Suppressions().Add(ctx, []market.Suppression{suppressed(t, "seller_1", "suppression_1", "phone", "+12125550001")})
			assert.True(t, decided.Load(), "it did not wait for the decision")
			added.give()
			return err
		})
	})
	all.Wait()

	all.Go(func() {
		h.Do(t, func(ctx ctx, tx tx) error {
			_, err := tx.Suppressions().Add(ctx, []market.Suppression{suppressed(t, "seller_2", "suppression_1", "phone", "+12125550001")})
			holds.give()
			aWhile(knows.given)
			return err
		})
	})
	all.Go(func() {
		<-holds.given
		h.Do(t, func(ctx ctx, tx tx) error {
			campaigns, err := tx.Campaigns().LockAll(ctx, refs, nil)
			knows.give()
			for _, c := range campaigns {
				assert.True(t, c.Suppresses(), c.SellerID())
			}
			return err
		})
	})
	all.Wait()
}

func testSellerJobs(t *testing.T, h *sqlstoretest.Harness) {
	j := sqlstoretest.Filled[market.SellerJob](0)
	sqlstoretest.RequireFull(t, j)
	h.Do(t, func(ctx ctx, tx tx) error { return tx.SellerJobs().Add(ctx, j) })
	h.Do(t, func(ctx ctx, tx tx) error {
		got, err := tx.SellerJobs().Lock(ctx, j.SellerID, j.ID)
		require.NoError(t, err)
		require.Equal(t, j, got)
		for _, ref := range []application.Ref{{SellerID: "seller_x", ID: j.ID}, {SellerID: j.SellerID, ID: "job_x"}, {SellerID: j.SellerID, ID: "jöb"}} {
			_, err := tx.SellerJobs().Lock(ctx, ref.SellerID, ref.ID)
			require.ErrorIs(t, err, market.ErrJobNotFound)
		}
		j = sqlstoretest.Filled[market.SellerJob](1)
		j.SellerID, j.ID, j.Kind, j.CreatedAt = got.SellerID, got.ID, got.Kind, got.CreatedAt
		return tx.SellerJobs().Save(ctx, j)
	})
	h.Do(t, func(ctx ctx, tx tx) error {
		got, err := tx.SellerJobs().Lock(ctx, j.SellerID, j.ID)
		require.NoError(t, err)
		require.Equal(t, j, got)
		for i := range int64(5) {
			require.NoError(t, tx.SellerJobs().AddPiece(ctx, j.SellerID, j.ID, market.JobPiece{Number: i, Line: 10*i + 1, Content: []byte{0, byte(i), 255}}))
		}
		p, found, err := tx.SellerJobs().Piece(ctx, j.SellerID, j.ID, 3)
		require.NoError(t, err)
		require.True(t, found)
		require.Equal(t, market.JobPiece{Number: 3, Line: 31, Content: []byte{0, 3, 255}}, p)
		_, found, err = tx.SellerJobs().Piece(ctx, "seller_x", j.ID, 3)
		require.NoError(t, err)
		require.False(t, found)
		for i := range int64(5) {
			require.NoError(t, tx.SellerJobs().AddReport(ctx, j.SellerID, j.ID, market.JobReport{Number: i, Lines: []market.ToldLine{{Line: 10*i + 1, Told: []byte(`{"a":1}`)}, {Line: 10*i + 7, Told: []byte("{}")}}}))
		}
		for _, want := range []int{2, 2, 1, 0} {
			for _, remove := range []func(context.Context, string, string, int) (int, error){tx.SellerJobs().DeletePieces, tx.SellerJobs().DeleteReports} {
				n, err := remove(ctx, j.SellerID, j.ID, 2)
				require.NoError(t, err)
				require.Equal(t, want, n)
			}
		}
		return tx.SellerJobs().Delete(ctx, j.SellerID, j.ID)
	})
	require.Zero(t, h.Count(t, "seller_jobs"))
	require.Zero(t, h.Count(t, "seller_job_pieces"))
	require.Zero(t, h.Count(t, "seller_job_results"))
}
