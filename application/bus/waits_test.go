package bus_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/application/bus"
)

var errHeld = errors.New("held by somebody else")

type patienceKey struct{}

// held handles commands "lane:n": those of lanes that are held fail, as all that share a batch with them do.
type held struct {
	mu      sync.Mutex
	lanes   map[string]bool
	batches []string // the patience and commands of each batch
	entered chan string
	leave   chan struct{} // batches of held lanes wait for it when they are patient for longer than a second
}

func (h *held) HandleBatch(ctx context.Context, batch []string) []bus.Outcome[string] {
	patience, _ := ctx.Value(patienceKey{}).(time.Duration)
	h.mu.Lock()
	h.batches = append(h.batches, fmt.Sprint(patience, " ", batch))
	if laneOf(batch[0]) == "z" { // what comes meanwhile is one batch
		h.mu.Unlock()
		h.entered <- batch[0]
		<-h.leave
		h.mu.Lock()
	}
	waits := slices.ContainsFunc(batch, func(c string) bool { return h.lanes[laneOf(c)] })
	h.mu.Unlock()
	if waits && patience > time.Second {
		h.entered <- batch[0]
		<-h.leave
		h.mu.Lock()
		waits = slices.ContainsFunc(batch, func(c string) bool { return h.lanes[laneOf(c)] })
		h.mu.Unlock()
	}
	outcomes := make([]bus.Outcome[string], len(batch))
	for i, c := range batch {
		if outcomes[i].Result = c; waits {
			outcomes[i] = bus.Outcome[string]{Err: fmt.Errorf("%s: %w", c, errHeld)}
		}
	}
	return outcomes
}

func (h *held) set(lane string, is bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lanes[lane] = is
}

func (h *held) seen() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := h.batches
	h.batches = nil
	return all
}

func laneOf(c string) string { return c[:1] }

// newHeld returns a Batcher of one lane that all commands share.
func newHeld(t *testing.T, queue int, lanes ...string) (*held, *bus.Batcher[string, string]) {
	t.Helper()
	h := &held{lanes: map[string]bool{}, entered: make(chan string), leave: make(chan struct{})}
	for _, l := range lanes {
		h.lanes[l] = true
	}
	b := bus.NewBatcher(bus.BatcherConfig{MaxBatch: 10, Lanes: 1, Queue: queue, Timeout: time.Minute, Waits: bus.Waits{
		Held: func(err error) bool { return errors.Is(err, errHeld) },
		Patience: func(ctx context.Context, d time.Duration) context.Context {
			return context.WithValue(ctx, patienceKey{}, d)
		},
		First: time.Millisecond, Again: time.Microsecond, Own: time.Hour, Tries: 3, AtOnce: 2,
	}}, h, laneOf)
	t.Cleanup(b.Close)
	return h, b
}

// sending sends a command and returns where its outcome comes.
func sending(t *testing.T, b *bus.Batcher[string, string], c string) <-chan bus.Outcome[string] {
	t.Helper()
	out := make(chan bus.Outcome[string], 1)
	go func() {
		r, err := b.Handle(context.WithoutCancel(t.Context()), c)
		out <- bus.Outcome[string]{Result: r, Err: err}
	}()
	return out
}

func TestWhatIsHeldIsWaitedForInALaneOfItsOwn(t *testing.T) {
	t.Parallel()
	h, b := newHeld(t, 100, "a")
	first := sending(t, b, "a1")
	require.Equal(t, "a1", <-h.entered, "it waits")
	require.Equal(t, []string{"1ms [a1]", "1h0m0s [a1]"}, h.seen())
	require.Equal(t, "b1", (<-sending(t, b, "b1")).Result, "others go on meanwhile")
	second, third := sending(t, b, "a2"), sending(t, b, "a3")
	require.Eventually(t, func() bool { _, queued := b.Own("a"); return queued == 2 }, time.Minute, time.Millisecond)
	require.Equal(t, "b2", (<-sending(t, b, "b2")).Result)
	require.Equal(t, []string{"1ms [b1]", "1ms [b2]"}, h.seen(), "those that came later do not try in the lane of all")
	h.set("a", false)
	h.leave <- struct{}{}
	require.Equal(t, bus.Outcome[string]{Result: "a1"}, <-first)
	require.ElementsMatch(t, []string{"a2", "a3"}, []string{(<-second).Result, (<-third).Result})
	require.Eventually(t, func() bool { own, _ := b.Own("a"); return !own }, time.Minute, time.Millisecond, "it got through")
	h.seen()
	require.Equal(t, "a4", (<-sending(t, b, "a4")).Result)
	require.Equal(t, []string{"1ms [a4]"}, h.seen(), "back in the lane of all")
}

func TestOnlyWhatIsHeldLeavesItsBatch(t *testing.T) {
	t.Parallel()
	h, b := newHeld(t, 100, "a")
	head := sending(t, b, "z1")
	require.Equal(t, "z1", <-h.entered)
	outs := map[string]<-chan bus.Outcome[string]{}
	for _, c := range []string{"a1", "b1", "a2", "c1"} {
		outs[c] = sending(t, b, c)
	}
	require.Eventually(t, func() bool { return b.Queued() == 4 }, time.Minute, time.Millisecond)
	h.leave <- struct{}{}
	require.NoError(t, (<-head).Err)
	for _, c := range []string{"b1", "c1"} {
		require.Equal(t, bus.Outcome[string]{Result: c}, <-outs[c])
	}
	<-h.entered
	own, _ := b.Own("b")
	require.False(t, own)
	own, _ = b.Own("a")
	require.True(t, own)
	h.set("a", false)
	h.leave <- struct{}{}
	for _, out := range []<-chan bus.Outcome[string]{outs["a1"], outs["a2"]} {
		require.NoError(t, (<-out).Err)
	}
}

func TestWhatIsHeldForTooLongFailsAndTheNextDoesNotHoldUpOthers(t *testing.T) {
	t.Parallel()
	h, b := newHeld(t, 100, "a")
	out := sending(t, b, "a1")
	for range 3 {
		<-h.entered
		h.leave <- struct{}{}
	}
	require.ErrorIs(t, (<-out).Err, errHeld)
	require.Equal(t, []string{"1ms [a1]", "1h0m0s [a1]", "1h0m0s [a1]", "1h0m0s [a1]"}, h.seen())
	out = sending(t, b, "a2")
	<-h.entered
	require.Equal(t, []string{"1h0m0s [a2]"}, h.seen(), "it is still in a lane of its own")
	h.set("a", false)
	h.leave <- struct{}{}
	require.Equal(t, "a2", (<-out).Result)
}

func TestALaneOfItsOwnIsBounded(t *testing.T) {
	t.Parallel()
	h, b := newHeld(t, 2, "a")
	waiting := []<-chan bus.Outcome[string]{sending(t, b, "a1")}
	<-h.entered
	for i := range 2 {
		waiting = append(waiting, sending(t, b, fmt.Sprint("a", 2+i)))
	}
	require.Eventually(t, func() bool { _, queued := b.Own("a"); return queued == 2 }, time.Minute, time.Millisecond)
	require.ErrorIs(t, (<-sending(t, b, "a4")).Err, bus.ErrOverloaded)
	closed := make(chan struct{})
	go func() { b.Close(); close(closed) }()
	h.set("a", false)
	h.leave <- struct{}{}
	for _, out := range waiting {
		require.NoError(t, (<-out).Err, "what was admitted is done before the Batcher closes")
	}
	<-closed
}

func TestNoMoreLanesOfTheirOwnWaitAtOnceThanMay(t *testing.T) {
	t.Parallel()
	h, b := newHeld(t, 100, "a", "b", "c")
	outs := []<-chan bus.Outcome[string]{sending(t, b, "a1"), sending(t, b, "b1")}
	first, second := <-h.entered, <-h.entered
	require.NotEqual(t, first, second)
	outs = append(outs, sending(t, b, "c1"))
	require.Eventually(t, func() bool { _, queued := b.Own("c"); return queued == 1 }, time.Minute, time.Millisecond)
	require.Equal(t, "d1", (<-sending(t, b, "d1")).Result, "others need no such place")
	for _, l := range []string{"a", "b", "c"} {
		h.set(l, false)
	}
	h.leave <- struct{}{}
	h.leave <- struct{}{}
	for _, out := range outs {
		require.NoError(t, (<-out).Err)
	}
}
