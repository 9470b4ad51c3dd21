package command_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
	programcommand "github.com/leadmill/leadmill/application/program/command"
)

// stored takes clicks, or refuses them as a database that is away does.
type stored struct {
	mu     sync.Mutex
	clicks []string
	err    error
}

func (s *stored) Handle(_ context.Context, c program.Click) (struct{}, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.clicks = append(s.clicks, fmt.Sprint(c.ID, " ", c.SellerID, " ", c.ReferralKey, " ", c.Count, " ", c.At.Unix()))
	}
	return struct{}{}, s.err
}

// take returns what was stored since it was asked last.
func (s *stored) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.clicks
	s.clicks = nil
	slices.Sort(all)
	return all
}

func (s *stored) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

type oneID struct{}

func (oneID) New(prefix string) string { return prefix }

func TestManyClicksAreFewRows(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var s stored
		tally := programcommand.NewClickTally(&s, oneID{})
		click := func(seller, key string, at int64) {
			tally.Add(program.Click{SellerID: seller, PartnerID: "p", ReferralKey: key, At: time.Unix(at, 0)})
		}
		wait := func(d time.Duration) {
			time.Sleep(d) // of the bubble's clock
			synctest.Wait()
		}
		for i := range int64(1000) {
			click("a", "k", 1000-i)
			click("b", "k", i)
		}
		click("a", "other", 7)
		wait(9 * time.Second)
		require.Empty(t, s.take())
		wait(2 * time.Second)
		require.Equal(t, []string{"click a k 1000 1000", "click a other 1 7", "click b k 1000 999"}, s.take())
		wait(time.Hour)
		require.Empty(t, s.take(), "each counts once")

		s.fail(application.ErrUnavailable)
		click("a", "k", 1)
		wait(time.Minute)
		click("a", "k", 2)
		s.fail(nil)
		wait(11 * time.Second)
		require.Equal(t, []string{"click a k 2 2"}, s.take(), "what the database could not take is kept")

		click("a", "k", 3)
		tally.Close()
		require.Equal(t, []string{"click a k 1 3"}, s.take(), "a stop loses nothing")
		click("a", "k", 4)
		wait(time.Hour)
		require.Empty(t, s.take())
	})
}
