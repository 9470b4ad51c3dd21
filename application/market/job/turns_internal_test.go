package job

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/adapters/eventlog"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/field"
)

// crowd are contracts with receivers that hang, each with a delivery due, and of seller_well one that answers at once and has always more due. Where some
// answer, all have always more due, and every third one says yes, one no and one that it is broken.
type crowd struct {
	market.DeliveryReader

	hang, n int
	answer  bool
}

func (c *crowd) DueEndpoints(context.Context, time.Time) (refs []application.Ref, err error) {
	for i := range c.hang {
		refs = append(refs, application.Ref{SellerID: fmt.Sprint("seller_", i%100), ID: fmt.Sprint("hangs_", i)})
	}
	return append(refs, application.Ref{SellerID: "seller_well", ID: "well"}), nil
}

func (c *crowd) WaitingDeliveries(context.Context, int64) (int64, time.Time, error) {
	return 0, time.Time{}, nil
}

func (c *crowd) DueDeliveries(_ context.Context, contract application.Ref, _ time.Time, _ []string, limit int) (*campaign.Delivery, []market.DueDelivery, error) {
	if contract.ID != "well" && !c.answer {
		limit = 1
	}
	due := make([]market.DueDelivery, limit)
	for i := range due {
		c.n++
		due[i] = market.DueDelivery{SellerID: contract.SellerID, ID: fmt.Sprint("delivery_", c.n), LeadID: "lead", ContractID: contract.ID, Currency: "USD", Fields: field.Set{}}
	}
	return &campaign.Delivery{URL: contract.ID, Format: campaign.DeliveryJSON, Timeout: time.Hour, Secret: []byte("s")}, due, nil
}

func (c *crowd) Send(ctx context.Context, r application.OutboundRequest) (application.OutboundAnswer, error) {
	if i, err := strconv.Atoi(strings.TrimPrefix(r.URL, "hangs_")); c.answer && err == nil {
		return application.OutboundAnswer{Status: []int{200, 422, 503}[i%3]}, nil
	}
	if strings.HasPrefix(r.URL, "hangs") {
		<-ctx.Done()
		return application.OutboundAnswer{}, application.ErrOutboundFailed
	}
	return application.OutboundAnswer{Status: 200}, nil
}

func (c *crowd) Check(string) error                                         { return nil }
func (c *crowd) Seal([]byte, string, string) ([]byte, error)                { return nil, nil }
func (c *crowd) Open([]byte, string, string) ([]byte, error)                { return []byte("secret"), nil }
func (c *crowd) NewSecret() string                                          { return "" }
func (c *crowd) Sign(string, string, time.Time, []byte) map[string][]string { return nil }
func (c *crowd) Attempted(string)                                           {}
func (c *crowd) Waiting(int64, time.Duration)                               {}

// crowded is a turn of a Sender in which many receivers wait for room.
func crowded(t testing.TB, c *crowd) (*sending, context.Context) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := newSending(&Sender{
		Reader: c, Clock: clock.NewSystem(), Log: eventlog.NewSignal(), Observer: c, Logger: slog.New(slog.DiscardHandler), Shake: func() int64 { return 0 },
		Poster:      market.Poster{Outbound: c, Sealer: c, Signer: c, Clock: clock.NewSystem()},
		PerEndpoint: 8, InAll: 256, AskPerEndpoint: 128, AskInAll: 2048,
	})
	t.Cleanup(func() {
		cancel()
		r.group.Wait()
	})
	r.look(ctx)
	e := r.endpoints[application.Ref{SellerID: "seller_well", ID: "well"}]
	for range 3 {
		e.Succeeded(8)
	}
	r.start(ctx)
	return r, ctx
}

// next takes a result as a turn of a Sender does, stores it, and begins what there is room for.
func (r *sending) next(ctx context.Context) {
	r.came(<-r.results)
	for _, lane := range r.toStore[told] {
		for len(lane) > 0 {
			r.note(*<-lane)
		}
	}
	r.start(ctx)
}

// Whoever has something due waits where its turn is found when there is room, and nobody waits where there is room.
func TestNobodyIsForgottenInTheTurns(t *testing.T) {
	t.Parallel()
	r, ctx := crowded(t, &crowd{hang: 1000, answer: true})
	for i := range 3000 {
		r.next(ctx)
		if i%100 != 0 {
			continue
		}
		lined, resting := 0, 0
		for ref, e := range r.endpoints {
			switch {
			case e.line != nil:
				lined++
				require.Same(t, e, e.line.waiting[e.at], "%s", ref)
				require.Equal(t, e.place(), e.line.place, "%s", ref)
				require.NotZero(t, e.turn, "%s", ref)
			case e.rests:
				resting++
				require.Same(t, e, r.resting[e.at].endpoint, "%s", ref)
			default:
				require.True(t, !e.waits() || len(e.inFlight) > 0, "%s waits for nothing", ref)
			}
		}
		require.Len(t, r.resting, resting)
		for at, l := range r.lines {
			lined -= len(l.waiting)
			require.NotEmpty(t, l.waiting, "%v", at)
			if l.at < 0 {
				require.False(t, r.freeOfSeller(at), "%v is not found, and has room", at)
				continue
			}
			require.Same(t, l, r.queues[l.share()][l.at])
			require.False(t, !r.full(l.asks) && r.freeInAll(at), "somebody of %v waits although there is room", at)
		}
		require.Zero(t, lined)
	}
}

// BenchmarkTurnsAmongMany is what one result costs while so many receivers wait for room.
func BenchmarkTurnsAmongMany(b *testing.B) {
	for _, hang := range []int{10, 1000, 10_000} {
		b.Run(fmt.Sprint(hang), func(b *testing.B) {
			r, ctx := crowded(b, &crowd{hang: hang})
			for b.Loop() {
				r.next(ctx)
				_ = r.hasDue()
			}
		})
	}
}
