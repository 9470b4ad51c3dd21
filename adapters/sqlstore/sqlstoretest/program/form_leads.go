package programtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
)

func testForms(t *testing.T, h *sqlstoretest.Harness) {
	h.Do(t, func(ctx ctx, tx tx) error {
		f, err := tx.Forms().Get(ctx, "seller_1")
		require.NoError(t, err)
		require.Equal(t, lead.NewForm("seller_1").Snapshot(), f.Snapshot())
		return nil
	})
	n := sqlstoretest.Filled[lead.FormSnapshot](0)
	sqlstoretest.RequireFull(t, n)
	n.SellerID = "seller_1"
	for i, text := range sqlstoretest.Awkward {
		q := n.Questions[0]
		q.ID, q.Title, q.Text, q.Description, q.Options = int64(i+7), text, text+"\n", text, []string{text}
		n.Questions = append(n.Questions, q)
	}
	n.Questions = append(n.Questions, lead.Question{ID: 99, Type: lead.Note})
	other := n
	other.SellerID, other.Enabled, other.Questions = "seller_2", false, nil
	load := func(sellerID string) (got lead.FormSnapshot) {
		h.Do(t, func(ctx ctx, tx tx) error {
			f, err := tx.Forms().Get(ctx, sellerID)
			require.NoError(t, err)
			got = f.Snapshot()
			return nil
		})
		return got
	}
	for range 2 {
		h.Do(t, func(ctx ctx, tx tx) error {
			return errors.Join(tx.Forms().Save(ctx, lead.FormFromSnapshot(n)), tx.Forms().Save(ctx, lead.FormFromSnapshot(other)))
		})
		require.Equal(t, []lead.FormSnapshot{n, other}, []lead.FormSnapshot{load("seller_1"), load("seller_2")})
		n.Version++
		other.Version += 3
		n.NextID++
		other.Enabled = true
	}
	require.Equal(t, lead.NewForm("seller_1 ").Snapshot(), load("seller_1 "))
	n.Version--
	require.Equal(t, application.ErrConcurrentChange, h.Store.Do(t.Context(), func(ctx ctx, tx tx) error {
		return tx.Forms().Save(ctx, lead.FormFromSnapshot(n)) // of a version that is stored already
	}))
}

func testNumbers(t *testing.T, h *sqlstoretest.Harness) {
	next := func(sellerID, series string, end error) (got int64) {
		require.Equal(t, end, h.Store.Do(t.Context(), func(ctx ctx, tx tx) (err error) {
			got, err = tx.Numbers().Next(ctx, sellerID, series)
			require.NoError(t, err)
			return end
		}))
		return got
	}
	require.Equal(t, int64(1), next("seller_1", program.FormLeads, sqlstoretest.ErrOwn))
	require.Equal(t, int64(1), next("seller_1", program.FormLeads, nil), "what was rolled back is given again")
	require.Equal(t, int64(2), next("seller_1", program.FormLeads, sqlstoretest.ErrOwn))
	require.Equal(t, int64(2), next("seller_1", program.FormLeads, nil))
	require.Equal(t, int64(1), next("seller_2", program.FormLeads, nil))
	require.Equal(t, int64(1), next("seller_1", "others", nil))
	h.Do(t, func(ctx ctx, tx tx) error {
		for want := int64(3); want < 6; want++ {
			got, err := tx.Numbers().Next(ctx, "seller_1", program.FormLeads)
			require.NoError(t, err)
			require.Equal(t, want, got)
		}
		return nil
	})
}

func testNumberRace(t *testing.T, h *sqlstoretest.Harness) {
	const n = 20
	for round := range 2 { // the first meets no row, the second one that is there
		given := make([]int64, n)
		errs := sqlstoretest.AtOnce(t, h, n, func(ctx context.Context, tx *sqlstore.Tx, i int) (err error) {
			if given[i], err = tx.Numbers().Next(ctx, "seller_1", program.FormLeads); err != nil {
				return err
			}
			if i%4 == 0 {
				given[i] = 0
				return sqlstoretest.ErrOwn
			}
			return nil
		})
		for i, err := range errs {
			if i%4 == 0 {
				require.Equal(t, sqlstoretest.ErrOwn, err)
			} else {
				require.NoError(t, err)
			}
		}
		given = slices.DeleteFunc(given, func(v int64) bool { return v == 0 })
		slices.Sort(given)
		want := make([]int64, n-n/4)
		for i := range want {
			want[i] = int64(round*len(want) + i + 1)
		}
		require.Equal(t, want, given, "each once, none left out")
	}
}

func newFormLead(t *testing.T, id string, number int64, offer *lead.Offer) *lead.Lead {
	t.Helper()
	l, err := lead.SubmitForm(lead.FormSubmission{
		ID: id, SellerID: "seller_1", SellerCode: "ABCD1234", PartnerID: "p", Number: number, Name: "Jo",
		Email: "jo@example.com", FormVersion: 1, Answers: []lead.Answer{{ID: 1, Question: "Q", Answer: "A"}}, Offer: offer, At: now,
	})
	require.NoError(t, err)
	return l
}

func lockNumber(t *testing.T, ctx context.Context, tx *sqlstore.Tx, number int64) *lead.Lead {
	t.Helper()
	l, err := tx.FormLeads().LockByNumber(ctx, "seller_1", number)
	require.NoError(t, err)
	return l
}

func testFormLeads(t *testing.T, h *sqlstoretest.Harness) {
	n := sqlstoretest.Filled[lead.Snapshot](0)
	n.SellerID, n.SellerCode, n.Origin = "seller_1", "ABCD1234", lead.OriginForm
	n.Fields = field.Set{"a": field.TextValue("v 🙂")}
	n.Sales[0].Status, n.Sales[1].Status = lead.SaleCaptured, lead.SaleCaptured
	sqlstoretest.RequireFull(t, n)
	n.ErasedAt, n.AskingPrice = time.Time{}, 0        // no new lead has one
	n.Deadline, n.Reservations = time.Time{}, nil     // what nobody is asked about has none
	n.Sales[0].Delivery, n.Sales[1].Delivery = "", "" // which is of deliveries
	for _, text := range sqlstoretest.Awkward {
		n.Review.Answers = append(n.Review.Answers, lead.Answer{ID: 5, Question: text, Answer: text + "\n"})
	}
	n.Review.Name, n.Review.Email = sqlstoretest.Awkward[0], "zoë@例え.jp"
	h.Do(t, func(ctx ctx, tx tx) error { return tx.FormLeads().Add(ctx, lead.FromSnapshot(n)) })
	load := func() (got lead.Snapshot) {
		h.Do(t, func(ctx ctx, tx tx) error {
			got = lockNumber(t, ctx, tx, n.Review.Number).Snapshot()
			return nil
		})
		return got
	}
	require.Equal(t, n, load())
	h.Do(t, func(ctx ctx, tx tx) error { return tx.FormLeads().Save(ctx, lead.FromSnapshot(n)) })
	require.Equal(t, n, load(), "saving loses nothing")

	changed := sqlstoretest.Filled[lead.Snapshot](300)
	n.Status, n.UpdatedAt, n.PendingUntil, n.Fields = lead.StatusSold, changed.UpdatedAt, changed.PendingUntil, field.Set{}
	n.Dimensions, n.ErasedAt = nil, changed.ErasedAt
	changed.Review.Number, changed.Review.FormVersion = n.Review.Number, n.Review.FormVersion
	n.Review = changed.Review
	n.Review.Answers = nil
	h.Do(t, func(ctx ctx, tx tx) error { return tx.FormLeads().Save(ctx, lead.FromSnapshot(n)) })
	require.Equal(t, n, load())
	n.Review.CommissionAmount = nil
	h.Do(t, func(ctx ctx, tx tx) error { return tx.FormLeads().Save(ctx, lead.FromSnapshot(n)) })
	require.Equal(t, n, load())

	// From its submission to its end.
	h.Do(t, func(ctx ctx, tx tx) error {
		return errors.Join(tx.FormLeads().Add(ctx, newFormLead(t, "lead_1", 1, nil)), tx.FormLeads().Add(ctx, newFormLead(t, "lead_2", 2, nil)))
	})
	h.Do(t, func(ctx ctx, tx tx) error {
		l := lockNumber(t, ctx, tx, 1)
		require.Equal(t, lead.StatusNotOffered, l.Status())
		require.NoError(t, l.Convert("customer_1", "key", new(money.Micros(-5)), money.MustCurrency("USD"), now))
		return tx.FormLeads().Save(ctx, l)
	})
	h.Do(t, func(ctx ctx, tx tx) error {
		l := lockNumber(t, ctx, tx, 1)
		require.Equal(t, []any{lead.ReviewStatusConverted, "customer_1", new(money.Micros(-5)), int64(2)},
			[]any{l.Review().Status, l.Review().CustomerID, l.Review().CommissionAmount, l.Version()})
		require.Equal(t, lead.ErrConverted, l.RejectReview(now))
		require.NoError(t, l.Delete(now))
		return tx.FormLeads().Save(ctx, l)
	})
	var left []string
	require.NoError(t, h.DB.Reader.SelectContext(t.Context(), &left,
		"SELECT CONCAT(r.name, r.email, '|', r.answers, '|', r.status, '|', l.fields) FROM lead_reviews r JOIN leads l ON l.id = r.lead_id WHERE r.lead_id = 'lead_1'"))
	require.Equal(t, []string{"|[]|deleted|{}"}, left)
	h.Do(t, func(ctx ctx, tx tx) error {
		for number, sellerID := range map[int64]string{1: "seller_1", 2: "seller_2", 3: "seller_1"} {
			_, err := tx.FormLeads().LockByNumber(ctx, sellerID, number)
			require.Equal(t, lead.ErrNotFound, err)
		}
		return nil
	})
	events := h.Events(t)
	require.Equal(t, []string{"lead.submitted.v1", "lead.submitted.v1", "lead.converted.v1", "lead.deleted.v1"},
		[]string{events[0].Type, events[1].Type, events[2].Type, events[3].Type})

	var dataError *application.DataError
	err := h.Store.Do(t.Context(), func(ctx ctx, tx tx) error { return tx.FormLeads().Add(ctx, newFormLead(t, "lead_3", 2, nil)) })
	require.ErrorAs(t, err, &dataError, "a number is given once")
	require.Equal(t, 3, h.Count(t, "leads"))
}

// testOfferedFormLeads sells form leads by the statements that know nothing of reviews.
func testOfferedFormLeads(t *testing.T, h *sqlstoretest.Harness) {
	offer := &lead.Offer{CampaignID: "c", Category: "Solar", Fields: field.Set{"email": field.TextValue("jo@example.com")}}
	h.Do(t, func(ctx ctx, tx tx) error {
		for number := range int64(4) {
			l := newFormLead(t, fmt.Sprint("lead_", number), number, offer)
			require.NoError(t, l.Wait(now.Add(time.Hour), now))
			require.NoError(t, tx.FormLeads().Add(ctx, l))
		}
		return tx.FormLeads().Add(ctx, newFormLead(t, "lead_9", 9, nil))
	})
	sale := lead.Sale{ID: "sale_1", ContractID: "k", BuyerID: "b", Price: 3, Currency: "USD", Status: lead.SaleCaptured, At: now}
	h.Do(t, func(ctx ctx, tx tx) error {
		all, err := tx.Leads().LockPending(ctx, sqlstoretest.Refs("c")[0], "", 10)
		require.NoError(t, err)
		require.Len(t, all, 4, "one that is not offered does not wait")
		require.Nil(t, all[0].Review())
		require.Equal(t, "jo@example.com", all[0].Facts().Field("email").Text)
		all[0].SetTrace(lead.Trace{Considered: []lead.Consideration{{ContractID: "k", BuyerID: "b", Reason: "sold", Price: 3}}})
		require.NoError(t, all[0].Sell(lead.Outcome{Sales: []lead.Sale{sale}, Payout: 2, Shown: 1}, now))
		require.NoError(t, all[1].Expire(now))
		return tx.Leads().SaveAll(ctx, all[:2])
	})
	h.Do(t, func(ctx ctx, tx tx) error {
		sold := lockNumber(t, ctx, tx, 0)
		require.Equal(t, lead.StatusSold, sold.Status())
		require.Equal(t, []lead.Sale{sale}, sold.Sales())
		require.Equal(t, "Jo", sold.Review().Name)
		require.NoError(t, sold.RejectReview(now))
		require.NoError(t, tx.FormLeads().Save(ctx, sold))
		unsold := lockNumber(t, ctx, tx, 1)
		require.Equal(t, lead.StatusUnsold, unsold.Status())
		rejected := lockNumber(t, ctx, tx, 3)
		require.NoError(t, rejected.RejectReview(now))
		require.NoError(t, tx.FormLeads().Save(ctx, rejected))
		waiting := lockNumber(t, ctx, tx, 2)
		require.NoError(t, waiting.Delete(now))
		return tx.FormLeads().Save(ctx, waiting)
	})
	h.Do(t, func(ctx ctx, tx tx) error {
		sold := lockNumber(t, ctx, tx, 0).Snapshot()
		require.Equal(t, []any{lead.StatusSold, money.Micros(2), money.Micros(1), lead.ReviewStatusRejected, int64(4)},
			[]any{sold.Status, sold.Payout, sold.Shown, sold.Review.Status, sold.Version})
		require.Equal(t, []lead.Sale{sale}, sold.Sales)
		require.Equal(t, "sold", sold.Trace.Considered[0].Reason)
		require.Equal(t, "jo@example.com", sold.Fields["email"].Text)
		all, err := tx.Leads().LockPending(ctx, sqlstoretest.Refs("c")[0], "", 10)
		require.NoError(t, err)
		require.Empty(t, all, "an erased lead waits no more, nor does a rejected one")
		return nil
	})
	require.Equal(t, 1, h.Count(t, "sales"))
}

// testReservedFormLeads leaves form leads alone while buyers are asked about them.
func testReservedFormLeads(t *testing.T, h *sqlstoretest.Harness) {
	offer := &lead.Offer{CampaignID: "c", Category: "Solar", Fields: field.Set{"email": field.TextValue("jo@example.com")}}
	deadline := now.Add(lead.AskFor)
	h.Do(t, func(ctx ctx, tx tx) error {
		l := newFormLead(t, "lead_1", 1, offer)
		require.NoError(t, l.Wait(now.Add(time.Hour), now))
		return tx.FormLeads().Add(ctx, l)
	})
	h.Do(t, func(ctx ctx, tx tx) error {
		all, err := tx.Leads().LockPending(ctx, sqlstoretest.Refs("c")[0], "", 10)
		require.NoError(t, err)
		require.NoError(t, all[0].Reserve([]lead.Reservation{{SaleID: "sale_1", ContractID: "k", BuyerID: "b", Price: 3, Currency: "USD", Asked: true}}, deadline, time.Time{}, now))
		return tx.Leads().SaveAll(ctx, all)
	})
	h.Do(t, func(ctx ctx, tx tx) error {
		l := lockNumber(t, ctx, tx, 1)
		require.Equal(t, deadline, l.Deadline())
		require.Equal(t, lead.ErrReserved, l.RejectReview(now))
		require.Equal(t, lead.ErrReserved, l.Delete(now))
		asked, err := tx.Reservations().LockLeads(ctx, sqlstoretest.Refs("c")[0], []string{"lead_1"})
		require.NoError(t, err)
		require.NoError(t, asked["lead_1"].Release("sale_1", "buyer_rejected", now))
		asked["lead_1"].StopAsking(now)
		return tx.Leads().SaveAll(ctx, []*lead.Lead{asked["lead_1"]})
	})
	h.Do(t, func(ctx ctx, tx tx) error {
		l := lockNumber(t, ctx, tx, 1)
		require.NoError(t, l.Delete(now))
		return tx.FormLeads().Save(ctx, l)
	})
	require.Zero(t, h.Count(t, "reservations"), "what was reserved goes with the person")
}
