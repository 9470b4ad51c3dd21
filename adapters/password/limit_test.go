package password_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/password"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/tests/leadmilltest"
)

// gate hashes when the test lets it.
type gate struct {
	open          chan struct{}
	running, most atomic.Int64
}

func (g *gate) Hash(password string) (string, error) {
	g.most.Store(max(g.most.Load(), g.running.Add(1)))
	defer g.running.Add(-1)
	<-g.open
	if password == "panics" {
		panic(password)
	}
	return "hash of " + password, nil
}

func TestFewPasswordsAreHashedAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := &gate{open: make(chan struct{})}
		l := password.Limit(g, 2, 3)
		results := make(chan error, 10)
		for range 5 {
			go func() {
				hash, err := l.Hash("secret")
				if hash != "hash of secret" {
					err = errors.Join(err, errors.New("another hash"))
				}
				results <- err
			}()
			synctest.Wait()
		}
		assert.Equal(t, int64(2), g.running.Load())
		_, err := l.Hash("secret")
		require.ErrorIs(t, err, application.ErrUnavailable, "two are hashed, three wait")
		g.open <- struct{}{}
		synctest.Wait()
		require.NoError(t, <-results)
		go func() { // one place is free again
			_, err := l.Hash("secret")
			results <- err
		}()
		synctest.Wait()
		close(g.open)
		for range 5 {
			require.NoError(t, <-results)
		}
		assert.Equal(t, int64(2), g.most.Load())
	})
}

func TestAPanicGivesItsPlaceBack(t *testing.T) {
	t.Parallel()
	g := &gate{open: make(chan struct{})}
	close(g.open)
	l := password.Limit(g, 1, 1)
	for range 3 {
		assert.Panics(t, func() { _, _ = l.Hash("panics") })
	}
	_, err := l.Hash("secret")
	require.NoError(t, err)
}

func TestContractOfLimited(t *testing.T) {
	t.Parallel()
	leadmilltest.TestPasswordHasher(t, func(*testing.T) application.PasswordHasher { return password.Limit(password.Argon2id{}, 2, 100) })
}
