package account_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/adapters/sqlstore"
	accountstore "github.com/leadmill/leadmill/adapters/sqlstore/account"
	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/application"
	accountquery "github.com/leadmill/leadmill/application/account/query"
	"github.com/leadmill/leadmill/domain/seller"
	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/dbtest/migrated"
)

var noon = time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)

// reading tests a reader on a database with one seller, on every engine.
func reading(t *testing.T, test func(t *testing.T, r *accountstore.Reader)) {
	t.Helper()
	for _, e := range dbtest.Engines() {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			h := sqlstoretest.New(t, migrated.URL(t, e))
			program := seller.PartnerProgram{ManualApproval: true, LinkParameter: "via", CookieDays: 7}
			s, err := seller.FromSnapshot(seller.Snapshot{
				ID: "seller_2", Code: "BBBB2222", Slug: "bbbb2222", Name: "Program BBBB2222", Currency: "USD",
				TimeZone: "UTC", Website: "https://BBBB2222.example", Program: program, CreatedAt: noon, UpdatedAt: noon,
			})
			require.NoError(t, err)
			require.NoError(t, h.Store.Do(t.Context(), func(ctx context.Context, tx *sqlstore.Tx) error { return tx.Sellers().Add(ctx, s) }))
			test(t, accountstore.NewReader(h.DB, clock.NewManual(noon)))
		})
	}
}

func TestReadSettings(t *testing.T) {
	t.Parallel()
	reading(t, func(t *testing.T, r *accountstore.Reader) {
		ctx := t.Context()
		s, err := r.SettingsOfSeller(ctx, accountquery.SettingsOfSeller{Actor: application.Actor{SellerID: "seller_2"}})
		require.NoError(t, err)
		assert.Equal(t, accountquery.Settings{
			Name: "Program BBBB2222", Code: "BBBB2222", Website: "https://BBBB2222.example", Currency: "USD", TimeZone: "UTC",
			Program: seller.PartnerProgram{ManualApproval: true, LinkParameter: "via", CookieDays: 7}, UpdatedAt: noon,
		}, s)
		_, err = r.SettingsOfSeller(ctx, accountquery.SettingsOfSeller{Actor: application.Actor{SellerID: "seller_3"}})
		require.ErrorIs(t, err, seller.ErrNotFound)
	})
}

func TestReadOneKey(t *testing.T) {
	t.Parallel()
	for _, e := range dbtest.Engines() {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			h, ctx := sqlstoretest.New(t, migrated.URL(t, e)), t.Context()
			keys := map[string]seller.Key{}
			for id, change := range map[string]func(k *seller.Key){
				"key_1": func(*seller.Key) {}, "key_later": func(k *seller.Key) { k.ExpiresAt = noon.Add(time.Second) },
				"key_late": func(k *seller.Key) { k.ExpiresAt = noon }, "key_revoked": func(k *seller.Key) { k.RevokedAt = noon },
				"key_other": func(k *seller.Key) { k.SellerID = "seller_3" },
			} {
				k := seller.Key{ID: id, SellerID: "seller_2", Scope: seller.Supplier, Name: "K", PartnerID: "p", Hash: seller.HashToken(id), CreatedAt: noon}
				change(&k)
				keys[id] = k
				require.NoError(t, h.Store.Do(ctx, func(ctx context.Context, tx *sqlstore.Tx) error { return tx.Keys().Add(ctx, k) }))
			}
			h.Exec(t, "UPDATE api_keys SET leads = 7, last_used_at = 1 WHERE id = 'key_1'")
			r, of := accountstore.NewReader(h.DB, clock.NewManual(noon)), application.Actor{SellerID: "seller_2"}
			want := accountquery.APIKeyOf(keys["key_1"])
			want.Leads, want.LastUsedAt = 7, time.UnixMicro(1).UTC()
			got, err := r.APIKeyByID(ctx, accountquery.APIKeyByID{Actor: of, ID: "key_1"})
			require.NoError(t, err)
			assert.Equal(t, want, got)
			_, err = r.APIKeyByID(ctx, accountquery.APIKeyByID{Actor: of, ID: "key_later"})
			require.NoError(t, err)
			for _, id := range []string{"key_late", "key_revoked", "key_other", "KEY_1", "key_1 ", "é", ""} {
				_, err := r.APIKeyByID(ctx, accountquery.APIKeyByID{Actor: of, ID: id})
				require.ErrorIs(t, err, seller.ErrKeyNotFound, id)
			}
		})
	}
}

// TestReadsTellThatTheDatabaseIsAway: a read that did not get an answer never says that there is nothing.
func TestReadsTellThatTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	reading(t, func(t *testing.T, r *accountstore.Reader) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		of := application.Actor{SellerID: "seller_2"}
		for name, read := range map[string]func() error{
			"Sellers": func() error {
				_, err := r.Sellers(ctx, accountquery.Sellers{Page: application.Page{Limit: 1, Number: 1}})
				return err
			},
			"SellerByCode": func() error { _, err := r.SellerByCode(ctx, accountquery.SellerByCode{Code: "BBBB2222"}); return err },
			"APIKeys": func() error {
				_, err := r.APIKeys(ctx, accountquery.APIKeys{Actor: of, Page: application.Page{Limit: 1, Number: 1}})
				return err
			},
			"KeyByID":          func() error { _, _, err := r.KeyByID(ctx, "key_1"); return err },
			"SettingsOfSeller": func() error { _, err := r.SettingsOfSeller(ctx, accountquery.SettingsOfSeller{Actor: of}); return err },
		} {
			assert.ErrorIs(t, read(), application.ErrUnavailable, name)
		}
	})
}
