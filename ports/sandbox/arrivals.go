package sandbox

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// The limits of what is kept. A thousand arrivals are at most about 20 MB.
const (
	maxArrivals = 1000
	maxIDs      = 10_000
	maxKept     = 16 << 10 // of an arrival's fields together
	maxShown    = 128      // of a header or a path
)

const signatureOK = "ok"

// Arrival is one request.
type Arrival struct {
	Number    int       `json:"number"`
	Time      time.Time `json:"time"`
	Path      string    `json:"path"`
	ID        string    `json:"id"`       // Idempotency-Key, or else webhook-id
	Repeated  int       `json:"repeated"` // how many came with this id before
	Signature string    `json:"signature"`
	Type      string    `json:"content_type"`
	Size      int       `json:"size"`
	Fields    []Field   `json:"fields"`
	Cut       bool      `json:"cut"`    // there was more than is kept
	Status    int       `json:"status"` // 0 while it waits, and when the connection was closed without an answer
	Answer    string    `json:"answer"`
}

// Field is a value that arrived, or all of a body that could not be taken apart, without a name.
type Field struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// SignatureOK is for the page.
func (a *Arrival) SignatureOK() bool { return a.Signature == signatureOK }

func arrived(r *http.Request, body []byte, now time.Time) *Arrival {
	a := &Arrival{Time: now, Path: shown(r.URL.Path), Type: shown(r.Header.Get("Content-Type")), Size: len(body), Answer: "waits"}
	a.ID = shown(r.Header.Get(headerKey))
	if a.ID == "" {
		a.ID = shown(r.Header.Get(headerID))
	}
	a.Fields, a.Cut = fieldsOf(r.Header.Get("Content-Type"), body)
	return a
}

// line tells of an arrival without its fields.
func (a *Arrival) line() string {
	repeated := ""
	if a.Repeated > 0 {
		repeated = fmt.Sprintf(" repeated=%d", a.Repeated)
	}
	return fmt.Sprintf("%s %s id=%q%s signature=%q answer=%d %q", a.Time.Format(time.RFC3339), a.Path, a.ID, repeated, a.Signature, a.Status, a.Answer)
}

// shown is a text of which only visible ASCII is left, and not too much.
func shown(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, text)
	return strings.Clone(text[:min(len(text), maxShown)])
}

// The headers by which a request is known.
const (
	headerKey = "Idempotency-Key"
	headerID  = "Webhook-Id"
)

// arrivals are the last ones, the newest first, and how often each id came.
type arrivals struct {
	list     []*Arrival
	count    int
	repeated int
	byKey    counts
	byID     counts // and by path
}

func (l *arrivals) forget() {
	*l = arrivals{byKey: newCounts(), byID: newCounts()}
}

// add keeps an arrival. reference is the same for all with one id; before is how many came
// with its webhook-id to its path.
func (l *arrivals) add(a *Arrival, h http.Header) (reference string, before int) {
	key, id := h.Get(headerKey), h.Get(headerID)
	if key == "" {
		key = id
	}
	if id == "" {
		id = key
	}
	l.count++
	a.Number = l.count
	first := l.count
	if key != "" {
		a.Repeated, first = l.byKey.count(key, l.count)
		before, _ = l.byID.count(a.Path+" "+id, l.count)
	}
	if a.Repeated > 0 {
		l.repeated++
	}
	l.list = append(l.list, a)
	if len(l.list) > maxArrivals {
		l.list = append(l.list[:0:0], l.list[len(l.list)-maxArrivals:]...)
	}
	return fmt.Sprintf("ref_%d", first), before
}

// counts is how often the last maxIDs texts came, and with which number first. Texts are kept by their hash, however long they are.
type counts struct {
	known map[[sha256.Size]byte]*counted
	order [][sha256.Size]byte
}

type counted struct{ times, first int }

func newCounts() counts { return counts{known: map[[sha256.Size]byte]*counted{}} }

func (c *counts) count(text string, number int) (before, first int) {
	sum := sha256.Sum256([]byte(text))
	k := c.known[sum]
	if k == nil {
		k = &counted{first: number}
		c.known[sum] = k
		if c.order = append(c.order, sum); len(c.order) > maxIDs {
			delete(c.known, c.order[0])
			c.order = c.order[1:]
		}
	}
	k.times++
	return k.times - 1, k.first
}
