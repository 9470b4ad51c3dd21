package segment_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/leadmill/leadmill/adapters/eventlog/segment"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
)

var update = flag.Bool("update", false, "write a missing golden file")

const all = ^uint64(0)

// some returns events of one seller: new and repeated trails, a clock that went back, an empty payload.
func some() []application.EventRecord {
	at := time.Date(2026, 11, 22, 10, 30, 0, 123456000, time.UTC)
	trail := application.Trail{CorrelationID: "req_1", CausationID: "evt_0", Traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
	return []application.EventRecord{
		{ID: "evt_1", SellerID: "seller_1", AggregateType: "lead", AggregateID: "lead_1", AggregateVersion: 1, Type: "lead.submitted.v1", Payload: []byte(`{"lead_id":"lead_1"}`), OccurredAt: at, Trail: trail},
		{ID: "evt_2", SellerID: "seller_1", AggregateType: "lead", AggregateID: "lead_1", AggregateVersion: 2, Type: "lead.sold.v1", Payload: []byte(`{"lead_id":"lead_1","sales":[]}`), OccurredAt: at, Trail: trail},
		{ID: "evt_3", SellerID: "seller_1", AggregateType: "case", AggregateID: "case_ä", AggregateVersion: 1 << 40, Type: "x.acme.case_opened.v1", Payload: []byte(`{}`), OccurredAt: at.Add(-time.Hour)},
		{ID: "evt_4", SellerID: "seller_1", AggregateType: "click", AggregateID: "", AggregateVersion: 0, Type: "partner.clicked.v1", Payload: []byte{}, OccurredAt: time.UnixMicro(0).UTC(), Trail: trail},
	}
}

func stored(events []application.EventRecord, first int64) []application.StoredEvent {
	out := make([]application.StoredEvent, len(events))
	for i, e := range events {
		out[i] = application.StoredEvent{EventRecord: e, Position: first + int64(i)}
	}
	return out
}

func TestDecodeReturnsWhatWasEncoded(t *testing.T) {
	t.Parallel()
	got, err := segment.Decode(nil, segment.Encode(some()), "seller_1", 41, 4, all)
	if diff := cmp.Diff(stored(some(), 41), got); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
}

func TestDecodeReturnsTheTypesOfAMask(t *testing.T) {
	t.Parallel()
	events := some()
	mask := eventsv1.Mask("lead.sold.v1", "partner.clicked.v1")
	got, err := segment.Decode(nil, segment.Encode(events), "seller_1", 1, 4, mask)
	want := stored(events, 1)
	if diff := cmp.Diff([]application.StoredEvent{want[1], want[3]}, got); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	if segment.Types(events) != eventsv1.Mask("lead.submitted.v1", "lead.sold.v1", "x.acme.case_opened.v1", "partner.clicked.v1") {
		t.Errorf("mask %x", segment.Types(events))
	}
}

// The golden file was written once. Bodies of its version are in databases and archives, so it is read as it is for ever. What
// Encode makes of the same events may be compressed otherwise, but is as it was inside.
func TestGoldenBody(t *testing.T) {
	t.Parallel()
	path := filepath.Join("testdata", "version1.hex")
	if _, err := os.Stat(path); *update && errors.Is(err, os.ErrNotExist) {
		if err := os.WriteFile(path, []byte(hex.EncodeToString(segment.Encode(some()))+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	body, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	got, err := segment.Decode(nil, body, "seller_1", 1, 4, all)
	if diff := cmp.Diff(stored(some(), 1), got); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	if !bytes.Equal(segment.Raw(t, body), segment.Raw(t, segment.Encode(some()))) {
		t.Error("Encode writes another layout under the same version")
	}
}

func TestDamageIsTold(t *testing.T) {
	t.Parallel()
	body := segment.Encode(some())
	for i := range body {
		for bit := range 8 {
			damaged := bytes.Clone(body)
			damaged[i] ^= 1 << bit
			events, err := segment.Decode(nil, damaged, "seller_1", 1, 4, all)
			want := segment.ErrCorrupt
			if i == 0 {
				want = segment.ErrVersion
			}
			// Few bits of a frame's header say nothing that the checksum covers, such as how large its window was.
			if err == nil && cmp.Equal(events, stored(some(), 1)) {
				continue
			}
			if !errors.Is(err, want) || len(events) > 0 {
				t.Errorf("bit %d of byte %d: %d events, %v", bit, i, len(events), err)
			}
		}
		if events, err := segment.Decode(nil, body[:i], "seller_1", 1, 4, all); !errors.Is(err, segment.ErrCorrupt) || len(events) > 0 {
			t.Errorf("cut off after %d bytes: %d events, %v", i, len(events), err)
		}
	}
	for _, n := range []int{0, 3, 5} {
		if _, err := segment.Decode(nil, body, "seller_1", 1, n, all); !errors.Is(err, segment.ErrCorrupt) {
			t.Errorf("4 events read as %d: %v", n, err)
		}
	}
}

func TestFits(t *testing.T) {
	t.Parallel()
	many := func(n, payload int) []application.EventRecord {
		out := make([]application.EventRecord, n)
		for i := range out {
			out[i] = application.EventRecord{ID: fmt.Sprint(i), SellerID: "a", Payload: make([]byte, payload)}
		}
		return out
	}
	mixed := many(5, 1)
	mixed[3].SellerID = "b"
	for name, c := range map[string]struct {
		events []application.EventRecord
		want   int
	}{
		"few":            {many(3, 10), 3},
		"too many":       {many(segment.MaxEvents+1, 10), segment.MaxEvents},
		"too large":      {many(3, segment.MaxBytes/2-100), 2},
		"one is larger":  {many(3, 2*segment.MaxBytes), 1},
		"another seller": {mixed, 3},
	} {
		if n := segment.Fits(c.events); n != c.want {
			t.Errorf("%s: %d, want %d", name, n, c.want)
		}
	}
}

// Whatever the bytes are, Decode returns events or an error, and all events that it returns can be encoded to the same again.
func FuzzDecode(f *testing.F) {
	body := segment.Encode(some())
	f.Add(body, 4)
	f.Add(body[:len(body)/2], 4)
	f.Add([]byte{1}, 0)
	f.Add([]byte{2, 3}, 1)
	f.Fuzz(func(t *testing.T, body []byte, n int) {
		if n < 0 || n > 1000 {
			return
		}
		events, err := segment.Decode(nil, body, "s", 1, n, all)
		if err != nil {
			if !errors.Is(err, segment.ErrCorrupt) && !errors.Is(err, segment.ErrVersion) || len(events) > 0 {
				t.Fatalf("%d events, %v", len(events), err)
			}
			return
		}
		records := make([]application.EventRecord, len(events))
		for i := range events {
			records[i] = events[i].EventRecord
		}
		again, err := segment.Decode(nil, segment.Encode(records), "s", 1, n, all)
		if diff := cmp.Diff(events, again); err != nil || diff != "" {
			t.Fatalf("%v %s", err, diff)
		}
	})
}

// FuzzFrame changes what is inside of an intact frame, which the checksum keeps away from FuzzDecode.
func FuzzFrame(f *testing.F) {
	f.Add(segment.Raw(f, segment.Encode(some())), 4)
	f.Add([]byte{0}, 0)
	f.Add([]byte{1, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1}, 1)
	f.Fuzz(func(t *testing.T, raw []byte, n int) {
		if n < 0 || n > 1000 {
			return
		}
		if events, err := segment.Decode(nil, segment.Pack(raw), "s", 1, n, all); err == nil && len(events) != n || err != nil && len(events) > 0 {
			t.Fatalf("%d events of %d, %v", len(events), n, err)
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	for _, n := range []int{2, 256} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			events := make([]application.EventRecord, n)
			for i := range events {
				events[i] = some()[i%2]
				events[i].Payload = fmt.Appendf(nil, `{"lead_id":"lead_01KASDFGHJKL%d","origin":"supplier","campaign_id":"camp_01KASDFGHJKLQWERTYUIOPZXC","category":"Auto Insurance","seller_code":"ACME1234"}`, i*7919)
			}
			b.ReportAllocs()
			for b.Loop() {
				segment.Encode(events)
			}
		})
	}
}
