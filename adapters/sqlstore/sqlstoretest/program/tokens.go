package programtest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/application/program"
)

func testTokens(t *testing.T, h *sqlstoretest.Harness) {
	n := sqlstoretest.Filled[program.Token](0)
	sqlstoretest.RequireFull(t, n)
	over, other := sqlstoretest.NewToken("over", program.SignInToken, now), sqlstoretest.NewToken("other", program.SignInToken, now.Add(time.Hour))
	h.Do(t, func(ctx ctx, tx tx) error {
		return errors.Join(tx.Tokens().Add(ctx, n), tx.Tokens().Add(ctx, over), tx.Tokens().Add(ctx, other))
	})
	consume := func(ctx context.Context, tx *sqlstore.Tx, token program.Token, kind program.TokenKind, now time.Time) program.Token {
		got, err := tx.Tokens().Consume(ctx, token.Hash, kind, now)
		require.NoError(t, err)
		return got
	}
	unknown := func(ctx context.Context, tx *sqlstore.Tx, token program.Token, kind program.TokenKind, now time.Time) {
		t.Helper()
		_, err := tx.Tokens().Consume(ctx, token.Hash, kind, now)
		require.Equal(t, program.ErrTokenUnknown, err)
	}
	require.Equal(t, sqlstoretest.ErrOwn, h.Store.Do(t.Context(), func(ctx ctx, tx tx) error {
		require.Equal(t, n, consume(ctx, tx, n, n.Kind, now))
		return sqlstoretest.ErrOwn
	}))
	h.Do(t, func(ctx ctx, tx tx) error {
		unknown(ctx, tx, n, program.SessionToken, now)
		unknown(ctx, tx, n, n.Kind, n.ExpiresAt)
		unknown(ctx, tx, over, over.Kind, now)
		unknown(ctx, tx, sqlstoretest.NewToken("absent", n.Kind, now), n.Kind, now)
		require.Equal(t, n, consume(ctx, tx, n, n.Kind, n.ExpiresAt.Add(-time.Microsecond)), "a rolled back use is none")
		unknown(ctx, tx, n, n.Kind, now)
		return nil
	})
	h.Do(t, func(ctx ctx, tx tx) error {
		unknown(ctx, tx, n, n.Kind, now)
		return nil
	})
	require.Equal(t, 2, h.Count(t, "partner_tokens"))

	later := now.Add(time.Hour)
	foreign, neighbour := sqlstoretest.NewToken("foreign", program.SessionToken, later), sqlstoretest.NewToken("neighbour", program.SessionToken, later)
	foreign.SellerID, neighbour.PartnerID = "seller_2", "q"
	h.Do(t, func(ctx ctx, tx tx) error {
		return errors.Join(tx.Tokens().Add(ctx, sqlstoretest.NewToken("s", program.SessionToken, later)), tx.Tokens().Add(ctx, sqlstoretest.NewToken("i", program.InvitationToken, later)),
			tx.Tokens().Add(ctx, foreign), tx.Tokens().Add(ctx, neighbour))
	})
	h.Do(t, func(ctx ctx, tx tx) error {
		return tx.Tokens().RevokeOfPartner(ctx, "seller_1", "p", program.SessionToken, program.InvitationToken)
	})
	kinds := func() (kinds []string) {
		require.NoError(t, h.DB.Reader.SelectContext(t.Context(), &kinds, "SELECT kind FROM partner_tokens ORDER BY kind"))
		return kinds
	}
	require.Equal(t, []string{"session", "session", "sign_in", "sign_in"}, kinds())
	h.Do(t, func(ctx ctx, tx tx) error { return tx.Tokens().RevokeOfPartner(ctx, "seller_1", "p") })
	require.Equal(t, []string{"session", "session"}, kinds(), "those of others stay")
}

func testTokenRace(t *testing.T, h *sqlstoretest.Harness) {
	const n = 20
	h.Do(t, func(ctx ctx, tx tx) error {
		return tx.Tokens().Add(ctx, sqlstoretest.NewToken("once", program.InvitationToken, now.Add(time.Hour)))
	})
	sqlstoretest.RequireOneWinner(t, program.ErrTokenUnknown, sqlstoretest.AtOnce(t, h, n, func(ctx context.Context, tx *sqlstore.Tx, _ int) error {
		_, err := tx.Tokens().Consume(ctx, program.TokenHash("once"), program.InvitationToken, now)
		return err
	}))
	require.Zero(t, h.Count(t, "partner_tokens"))
}
