package markettest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	marketstore "github.com/leadmill/leadmill/adapters/sqlstore/market"
	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/seller"
)

func testErasures(t *testing.T, h *sqlstoretest.Harness) {
	sold, pending, kept, foreign := soldLead(t, "lead_0", "c", "k", 1, now), sqlstoretest.PendingLead(t, "lead_1", "c"),
		sqlstoretest.PendingLead(t, "lead_3", "c"), sqlstoretest.PendingLead(t, "lead_4", "c")
	sellerID := sold.Lead.SellerID()
	other := foreign.Lead.Snapshot()
	other.SellerID = "seller_other"
	foreign.Lead = lead.FromSnapshot(other)
	for _, l := range []*application.StoredLead{&sold, &pending, &kept} {
		l.Fingerprint[0] = 7
	}
	form, err := lead.SubmitForm(lead.FormSubmission{
		ID: "lead_2", SellerID: sellerID, SellerCode: "ABCD1234", PartnerID: "p", Number: 1, Name: "Jo", Email: "jo@example.com",
		FormVersion: 1, Answers: []lead.Answer{{ID: 1, Question: "Q", Answer: "A"}}, At: now,
	})
	require.NoError(t, err)
	h.Do(t, func(ctx ctx, tx tx) error {
		return errors.Join(tx.Leads().AddAll(ctx, []application.StoredLead{sold, pending, kept, foreign}), tx.FormLeads().Add(ctx, form))
	})
	all := []string{"lead_0", "lead_1", "lead_2", "lead_4", "lead_none"}
	at := now.Add(time.Hour)
	h.Do(t, func(ctx ctx, tx tx) error {
		leads, err := tx.LeadErasures().LockToErase(ctx, sellerID, all)
		require.NoError(t, err)
		var ids []string
		for _, l := range leads {
			ids = append(ids, l.ID())
			require.True(t, h.Locked(t, "leads", l.ID()))
			require.NoError(t, l.Erase(at))
		}
		require.Equal(t, []string{"lead_0", "lead_1", "lead_2"}, ids, "those of the seller, in order")
		return tx.LeadErasures().SaveErased(ctx, leads)
	})
	type row struct {
		ID           string `db:"id"`
		Fields       string `db:"fields"`
		Fingerprint  []byte `db:"request_fingerprint"`
		Status       string `db:"status"`
		PendingUntil int64  `db:"pending_until"`
		ErasedAt     int64  `db:"erased_at"`
		Payout       int64  `db:"payout"`
		Version      int64  `db:"version"`
	}
	rows := map[string]row{}
	var list []row
	require.NoError(t, h.DB.Reader.Select(&list, "SELECT id, fields, request_fingerprint, status, pending_until, erased_at, payout, version FROM leads"))
	for _, r := range list {
		rows[r.ID] = r
		erased := r.ID < "lead_3"
		require.Equal(t, erased, r.Fields == "{}", r.ID)
		require.Equal(t, erased, r.ErasedAt == at.UnixMicro(), r.ID)
		if r.ID != form.ID() && r.ID != "lead_4" {
			require.Equal(t, erased, slices.Equal(r.Fingerprint, make([]byte, 32)), r.ID)
		}
	}
	require.Equal(t, []any{"sold", "unsold", "", "pending"}, []any{rows["lead_0"].Status, rows["lead_1"].Status, rows["lead_2"].Status, rows["lead_3"].Status})
	require.Zero(t, rows["lead_1"].PendingUntil)
	require.Equal(t, money.Micros(rows["lead_0"].Payout), sold.Lead.Snapshot().Payout, "figures stay")
	require.Len(t, salesOf(t, h, "lead_0"), 1)
	require.Equal(t, sold.Lead.Snapshot().Version+1, rows["lead_0"].Version)
	require.Equal(t, pending.Lead.Snapshot().Version+2, rows["lead_1"].Version, "it became unsold first")
	var left string
	require.NoError(t, h.DB.Reader.Get(&left, "SELECT CONCAT(name, email, '|', answers, '|', status, '|', number) FROM lead_reviews"))
	require.Equal(t, "|[]|submitted|1", left)
	h.Do(t, func(ctx ctx, tx tx) error {
		leads, err := tx.LeadErasures().LockToErase(ctx, sellerID, all)
		require.NoError(t, err)
		require.Empty(t, leads, "nothing is erased twice")
		none, err := tx.LeadErasures().LockToErase(ctx, sellerID, nil)
		require.Empty(t, none)
		require.NoError(t, err)
		l, err := tx.FormLeads().LockByNumber(ctx, sellerID, 1)
		require.NoError(t, err)
		require.Equal(t, at, l.Snapshot().ErasedAt)
		return nil
	})
}

func testRetentions(t *testing.T, h *sqlstoretest.Harness) {
	reader := marketstore.NewReader(h.DB, nil)
	for id, days := range map[string]int{"seller_1": 30, "seller_2": 0, "seller_3": 7} {
		s, err := seller.FromSnapshot(seller.Snapshot{
			ID: id, Code: "CODE000" + id[7:], Slug: id[7:], Currency: "USD", TimeZone: "UTC",
			Program: seller.PartnerProgram{LinkParameter: "aff", LeadRetentionDays: days},
		})
		require.NoError(t, err)
		h.Do(t, func(ctx ctx, tx tx) error { return tx.Sellers().Add(ctx, s) })
	}
	retentions := func() []market.Retention {
		all, err := reader.Retentions(t.Context())
		require.NoError(t, err)
		return all
	}
	require.Equal(t, []market.Retention{{SellerID: "seller_1", Days: 30}, {SellerID: "seller_3", Days: 7}}, retentions())
	for _, id := range []string{"lead_1", "lead_2", "lead_2"} {
		h.Do(t, func(ctx ctx, tx tx) error { return tx.Retentions().KeepPlace(ctx, "seller_3", id) })
	}
	require.Equal(t, []market.Retention{{SellerID: "seller_1", Days: 30}, {SellerID: "seller_3", Days: 7, Place: "lead_2"}}, retentions())

	leads := []application.StoredLead{sqlstoretest.PendingLead(t, "lead_1", "c"), sqlstoretest.PendingLead(t, "lead_2", "c"), sqlstoretest.PendingLead(t, "lead_3", "c"), sqlstoretest.PendingLead(t, "lead_4", "c")}
	for i := range leads {
		n := leads[i].Lead.Snapshot()
		n.CreatedAt = now.Add(time.Duration([]int{1, 2, 9, 3}[i]) * time.Hour)
		leads[i].Lead = lead.FromSnapshot(n)
	}
	h.Do(t, func(ctx ctx, tx tx) error { return tx.Leads().AddAll(ctx, leads) })
	sellerID := leads[0].Lead.SellerID()
	old := func(of, after string, hours, limit int) []string {
		ids, err := reader.OldLeads(t.Context(), of, after, now.Add(time.Duration(hours)*time.Hour), limit)
		require.NoError(t, err)
		return ids
	}
	require.Equal(t, []string{"lead_1", "lead_2"}, old(sellerID, "", 4, 10), "up to the first that is younger")
	require.Equal(t, []string{"lead_1"}, old(sellerID, "", 2, 10))
	require.Equal(t, []string{"lead_2", "lead_3"}, old(sellerID, "lead_1", 10, 2))
	require.Empty(t, old(sellerID, "lead_4", 10, 2))
	require.Empty(t, old("seller_none", "", 10, 2))
}
