package audit

import (
	"encoding/json"
	"hash/maphash"
	"maps"
	"slices"
	"strconv"

	"github.com/leadmill/leadmill/application"
)

// Facts are what rules want to know of the events of aggregates. They are collected once for all rules that refer to them.
type Facts struct {
	// Types are those of the events that tell it.
	Types []string
	// Of returns what an event tells. An error, for data that cannot be read, is a breach of the reverse rules of the facts.
	Of func(e *application.StoredEvent) ([]Fact, error)
}

// Fact is what an event tells of its aggregate, or of a part of it, such as a sale of a lead.
type Fact struct {
	Part  string
	Value string // one of few: each is kept once
}

// Told is what all events told of a row.
type Told struct {
	Events int    // how many events told it
	Value  string // what the last of them said
	// Incomplete says that there may be more, because some of the seller's events cannot be read. That is reported by itself, so what may be
	// due to it is no breach.
	Incomplete bool
	// Earlier says that the first events of the aggregate are not looked at, because they were archived or are before the position from
	// which the audit looks. Its last ones are.
	Earlier bool
}

// Unknown reports whether what the row says may have been told by an event that is not looked at.
func (t Told) Unknown() bool { return t.Events == 0 && (t.Incomplete || t.Earlier) }

// Statuses are facts about where an aggregate stands: by the type of the event that tells it, the status. An empty one is read from the
// event's data, where it is the member status.
func Statuses(by map[string]string) *Facts {
	return &Facts{Types: slices.Sorted(maps.Keys(by)), Of: func(e *application.StoredEvent) ([]Fact, error) {
		status := by[e.Type]
		if status == "" {
			var data struct {
				Status string `json:"status"`
			}
			if json.Unmarshal(e.Payload, &data) != nil {
				data.Status = "unreadable"
			}
			status = data.Status
		}
		return []Fact{{Value: status}}, nil
	}}
}

// StatusRule is the rule that the rows of a query, which selects their status as the value, stand where the last of the facts says.
func StatusRule(query string, facts *Facts) Rule {
	return Rule{
		Invariant: "I4", Name: "status_is_told", Description: "An aggregate, and each contract, sale and review in it, has the status that the last event about it tells.",
		Query: query, Facts: facts, Told: SaysLast,
	}
}

// Of returns the rule with another table as that of the ids it reports.
func (r Rule) Of(table string) Rule {
	r.Table = table
	return r
}

// SaysLast is Rule.Told for rows that have the value that the last event told.
func SaysLast(value string, told Told) (want, got string) {
	switch {
	case told.Incomplete || told.Unknown():
		return "", ""
	case told.Events == 0:
		return "an event", "none"
	}
	return told.Value, value
}

// AllEvents are facts of every event: Told.Events is the version of the aggregate's last event.
var AllEvents = &Facts{}

// versionRule is the rule that the rows of a query have the versions of their aggregates' last events.
func versionRule(query string) Rule {
	return Rule{
		Invariant: "I4", Name: "version_counts_events", Description: "The version of an aggregate is that of its last event.",
		Query: query, Facts: AllEvents, Told: func(version string, told Told) (want, got string) {
			n, err := strconv.Atoi(version)
			if told.Incomplete && err == nil && told.Events < n || told.Earlier && told.Events == 0 {
				return "", ""
			}
			return version, strconv.Itoa(told.Events)
		},
	}
}

// key stands for an aggregate or for a part of one. It is so long that no two are the same.
type key [2]uint64

// keys makes keys.
type keys struct {
	a, b   maphash.Seed
	buffer []byte
}

func newKeys() *keys { return &keys{maphash.MakeSeed(), maphash.MakeSeed(), nil} }

func (k *keys) of(texts ...string) key {
	k.buffer = k.buffer[:0]
	for _, s := range texts {
		k.buffer = append(append(k.buffer, s...), 0)
	}
	return key{maphash.Bytes(k.a, k.buffer), maphash.Bytes(k.b, k.buffer)}
}

// told is a Told in little memory.
type told struct {
	events uint32
	value  uint32 // its place in noted.values, rowBit and wholeBit
}

// rowBit is set when there is a row, and wholeBit for an aggregate whose first event is in the log.
const (
	rowBit   = 1 << 31
	wholeBit = 1 << 30
)

func (t told) seen() bool { return t.value&rowBit != 0 }

func (t told) whole() bool { return t.value&wholeBit != 0 }

// noted are the facts of the aggregates of a pass.
type noted struct {
	told   map[key]told
	values []string
	index  map[string]uint32
}

func newNoted() *noted { return &noted{map[key]told{}, []string{""}, map[string]uint32{"": 0}} }

func (n *noted) add(k key, value string) {
	i, known := n.index[value]
	if !known {
		i = uint32(len(n.values))
		n.values, n.index[value] = append(n.values, value), i
	}
	t := n.told[k]
	t.events, t.value = t.events+1, t.value&(rowBit|wholeBit)|i
	n.told[k] = t
}

// see notes that there is a row, and returns what was told of it.
func (n *noted) see(k key) Told {
	t, known := n.told[k]
	if known && !t.seen() {
		t.value |= rowBit
		n.told[k] = t
	}
	return Told{Events: int(t.events), Value: n.values[t.value&^(rowBit|wholeBit)]}
}
