package markettest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/domain/campaign"
)

func byID(a, b campaign.ContractSnapshot) int { return slices.Compare([]byte(a.ID), []byte(b.ID)) }

func testCampaigns(t *testing.T, h *sqlstoretest.Harness) {
	n, changed := sqlstoretest.Filled[campaign.Snapshot](0), sqlstoretest.Filled[campaign.Snapshot](200)
	n.Status = campaign.StatusActive
	require.Len(t, n.Contracts, 2)
	slices.SortFunc(n.Contracts, byID)
	sqlstoretest.RequireFull(t, n)
	for _, k := range slices.Concat(n.Contracts, changed.Contracts) {
		k.Delivery.Timeout, k.Bid.Timeout = 1500*time.Millisecond, 750*time.Millisecond
	}
	n.AuctionTimeout, changed.AuctionTimeout = 2*time.Second, 3*time.Second
	h.Do(t, func(ctx ctx, tx tx) error { return tx.Campaigns().Add(ctx, campaign.FromSnapshot(n)) })
	load := func() (got campaign.Snapshot) {
		h.Do(t, func(ctx ctx, tx tx) error {
			c, err := tx.Campaigns().Lock(ctx, n.SellerID, n.ID)
			require.NoError(t, err)
			got = c.Snapshot()
			read, err := tx.Campaigns().Get(ctx, n.SellerID, n.ID)
			require.NoError(t, err)
			require.Equal(t, got, read.Snapshot(), "without its lock it is read as whole")
			return nil
		})
		return got
	}
	require.Equal(t, n, load())

	changed.ID, changed.SellerID, changed.CreatedAt, changed.Version, changed.Status = n.ID, n.SellerID, n.CreatedAt, n.Version, campaign.StatusActive
	changed.Contracts[0].ID, changed.Contracts[0].CreatedAt = n.Contracts[0].ID, n.Contracts[0].CreatedAt
	kept := n.Contracts[1]
	third := changed.Contracts[1]
	third.Caps[0].HasLeads, third.Caps[0].Leads = false, 0
	third.Caps[1].HasBudget, third.Caps[1].Budget = false, 0
	changed.Contracts = []campaign.ContractSnapshot{changed.Contracts[0], kept, third}
	slices.SortFunc(changed.Contracts, byID)
	h.Do(t, func(ctx ctx, tx tx) error {
		c := campaign.FromSnapshot(changed)
		c.Touch(n.Contracts[0].ID, third.ID)
		return tx.Campaigns().Save(ctx, c)
	})
	require.Equal(t, changed, load())

	h.Do(t, func(ctx ctx, tx tx) error {
		for _, of := range [][2]string{{"another", n.ID}, {n.SellerID, "absent"}, {n.SellerID, n.ID + " "}} {
			_, err := tx.Campaigns().Lock(ctx, of[0], of[1])
			require.Equal(t, campaign.ErrNotFound, err)
			_, err = tx.Campaigns().Get(ctx, of[0], of[1])
			require.Equal(t, campaign.ErrNotFound, err)
		}
		return nil
	})

	// One active campaign a category, in any case; a paused one does not hold the category.
	first := sqlstoretest.NewCampaign(t, "campaign_1", "Solar Panels")
	h.Do(t, func(ctx ctx, tx tx) error {
		require.NoError(t, tx.Campaigns().Add(ctx, first))
		require.Equal(t, campaign.ErrCategoryTaken, tx.Campaigns().Add(ctx, sqlstoretest.NewCampaign(t, "campaign_2", " solar PANELS ")))
		return nil
	})
	h.Do(t, func(ctx ctx, tx tx) error {
		require.NoError(t, first.Pause(now))
		require.NoError(t, tx.Campaigns().Save(ctx, first))
		return tx.Campaigns().Add(ctx, sqlstoretest.NewCampaign(t, "campaign_2", "solar panels"))
	})
	h.Do(t, func(ctx ctx, tx tx) error {
		c, err := tx.Campaigns().Lock(ctx, "seller_1", "campaign_1")
		require.NoError(t, err)
		require.NoError(t, c.Resume(now))
		require.Equal(t, campaign.ErrCategoryTaken, tx.Campaigns().Save(ctx, c))
		return nil
	})
	h.Do(t, func(ctx ctx, tx tx) error {
		c, err := tx.Campaigns().Lock(ctx, "seller_1", "campaign_1")
		require.NoError(t, err)
		require.Equal(t, campaign.StatusPaused, c.Status())
		sqlstoretest.AddContract(t, c, "contract_1", "buyer_1")
		sqlstoretest.AddContract(t, c, "contract_2", "buyer_1")
		require.NoError(t, c.DeleteContract("contract_1", now))
		return tx.Campaigns().Save(ctx, c)
	})
	h.Do(t, func(ctx ctx, tx tx) error {
		c, err := tx.Campaigns().Lock(ctx, "seller_1", "campaign_1")
		require.NoError(t, err)
		require.Len(t, c.Snapshot().Contracts, 1, "deleted contracts are kept but not loaded")
		require.NoError(t, c.PauseContract("contract_2", now))
		return tx.Campaigns().Save(ctx, c)
	})
	var statuses []string
	require.NoError(t, h.DB.Reader.SelectContext(t.Context(), &statuses, "SELECT status FROM contracts WHERE campaign_id = 'campaign_1' ORDER BY id"))
	require.Equal(t, []string{"deleted", "paused"}, statuses)
}

func testCachedCampaigns(t *testing.T, h *sqlstoretest.Harness) {
	h.Do(t, func(ctx ctx, tx tx) error {
		for _, id := range []string{"c", "a", "b"} {
			c := sqlstoretest.NewCampaign(t, id, id)
			sqlstoretest.AddContract(t, c, "contract_"+id, "buyer_1")
			if err := tx.Campaigns().Add(ctx, c); err != nil {
				return err
			}
		}
		return nil
	})
	refs := sqlstoretest.Refs("c", "absent", "a", "b", "a")
	cached := map[string]*campaign.Campaign{}
	lock := func() (all map[string]*campaign.Campaign) {
		h.Do(t, func(ctx ctx, tx tx) (err error) {
			h.Faults.Statements()
			all, err = tx.Campaigns().LockAll(ctx, refs, cached)
			return err
		})
		return all
	}
	all := lock()
	require.Len(t, all, 3)
	require.Len(t, h.Faults.Statements(), 3)
	cached = all
	again := lock()
	require.Len(t, h.Faults.Statements(), 1)
	for id, c := range all {
		require.Same(t, c, again[id])
		require.Len(t, c.Contracts(), 1)
	}
	h.Do(t, func(ctx ctx, tx tx) error {
		c, err := tx.Campaigns().Lock(ctx, "seller_1", "b")
		require.NoError(t, err)
		require.NoError(t, c.PauseContract("contract_b", now))
		return tx.Campaigns().Save(ctx, c)
	})
	again = lock()
	require.Len(t, h.Faults.Statements(), 3)
	require.Same(t, all["a"], again["a"])
	require.NotSame(t, all["b"], again["b"])
	require.Equal(t, campaign.StatusPaused, again["b"].Contracts()[0].Status())
}

func testCampaignsOfSeller(t *testing.T, h *sqlstoretest.Harness) {
	h.Do(t, func(ctx ctx, tx tx) error {
		for id, buyers := range map[string][]string{"d": {"buyer_1", "buyer_1"}, "b": {"buyer_2"}, "c": {"buyer_1", "buyer_2"}, "a": {}, "e": {"buyer_1"}, "f": {"buyer_1"}} {
			c := sqlstoretest.NewCampaign(t, id, id)
			for i, b := range buyers {
				sqlstoretest.AddContract(t, c, fmt.Sprintf("contract_%s%d", id, i), b)
			}
			if id == "e" {
				require.NoError(t, c.Archive(now))
			}
			if id == "f" {
				require.NoError(t, c.DeleteContract("contract_f0", now))
			}
			if err := tx.Campaigns().Add(ctx, c); err != nil {
				return err
			}
		}
		return nil
	})
	for _, want := range []struct {
		seller string
		ids    []string
	}{{"seller_1", []string{"a", "b", "c", "d", "f"}}, {"seller_2", []string{}}} {
		h.Do(t, func(ctx ctx, tx tx) error {
			all, err := tx.Campaigns().LockOfSeller(ctx, want.seller)
			require.NoError(t, err)
			got := []string{}
			for _, c := range all {
				got = append(got, c.ID())
				require.Equal(t, c.ID() == "a" || c.ID() == "f", len(c.Contracts()) == 0)
				require.True(t, h.Locked(t, "campaigns", c.ID()))
			}
			require.Equal(t, want.ids, got)
			return nil
		})
	}
	if !h.Concurrent() {
		return
	}
	// One that appears between reading the ids and locking them is not left out.
	other, runs := h.Open(t, dialect.Options{}), 0
	var once sync.Once
	h.Faults.Before(func(query string) (err error) {
		if strings.HasSuffix(query, "FOR UPDATE") {
			once.Do(func() {
				_, err = other.Writer.ExecContext(context.Background(), "INSERT INTO campaigns SELECT seller_id, 'z', name, category, NULL, status, definition, created_at, updated_at, version FROM campaigns WHERE id = 'a'")
			})
		}
		return err
	})
	h.Do(t, func(ctx ctx, tx tx) error {
		runs++
		all, err := tx.Campaigns().LockOfSeller(ctx, "seller_1")
		if err == nil {
			require.Len(t, all, 6)
		}
		return err
	})
	require.Equal(t, 2, runs)
}
