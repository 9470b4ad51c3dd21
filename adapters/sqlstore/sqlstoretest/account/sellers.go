package accounttest

import (
	"crypto/sha256"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	accountstore "github.com/leadmill/leadmill/adapters/sqlstore/account"
	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/application"
	accountquery "github.com/leadmill/leadmill/application/account/query"
	"github.com/leadmill/leadmill/domain/seller"
)

func testSellers(t *testing.T, h *sqlstoretest.Harness) {
	n := sqlstoretest.Filled[seller.Snapshot](0)
	n.ID, n.Code, n.Currency = "seller_1", "ABCD1234", "KWD"
	sqlstoretest.RequireFull(t, n)
	s, err := seller.FromSnapshot(n)
	require.NoError(t, err)
	h.Do(t, func(ctx ctx, tx tx) error { return tx.Sellers().Add(ctx, s) })
	load := func() (got []seller.Snapshot) {
		h.Do(t, func(ctx ctx, tx tx) error {
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

	changed := sqlstoretest.Filled[seller.Snapshot](100)
	changed.ID, changed.Code, changed.Currency, changed.CreatedAt, changed.Version = n.ID, n.Code, n.Currency, n.CreatedAt, n.Version
	changed.Program = seller.PartnerProgram{LinkParameter: "via", CookieDays: 1}
	s, err = seller.FromSnapshot(changed)
	require.NoError(t, err)
	h.Do(t, func(ctx ctx, tx tx) error { return tx.Sellers().Save(ctx, s) })
	require.Equal(t, []seller.Snapshot{changed, changed, changed}, load())

	h.Exec(t, "UPDATE sellers SET program = NULL")
	changed.Program = seller.DefaultProgram()
	require.Equal(t, []seller.Snapshot{changed, changed, changed}, load(), "of a seller that set nothing")

	h.Do(t, func(ctx ctx, tx tx) error {
		require.Equal(t, seller.ErrCodeTaken, tx.Sellers().Add(ctx, sqlstoretest.NewSeller(t, "seller_2", "ABCD1234", "other")))
		require.Equal(t, seller.ErrSlugTaken, tx.Sellers().Add(ctx, sqlstoretest.NewSeller(t, "seller_2", "ABCD1235", changed.Slug)))
		second := sqlstoretest.NewSeller(t, "seller_2", "ABCD1235", "other")
		require.NoError(t, tx.Sellers().Add(ctx, second))
		for _, id := range []string{"seller_3", "seller_1 ", "SELLER_1", ""} {
			_, err := tx.Sellers().Lock(ctx, id)
			require.Equal(t, seller.ErrNotFound, err, id)
		}
		_, err := tx.Sellers().LockByCode(ctx, "abcd1234")
		require.Equal(t, seller.ErrNotFound, err)
		return nil
	})
	h.Do(t, func(ctx ctx, tx tx) error {
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
		return tx.Sellers().Add(ctx, sqlstoretest.NewSeller(t, "seller_1", "ZZZZ1234", "zzz"))
	})
	require.ErrorAs(t, err, &dataError, "an id that exists is nobody's fault but ours")
}

func testKeys(t *testing.T, h *sqlstoretest.Harness) {
	k := sqlstoretest.Filled[seller.Key](0)
	k.Limit.Window = 90 * time.Second
	sqlstoretest.RequireFull(t, k)
	h.Do(t, func(ctx ctx, tx tx) error { return tx.Keys().Add(ctx, k) })
	var row struct {
		ID         string `db:"id"`
		SellerID   string `db:"seller_id"`
		Scope      string `db:"scope"`
		Name       string `db:"name"`
		PartnerID  string `db:"partner_id"`
		Requests   int64  `db:"limit_requests"`
		Window     int64  `db:"limit_window_us"`
		Hash       []byte `db:"hash"`
		CreatedAt  int64  `db:"created_at"`
		RevokedAt  int64  `db:"revoked_at"`
		Campaign   string `db:"campaign_id"`
		Origins    string `db:"origins"`
		ExpiresAt  int64  `db:"expires_at"`
		LastUsedAt int64  `db:"last_used_at"`
		Leads      int64  `db:"leads"`
	}
	require.NoError(t, h.DB.Reader.GetContext(t.Context(), &row, "SELECT * FROM api_keys"))
	require.Equal(t, seller.Key{
		ID: row.ID, SellerID: row.SellerID, Scope: seller.Scope(row.Scope), Name: row.Name, PartnerID: row.PartnerID,
		CampaignID: row.Campaign, Origins: strings.Fields(row.Origins),
		Limit: seller.RateLimit{Requests: row.Requests, Window: time.Duration(row.Window) * time.Microsecond}, Hash: [sha256.Size]byte(row.Hash),
		CreatedAt: time.UnixMicro(row.CreatedAt).UTC(), RevokedAt: time.UnixMicro(row.RevokedAt).UTC(), ExpiresAt: time.UnixMicro(row.ExpiresAt).UTC(),
	}, k)
	require.Zero(t, row.LastUsedAt)
	require.Zero(t, row.Leads)

	k.ID, k.RevokedAt, k.ExpiresAt = "fresh", time.Time{}, time.Time{}
	h.Do(t, func(ctx ctx, tx tx) error {
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

	// The longest scope of a team, as the key's own text and as others read it.
	team := seller.Key{
		ID: "team", SellerID: "seller_t", Scope: "a-team-s-scope-1", Name: "n", Limit: k.Limit, Hash: seller.HashToken("token"), CreatedAt: now,
	}
	require.Len(t, team.Scope, 16)
	h.Do(t, func(ctx ctx, tx tx) error {
		require.NoError(t, tx.Sellers().Add(ctx, sqlstoretest.NewSeller(t, team.SellerID, "TEAM1234", "team")))
		return tx.Keys().Add(ctx, team)
	})
	reader := accountstore.NewReader(h.DB, &hands{now})
	got, owner, err := reader.KeyByID(t.Context(), team.ID)
	require.NoError(t, err)
	require.Equal(t, team, got)
	require.Equal(t, team.SellerID, owner.ID)
	listed, err := reader.APIKeys(t.Context(), accountquery.APIKeys{Actor: application.Actor{SellerID: team.SellerID}, Page: application.Page{Limit: 5, Number: 1}})
	require.NoError(t, err)
	require.Equal(t, []accountquery.APIKey{accountquery.APIKeyOf(team)}, listed.Items)

	for id, of := range map[string][2]string{"a": {k.SellerID, "p"}, "b": {k.SellerID, "p"}, "c": {k.SellerID, "other"}, "d": {"another", "p"}, "e": {k.SellerID, ""}} {
		k.ID, k.SellerID, k.PartnerID = id, of[0], of[1]
		h.Do(t, func(ctx ctx, tx tx) error { return tx.Keys().Add(ctx, k) })
	}
	h.Do(t, func(ctx ctx, tx tx) error {
		require.NoError(t, tx.Keys().RevokeOfPartner(ctx, row.SellerID, "p", now))
		require.NoError(t, tx.Keys().RevokeOfPartner(ctx, row.SellerID, "p", now.Add(time.Hour)), "twice changes nothing")
		require.NoError(t, tx.Keys().RevokeOfPartner(ctx, row.SellerID, "absent", now))
		require.NoError(t, tx.Keys().RevokeOfPartner(ctx, row.SellerID, "", now), "the seller's own keys are nobody's")
		return nil
	})
	var gone []string
	require.NoError(t, h.DB.Reader.SelectContext(t.Context(), &gone, "SELECT id FROM api_keys WHERE revoked_at = ? AND id < 'f' ORDER BY id", now.UnixMicro()))
	require.Equal(t, []string{"a", "b"}, gone)

	testUseAndExpiry(t, h, team)

	form := seller.Key{
		ID: "form", SellerID: team.SellerID, Scope: seller.Form, CampaignID: "campaign_1", Origins: []string{"https://a.example", "http://localhost:8000"},
		Limit: seller.DefaultPageLimit, Hash: seller.HashToken("form"), CreatedAt: now,
	}
	h.Do(t, func(ctx ctx, tx tx) error { return tx.Keys().Add(ctx, form) })
	got, _, err = reader.KeyByID(t.Context(), form.ID)
	require.NoError(t, err)
	require.Equal(t, form, got)
}

// testUseAndExpiry expires a key of a seller and stores what it was used for.
func testUseAndExpiry(t *testing.T, h *sqlstoretest.Harness, k seller.Key) {
	clock := &hands{now}
	reader := accountstore.NewReader(h.DB, clock)
	list := func() []accountquery.APIKey {
		listed, err := reader.APIKeys(t.Context(), accountquery.APIKeys{Actor: application.Actor{SellerID: k.SellerID}, Page: application.Page{Limit: 5, Number: 1}})
		require.NoError(t, err)
		return listed.Items
	}
	h.Do(t, func(ctx ctx, tx tx) error {
		require.NoError(t, tx.Keys().Used(ctx, []application.KeyUse{
			{KeyID: k.ID, SellerID: k.SellerID, At: now, Leads: 3}, {KeyID: k.ID, SellerID: "another", At: now, Leads: 100}, {KeyID: "absent", SellerID: k.SellerID, At: now, Leads: 1},
		}))
		require.NoError(t, tx.Keys().Used(ctx, []application.KeyUse{{KeyID: k.ID, SellerID: k.SellerID, At: now.Add(-time.Hour), Leads: 4}}), "an instance that is late")
		got, err := tx.Keys().Get(ctx, k.SellerID, k.ID)
		require.NoError(t, err)
		require.Equal(t, k, got)
		_, err = tx.Keys().Get(ctx, "another", k.ID)
		require.Equal(t, seller.ErrKeyNotFound, err)
		_, err = tx.Keys().Get(ctx, k.SellerID, "absent")
		require.Equal(t, seller.ErrKeyNotFound, err)
		require.Equal(t, seller.ErrKeyNotFound, tx.Keys().Expire(ctx, "another", k.ID, now))
		require.Equal(t, seller.ErrKeyNotFound, tx.Keys().Expire(ctx, k.SellerID, "absent", now))
		require.NoError(t, tx.Keys().Expire(ctx, k.SellerID, k.ID, now.Add(time.Hour)))
		return nil
	})
	k.ExpiresAt = now.Add(time.Hour)
	want := accountquery.APIKeyOf(k)
	want.LastUsedAt, want.Leads = now, 7
	require.Equal(t, []accountquery.APIKey{want}, list())
	h.Do(t, func(ctx ctx, tx tx) error {
		require.Equal(t, seller.ErrKeyNotFound, tx.Keys().Revoke(ctx, k.SellerID, k.ID, k.ExpiresAt), "it expired")
		return nil
	})
	clock.at = k.ExpiresAt
	require.Empty(t, list())
	read, _, err := reader.KeyByID(t.Context(), k.ID)
	require.NoError(t, err)
	require.Equal(t, k, read)
}
