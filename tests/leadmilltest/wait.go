package leadmilltest

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"
)

// Patience bounds every wait for something that must happen. It only keeps a test from hanging: how quick a machine is
// under load says nothing about the product, so a test that is about time counts, or compares with a wait of its own.
const Patience = 3 * time.Minute

// Eventually waits until a condition holds, which is when it returns nil, and ends the test with what it last said when
// [Patience] is over.
func Eventually(t testing.TB, condition func() error) {
	t.Helper()
	err := condition()
	if err == nil {
		return
	}
	deadline := time.After(Patience)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-deadline:
			t.Fatalf("after %v: %v", Patience, err)
		case <-tick.C:
		}
		if err = condition(); err == nil {
			return
		}
	}
}

// Parallel calls do n times at once, with 0 to n-1, and returns when all are done.
func Parallel(n int, do func(i int)) {
	var all sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		all.Go(func() {
			<-start
			do(i)
		})
	}
	close(start)
	all.Wait()
}

// Log keeps what was written to it. It is safe for concurrent use.
type Log struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	wake chan struct{}
}

// Write implements io.Writer.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.wake != nil {
		close(l.wake)
		l.wake = nil
	}
	return l.buf.Write(p)
}

// String returns everything.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// Tail returns the last 4,000 bytes.
func (l *Log) Tail() string {
	s := l.String()
	return s[max(0, len(s)-4000):]
}

// changed returns a channel that is closed by the next Write.
func (l *Log) changed() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.wake == nil {
		l.wake = make(chan struct{})
	}
	return l.wake
}

// find returns what follows a text up to the end of its line.
func (l *Log) find(start string) (string, bool) {
	_, rest, ok := strings.Cut(l.String(), start)
	if !ok {
		return "", false
	}
	line, _, ended := strings.Cut(rest, "\n")
	return line, ended
}
