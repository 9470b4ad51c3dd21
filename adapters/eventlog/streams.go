package eventlog

import (
	"cmp"
	"context"
	"log/slog"
	"sort"
	"sync"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/lease"
	feedquery "github.com/leadmill/leadmill/application/feed/query"
)

// StreamsConfig bounds the open streams of an instance.
type StreamsConfig struct {
	Most   int           // in all; 10,000 when zero
	PerKey int           // with one API key; 100 when zero
	Check  time.Duration // how often it is looked whether the log is still the same; 10 s when zero
	Logger *slog.Logger
}

// Streams handles feedquery.EventStream. All streams read the newest events from the tail of the log, where each is read from the
// database, decoded and encoded once; a stream itself keeps no events. Only one that is behind reads the database, and few do so at the
// same time. An instance asks for nothing on behalf of streams that wait, but whether the log is the same.
type Streams struct {
	feed   *Feed
	reader *Reader
	config StreamsConfig
	behind chan struct{} // who reads the database

	mu        sync.Mutex
	told      int64 // up to which audiences know of their events
	open      int
	ofKey     map[string]int
	audiences map[string]*audience
}

// audience is the streams of one seller.
type audience struct {
	streams int
	log     string // which one their positions are of
	floor   int64  // above it, recent has all stretches of the seller that were told
	recent  []span // ascending
	wake    chan struct{}
	ended   error
}

// span is the positions of a stretch.
type span struct{ first, last int64 }

const (
	// recentSpans is how many of its newest stretches an audience knows. Whoever has fallen behind them goes through all that happened
	// since, of all sellers.
	recentSpans = 64
	// streamStep is how many events, of all sellers, a stream takes from the tail at once, about.
	streamStep = 1000
	// streamPage is how many events a stream that is behind reads from the database at once: what it holds while a client takes its time.
	streamPage = 50
	// behindAtOnce is how many streams that are behind read the database at the same time.
	behindAtOnce = 8
)

// NewStreams returns streams that show what a feed shows. Run must be running for them to go on.
func NewStreams(feed *Feed, c StreamsConfig) *Streams {
	c.Most, c.PerKey, c.Check = cmp.Or(c.Most, 10_000), cmp.Or(c.PerKey, 100), cmp.Or(c.Check, 10*time.Second)
	c.Logger = loggerOr(c.Logger)
	return &Streams{feed: feed, reader: feed.reader, config: c, behind: make(chan struct{}, behindAtOnce), ofKey: map[string]int{}, audiences: map[string]*audience{}}
}

// Open is how many streams are open.
func (s *Streams) Open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open
}

// Run tells streams of new events until ctx ends, which is no error.
func (s *Streams) Run(ctx context.Context) error {
	var checks sync.WaitGroup
	checks.Go(func() { s.check(ctx) })
	defer checks.Wait()
	for failures := 0; ; {
		s.mu.Lock()
		told := s.told
		s.mu.Unlock()
		head, err := s.reader.head.Wait(ctx, told)
		if err != nil {
			return nil
		}
		if err = s.tell(ctx, told, head); err == nil {
			failures = 0
			continue
		}
		if ctx.Err() != nil {
			return nil
		}
		failures++
		s.config.Logger.WarnContext(ctx, "event log: streams not told of new events", slog.Any("error", err))
		if lease.Pause(ctx, Backoff{}.or(200*time.Millisecond, 5*time.Second).delay(failures)) != nil {
			return nil
		}
	}
}

// tell wakes the audiences of the events above from up to a head.
func (s *Streams) tell(ctx context.Context, from, head int64) error {
	for from < head {
		if s.Open() == 0 { // a stream that is opened later looks by itself for what was before
			s.reached(head, nil, from)
			return nil
		}
		all, err := s.stretches(ctx, from, head)
		if err != nil {
			return err
		}
		upTo := head
		if len(all) > 0 {
			upTo = min(head, all[len(all)-1].last())
		}
		s.reached(upTo, all, from)
		from = upTo
	}
	return nil
}

// reached wakes those whose events are in stretches, which are all from a position up to another.
func (s *Streams) reached(upTo int64, all []stretch, from int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told = upTo
	woken := map[*audience]bool{}
	for i := range all {
		if a := s.audiences[all[i].seller]; a != nil {
			a.add(span{max(all[i].first, from+1), all[i].last()})
			woken[a] = true
		}
	}
	for a := range woken {
		a.call()
	}
}

// stretches are the next ones above a position, of all sellers, from the tail where it has them.
func (s *Streams) stretches(ctx context.Context, after, head int64) ([]stretch, error) {
	shared, err := s.reader.tail.read(ctx, after, head, head, decodeStep)
	if err != nil {
		return nil, err
	}
	if shared == nil {
		return stretches(ctx, s.reader.db, "", after, head)
	}
	all := make([]stretch, len(shared))
	for i := range shared {
		all[i] = shared[i].stretch
	}
	return all, nil
}

func (a *audience) add(n span) {
	if len(a.recent) == recentSpans {
		a.floor = a.recent[0].last
		a.recent = append(a.recent[:0], a.recent[1:]...)
	}
	a.recent = append(a.recent, n)
}

// call wakes the streams.
func (a *audience) call() {
	close(a.wake)
	a.wake = make(chan struct{})
}

// ahead is where a stream of the audience goes on that is at a position, past events of other sellers, and how far there may be more.
func (a *audience) ahead(at int64) (from, upTo int64) {
	next := sort.Search(len(a.recent), func(i int) bool { return a.recent[i].last > at })
	if next == len(a.recent) {
		return at, at
	}
	none := a.floor // no event of the seller is between it and the next stretch
	if next > 0 {
		none = a.recent[next-1].last
	}
	if at >= none {
		at = max(at, a.recent[next].first-1)
	}
	return at, a.recent[len(a.recent)-1].last
}

// check ends streams whose log is no longer the one that is read, which is so after its identity was changed.
func (s *Streams) check(ctx context.Context) {
	for lease.Pause(ctx, s.config.Check) == nil {
		if s.Open() == 0 {
			continue
		}
		if b, err := s.reader.head.bounds(ctx); err == nil { // while nobody can say, they go on
			s.end(b)
		}
	}
}

// end ends the streams of other logs than one.
func (s *Streams) end(b bounds) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for seller, a := range s.audiences {
		if a.log != b.log && a.log != "" {
			a.ended = &feedquery.LogError{Err: feedquery.ErrLogChanged, LogID: b.log, Head: b.head}
			a.call()
			delete(s.audiences, seller)
		}
	}
}

// EventStream handles the query: feedquery.ErrTooManyStreams, feedquery.ErrStreamsFull, application.ErrUnavailable, *feedquery.LogError and
// *feedquery.ArchivedError.
func (s *Streams) EventStream(ctx context.Context, q feedquery.EventStream) (feedquery.OpenStream, error) {
	for {
		t := &stream{of: s, key: q.KeyID, filter: s.feed.filter(q.SellerID, q.Types)}
		t.mask, t.wanted = t.filter.wants()
		if err := s.join(t); err != nil {
			return nil, err
		}
		b, err := s.reader.head.bounds(ctx) // after it joined, so that it misses nothing
		if err == nil && !s.agree(t, b) {
			t.Close()
			s.end(b)
			continue
		}
		if err == nil {
			err = t.begin(ctx, q, b)
		}
		if err != nil {
			t.Close()
			return nil, err
		}
		return t, nil
	}
}

// agree reports whether a stream's audience is of a log.
func (s *Streams) agree(t *stream, b bounds) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.audience.log == "" {
		t.audience.log = b.log
	}
	return t.audience.log == b.log
}

// join lets a stream be told of what happens from now on.
func (s *Streams) join(t *stream) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.ofKey[t.key] >= s.config.PerKey:
		return feedquery.ErrTooManyStreams
	case s.open >= s.config.Most:
		return feedquery.ErrStreamsFull
	}
	a := s.audiences[t.filter.SellerID]
	if a == nil {
		a = &audience{floor: s.told, wake: make(chan struct{})}
		s.audiences[t.filter.SellerID] = a
	}
	s.open++
	s.ofKey[t.key]++
	a.streams++
	t.audience = a
	return nil
}

func (s *Streams) leave(t *stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
	if s.ofKey[t.key]--; s.ofKey[t.key] == 0 {
		delete(s.ofKey, t.key)
	}
	if t.audience.streams--; t.audience.streams == 0 && s.audiences[t.filter.SellerID] == t.audience {
		delete(s.audiences, t.filter.SellerID)
	}
}
