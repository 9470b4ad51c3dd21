package programtest

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/customer"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/partner"
	"github.com/leadmill/leadmill/domain/seller"
)

func testProgramConflicts(t *testing.T, h *sqlstoretest.Harness) {
	p, c, l := sqlstoretest.NewPartner(t, "seller_1", "p", "p", "p@example.com"), newCustomer(t, "customer_1", "key"), newFormLead(t, "lead_1", 1, nil)
	s := sqlstoretest.NewSeller(t, "seller_1", "ABCD1234", "slug")
	h.Do(t, func(ctx ctx, tx tx) error {
		return errors.Join(tx.Sellers().Add(ctx, s), tx.Partners().Add(ctx, p), tx.Customers().Add(ctx, c), tx.FormLeads().Add(ctx, l))
	})
	stale := func(key string) (*seller.Seller, *partner.Partner, *customer.Customer, *lead.Lead) {
		s, err := seller.FromSnapshot(s.Snapshot())
		require.NoError(t, err)
		require.NoError(t, s.Configure(seller.Settings{CookieDays: new(7)}, now))
		p := partner.FromSnapshot(p.Snapshot())
		require.NoError(t, p.AddLink(key, now))
		c := customer.FromSnapshot(c.Snapshot())
		require.NoError(t, c.Archive(now))
		l := lead.FromSnapshot(l.Snapshot())
		require.NoError(t, l.RejectReview(now))
		return s, p, c, l
	}
	s1, p1, c1, l1 := stale("one")
	s2, p2, c2, l2 := stale("two")
	h.Do(t, func(ctx ctx, tx tx) error {
		return errors.Join(tx.Sellers().Save(ctx, s1), tx.Partners().Save(ctx, p1), tx.Customers().Save(ctx, c1), tx.FormLeads().Save(ctx, l1))
	})
	h.Do(t, func(ctx ctx, tx tx) error { // and commits: a refused change leaves nothing
		require.Equal(t, application.ErrConcurrentChange, tx.Sellers().Save(ctx, s2))
		require.Equal(t, application.ErrConcurrentChange, tx.Partners().Save(ctx, p2))
		require.Equal(t, application.ErrConcurrentChange, tx.Customers().Save(ctx, c2))
		require.Equal(t, application.ErrConcurrentChange, tx.FormLeads().Save(ctx, l2))
		return nil
	})
	require.Equal(t, 2, h.Count(t, "partner_keys"))
	require.Len(t, h.Events(t), 9)
}

func testProgramLocks(t *testing.T, h *sqlstoretest.Harness) {
	person, err := customer.Register(customer.Registration{SellerID: "seller_1", ID: "customer_1", Key: "key", Email: "jo@example.com"}, customer.Attribution{PartnerID: "p", At: now}, now)
	require.NoError(t, err)
	h.Do(t, func(ctx ctx, tx tx) error {
		return errors.Join(tx.Partners().Add(ctx, sqlstoretest.NewPartner(t, "seller_1", "p", "k", "p@example.com")), tx.Partners().Add(ctx, sqlstoretest.NewPartner(t, "seller_1", "q", "q", "q@example.com")),
			tx.Customers().Add(ctx, person), tx.Customers().Add(ctx, newCustomer(t, "customer_2", "other")),
			tx.FormLeads().Add(ctx, newFormLead(t, "lead_1", 1, nil)), tx.FormLeads().Add(ctx, newFormLead(t, "lead_2", 2, nil)))
	})
	partnerBy := func(h application.PartnerHandle) func(ctx context.Context, tx *sqlstore.Tx) error {
		return func(ctx context.Context, tx *sqlstore.Tx) error {
			_, err := tx.Partners().Lock(ctx, "seller_1", h)
			return err
		}
	}
	customerBy := func(h application.CustomerHandle) func(ctx context.Context, tx *sqlstore.Tx) error {
		return func(ctx context.Context, tx *sqlstore.Tx) error {
			_, err := tx.Customers().Lock(ctx, "seller_1", h)
			return err
		}
	}
	for _, test := range []struct {
		table, id, beside string
		lock              func(ctx context.Context, tx *sqlstore.Tx) error
	}{
		{"partners", "p", "q", partnerBy(application.PartnerHandle{ID: "p"})},
		{"partners", "p", "q", partnerBy(application.PartnerHandle{Key: "k"})},
		{"partners", "p", "q", partnerBy(application.PartnerHandle{Email: "p@example.com"})},
		{"customers", "customer_1", "customer_2", customerBy(application.CustomerHandle{ID: "customer_1"})},
		{"customers", "customer_1", "customer_2", customerBy(application.CustomerHandle{Key: "key"})},
		{"customers", "customer_1", "customer_2", customerBy(application.CustomerHandle{Email: "jo@example.com"})},
		{"customers", "customer_1", "customer_2", customerBy(application.CustomerHandle{Any: "jo@example.com"})},
		{"leads", "lead_1", "lead_2", func(ctx context.Context, tx *sqlstore.Tx) error {
			_, err := tx.FormLeads().LockByNumber(ctx, "seller_1", 1)
			return err
		}},
	} {
		h.Do(t, func(ctx ctx, tx tx) error {
			require.NoError(t, test.lock(ctx, tx))
			require.True(t, h.Locked(t, test.table, test.id), test.id)
			if h.Concurrent() {
				require.False(t, h.Locked(t, test.table, test.beside), "%s holds up %s", test.id, test.beside)
			}
			return nil
		})
		require.False(t, h.Locked(t, test.table, test.id), test.id)
	}
	if !h.Concurrent() {
		return
	}
	h.Do(t, func(ctx ctx, tx tx) error {
		_, err := tx.Partners().Find(ctx, "seller_1", application.PartnerHandle{ID: "p"})
		require.NoError(t, err)
		require.False(t, h.Locked(t, "partners", "p"))
		return nil
	})
}
