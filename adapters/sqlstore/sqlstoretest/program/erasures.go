package programtest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	programstore "github.com/leadmill/leadmill/adapters/sqlstore/program"
	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/customer"
)

// testPersons goes through customers, and through partners with their mails, in search of somebody.
func testPersons(t *testing.T, h *sqlstoretest.Harness) {
	reader := programstore.NewReader(h.DB, nil)
	id, err := reader.LastCustomer(t.Context(), "seller_1")
	require.NoError(t, err)
	require.Empty(t, id)
	person, err := customer.Register(customer.Registration{SellerID: "seller_1", ID: "customer_1", Key: "k", Email: "Jo@example.com"}, customer.Attribution{PartnerID: "p", At: now}, now)
	require.NoError(t, err)
	h.Do(t, func(ctx ctx, tx tx) error { return tx.Customers().Add(ctx, person) })
	traits := application.CustomerTraits{ID: "customer_1", Key: "k", EmailKey: "jo@example.com"}
	for _, found := range []func() ([]application.CustomerTraits, error){
		func() ([]application.CustomerTraits, error) {
			return reader.CustomersAfter(t.Context(), "seller_1", "", 10)
		},
		func() ([]application.CustomerTraits, error) {
			return reader.CustomersByID(t.Context(), "seller_1", []string{"customer_1", "customer_2"})
		},
	} {
		list, err := found()
		require.NoError(t, err)
		require.Equal(t, []application.CustomerTraits{traits}, list)
	}
	none, err := reader.CustomersByID(t.Context(), "seller_2", []string{"customer_1"})
	require.NoError(t, err)
	require.Empty(t, none)
	id, err = reader.LastCustomer(t.Context(), "seller_1")
	require.NoError(t, err)
	require.Equal(t, "customer_1", id)

	persons, err := reader.HeldCustomers(t.Context(), "seller_1", []string{"customer_1"})
	require.NoError(t, err)
	require.Equal(t, []application.HeldCustomer{{
		ID: "customer_1", Key: "k", Email: "Jo@example.com", Status: "active", PartnerID: "p", Tags: []string{}, CreatedAt: now, UpdatedAt: now,
	}}, persons)

	h.Do(t, func(ctx ctx, tx tx) error {
		c, err := tx.Customers().Lock(ctx, "seller_1", application.CustomerHandle{ID: "customer_1"})
		require.NoError(t, err)
		require.NoError(t, c.Delete(now))
		return tx.Customers().Save(ctx, c)
	})
	list, err := reader.CustomersAfter(t.Context(), "seller_1", "", 10)
	require.NoError(t, err)
	require.Equal(t, []application.CustomerTraits{{ID: "customer_1", DeletedAt: now}}, list)

	h.Do(t, func(ctx ctx, tx tx) error {
		return tx.Partners().Add(ctx, sqlstoretest.NewPartner(t, "seller_1", "p", "ref", "Pat@example.com"))
	})
	h.Exec(t, "INSERT INTO outgoing_mails (seller_id, event_id, partner_id, attempts, next_at) VALUES ('seller_1', 'evt_1', 'p', 0, 1), ('seller_1', 'evt_2', 'q', 0, 1), ('seller_2', 'evt_3', 'p', 0, 1)")
	partners, mails, err := reader.HeldPartners(t.Context(), "seller_1", "pat@example.com")
	require.NoError(t, err)
	require.Equal(t, []application.HeldPartner{{ID: "p", Email: "Pat@example.com", Name: "N", Status: "active", CreatedAt: now}}, partners)
	require.Equal(t, []application.HeldMail{{Recipient: "Pat@example.com", Kind: "invitation", DueAt: time.UnixMicro(1).UTC()}}, mails)
	h.Do(t, func(ctx ctx, tx tx) error {
		for email, want := range map[string]int{"pat@example.com": 1, "nobody@example.com": 0} {
			n, err := tx.MailErasures().DeleteMailsTo(ctx, "seller_1", email)
			require.NoError(t, err)
			require.Equal(t, want, n)
		}
		return nil
	})
	require.Equal(t, 2, h.Count(t, "outgoing_mails"))
}
