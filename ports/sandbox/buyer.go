// Package sandbox plays the systems of others, so that deliveries can be tried without them. It shows what arrives, personal data too: it is
// for tests only.
//
// Stability: unsupported; it may change at any time.
package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/leadmill/leadmill/application"
)

// The limits of a request, of how many are answered at once, and of what /slow, /bid and /flaky are told.
const (
	maxBody    = 64 << 10
	maxAtOnce  = 256
	maxWait    = time.Minute
	maxFlaky   = 1000
	stopStatus = http.StatusServiceUnavailable
)

// BuyerConfig is what a Buyer needs.
type BuyerConfig struct {
	// Clock tells when something arrived.
	Clock application.Clock
	// Verify reports what is wrong with the signature of a request; nil when there is no secret to verify it with.
	Verify func(h http.Header, body []byte) error
	// Told is called for each request when it is answered, with a line that holds nothing personal; not twice at once. nil for nobody.
	Told func(line string)
	// Host is the name, beside localhost and addresses, under which the page is shown.
	Host string
}

// Buyer is a buyer that takes leads: an http.Handler whose path says what it does with them. It keeps the last arrivals in memory.
type Buyer struct {
	config BuyerConfig
	mux    *http.ServeMux
	busy   chan struct{}

	mu       sync.Mutex
	arrivals arrivals
	told     sync.Mutex
}

// NewBuyer returns a buyer that nothing has arrived at.
func NewBuyer(c BuyerConfig) *Buyer {
	b := &Buyer{config: c, mux: http.NewServeMux(), busy: make(chan struct{}, maxAtOnce)}
	b.arrivals.forget()
	for path, p := range plays {
		b.mux.HandleFunc("POST "+path, b.take(p))
	}
	b.mux.HandleFunc("GET /{$}", b.private(b.page))
	b.mux.HandleFunc("GET /arrivals", b.private(b.list))
	b.mux.HandleFunc("DELETE /arrivals", b.private(b.forget))
	return b
}

// ServeHTTP implements http.Handler.
func (b *Buyer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	select {
	case b.busy <- struct{}{}:
		defer func() { <-b.busy }()
	default:
		http.Error(w, "too many requests at once", http.StatusServiceUnavailable)
		return
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	b.mux.ServeHTTP(w, r)
}

// private answers those alone who ask under a name that cannot belong to somebody else: a web page on any site could otherwise have its own
// name lead here, and read what is shown.
func (b *Buyer) private(show http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		host := (&url.URL{Host: r.Host}).Hostname()
		if _, err := netip.ParseAddr(host); err != nil && !strings.EqualFold(host, "localhost") && (b.config.Host == "" || !strings.EqualFold(host, b.config.Host)) {
			http.Error(w, "open this page by its address or as localhost", http.StatusMisdirectedRequest)
			return
		}
		show(w, r)
	}
}

// play is what a path does: it says, of a request and how many came with its id before it, what is answered.
type play struct {
	does   string // for the page
	answer func(q parameters, before int, reference string) (answer, error)
}

// answer is what is answered to a request, or that its connection is closed instead.
type answer struct {
	status int
	text   string
	body   string
	lost   bool
	wait   time.Duration
}

// plays are the paths.
var plays = map[string]play{
	"/accept":    {"accepts; price= says for how much", accept},
	"/reject":    {"rejects", always(answer{status: http.StatusOK, text: "rejected", body: `{"status":"rejected"}`})},
	"/duplicate": {"says that it has the lead already", always(answer{status: http.StatusOK, text: "duplicate", body: `{"status":"duplicate"}`})},
	"/slow":      {"accepts after ms=", accept},
	"/broken":    {"answers 500", always(answer{status: http.StatusInternalServerError, text: "broken", body: `{"error":"broken"}`})},
	"/garbage":   {"answers 200 with something that is no JSON", always(answer{status: http.StatusOK, text: "garbage", body: "<html><body>Thank you!</body>"})},
	"/lost":      {"keeps the lead and closes the connection without an answer", always(answer{text: "no answer", lost: true})},
	"/flaky":     {"answers 503 to the first n= requests with a webhook-id, then accepts", flaky},
	"/bid":       {"bids amount= after ms=", bid},
	"/nobid":     {"bids nothing", always(answer{status: http.StatusOK, text: "no bid", body: `{"bid":0}`})},
}

func always(a answer) func(parameters, int, string) (answer, error) {
	return func(parameters, int, string) (answer, error) { return a, nil }
}

func accept(q parameters, _ int, reference string) (answer, error) {
	a := answer{status: http.StatusOK, text: "accepted", wait: q.wait()}
	price := ""
	if given := q.amount("price"); given != "" {
		price = `,"price":` + given
	}
	a.body = fmt.Sprintf(`{"status":"accepted"%s,"reference":%q}`, price, reference)
	return a, q.err
}

func flaky(q parameters, before int, reference string) (answer, error) {
	n := q.number("n", maxFlaky)
	if before < n {
		return answer{status: http.StatusServiceUnavailable, text: fmt.Sprintf("failed %d of %d", before+1, n), body: `{"error":"not now"}`}, q.err
	}
	return accept(q, before, reference)
}

func bid(q parameters, _ int, reference string) (answer, error) {
	amount, wait := q.amount("amount"), q.wait()
	if amount == "" {
		q.wrong("amount is missing, such as amount=12.50")
	}
	return answer{status: http.StatusOK, text: "bid " + amount, body: fmt.Sprintf(`{"bid":%s,"reference":%q}`, amount, reference), wait: wait}, q.err
}

// parameters are those of a request's query. err is the first that is wrong.
type parameters struct {
	url.Values

	err error
}

var amount = regexp.MustCompile(`^(0|[1-9][0-9]{0,9})(\.[0-9]{1,6})?$`)

// amount returns an amount as it stands; empty when there is none.
func (q *parameters) amount(name string) string {
	given := q.Get(name)
	if given != "" && !amount.MatchString(given) {
		q.wrong(name + " must be an amount such as 12.50")
	}
	return given
}

func (q *parameters) number(name string, most int) int {
	given := q.Get(name)
	if given == "" {
		return 0
	}
	n, err := strconv.Atoi(given)
	if err != nil || n < 0 || n > most {
		q.wrong(fmt.Sprintf("%s must be between 0 and %d", name, most))
	}
	return n
}

func (q *parameters) wait() time.Duration {
	return time.Duration(q.number("ms", int(maxWait/time.Millisecond))) * time.Millisecond
}

func (q *parameters) wrong(text string) {
	if q.err == nil {
		q.err = errors.New(text)
	}
}

// take answers a lead, or a question for a bid.
func (b *Buyer) take(p play) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		var large *http.MaxBytesError
		if err != nil && !errors.As(err, &large) {
			return // whoever sends it is gone, or too slow
		}
		a := arrived(r, body, b.config.Clock.Now())
		switch {
		case b.config.Verify == nil:
			a.Signature = "not verified"
		case large != nil:
			a.Signature = "not verified: too large"
		default:
			a.Signature = signatureOK
			if err := b.config.Verify(r.Header, body); err != nil {
				a.Signature = err.Error()
			}
		}
		b.mu.Lock()
		reference, before := b.arrivals.add(a, r.Header)
		b.mu.Unlock()
		given, err := p.answer(parameters{Values: r.URL.Query()}, before, reference)
		switch {
		case large != nil:
			given = answer{status: http.StatusRequestEntityTooLarge, text: "larger than 64 KiB", body: `{"error":"larger than 64 KiB"}`}
		case err != nil:
			given = answer{status: http.StatusBadRequest, text: err.Error(), body: fmt.Sprintf(`{"error":%q}`, err.Error())}
		}
		if !pause(r.Context(), given.wait) {
			given = answer{status: stopStatus, text: "gave up waiting", body: `{"error":"stopped"}`}
		}
		b.mu.Lock()
		a.Answer, a.Status = given.text, given.status
		line := a.line()
		b.mu.Unlock()
		b.tell(line)
		if given.lost {
			panic(http.ErrAbortHandler) // which closes the connection
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(given.status)
		_, _ = io.WriteString(w, given.body)
	}
}

// pause reports whether all of the time has passed before ctx ended.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (b *Buyer) tell(line string) {
	if b.config.Told != nil {
		b.told.Lock()
		defer b.told.Unlock()
		b.config.Told(line)
	}
}
