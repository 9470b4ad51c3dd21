package program_test

import (
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/application/program"
	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/dbtest/migrated"
)

func TestMailQueue(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines() {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			s, ctx := sqlstoretest.New(t, migrated.URL(t, engine)).Store, t.Context()
			now := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
			a := program.OutgoingMail{EventID: "evt_a", SellerID: "seller_1", PartnerID: "p1"}
			b := program.OutgoingMail{EventID: "evt_b", SellerID: "seller_2", PartnerID: "p2", Attempts: 3}
			require.NoError(t, s.AddMail(ctx, a, now))
			require.NoError(t, s.AddMail(ctx, b, now.Add(-time.Second)))
			require.NoError(t, s.AddMail(ctx, a, now.Add(-time.Hour)), "asked for once more")

			take := func(at time.Time, limit int) []program.OutgoingMail {
				t.Helper()
				taken, err := s.TakeMails(ctx, at, at.Add(time.Minute), limit)
				require.NoError(t, err)
				return taken
			}
			assert.Empty(t, take(now.Add(-2*time.Second), 10), "not due")
			assert.Equal(t, []program.OutgoingMail{b}, take(now, 1), "the longest due first")
			assert.Equal(t, []program.OutgoingMail{a}, take(now, 10), "taken ones are left alone")
			assert.Empty(t, take(now.Add(59*time.Second), 10))
			assert.Equal(t, []program.OutgoingMail{a, b}, take(now.Add(time.Minute), 10), "whoever took them is gone")

			require.NoError(t, s.PostponeMail(ctx, b, now.Add(time.Hour)))
			require.NoError(t, s.RemoveMail(ctx, a))
			require.NoError(t, s.RemoveMail(ctx, a), "twice is not worse")
			assert.Empty(t, take(now.Add(time.Hour-time.Microsecond), 10))
			b.Attempts = 4
			assert.Equal(t, []program.OutgoingMail{b}, take(now.Add(time.Hour), 10))

			// One mail to an address until a time, of each seller.
			address, other := program.AddressHash("jane@example.com"), program.AddressHash("joe@example.com")
			c := program.OutgoingMail{EventID: "evt_c", SellerID: a.SellerID}
			for i, step := range []struct {
				mail     program.OutgoingMail
				address  [32]byte
				at       time.Duration
				lasts    time.Duration
				taken    bool
				freeFrom time.Duration
			}{
				{mail: a, address: address, lasts: time.Hour, taken: true},
				{mail: c, address: address, lasts: time.Hour, freeFrom: time.Hour},
				{mail: c, address: other, lasts: time.Hour, taken: true},
				{mail: b, address: address, lasts: time.Hour, taken: true}, // another seller's
				{mail: a, address: address, at: time.Minute, lasts: time.Hour, taken: true},
				{mail: c, address: address, at: time.Hour, lasts: time.Hour, freeFrom: time.Hour + time.Minute},
				{mail: c, address: address, at: time.Hour + time.Minute, lasts: time.Hour, taken: true},
				{mail: c, address: address, at: 2 * time.Hour, taken: true}, // given back
				{mail: a, address: address, at: 2 * time.Hour, lasts: time.Hour, taken: true},
			} {
				taken, freeAt, err := s.TakeAddress(ctx, step.mail, step.address, now.Add(step.at), now.Add(step.at+step.lasts))
				require.NoError(t, err, i)
				require.Equal(t, step.taken, taken, i)
				if !step.taken {
					require.Equal(t, now.Add(step.freeFrom), freeAt, i)
				}
			}

			// Ten at once take each mail once.
			const mails = 40
			for i := range mails {
				require.NoError(t, s.AddMail(ctx, program.OutgoingMail{EventID: "evt_" + strconv.Itoa(i), SellerID: "s", PartnerID: "p"}, now))
			}
			var mu sync.Mutex
			var all []string
			var takers sync.WaitGroup
			for range 10 {
				takers.Go(func() {
					for {
						taken, err := s.TakeMails(ctx, now, now.Add(time.Hour), 3)
						if !assert.NoError(t, err) || len(taken) == 0 {
							return
						}
						mu.Lock()
						for _, m := range taken {
							all = append(all, m.EventID)
						}
						mu.Unlock()
					}
				})
			}
			takers.Wait()
			slices.Sort(all)
			assert.Len(t, all, mails)
			assert.Len(t, slices.Compact(all), mails, "nothing twice")
		})
	}
}
