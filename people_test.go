package leadmill

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	accountcommand "github.com/leadmill/leadmill/application/account/command"
	"github.com/leadmill/leadmill/domain/operator"
)

// The link of the first owner signs in once, without a password.
func TestOwnerLinkSignsIn(t *testing.T) {
	t.Parallel()
	withCore(t, func(ctx context.Context, k *core) error {
		actor, err := k.demoSeller(ctx)
		require.NoError(t, err)
		link, err := k.ownerLink(ctx, actor.SellerID, "owner@example.com", "Olivia Owner", "http://127.0.0.1:8080")
		require.NoError(t, err)
		token, ok := strings.CutPrefix(link, "http://127.0.0.1:8080/sign-in/")
		require.True(t, ok, link)
		signed, err := k.People.SignInByToken.Handle(ctx, accountcommand.SignInByToken{Token: token})
		require.NoError(t, err)
		p, err := k.Sessions.PersonOf(ctx, signed.Cookie)
		require.NoError(t, err)
		assert.Equal(t, []any{demoCode, operator.Owner, "Olivia Owner"}, []any{p.Actor.SellerCode, p.Actor.Role, p.Name})
		_, err = k.People.SignInByToken.Handle(ctx, accountcommand.SignInByToken{Token: token})
		require.ErrorIs(t, err, operator.ErrLink)
		return nil
	})
}

// TestALostSecondFactorIsTakenAwayByACommand is not parallel, like all that set variables of the environment.
func TestALostSecondFactorIsTakenAwayByACommand(t *testing.T) {
	databaseURL := "sqlite:" + filepath.Join(t.TempDir(), "leadmill.db")
	t.Setenv("LEADMILL_DATABASE_URL", databaseURL)
	app := New()
	code, _, stderr := run(t, app, "migrate", "up")
	require.Zero(t, code, stderr)
	reset := func() (code int, stdout, stderr string) {
		return run(t, app, "people", "reset-second-factor", "--email", "Ann@example.com")
	}
	code, _, stderr = reset()
	assert.Equal(t, 1, code)
	assert.Contains(t, stderr, "Person not found.")
	db, err := dialect.Open(databaseURL, dialect.Options{Existing: true})
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	_, err = db.Writer.ExecContext(t.Context(), `INSERT INTO people (id, email, email_key, name, status, password_hash, totp_secret, totp_pending, totp_step, recovery_codes, created_at, updated_at)
		VALUES ('person_1', 'ann@example.com', 'ann@example.com', '', 'active', '', X'01', X'', 0, X'', 1, 1)`)
	require.NoError(t, err)
	code, stdout, stderr := reset()
	assert.Zero(t, code, stderr)
	assert.Contains(t, stdout, "The second factor is taken away")
	var left int
	require.NoError(t, db.Reader.GetContext(t.Context(), &left, "SELECT COUNT(*) FROM people WHERE totp_secret <> X''"))
	assert.Zero(t, left)
	code, _, stderr = reset()
	assert.Equal(t, 1, code)
	assert.Contains(t, stderr, "No second factor is set up.")
}
