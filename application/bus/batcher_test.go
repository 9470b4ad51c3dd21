package bus_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/domain/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type outcome = bus.Outcome[string]

// gate is a handler whose batches run until the test lets them go on.
type gate struct {
	mu      sync.Mutex
	batches [][]string
	ctxs    []context.Context
	proceed func(batch []string) // runs inside every batch; may block
}

func (g *gate) HandleBatch(ctx context.Context, batch []string) []outcome {
	g.mu.Lock()
	g.batches, g.ctxs = append(g.batches, slices.Clone(batch)), append(g.ctxs, ctx)
	g.mu.Unlock()
	if g.proceed != nil {
		g.proceed(batch)
	}
	out := make([]outcome, len(batch))
	for i, c := range batch {
		out[i].Result = "done " + c
		if strings.HasPrefix(c, "bad") {
			out[i] = outcome{Err: errors.New(c)}
		}
	}
	return out
}

func (g *gate) seen() [][]string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.batches)
}

// reply is what one caller got.
type reply struct {
	result string
	err    error
}

func send(ctx context.Context, b *bus.Batcher[string, string], c string) <-chan reply {
	out := make(chan reply, 1)
	go func() {
		r, err := b.Handle(ctx, c)
		out <- reply{r, err}
	}()
	synctest.Wait() // queued, refused or done
	return out
}

func oneLane(string) string { return "lane" }

func config(change ...func(*bus.BatcherConfig)) bus.BatcherConfig {
	c := bus.BatcherConfig{MaxBatch: 3, Lanes: 1, Queue: 10, Timeout: time.Minute}
	for _, f := range change {
		f(&c)
	}
	return c
}

func TestNaturalGroupCommit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		step := make(chan struct{})
		g := &gate{proceed: func([]string) { <-step }}
		b := bus.NewBatcher(config(), g, oneLane)
		defer b.Close()
		start := time.Now()
		replies := []<-chan reply{send(t.Context(), b, "a")}
		assert.Equal(t, [][]string{{"a"}}, g.seen(), "a lone command goes at once")
		for _, c := range []string{"b", "bad c", "d", "e"} {
			replies = append(replies, send(t.Context(), b, c))
		}
		assert.Len(t, g.seen(), 1, "arrivals wait while a batch runs")
		step <- struct{}{}
		synctest.Wait()
		assert.Equal(t, [][]string{{"a"}, {"b", "bad c", "d"}}, g.seen(), "the next batch takes what is there, but no more than it may")
		step <- struct{}{}
		step <- struct{}{}
		for i, want := range []reply{{"done a", nil}, {"done b", nil}, {"", errors.New("bad c")}, {"done d", nil}, {"done e", nil}} {
			assert.Equal(t, want, <-replies[i])
		}
		assert.Equal(t, [][]string{{"a"}, {"b", "bad c", "d"}, {"e"}}, g.seen())
		assert.Equal(t, start, time.Now(), "nothing waited for a timer")
	})
}

func TestLanesAreIndependent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		step := make(chan struct{})
		g := &gate{proceed: func(batch []string) {
			if batch[0] == "slow" {
				<-step
			}
		}}
		// "a" and "b" differ in the last bit of their FNV hash.
		b := bus.NewBatcher(config(func(c *bus.BatcherConfig) { c.Lanes = 2 }), g, func(c string) string {
			if strings.HasPrefix(c, "slow") {
				return "a"
			}
			return "b"
		})
		defer b.Close()
		slow := send(t.Context(), b, "slow")
		behind := send(t.Context(), b, "slow too")
		for range 3 {
			assert.Equal(t, reply{"done quick", nil}, <-send(t.Context(), b, "quick"))
		}
		assert.Empty(t, slow)
		assert.Empty(t, behind)
		close(step)
		assert.Equal(t, reply{"done slow", nil}, <-slow)
		assert.Equal(t, reply{"done slow too", nil}, <-behind)
	})
}

func TestAFullQueueIsRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		step := make(chan struct{})
		g := &gate{proceed: func([]string) { <-step }}
		b := bus.NewBatcher(config(func(c *bus.BatcherConfig) { c.Queue = 2 }), g, oneLane)
		defer b.Close()
		running, one, two := send(t.Context(), b, "running"), send(t.Context(), b, "1"), send(t.Context(), b, "2")
		refused := <-send(t.Context(), b, "3")
		require.ErrorIs(t, refused.err, bus.ErrOverloaded)
		assert.Equal(t, fault.Unavailable, fault.KindOf(refused.err))
		assert.Equal(t, fault.Code("service_unavailable"), fault.CodeOf(refused.err))
		close(step)
		for _, r := range []<-chan reply{running, one, two} {
			require.NoError(t, (<-r).err)
		}
		assert.Equal(t, [][]string{{"running"}, {"1", "2"}}, g.seen())
	})
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		step := make(chan struct{})
		var finished []string
		g := &gate{proceed: func(batch []string) { <-step; finished = append(finished, batch...) }}
		b := bus.NewBatcher(config(), g, oneLane)
		ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "trace"))
		running, waiting := send(ctx, b, "running"), send(ctx, b, "waiting")
		other := send(t.Context(), b, "other")
		cancel()
		for _, r := range []<-chan reply{running, waiting} {
			got := <-r
			require.ErrorIs(t, got.err, bus.ErrOverloaded, "nobody is left waiting")
			require.ErrorIs(t, got.err, context.Canceled)
		}
		require.NoError(t, g.ctxs[0].Err(), "what started is not torn down")
		assert.Equal(t, "trace", g.ctxs[0].Value(key{}))
		deadline, ok := g.ctxs[0].Deadline()
		assert.True(t, ok)
		assert.Equal(t, time.Minute, time.Until(deadline))
		close(step)
		assert.Equal(t, reply{"done other", nil}, <-other)
		assert.Equal(t, [][]string{{"running"}, {"other"}}, g.seen(), "what had not started is dropped")
		assert.Equal(t, []string{"running", "other"}, finished, "what had started was done")
		late, stop := context.WithCancel(t.Context())
		stop()
		require.ErrorIs(t, (<-send(late, b, "late")).err, context.Canceled)
		assert.Len(t, g.seen(), 2)
		b.Close()
	})
}

func TestABatchOfNobodyIsNotRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		step := make(chan struct{})
		g := &gate{proceed: func([]string) { <-step }}
		b := bus.NewBatcher(config(), g, oneLane)
		ctx, cancel := context.WithCancel(t.Context())
		first := send(t.Context(), b, "first")
		gone := send(ctx, b, "gone")
		cancel()
		<-gone
		close(step)
		<-first
		b.Close()
		assert.Equal(t, [][]string{{"first"}}, g.seen())
	})
}

func TestMaxBatchOneRunsConcurrently(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		step := make(chan struct{})
		g := &gate{proceed: func([]string) { <-step }}
		b := bus.NewBatcher(config(func(c *bus.BatcherConfig) { c.MaxBatch = 1 }), g, oneLane)
		replies := []<-chan reply{send(t.Context(), b, "a"), send(t.Context(), b, "b"), send(t.Context(), b, "c")}
		assert.Equal(t, [][]string{{"a"}, {"b"}, {"c"}}, g.seen(), "all three run")
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, (<-send(cancelled, b, "d")).err, bus.ErrOverloaded)
		assert.Len(t, g.seen(), 3, "cancelled before it started")

		closed := make(chan struct{})
		go func() { b.Close(); close(closed) }()
		synctest.Wait()
		select {
		case <-closed:
			t.Error("Close does not wait for what runs")
		default:
		}
		require.ErrorIs(t, (<-send(t.Context(), b, "e")).err, bus.ErrOverloaded)
		close(step)
		<-closed
		for i, want := range []string{"done a", "done b", "done c"} {
			assert.Equal(t, reply{want, nil}, <-replies[i])
		}
	})
}

func TestCloseDrains(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		step := make(chan struct{})
		g := &gate{proceed: func([]string) { <-step }}
		b := bus.NewBatcher(config(), g, oneLane)
		var replies []<-chan reply
		for _, c := range []string{"a", "b", "c", "d", "e"} {
			replies = append(replies, send(t.Context(), b, c))
		}
		closed := make(chan struct{})
		for range 2 { // closing again does nothing
			go func() { b.Close(); closed <- struct{}{} }()
		}
		synctest.Wait()
		require.ErrorIs(t, (<-send(t.Context(), b, "late")).err, bus.ErrOverloaded)
		close(step)
		<-closed
		<-closed
		for _, r := range replies {
			require.NoError(t, (<-r).err)
		}
		assert.Equal(t, [][]string{{"a"}, {"b", "c", "d"}, {"e"}}, g.seen())
	})
}

// No command may be admitted after the last batch: it would wait for ever.
func TestCloseRacesWithHandle(t *testing.T) {
	t.Parallel()
	for range 200 {
		b := bus.NewBatcher(config(func(c *bus.BatcherConfig) { c.Lanes = 2; c.Queue = 64 }), &gate{}, func(c string) string { return c })
		var callers sync.WaitGroup
		for _, c := range []string{"a", "b", "c", "d"} {
			callers.Go(func() {
				for range 5 {
					if r, err := b.Handle(context.Background(), c); err != nil {
						assert.ErrorIs(t, err, bus.ErrOverloaded)
					} else {
						assert.Equal(t, "done "+c, r)
					}
				}
			})
		}
		b.Close()
		callers.Wait()
	}
}

func TestAHandlerThatMisbehaves(t *testing.T) {
	t.Parallel()
	short := func(n int) bus.BatchHandler[string, string] {
		return handlerFunc(func(_ context.Context, batch []string) []outcome {
			if slices.Contains(batch, "fine") {
				return []outcome{{Result: "fine"}}
			}
			return make([]outcome, n)
		})
	}
	for name, tc := range map[string]struct {
		h     bus.BatchHandler[string, string]
		check func(t *testing.T, err error)
	}{
		"panics": {handlerFunc(func(_ context.Context, batch []string) []outcome {
			if slices.Contains(batch, "fine") {
				return []outcome{{Result: "fine"}}
			}
			panic("john.doe@canary.example")
		}), func(t *testing.T, err error) {
			var p *bus.PanicError
			require.ErrorAs(t, err, &p)
			assert.Equal(t, "john.doe@canary.example", p.Value)
			assert.Contains(t, string(p.Stack), "TestAHandlerThatMisbehaves")
			assert.NotContains(t, err.Error(), "canary", "the value may be personal")
			assert.NotContains(t, string(p.Stack), "canary")
			assert.Equal(t, fault.Internal, fault.KindOf(err))
		}},
		"answers nothing":  {short(0), func(t *testing.T, err error) { require.ErrorContains(t, err, "one outcome per command") }},
		"answers too many": {short(9), func(t *testing.T, err error) { require.ErrorContains(t, err, "one outcome per command") }},
	} {
		for _, size := range []int{1, 3} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					step := make(chan struct{})
					h := handlerFunc(func(ctx context.Context, batch []string) []outcome {
						<-step
						return tc.h.HandleBatch(ctx, batch)
					})
					b := bus.NewBatcher(config(func(c *bus.BatcherConfig) { c.MaxBatch = size }), h, oneLane)
					defer b.Close()
					replies := []<-chan reply{send(t.Context(), b, "x"), send(t.Context(), b, "y"), send(t.Context(), b, "z")}
					close(step)
					for _, r := range replies {
						got := <-r
						tc.check(t, got.err)
						assert.Empty(t, got.result)
					}
					assert.Equal(t, reply{"fine", nil}, <-send(t.Context(), b, "fine"), "the lane lives on")
				})
			})
		}
	}
}

type handlerFunc func(context.Context, []string) []outcome

func (f handlerFunc) HandleBatch(ctx context.Context, batch []string) []outcome { return f(ctx, batch) }
