package programtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/partner"
)

// lockPartner locks a partner that must be there.
func lockPartner(t *testing.T, ctx context.Context, tx *sqlstore.Tx, h application.PartnerHandle) *partner.Partner {
	t.Helper()
	p, err := tx.Partners().Lock(ctx, "seller_1", h)
	require.NoError(t, err)
	return p
}

// changePartner saves a change of a partner that must be accepted.
func changePartner(t *testing.T, h *sqlstoretest.Harness, id string, change func(p *partner.Partner) error) {
	t.Helper()
	h.Do(t, func(ctx ctx, tx tx) error {
		p := lockPartner(t, ctx, tx, application.PartnerHandle{ID: id})
		require.NoError(t, change(p))
		return tx.Partners().Save(ctx, p)
	})
}

// refusedChange saves a change of a partner that must be refused with an error, and commits what else was done.
func refusedChange(t *testing.T, h *sqlstoretest.Harness, id string, want error, change func(p *partner.Partner) error) {
	t.Helper()
	var before, after partner.Snapshot
	keys := h.Count(t, "partner_keys")
	h.Do(t, func(ctx ctx, tx tx) error {
		p := lockPartner(t, ctx, tx, application.PartnerHandle{ID: id})
		before = p.Snapshot()
		require.NoError(t, change(p))
		require.Equal(t, want, tx.Partners().Save(ctx, p))
		return nil
	})
	h.Do(t, func(ctx ctx, tx tx) error {
		after = lockPartner(t, ctx, tx, application.PartnerHandle{ID: id}).Snapshot()
		return nil
	})
	require.Equal(t, before, after, "nothing half stored")
	require.Equal(t, keys, h.Count(t, "partner_keys"))
}

// addPartners adds partners with their ids as keys.
func addPartners(t *testing.T, h *sqlstoretest.Harness, ids ...string) {
	t.Helper()
	h.Do(t, func(ctx ctx, tx tx) error {
		for _, id := range ids {
			if err := tx.Partners().Add(ctx, sqlstoretest.NewPartner(t, "seller_1", id, id, id+"@example.com")); err != nil {
				return err
			}
		}
		return nil
	})
}

func testPartners(t *testing.T, h *sqlstoretest.Harness) {
	n := sqlstoretest.Filled[partner.Snapshot](0)
	n.Email, n.EmailKey = "Jo@Example.com", "jo@example.com"
	sqlstoretest.RequireFull(t, n)
	other := sqlstoretest.Filled[partner.Snapshot](100)
	other.SellerID, other.Email, other.EmailKey, other.Approved = n.SellerID, "zoë@example.com", "zoë@example.com", false
	third := sqlstoretest.Filled[partner.Snapshot](200)
	third.Email, third.EmailKey, third.ID, third.TermsAccepted = n.Email, n.EmailKey, n.ID, false // of another seller
	third.Keys, third.Retired = n.Keys, n.Retired
	all := []partner.Snapshot{n, other, third}
	h.Do(t, func(ctx ctx, tx tx) error {
		for _, n := range all {
			if err := tx.Partners().Add(ctx, partner.FromSnapshot(n)); err != nil {
				return err
			}
		}
		return nil
	})
	h.Do(t, func(ctx ctx, tx tx) error {
		for _, n := range all {
			for _, handle := range []application.PartnerHandle{
				{ID: n.ID},
				{Key: n.Keys[0]},
				{Key: n.Keys[1]},
				{Email: n.Email},
				{Email: n.EmailKey},
				{ID: n.ID, Key: "absent"},
				{Any: n.ID},
				{Any: n.Keys[1], ID: "absent"},
				{Key: n.Keys[0], Email: "absent@example.com"},
			} {
				p, err := tx.Partners().Find(ctx, n.SellerID, handle)
				require.NoError(t, err, handle)
				require.Equal(t, n, p.Snapshot())
			}
		}
		for _, handle := range []application.PartnerHandle{
			{},
			{ID: "absent", Key: n.Keys[0]},
			{Key: "absent"},
			{Key: n.Retired[0]},
			{ID: "é"},
			{Any: "é"},
			{Any: n.Retired[0]},
			{Any: n.Email},
			{Key: "\xff"},
			{Email: "absent@example.com"},
			{Email: "zoe@example.com"},
			{Email: "no address"},
			{ID: n.ID + " "},
			{Key: n.Keys[0] + " "},
		} {
			_, err := tx.Partners().Find(ctx, n.SellerID, handle)
			require.Equal(t, partner.ErrNotFound, err, handle)
		}
		_, err := tx.Partners().Find(ctx, "absent", application.PartnerHandle{ID: n.ID})
		require.Equal(t, partner.ErrNotFound, err)

		require.Equal(t, partner.Taken("id"), tx.Partners().Add(ctx, sqlstoretest.NewPartner(t, n.SellerID, n.ID, "k1", "a@example.com")))
		require.Equal(t, partner.Taken("email"), tx.Partners().Add(ctx, sqlstoretest.NewPartner(t, n.SellerID, "a", "k1", "JO@example.COM")))
		require.Equal(t, partner.Taken("key"), tx.Partners().Add(ctx, sqlstoretest.NewPartner(t, n.SellerID, "a", n.Keys[1], "a@example.com")))
		return nil // and commits: nothing of the refused ones may be left
	})
	require.Equal(t, 3, h.Count(t, "partners"))
	require.Equal(t, 12, h.Count(t, "partner_keys"), "two that lead to each partner and two retired ones")
	var owners []string
	require.NoError(t, h.DB.Reader.SelectContext(t.Context(), &owners, "SELECT seller_id FROM short_links"))
	require.Len(t, owners, 8, "two sellers have one's keys, and nothing is left of the refused ones")
	require.NotContains(t, owners, third.SellerID, "the first one keeps its links")
	h.Do(t, func(ctx ctx, tx tx) error {
		return tx.Partners().Add(ctx, sqlstoretest.NewPartner(t, n.SellerID, "a", "k1", "a@example.com"))
	})
}

func testChangedPartners(t *testing.T, h *sqlstoretest.Harness) {
	n := sqlstoretest.Filled[partner.Snapshot](0)
	n.SellerID, n.Email, n.EmailKey = "seller_1", "Jo@Example.com", "jo@example.com"
	sqlstoretest.RequireFull(t, n)
	h.Do(t, func(ctx ctx, tx tx) error { return tx.Partners().Add(ctx, partner.FromSnapshot(n)) })
	load := func() (got partner.Snapshot) {
		h.Do(t, func(ctx ctx, tx tx) error {
			got = lockPartner(t, ctx, tx, application.PartnerHandle{ID: n.ID}).Snapshot()
			return nil
		})
		return got
	}
	require.Equal(t, n, load())
	changed := sqlstoretest.Filled[partner.Snapshot](200)
	changed.SellerID, changed.ID, changed.Email, changed.EmailKey = n.SellerID, n.ID, "zoë@例え.jp", "zoë@例え.jp"
	changed.CreatedAt, changed.Version = n.CreatedAt, n.Version
	changed.Keys, changed.Retired = []string{"new", n.Keys[1]}, slices.Sorted(slices.Values([]string{n.Keys[0], n.Retired[0], n.Retired[1]}))
	changed.Approved, changed.Invited = false, false
	for _, text := range sqlstoretest.Awkward {
		changed.Name, changed.Surname = text, text
		changed.Tags = []string{text, "b"}
		changed.CustomFields = []partner.CustomField{{Name: string([]rune(text)[:4]), Value: text}, {Name: "empty", Value: ""}, {Name: "lines", Value: "a\nb\t c "}}
		h.Do(t, func(ctx ctx, tx tx) error { return tx.Partners().Save(ctx, partner.FromSnapshot(changed)) })
		require.Equal(t, changed, load())
	}
	changed.Tags, changed.CustomFields = []string{}, nil
	h.Do(t, func(ctx ctx, tx tx) error { return tx.Partners().Save(ctx, partner.FromSnapshot(changed)) })
	require.Equal(t, changed, load())
	h.Exec(t, "UPDATE partners SET custom_fields = NULL, invited = NULL, signed_up = NULL")
	changed.SignedUp = false
	require.Equal(t, changed, load(), "of a partner from before these columns")
}

func testReferralKeys(t *testing.T, h *sqlstoretest.Harness) {
	addPartners(t, h, "a", "b")
	stored := func() []string {
		var rows []string
		require.NoError(t, h.DB.Reader.SelectContext(t.Context(), &rows,
			"SELECT CONCAT(referral_key, ' ', ordinal) FROM partner_keys WHERE partner_id = 'a' ORDER BY ordinal, referral_key"))
		return rows
	}
	changePartner(t, h, "a", func(p *partner.Partner) error { return p.AddLink("a2", now) })
	changePartner(t, h, "a", func(p *partner.Partner) error { return p.AddLink("a3", now) })
	require.Equal(t, []string{"a 0", "a2 1", "a3 2"}, stored())
	changePartner(t, h, "a", func(p *partner.Partner) error {
		return p.ChangeLink("a3", partner.LinkChange{Default: true}, now)
	})
	require.Equal(t, []string{"a3 0", "a 1", "a2 2"}, stored())
	changePartner(t, h, "a", func(p *partner.Partner) error {
		return p.ChangeLink("a", partner.LinkChange{Key: new("renamed")}, now)
	})
	require.Equal(t, []string{"a -1", "a3 0", "renamed 1", "a2 2"}, stored())
	changePartner(t, h, "a", func(p *partner.Partner) error { return p.RemoveLink("a3", now) })
	require.Equal(t, []string{"a -1", "a3 -1", "renamed 0", "a2 1"}, stored())
	changePartner(t, h, "a", func(p *partner.Partner) error {
		return p.Update(partner.Details{Key: new("front")}, now)
	})
	require.Equal(t, []string{"a -1", "a3 -1", "front 0", "renamed 1", "a2 2"}, stored())

	h.Do(t, func(ctx ctx, tx tx) error {
		for _, find := range []func(context.Context, string, application.PartnerHandle) (*partner.Partner, error){tx.Partners().Find, tx.Partners().Lock} {
			for _, key := range []string{"front", "renamed", "a2"} {
				p, err := find(ctx, "seller_1", application.PartnerHandle{Key: key})
				require.NoError(t, err)
				require.Equal(t, []string{"front", "renamed", "a2"}, p.Snapshot().Keys)
				require.Equal(t, []string{"a", "a3"}, p.Snapshot().Retired)
			}
			for _, key := range []string{"a", "a3", "FRONT", "front "} {
				_, err := find(ctx, "seller_1", application.PartnerHandle{Key: key})
				require.Equal(t, partner.ErrNotFound, err, "a retired key leads to nobody: %s", key)
			}
		}
		return nil
	})

	// Neither a key in use nor a retired one is ever given to anybody again.
	for _, key := range []string{"front", "a2", "a", "a3"} {
		taken := partner.Taken("key")
		refusedChange(t, h, "b", taken, func(p *partner.Partner) error { return p.AddLink(key, now) })
		refusedChange(t, h, "b", taken, func(p *partner.Partner) error {
			return p.ChangeLink("b", partner.LinkChange{Key: &key}, now)
		})
		refusedChange(t, h, "b", taken, func(p *partner.Partner) error {
			return p.Update(partner.Details{Key: &key, Name: new("Other")}, now)
		})
		refusedChange(t, h, "b", taken, func(p *partner.Partner) error {
			return errors.Join(p.AddLink("fresh", now), p.AddLink(key, now))
		})
		h.Do(t, func(ctx ctx, tx tx) error {
			require.Equal(t, taken, tx.Partners().Add(ctx, sqlstoretest.NewPartner(t, "seller_1", "c", key, "c@example.com")))
			return nil
		})
	}
	refusedChange(t, h, "b", partner.Taken("email"), func(p *partner.Partner) error {
		return p.Update(partner.Details{Email: new("A@EXAMPLE.com"), Key: new("fresh")}, now)
	})
	require.Equal(t, 2, h.Count(t, "partners"))
	changePartner(t, h, "b", func(p *partner.Partner) error { return p.AddLink("fresh", now) })

	all := []string{"front"}
	for i := range 99 { // as many as a partner may have, all moved at once
		all = append(all, fmt.Sprintf("k%02d", i))
	}
	changePartner(t, h, "b", func(p *partner.Partner) error {
		for _, key := range all[2:] {
			if err := p.AddLink(key, now); err != nil {
				return err
			}
		}
		return p.ChangeLink("k98", partner.LinkChange{Default: true}, now)
	})
	h.Do(t, func(ctx ctx, tx tx) error {
		keys := lockPartner(t, ctx, tx, application.PartnerHandle{Key: "k50"}).Snapshot().Keys
		require.Equal(t, append([]string{"k98", "b", "fresh"}, all[2:99]...), keys)
		return nil
	})
}

func testDeletedPartners(t *testing.T, h *sqlstoretest.Harness) {
	addPartners(t, h, "a", "b")
	changePartner(t, h, "b", func(p *partner.Partner) error {
		return p.Update(partner.Details{Referring: &partner.Lineage{ID: "a", Chain: []string{"a"}}}, now)
	})
	changePartner(t, h, "a", func(p *partner.Partner) error {
		return errors.Join(p.Update(partner.Details{CustomFields: &[]partner.CustomField{{Name: "n", Value: "v"}}, Tags: &[]string{"t"}, PasswordHash: new("hash")}, now),
			p.ChangeLink("a", partner.LinkChange{Key: new("a2")}, now), p.Delete(now))
	})
	var texts []string
	require.NoError(t, h.DB.Reader.SelectContext(t.Context(), &texts,
		"SELECT CONCAT(email, '|', email_key, '|', name, surname, '|', tags, '|', password_hash, '|', COALESCE(custom_fields, 'none'), '|', status) FROM partners WHERE id = 'a'"))
	require.Equal(t, []string{"|deleted:a||[]||none|deleted"}, texts)
	h.Do(t, func(ctx ctx, tx tx) error {
		for _, find := range []func(context.Context, string, application.PartnerHandle) (*partner.Partner, error){tx.Partners().Find, tx.Partners().Lock} {
			for _, handle := range []application.PartnerHandle{{ID: "a"}, {Key: "a"}, {Key: "a2"}, {Email: "a@example.com"}, {Email: "deleted:a"}} {
				_, err := find(ctx, "seller_1", handle)
				require.Equal(t, partner.ErrNotFound, err, handle)
			}
		}
		chain, err := tx.Partners().Chain(ctx, "seller_1", "b")
		require.NoError(t, err)
		require.Equal(t, []string{"b", "a"}, chain, "its id stays")
		require.Equal(t, partner.Taken("id"), tx.Partners().Add(ctx, sqlstoretest.NewPartner(t, "seller_1", "a", "fresh", "x@example.com")))
		require.Equal(t, partner.Taken("key"), tx.Partners().Add(ctx, sqlstoretest.NewPartner(t, "seller_1", "x", "a", "x@example.com")))
		require.Equal(t, partner.Taken("key"), tx.Partners().Add(ctx, sqlstoretest.NewPartner(t, "seller_1", "x", "a2", "x@example.com")))
		return nil
	})
	h.Do(t, func(ctx ctx, tx tx) error { // the email is free, more than once
		return tx.Partners().Add(ctx, sqlstoretest.NewPartner(t, "seller_1", "c", "c", "a@example.com"))
	})
	changePartner(t, h, "c", func(p *partner.Partner) error { return p.Delete(now) })
	changePartner(t, h, "b", func(p *partner.Partner) error {
		return p.Update(partner.Details{Email: new("a@example.com")}, now)
	})
}

func testPartnerRaces(t *testing.T, h *sqlstoretest.Harness) {
	const n = 6
	for handle, fresh := range map[string]func(i int) *partner.Partner{
		"email": func(i int) *partner.Partner {
			return sqlstoretest.NewPartner(t, "seller_1", fmt.Sprint("e", i), fmt.Sprint("e", i), "same@example.com")
		},
		"id": func(i int) *partner.Partner {
			return sqlstoretest.NewPartner(t, "seller_1", "same", fmt.Sprint("i", i), fmt.Sprintf("i%d@example.com", i))
		},
		"key": func(i int) *partner.Partner {
			return sqlstoretest.NewPartner(t, "seller_1", fmt.Sprint("k", i), "same_key", fmt.Sprintf("k%d@example.com", i))
		},
	} {
		sqlstoretest.RequireOneWinner(t, partner.Taken(handle), sqlstoretest.AtOnce(t, h, n, func(ctx context.Context, tx *sqlstore.Tx, i int) error {
			return tx.Partners().Add(ctx, fresh(i))
		}))
	}
	require.Equal(t, 3, h.Count(t, "partners"))
	require.Equal(t, 3, h.Count(t, "partner_keys"))

	ids := []string{"a", "b", "c", "d", "e", "f"}
	addPartners(t, h, ids...)
	for handle, change := range map[string]func(p *partner.Partner) error{
		"email": func(p *partner.Partner) error {
			return p.Update(partner.Details{Email: new("wanted@example.com")}, now)
		},
		"key": func(p *partner.Partner) error { return p.AddLink("wanted", now) },
	} {
		sqlstoretest.RequireOneWinner(t, partner.Taken(handle), sqlstoretest.AtOnce(t, h, n, func(ctx context.Context, tx *sqlstore.Tx, i int) error {
			p, err := tx.Partners().Lock(ctx, "seller_1", application.PartnerHandle{ID: ids[i]})
			if err != nil {
				return err
			}
			if err := change(p); err != nil {
				return err
			}
			return tx.Partners().Save(ctx, p)
		}))
	}
	require.Equal(t, 10, h.Count(t, "partner_keys"))
}

// testShortLinkRace lets sellers take the same keys at once, in different orders: each gets them, and one of them the short links.
func testShortLinkRace(t *testing.T, h *sqlstoretest.Harness) {
	keys := []string{"k1", "k2", "k3", "k4"}
	errs := make([]error, 6)
	var all sync.WaitGroup
	for i := range errs {
		n := sqlstoretest.NewPartner(t, fmt.Sprint("seller_", i), "a", "k0", "a@example.com").Snapshot()
		n.Keys, n.Version = append(n.Keys, keys...), 0
		if i%2 == 1 {
			slices.Reverse(n.Keys)
		}
		all.Go(func() {
			errs[i] = h.Store.Do(t.Context(), func(ctx ctx, tx tx) error { return tx.Partners().Add(ctx, partner.FromSnapshot(n)) })
		})
	}
	all.Wait()
	require.NoError(t, errors.Join(errs...))
	require.Equal(t, 30, h.Count(t, "partner_keys"))
	require.Equal(t, 5, h.Count(t, "short_links"))
	require.Zero(t, h.Count(t, "short_links s WHERE NOT EXISTS (SELECT 1 FROM partner_keys k WHERE k.seller_id = s.seller_id AND k.referral_key = s.referral_key)"))
}

// testHandedOver takes a handle from a partner between finding its id by it and locking its row.
func testHandedOver(t *testing.T, h *sqlstoretest.Harness) {
	if !h.Concurrent() {
		return // the one writer has nobody beside it
	}
	addPartners(t, h, "a", "b")
	changePartner(t, h, "a", func(p *partner.Partner) error { return p.AddLink("link", now) })
	other := h.Open(t, dialect.Options{})
	for _, test := range []struct {
		handle     application.PartnerHandle
		statements []string
		want       error
	}{
		{application.PartnerHandle{Key: "link"}, []string{"UPDATE partner_keys SET ordinal = -1 WHERE referral_key = 'link'"}, partner.ErrNotFound},
		{application.PartnerHandle{Email: "a@example.com"}, []string{
			"UPDATE partners SET email_key = 'other@example.com' WHERE id = 'a'",
			"UPDATE partners SET email_key = 'a@example.com' WHERE id = 'b'",
		}, nil},
	} {
		var once sync.Once
		h.Faults.Before(func(query string) (err error) {
			if strings.HasSuffix(query, "FOR UPDATE") {
				once.Do(func() {
					for _, s := range test.statements {
						_, failed := other.Writer.ExecContext(context.Background(), s)
						err = errors.Join(err, failed)
					}
				})
			}
			return err
		})
		runs := 0
		h.Do(t, func(ctx ctx, tx tx) error {
			runs++
			p, err := tx.Partners().Lock(ctx, "seller_1", test.handle)
			if errors.Is(err, partner.ErrNotFound) || err == nil {
				require.Equal(t, test.want, err)
			}
			if err == nil {
				require.Equal(t, "b", p.ID())
			}
			if errors.Is(err, partner.ErrNotFound) {
				return nil
			}
			return err
		})
		require.Equal(t, 2, runs)
	}
}

func testChain(t *testing.T, h *sqlstoretest.Harness) {
	const depth = 60
	ids := make([]string, depth)
	h.Do(t, func(ctx ctx, tx tx) error {
		for i := range depth {
			ids[i] = fmt.Sprintf("p%02d", i)
			n := sqlstoretest.NewPartner(t, "seller_1", ids[i], ids[i], ids[i]+"@example.com").Snapshot()
			if i > 0 {
				n.ReferringPartnerID = ids[i-1]
			}
			n.Version = 0
			if err := tx.Partners().Add(ctx, partner.FromSnapshot(n)); err != nil {
				return err
			}
		}
		return tx.Partners().Add(ctx, sqlstoretest.NewPartner(t, "seller_2", "p59", "p59", "p59@example.com"))
	})
	chain := func(sellerID, id string) (got []string) {
		h.Do(t, func(ctx ctx, tx tx) (err error) {
			got, err = tx.Partners().Chain(ctx, sellerID, id)
			return err
		})
		return got
	}
	slices.Reverse(ids)
	require.Equal(t, ids, chain("seller_1", "p59"))
	require.Equal(t, []string{"p01", "p00"}, chain("seller_1", "p01"))
	require.Equal(t, []string{"p00"}, chain("seller_1", "p00"))
	require.Equal(t, []string{"p59"}, chain("seller_2", "p59"), "of its own seller")
	require.Empty(t, chain("seller_1", "absent"))
	h.Exec(t, "UPDATE partners SET referring_partner_id = 'p02' WHERE seller_id = 'seller_1' AND id = 'p00'")
	require.Equal(t, []string{"p03", "p02", "p01", "p00"}, chain("seller_1", "p03"), "a circle ends where it was entered")
	h.Exec(t, "UPDATE partners SET referring_partner_id = id WHERE id = 'p59' AND seller_id = 'seller_1'")
	require.Equal(t, []string{"p59"}, chain("seller_1", "p59"))
	h.Exec(t, "UPDATE partners SET referring_partner_id = 'gone' WHERE id = 'p59' AND seller_id = 'seller_1'")
	require.Equal(t, []string{"p59"}, chain("seller_1", "p59"))
}
