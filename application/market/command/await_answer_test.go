package command_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/application"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
)

// answersOf are the stored responses of leads.
type answersOf struct {
	mu    sync.Mutex
	final map[string]application.Response
	looks int
	read  int // leads
	over  int
	away  bool
}

func (a *answersOf) Now() time.Time { return time.Now() }

func (a *answersOf) FinalAnswers(_ context.Context, leads []application.Ref) (map[string]application.Response, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.looks++
	a.read += len(leads)
	if a.away {
		return nil, errors.New("away")
	}
	found := map[string]application.Response{}
	for _, l := range leads {
		if r, ok := a.final[l.ID]; ok {
			found[l.ID] = r
		}
	}
	return found, nil
}

func (a *answersOf) Handle(context.Context, marketcommand.AnswerSupplier) (application.Done, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.over++
	if a.away {
		return application.Done{}, application.ErrUnavailable
	}
	return application.Done{Response: application.Response{Body: []byte("stored")}}, nil
}

func (a *answersOf) decide(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.final[id] = application.Response{Status: 200, Body: []byte("sold " + id)}
}

// settled is a settlement after which the responses of some leads are final.
type settled struct{}

func (settled) Handle(context.Context, marketcommand.SettleReservations) (marketcommand.ReservationsSettled, error) {
	return marketcommand.ReservationsSettled{Stored: 1, Final: []application.Ref{{SellerID: "seller_1", ID: "lead_0"}}}, nil
}

func TestSuppliersWaitForBuyers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &answersOf{final: map[string]application.Response{}}
		h := marketcommand.NewAwaitAnswerHandler(a, a, a)
		began := time.Now()
		until := began.Add(5 * time.Second)
		wait := func(ctx context.Context, id string) (body string, took time.Duration) {
			done, err := h.Handle(ctx, marketcommand.AwaitAnswer{Done: application.Done{
				Response: application.Response{Body: []byte("pending")}, Awaits: &application.Awaited{Lead: application.Ref{SellerID: "seller_1", ID: id}, Until: until},
			}})
			require.NoError(t, err)
			require.Nil(t, done.Awaits)
			return string(done.Response.Body), time.Since(began)
		}
		var group sync.WaitGroup
		const leads = 1000
		for i := range leads {
			for range 2 { // the request and its replay
				group.Go(func() {
					id := fmt.Sprint("lead_", i)
					body, took := wait(t.Context(), id)
					if i%2 == 0 {
						require.Equal(t, "sold "+id, body)
						require.Less(t, took, 1100*time.Millisecond)
					} else {
						require.Equal(t, "stored", body)
						require.LessOrEqual(t, took, 5*time.Second+50*time.Millisecond)
					}
				})
			}
		}
		gone, cancel := context.WithCancel(t.Context())
		group.Go(func() {
			body, took := wait(gone, "lead_of_nobody")
			require.Equal(t, "pending", body)
			require.Equal(t, time.Second, took, "it ends with its request")
		})
		time.Sleep(time.Second)
		cancel()
		for i := 0; i < leads; i += 2 {
			a.decide(fmt.Sprint("lead_", i))
		}
		_, err := h.Settled(settled{}).Handle(t.Context(), marketcommand.SettleReservations{})
		require.NoError(t, err)
		group.Wait()
		a.mu.Lock()
		require.Less(t, a.looks, 120, "one look for all, each 50 ms")
		require.Equal(t, leads, a.over, "each that waited until the end")
		looks := a.looks
		a.away = true
		a.mu.Unlock()

		time.Sleep(time.Minute)
		a.mu.Lock()
		require.Equal(t, looks, a.looks, "nobody waits, so nobody looks")
		a.mu.Unlock()
		body, _ := wait(t.Context(), "lead_0")
		require.Equal(t, "pending", body, "too late, and the database away")
		until = time.Now().Add(time.Second)
		body, _ = wait(t.Context(), "lead_0")
		require.Equal(t, "pending", body)
		time.Sleep(time.Second) // the look ends

		a.mu.Lock()
		a.away = false
		delete(a.final, "lead_0")
		a.mu.Unlock()
		began = time.Now()
		until = began.Add(time.Hour) // the clock was set back
		body, took := wait(t.Context(), "lead_0")
		require.Equal(t, "stored", body)
		require.Equal(t, marketcommand.SupplierWaits, took)
		time.Sleep(time.Second)
	})
}

// What is settled in this process is looked for at once, and nothing else is.
func TestOnlyWhatWasSettledIsLookedForAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &answersOf{final: map[string]application.Response{}}
		h := marketcommand.NewAwaitAnswerHandler(a, a, a)
		began := time.Now()
		var group sync.WaitGroup
		for i := range 100 {
			group.Go(func() {
				_, err := h.Handle(t.Context(), marketcommand.AwaitAnswer{Done: application.Done{
					Awaits: &application.Awaited{Lead: application.Ref{SellerID: "seller_1", ID: fmt.Sprint("lead_", i)}, Until: began.Add(5 * time.Second)},
				}})
				require.NoError(t, err)
				if i == 0 {
					require.Equal(t, 1010*time.Millisecond, time.Since(began), "not with the next look for all")
				}
			})
		}
		time.Sleep(1010 * time.Millisecond) // the last look for all was at 990 ms or later
		a.mu.Lock()
		read := a.read
		a.mu.Unlock()
		a.decide("lead_0")
		_, err := h.Settled(settled{}).Handle(t.Context(), marketcommand.SettleReservations{})
		require.NoError(t, err)
		synctest.Wait()
		a.mu.Lock()
		require.Equal(t, read+1, a.read)
		a.mu.Unlock()
		group.Wait()
		time.Sleep(time.Second) // the look ends
	})
}
