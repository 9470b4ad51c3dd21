package leadmill

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"
)

// How long a stop waits: the HTTP server gives its requests 20 seconds, then the background work has workPatience, of which
// reactions take 10 seconds, and what was made is closed within closePatience. What does not end by then is left behind, because
// the process ends.
const (
	workPatience  = 15 * time.Second
	closePatience = 5 * time.Second
)

// closers close what was made, in the reverse order.
type closers struct {
	patience time.Duration // for all together
	list     []closer
	values   []any // each is closed once, however often it was made
}

type closer struct {
	what  string
	close func() error
}

func (c *closers) add(what string, closeIt func() error) {
	c.list = append(c.list, closer{what, closeIt})
}

// made adds a value that a constructor made, if it has a method Close.
func (c *closers) made(where string, value any) {
	var closeIt func() error
	switch v := value.(type) {
	case interface{ Close() error }:
		closeIt = v.Close
	case interface{ Close() }:
		closeIt = func() error { v.Close(); return nil }
	default:
		return
	}
	if reflect.ValueOf(value).Comparable() {
		if slices.Contains(c.values, value) {
			return
		}
		c.values = append(c.values, value)
	}
	c.add(where, closeIt)
}

// close closes everything. The error names what failed, or what did not end in time; nothing is closed that this one uses.
func (c *closers) close() error {
	late := time.NewTimer(c.patience)
	defer late.Stop()
	var errs []error
	for _, one := range slices.Backward(c.list) {
		done := make(chan error, 1)
		go func() { done <- one.run() }()
		select {
		case err := <-done:
			if err != nil {
				errs = append(errs, fmt.Errorf("stop: %s: %w", one.what, err))
			}
		case <-late.C:
			return errors.Join(append(errs, fmt.Errorf("stop: %s: Close does not end", one.what))...)
		}
	}
	return errors.Join(errs...)
}

func (c closer) run() (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("Close panicked: %v", v)
		}
	}()
	return c.close()
}

// work is what an instance does in the background until a context ends.
type work struct {
	ctx      context.Context
	patience time.Duration
	failed   chan error // what ended before

	group   sync.WaitGroup
	mu      sync.Mutex
	running []string
}

func newWork(ctx context.Context, patience time.Duration) *work {
	return &work{ctx: ctx, patience: patience, failed: make(chan error, 16)}
}

func (w *work) begin(name string, run func(context.Context) error) {
	w.mu.Lock()
	w.running = append(w.running, name)
	w.mu.Unlock()
	w.group.Go(func() {
		err := run(w.ctx)
		w.mu.Lock()
		w.running = slices.DeleteFunc(w.running, func(n string) bool { return n == name })
		w.mu.Unlock()
		if err != nil && w.ctx.Err() == nil {
			w.failed <- fmt.Errorf("%s stopped: %w", name, err)
		}
	})
}

// end waits for all of it. The error names what does not end.
func (w *work) end() error {
	done := make(chan struct{})
	go func() {
		w.group.Wait()
		close(done)
	}()
	late := time.NewTimer(w.patience)
	defer late.Stop()
	select {
	case <-done:
		return nil
	case <-late.C:
		w.mu.Lock()
		defer w.mu.Unlock()
		return fmt.Errorf("stop: %s does not end", strings.Join(w.running, ", "))
	}
}
