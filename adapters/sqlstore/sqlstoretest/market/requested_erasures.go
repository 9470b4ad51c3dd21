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
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/lead"
)

// testRequestedErasures stores erasures from the request to the receipt.
func testRequestedErasures(t *testing.T, h *sqlstoretest.Harness) {
	reader := marketstore.NewReader(h.DB, nil)
	all := []market.Erasure{
		{SellerID: "seller_1", ID: "erasure_1", Subject: market.SubjectEmail, Person: lead.RestorePerson("jöhn@example.com", ""), LastLead: "lead_7", LastCustomer: "customer_7", RequestedAt: now},
		{SellerID: "seller_1", ID: "erasure_2", Subject: market.SubjectPhone, Person: lead.RestorePerson("", "15551234567"), RequestedAt: now},
		{SellerID: "seller_1", ID: "erasure_3", Subject: market.SubjectCustomer, CustomerID: "customer_3", RequestedAt: now},
		{SellerID: "seller_2", ID: "erasure_4", Subject: market.SubjectLead, RequestedAt: now},
	}
	h.Do(t, func(ctx ctx, tx tx) error {
		for _, e := range all {
			require.NoError(t, tx.Erasures().Add(ctx, e))
		}
		return nil
	})
	sellers, err := reader.SellersToErase(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"seller_1", "seller_2"}, sellers)
	running := func() []market.Erasure {
		list, err := reader.RunningErasures(t.Context(), "seller_1")
		require.NoError(t, err)
		return list
	}
	run := func() market.ErasureRun {
		r, err := reader.ErasureRun(t.Context(), "seller_1")
		require.NoError(t, err)
		return r
	}
	receipt := func(id string) marketquery.Erasure {
		e, err := reader.ErasureByID(t.Context(), marketquery.ErasureByID{Actor: application.Actor{SellerID: "seller_1"}, ID: id})
		require.NoError(t, err)
		return e
	}
	require.Empty(t, running())
	require.Equal(t, market.ErasureRun{SellerID: "seller_1"}, run())
	require.Equal(t, marketquery.Erasure{ID: "erasure_1", Subject: "email", State: "pending", RequestedAt: now}, receipt("erasure_1"))
	for _, id := range []string{"erasure_4", "ERASURE_1", "erasure_none"} {
		_, err := reader.ErasureByID(t.Context(), marketquery.ErasureByID{Actor: application.Actor{SellerID: "seller_1"}, ID: id})
		require.ErrorIs(t, err, market.ErrErasureNotFound)
	}

	h.Do(t, func(ctx ctx, tx tx) error {
		r, err := tx.Erasures().LockRun(ctx, "seller_1")
		require.NoError(t, err)
		started, err := tx.Erasures().Start(ctx, "seller_1", 2)
		require.NoError(t, err)
		require.Equal(t, all[:2], started, "the oldest first")
		r.Stage, r.Place = "leads", "lead_1"
		return tx.Erasures().SaveRun(ctx, r)
	})
	require.Equal(t, all[:2], running())
	require.Equal(t, market.ErasureRun{SellerID: "seller_1", Stage: "leads", Place: "lead_1", Step: 1}, run())
	require.Equal(t, "running", receipt("erasure_1").State)
	require.Equal(t, "pending", receipt("erasure_3").State)
	require.ErrorIs(t, h.Store.Do(t.Context(), func(ctx ctx, tx tx) error {
		r, err := tx.Erasures().LockRun(ctx, "seller_1")
		require.NoError(t, err)
		r.Step = 0
		return tx.Erasures().SaveRun(ctx, r)
	}), application.ErrConcurrentChange, "somebody who is behind")

	counts := market.ErasureCounts{Leads: 1, FormAnswers: 2, Customers: 3, Mails: 4, Answers: 5, Claims: 6, Requests: 7}
	sqlstoretest.RequireFull(t, counts)
	for range 2 {
		h.Do(t, func(ctx ctx, tx tx) error {
			return errors.Join(tx.Erasures().Count(ctx, "seller_1", "erasure_1", counts), tx.Erasures().Count(ctx, "seller_1", "erasure_2", market.ErasureCounts{}),
				tx.Erasures().Note(ctx, "seller_1", "erasure_2", []string{"lead_1"}, nil),
				tx.Erasures().Note(ctx, "seller_1", "erasure_1", []string{"lead_2", "lead_1"}, []string{"customer_1"}))
		})
	}
	require.Error(t, h.Store.Do(t.Context(), func(ctx ctx, tx tx) error { return tx.Erasures().Count(ctx, "seller_2", "erasure_1", counts) }))
	by, err := reader.ErasedBy(t.Context(), "seller_1", []string{"lead_1", "customer_1", "lead_9"})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"lead_1": "erasure_1", "customer_1": "erasure_1"}, by)
	for _, none := range [][]string{nil, {"lead_9"}} {
		by, err = reader.ErasedBy(t.Context(), "seller_2", append(none, none...))
		require.NoError(t, err)
		require.Empty(t, by)
	}

	done := now.Add(time.Minute)
	h.Do(t, func(ctx ctx, tx tx) error { return tx.Erasures().Finish(ctx, "seller_1", done) })
	require.Empty(t, running())
	require.Equal(t, marketquery.Erasure{
		ID: "erasure_1", Subject: "email", State: "done", RequestedAt: now, FinishedAt: done, Leads: []string{"lead_1", "lead_2"}, Customers: []string{"customer_1"},
		Counts: market.ErasureCounts{Leads: 2, FormAnswers: 4, Customers: 6, Mails: 8, Answers: 10, Claims: 12, Requests: 14},
	}, receipt("erasure_1"))
	require.Equal(t, "pending", receipt("erasure_3").State)
	var left []string
	require.NoError(t, h.DB.Reader.Select(&left, "SELECT erasure_id FROM open_erasures ORDER BY erasure_id"))
	require.Equal(t, []string{"erasure_3", "erasure_4"}, left, "whom it was about is forgotten")
}

// testErasureRunsAtOnce lets two work on the run of one seller.
func testErasureRunsAtOnce(t *testing.T, h *sqlstoretest.Harness) {
	const each = 20
	errs := make(chan error, 2)
	for range 2 {
		go func() {
			var err error
			for range each {
				err = errors.Join(err, h.Store.Do(t.Context(), func(ctx ctx, tx tx) error {
					r, err := tx.Erasures().LockRun(ctx, "seller_1")
					if err != nil {
						return err
					}
					return tx.Erasures().SaveRun(ctx, r)
				}))
			}
			errs <- err
		}()
	}
	require.NoError(t, errors.Join(<-errs, <-errs))
	r, err := marketstore.NewReader(h.DB, nil).ErasureRun(t.Context(), "seller_1")
	require.NoError(t, err)
	require.Equal(t, int64(2*each), r.Step)
}

// testErasureWalks goes through everything of the marketplace that may hold somebody.
func testErasureWalks(t *testing.T, h *sqlstoretest.Harness) {
	reader := marketstore.NewReader(h.DB, nil)
	last := func(want string) {
		t.Helper()
		id, err := reader.LastLead(t.Context(), "seller_1")
		require.NoError(t, err)
		require.Equal(t, want, id)
	}
	last("")
	form, err := lead.SubmitForm(lead.FormSubmission{
		ID: "lead_2", SellerID: "seller_1", SellerCode: "ABCD1234", PartnerID: "p", Number: 1, Name: "Jo", Email: "jo@example.com",
		FormVersion: 1, Answers: []lead.Answer{{ID: 1, Question: "Q", Answer: "A"}, {ID: 2, Question: "R", Answer: "B"}}, At: now,
	})
	require.NoError(t, err)
	h.Do(t, func(ctx ctx, tx tx) error {
		return errors.Join(tx.Leads().AddAll(ctx, []application.StoredLead{sqlstoretest.PendingLead(t, "lead_1", "c"), sqlstoretest.PendingLead(t, "lead_3", "c")}),
			tx.FormLeads().Add(ctx, form))
	})
	last("lead_3")
	h.Do(t, func(ctx ctx, tx tx) error {
		leads, err := tx.LeadErasures().LockToErase(ctx, "seller_1", []string{"lead_3"})
		require.NoError(t, err)
		require.NoError(t, leads[0].Erase(now))
		require.NoError(t, tx.LeadErasures().SaveErased(ctx, leads))
		there, err := tx.Erasures().Leads(ctx, "seller_1", []string{"lead_1", "lead_3", "lead_9"})
		require.NoError(t, err)
		require.Equal(t, map[string]bool{"lead_1": false, "lead_3": true}, there)
		none, err := tx.Erasures().Leads(ctx, "seller_1", nil)
		require.Empty(t, none)
		require.NoError(t, err)
		reviews, err := tx.Erasures().Reviews(ctx, "seller_1", []string{"lead_1", "lead_2"})
		require.Equal(t, map[string]market.HeldReview{"lead_2": {Answers: 2}}, reviews)
		return err
	})
	held, err := reader.HeldLeadsAfter(t.Context(), "seller_1", "lead_0", 10)
	require.NoError(t, err)
	require.Equal(t, []market.HeldLead{
		{ID: "lead_1", Fields: sqlstoretest.NewLead("lead_1", "c").Snapshot().Fields},
		{ID: "lead_2", Fields: held[1].Fields, Email: "jo@example.com", Answers: []string{"A", "B"}},
		{ID: "lead_3", Erased: true},
	}, held)
	require.Empty(t, held[1].Fields)
	held, err = reader.HeldLeadsAfter(t.Context(), "seller_1", "lead_1", 1)
	require.NoError(t, err)
	require.Equal(t, "lead_2", held[0].ID)
	require.Len(t, held, 1)

	var erased []market.ErasedLead
	var at []string
	for after := ""; ; {
		some, last, err := reader.ErasedLeadsAfter(t.Context(), "seller_1", after, 2)
		require.NoError(t, err)
		erased, at = append(erased, some...), append(at, last)
		if after = last; last == "" {
			break
		}
	}
	require.Equal(t, []market.ErasedLead{{ID: "lead_3", At: now}}, erased)
	require.Equal(t, []string{"lead_2", "lead_3", ""}, at)

	told, err := reader.SubjectLeads(t.Context(), "seller_1", []string{"lead_1", "lead_2", "lead_9"})
	require.NoError(t, err)
	require.Len(t, told, 2)
	require.Equal(t, []any{"lead_1", "+12025550123", (*marketquery.SubjectForm)(nil)}, []any{told[0].ID, told[0].Fields["phone"].Text, told[0].Form})
	require.Equal(t, &marketquery.SubjectForm{
		Number: 1, Status: "submitted", Name: "Jo", Email: "jo@example.com", Answers: []lead.Answer{{ID: 1, Question: "Q", Answer: "A"}, {ID: 2, Question: "R", Answer: "B"}},
	}, told[1].Form)
	// Marks: those of a kind, in order, deleted as long as they are the lead's.
	claims := []market.Claim{sqlstoretest.NewClaim("a", "lead_1", now.Add(time.Hour)), sqlstoretest.NewClaim("b", "lead_2", now.Add(-time.Hour)), sqlstoretest.NewClaim("c", "lead_3", now)}
	h.Do(t, func(ctx ctx, tx tx) error {
		return errors.Join(tx.Claims().Take(ctx, claims, nil, now), tx.Claims().Remember(ctx, []market.Request{sqlstoretest.NewRequest("a", "lead_1", now)}, nil, now))
	})
	var keys []string
	var after []byte
	for range claims {
		marks, err := reader.MarksAfter(t.Context(), market.MarkClaims, "seller_1", after, 1)
		require.NoError(t, err)
		require.Len(t, marks, 1)
		after = slices.Clone(marks[0].Key[:])
		keys = append(keys, string(after)+marks[0].LeadID)
	}
	require.True(t, slices.IsSorted(keys))
	marks, err := reader.MarksAfter(t.Context(), market.MarkClaims, "seller_1", after, 1)
	require.NoError(t, err)
	require.Empty(t, marks)
	requests, err := reader.MarksAfter(t.Context(), market.MarkRequests, "seller_1", nil, 10)
	require.NoError(t, err)
	require.Equal(t, []market.Mark{{Key: sqlstoretest.NewRequest("a", "", now).Content, LeadID: "lead_1"}}, requests)
	h.Do(t, func(ctx ctx, tx tx) error {
		return errors.Join(
			tx.Erasures().DeleteMarks(ctx, market.MarkClaims, "seller_1", []market.Mark{{Key: claims[0].Key, LeadID: "lead_9"}, {Key: claims[1].Key, LeadID: "lead_2"}}),
			tx.Erasures().DeleteMarks(ctx, market.MarkRequests, "seller_2", requests), tx.Erasures().DeleteMarks(ctx, market.MarkRequests, "seller_1", nil))
	})
	marks, err = reader.MarksAfter(t.Context(), market.MarkClaims, "seller_1", nil, 10)
	require.NoError(t, err)
	require.Len(t, marks, 2)
	require.Equal(t, 1, h.Count(t, "recent_requests"))
	h.Do(t, func(ctx ctx, tx tx) error {
		return tx.Erasures().DeleteMarks(ctx, market.MarkRequests, "seller_1", requests)
	})
	require.Zero(t, h.Count(t, "recent_requests"))
}
