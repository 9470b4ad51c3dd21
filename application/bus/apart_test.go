package bus_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/application/bus"
)

// owner is the first letter of what follows "bad " or stands alone.
func owner(c string) string { return strings.TrimPrefix(c, "bad ")[:1] }

func TestABatchIsCutByKey(t *testing.T) {
	t.Parallel()
	g := &gate{}
	out := bus.Apart(g, owner, 1).HandleBatch(t.Context(), []string{"a1", "b1", "bad a2", "c1", "b2", "a3"})
	assert.Equal(t, [][]string{{"a1", "bad a2", "a3"}, {"b1", "b2"}, {"c1"}}, g.seen())
	require.Len(t, out, 6)
	for i, c := range []string{"a1", "b1", "", "c1", "b2", "a3"} {
		if c == "" {
			require.EqualError(t, out[i].Err, "bad a2")
			continue
		}
		assert.Equal(t, outcome{Result: "done " + c}, out[i])
	}
}

func TestABatchOfOneKeyIsHandedOnAsItIs(t *testing.T) {
	t.Parallel()
	g := &gate{}
	batch := []string{"a1", "a2"}
	assert.Len(t, bus.Apart(g, owner, 4).HandleBatch(t.Context(), batch), 2)
	assert.Equal(t, [][]string{batch}, g.seen())
	assert.Empty(t, bus.Apart(&gate{}, owner, 4).HandleBatch(t.Context(), nil))
}

func TestPartsRunSideBySideWithinTheirBound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var running, most atomic.Int64
		proceed := make(chan struct{})
		var mu sync.Mutex
		g := &gate{proceed: func([]string) {
			mu.Lock()
			most.Store(max(most.Load(), running.Add(1)))
			mu.Unlock()
			<-proceed
			running.Add(-1)
		}}
		done := make(chan []outcome)
		go func() {
			done <- bus.Apart(g, owner, 3).HandleBatch(context.Background(), []string{"a", "b", "c", "d", "e"})
		}()
		synctest.Wait()
		assert.EqualValues(t, 3, running.Load())
		close(proceed)
		assert.Len(t, <-done, 5)
		assert.EqualValues(t, 3, most.Load())
	})
}

func TestAPartFailsAlone(t *testing.T) {
	t.Parallel()
	panics := &gate{proceed: func(batch []string) {
		if batch[0] == "b" {
			panic("at b")
		}
	}}
	out := bus.Apart(panics, owner, 2).HandleBatch(t.Context(), []string{"a", "b", "c"})
	var panicked *bus.PanicError
	require.ErrorAs(t, out[1].Err, &panicked)
	assert.Equal(t, []outcome{{Result: "done a"}, {Result: "done c"}}, []outcome{out[0], out[2]})

	out = bus.Apart(forgetful{}, owner, 2).HandleBatch(t.Context(), []string{"a", "b1", "b2"})
	require.NoError(t, out[0].Err)
	require.Error(t, out[1].Err)
	require.Error(t, out[2].Err)
}

// forgetful answers one outcome, whatever the batch.
type forgetful struct{}

func (forgetful) HandleBatch(context.Context, []string) []outcome { return make([]outcome, 1) }
