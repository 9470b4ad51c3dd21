// Package segment is the stored form of events: what one transaction says of one seller is one body of bytes.
//
// A body is a version byte and a zstd frame with a checksum. The frame holds the number of events and then each event: id, type,
// kind and id of the aggregate, and payload as texts with their length before them; the aggregate's version and the lengths as
// unsigned varints; the time as a signed varint of microseconds since the event before, since 1970 for the first; and the
// trail as 0 when it is that of the event before (empty for the first), else 1 and its three texts. A stored body is never
// written again, so a reader knows every version there ever was.
//
// Stability: unsupported; it may change at any time.
package segment

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
)

const (
	// MaxEvents and MaxBytes bound a segment; MaxBytes counts what Size says. Only an event that is larger by itself makes a
	// larger segment.
	MaxEvents = 2000
	MaxBytes  = 1 << 20

	version1 = 1
	// most bounds what a body may grow to when it is read, so that a forged one cannot take all memory.
	most = 64 << 20
	// least is how many bytes an event takes at least, which bounds the number of events of a body.
	least = 9
)

// Errors of Decode.
var (
	// ErrVersion says that a later version of Leadmill wrote the body.
	ErrVersion = errors.New("the segment was written by a later version of leadmill")
	// ErrCorrupt says that the body is not as it was written.
	ErrCorrupt = errors.New("the segment is damaged")
)

// Encoders and decoders keep tables of some hundred KB, so there are as many as work at the same time. They have no
// goroutines of their own.
var (
	encoders = sync.Pool{New: func() any {
		e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
			zstd.WithWindowSize(512<<10), zstd.WithLowerEncoderMem(true))
		if err != nil {
			panic(err) // the options are constants
		}
		return e
	}}
	decoders = sync.Pool{New: func() any {
		d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(most))
		if err != nil {
			panic(err) // the options are constants
		}
		return d
	}}
	buffers = sync.Pool{New: func() any { return new([]byte) }}
)

// Size returns about how many bytes an event has in a segment before compression.
func Size(e *application.EventRecord) int {
	return len(e.ID) + len(e.Type) + len(e.AggregateType) + len(e.AggregateID) + len(e.Payload) +
		len(e.Trail.CorrelationID) + len(e.Trail.CausationID) + len(e.Trail.Traceparent) + 24
}

// Fits returns how many of the events, from the first on, belong into one segment: all of the first one's seller that come
// without another seller's between them, up to MaxEvents and MaxBytes; at least one. There must be an event.
func Fits(events []application.EventRecord) int {
	size := Size(&events[0])
	for n := 1; n < len(events); n++ {
		size += Size(&events[n])
		if n == MaxEvents || size > MaxBytes || events[n].SellerID != events[0].SellerID {
			return n
		}
	}
	return len(events)
}

// Types returns the mask of the events' types, as eventsv1.Mask does.
func Types(events []application.EventRecord) (mask uint64) {
	last := ""
	for i := range events {
		if typ := events[i].Type; i == 0 || typ != last {
			mask |= eventsv1.Mask(typ)
			last = typ
		}
	}
	return mask
}

// Encode returns the body of a segment of events of one seller, in their order. The seller is not in it. Times are kept in
// microseconds.
func Encode(events []application.EventRecord) []byte {
	buffer, _ := buffers.Get().(*[]byte)
	b := binary.AppendUvarint((*buffer)[:0], uint64(len(events)))
	var at int64
	var trail application.Trail
	for i := range events {
		e := &events[i]
		b = text(b, e.ID)
		b = text(b, e.Type)
		b = text(b, e.AggregateType)
		b = text(b, e.AggregateID)
		b = binary.AppendUvarint(b, uint64(e.AggregateVersion))
		now := e.OccurredAt.UnixMicro()
		b = binary.AppendVarint(b, now-at)
		at = now
		if e.Trail == trail {
			b = append(b, 0)
		} else {
			trail = e.Trail
			b = text(text(text(append(b, 1), trail.CorrelationID), trail.CausationID), trail.Traceparent)
		}
		b = binary.AppendUvarint(b, uint64(len(e.Payload)))
		b = append(b, e.Payload...)
	}
	encoder, _ := encoders.Get().(*zstd.Encoder)
	body := encoder.EncodeAll(b, append(make([]byte, 0, 64+len(b)/3), version1))
	encoders.Put(encoder)
	if cap(b) <= 2*MaxBytes {
		*buffer = b
		buffers.Put(buffer)
	}
	return body
}

func text(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// Decode returns the events of a body whose type has a bit in the mask, with their positions, appended to into: the first event
// of the segment has the position first. All events have a bit in ^uint64(0). The number of events in the body must be n. Errors
// are ErrVersion and ErrCorrupt, wrapped. Payloads share memory: they must not be written to.
func Decode(into []application.StoredEvent, body []byte, sellerID string, first int64, n int, mask uint64) ([]application.StoredEvent, error) {
	r, err := open(body)
	if err != nil {
		return into, err
	}
	if count := r.uvarint(); r.bad || count != uint64(n) || count > uint64(len(r.text)/least) {
		return into, fmt.Errorf("%w: it says %d events instead of %d", ErrCorrupt, count, n)
	}
	all, before := mask == ^uint64(0), len(into)
	var at int64
	var trail application.Trail
	lastType, wanted := "", false
	for i := range n {
		e := application.StoredEvent{Position: first + int64(i)}
		e.ID, e.Type, e.SellerID, e.AggregateType, e.AggregateID = r.string(), r.string(), sellerID, r.string(), r.string()
		e.AggregateVersion = int64(r.uvarint())
		at += r.varint()
		if r.byte() != 0 {
			trail = application.Trail{CorrelationID: r.string(), CausationID: r.string(), Traceparent: r.string()}
		}
		e.Payload = r.bytes()
		if r.bad {
			return into[:before], fmt.Errorf("%w: event %d of %d cannot be read", ErrCorrupt, i+1, n)
		}
		if i == 0 || e.Type != lastType {
			lastType, wanted = e.Type, all || eventsv1.Mask(e.Type)&mask != 0
		}
		if wanted {
			e.OccurredAt, e.Trail = time.UnixMicro(at).UTC(), trail
			into = append(into, e)
		}
	}
	if r.at != len(r.text) {
		return into[:before], fmt.Errorf("%w: %d bytes too many", ErrCorrupt, len(r.text)-r.at)
	}
	return into, nil
}

// reader reads the frame of a body: its texts from a string, its payloads from the same bytes as a slice.
type reader struct {
	raw  []byte
	text string
	at   int
	bad  bool // the frame ended too early
}

func open(body []byte) (*reader, error) {
	if len(body) == 0 {
		return nil, fmt.Errorf("%w: it is empty", ErrCorrupt)
	}
	if body[0] != version1 {
		return nil, fmt.Errorf("%w (version %d)", ErrVersion, body[0])
	}
	decoder, _ := decoders.Get().(*zstd.Decoder)
	defer decoders.Put(decoder)
	raw, err := decoder.DecodeAll(body[1:], nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return &reader{raw: raw, text: string(raw)}, nil
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.raw[r.at:])
	if n <= 0 {
		r.bad, n = true, 0
	}
	r.at += n
	return v
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.raw[r.at:])
	if n <= 0 {
		r.bad, n = true, 0
	}
	r.at += n
	return v
}

func (r *reader) byte() byte {
	if r.at == len(r.raw) {
		r.bad = true
		return 0
	}
	r.at++
	return r.raw[r.at-1]
}

// span returns where the next text begins and ends.
func (r *reader) span() (from, to int) {
	n := r.uvarint()
	if n > uint64(len(r.raw)-r.at) {
		r.bad, n = true, 0
	}
	from = r.at
	r.at += int(n)
	return from, r.at
}

func (r *reader) string() string {
	from, to := r.span()
	return r.text[from:to]
}

func (r *reader) bytes() []byte {
	from, to := r.span()
	return r.raw[from:to:to]
}
