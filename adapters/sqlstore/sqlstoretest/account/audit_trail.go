package accounttest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	accountstore "github.com/leadmill/leadmill/adapters/sqlstore/account"
	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/application"
	accountquery "github.com/leadmill/leadmill/application/account/query"
	"github.com/leadmill/leadmill/domain/operator"
	"github.com/leadmill/leadmill/domain/seller"
)

func testAuditTrail(t *testing.T, h *sqlstoretest.Harness) {
	h.Do(t, func(ctx ctx, tx tx) error {
		if err := errors.Join(tx.Sellers().Add(ctx, sqlstoretest.NewSeller(t, "seller_1", "AAAA1111", "a")), tx.People().Add(ctx, operator.FromSnapshot(person(1))),
			tx.People().Add(ctx, operator.FromSnapshot(person(2))), tx.Keys().Add(ctx, seller.Key{ID: "key_1", SellerID: "seller_1", Scope: seller.Program, Name: "crm", CreatedAt: now})); err != nil {
			return err
		}
		s, err := tx.Staff().Lock(ctx, "seller_1")
		require.NoError(t, err)
		return errors.Join(s.MakeOwner("person_1", now), tx.Staff().Save(ctx, s))
	})
	write := func(i int, sellerID, by string, objects ...string) application.AuditEntry {
		e := application.AuditEntry{
			ID: fmt.Sprintf("audit_%02d", i), SellerID: sellerID, At: now.Add(time.Duration(i) * time.Minute), By: by, Command: "PauseBuyer", Objects: objects, Address: "2001:db8::",
		}
		require.NoError(t, h.Store.WriteAudit(t.Context(), e))
		require.NoError(t, h.Store.WriteAudit(t.Context(), e), "an entry that is there stays")
		return e
	}
	write(1, "seller_1", "person_1", "buyer_1", "buyer_2")
	write(2, "seller_1", "person_2", "buyer_1")
	write(3, "seller_1", "key_1", "lead_1", "no id")
	write(4, "seller_1", "cli")
	write(5, "seller_2", "key_1", "buyer_1")
	reader := accountstore.NewReader(h.DB, &hands{now})
	ask := func(q accountquery.AuditTrail) (ids []string, entries []accountquery.AuditEntry) {
		q.SellerID = "seller_1"
		if q.Page.Limit == 0 {
			q.Page = application.Page{Limit: 10, Number: 1}
		}
		list, err := reader.AuditTrail(t.Context(), q)
		require.NoError(t, err)
		for _, e := range list.Items {
			ids = append(ids, e.ID)
		}
		return ids, list.Items
	}
	ids, all := ask(accountquery.AuditTrail{})
	require.Equal(t, []string{"audit_04", "audit_03", "audit_02", "audit_01"}, ids)
	require.Equal(t, accountquery.AuditEntry{
		ID: "audit_01", At: now.Add(time.Minute), PersonID: "person_1", PersonName: person(1).Name, PersonEmail: person(1).Email, Command: "PauseBuyer",
		Objects: []string{"buyer_1", "buyer_2"}, Address: "2001:db8::",
	}, all[3])
	require.Equal(t, []string{"person_2", "", ""}, []string{all[2].PersonID, all[2].PersonName, all[2].PersonEmail}, "who is none of the seller's is not named")
	require.Equal(t, []any{"key_1", "crm", []string{"lead_1"}}, []any{all[1].KeyID, all[1].KeyName, all[1].Objects})
	require.Equal(t, []string{"cli", ""}, []string{all[0].KeyID, all[0].KeyName})
	for _, c := range []struct {
		q    accountquery.AuditTrail
		want []string
	}{
		{accountquery.AuditTrail{Object: "buyer_1"}, []string{"audit_02", "audit_01"}},
		{accountquery.AuditTrail{Object: "buyer_1", By: "person_1"}, []string{"audit_01"}},
		{accountquery.AuditTrail{Object: "buyer_3"}, nil},
		{accountquery.AuditTrail{Object: "no id"}, nil},
		{accountquery.AuditTrail{By: "key_1"}, []string{"audit_03"}},
		{accountquery.AuditTrail{Page: application.Page{Limit: 2, Number: 1, Ascending: true}}, []string{"audit_01", "audit_02"}},
		{accountquery.AuditTrail{Page: application.Page{Limit: 2, Number: 1, After: "audit_03"}}, []string{"audit_02", "audit_01"}},
		{accountquery.AuditTrail{Object: "buyer_1", Page: application.Page{Limit: 2, Number: 1, After: "audit_02"}}, []string{"audit_01"}},
	} {
		ids, _ := ask(c.q)
		require.Equal(t, c.want, ids, c.q)
	}
	purge := func(at time.Time, want int) {
		t.Helper()
		n, err := h.Store.PurgeExpired(t.Context(), at)
		require.NoError(t, err)
		require.Equal(t, want, n)
	}
	last := now.Add(5*time.Minute + 2*365*24*time.Hour)
	purge(last.Add(-time.Microsecond), 4+4)
	purge(last, 2)
	require.Equal(t, []int{0, 0}, []int{h.Count(t, "audit_trail"), h.Count(t, "audit_objects")})
}
