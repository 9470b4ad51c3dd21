package accounttest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/application"
)

func testAnswers(t *testing.T, h *sqlstoretest.Harness) {
	one, two := sha256.Sum256([]byte("one")), sha256.Sum256([]byte("two"))
	long := string(make([]byte, 255)) + "é"
	answer := application.Response{Status: 201, Body: []byte("{\"id\":1}\n")}
	h.Do(t, func(ctx ctx, tx tx) error {
		_, taken, err := tx.Idempotency().Claim(ctx, "seller_1", "key_1", long, one, now, now.Add(time.Hour))
		require.NoError(t, err)
		require.True(t, taken)
		return tx.Idempotency().Complete(ctx, "seller_1", "key_1", long, answer)
	})
	var kept []byte
	require.NoError(t, h.DB.Reader.GetContext(t.Context(), &kept, "SELECT body FROM answers WHERE key_id = 'key_1'"))
	require.NotContains(t, string(kept), `"id"`, "an answer may hold a secret, so it is stored sealed")
	h.Do(t, func(ctx ctx, tx tx) error {
		stored, taken, err := tx.Idempotency().Claim(ctx, "seller_1", "key_1", long, two, now.Add(time.Hour-time.Microsecond), now.Add(2*time.Hour))
		require.NoError(t, err)
		require.False(t, taken)
		require.Equal(t, application.StoredResponse{Fingerprint: one, Response: answer}, stored)
		_, taken, err = tx.Idempotency().Claim(ctx, "seller_1", "key_2", long, two, now, now.Add(2*time.Hour))
		require.NoError(t, err)
		require.True(t, taken, "keys do not share")
		return nil
	})
	h.Do(t, func(ctx ctx, tx tx) error {
		_, taken, err := tx.Idempotency().Claim(ctx, "seller_1", "key_1", long, two, now.Add(time.Hour), now.Add(2*time.Hour))
		require.NoError(t, err)
		require.True(t, taken, "its time is over")
		return tx.Idempotency().Complete(ctx, "seller_1", "key_1", long, application.Response{Status: 204})
	})
	h.Do(t, func(ctx ctx, tx tx) error {
		stored, taken, err := tx.Idempotency().Claim(ctx, "seller_1", "key_1", long, one, now.Add(time.Hour), now.Add(2*time.Hour))
		require.NoError(t, err)
		require.False(t, taken)
		require.Equal(t, application.StoredResponse{Fingerprint: two, Response: application.Response{Status: 204, Body: []byte{}}}, stored)
		return nil
	})
	err := h.Store.Do(t.Context(), func(ctx ctx, tx tx) error {
		return tx.Idempotency().Complete(ctx, "seller_1", "key_1", "never claimed", answer)
	})
	require.ErrorContains(t, err, "not claimed")
}

func testAnswerRace(t *testing.T, h *sqlstoretest.Harness) {
	const n = 6
	var effects sync.Map
	winners := 0
	var mu sync.Mutex
	_, _ = sqlstoretest.Race(t, h, n, func(context.Context, *sqlstore.Tx, int) bool { return true }, func(ctx context.Context, tx *sqlstore.Tx, i int) error {
		stored, taken, err := tx.Idempotency().Claim(ctx, "seller_1", "key_1", "once", sha256.Sum256(nil), now, now.Add(time.Hour))
		if err != nil {
			return err
		}
		if !taken {
			effects.Store(string(stored.Response.Body), true)
			return nil
		}
		mu.Lock()
		winners++
		mu.Unlock()
		return tx.Idempotency().Complete(ctx, "seller_1", "key_1", "once", application.Response{Status: 200, Body: []byte(fmt.Sprint(i))})
	})
	require.Equal(t, 1, winners)
	answers := 0
	effects.Range(func(any, any) bool { answers++; return true })
	require.Equal(t, 1, answers, "all others get its answer")
}
