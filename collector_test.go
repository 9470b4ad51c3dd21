package leadmill

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestTheHeapGrowsByAsMuchWhateverLives(t *testing.T) {
	t.Parallel()
	for live, want := range map[uint64]int{
		0: 400, 1: 400, 8 << 20: 400, 10 << 20: 320, 16 << 20: 200, 32 << 20: 100, 33 << 20: 100, 1 << 40: 100,
	} {
		assert.Equal(t, want, gogc(live), live)
	}
}

func TestCollectionsAreNoticed(t *testing.T) {
	t.Parallel()
	collected := nextCollection()
	runtime.GC()
	select {
	case <-collected:
	case <-time.After(10 * time.Second):
		t.Fatal("nothing was told of a collection")
	}
}
