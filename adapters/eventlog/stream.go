package eventlog

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	feedquery "github.com/leadmill/leadmill/application/feed/query"
)

// stream is one open stream: a position, and nothing else that grows.
type stream struct {
	of       *Streams
	key, log string
	filter   Filter
	mask     uint64
	wanted   func(typ string) bool
	audience *audience

	at    int64 // events up to it were given
	known int64 // up to which there may be events that no audience was told of: they were there when the stream was opened
	first []feedquery.StreamedEvent
	timer *time.Timer
	ended bool
}

// begin places the stream in the log, and reads what is there already, so that what is wrong is told before the stream is there.
func (t *stream) begin(ctx context.Context, q feedquery.EventStream, b bounds) error {
	if q.FromHead {
		q.After, q.LogID = b.head, b.log
	}
	if err := within(b, q.LogID, q.After); err != nil {
		return err
	}
	t.log, t.at, t.known = b.log, q.After, b.head
	if t.at == t.known {
		return nil
	}
	if t.at+1 < b.first {
		return &feedquery.ArchivedError{First: b.first}
	}
	var err error
	t.first, err = t.read(ctx, t.known)
	return err
}

// LogID implements feedquery.OpenStream.
func (t *stream) LogID() string { return t.log }

// Position implements feedquery.OpenStream.
func (t *stream) Position() int64 {
	if len(t.first) > 0 {
		return t.first[0].Position - 1
	}
	return t.at
}

// Next implements feedquery.OpenStream. A stream that passes by many events of other types says so by no events.
func (t *stream) Next(ctx context.Context, d time.Duration) ([]feedquery.StreamedEvent, error) {
	if first := t.first; len(first) > 0 {
		t.first = nil
		return first, nil
	}
	if t.timer == nil {
		t.timer = time.NewTimer(d)
	} else {
		t.timer.Reset(d)
	}
	defer t.timer.Stop()
	for {
		upTo, told, wake, err := t.look()
		if err != nil {
			return nil, err
		}
		if t.at < upTo {
			before := t.at
			events, err := t.read(ctx, upTo)
			if err != nil && ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			if err != nil || len(events) > 0 || t.at-before >= int64(t.of.reader.scan) {
				return events, err
			}
			continue
		}
		select {
		case <-wake:
		case <-t.timer.C:
			t.at = max(t.at, told) // nothing up to there is for this stream
			return nil, nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// look returns how far there may be more, and how far all audiences were told.
func (t *stream) look() (upTo, told int64, wake <-chan struct{}, err error) {
	t.of.mu.Lock()
	defer t.of.mu.Unlock()
	if t.audience.ended != nil {
		return 0, 0, nil, t.audience.ended
	}
	if t.at >= t.known {
		t.at, upTo = t.audience.ahead(t.at)
	} else {
		_, upTo = t.audience.ahead(t.at)
		upTo = max(upTo, t.known)
	}
	return upTo, t.of.told, t.audience.wake, nil
}

// read returns the next events up to a position, which may be none, and moves on.
func (t *stream) read(ctx context.Context, upTo int64) ([]feedquery.StreamedEvent, error) {
	r := t.of.reader
	shared, err := r.tail.read(ctx, t.at, upTo, max(upTo, r.head.Current()), streamStep)
	if err != nil {
		return nil, describe(r.db, "read events", err)
	}
	if shared == nil {
		return t.readBehind(ctx)
	}
	var events []feedquery.StreamedEvent
	for i := range shared {
		s := &shared[i]
		if s.seller != t.filter.SellerID || s.types&t.mask == 0 {
			continue
		}
		if s.err != nil {
			t.of.feed.tell(ctx, s.err)
			return nil, application.ErrUnavailable.Because(s.err)
		}
		for j := range s.list {
			if e := &s.list[j]; e.Position > t.at && e.Position <= upTo && t.wanted(e.Type) {
				events = append(events, feedquery.StreamedEvent{StoredEvent: e, Shared: &s.encodings[j]})
			}
		}
	}
	t.at = max(t.at, min(upTo, shared[len(shared)-1].last()))
	return events, nil
}

// readBehind reads from the database what the tail does not have any more.
func (t *stream) readBehind(ctx context.Context) ([]feedquery.StreamedEvent, error) {
	select {
	case t.of.behind <- struct{}{}:
		defer func() { <-t.of.behind }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	r := t.of.reader
	b, err := r.head.bounds(ctx)
	if err != nil {
		return nil, err
	}
	if err := within(b, t.log, t.at); err != nil {
		return nil, err
	}
	list, next, err := r.within(ctx, b, t.at, streamPage, t.filter)
	if err != nil {
		t.of.feed.tell(ctx, err)
		return nil, err
	}
	if len(list) == 0 && next == t.at { // nothing is left, unless it was archived meanwhile
		now, err := r.head.bounds(ctx)
		if err != nil {
			return nil, err
		}
		if t.at+1 < now.first {
			return nil, &feedquery.ArchivedError{First: now.first}
		}
		next = b.head
	}
	t.at = max(t.at, next)
	events := make([]feedquery.StreamedEvent, len(list))
	for i := range list {
		events[i].StoredEvent = &list[i]
	}
	return events, nil
}

// Close implements feedquery.OpenStream.
func (t *stream) Close() {
	if !t.ended {
		t.ended = true
		t.of.leave(t)
	}
}

// within returns a *feedquery.LogError when a position is not of the log.
func within(b bounds, logID string, position int64) error {
	switch {
	case logID != "" && logID != b.log:
		return &feedquery.LogError{Err: feedquery.ErrLogChanged, LogID: b.log, Head: b.head}
	case position > b.head:
		return &feedquery.LogError{Err: feedquery.ErrPositionAhead, LogID: b.log, Head: b.head}
	}
	return nil
}
