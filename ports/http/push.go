package httpport

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/leadmill/leadmill/application"
)

// Push is an answer without an end: what is written to it goes out at once, for as long as the client takes it. One goroutine writes.
type Push struct {
	writer  http.ResponseWriter
	control *http.ResponseController
	// patience is how long a client may take for pushStep bytes.
	patience time.Duration
	left     int // bytes until the client is given time again
}

const (
	// pushPatience is how long the client of a stream may take for what is sent to it, pushStep bytes at a time, beyond what the network
	// holds; then it is cut off.
	pushPatience = 10 * time.Second
	pushStep     = 64 << 10
)

// Push begins an answer without an end, with 200. The context that it returns ends with the request, when the server stops, or, with the
// cause application.ErrInvalidKey, soon after the request's key was revoked. The caller must call release.
func (k *Call) Push(contentType string) (out *Push, ctx context.Context, release func()) {
	var below http.ResponseWriter = k.gin.Writer
	if w, ok := below.(interface{ Unwrap() http.ResponseWriter }); ok { // the router's Flush keeps its error to itself
		below = w.Unwrap()
	}
	s := &Push{writer: k.gin.Writer, control: http.NewResponseController(below), patience: min(pushPatience, k.server.deps.Timeouts.Write)}
	_ = s.control.SetReadDeadline(time.Time{}) // without a connection behind it, as in tests, there are no deadlines
	ctx, unhook := k.server.untilStop(k.whole)
	ctx, leave := k.untilRevoked(ctx)
	header := k.gin.Writer.Header()
	header["Content-Type"] = []string{contentType}
	header["Cache-Control"] = []string{"no-cache"}
	header["X-Accel-Buffering"] = []string{"no"} // proxies such as nginx pass it on as it comes
	if k.Stopping() {
		header["Connection"] = closing
	}
	k.gin.Writer.WriteHeader(http.StatusOK)
	k.gin.Writer.WriteHeaderNow()
	return s, ctx, func() {
		s.extend() // for the end of the answer
		leave()
		unhook()
	}
}

// Write implements io.Writer. It fails when the client is gone, or does not take what is sent to it.
func (s *Push) Write(b []byte) (n int, err error) {
	for len(b) > 0 && err == nil {
		if s.left <= 0 {
			s.extend()
		}
		var sent int
		sent, err = s.writer.Write(b[:min(len(b), s.left)])
		n, s.left, b = n+sent, s.left-sent, b[sent:]
	}
	return n, err
}

// Flush sends what was written. It fails as Write does.
func (s *Push) Flush() error {
	s.extend()
	if err := s.control.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	s.left = 0 // the next part has its own time
	return nil
}

// extend gives the client its time, from now on.
func (s *Push) extend() {
	ctx, cancel := context.WithTimeout(context.Background(), s.patience)
	defer cancel()
	end, _ := ctx.Deadline() // by the machine's clock, whatever the server's shows
	_ = s.control.SetWriteDeadline(end)
	s.left = pushStep
}

// untilRevoked returns a context that ends with another, or with the cause application.ErrInvalidKey soon after the request's key was revoked.
// The caller must call leave.
func (k *Call) untilRevoked(ctx context.Context) (_ context.Context, leave func()) {
	if k.actor.KeyID == "" {
		return ctx, func() {}
	}
	ctx, revoke := context.WithCancelCause(ctx)
	left := k.server.keys.watch(bearer(k.gin.Request.Header), revoke)
	return ctx, func() {
		left()
		revoke(nil)
	}
}

// recheck is how often the keys of requests that wait are looked at.
const recheck = 3 * time.Second

// keyWatch looks after the keys of requests that wait: after each once, however many requests wait with it, and after all at the same time.
type keyWatch struct {
	authenticator application.Authenticator

	mu   sync.Mutex
	keys map[string]*watchedKey
	stop context.CancelFunc // of looking, while a request waits
	done chan struct{}
}

type watchedKey struct {
	waiting map[int]context.CancelCauseFunc
	next    int
}

// watch calls revoke when a key is no longer valid. A key that cannot be read is given the benefit of the doubt. The caller must call leave.
func (w *keyWatch) watch(token string, revoke context.CancelCauseFunc) (leave func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.keys) == 0 {
		w.keys = map[string]*watchedKey{}
		ctx, stop := context.WithCancel(context.Background())
		done := make(chan struct{})
		w.stop, w.done = stop, done
		go func() {
			defer close(done)
			w.look(ctx)
		}()
	}
	key := w.keys[token]
	if key == nil {
		key = &watchedKey{waiting: map[int]context.CancelCauseFunc{}}
		w.keys[token] = key
	}
	n := key.next
	key.next++
	key.waiting[n] = revoke
	return func() {
		w.mu.Lock()
		delete(key.waiting, n)
		if len(key.waiting) > 0 || w.keys[token] != key {
			w.mu.Unlock()
			return
		}
		delete(w.keys, token)
		if len(w.keys) > 0 {
			w.mu.Unlock()
			return
		}
		stop, done := w.stop, w.done
		w.mu.Unlock()
		stop()
		<-done
	}
}

// look ends the waits of keys that are no longer valid.
func (w *keyWatch) look(ctx context.Context) {
	tick := time.NewTicker(recheck)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		w.mu.Lock()
		tokens := slices.Collect(maps.Keys(w.keys))
		w.mu.Unlock()
		for _, token := range w.invalid(ctx, tokens) {
			w.mu.Lock()
			if key := w.keys[token]; key != nil {
				for _, revoke := range key.waiting {
					revoke(application.ErrInvalidKey)
				}
			}
			w.mu.Unlock()
		}
	}
}

// invalid returns the keys that are known to be no longer valid.
func (w *keyWatch) invalid(ctx context.Context, tokens []string) (ended []string) {
	if many, ok := w.authenticator.(application.KeysAtOnce); ok {
		ended, _ = many.Ended(ctx, tokens)
		return ended
	}
	for _, token := range tokens {
		if _, _, err := w.authenticator.Authenticate(ctx, token); errors.Is(err, application.ErrInvalidKey) {
			ended = append(ended, token)
		}
	}
	return ended
}
