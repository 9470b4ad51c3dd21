package eventlog

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/leadmill/leadmill/adapters/eventlog/segment"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/adapters/sqlstore/lease"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	feedquery "github.com/leadmill/leadmill/application/feed/query"
)

const (
	// pageScan is how many events of a seller one page looks at, at most (docs/events.md).
	pageScan = 10_000
	// scanStep is how many segments are looked up by one statement.
	scanStep = 256
	// decodeStep is how many events are decoded at once, at most, unless a segment has more.
	decodeStep = 2000
	allTypes   = math.MaxUint64
)

// Filter says which events a page holds.
type Filter struct {
	SellerID string
	Types    []string // such as "lead.sold.v1"; all when empty
	Teams    bool     // beside Types, all types of teams' modules, also of those that this build does not have
}

// SegmentError says that a segment cannot be read. Its events are never left out without an operator's word.
type SegmentError struct {
	Segment     int64 // its id in event_segments
	First, Last int64 // positions of its events
	SellerID    string
	Err         error // segment.ErrCorrupt, segment.ErrVersion, or that it is missing
}

// Error implements error.
func (e *SegmentError) Error() string {
	return fmt.Sprintf("event log: segment %d (positions %d to %d): %v", e.Segment, e.First, e.Last, e.Err)
}

// Unwrap returns why.
func (e *SegmentError) Unwrap() error { return e.Err }

// Reader reads the log, never beyond its head: up to the head no event is missing, and none appears there later.
type Reader struct {
	db     *dialect.DB
	head   *Head
	tail   *tail
	leases *lease.Keeper // of those who read
	scan   int
}

// NewReader returns a Reader of a database's log. Those who read the newest events through the same Reader share them: they are
// read from the database and decoded once.
func NewReader(db *dialect.DB, head *Head) *Reader {
	return &Reader{db: db, head: head, tail: &tail{db: db, most: tailBytes}, leases: newLeases(db), scan: pageScan}
}

// Head asks the database for the log's head: application.ErrUnavailable when it cannot be reached.
func (r *Reader) Head(ctx context.Context) (int64, error) { return r.head.Read(ctx) }

// kept returns the first position that was not archived.
func (r *Reader) kept(ctx context.Context) (first int64, err error) {
	if err := r.db.Reader.QueryRowContext(ctx, "SELECT first_position FROM event_archive WHERE id = 1").Scan(&first); err != nil {
		return 0, fmt.Errorf("read the beginning of the log: %w", err)
	}
	return first, nil
}

// Page returns up to limit events of a seller above after, positions ascending, and the last position scanned, from which
// the next page goes on. It scans at most 10,000 of the seller's events: a page without events whose next is above after
// means go on at once; next equal to after means that there are no more events yet. It fails with
// application.ErrUnavailable, also when a segment cannot be read, and with a *feedquery.ArchivedError when the event behind after is no
// longer in the log.
func (r *Reader) Page(ctx context.Context, after int64, limit int, f Filter) (events []application.StoredEvent, next int64, err error) {
	b, err := r.head.bounds(ctx)
	if err != nil {
		return nil, after, err
	}
	return r.within(ctx, b, after, limit, f)
}

// within is Page in a log of known bounds.
func (r *Reader) within(ctx context.Context, b bounds, after int64, limit int, f Filter) (events []application.StoredEvent, next int64, err error) {
	if after+1 < b.first {
		return nil, after, &feedquery.ArchivedError{First: b.first}
	}
	if b.head <= after || limit <= 0 {
		return nil, after, nil
	}
	events, next, err = r.page(ctx, after, b.head, limit, f)
	if err != nil {
		if _, ok := errors.AsType[*SegmentError](err); ok {
			return nil, after, application.ErrUnavailable.Because(err)
		}
		return nil, after, describe(r.db, "read events", err)
	}
	return events, next, nil
}

// anyTeam is what the types of all teams begin with.
const anyTeam = "x."

// wants returns the bits of the types that a filter lets pass, and whether it lets a type pass.
func (f Filter) wants() (mask uint64, wanted func(typ string) bool) {
	if len(f.Types) == 0 {
		return allTypes, func(string) bool { return true }
	}
	mask, wanted = eventsv1.Mask(f.Types...), func(typ string) bool { return slices.Contains(f.Types, typ) }
	if f.Teams {
		mask |= eventsv1.Mask(anyTeam)
		wanted = func(typ string) bool { return strings.HasPrefix(typ, anyTeam) || slices.Contains(f.Types, typ) }
	}
	return mask, wanted
}

func (r *Reader) page(ctx context.Context, after, head int64, limit int, f Filter) (events []application.StoredEvent, next int64, err error) {
	mask, wanted := f.wants()
	next = after
	for scanned := 0; scanned < r.scan && next < head; {
		all, err := stretches(ctx, r.db, f.SellerID, next, head)
		if err != nil || len(all) == 0 {
			return events, next, err
		}
		for len(all) > 0 && scanned < r.scan {
			n := together(all, mask, r.scan-scanned, limit-len(events))
			found, err := decode(ctx, r.db.Reader, nil, all[:n], mask)
			if err != nil {
				return nil, after, err
			}
			end := next
			for i := range all[:n] {
				from := max(all[i].first, next+1)
				more := min(int(min(all[i].last(), head)-from+1), r.scan-scanned)
				scanned, end = scanned+more, from+int64(more)-1
			}
			for i := range found {
				if p := found[i].Position; p <= next || p > end || !wanted(found[i].Type) {
					continue
				}
				if events = append(events, found[i]); len(events) == limit {
					return events, found[i].Position, nil
				}
			}
			next, all = end, all[n:]
		}
	}
	return events, next, nil
}

// together is how many of the stretches to read at once, at least one: until they have want events that may be wanted, or
// most events in all.
func together(all []stretch, mask uint64, most, want int) int {
	want = min(want, decodeStep)
	for n := range all {
		if most <= 0 || want <= 0 {
			return max(n, 1)
		}
		most -= all[n].events
		if all[n].types&mask != 0 {
			want -= all[n].events
		}
	}
	return len(all)
}

// stretches returns the next stretches with events above after, of a seller or, if it is empty, of all: those that begin up to
// the head, some hundred at most. The first of them may begin before. For a seller there are none as soon as the log begins above after+1:
// nothing tells that events of a seller are missing.
func stretches(ctx context.Context, db *dialect.DB, sellerID string, after, head int64) ([]stretch, error) {
	from, of, and, args := "event_positions", "", "", []any{after + 1, head}
	if sellerID != "" {
		// Without the hint MariaDB would read the key from its beginning for a seller that has most of the events.
		from, of, args = from+db.UseKey("event_positions_seller"), "seller_id = ? AND ", []any{sellerID, sellerID, after + 1, head, after + 1}
		and = "AND (SELECT first_position FROM event_archive WHERE id = 1) <= ? "
	}
	rows, err := db.Reader.QueryContext(ctx, "SELECT "+stretchColumns+" FROM "+from+" WHERE "+of+
		"first_position >= COALESCE((SELECT MAX(first_position) FROM event_positions WHERE "+of+"first_position <= ?), 0) AND first_position <= ? "+
		and+"ORDER BY first_position LIMIT ?", append(args, scanStep)...)
	if err != nil {
		return nil, err
	}
	all, err := scanStretches(rows)
	if err != nil {
		return nil, err
	}
	if len(all) > 0 && all[0].last() <= after {
		all = all[1:]
	}
	return all, nil
}

// decode appends the events of stretches whose type has a bit in the mask: SegmentError.
func decode(ctx context.Context, db queryer, into []application.StoredEvent, all []stretch, mask uint64) ([]application.StoredEvent, error) {
	var ids []int64
	for i := range all {
		if all[i].types&mask != 0 {
			ids = append(ids, all[i].id)
		}
	}
	if len(ids) == 0 {
		return into, nil
	}
	found, err := bodies(ctx, db, sellerOf(all), ids)
	if err != nil {
		return into, err
	}
	for i := range all {
		if s := &all[i]; s.types&mask != 0 {
			if into, err = s.decode(into, found, mask); err != nil {
				return into, err
			}
		}
	}
	return into, nil
}

var errNoSegment = errors.New("there is no such segment")

// decode appends the events of one stretch.
func (s *stretch) decode(into []application.StoredEvent, found map[int64][]byte, mask uint64) ([]application.StoredEvent, error) {
	body, there := found[s.id]
	err := errNoSegment
	if there {
		into, err = segment.Decode(into, body, s.seller, s.first, s.events, mask)
	}
	if err != nil {
		return into, &SegmentError{Segment: s.id, First: s.first, Last: s.last(), SellerID: s.seller, Err: err}
	}
	return into, nil
}

// Wait blocks until the seller has an event of any type above after and returns nil, or until ctx ends and returns its
// cause. The Head must be running. Page then returns the event.
func (r *Reader) Wait(ctx context.Context, sellerID string, after int64) error {
	f := r.head.join(sellerID, after) // join before reading the head, so that no event is missed in between
	defer r.head.leave(sellerID, f)
	head, err := r.head.Read(ctx)
	if err != nil {
		return err
	}
	all, err := stretches(ctx, r.db, sellerID, after, head)
	if err != nil {
		return describe(r.db, "look for events", err)
	}
	if len(all) > 0 {
		return nil
	}
	select {
	case <-f.wake:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Wanted is what a consumer reads of the log.
type Wanted struct {
	Consumer string // whose segments that an operator skipped are passed by
	Types    []string
	// Wants chooses among the events of these types; nil means all.
	Wants func(e *application.StoredEvent) bool
	// everything says that beside Types it reads those of all teams, and must not pass by one that this build does not know.
	everything bool
	mask       uint64
}

// UnknownTypeError says that an event is of a type that this build does not know: a newer release wrote it. Whether others may see it only that
// release knows, so that a consumer of all events is left to it.
type UnknownTypeError struct {
	Type              string
	Position, Segment int64
}

// Error implements error.
func (e *UnknownTypeError) Error() string {
	return fmt.Sprintf("event log: the event at position %d, in segment %d, is of the type %s, which a newer release wrote: it is left to an instance of that", e.Position, e.Segment, e.Type)
}

// NewWantedEverything returns what a consumer of all public events reads: those of the types, which are Leadmill's own, and those of all teams,
// also of modules that this build does not have.
func NewWantedEverything(consumer string, types []string) Wanted {
	return Wanted{Consumer: consumer, Types: types, everything: true, mask: eventsv1.Mask(types...) | eventsv1.UnknownMask()}
}

// NewWanted returns what a consumer of these types reads; of all types when there are none.
func NewWanted(consumer string, types []string) Wanted {
	w := Wanted{Consumer: consumer, Types: types, mask: allTypes}
	if len(types) > 0 {
		w.mask = eventsv1.Mask(types...)
	}
	return w
}

// wants reports whether the consumer wants an event that has a bit of its mask.
func (w *Wanted) wants(e *application.StoredEvent) bool {
	if w.everything && strings.HasPrefix(e.Type, anyTeam) {
		return true
	}
	return (len(w.Types) == 0 || slices.Contains(w.Types, e.Type)) && (w.Wants == nil || w.Wants(e))
}

// Read returns the events that a consumer wants above after, in order, and the position up to which they are all: after only at the
// head of the log, and never more than upTo. It reads about limit events. It fails with application.ErrUnavailable, or with a
// *SegmentError when a segment that may have a wanted event cannot be read and has not been skipped, or with an *UnknownTypeError.
func (r *Reader) Read(ctx context.Context, after, upTo int64, limit int, w Wanted) (events []application.StoredEvent, next int64, err error) {
	head := r.head.Current()
	if head <= after {
		if head, err = r.head.Read(ctx); err != nil {
			return nil, after, err
		}
	}
	if upTo = min(head, upTo); upTo <= after {
		return nil, after, nil
	}
	all, err := r.tail.read(ctx, after, upTo, head, limit)
	if err == nil && all == nil {
		all, err = r.stored(ctx, after, upTo, limit, w.mask)
	}
	if err != nil {
		return nil, after, describe(r.db, "read events", err)
	}
	for i := range all {
		s := &all[i]
		if s.err != nil && s.types&w.mask != 0 {
			if err := r.skipped(ctx, w.Consumer, s.id, s.err); err != nil {
				return nil, after, err
			}
			continue
		}
		for j := range s.list {
			e := &s.list[j]
			switch {
			case e.Position <= after || e.Position > upTo:
			case w.wants(e):
				events = append(events, *e)
			case w.everything && !eventsv1.Known(e.Type):
				err := r.skipped(ctx, w.Consumer, s.id, &UnknownTypeError{Type: e.Type, Position: e.Position, Segment: s.id})
				switch {
				case err == nil:
				case e.Position > after+1: // what is before it
					return events, e.Position - 1, nil
				default:
					return nil, after, err
				}
			}
		}
	}
	return events, min(upTo, all[len(all)-1].last()), nil
}

// skipped returns nil when an operator let the consumer go on without what cannot be read of a segment; else why it cannot.
func (r *Reader) skipped(ctx context.Context, consumer string, segmentID int64, why error) error {
	var there bool
	if err := r.db.Reader.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM event_skipped WHERE consumer = ? AND segment_id = ?)",
		consumer, segmentID).Scan(&there); err != nil {
		return describe(r.db, "look for skipped segments", err)
	}
	if there {
		return nil
	}
	return why
}

// stored reads stretches from the database, for consumers that are behind: at least one, and as many as have about limit events that
// may be wanted. Only these are decoded.
func (r *Reader) stored(ctx context.Context, after, upTo int64, limit int, mask uint64) ([]decoded, error) {
	all, err := stretches(ctx, r.db, "", after, upTo)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 || all[0].first > after+1 {
		return nil, fmt.Errorf("position %d below the head has no event", after+1)
	}
	all = all[:together(all, mask, math.MaxInt, limit)]
	return decodeEach(ctx, r.db.Reader, all, mask)
}

// decoded is a stretch with its events, or with the reason why they cannot be read.
type decoded struct {
	stretch

	list      []application.StoredEvent
	encodings []feedquery.Encoding // of the list, in the tail
	size      int                  // bytes in memory, about
	err       error
}

// decodeEach decodes stretches one by one, the events of a mask. It leaves a *SegmentError with the stretch it is about.
func decodeEach(ctx context.Context, db queryer, all []stretch, mask uint64) ([]decoded, error) {
	var ids []int64
	for i := range all {
		if all[i].types&mask != 0 {
			ids = append(ids, all[i].id)
		}
	}
	found, err := bodies(ctx, db, sellerOf(all), ids)
	if err != nil {
		return nil, err
	}
	out := make([]decoded, len(all))
	for i := range all {
		d := &out[i]
		d.stretch = all[i]
		if d.types&mask == 0 {
			continue
		}
		d.list, d.err = all[i].decode(make([]application.StoredEvent, 0, d.events), found, mask)
		if d.err != nil {
			d.list = nil
		}
		for j := range d.list {
			d.size += 2*segment.Size(&d.list[j].EventRecord) + 200 // texts, payload and the struct
		}
	}
	return out, nil
}

// at returns the events at positions, which are in ascending order: *SegmentError. A position without an event is left out.
func at(ctx context.Context, db queryer, positions []int64) (events []application.StoredEvent, err error) {
	for len(positions) > 0 {
		rows, err := db.QueryContext(ctx, "SELECT "+stretchColumns+" FROM event_positions WHERE first_position <= ? ORDER BY first_position DESC LIMIT 1", positions[0])
		if err != nil {
			return nil, err
		}
		all, err := scanStretches(rows)
		if err != nil {
			return nil, err
		}
		if len(all) == 0 || all[0].last() < positions[0] {
			positions = positions[1:]
			continue
		}
		s := &all[0]
		list, err := decode(ctx, db, nil, all, allTypes)
		if err != nil {
			return nil, err
		}
		for len(positions) > 0 && positions[0] <= s.last() {
			events = append(events, list[positions[0]-s.first])
			positions = positions[1:]
		}
	}
	return events, nil
}
