package programtest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/customer"
)

func newCustomer(t *testing.T, id, key string) *customer.Customer {
	t.Helper()
	c, err := customer.Register(customer.Registration{SellerID: "seller_1", ID: id, Key: key}, customer.Attribution{PartnerID: "p", Policy: "explicit", At: now}, now)
	require.NoError(t, err)
	return c
}

// lockCustomer locks a customer that must be there.
func lockCustomer(t *testing.T, ctx context.Context, tx *sqlstore.Tx, h application.CustomerHandle) *customer.Customer {
	t.Helper()
	c, err := tx.Customers().Lock(ctx, "seller_1", h)
	require.NoError(t, err, h)
	return c
}

func testCustomers(t *testing.T, h *sqlstoretest.Harness) {
	n := sqlstoretest.Filled[customer.Snapshot](0)
	n.SellerID, n.Email, n.EmailKey = "seller_1", "Jo@Example.com", "jo@example.com"
	sqlstoretest.RequireFull(t, n)
	h.Do(t, func(ctx ctx, tx tx) error { return tx.Customers().Add(ctx, customer.FromSnapshot(n)) })
	load := func() (got customer.Snapshot) {
		h.Do(t, func(ctx ctx, tx tx) error {
			got = lockCustomer(t, ctx, tx, application.CustomerHandle{ID: n.ID}).Snapshot()
			return nil
		})
		return got
	}
	require.Equal(t, n, load())
	changed := sqlstoretest.Filled[customer.Snapshot](100)
	changed.SellerID, changed.ID, changed.CreatedAt, changed.Version = n.SellerID, n.ID, n.CreatedAt, n.Version
	for _, text := range append(slices.Clone(sqlstoretest.Awkward), strings.Repeat("🙂", 255), " a ", "a/b?c#d%20", "\u202ereversed") {
		changed.Key = text
		changed.Name, changed.Surname, changed.Tags = string([]rune(text)[:min(len([]rune(text)), 200)]), "", []string{text}
		changed.Email, changed.EmailKey = "", ""
		h.Do(t, func(ctx ctx, tx tx) error { return tx.Customers().Save(ctx, customer.FromSnapshot(changed)) })
		require.Equal(t, changed, load())
		h.Do(t, func(ctx ctx, tx tx) error {
			require.Equal(t, changed, lockCustomer(t, ctx, tx, application.CustomerHandle{Key: text}).Snapshot())
			require.Equal(t, changed, lockCustomer(t, ctx, tx, application.CustomerHandle{Any: text}).Snapshot())
			return nil
		})
	}

	// Whose it was before is kept when another partner gets it, and only then.
	require.Zero(t, h.Count(t, "customer_attributions"))
	was := changed.Attribution
	h.Do(t, func(ctx ctx, tx tx) error {
		c := lockCustomer(t, ctx, tx, application.CustomerHandle{ID: n.ID})
		require.False(t, c.AttributeTo(customer.Attribution{PartnerID: was.PartnerID, Policy: "operator", At: now}))
		require.True(t, c.AttributeTo(customer.Attribution{PartnerID: "another", Policy: "operator", At: now}))
		changed = c.Snapshot()
		return tx.Customers().Save(ctx, c)
	})
	var former struct {
		PartnerID    string `db:"partner_id"`
		ReferralKey  string `db:"referral_key"`
		Policy       string `db:"policy"`
		AttributedAt int64  `db:"attributed_at"`
		TouchedAt    int64  `db:"touched_at"`
		UntilAt      int64  `db:"until_at"`
		Version      int64  `db:"version"`
	}
	require.NoError(t, h.DB.Reader.GetContext(t.Context(), &former, "SELECT partner_id, referral_key, policy, attributed_at, touched_at, until_at, version FROM customer_attributions"))
	require.Equal(t, []any{was.PartnerID, was.ReferralKey, was.Policy, was.At.UnixMicro(), was.TouchedAt.UnixMicro(), now.UnixMicro(), changed.Version},
		[]any{former.PartnerID, former.ReferralKey, former.Policy, former.AttributedAt, former.TouchedAt, former.UntilAt, former.Version})
	require.Equal(t, changed, load())

	// When its partner's touch happened is stored without an event that would tell of it.
	h.Do(t, func(ctx ctx, tx tx) error {
		c := lockCustomer(t, ctx, tx, application.CustomerHandle{ID: n.ID})
		changed.Attribution.TouchedAt = changed.Attribution.TouchedAt.Add(time.Hour)
		require.True(t, c.Touch(changed.Attribution.TouchedAt))
		return tx.Customers().Save(ctx, c)
	})
	require.Equal(t, changed, load())

	// Deleting frees the key and keeps the attribution.
	h.Do(t, func(ctx ctx, tx tx) error { return tx.Customers().Add(ctx, newCustomer(t, "customer_1", "key")) })
	h.Do(t, func(ctx ctx, tx tx) error {
		c := lockCustomer(t, ctx, tx, application.CustomerHandle{Key: "key"})
		require.NoError(t, c.Delete(now.Add(time.Hour)))
		return tx.Customers().Save(ctx, c)
	})
	var row struct {
		Key     string `db:"customer_key"`
		Hash    []byte `db:"key_hash"`
		Status  string `db:"status"`
		Partner string `db:"partner_id"`
		Deleted int64  `db:"deleted_at"`
	}
	require.NoError(t, h.DB.Reader.GetContext(t.Context(), &row, "SELECT customer_key, key_hash, status, partner_id, deleted_at FROM customers WHERE id = 'customer_1'"))
	require.Equal(t, []any{"", "deleted", "p", now.Add(time.Hour).UnixMicro()}, []any{row.Key, row.Status, row.Partner, row.Deleted})
	require.Nil(t, row.Hash)
	h.Do(t, func(ctx ctx, tx tx) error {
		for _, handle := range []application.CustomerHandle{{ID: "customer_1"}, {Key: "key"}, {Any: "key"}, {Any: "customer_1"}} {
			_, err := tx.Customers().Lock(ctx, "seller_1", handle)
			require.Equal(t, customer.ErrNotFound, err, handle)
		}
		return tx.Customers().Add(ctx, newCustomer(t, "customer_2", "key"))
	})
	h.Do(t, func(ctx ctx, tx tx) error { // and again: deleted ones have no key to collide
		c := lockCustomer(t, ctx, tx, application.CustomerHandle{Key: "key"})
		require.NoError(t, c.Delete(now))
		return tx.Customers().Save(ctx, c)
	})
	err := h.Store.Do(t.Context(), func(ctx ctx, tx tx) error { return tx.Customers().Add(ctx, newCustomer(t, "customer_1", "other")) })
	var dataError *application.DataError
	require.ErrorAs(t, err, &dataError, "an id that exists is nobody's fault but ours")
}

// testCustomerEmails checks that an email that is held is one customer's, and that those that hold none may share it.
func testCustomerEmails(t *testing.T, h *sqlstoretest.Harness) {
	made := func(sellerID, id, email string, hold bool) *customer.Customer {
		t.Helper()
		c, err := customer.Register(customer.Registration{SellerID: sellerID, ID: id, Key: "key of " + id, Email: email}, customer.Attribution{PartnerID: "p", At: now}, now)
		require.NoError(t, err)
		if hold {
			c.HoldEmail()
		}
		return c
	}
	h.Do(t, func(ctx ctx, tx tx) error {
		for _, c := range []*customer.Customer{
			made("seller_1", "customer_1", "Jo@Example.com", true), made("seller_1", "customer_2", "shared@example.com", false),
			made("seller_1", "customer_3", "shared@example.com", false), made("seller_1", "customer_4", "", true), made("seller_1", "customer_5", "", true),
			made("seller_2", "customer_6", "jo@example.com", true),
		} {
			require.NoError(t, tx.Customers().Add(ctx, c), c.ID())
		}
		return nil
	})
	h.Do(t, func(ctx ctx, tx tx) error {
		for _, tc := range []struct {
			c          *customer.Customer
			key, email bool
		}{
			{made("seller_1", "customer_9", "jo@example.COM", true), false, true},
			{made("seller_1", "customer_9", "shared@example.com", true), false, true},
			{made("seller_1", "customer_9", "free@example.com", true), false, false},
			{made("seller_1", "customer_9", "", true), false, false},
			{made("seller_3", "customer_9", "jo@example.com", true), false, false},
			{lockCustomer(t, ctx, tx, application.CustomerHandle{ID: "customer_1"}), false, false},
			{lockCustomer(t, ctx, tx, application.CustomerHandle{ID: "customer_2"}), false, true},
		} {
			key, email, err := tx.Customers().Taken(ctx, tc.c)
			require.NoError(t, err)
			require.Equal(t, []bool{tc.key, tc.email}, []bool{key, email}, tc.c.Snapshot())
		}
		both := made("seller_1", "customer_9", "jo@example.com", true)
		require.NoError(t, both.Update(customer.Details{Key: new("key of customer_2")}, now))
		key, email, err := tx.Customers().Taken(ctx, both)
		require.NoError(t, err)
		require.True(t, key && email)

		require.Equal(t, customer.ErrEmailTaken, tx.Customers().Add(ctx, made("seller_1", "customer_9", "JO@example.com", true)))
		require.NoError(t, tx.Customers().Add(ctx, made("seller_1", "customer_10", "jo@example.com", false)), "who holds none shares")
		require.NoError(t, tx.Customers().Add(ctx, made("seller_1", "customer_11", "shared@example.com", true)), "nobody holds it yet")
		c := lockCustomer(t, ctx, tx, application.CustomerHandle{ID: "customer_3"})
		require.NoError(t, c.Update(customer.Details{Email: new("jo@example.com")}, now))
		c.HoldEmail()
		require.Equal(t, customer.ErrEmailTaken, tx.Customers().Save(ctx, c))

		c = lockCustomer(t, ctx, tx, application.CustomerHandle{ID: "customer_1"})
		require.True(t, c.Snapshot().EmailHeld)
		require.NoError(t, c.Delete(now))
		require.NoError(t, tx.Customers().Save(ctx, c))
		return tx.Customers().Add(ctx, made("seller_1", "customer_12", "jo@example.com", true))
	})
}

func testCustomerHandles(t *testing.T, h *sqlstoretest.Harness) {
	add := func(sellerID, id, key, email string) {
		t.Helper()
		c, err := customer.Register(customer.Registration{SellerID: sellerID, ID: id, Key: key, Email: email}, customer.Attribution{PartnerID: "p", At: now}, now)
		require.NoError(t, err)
		h.Do(t, func(ctx ctx, tx tx) error { return tx.Customers().Add(ctx, c) })
	}
	add("seller_1", "customer_1", "a", "jo@example.com")
	add("seller_1", "customer_2", "a ", "JO@example.com")
	add("seller_1", "customer_3", "A", "")
	add("seller_1", "customer_4", "customer_1", "other@example.com")
	add("seller_1", "customer_5", "jo@example.com", "")
	add("seller_1", "customer_6", "\u00e9", "")  // as one character
	add("seller_1", "customer_7", "e\u0301", "") // and as two
	add("seller_2", "customer_8", "a", "jo@example.com")
	type handle = application.CustomerHandle
	h.Do(t, func(ctx ctx, tx tx) error {
		for want, handles := range map[string][]handle{
			"customer_1": {{Key: "a"}, {Any: "a"}, {ID: "customer_1"}, {Key: "a", ID: "customer_2"}, {ID: "a"}},
			"customer_2": {{Key: "a "}, {Any: "a "}, {Any: "customer_2"}, {Email: "jo@EXAMPLE.com"}, {Any: "customer_2", Key: "a"}, {ID: "a "}},
			"customer_3": {{Key: "A"}, {ID: "customer_3"}},
			"customer_4": {{Any: "customer_1"}, {Any: "other@example.com"}, {Email: " other@example.com"}},
			"customer_5": {{Any: "jo@example.com"}, {Key: "jo@example.com"}},
			"customer_6": {{Key: "\u00e9"}, {ID: "\u00e9"}},
			"customer_7": {{Key: "e\u0301"}},
		} {
			for _, handle := range handles {
				require.Equal(t, want, lockCustomer(t, ctx, tx, handle).ID(), handle)
			}
		}
		for _, handle := range []handle{
			{},
			{Key: "a  "},
			{Key: "absent", ID: "customer_1"},
			{ID: "customer_1 "},
			{ID: "CUSTOMER_1"},
			{ID: "customer_8"},
			{Any: "absent"},
			{Email: "absent@example.com"},
			{Email: "no address"},
			{Any: "\xff"},
			{Any: strings.Repeat("🙂", 400)},
		} {
			_, err := tx.Customers().Lock(ctx, "seller_1", handle)
			require.Equal(t, customer.ErrNotFound, err, handle)
		}
		for _, key := range []string{"a", "a ", "A", "\u00e9"} {
			require.Equal(t, customer.ErrKeyTaken, tx.Customers().Add(ctx, newCustomer(t, "customer_9", key)), key)
		}
		c := lockCustomer(t, ctx, tx, handle{Key: "A"})
		require.NoError(t, c.Update(customer.Details{Key: new("a")}, now))
		require.Equal(t, customer.ErrKeyTaken, tx.Customers().Save(ctx, c))
		return nil // and commits: nothing of what was refused may be left
	})
	require.Equal(t, 8, h.Count(t, "customers"))
	h.Do(t, func(ctx ctx, tx tx) error {
		require.Equal(t, int64(2), lockCustomer(t, ctx, tx, handle{Key: "A"}).Version())
		return nil
	})
}

func testCustomerRaces(t *testing.T, h *sqlstoretest.Harness) {
	const n = 6
	sqlstoretest.RequireOneWinner(t, customer.ErrKeyTaken, sqlstoretest.AtOnce(t, h, n, func(ctx context.Context, tx *sqlstore.Tx, i int) error {
		return tx.Customers().Add(ctx, newCustomer(t, fmt.Sprint("customer_", i), "same"))
	}))
	for i := range n {
		h.Do(t, func(ctx ctx, tx tx) error {
			return tx.Customers().Add(ctx, newCustomer(t, fmt.Sprint("own_", i), fmt.Sprint("own_", i)))
		})
	}
	sqlstoretest.RequireOneWinner(t, customer.ErrKeyTaken, sqlstoretest.AtOnce(t, h, n, func(ctx context.Context, tx *sqlstore.Tx, i int) error {
		c, err := tx.Customers().Lock(ctx, "seller_1", application.CustomerHandle{ID: fmt.Sprint("own_", i)})
		if err != nil {
			return err
		}
		if err := c.Update(customer.Details{Key: new("wanted")}, now); err != nil {
			return err
		}
		return tx.Customers().Save(ctx, c)
	}))
	// A customer that is renamed while another waits for it by its key is not found by that key, or found before.
	errs := sqlstoretest.AtOnce(t, h, 2, func(ctx context.Context, tx *sqlstore.Tx, i int) error {
		c, err := tx.Customers().Lock(ctx, "seller_1", application.CustomerHandle{Key: "wanted"})
		if err != nil {
			return err
		}
		if err := c.Update(customer.Details{Key: new(fmt.Sprint("renamed_", i))}, now); err != nil {
			return err
		}
		return tx.Customers().Save(ctx, c)
	})
	sqlstoretest.RequireOneWinner(t, customer.ErrNotFound, errs)
}
