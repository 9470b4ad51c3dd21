package sqlstoretest

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"slices"
	"strings"
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
	"github.com/leadmill/leadmill/domain/event"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/partner"
	"github.com/leadmill/leadmill/domain/seller"
)

// Run runs the suite. open returns a harness on a database of its own each time; see New.
func Run(t *testing.T, open func(t *testing.T) *Harness) {
	t.Helper()
	for _, test := range []struct {
		name string
		run  func(t *testing.T, h *Harness)
	}{
		{"sellers", testSellers}, {"keys", testKeys}, {"partners", testPartners}, {"buyers", testBuyers},
		{"changed partners", testChangedPartners}, {"referral keys", testReferralKeys}, {"deleted partners", testDeletedPartners},
		{"partner races", testPartnerRaces}, {"partner handed over", testHandedOver}, {"referring partners", testChain},
		{"customers", testCustomers}, {"customer handles", testCustomerHandles}, {"customer races", testCustomerRaces},
		{"lead form", testForms}, {"numbers", testNumbers}, {"number race", testNumberRace}, {"tokens", testTokens},
		{"token race", testTokenRace}, {"form leads", testFormLeads}, {"offered form leads", testOfferedFormLeads},
		{"clicks", testClicks}, {"program version conflicts", testProgramConflicts}, {"program locks", testProgramLocks},
		{"buyer charges", testCharges}, {"campaigns", testCampaigns}, {"cached campaigns", testCachedCampaigns},
		{"campaigns of a seller", testCampaignsOfSeller}, {"leads", testLeads}, {"pending leads", testPending},
		{"large batches", testLargeBatch}, {"refused values", testRefusedValues}, {"counters", testCounters},
		{"recount", testRecount}, {"claims", testClaims}, {"claim race", testClaimRace}, {"take-over race", testTakeOverRace},
		{"opposite claims", testOppositeClaims}, {"answers", testAnswers}, {"answer race", testAnswerRace},
		{"version conflicts", testVersionConflicts}, {"locks", testLocks}, {"deposits side by side", testSideBySide},
		{"statement counts", testStatementCounts}, {"installation", testInstallation}, {"purge", testPurge},
		{"events", testEvents}, {"retry", testRetry}, {"retries run out", testRetriesRunOut},
		{"swallowed errors", testSwallowed}, {"retry at commit", testRetryAtCommit}, {"commit unknown", testCommitUnknown},
		{"connection lost", testConnectionLost}, {"cancelled", testCancelled}, {"panic", testPanic},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t, open(t))
		})
	}
}

type (
	ctx = context.Context
	tx  = application.Tx
)

func ptr[T any](v T) *T { return &v }

func newSeller(t *testing.T, id, code, slug string) *seller.Seller {
	t.Helper()
	s, err := seller.New(id, code, money.MustCurrency("USD"), seller.Details{Name: ptr("Name"), Slug: &slug}, now)
	require.NoError(t, err)
	return s
}

func newBuyer(t *testing.T, id string) *buyer.Buyer {
	t.Helper()
	b, err := buyer.New(id, "seller_1", buyer.Details{Name: ptr("Buyer")}, now)
	require.NoError(t, err)
	return b
}

func newPartner(t *testing.T, sellerID, id, key, email string) *partner.Partner {
	t.Helper()
	p, err := partner.Register(sellerID, partner.Registration{ID: id, Key: key, Email: email, Name: "N", Approved: true}, now)
	require.NoError(t, err)
	return p
}

func newCampaign(t *testing.T, id, category string) *campaign.Campaign {
	t.Helper()
	strategies, err := distribution.NewStrategies()
	require.NoError(t, err)
	c, err := campaign.New(id, "seller_1", campaign.StatusActive, campaign.Definition{Name: ptr("Name"), Category: &category}, strategies, now)
	require.NoError(t, err)
	return c
}

func addContract(t *testing.T, c *campaign.Campaign, id, buyerID string) {
	t.Helper()
	require.NoError(t, c.AddContract(id, buyerID, campaign.StatusActive, campaign.Terms{Price: ptr(money.Micros(5_000_000))}, campaign.Zones{Seller: "UTC"}, now))
}

func newLead(id, campaignID string) *lead.Lead {
	return lead.Submit(lead.Submission{ID: id, SellerID: "seller_1", SellerCode: "ABCD1234", KeyID: "key_1", PartnerID: "p", CampaignID: campaignID,
		Category: "Solar", Fields: field.Set{"phone": field.TextValue("+12025550123")}, At: now})
}

func pendingLead(t *testing.T, id, campaignID string) application.StoredLead {
	t.Helper()
	l := newLead(id, campaignID)
	require.NoError(t, l.Wait(now.Add(time.Hour), now))
	return application.StoredLead{Lead: l}
}

func soldLead(t *testing.T, id, campaignID, contractID string, price money.Micros, at time.Time) application.StoredLead {
	t.Helper()
	l := newLead(id, campaignID)
	require.NoError(t, l.Sell(lead.Outcome{Sales: []lead.Sale{{ID: "sale_" + id, ContractID: contractID, BuyerID: "buyer_1", Price: price,
		Currency: "USD", Status: lead.SaleCaptured, At: at}}}, at))
	return application.StoredLead{Lead: l}
}

func testSellers(t *testing.T, h *Harness) {
	n := filled[seller.Snapshot](0)
	n.ID, n.Code, n.Currency = "seller_1", "ABCD1234", "KWD"
	requireFull(t, n)
	s, err := seller.FromSnapshot(n)
	require.NoError(t, err)
	h.do(t, func(ctx ctx, tx tx) error { return tx.Sellers().Add(ctx, s) })
	load := func() (got []seller.Snapshot) {
		h.do(t, func(ctx ctx, tx tx) error {
			got = nil
			for _, get := range []func() (*seller.Seller, error){
				func() (*seller.Seller, error) { return tx.Sellers().Get(ctx, n.ID) },
				func() (*seller.Seller, error) { return tx.Sellers().Lock(ctx, n.ID) },
				func() (*seller.Seller, error) { return tx.Sellers().LockByCode(ctx, n.Code) },
			} {
				s, err := get()
				if err != nil {
					return err
				}
				got = append(got, s.Snapshot())
			}
			return nil
		})
		return got
	}
	require.Equal(t, []seller.Snapshot{n, n, n}, load())

	changed := filled[seller.Snapshot](100)
	changed.ID, changed.Code, changed.Currency, changed.CreatedAt, changed.Version = n.ID, n.Code, n.Currency, n.CreatedAt, n.Version
	changed.Program = seller.PartnerProgram{LinkParameter: "via", CookieDays: 1}
	s, err = seller.FromSnapshot(changed)
	require.NoError(t, err)
	h.do(t, func(ctx ctx, tx tx) error { return tx.Sellers().Save(ctx, s) })
	require.Equal(t, []seller.Snapshot{changed, changed, changed}, load())

	h.exec(t, "UPDATE sellers SET program = NULL")
	changed.Program = seller.DefaultProgram()
	require.Equal(t, []seller.Snapshot{changed, changed, changed}, load(), "of a seller that set nothing")

	h.do(t, func(ctx ctx, tx tx) error {
		require.Equal(t, seller.ErrCodeTaken, tx.Sellers().Add(ctx, newSeller(t, "seller_2", "ABCD1234", "other")))
		require.Equal(t, seller.ErrSlugTaken, tx.Sellers().Add(ctx, newSeller(t, "seller_2", "ABCD1235", changed.Slug)))
		second := newSeller(t, "seller_2", "ABCD1235", "other")
		require.NoError(t, tx.Sellers().Add(ctx, second))
		for _, id := range []string{"seller_3", "seller_1 ", "SELLER_1", ""} {
			_, err := tx.Sellers().Lock(ctx, id)
			require.Equal(t, seller.ErrNotFound, err, id)
		}
		_, err := tx.Sellers().LockByCode(ctx, "abcd1234")
		require.Equal(t, seller.ErrNotFound, err)
		return nil
	})
	h.do(t, func(ctx ctx, tx tx) error {
		second, err := tx.Sellers().Lock(ctx, "seller_2")
		require.NoError(t, err)
		taken := second.Snapshot()
		taken.Slug = changed.Slug
		second, err = seller.FromSnapshot(taken)
		require.NoError(t, err)
		require.Equal(t, seller.ErrSlugTaken, tx.Sellers().Save(ctx, second))
		return nil
	})
	var dataError *application.DataError
	err = h.Store.Do(t.Context(), func(ctx ctx, tx tx) error {
		return tx.Sellers().Add(ctx, newSeller(t, "seller_1", "ZZZZ1234", "zzz"))
	})
	require.ErrorAs(t, err, &dataError, "an id that exists is nobody's fault but ours")
}

func testKeys(t *testing.T, h *Harness) {
	k := filled[seller.Key](0)
	k.Limit.Window = 90 * time.Second
	requireFull(t, k)
	h.do(t, func(ctx ctx, tx tx) error { return tx.Keys().Add(ctx, k) })
	var row struct {
		ID        string `db:"id"`
		SellerID  string `db:"seller_id"`
		Scope     string `db:"scope"`
		Name      string `db:"name"`
		PartnerID string `db:"partner_id"`
		Requests  int64  `db:"limit_requests"`
		Window    int64  `db:"limit_window_us"`
		Hash      []byte `db:"hash"`
		CreatedAt int64  `db:"created_at"`
		RevokedAt int64  `db:"revoked_at"`
	}
	require.NoError(t, h.DB.Reader.GetContext(t.Context(), &row, "SELECT * FROM api_keys"))
	require.Equal(t, k, seller.Key{ID: row.ID, SellerID: row.SellerID, Scope: seller.Scope(row.Scope), Name: row.Name, PartnerID: row.PartnerID,
		Limit: seller.RateLimit{Requests: row.Requests, Window: time.Duration(row.Window) * time.Microsecond}, Hash: [sha256.Size]byte(row.Hash),
		CreatedAt: time.UnixMicro(row.CreatedAt).UTC(), RevokedAt: time.UnixMicro(row.RevokedAt).UTC()})

	k.ID, k.RevokedAt = "fresh", time.Time{}
	h.do(t, func(ctx ctx, tx tx) error {
		require.NoError(t, tx.Keys().Add(ctx, k))
		require.Equal(t, seller.ErrKeyNotFound, tx.Keys().Revoke(ctx, "another", "fresh", now))
		require.Equal(t, seller.ErrKeyNotFound, tx.Keys().Revoke(ctx, k.SellerID, "absent", now))
		require.NoError(t, tx.Keys().Revoke(ctx, k.SellerID, "fresh", now))
		require.Equal(t, seller.ErrKeyNotFound, tx.Keys().Revoke(ctx, k.SellerID, "fresh", now.Add(time.Hour)))
		return nil
	})
	var revoked int64
	require.NoError(t, h.DB.Reader.GetContext(t.Context(), &revoked, "SELECT revoked_at FROM api_keys WHERE id = 'fresh'"))
	require.Equal(t, now.UnixMicro(), revoked)

	for id, of := range map[string][2]string{"a": {k.SellerID, "p"}, "b": {k.SellerID, "p"}, "c": {k.SellerID, "other"}, "d": {"another", "p"}, "e": {k.SellerID, ""}} {
		k.ID, k.SellerID, k.PartnerID = id, of[0], of[1]
		h.do(t, func(ctx ctx, tx tx) error { return tx.Keys().Add(ctx, k) })
	}
	h.do(t, func(ctx ctx, tx tx) error {
		require.NoError(t, tx.Keys().RevokeOfPartner(ctx, row.SellerID, "p", now))
		require.NoError(t, tx.Keys().RevokeOfPartner(ctx, row.SellerID, "p", now.Add(time.Hour)), "twice changes nothing")
		require.NoError(t, tx.Keys().RevokeOfPartner(ctx, row.SellerID, "absent", now))
		require.NoError(t, tx.Keys().RevokeOfPartner(ctx, row.SellerID, "", now), "the seller's own keys are nobody's")
		return nil
	})
	var gone []string
	require.NoError(t, h.DB.Reader.SelectContext(t.Context(), &gone, "SELECT id FROM api_keys WHERE revoked_at = ? AND id < 'f' ORDER BY id", now.UnixMicro()))
	require.Equal(t, []string{"a", "b"}, gone)
}

func testPartners(t *testing.T, h *Harness) {
	n := filled[partner.Snapshot](0)
	n.Email, n.EmailKey = "Jo@Example.com", "jo@example.com"
	requireFull(t, n)
	other := filled[partner.Snapshot](100)
	other.SellerID, other.Email, other.EmailKey, other.Approved = n.SellerID, "zoë@example.com", "zoë@example.com", false
	third := filled[partner.Snapshot](200)
	third.Email, third.EmailKey, third.ID, third.TermsAccepted = n.Email, n.EmailKey, n.ID, false // of another seller
	third.Keys, third.Retired = n.Keys, n.Retired
	all := []partner.Snapshot{n, other, third}
	h.do(t, func(ctx ctx, tx tx) error {
		for _, n := range all {
			if err := tx.Partners().Add(ctx, partner.FromSnapshot(n)); err != nil {
				return err
			}
		}
		return nil
	})
	h.do(t, func(ctx ctx, tx tx) error {
		for _, n := range all {
			for _, handle := range []application.PartnerHandle{{ID: n.ID}, {Key: n.Keys[0]}, {Key: n.Keys[1]}, {Email: n.Email}, {Email: n.EmailKey},
				{ID: n.ID, Key: "absent"}, {Key: n.Keys[0], Email: "absent@example.com"}} {
				p, err := tx.Partners().Find(ctx, n.SellerID, handle)
				require.NoError(t, err, handle)
				require.Equal(t, n, p.Snapshot())
			}
		}
		for _, handle := range []application.PartnerHandle{{}, {ID: "absent", Key: n.Keys[0]}, {Key: "absent"}, {Key: n.Retired[0]}, {ID: "é"}, {Key: "\xff"}, {Email: "absent@example.com"},
			{Email: "zoe@example.com"}, {Email: "no address"}, {ID: n.ID + " "}, {Key: n.Keys[0] + " "}} {
			_, err := tx.Partners().Find(ctx, n.SellerID, handle)
			require.Equal(t, partner.ErrNotFound, err, handle)
		}
		_, err := tx.Partners().Find(ctx, "absent", application.PartnerHandle{ID: n.ID})
		require.Equal(t, partner.ErrNotFound, err)

		require.Equal(t, partner.Taken("id"), tx.Partners().Add(ctx, newPartner(t, n.SellerID, n.ID, "k1", "a@example.com")))
		require.Equal(t, partner.Taken("email"), tx.Partners().Add(ctx, newPartner(t, n.SellerID, "a", "k1", "JO@example.COM")))
		require.Equal(t, partner.Taken("key"), tx.Partners().Add(ctx, newPartner(t, n.SellerID, "a", n.Keys[1], "a@example.com")))
		return nil // and commits: nothing of the refused ones may be left
	})
	require.Equal(t, 3, h.count(t, "partners"))
	require.Equal(t, 12, h.count(t, "partner_keys"), "two that lead to each partner and two retired ones")
	h.do(t, func(ctx ctx, tx tx) error {
		return tx.Partners().Add(ctx, newPartner(t, n.SellerID, "a", "k1", "a@example.com"))
	})
}

func testBuyers(t *testing.T, h *Harness) {
	n := filled[buyer.Snapshot](0)
	requireFull(t, n)
	h.do(t, func(ctx ctx, tx tx) error { return tx.Buyers().Add(ctx, buyer.FromSnapshot(n)) })
	load := func() (got []buyer.Snapshot) {
		h.do(t, func(ctx ctx, tx tx) error {
			a, err := tx.Buyers().Get(ctx, n.SellerID, n.ID)
			require.NoError(t, err)
			b, err := tx.Buyers().Lock(ctx, n.SellerID, n.ID)
			require.NoError(t, err)
			c, err := tx.Buyers().LockAll(ctx, []string{n.ID, "absent", n.ID})
			require.NoError(t, err)
			require.Len(t, c, 1)
			got = []buyer.Snapshot{a.Snapshot(), b.Snapshot(), c[n.ID].Snapshot()}
			return nil
		})
		return got
	}
	require.Equal(t, []buyer.Snapshot{n, n, n}, load())
	changed := filled[buyer.Snapshot](100)
	changed.ID, changed.SellerID, changed.CreatedAt, changed.Version = n.ID, n.SellerID, n.CreatedAt, n.Version
	h.do(t, func(ctx ctx, tx tx) error { return tx.Buyers().Save(ctx, buyer.FromSnapshot(changed)) })
	require.Equal(t, []buyer.Snapshot{changed, changed, changed}, load())
	h.do(t, func(ctx ctx, tx tx) error {
		_, err := tx.Buyers().Get(ctx, "another", n.ID)
		require.Equal(t, buyer.ErrNotFound, err, "a buyer of another seller is not there")
		_, err = tx.Buyers().Lock(ctx, n.SellerID, n.ID+" ")
		require.Equal(t, buyer.ErrNotFound, err)
		all, err := tx.Buyers().LockAll(ctx, nil)
		require.NoError(t, err)
		require.Empty(t, all)
		return nil
	})

	b := newBuyer(t, "buyer_1")
	first, err := b.Deposit("entry_1", 7_000_000, "first", now)
	require.NoError(t, err)
	h.do(t, func(ctx ctx, tx tx) error { return tx.Buyers().Add(ctx, b) })
	var second, third buyer.Entry
	h.do(t, func(ctx ctx, tx tx) error {
		b, err := tx.Buyers().Lock(ctx, "seller_1", "buyer_1")
		require.NoError(t, err)
		second, err = b.Withdraw("entry_2", 2_000_000, "", now.Add(time.Second))
		require.NoError(t, err)
		third, err = b.Charge("entry_3", "sale_3", 1_000_000, now.Add(time.Minute))
		require.NoError(t, err)
		return tx.Buyers().Save(ctx, b)
	})
	require.Equal(t, []buyer.Entry{first, second, third}, entries(t, h, "buyer_1"))
}

func entries(t *testing.T, h *Harness, buyerID string) []buyer.Entry {
	t.Helper()
	var rows []struct {
		ID       string `db:"id"`
		SellerID string `db:"seller_id"`
		BuyerID  string `db:"buyer_id"`
		Type     string `db:"type"`
		Amount   int64  `db:"amount"`
		After    int64  `db:"balance_after"`
		SaleID   string `db:"sale_id"`
		Note     string `db:"note"`
		At       int64  `db:"created_at"`
	}
	require.NoError(t, h.DB.Reader.SelectContext(t.Context(), &rows, "SELECT * FROM ledger_entries WHERE buyer_id = ? ORDER BY id", buyerID))
	out := make([]buyer.Entry, len(rows))
	for i, r := range rows {
		out[i] = buyer.Entry{ID: r.ID, SellerID: r.SellerID, BuyerID: r.BuyerID, Type: buyer.EntryType(r.Type), Amount: money.Micros(r.Amount),
			BalanceAfter: money.Micros(r.After), SaleID: r.SaleID, Note: r.Note, At: time.UnixMicro(r.At).UTC()}
	}
	return out
}

func testCharges(t *testing.T, h *Harness) {
	h.do(t, func(ctx ctx, tx tx) error {
		for _, id := range []string{"b", "a", "c"} {
			b := newBuyer(t, id)
			if _, err := b.Deposit("deposit_"+id, 10_000_000, "", now); err != nil {
				return err
			}
			if err := tx.Buyers().Add(ctx, b); err != nil {
				return err
			}
		}
		return nil
	})
	later := now.Add(time.Hour)
	h.do(t, func(ctx ctx, tx tx) error {
		all, err := tx.Buyers().LockAll(ctx, []string{"c", "b", "a"})
		require.NoError(t, err)
		for i, id := range []string{"b", "a", "b"} {
			_, err := all[id].Charge(fmt.Sprintf("charge_%d", i), fmt.Sprintf("sale_%d", i), money.Micros(i+1)*1_000_000, later)
			require.NoError(t, err)
		}
		require.NoError(t, tx.Buyers().SaveSold(ctx, []*buyer.Buyer{all["c"], all["b"], all["a"]}))
		return nil
	})
	h.do(t, func(ctx ctx, tx tx) error {
		all, err := tx.Buyers().LockAll(ctx, []string{"a", "b", "c"})
		require.NoError(t, err)
		require.Equal(t, []money.Micros{8_000_000, 6_000_000, 10_000_000}, []money.Micros{all["a"].Balance(), all["b"].Balance(), all["c"].Balance()})
		require.Equal(t, []time.Time{later, later, now}, []time.Time{all["a"].Snapshot().UpdatedAt, all["b"].Snapshot().UpdatedAt, all["c"].Snapshot().UpdatedAt})
		require.Equal(t, int64(2), all["a"].Version(), "a charge is an event of the lead, not of the buyer")
		return nil
	})
	require.Len(t, entries(t, h, "b"), 3)

	// Whatever was decided in memory, an account is not overdrawn.
	for _, stored := range []string{"UPDATE buyers SET balance = 999999 WHERE id = 'a'", "UPDATE buyers SET balance = 1000000, held = 1 WHERE id = 'a'"} {
		rich := newBuyer(t, "a").Snapshot()
		rich.Balance, rich.Version = 1_000_000, 2
		h.exec(t, stored)
		err := h.Store.Do(t.Context(), func(ctx ctx, tx tx) error {
			b := buyer.FromSnapshot(rich)
			_, err := b.Charge("over", "sale_over", 1_000_000, later)
			require.NoError(t, err)
			return tx.Buyers().SaveSold(ctx, []*buyer.Buyer{b})
		})
		require.ErrorContains(t, err, "a guard refused")
		require.Len(t, entries(t, h, "a"), 2, "and nothing is booked")
	}
	h.exec(t, "UPDATE buyers SET balance = 8000000, held = 0 WHERE id = 'a'")
	h.do(t, func(ctx ctx, tx tx) error { // exactly what is there can be spent
		all, err := tx.Buyers().LockAll(ctx, []string{"a"})
		require.NoError(t, err)
		_, err = all["a"].Charge("last", "sale_last", 8_000_000, later)
		require.NoError(t, err)
		return tx.Buyers().SaveSold(ctx, []*buyer.Buyer{all["a"]})
	})
	err := h.Store.Do(t.Context(), func(ctx ctx, tx tx) error {
		b, err := tx.Buyers().Lock(ctx, "seller_1", "b")
		require.NoError(t, err)
		_, err = b.Deposit("deposit_more", 1, "", now)
		require.NoError(t, err)
		return tx.Buyers().SaveSold(ctx, []*buyer.Buyer{b})
	})
	require.ErrorContains(t, err, "not only charged", "its event would be lost")
}

func testCampaigns(t *testing.T, h *Harness) {
	n := filled[campaign.Snapshot](0)
	n.Status = campaign.StatusActive
	require.Len(t, n.Contracts, 2)
	requireFull(t, n)
	h.do(t, func(ctx ctx, tx tx) error { return tx.Campaigns().Add(ctx, campaign.FromSnapshot(n)) })
	load := func() (got campaign.Snapshot) {
		h.do(t, func(ctx ctx, tx tx) error {
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

	changed := filled[campaign.Snapshot](200)
	changed.ID, changed.SellerID, changed.CreatedAt, changed.Version, changed.Status = n.ID, n.SellerID, n.CreatedAt, n.Version, campaign.StatusActive
	changed.Contracts[0].ID, changed.Contracts[0].CreatedAt = n.Contracts[0].ID, n.Contracts[0].CreatedAt
	kept := n.Contracts[1]
	third := changed.Contracts[1]
	third.Caps[0].HasLeads, third.Caps[0].Leads = false, 0
	third.Caps[1].HasBudget, third.Caps[1].Budget = false, 0
	changed.Contracts = []campaign.ContractSnapshot{changed.Contracts[0], kept, third}
	slices.SortFunc(changed.Contracts, func(a, b campaign.ContractSnapshot) int {
		return slices.Compare([]byte(a.ID), []byte(b.ID))
	})
	h.do(t, func(ctx ctx, tx tx) error { return tx.Campaigns().Save(ctx, campaign.FromSnapshot(changed)) })
	require.Equal(t, changed, load())

	h.do(t, func(ctx ctx, tx tx) error {
		for _, of := range [][2]string{{"another", n.ID}, {n.SellerID, "absent"}, {n.SellerID, n.ID + " "}} {
			_, err := tx.Campaigns().Lock(ctx, of[0], of[1])
			require.Equal(t, campaign.ErrNotFound, err)
			_, err = tx.Campaigns().Get(ctx, of[0], of[1])
			require.Equal(t, campaign.ErrNotFound, err)
		}
		return nil
	})

	// One active campaign a category, in any case; a paused one does not hold the category.
	first := newCampaign(t, "campaign_1", "Solar Panels")
	h.do(t, func(ctx ctx, tx tx) error {
		require.NoError(t, tx.Campaigns().Add(ctx, first))
		require.Equal(t, campaign.ErrCategoryTaken, tx.Campaigns().Add(ctx, newCampaign(t, "campaign_2", " solar PANELS ")))
		return nil
	})
	h.do(t, func(ctx ctx, tx tx) error {
		require.NoError(t, first.Pause(now))
		require.NoError(t, tx.Campaigns().Save(ctx, first))
		return tx.Campaigns().Add(ctx, newCampaign(t, "campaign_2", "solar panels"))
	})
	h.do(t, func(ctx ctx, tx tx) error {
		c, err := tx.Campaigns().Lock(ctx, "seller_1", "campaign_1")
		require.NoError(t, err)
		require.NoError(t, c.Resume(now))
		require.Equal(t, campaign.ErrCategoryTaken, tx.Campaigns().Save(ctx, c))
		return nil
	})
	h.do(t, func(ctx ctx, tx tx) error {
		c, err := tx.Campaigns().Lock(ctx, "seller_1", "campaign_1")
		require.NoError(t, err)
		require.Equal(t, campaign.StatusPaused, c.Status())
		addContract(t, c, "contract_1", "buyer_1")
		addContract(t, c, "contract_2", "buyer_1")
		require.NoError(t, c.DeleteContract("contract_1", now))
		return tx.Campaigns().Save(ctx, c)
	})
	h.do(t, func(ctx ctx, tx tx) error {
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

func testCachedCampaigns(t *testing.T, h *Harness) {
	h.do(t, func(ctx ctx, tx tx) error {
		for _, id := range []string{"c", "a", "b"} {
			c := newCampaign(t, id, id)
			addContract(t, c, "contract_"+id, "buyer_1")
			if err := tx.Campaigns().Add(ctx, c); err != nil {
				return err
			}
		}
		return nil
	})
	ids := []string{"c", "absent", "a", "b", "a"}
	cached := map[string]*campaign.Campaign{}
	lock := func() (all map[string]*campaign.Campaign) {
		h.do(t, func(ctx ctx, tx tx) (err error) {
			h.Faults.Statements()
			all, err = tx.Campaigns().LockAll(ctx, ids, cached)
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
	h.do(t, func(ctx ctx, tx tx) error {
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

func testCampaignsOfSeller(t *testing.T, h *Harness) {
	h.do(t, func(ctx ctx, tx tx) error {
		for id, buyers := range map[string][]string{"d": {"buyer_1", "buyer_1"}, "b": {"buyer_2"}, "c": {"buyer_1", "buyer_2"}, "a": {}, "e": {"buyer_1"}, "f": {"buyer_1"}} {
			c := newCampaign(t, id, id)
			for i, b := range buyers {
				addContract(t, c, fmt.Sprintf("contract_%s%d", id, i), b)
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
		h.do(t, func(ctx ctx, tx tx) error {
			all, err := tx.Campaigns().LockOfSeller(ctx, want.seller)
			require.NoError(t, err)
			got := []string{}
			for _, c := range all {
				got = append(got, c.ID())
				require.Equal(t, c.ID() == "a" || c.ID() == "f", len(c.Contracts()) == 0)
				require.True(t, h.locked(t, "campaigns", c.ID()))
			}
			require.Equal(t, want.ids, got)
			return nil
		})
	}
	if !h.concurrent() {
		return
	}
	// One that appears between reading the ids and locking them is not left out.
	other, runs := h.open(t, dialect.Options{}), 0
	var once sync.Once
	h.Faults.Before(func(query string) (err error) {
		if strings.HasSuffix(query, "FOR UPDATE") {
			once.Do(func() {
				_, err = other.Writer.ExecContext(context.Background(), "INSERT INTO campaigns SELECT 'z', seller_id, name, category, NULL, status, definition, created_at, updated_at, version FROM campaigns WHERE id = 'a'")
			})
		}
		return err
	})
	h.do(t, func(ctx ctx, tx tx) error {
		runs++
		all, err := tx.Campaigns().LockOfSeller(ctx, "seller_1")
		if err == nil {
			require.Len(t, all, 6)
		}
		return err
	})
	require.Equal(t, 2, runs)
}

func testLeads(t *testing.T, h *Harness) {
	n := filled[lead.Snapshot](0)
	n.SellerCode, n.Status = "ABCD1234", lead.StatusPending
	n.Fields = field.Set{"text": field.TextValue("a \"quote\" \\ \n\t\u0001 é 漢 🙂 </script>"), "empty": field.TextValue(""), "null": {}, "yes": {Kind: field.Bool, Text: "true"},
		"no": {Kind: field.Bool, Text: "false"}, "number": {Kind: field.Number, Text: "-1.50e+3"}, "long": {Kind: field.Number, Text: "123456789012345678901234567890"},
		"other": {Kind: field.Other, Text: `{"b":[1, 2.0],"a":"\u00e9"}`}, "list": {Kind: field.Other, Text: "[]"}, "ключ \"x\"": field.TextValue("v")}
	n.Sales[1].Status = lead.SaleCaptured
	requireFull(t, n)
	n.Review = nil // of a form lead, which AddForm stores
	variant := filled[lead.Snapshot](300)
	variant.SellerCode, variant.Status, variant.CampaignID = n.SellerCode, lead.StatusPending, n.CampaignID
	variant.Fields, variant.Trace, variant.Sales, variant.Test, variant.Review = field.Set{}, lead.Trace{}, nil, false, nil
	fingerprint := filled[[sha256.Size]byte](9)
	answer := application.Response{Status: 201, Body: []byte("{\"a\":1}\n\x00'\\")}
	h.do(t, func(ctx ctx, tx tx) error {
		return tx.Leads().AddAll(ctx, []application.StoredLead{{Lead: lead.FromSnapshot(n), Fingerprint: fingerprint, Response: answer}, {Lead: lead.FromSnapshot(variant)}})
	})
	load := func() (got []lead.Snapshot) {
		h.do(t, func(ctx ctx, tx tx) error {
			all, err := tx.Leads().LockPending(ctx, n.CampaignID, "", 10)
			require.NoError(t, err)
			got = nil
			for _, l := range all {
				got = append(got, l.Snapshot())
			}
			return nil
		})
		return got
	}
	sales := n.Sales
	n.Sales = nil // pending leads have none, so none are loaded
	require.Equal(t, []lead.Snapshot{n, variant}, load())
	require.Equal(t, sales, salesOf(t, h, n.ID))
	var slots []sql.NullInt64
	require.NoError(t, h.DB.Reader.SelectContext(t.Context(), &slots, "SELECT slot FROM sales WHERE lead_id = ? ORDER BY sold_at", n.ID))
	require.Equal(t, []sql.NullInt64{{}, {Int64: 1, Valid: true}}, slots, "only a live sale has a slot")
	h.do(t, func(ctx ctx, tx tx) error {
		stored, err := tx.Leads().Responses(ctx, []string{"absent", n.ID, variant.ID, n.ID})
		require.NoError(t, err)
		require.Equal(t, map[string]application.StoredResponse{n.ID: {Fingerprint: fingerprint, Response: answer}, variant.ID: {Response: application.Response{Body: []byte{}}}}, stored)
		return nil
	})

	changed := filled[lead.Snapshot](600)
	changed.ID, changed.SellerID, changed.SellerCode, changed.Origin, changed.KeyID, changed.PartnerID = n.ID, n.SellerID, n.SellerCode, n.Origin, n.KeyID, n.PartnerID
	changed.CampaignID, changed.Category, changed.Fields, changed.ExternalID, changed.Test = n.CampaignID, n.Category, n.Fields, n.ExternalID, n.Test
	changed.CreatedAt, changed.Version, changed.Status, changed.Review = n.CreatedAt, n.Version, lead.StatusPending, nil
	changed.Sales[0].Currency, changed.Sales[1].Currency = "EUR", "KWD"
	changed.Sales[0].Status, changed.Sales[1].Status, changed.ShownHidden = "released", lead.SaleCaptured, false
	err := h.Store.Do(t.Context(), func(ctx ctx, tx tx) error {
		return tx.Leads().SaveAll(ctx, []*lead.Lead{lead.FromSnapshot(changed)})
	})
	var dataError *application.DataError
	require.ErrorAs(t, err, &dataError, "slot 1 of the lead is taken")
	h.exec(t, "DELETE FROM sales WHERE lead_id = ?", n.ID)
	h.do(t, func(ctx ctx, tx tx) error { return tx.Leads().SaveAll(ctx, []*lead.Lead{lead.FromSnapshot(changed)}) })
	sales, changed.Sales = changed.Sales, nil
	require.Equal(t, []lead.Snapshot{changed, variant}, load())
	require.Equal(t, sales, salesOf(t, h, n.ID))
}

func salesOf(t *testing.T, h *Harness, leadID string) []lead.Sale {
	t.Helper()
	var rows []struct {
		ID         string `db:"id"`
		ContractID string `db:"contract_id"`
		BuyerID    string `db:"buyer_id"`
		Price      int64  `db:"price"`
		Currency   string `db:"currency"`
		Status     string `db:"status"`
		At         int64  `db:"sold_at"`
	}
	require.NoError(t, h.DB.Reader.SelectContext(t.Context(), &rows,
		"SELECT s.id, s.contract_id, s.buyer_id, s.price, s.currency, s.status, s.sold_at FROM sales s JOIN leads l ON l.id = s.lead_id AND l.seller_id = s.seller_id AND l.campaign_id = s.campaign_id WHERE l.id = ? ORDER BY s.sold_at", leadID))
	out := make([]lead.Sale, len(rows))
	for i, r := range rows {
		out[i] = lead.Sale{ID: r.ID, ContractID: r.ContractID, BuyerID: r.BuyerID, Price: money.Micros(r.Price), Currency: r.Currency,
			Status: lead.SaleStatus(r.Status), At: time.UnixMicro(r.At).UTC()}
	}
	return out
}

func testPending(t *testing.T, h *Harness) {
	h.do(t, func(ctx ctx, tx tx) error {
		return tx.Leads().AddAll(ctx, []application.StoredLead{pendingLead(t, "lead_3", "c"), pendingLead(t, "lead_1", "c"), pendingLead(t, "lead_4", "c"),
			pendingLead(t, "lead_2", "other"), soldLead(t, "lead_0", "c", "k", 1, now)})
	})
	ids := func(after string, limit int) (got []string) {
		h.do(t, func(ctx ctx, tx tx) error {
			all, err := tx.Leads().LockPending(ctx, "c", after, limit)
			require.NoError(t, err)
			got = nil
			for _, l := range all {
				got = append(got, l.ID())
				require.True(t, h.locked(t, "leads", l.ID()))
			}
			return nil
		})
		return got
	}
	require.Equal(t, []string{"lead_1", "lead_3", "lead_4"}, ids("", 10))
	require.Equal(t, []string{"lead_1", "lead_3"}, ids("", 2))
	require.Equal(t, []string{"lead_4"}, ids("lead_3", 2))
	require.Empty(t, ids("lead_4", 2))
	byID := func(campaignID, id string) (got []string) {
		h.do(t, func(ctx ctx, tx tx) error {
			all, err := tx.Leads().LockPendingByID(ctx, campaignID, id)
			require.NoError(t, err)
			got = nil
			for _, l := range all {
				got = append(got, l.ID())
				require.True(t, h.locked(t, "leads", l.ID()))
			}
			return nil
		})
		return got
	}
	require.Equal(t, []string{"lead_3"}, byID("c", "lead_3"))
	require.Empty(t, byID("c", "absent"))
	require.Empty(t, byID("another", "lead_3"))
	h.do(t, func(ctx ctx, tx tx) error {
		all, err := tx.Leads().LockPending(ctx, "c", "", 10)
		require.NoError(t, err)
		require.NoError(t, all[0].Expire(now))
		require.NoError(t, all[2].Sell(lead.Outcome{Sales: []lead.Sale{{ID: "sale_1", ContractID: "k", BuyerID: "b", Price: 3, Currency: "USD", Status: lead.SaleCaptured, At: now}}, Payout: 2, Shown: 1}, now))
		return tx.Leads().SaveAll(ctx, []*lead.Lead{all[2], all[0]})
	})
	require.Equal(t, []string{"lead_3"}, ids("", 10))
	require.Empty(t, byID("c", "lead_4"), "sold")
	require.Len(t, salesOf(t, h, "lead_4"), 1)

	// A lead that is not as it was loaded stops all of them.
	err := h.Store.Do(t.Context(), func(ctx ctx, tx tx) error {
		all, err := tx.Leads().LockPending(ctx, "c", "", 10)
		require.NoError(t, err)
		stale := all[0].Snapshot()
		stale.Version--
		return tx.Leads().SaveAll(ctx, []*lead.Lead{lead.FromSnapshot(stale)})
	})
	require.ErrorContains(t, err, "a guard refused")
}

func testLargeBatch(t *testing.T, h *Harness) {
	const n = 1_500 // more than 30,000 parameters
	all := make([]application.StoredLead, n)
	for i := range all {
		all[i] = pendingLead(t, fmt.Sprintf("lead_%05d", i), "c")
	}
	h.do(t, func(ctx ctx, tx tx) error {
		h.Faults.Statements()
		err := tx.Leads().AddAll(ctx, all)
		const columns = 25
		rows := h.DB.MaxParams() / columns
		require.Equal(t, (n+rows-1)/rows, len(h.Faults.Statements()))
		return err
	})
	h.do(t, func(ctx ctx, tx tx) error {
		stored, err := tx.Leads().LockPending(ctx, "c", "", n+1)
		require.NoError(t, err)
		require.Len(t, stored, n)
		for _, l := range stored {
			require.NoError(t, l.Expire(now))
		}
		return tx.Leads().SaveAll(ctx, stored)
	})
	require.Equal(t, 3*n, h.count(t, "events"))

	// And more than fits into one packet: each of these is 60 KiB twice.
	big := make([]application.StoredLead, 256)
	for i := range big {
		l := newLead(fmt.Sprintf("big_%05d", i), "d")
		s := l.Snapshot()
		s.Status, s.Fields = lead.StatusPending, field.Set{"text": field.TextValue(string(slices.Repeat([]byte{'"'}, 60<<10)))}
		big[i] = application.StoredLead{Lead: lead.FromSnapshot(s), Response: application.Response{Status: 200, Body: slices.Repeat([]byte{'\''}, 60<<10)}}
	}
	h.do(t, func(ctx ctx, tx tx) error { return tx.Leads().AddAll(ctx, big) })
	require.Equal(t, n+256, h.count(t, "leads"))
}

func testRefusedValues(t *testing.T, h *Harness) {
	for name, spoil := range map[string]func(s *lead.Snapshot){
		"too long":           func(s *lead.Snapshot) { s.ExternalID = string(slices.Repeat([]byte{'x'}, 256)) },
		"not UTF-8":          func(s *lead.Snapshot) { s.Fields = field.Set{"secret": field.TextValue("\xff")} },
		"name not UTF-8":     func(s *lead.Snapshot) { s.Fields = field.Set{"\xff": field.TextValue("secret")} },
		"not a number":       func(s *lead.Snapshot) { s.Fields = field.Set{"n": {Kind: field.Number, Text: "1,\"x\":secret"}} },
		"number with spaces": func(s *lead.Snapshot) { s.Fields = field.Set{"n": {Kind: field.Number, Text: " 1"}} },
		"not a bool":         func(s *lead.Snapshot) { s.Fields = field.Set{"n": {Kind: field.Bool, Text: "1"}} },
		"not JSON":           func(s *lead.Snapshot) { s.Fields = field.Set{"n": {Kind: field.Other, Text: "{secret"}} },
		"exists":             func(s *lead.Snapshot) { s.ID = "lead_0" },
	} {
		h.exec(t, "DELETE FROM leads")
		good, other := newLead("lead_0", "c").Snapshot(), newLead("lead_1", "c").Snapshot()
		good.Status, other.Status, other.Version = lead.StatusPending, lead.StatusPending, 0
		spoil(&other)
		err := h.Store.Do(t.Context(), func(ctx ctx, tx tx) error {
			return tx.Leads().AddAll(ctx, []application.StoredLead{{Lead: lead.FromSnapshot(good)}, {Lead: lead.FromSnapshot(other)}})
		})
		var dataError *application.DataError
		require.ErrorAs(t, err, &dataError, name)
		require.NotContains(t, err.Error(), "secret", name)
		require.NotContains(t, err.Error(), "xxx", name)
		require.Zero(t, h.count(t, "leads"), name)
	}
	sum := newBuyer(t, "buyer_1").Snapshot()
	sum.Balance = 1<<62 + 1<<61
	h.do(t, func(ctx ctx, tx tx) error { return tx.Buyers().Add(ctx, buyer.FromSnapshot(sum)) })
	err := h.Store.Do(t.Context(), func(ctx ctx, tx tx) error {
		sum.Balance = 1 << 62
		b := buyer.FromSnapshot(sum)
		_, err := b.Charge("e", "s", -1<<62, now)
		require.NoError(t, err)
		return tx.Buyers().SaveSold(ctx, []*buyer.Buyer{b})
	})
	var dataError *application.DataError
	require.ErrorAs(t, err, &dataError, "a sum that does not fit")
}

func counter(contractID string, w calendar.Window) *distribution.Counter {
	return &distribution.Counter{ContractID: contractID, Span: calendar.SpanAt(w, now, time.UTC)}
}

func take(c *distribution.Counter, leads int64, price money.Micros) *distribution.Counter {
	c.Used += leads
	c.TakenLeads += leads
	c.Spent += price
	c.TakenPrice += price
	c.LastWon = now.Add(time.Duration(c.Used) * time.Microsecond)
	return c
}

func testCounters(t *testing.T, h *Harness) {
	n := filled[distribution.Counter](0)
	n.Stored, n.Used, n.Spent = false, n.TakenLeads, n.TakenPrice
	n.Limit = campaign.Cap{}
	fresh := []*distribution.Counter{&n, take(counter("k2", calendar.Total), 2, 20), take(counter("k1", calendar.Day), 1, 10), counter("k3", calendar.Day)}
	h.do(t, func(ctx ctx, tx tx) error { return tx.Counters().SaveAll(ctx, fresh) })
	lock := func(ctx ctx, tx tx) map[string]*distribution.Counter {
		all, err := tx.Counters().LockAll(ctx, []string{fresh[2].Key(), "absent", fresh[1].Key(), n.Key(), fresh[1].Key(), fresh[3].Key()})
		require.NoError(t, err)
		return all
	}
	h.do(t, func(ctx ctx, tx tx) error {
		all := lock(ctx, tx)
		require.Len(t, all, 3, "a counter of which nothing was taken is not stored")
		want := n
		want.Stored, want.TakenLeads, want.TakenPrice = true, 0, 0
		require.Equal(t, &want, all[n.Key()])
		require.Equal(t, calendar.Span{Window: calendar.Total, Key: "total"}, all[fresh[1].Key()].Span)
		require.Equal(t, fresh[2].Span, all[fresh[2].Key()].Span)
		for _, c := range all {
			c.Limit = campaign.Cap{HasLeads: true, Leads: c.Used + 1, HasBudget: true, Budget: c.Spent + 5}
			take(c, 1, 5)
		}
		all[fresh[2].Key()].Limit = campaign.Cap{}
		return tx.Counters().SaveAll(ctx, []*distribution.Counter{all[fresh[1].Key()], all[fresh[2].Key()], all[n.Key()], take(counter("k4", calendar.Hour), 1, 1)})
	})
	h.do(t, func(ctx ctx, tx tx) error {
		all := lock(ctx, tx)
		require.Equal(t, []int64{3, 2}, []int64{all[fresh[1].Key()].Used, all[fresh[2].Key()].Used})
		require.Equal(t, []money.Micros{25, 15}, []money.Micros{all[fresh[1].Key()].Spent, all[fresh[2].Key()].Spent})
		require.Equal(t, now.Add(3*time.Microsecond), all[fresh[1].Key()].LastWon)
		return nil
	})
	require.Equal(t, 4, h.count(t, "contract_counters"))

	// Whatever was decided in memory, no cap and no budget is exceeded.
	for name, limit := range map[string]campaign.Cap{"leads": {HasLeads: true, Leads: 3, HasBudget: true, Budget: 1000}, "budget": {HasBudget: true, Budget: 29}} {
		err := h.Store.Do(t.Context(), func(ctx ctx, tx tx) error {
			all := lock(ctx, tx)
			unlimited := take(all[fresh[2].Key()], 1, 1)
			c := take(all[fresh[1].Key()], 1, 5)
			c.Limit = limit
			return tx.Counters().SaveAll(ctx, []*distribution.Counter{unlimited, c})
		})
		require.ErrorContains(t, err, "a guard refused", name)
		err = h.Store.Do(t.Context(), func(ctx ctx, tx tx) error {
			c := take(counter("k9", calendar.Day), 4, 30)
			c.Limit = limit
			return tx.Counters().SaveAll(ctx, []*distribution.Counter{c})
		})
		require.ErrorContains(t, err, "a guard refused", name)
	}
	h.do(t, func(ctx ctx, tx tx) error {
		require.Equal(t, int64(2), lock(ctx, tx)[fresh[2].Key()].Used)
		return nil
	})
}

func testRecount(t *testing.T, h *Harness) {
	day, hour := calendar.SpanAt(calendar.Day, now, time.UTC), calendar.SpanAt(calendar.Hour, now, time.UTC)
	test := newLead("test", "c").Snapshot()
	test.Test, test.Status, test.Sales = true, lead.StatusSold, []lead.Sale{{ID: "sale_test", ContractID: "k", BuyerID: "b", Price: 9, Currency: "USD", Status: lead.SaleCaptured, At: now}}
	released := newLead("released", "c").Snapshot()
	released.Status, released.Sales = lead.StatusSold, []lead.Sale{{ID: "sale_released", ContractID: "k", BuyerID: "b", Price: 9, Currency: "USD", Status: "released", At: now}}
	h.do(t, func(ctx ctx, tx tx) error {
		require.NoError(t, tx.Counters().SaveAll(ctx, []*distribution.Counter{take(counter("k", calendar.Total), 7, 70), take(counter("k", calendar.Week), 6, 60), take(counter("k2", calendar.Day), 5, 50)}))
		return tx.Leads().AddAll(ctx, []application.StoredLead{soldLead(t, "a", "c", "k", 10, day.Start), soldLead(t, "b", "c", "k", 20, day.Start.Add(-time.Microsecond)),
			soldLead(t, "d", "c", "k", 30, hour.End.Add(-time.Microsecond)), soldLead(t, "e", "c", "k", 40, hour.End), soldLead(t, "f", "c", "k", 50, day.End),
			soldLead(t, "g", "c", "k2", 60, now), {Lead: lead.FromSnapshot(test)}, {Lead: lead.FromSnapshot(released)}})
	})
	h.do(t, func(ctx ctx, tx tx) error {
		return tx.Counters().Recount(ctx, "k", []calendar.Span{day, hour, calendar.SpanAt(calendar.Month, now.AddDate(0, 5, 0), time.UTC), calendar.SpanAt(calendar.Total, now, time.UTC)})
	})
	var got []struct {
		Key   string `db:"counter_key"`
		Used  int64  `db:"used"`
		Spent int64  `db:"spent"`
	}
	require.NoError(t, h.DB.Reader.SelectContext(t.Context(), &got, "SELECT counter_key, used, spent FROM contract_counters ORDER BY counter_key"))
	text := ""
	for _, c := range got {
		text += fmt.Sprintf("%s %d %d\n", c.Key, c.Used, c.Spent)
	}
	require.Equal(t, "k/day:2026-03-01 3 80\nk/hour:2026-03-01T12:00Z 1 30\nk/month:2026-08 0 0\nk/total 7 70\nk2/day:2026-03-01 5 50\n", text)
}

func testEvents(t *testing.T, h *Harness) {
	b, s, p, c := newBuyer(t, "buyer_1"), newSeller(t, "seller_1", "ABCD1234", "slug"), newPartner(t, "seller_1", "p", "k", "a@example.com"), newCampaign(t, "campaign_1", "c")
	l := pendingLead(t, "lead_1", "campaign_1")
	l.Trail = application.Trail{CorrelationID: "of the lead"}
	addContract(t, c, "contract_1", "buyer_1")
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
	require.Equal(t, errOwn, run(errOwn), "its own error, unchanged")
	require.Zero(t, h.count(t, "events"))
	require.Zero(t, h.count(t, "leads"))
	require.Zero(t, h.Woken.Load())
	require.Len(t, l.Lead.Pending(), 2, "what was not stored is still to be stored")
	require.NoError(t, run(nil))
	require.Equal(t, int64(1), h.Woken.Load())
	want := []eventRow{
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
		got, seen := h.events(t), map[string]bool{}
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
	_, err := b.Deposit("entry_1", 5, "", now)
	require.NoError(t, err)
	require.NoError(t, b.Pause(now))
	h.do(t, func(ctx ctx, tx tx) error {
		return tx.Buyers().Save(application.WithTrail(ctx, application.Trail{CorrelationID: "of the context"}), b)
	})
	want = append(want, eventRow{AggregateType: "buyer", AggregateID: "buyer_1", AggregateVersion: 2, Type: "buyer.funded.v1"},
		eventRow{AggregateType: "buyer", AggregateID: "buyer_1", AggregateVersion: 3, Type: "buyer.paused.v1"})
	check()
	h.do(t, func(ctx ctx, tx tx) error {
		_, err := tx.Buyers().Get(ctx, "seller_1", "buyer_1")
		return err
	})
	require.Equal(t, int64(2), h.Woken.Load(), "nothing new, nobody woken")
}
