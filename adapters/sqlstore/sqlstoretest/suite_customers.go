package sqlstoretest

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/customer"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/partner"
	"github.com/leadmill/leadmill/domain/seller"
)

func newCustomer(t *testing.T, id, key string) *customer.Customer {
	t.Helper()
	c, err := customer.Register(customer.Registration{SellerID: "seller_1", ID: id, Key: key}, customer.Attribution{PartnerID: "p", Policy: "explicit", At: now}, now)
	require.NoError(t, err)
	return c
}

// lockCustomer locks a customer that must be there.
func lockCustomer(t *testing.T, ctx context.Context, tx application.Tx, h application.CustomerHandle) *customer.Customer {
	t.Helper()
	c, err := tx.Customers().Lock(ctx, "seller_1", h)
	require.NoError(t, err, h)
	return c
}

func testCustomers(t *testing.T, h *Harness) {
	n := filled[customer.Snapshot](0)
	n.SellerID, n.Email, n.EmailKey = "seller_1", "Jo@Example.com", "jo@example.com"
	requireFull(t, n)
	h.do(t, func(ctx ctx, tx tx) error { return tx.Customers().Add(ctx, customer.FromSnapshot(n)) })
	load := func() (got customer.Snapshot) {
		h.do(t, func(ctx ctx, tx tx) error {
			got = lockCustomer(t, ctx, tx, application.CustomerHandle{ID: n.ID}).Snapshot()
			return nil
		})
		return got
	}
	require.Equal(t, n, load())
	changed := filled[customer.Snapshot](100)
	changed.SellerID, changed.ID, changed.CreatedAt, changed.Version = n.SellerID, n.ID, n.CreatedAt, n.Version
	for _, text := range append(slices.Clone(awkward), strings.Repeat("🙂", 255), " a ", "a/b?c#d%20", "\u202ereversed") {
		changed.Key = text
		changed.Name, changed.Surname, changed.Tags = string([]rune(text)[:min(len([]rune(text)), 200)]), "", []string{text}
		changed.Email, changed.EmailKey = "", ""
		h.do(t, func(ctx ctx, tx tx) error { return tx.Customers().Save(ctx, customer.FromSnapshot(changed)) })
		require.Equal(t, changed, load())
		h.do(t, func(ctx ctx, tx tx) error {
			require.Equal(t, changed, lockCustomer(t, ctx, tx, application.CustomerHandle{Key: text}).Snapshot())
			require.Equal(t, changed, lockCustomer(t, ctx, tx, application.CustomerHandle{Any: text}).Snapshot())
			return nil
		})
	}

	// When its partner's touch happened is stored without an event that would tell of it.
	h.do(t, func(ctx ctx, tx tx) error {
		c := lockCustomer(t, ctx, tx, application.CustomerHandle{ID: n.ID})
		changed.Attribution.TouchedAt = changed.Attribution.TouchedAt.Add(time.Hour)
		require.True(t, c.Touch(changed.Attribution.TouchedAt))
		return tx.Customers().Save(ctx, c)
	})
	require.Equal(t, changed, load())

	// Deleting frees the key and keeps the attribution.
	h.do(t, func(ctx ctx, tx tx) error { return tx.Customers().Add(ctx, newCustomer(t, "customer_1", "key")) })
	h.do(t, func(ctx ctx, tx tx) error {
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
	h.do(t, func(ctx ctx, tx tx) error {
		for _, handle := range []application.CustomerHandle{{ID: "customer_1"}, {Key: "key"}, {Any: "key"}, {Any: "customer_1"}} {
			_, err := tx.Customers().Lock(ctx, "seller_1", handle)
			require.Equal(t, customer.ErrNotFound, err, handle)
		}
		return tx.Customers().Add(ctx, newCustomer(t, "customer_2", "key"))
	})
	h.do(t, func(ctx ctx, tx tx) error { // and again: deleted ones have no key to collide
		c := lockCustomer(t, ctx, tx, application.CustomerHandle{Key: "key"})
		require.NoError(t, c.Delete(now))
		return tx.Customers().Save(ctx, c)
	})
	err := h.Store.Do(t.Context(), func(ctx ctx, tx tx) error { return tx.Customers().Add(ctx, newCustomer(t, "customer_1", "other")) })
	var dataError *application.DataError
	require.ErrorAs(t, err, &dataError, "an id that exists is nobody's fault but ours")
}

func testCustomerHandles(t *testing.T, h *Harness) {
	add := func(sellerID, id, key, email string) {
		t.Helper()
		c, err := customer.Register(customer.Registration{SellerID: sellerID, ID: id, Key: key, Email: email}, customer.Attribution{PartnerID: "p", At: now}, now)
		require.NoError(t, err)
		h.do(t, func(ctx ctx, tx tx) error { return tx.Customers().Add(ctx, c) })
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
	h.do(t, func(ctx ctx, tx tx) error {
		for want, handles := range map[string][]handle{
			"customer_1": {{Key: "a"}, {Any: "a"}, {ID: "customer_1"}, {Key: "a", ID: "customer_2"}},
			"customer_2": {{Key: "a "}, {Any: "a "}, {Any: "customer_2"}, {Email: "jo@EXAMPLE.com"}, {Any: "customer_2", Key: "a"}},
			"customer_3": {{Key: "A"}, {ID: "customer_3"}},
			"customer_4": {{Any: "customer_1"}, {Any: "other@example.com"}, {Email: " other@example.com"}},
			"customer_5": {{Any: "jo@example.com"}, {Key: "jo@example.com"}},
			"customer_6": {{Key: "\u00e9"}},
			"customer_7": {{Key: "e\u0301"}},
		} {
			for _, handle := range handles {
				require.Equal(t, want, lockCustomer(t, ctx, tx, handle).ID(), handle)
			}
		}
		for _, handle := range []handle{{}, {Key: "a  "}, {Key: "absent", ID: "customer_1"}, {ID: "customer_1 "}, {ID: "CUSTOMER_1"}, {ID: "customer_8"}, {Any: "absent"},
			{Email: "absent@example.com"}, {Email: "no address"}, {Any: "\xff"}, {ID: "é"}, {Any: strings.Repeat("🙂", 400)}} {
			_, err := tx.Customers().Lock(ctx, "seller_1", handle)
			require.Equal(t, customer.ErrNotFound, err, handle)
		}
		for _, key := range []string{"a", "a ", "A", "\u00e9"} {
			require.Equal(t, customer.ErrKeyTaken, tx.Customers().Add(ctx, newCustomer(t, "customer_9", key)), key)
		}
		c := lockCustomer(t, ctx, tx, handle{Key: "A"})
		require.NoError(t, c.Update(customer.Details{Key: ptr("a")}, now))
		require.Equal(t, customer.ErrKeyTaken, tx.Customers().Save(ctx, c))
		return nil // and commits: nothing of what was refused may be left
	})
	require.Equal(t, 8, h.count(t, "customers"))
	h.do(t, func(ctx ctx, tx tx) error {
		require.Equal(t, int64(2), lockCustomer(t, ctx, tx, handle{Key: "A"}).Version())
		return nil
	})
}

func testCustomerRaces(t *testing.T, h *Harness) {
	const n = 6
	requireOneWinner(t, customer.ErrKeyTaken, atOnce(t, h, n, func(ctx context.Context, tx application.Tx, i int) error {
		return tx.Customers().Add(ctx, newCustomer(t, fmt.Sprint("customer_", i), "same"))
	}))
	for i := range n {
		h.do(t, func(ctx ctx, tx tx) error {
			return tx.Customers().Add(ctx, newCustomer(t, fmt.Sprint("own_", i), fmt.Sprint("own_", i)))
		})
	}
	requireOneWinner(t, customer.ErrKeyTaken, atOnce(t, h, n, func(ctx context.Context, tx application.Tx, i int) error {
		c, err := tx.Customers().Lock(ctx, "seller_1", application.CustomerHandle{ID: fmt.Sprint("own_", i)})
		if err != nil {
			return err
		}
		if err := c.Update(customer.Details{Key: ptr("wanted")}, now); err != nil {
			return err
		}
		return tx.Customers().Save(ctx, c)
	}))
	// A customer that is renamed while another waits for it by its key is not found by that key, or found before.
	errs := atOnce(t, h, 2, func(ctx context.Context, tx application.Tx, i int) error {
		c, err := tx.Customers().Lock(ctx, "seller_1", application.CustomerHandle{Key: "wanted"})
		if err != nil {
			return err
		}
		if err := c.Update(customer.Details{Key: ptr(fmt.Sprint("renamed_", i))}, now); err != nil {
			return err
		}
		return tx.Customers().Save(ctx, c)
	})
	requireOneWinner(t, customer.ErrNotFound, errs)
}

func testForms(t *testing.T, h *Harness) {
	h.do(t, func(ctx ctx, tx tx) error {
		f, err := tx.Forms().Get(ctx, "seller_1")
		require.NoError(t, err)
		require.Equal(t, lead.NewForm("seller_1").Snapshot(), f.Snapshot())
		return nil
	})
	n := filled[lead.FormSnapshot](0)
	requireFull(t, n)
	n.SellerID = "seller_1"
	for i, text := range awkward {
		q := n.Questions[0]
		q.ID, q.Title, q.Text, q.Description, q.Options = int64(i+7), text, text+"\n", text, []string{text}
		n.Questions = append(n.Questions, q)
	}
	n.Questions = append(n.Questions, lead.Question{ID: 99, Type: lead.Note})
	other := n
	other.SellerID, other.Enabled, other.Questions = "seller_2", false, nil
	load := func(sellerID string) (got lead.FormSnapshot) {
		h.do(t, func(ctx ctx, tx tx) error {
			f, err := tx.Forms().Get(ctx, sellerID)
			require.NoError(t, err)
			got = f.Snapshot()
			return nil
		})
		return got
	}
	for range 2 {
		h.do(t, func(ctx ctx, tx tx) error {
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

func testNumbers(t *testing.T, h *Harness) {
	next := func(sellerID, series string, end error) (got int64) {
		require.Equal(t, end, h.Store.Do(t.Context(), func(ctx ctx, tx tx) (err error) {
			got, err = tx.Numbers().Next(ctx, sellerID, series)
			require.NoError(t, err)
			return end
		}))
		return got
	}
	require.Equal(t, int64(1), next("seller_1", application.FormLeads, errOwn))
	require.Equal(t, int64(1), next("seller_1", application.FormLeads, nil), "what was rolled back is given again")
	require.Equal(t, int64(2), next("seller_1", application.FormLeads, errOwn))
	require.Equal(t, int64(2), next("seller_1", application.FormLeads, nil))
	require.Equal(t, int64(1), next("seller_2", application.FormLeads, nil))
	require.Equal(t, int64(1), next("seller_1", "others", nil))
	h.do(t, func(ctx ctx, tx tx) error {
		for want := int64(3); want < 6; want++ {
			got, err := tx.Numbers().Next(ctx, "seller_1", application.FormLeads)
			require.NoError(t, err)
			require.Equal(t, want, got)
		}
		return nil
	})
}

func testNumberRace(t *testing.T, h *Harness) {
	const n = 20
	for round := range 2 { // the first meets no row, the second one that is there
		given := make([]int64, n)
		errs := atOnce(t, h, n, func(ctx context.Context, tx application.Tx, i int) (err error) {
			if given[i], err = tx.Numbers().Next(ctx, "seller_1", application.FormLeads); err != nil {
				return err
			}
			if i%4 == 0 {
				given[i] = 0
				return errOwn
			}
			return nil
		})
		for i, err := range errs {
			if i%4 == 0 {
				require.Equal(t, errOwn, err)
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
	l, err := lead.SubmitForm(lead.FormSubmission{ID: id, SellerID: "seller_1", SellerCode: "ABCD1234", PartnerID: "p", Number: number, Name: "Jo",
		Email: "jo@example.com", FormVersion: 1, Answers: []lead.Answer{{ID: 1, Question: "Q", Answer: "A"}}, Offer: offer, At: now})
	require.NoError(t, err)
	return l
}

func lockNumber(t *testing.T, ctx context.Context, tx application.Tx, number int64) *lead.Lead {
	t.Helper()
	l, err := tx.Leads().LockByNumber(ctx, "seller_1", number)
	require.NoError(t, err)
	return l
}

func testFormLeads(t *testing.T, h *Harness) {
	n := filled[lead.Snapshot](0)
	n.SellerID, n.SellerCode, n.Origin = "seller_1", "ABCD1234", lead.OriginForm
	n.Fields = field.Set{"a": field.TextValue("v 🙂")}
	n.Sales[0].Status, n.Sales[1].Status = lead.SaleCaptured, lead.SaleCaptured
	requireFull(t, n)
	for _, text := range awkward {
		n.Review.Answers = append(n.Review.Answers, lead.Answer{ID: 5, Question: text, Answer: text + "\n"})
	}
	n.Review.Name, n.Review.Email = awkward[0], "zoë@例え.jp"
	h.do(t, func(ctx ctx, tx tx) error { return tx.Leads().AddForm(ctx, lead.FromSnapshot(n)) })
	load := func() (got lead.Snapshot) {
		h.do(t, func(ctx ctx, tx tx) error {
			got = lockNumber(t, ctx, tx, n.Review.Number).Snapshot()
			return nil
		})
		return got
	}
	require.Equal(t, n, load())
	h.do(t, func(ctx ctx, tx tx) error { return tx.Leads().SaveReview(ctx, lead.FromSnapshot(n)) })
	require.Equal(t, n, load(), "saving loses nothing")

	changed := filled[lead.Snapshot](300)
	n.Status, n.UpdatedAt, n.PendingUntil, n.Fields = lead.StatusUnsold, changed.UpdatedAt, changed.PendingUntil, field.Set{}
	changed.Review.Number, changed.Review.FormVersion = n.Review.Number, n.Review.FormVersion
	n.Review = changed.Review
	n.Review.Answers = nil
	h.do(t, func(ctx ctx, tx tx) error { return tx.Leads().SaveReview(ctx, lead.FromSnapshot(n)) })
	require.Equal(t, n, load())
	n.Review.CommissionAmount = nil
	h.do(t, func(ctx ctx, tx tx) error { return tx.Leads().SaveReview(ctx, lead.FromSnapshot(n)) })
	require.Equal(t, n, load())

	// From its submission to its end.
	h.do(t, func(ctx ctx, tx tx) error {
		return errors.Join(tx.Leads().AddForm(ctx, newFormLead(t, "lead_1", 1, nil)), tx.Leads().AddForm(ctx, newFormLead(t, "lead_2", 2, nil)))
	})
	h.do(t, func(ctx ctx, tx tx) error {
		l := lockNumber(t, ctx, tx, 1)
		require.Equal(t, lead.StatusNotOffered, l.Status())
		require.NoError(t, l.Convert("customer_1", "key", ptr(money.Micros(-5)), money.MustCurrency("USD"), now))
		return tx.Leads().SaveReview(ctx, l)
	})
	h.do(t, func(ctx ctx, tx tx) error {
		l := lockNumber(t, ctx, tx, 1)
		require.Equal(t, []any{lead.ReviewStatusConverted, "customer_1", ptr(money.Micros(-5)), int64(2)},
			[]any{l.Review().Status, l.Review().CustomerID, l.Review().CommissionAmount, l.Version()})
		require.Equal(t, lead.ErrConverted, l.RejectReview(now))
		require.NoError(t, l.Erase(now))
		return tx.Leads().SaveReview(ctx, l)
	})
	var left []string
	require.NoError(t, h.DB.Reader.SelectContext(t.Context(), &left,
		"SELECT CONCAT(r.name, r.email, '|', r.answers, '|', r.status, '|', l.fields) FROM lead_reviews r JOIN leads l ON l.id = r.lead_id WHERE r.lead_id = 'lead_1'"))
	require.Equal(t, []string{"|[]|deleted|{}"}, left)
	h.do(t, func(ctx ctx, tx tx) error {
		for number, sellerID := range map[int64]string{1: "seller_1", 2: "seller_2", 3: "seller_1"} {
			_, err := tx.Leads().LockByNumber(ctx, sellerID, number)
			require.Equal(t, lead.ErrNotFound, err)
		}
		return nil
	})
	events := h.events(t)
	require.Equal(t, []string{"lead.submitted.v1", "lead.submitted.v1", "lead.converted.v1", "lead.deleted.v1"},
		[]string{events[0].Type, events[1].Type, events[2].Type, events[3].Type})

	var dataError *application.DataError
	err := h.Store.Do(t.Context(), func(ctx ctx, tx tx) error { return tx.Leads().AddForm(ctx, newFormLead(t, "lead_3", 2, nil)) })
	require.ErrorAs(t, err, &dataError, "a number is given once")
	require.Equal(t, 3, h.count(t, "leads"))
}

// testOfferedFormLeads sells form leads by the statements that know nothing of reviews.
func testOfferedFormLeads(t *testing.T, h *Harness) {
	offer := &lead.Offer{CampaignID: "c", Category: "Solar", Fields: field.Set{"email": field.TextValue("jo@example.com")}}
	h.do(t, func(ctx ctx, tx tx) error {
		for number := range int64(4) {
			l := newFormLead(t, fmt.Sprint("lead_", number), number, offer)
			require.NoError(t, l.Wait(now.Add(time.Hour), now))
			require.NoError(t, tx.Leads().AddForm(ctx, l))
		}
		return tx.Leads().AddForm(ctx, newFormLead(t, "lead_9", 9, nil))
	})
	sale := lead.Sale{ID: "sale_1", ContractID: "k", BuyerID: "b", Price: 3, Currency: "USD", Status: lead.SaleCaptured, At: now}
	h.do(t, func(ctx ctx, tx tx) error {
		all, err := tx.Leads().LockPending(ctx, "c", "", 10)
		require.NoError(t, err)
		require.Len(t, all, 4, "one that is not offered does not wait")
		require.Nil(t, all[0].Review())
		require.Equal(t, "jo@example.com", all[0].Facts().Field("email").Text)
		all[0].SetTrace(lead.Trace{Considered: []lead.Consideration{{ContractID: "k", BuyerID: "b", Reason: "sold", Price: 3}}})
		require.NoError(t, all[0].Sell(lead.Outcome{Sales: []lead.Sale{sale}, Payout: 2, Shown: 1}, now))
		require.NoError(t, all[1].Expire(now))
		return tx.Leads().SaveAll(ctx, all[:2])
	})
	h.do(t, func(ctx ctx, tx tx) error {
		sold := lockNumber(t, ctx, tx, 0)
		require.Equal(t, lead.StatusSold, sold.Status())
		require.Equal(t, []lead.Sale{sale}, sold.Sales())
		require.Equal(t, "Jo", sold.Review().Name)
		require.NoError(t, sold.RejectReview(now))
		require.NoError(t, tx.Leads().SaveReview(ctx, sold))
		unsold := lockNumber(t, ctx, tx, 1)
		require.Equal(t, lead.StatusUnsold, unsold.Status())
		rejected := lockNumber(t, ctx, tx, 3)
		require.NoError(t, rejected.RejectReview(now))
		require.NoError(t, tx.Leads().SaveReview(ctx, rejected))
		waiting := lockNumber(t, ctx, tx, 2)
		require.NoError(t, waiting.Erase(now))
		return tx.Leads().SaveReview(ctx, waiting)
	})
	h.do(t, func(ctx ctx, tx tx) error {
		sold := lockNumber(t, ctx, tx, 0).Snapshot()
		require.Equal(t, []any{lead.StatusSold, money.Micros(2), money.Micros(1), lead.ReviewStatusRejected, int64(4)},
			[]any{sold.Status, sold.Payout, sold.Shown, sold.Review.Status, sold.Version})
		require.Equal(t, []lead.Sale{sale}, sold.Sales)
		require.Equal(t, "sold", sold.Trace.Considered[0].Reason)
		require.Equal(t, "jo@example.com", sold.Fields["email"].Text)
		all, err := tx.Leads().LockPending(ctx, "c", "", 10)
		require.NoError(t, err)
		require.Empty(t, all, "an erased lead waits no more, nor does a rejected one")
		return nil
	})
	require.Equal(t, 1, h.count(t, "sales"))
}

func testClicks(t *testing.T, h *Harness) {
	require.NoError(t, h.Store.AppendClicks(t.Context(), nil))
	require.Zero(t, h.Woken.Load())
	clicks := make([]application.Click, 3)
	for i := range clicks {
		clicks[i] = filled[application.Click](int64(100 * i))
		requireFull(t, clicks[i])
	}
	require.NoError(t, h.Store.AppendClicks(t.Context(), clicks))
	require.Equal(t, int64(1), h.Woken.Load())
	got := h.events(t)
	require.Len(t, got, 3)
	var payloads [][]byte
	require.NoError(t, h.DB.Reader.SelectContext(t.Context(), &payloads, "SELECT payload FROM events ORDER BY id"))
	var times []int64
	require.NoError(t, h.DB.Reader.SelectContext(t.Context(), &times, "SELECT occurred_at FROM events ORDER BY id"))
	for i, c := range clicks {
		require.NotEmpty(t, got[i].EventID)
		require.Equal(t, eventRow{EventID: got[i].EventID, SellerID: c.SellerID, AggregateType: "click", AggregateID: c.ID, AggregateVersion: 1,
			Type: "partner.clicked.v1", Correlation: c.Trail.CorrelationID}, got[i])
		require.Equal(t, c.At.UnixMicro(), times[i])
		var payload map[string]string
		require.NoError(t, json.Unmarshal(payloads[i], &payload))
		at, err := time.Parse(time.RFC3339Nano, payload["clicked_at"])
		require.NoError(t, err)
		require.WithinDuration(t, c.At, at, time.Millisecond)
		delete(payload, "clicked_at")
		require.Equal(t, map[string]string{"partner_id": c.PartnerID, "referral_key": c.ReferralKey}, payload)
	}

	// Failures are those of any unit of work.
	fresh := filled[application.Click](900)
	var dataError *application.DataError
	require.ErrorAs(t, h.Store.AppendClicks(t.Context(), []application.Click{fresh, clicks[0]}), &dataError, "once is enough")
	require.Equal(t, 3, h.count(t, "events"), "all or none")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, h.Store.AppendClicks(ended, []application.Click{fresh}), application.ErrUnavailable)
	fresh.SellerID = strings.Repeat("x", 65)
	err := h.Store.AppendClicks(t.Context(), []application.Click{fresh})
	require.ErrorAs(t, err, &dataError)
	fresh.SellerID = "seller_1"
	for _, failure := range h.retryable(t) {
		fresh.ID += "x"
		failed := false
		h.Faults.Before(func(query string) error {
			if !failed && strings.HasPrefix(query, "INSERT INTO events") {
				failed = true
				return failure
			}
			return nil
		})
		require.NoError(t, h.Store.AppendClicks(t.Context(), []application.Click{fresh}))
		require.True(t, failed)
	}
	h.Faults.Before(func(string) error { return driver.ErrBadConn })
	fresh.ID += "x"
	require.ErrorIs(t, h.Store.AppendClicks(t.Context(), []application.Click{fresh}), application.ErrUnavailable)
}

func testProgramConflicts(t *testing.T, h *Harness) {
	p, c, l := newPartner(t, "seller_1", "p", "p", "p@example.com"), newCustomer(t, "customer_1", "key"), newFormLead(t, "lead_1", 1, nil)
	s := newSeller(t, "seller_1", "ABCD1234", "slug")
	h.do(t, func(ctx ctx, tx tx) error {
		return errors.Join(tx.Sellers().Add(ctx, s), tx.Partners().Add(ctx, p), tx.Customers().Add(ctx, c), tx.Leads().AddForm(ctx, l))
	})
	stale := func(key string) (*seller.Seller, *partner.Partner, *customer.Customer, *lead.Lead) {
		s, err := seller.FromSnapshot(s.Snapshot())
		require.NoError(t, err)
		require.NoError(t, s.Configure(seller.Settings{CookieDays: ptr(7)}, now))
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
	h.do(t, func(ctx ctx, tx tx) error {
		return errors.Join(tx.Sellers().Save(ctx, s1), tx.Partners().Save(ctx, p1), tx.Customers().Save(ctx, c1), tx.Leads().SaveReview(ctx, l1))
	})
	h.do(t, func(ctx ctx, tx tx) error { // and commits: a refused change leaves nothing
		require.Equal(t, application.ErrConcurrentChange, tx.Sellers().Save(ctx, s2))
		require.Equal(t, application.ErrConcurrentChange, tx.Partners().Save(ctx, p2))
		require.Equal(t, application.ErrConcurrentChange, tx.Customers().Save(ctx, c2))
		require.Equal(t, application.ErrConcurrentChange, tx.Leads().SaveReview(ctx, l2))
		return nil
	})
	require.Equal(t, 2, h.count(t, "partner_keys"))
	require.Equal(t, 9, h.count(t, "events"))
}

func testProgramLocks(t *testing.T, h *Harness) {
	person, err := customer.Register(customer.Registration{SellerID: "seller_1", ID: "customer_1", Key: "key", Email: "jo@example.com"}, customer.Attribution{PartnerID: "p", At: now}, now)
	require.NoError(t, err)
	h.do(t, func(ctx ctx, tx tx) error {
		return errors.Join(tx.Partners().Add(ctx, newPartner(t, "seller_1", "p", "k", "p@example.com")), tx.Partners().Add(ctx, newPartner(t, "seller_1", "q", "q", "q@example.com")),
			tx.Customers().Add(ctx, person), tx.Customers().Add(ctx, newCustomer(t, "customer_2", "other")),
			tx.Leads().AddForm(ctx, newFormLead(t, "lead_1", 1, nil)), tx.Leads().AddForm(ctx, newFormLead(t, "lead_2", 2, nil)))
	})
	partnerBy := func(h application.PartnerHandle) func(ctx context.Context, tx application.Tx) error {
		return func(ctx context.Context, tx application.Tx) error {
			_, err := tx.Partners().Lock(ctx, "seller_1", h)
			return err
		}
	}
	customerBy := func(h application.CustomerHandle) func(ctx context.Context, tx application.Tx) error {
		return func(ctx context.Context, tx application.Tx) error {
			_, err := tx.Customers().Lock(ctx, "seller_1", h)
			return err
		}
	}
	for _, test := range []struct {
		table, id, beside string
		lock              func(ctx context.Context, tx application.Tx) error
	}{
		{"partners", "p", "q", partnerBy(application.PartnerHandle{ID: "p"})},
		{"partners", "p", "q", partnerBy(application.PartnerHandle{Key: "k"})},
		{"partners", "p", "q", partnerBy(application.PartnerHandle{Email: "p@example.com"})},
		{"customers", "customer_1", "customer_2", customerBy(application.CustomerHandle{ID: "customer_1"})},
		{"customers", "customer_1", "customer_2", customerBy(application.CustomerHandle{Key: "key"})},
		{"customers", "customer_1", "customer_2", customerBy(application.CustomerHandle{Email: "jo@example.com"})},
		{"customers", "customer_1", "customer_2", customerBy(application.CustomerHandle{Any: "jo@example.com"})},
		{"leads", "lead_1", "lead_2", func(ctx context.Context, tx application.Tx) error {
			_, err := tx.Leads().LockByNumber(ctx, "seller_1", 1)
			return err
		}},
	} {
		h.do(t, func(ctx ctx, tx tx) error {
			require.NoError(t, test.lock(ctx, tx))
			require.True(t, h.locked(t, test.table, test.id), test.id)
			if h.concurrent() {
				require.False(t, h.locked(t, test.table, test.beside), "%s holds up %s", test.id, test.beside)
			}
			return nil
		})
		require.False(t, h.locked(t, test.table, test.id), test.id)
	}
	if !h.concurrent() {
		return
	}
	h.do(t, func(ctx ctx, tx tx) error {
		_, err := tx.Partners().Find(ctx, "seller_1", application.PartnerHandle{ID: "p"})
		require.NoError(t, err)
		require.False(t, h.locked(t, "partners", "p"))
		return nil
	})
}
