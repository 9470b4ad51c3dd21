package leadmill

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// heapGrowth is how much the heap grows between two collections, in bytes. Growth takes memory, and collections take processor
// time (docs/benchmarks.md).
const heapGrowth = 32 << 20

// The bounds of GOGC: a heap of much live data grows by as much again, and a small one to five times its size.
const leastGOGC, mostGOGC = 100, 400

// tuneGC gives back what only the start needed, of the heap and of the program itself, and sets GOGC after each collection until
// ctx ends, so that the heap grows by heapGrowth until the next whatever the live data is: with the GOGC of an idle heap, that of
// the first clients would grow to five times its size. The environment's GOGC stands. Near the memory limit (limitMemory) the runtime collects earlier than GOGC says.
func tuneGC(ctx context.Context) error {
	limitMemory()
	runtime.GC() // what pools keep outlives one collection
	debug.FreeOSMemory()
	forgetProgram()
	if os.Getenv("GOGC") != "" {
		return nil
	}
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	for now := 100; ; {
		collected := nextCollection()
		metrics.Read(live)
		if want := gogc(live[0].Value.Uint64()); want*10 < now*9 || want*10 > now*11 { // setting it stops the world
			debug.SetGCPercent(want)
			now = want
		}
		select {
		case <-ctx.Done():
			return nil
		case <-collected:
		}
	}
}

// nextCollection returns a channel that is closed when the heap was collected.
func nextCollection() <-chan struct{} {
	collected := make(chan struct{})
	runtime.AddCleanup(&struct{ garbage [64]byte }{}, func(c chan struct{}) { close(c) }, collected)
	return collected
}

// gogc is the GOGC by which a heap with so many bytes of live data grows by heapGrowth, within bounds.
func gogc(live uint64) int {
	return int(min(max(heapGrowth*100/max(live, 1), leastGOGC), mostGOGC))
}
