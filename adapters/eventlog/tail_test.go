package eventlog_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/eventlog"
	"github.com/leadmill/leadmill/adapters/eventlog/segment"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/application"
)

var someTypes = []string{"lead.submitted.v1", "lead.sold.v1", "lead.duplicate.v1", "x.acme.scored.v1"}

// fill commits transactions with a few events each and returns the log.
func (i *instance) fill(t testing.TB, transactions int) []application.StoredEvent {
	t.Helper()
	random := rand.New(rand.NewPCG(3, 3))
	for v := range transactions {
		var events []application.EventRecord
		for n := range 1 + random.IntN(6) {
			e := record(fmt.Sprintf("s%d", random.IntN(2)), fmt.Sprintf("%d-%d", v, n), 1, someTypes[random.IntN(4)])
			e.Payload = fmt.Appendf(nil, `{"lead_id":%q,"pad":%q}`, e.AggregateID, strings.Repeat("p", random.IntN(3000)))
			events = append(events, e)
		}
		i.commit(t, events...)
	}
	return i.all(t)
}

// Consumers at different places, with different types and steps, all read what is in the log, however much of it is kept in memory.
func TestEveryConsumerReadsTheLog(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		i := d.open(t)
		log := i.fill(t, 150)
		for _, most := range []int{1, 30_000, math.MaxInt} {
			reader := eventlog.NewReader(i.db, i.head)
			eventlog.TailBytes(reader, most)
			var consumers sync.WaitGroup
			for c := range 8 {
				consumers.Go(func() {
					random := rand.New(rand.NewPCG(uint64(c), 5))
					w := eventlog.NewWanted("c", someTypes[:c%4])
					var want, got []application.StoredEvent
					after := int64(random.IntN(len(log)))
					for _, e := range log[after:] {
						if c%4 == 0 || strings.Contains(strings.Join(w.Types, " "), e.Type) {
							want = append(want, e)
						}
					}
					for after < int64(len(log)) {
						upTo := after + 1 + int64(random.IntN(400))
						events, next, err := reader.Read(t.Context(), after, upTo, 1+random.IntN(60), w)
						if err != nil || next <= after || next > upTo {
							t.Errorf("from %d to %d of %d: %v", after, next, upTo, err)
							return
						}
						got, after = append(got, events...), next
					}
					if len(want) != len(got) {
						t.Errorf("%d events, want %d", len(got), len(want))
						return
					}
					for k := range want {
						if want[k].Position != got[k].Position || want[k].ID != got[k].ID || string(want[k].Payload) != string(got[k].Payload) {
							t.Errorf("event %d is %v, want %v", k, got[k], want[k])
							return
						}
					}
				})
			}
			consumers.Wait()
		}
	})
}

// What one consumer at the head read costs the others nothing.
func TestTheNewestEventsAreReadOnce(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		var reads atomic.Int64
		faults := &sqlstoretest.Faults{}
		faults.Outside(func(query string) {
			if strings.Contains(query, "event_segments") || strings.Contains(query, "event_positions") {
				reads.Add(1)
			}
		})
		db, err := dialect.Open(d.url, dialect.Options{Wrap: faults.Wrap})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, db.Close()) })
		writer := d.open(t)
		head := eventlog.NewHead(db, eventlog.NewSignal(), eventlog.HeadConfig{})
		reader := eventlog.NewReader(db, head)
		var positions [10]int64
		for round := range 5 {
			log := writer.fill(t, 4)
			end, err := reader.Head(t.Context())
			require.NoError(t, err)
			require.Equal(t, int64(len(log)), end)
			reads.Store(0)
			for c := range positions {
				events, next, err := reader.Read(t.Context(), positions[c], math.MaxInt64, 1000, eventlog.All("c"))
				require.NoError(t, err)
				require.Len(t, events, int(end-positions[c]))
				require.Equal(t, end, next)
				positions[c] = next
			}
			require.Equal(t, int64(2), reads.Load(), "round %d: where and what, once for ten", round)
		}
	})
}

// damage changes the body of a segment.
func (i *instance) damage(t testing.TB, id int64, change func(body []byte) []byte) {
	t.Helper()
	var body []byte
	require.NoError(t, i.db.Writer.Get(&body, "SELECT body FROM event_segments WHERE id = ?", id))
	_, err := i.db.Writer.Exec("UPDATE event_segments SET body = ? WHERE id = ?", change(body), id)
	require.NoError(t, err)
}

// A segment that cannot be read is reported by name, stops only those who need it, and an operator can let them go on.
func TestSegmentThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(body []byte) []byte
		want   error
	}{
		"cut off":   {func(b []byte) []byte { return b[:len(b)/2] }, segment.ErrCorrupt},
		"a bit":     {func(b []byte) []byte { b[len(b)/2] ^= 4; return b }, segment.ErrCorrupt},
		"empty":     {func([]byte) []byte { return []byte{} }, segment.ErrCorrupt},
		"of future": {func(b []byte) []byte { b[0]++; return b }, segment.ErrVersion},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEngines(t, func(t *testing.T, d database) {
				i := d.open(t)
				i.commit(t, record("s", "a", 1, "lead.submitted.v1"), record("s", "a", 2, "lead.sold.v1"))
				i.commit(t, record("s", "b", 1, "lead.submitted.v1"), record("s", "c", 1, "lead.duplicate.v1"))
				i.commit(t, record("s", "b", 2, "lead.sold.v1"), record("s", "c", 2, "lead.submitted.v1"))
				require.Len(t, i.all(t), 6)
				id := i.number(t, "SELECT segment_id FROM event_positions WHERE first_position = 3")
				i.damage(t, id, c.change)
				said := fmt.Sprintf("event log: segment %d (positions 3 to 4): ", id)

				// Who is behind reads the database, who is at the head the shared events: both are told.
				i.reader = eventlog.NewReader(i.db, i.head)
				for range 2 {
					_, next, err := i.reader.Read(t.Context(), 2, math.MaxInt64, 10, eventlog.All("all"))
					require.ErrorIs(t, err, c.want)
					require.ErrorContains(t, err, said)
					require.Equal(t, int64(2), next)
				}
				events, next, err := i.reader.Read(t.Context(), 0, math.MaxInt64, 10, eventlog.NewWanted("sold", []string{"lead.sold.v1"}))
				require.NoError(t, err, "nothing of it is wanted")
				require.Len(t, events, 2)
				require.Equal(t, int64(6), next)
				_, next, err = i.reader.Page(t.Context(), 0, 10, eventlog.Filter{SellerID: "s"})
				require.ErrorIs(t, err, application.ErrUnavailable)
				var named *eventlog.SegmentError
				require.ErrorAs(t, err, &named)
				require.Equal(t, id, named.Segment)
				require.Zero(t, next)

				// The projection applies what comes before, and waits.
				broken, sold := &journal{name: "broken"}, &journal{name: "sold", types: []string{"lead.sold.v1"}}
				runner := i.runner(t, eventlog.RunnerConfig{}, broken, sold)
				require.ErrorContains(t, runner.CatchUp(t.Context()), said)
				require.LessOrEqual(t, broken.count(t, i), 2)

				_, _, err = i.consumers.Skip(t.Context(), "nobody", id, "lost", clock{}.Now())
				require.ErrorIs(t, err, eventlog.ErrUnknownConsumer)
				_, _, err = i.consumers.Skip(t.Context(), "broken", id+100, "lost", clock{}.Now())
				require.ErrorIs(t, err, eventlog.ErrUnknownSegment)
				_, _, err = i.consumers.Skip(t.Context(), "broken", i.number(t, "SELECT segment_id FROM event_positions WHERE first_position = 1"), "lost", clock{}.Now())
				require.ErrorIs(t, err, eventlog.ErrReadable)
				for range 2 {
					first, last, err := i.consumers.Skip(t.Context(), "broken", id, "lost with the disk", clock{}.Now())
					require.NoError(t, err)
					require.Equal(t, []int64{3, 4}, []int64{first, last})
				}
				require.NoError(t, runner.CatchUp(t.Context()))
				require.Equal(t, 4, broken.count(t, i))
				require.Equal(t, 2, sold.count(t, i))
				require.Equal(t, int64(6), i.status(t, "broken").Position)
				var reason string
				require.NoError(t, i.db.Writer.Get(&reason, "SELECT reason FROM event_skipped WHERE consumer = 'broken'"))
				require.Equal(t, "lost with the disk", reason)
			})
		})
	}
}

// A cursor that only passes by events is stored when they end, and so is one of a reaction.
func TestPassedEventsAreStored(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		i := d.start(t)
		j := &journal{name: "rare", types: []string{"x.acme.scored.v1"}}
		background(t, i.runner(t, eventlog.RunnerConfig{}, j).Run)
		r := &deliveries{}
		react(t, i.subscriber(t, eventlog.SubscriberConfig{Name: "rare-reaction", Types: []string{"x.acme.scored.v1"}}), r)
		for v := int64(1); v <= 300; v++ {
			i.commit(t, record("s", "a", v, "lead.sold.v1"))
		}
		eventually(t, "both are stored", func() bool {
			return i.status(t, "rare").Position == 300 && i.status(t, "rare-reaction").Position == 300
		})
		i.commit(t, record("s", "b", 1, "x.acme.scored.v1"))
		eventually(t, "both have it", func() bool { return j.count(t, i) == 1 && len(r.all()) == 1 })
	})
}
