package accounttest

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	accountstore "github.com/leadmill/leadmill/adapters/sqlstore/account"
	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/customer"
)

// testAnswersAbout finds the answers about leads and customers.
func testAnswersAbout(t *testing.T, h *sqlstoretest.Harness) {
	reader := accountstore.NewReader(h.DB, &hands{now})
	person, err := customer.Register(customer.Registration{SellerID: "seller_1", ID: "customer_1", Key: "k", Email: "Jo@example.com"}, customer.Attribution{PartnerID: "p", At: now}, now)
	require.NoError(t, err)
	h.Do(t, func(ctx ctx, tx tx) error { return tx.Customers().Add(ctx, person) })
	h.Do(t, func(ctx ctx, tx tx) error {
		_, taken, err := tx.Idempotency().Claim(ctx, "seller_1", "key_1", "one", [32]byte{1}, now, now.Add(time.Hour))
		require.True(t, taken)
		require.NoError(t, err)
		c, err := tx.Customers().Lock(ctx, "seller_1", application.CustomerHandle{ID: "customer_1"})
		require.NoError(t, err)
		require.NoError(t, c.Delete(now))
		return errors.Join(tx.Customers().Save(ctx, c), tx.Leads().AddAll(ctx, []application.StoredLead{sqlstoretest.PendingLead(t, "lead_1", "c")}), tx.Idempotency().Complete(ctx, "seller_1", "key_1", "one", application.Response{Status: 204}))
	})
	h.Do(t, func(ctx ctx, tx tx) error {
		_, _, err := tx.Idempotency().Claim(ctx, "seller_1", "key_2", "two", [32]byte{1}, now, now.Add(time.Hour))
		require.NoError(t, err)
		return tx.Idempotency().Complete(ctx, "seller_1", "key_2", "two", application.Response{Status: 200, Body: []byte("x")})
	})
	h.Do(t, func(ctx ctx, tx tx) error { // whatever it saves
		_, _, err := tx.Idempotency().Claim(ctx, "seller_1", "key_3", "three", [32]byte{1}, now, now.Add(time.Hour))
		require.NoError(t, err)
		return errors.Join(tx.Leads().AddAll(ctx, []application.StoredLead{sqlstoretest.PendingLead(t, "lead_2", "c")}), tx.Idempotency().CompleteLasting(ctx, "seller_1", "key_3", "three", application.Response{Status: 200}))
	})
	list, err := reader.AnswersAfter(t.Context(), "seller_1", application.AnswerRef{}, 10)
	require.NoError(t, err)
	require.Len(t, list, 3)
	require.Empty(t, list[2].About)
	require.Equal(t, []string{"customer_1", "lead_1"}, list[0].About)
	require.Empty(t, list[1].About)
	rest, err := reader.AnswersAfter(t.Context(), "seller_1", list[0], 10)
	require.NoError(t, err)
	require.Equal(t, list[1:], rest)
	for range 2 {
		h.Do(t, func(ctx ctx, tx tx) error { return tx.AnswerErasures().DeleteAnswers(ctx, "seller_1", list[:1]) })
	}
	rest, err = reader.AnswersAfter(t.Context(), "seller_1", application.AnswerRef{}, 10)
	require.NoError(t, err)
	require.Equal(t, list[1:], rest)
	h.Exec(t, "UPDATE answers SET about = NULL") // as an older version wrote it
	rest, err = reader.AnswersAfter(t.Context(), "seller_1", application.AnswerRef{}, 10)
	require.NoError(t, err)
	require.Empty(t, rest[0].About)
}
