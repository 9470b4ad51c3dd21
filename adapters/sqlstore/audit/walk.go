package audit

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/leadmill/leadmill/adapters/eventlog/segment"
	"github.com/leadmill/leadmill/application"
)

const (
	// stretchStep is how many rows of event_positions, and of event_segments without their bodies, are read at once.
	stretchStep = 1000
	// eventStep is how many events are decoded at once, at most, unless a segment has more.
	eventStep = 2000
)

// stretch is a row of event_positions, and the segment that it is about.
type stretch struct {
	first   int64 // position of the first event; 0 while the segment waits for it
	segment int64 // its id
	said    head  // by the position
	found   *head // by the segment; nil when there is none
	events  []application.StoredEvent
	err     error // why there are no events
}

// head is what both a position and its segment say.
type head struct {
	seller    string
	events    int
	at, types int64
}

func (h head) String() string {
	return fmt.Sprintf("%d events of %s at %d, types %#x", h.events, h.seller, h.at, uint64(h.types))
}

// length is how many positions the stretch takes: those of its events if they can be read.
func (s *stretch) length() int64 {
	if s.err == nil && s.found != nil {
		return int64(len(s.events))
	}
	return int64(s.said.events)
}

// walk gives each the stretches that begin above after up to a position, in order and some at once, and returns where the last of them
// begins.
func (a *auditor) walk(ctx context.Context, q sqlx.QueryerContext, after, upTo int64, each func([]stretch) error) (last int64, err error) {
	for after < upTo {
		all, err := a.stretches(ctx, q, after, upTo)
		if err != nil || len(all) == 0 {
			return after, err
		}
		for len(all) > 0 {
			n := together(all, a.size(eventStep))
			if err := a.read(ctx, q, all[:n]); err != nil {
				return after, err
			}
			if err := each(all[:n]); err != nil {
				return after, err
			}
			after = all[n-1].first
			clear(all[:n]) // their events are many
			all = all[n:]
		}
	}
	return after, nil
}

// together is how many of the stretches have about so many events; at least one.
func together(all []stretch, most int) int {
	for n := range all {
		if most -= all[n].said.events; most < 0 {
			return max(n, 1)
		}
	}
	return len(all)
}

// stretches reads rows of event_positions.
func (a *auditor) stretches(ctx context.Context, q sqlx.QueryerContext, after, upTo int64) (all []stretch, err error) {
	rows, err := q.QueryxContext(ctx, "SELECT first_position, segment_id, seller_id, events, at, types FROM event_positions "+
		"WHERE first_position > ? AND first_position <= ? ORDER BY first_position LIMIT ?", after, upTo, a.size(stretchStep))
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var s stretch
		if err := rows.Scan(&s.first, &s.segment, &s.said.seller, &s.said.events, &s.said.at, &s.said.types); err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, rows.Err()
}

// read finds the segments of stretches and decodes them.
func (a *auditor) read(ctx context.Context, q sqlx.QueryerContext, all []stretch) error {
	of := make(map[int64][]*stretch, len(all))
	ids := make([]any, 0, len(all))
	for i := range all {
		s := &all[i]
		if len(of[s.segment]) == 0 {
			ids = append(ids, s.segment)
		}
		of[s.segment] = append(of[s.segment], s)
	}
	return a.segments(ctx, q, "id IN (?"+strings.Repeat(",?", len(ids)-1)+")", ids, func(id, _ int64, h head, body []byte) {
		for _, s := range of[id] {
			s.found = &h
			s.decode(body)
		}
	})
}

// segments reads segments.
func (a *auditor) segments(ctx context.Context, q sqlx.QueryerContext, where string, args []any, each func(id, tx int64, h head, body []byte)) error {
	rows, err := q.QueryxContext(ctx, "SELECT id, tx, seller_id, events, at, types, body FROM event_segments WHERE "+where, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id, tx int64
		var h head
		var body []byte
		if err := rows.Scan(&id, &tx, &h.seller, &h.events, &h.at, &h.types, &body); err != nil {
			return err
		}
		each(id, tx, h, body)
	}
	return rows.Err()
}

// decode reads the events of the body, which knows how many they are: if row and position do not agree about that, one may be right.
func (s *stretch) decode(body []byte) {
	s.events, s.err = segment.Decode(nil, body, s.found.seller, s.first, max(s.found.events, 0), math.MaxUint64)
	if s.err != nil && s.said.events != s.found.events {
		if events, err := segment.Decode(nil, body, s.found.seller, s.first, max(s.said.events, 0), math.MaxUint64); err == nil {
			s.events, s.err = events, nil
		}
	}
}

// actual is what position and segment should say.
func (s *stretch) actual() head {
	h := *s.found
	if s.err == nil && len(s.events) > 0 {
		records := make([]application.EventRecord, len(s.events))
		for i := range s.events {
			records[i] = s.events[i].EventRecord
		}
		h.events, h.at, h.types = len(s.events), s.events[0].OccurredAt.UnixMicro(), int64(segment.Types(records))
	}
	return h
}

// known reports whether the events of the stretch are those of its seller.
func (s *stretch) known() bool {
	return s.found != nil && s.err == nil && s.found.seller == s.said.seller
}

// numbers is a set of the ids of segments, which are near each other.
type numbers map[int64]*[64]uint64

// add adds a number and reports whether it was new.
func (n numbers) add(id int64) bool {
	page := n[id>>12]
	if page == nil {
		page = new([64]uint64)
		n[id>>12] = page
	}
	word, bit := &page[id>>6&63], uint64(1)<<(id&63)
	was := *word&bit != 0
	*word |= bit
	return !was
}

func (n numbers) has(id int64) bool {
	page := n[id>>12]
	return page != nil && page[id>>6&63]&(1<<(id&63)) != 0
}
