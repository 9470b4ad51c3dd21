package command_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
	"github.com/leadmill/leadmill/application/account/command"
	"github.com/leadmill/leadmill/domain/operator"
	"github.com/leadmill/leadmill/domain/seller"
)

var errBusy = errors.New("too many passwords wait")

// busyHasher is busy the first time.
type busyHasher struct{ hashed *atomic.Int64 }

func (h busyHasher) Hash(string) (string, error) {
	if h.hashed.Add(1) == 1 {
		return "", errBusy
	}
	return "hash", nil
}

func (busyHasher) Verify(string, string) (bool, error) { return true, nil }

// empty knows nobody.
type empty struct{ account.PersonReader }

func (empty) PersonByEmail(context.Context, string) (operator.Snapshot, error) {
	return operator.Snapshot{}, operator.ErrNotFound
}

func (empty) SessionByHash(context.Context, [sha256.Size]byte) (account.SignedSession, error) {
	return account.SignedSession{}, operator.ErrNotFound
}

type secrets struct{}

func (secrets) New() string { return "secret" }

type unlimited struct{ application.RateLimiter }

func (unlimited) Take(string, seller.RateLimit) application.RateState {
	return application.RateState{Allowed: true}
}

type clock struct{}

func (clock) Now() time.Time { return time.Date(2026, 11, 23, 6, 0, 0, 0, time.UTC) }

// A hasher that was busy when the first nobody signed in does not refuse all others.
func TestABusyHasherIsAskedAgainForNobody(t *testing.T) {
	t.Parallel()
	hasher := busyHasher{new(atomic.Int64)}
	h := command.SignInHandler{SigningIn: command.SigningIn{
		Deps: account.Deps{Clock: clock{}}, Reader: empty{}, Secrets: secrets{}, Passwords: command.NewPasswords(hasher, secrets{}), Limiter: unlimited{},
	}}
	try := func() error {
		_, err := h.Handle(t.Context(), command.SignIn{Email: "nobody@example.com", Password: "guess"})
		return err
	}
	require.Equal(t, errBusy, try())
	for range 3 {
		require.Equal(t, command.ErrSignIn, try())
	}
	require.EqualValues(t, 2, hasher.hashed.Load(), "and keeps what was made")
}

// untouched is a database that nothing may be written to.
type untouched struct{ t *testing.T }

func (u untouched) Do(context.Context, func(context.Context, account.Tx) error) error {
	u.t.Error("a transaction was begun")
	return nil
}

func TestNothingIsWrittenWhenAStrangerSignsOut(t *testing.T) {
	t.Parallel()
	h := command.SignOutHandler{Deps: account.Deps{Work: untouched{t}}, Reader: empty{}, Forget: func() { t.Error("sessions are read again") }}
	for _, cookie := range []string{"", "nonsense"} {
		_, err := h.Handle(t.Context(), command.SignOut{Cookie: cookie})
		require.NoError(t, err)
	}
}
