package leadmill

import (
	"io"
	"slices"
	"sync"
	"time"
)

const (
	// logPatience is how long whoever logs waits for the reader of the log, once; from then on until the reader has caught up nobody waits.
	logPatience = 100 * time.Millisecond
	// logHeld is how many bytes of the log are held for a reader that is late.
	logHeld = 1 << 20
)

// logPipe writes a log whose reader may be late or gone: then what is logged is held, and what is too much is lost and counted. It never
// returns an error, and blocks nobody for long. As long as the reader keeps up, what was written has been written.
type logPipe struct {
	to   io.Writer
	tell func(w io.Writer, lost int)

	mu    sync.Mutex
	lines [][]byte
	held  int
	lost  int
	late  bool
	more  chan struct{} // holds one when there are lines
	idle  *sync.Cond    // all lines were written
	busy  bool
}

// newLogPipe returns a logPipe. tell writes a line about lines that were lost.
func newLogPipe(to io.Writer, tell func(w io.Writer, lost int)) *logPipe {
	p := &logPipe{to: to, tell: tell, more: make(chan struct{}, 1)}
	p.idle = sync.NewCond(&p.mu)
	go p.run()
	return p
}

// Write implements io.Writer.
func (p *logPipe) Write(line []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held+len(line) > logHeld {
		p.lost++
		return len(line), nil
	}
	p.lines, p.held = append(p.lines, slices.Clone(line)), p.held+len(line)
	select {
	case p.more <- struct{}{}:
	default:
	}
	if !p.late {
		p.late = !p.wait(logPatience)
	}
	return len(line), nil
}

// wait waits until all lines were written, and reports whether they were. The caller holds the lock.
func (p *logPipe) wait(d time.Duration) bool {
	over := false
	timer := time.AfterFunc(d, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		over = true
		p.idle.Broadcast()
	})
	defer timer.Stop()
	for (len(p.lines) > 0 || p.busy) && !over {
		p.idle.Wait()
	}
	return len(p.lines) == 0 && !p.busy
}

// run writes lines for as long as the process lives.
func (p *logPipe) run() {
	for range p.more {
		for {
			p.mu.Lock()
			lines, lost := p.lines, p.lost
			if p.lines, p.held, p.lost, p.busy = nil, 0, 0, len(lines) > 0 || lost > 0; !p.busy {
				p.late = false
				p.idle.Broadcast()
				p.mu.Unlock()
				break
			}
			p.mu.Unlock()
			for _, line := range lines {
				_, _ = p.to.Write(line) // a reader that is gone reads nothing of this either
			}
			if lost > 0 {
				p.tell(p.to, lost)
			}
		}
	}
}

// close gives the reader a second for what it has not read yet.
func (p *logPipe) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wait(time.Second)
}
