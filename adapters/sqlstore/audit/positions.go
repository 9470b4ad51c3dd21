package audit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/jmoiron/sqlx"
)

// beforeAll is before every position.
const beforeAll = math.MinInt64

// positions is what is known of the log whatever the pass: each stretch is checked once.
type positions struct {
	checked int64          // where the last stretch begins that was checked
	next    int64          // the position behind it
	placed  numbers        // segments with positions
	again   map[int64]bool // where stretches begin whose segment has a position already
	lone    loneSegments
}

func newPositions(first int64) positions {
	return positions{checked: beforeAll, next: first, placed: numbers{}, again: map[int64]bool{}}
}

// archived reports whether the first events are not looked at, because they are no longer in the log or the audit begins behind them.
func (a *auditor) archived() bool { return a.from > 1 }

// before is the position behind which the log is walked.
func (a *auditor) before() int64 {
	if a.archived() {
		return a.from - 1
	}
	return beforeAll
}

// placeArchived notes the segments before the first that is looked at: those before the beginning of the log that are still to be
// deleted, or the last ones before where the audit begins.
func (p *positions) placeArchived(ctx context.Context, a *auditor) error {
	after := int64(beforeAll)
	if a.recent() {
		err := a.db.Reader.QueryRowxContext(ctx, "SELECT first_position - 1, segment_id FROM event_positions WHERE first_position < ? ORDER BY first_position DESC LIMIT 1 OFFSET ?",
			a.from, swapped).Scan(&after, &p.lone.last)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
	}
	for a.archived() {
		all, err := a.stretches(ctx, a.db.Reader, after, a.before())
		if err != nil || len(all) == 0 {
			return err
		}
		for i := range all {
			p.placed.add(all[i].segment)
		}
		after = all[len(all)-1].first
	}
	return nil
}

// check checks the next stretch.
func (p *positions) check(a *auditor, s *stretch) {
	p.checked = s.first
	first := strconv.FormatInt(s.first, 10)
	a.looked(denseRule, s.said.events)
	switch {
	case s.first < 1:
		a.breach(denseRule, logTable, "the first event", "position 1", "a position below 1")
	case s.first > p.next:
		a.breach(denseRule, logTable, strconv.FormatInt(p.next, 10), "an event", fmt.Sprintf("none up to %d", s.first-1))
	case s.first < p.next:
		a.breach(denseRule, logTable, first, "one event", "two")
	}
	p.next = max(p.next, s.first+s.length())

	a.looked(segmentRule, 1)
	if s.found == nil {
		a.blind[s.said.seller] = true
		a.breach(segmentRule, logTable, first, fmt.Sprintf("segment %d", s.segment), "none")
		return
	}
	a.readable(s)
	switch want := s.actual(); {
	case s.said != want:
		a.breach(segmentRule, logTable, first, want.String(), s.said.String())
	case *s.found != want:
		a.breach(segmentRule, logTable, first, want.String(), "a segment of "+s.found.String())
	}
	if s.found.seller != s.said.seller { // whose events these are cannot be told
		a.blind[s.found.seller], a.blind[s.said.seller] = true, true
	}
	a.looked(positionRule, 1)
	if !p.placed.add(s.segment) {
		p.again[s.first] = true
		a.breach(positionRule, segmentTable, strconv.FormatInt(s.segment, 10), "one position", "another at "+first)
	}
}

// readable checks that a segment can be read.
func (a *auditor) readable(s *stretch) {
	if a.looked(readableRule, 1); s.err != nil {
		a.blind[s.said.seller], a.blind[s.found.seller] = true, true
		a.breach(readableRule, segmentTable, strconv.FormatInt(s.segment, 10), "events", s.err.Error())
	}
}

// loneSegments are segments that have no positions.
type loneSegments struct {
	last int64 // the last id that was looked at
	ids  []int64
	done bool
}

// scan reads the ids of all segments.
func (l *loneSegments) scan(ctx context.Context, a *auditor, q sqlx.QueryerContext, placed numbers) error {
	for size := a.size(stretchStep); ; {
		var ids []int64
		if err := sqlx.SelectContext(ctx, q, &ids, "SELECT id FROM event_segments WHERE id > ? ORDER BY id LIMIT ?", l.last, size); err != nil {
			return err
		}
		for _, id := range ids {
			if l.last = id; !placed.has(id) {
				l.ids = append(l.ids, id)
			}
		}
		if len(ids) < size {
			return nil
		}
	}
}

// checkLone reports, once, the segments that neither have a position in a snapshot nor wait for one, and what is wrong with those
// that wait. All that has a position was checked before.
func (p *positions) checkLone(ctx context.Context, a *auditor, tx *sqlx.Tx) error {
	if p.lone.done {
		return nil
	}
	p.lone.done = true
	if err := p.lone.scan(ctx, a, tx, p.placed); err != nil {
		return err
	}
	overdue, err := a.overdue(ctx, tx)
	if err != nil {
		return err
	}
	waits := map[int64]bool{}
	err = a.waiting(ctx, tx, func(first int64, segments int, found []stretch) error {
		n := 0
		for i := range found {
			s := &found[i]
			if p.placed.has(s.segment) {
				continue
			}
			n, waits[s.segment] = n+1, true
			if a.looked(inTimeRule, 1); s.found.at < overdue {
				a.breach(inTimeRule, segmentTable, strconv.FormatInt(s.segment, 10), "a position", "none")
			}
		}
		if a.looked(waitingRule, 1); n != segments || n > 0 && found[0].segment != first {
			a.breach(waitingRule, "event_pending", strconv.FormatInt(first, 10), fmt.Sprintf("%d segments", segments), strconv.Itoa(n))
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, id := range p.lone.ids {
		if !waits[id] && !p.placed.has(id) {
			if placed, err := a.placedEarlier(ctx, tx, id); err != nil || placed {
				if err != nil {
					return err
				}
				continue
			}
			a.breach(positionRule, segmentTable, strconv.FormatInt(id, 10), "one position", "none")
		}
	}
	p.lone.ids = nil
	return nil
}

// placedEarlier looks for the position of a segment among those that are not looked at.
func (a *auditor) placedEarlier(ctx context.Context, tx *sqlx.Tx, id int64) (placed bool, err error) {
	if a.recent() {
		err = tx.GetContext(ctx, &placed, "SELECT EXISTS (SELECT 1 FROM event_positions WHERE segment_id = ? AND first_position < ?)", id, a.from)
	}
	return placed, err
}

// overdue is the time before which segments should have positions: a minute ago while an instance runs.
func (a *auditor) overdue(ctx context.Context, tx *sqlx.Tx) (at int64, err error) {
	err = tx.GetContext(ctx, &at, "SELECT CASE WHEN EXISTS (SELECT 1 FROM event_consumers WHERE lease_until > "+a.db.Micros()+") THEN "+
		a.db.Micros()+" - 60000000 ELSE -1 END")
	return at, err
}

// waiting gives each the inserts of segments that wait for their positions, in order, with what is there of them.
func (a *auditor) waiting(ctx context.Context, tx *sqlx.Tx, each func(first int64, segments int, found []stretch) error) error {
	if !a.db.Sequenced() {
		return nil
	}
	var inserts []struct {
		First    int64 `db:"first_id"`
		Tx       int64 `db:"tx"`
		Segments int   `db:"segments"`
	}
	if err := tx.SelectContext(ctx, &inserts, "SELECT first_id, tx, segments FROM event_pending ORDER BY first_id"); err != nil {
		return err
	}
	for chunk := range slices.Chunk(inserts, a.size(suspectStep)) {
		found := map[int64][]stretch{} // by tx
		add := func(id, number int64, h head, body []byte) {
			s := stretch{segment: id, said: h, found: &h}
			s.decode(body)
			found[number] = append(found[number], s)
		}
		var single []any
		for _, in := range chunk {
			if in.Segments == 1 {
				single = append(single, in.First)
			} else if err := a.segments(ctx, tx, "id >= ? AND tx = ? ORDER BY id LIMIT ?", []any{in.First, in.Tx, in.Segments}, add); err != nil {
				return err
			}
		}
		if len(single) > 0 {
			if err := a.segments(ctx, tx, "id IN (?"+strings.Repeat(",?", len(single)-1)+")", single, add); err != nil {
				return err
			}
		}
		for _, in := range chunk {
			if err := each(in.First, in.Segments, found[in.Tx]); err != nil {
				return err
			}
		}
	}
	return nil
}
