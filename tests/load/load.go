// Package load measures how many leads a second a Leadmill server sells, and checks afterwards that everything it
// answered is in its database, its event log and its report.
//
// It is a closed loop: every connection posts its next lead when it has the answer to the last one, or later at a given rate. So a latency is what a
// client waits, and the rate is what the given number of clients can get, not what a queue in front of them would see.
//
// Stability: unsupported; it may change at any time.
package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// Options say what to measure.
type Options struct {
	// BaseURL is the server's address, such as http://127.0.0.1:8080.
	BaseURL string
	// AdminKey is the installation's admin key; the run makes a seller of its own with it.
	AdminKey string
	// Connections is how many clients post at the same time, each over a keep-alive connection.
	Connections int
	// Warmup is how long they post before the clock starts; those leads count for everything but rate and latencies.
	Warmup time.Duration
	// Duration is how long they are measured.
	Duration time.Duration
	// Leads, when above 0, is how many leads are posted in place of a duration; there is no warm-up then. Where there are as
	// many sellers as connections or more, each seller gets equally many, and what cannot be shared out evenly is left.
	Leads int64
	// PerSecond, when above 0, is how many leads all clients post together in a second, as long as the answers come in time; 0: each posts its
	// next lead when it has the answer to the last.
	PerSecond int
}

// Result is what a run found.
type Result struct {
	// Connections is as in the options.
	Connections int
	// Rate is leads a second in the measured time, or until the last of a given number was answered.
	Rate float64
	// P50, P95, P99 and Max are latencies of the measured time. Quantiles are read from buckets of 1.6%.
	P50, P95, P99, Max time.Duration
	// Answers counts all answers by what they said: a lead's status, "http 503", "connection", "unreadable".
	Answers map[string]int64
	// Sold is how many leads were answered as sold, or pings with a quote, those of the warm-up with them.
	Sold int64
	// Pending is how many were answered as pending where buyers are asked, without those of which Recount found that they were sold since.
	Pending int64
	// PerSeller is how many each seller of the session sold since it began.
	PerSeller []int64
	// Unexpected is how many answers were anything else, and Sample the first of them.
	Unexpected int64
	Sample     string

	markets []*market
	last    int // the market of the last answer
	ended   time.Time
}

// Err is not nil when an answer was anything but a sold lead.
func (r *Result) Err() error {
	if r.Unexpected == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d answers were not a sold lead (%s), such as: %s", r.Unexpected, r.Unexpected+r.Sold+r.Pending, r.counts(), r.Sample)
}

// counts lists the answers, such as "pending 3, sold 4711".
func (r *Result) counts() string {
	var parts []string
	for what, n := range r.Answers {
		parts = append(parts, fmt.Sprintf("%s %d", what, n))
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

// String is the run's figures in one line.
func (r *Result) String() string {
	return fmt.Sprintf("%d connections: %.0f leads/s, p50 %s, p95 %s, p99 %s, max %s; %s", r.Connections, r.Rate,
		short(r.P50), short(r.P95), short(r.P99), short(r.Max), r.counts())
}

func short(d time.Duration) string { return d.Round(10 * time.Microsecond).String() }

// ParseURL reads the address of a server.
func ParseURL(base string) (*url.URL, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("the server's address must be like http://127.0.0.1:8080")
	}
	return u, nil
}

// Run makes a seller with five buyers, a campaign and a supplier through the API and posts leads that were never sent
// before. It fails when the seller cannot be made, no connection can be opened or ctx ends; answers other than sold
// leads are in the Result.
func Run(ctx context.Context, o Options) (*Result, error) {
	if o.Connections < 1 || o.Duration <= 0 && o.Leads <= 0 {
		return nil, errors.New("a run needs at least one connection and some time or leads")
	}
	s, err := Prepare(ctx, o.BaseURL, o.AdminKey, 1, UsualBuyers)
	if err != nil {
		return nil, err
	}
	return s.Run(ctx, o)
}

// collect adds up what the workers found. Without a time to end at, the measured time ends with the last answer.
func (s *Session) collect(workers []*worker, from, to time.Time) *Result {
	r := &Result{Connections: len(workers), Answers: map[string]int64{}, markets: s.markets}
	var all histogram
	for _, w := range workers {
		all.merge(&w.latencies)
		for i, n := range w.statuses {
			if n > 0 {
				r.Answers[statuses[i].name] += n
			}
		}
		for what, n := range w.others {
			r.Answers[what] += n
		}
		for _, t := range w.to {
			s.sold[t.market] += t.good
		}
		if r.Sample == "" {
			r.Sample = w.sample
		}
		if w.ended.After(r.ended) {
			r.ended, r.last = w.ended, w.last
		}
		s.used = max(s.used, w.used+w.posted*int64(w.of))
	}
	for what, n := range r.Answers {
		switch {
		case what == s.good():
			r.Sold = n
		case what == pending && s.Asks:
			r.Pending = n
		default:
			r.Unexpected += n
		}
	}
	if to.IsZero() {
		to = r.ended
	}
	r.PerSeller = slices.Clone(s.sold)
	r.Rate = float64(all.total) / to.Sub(from).Seconds()
	r.P50, r.P95, r.P99, r.Max = all.quantile(0.50), all.quantile(0.95), all.quantile(0.99), all.max
	return r
}

// What answers say when all is well.
const (
	sold   = "sold"
	stored = "stored" // a bare record
	quoted = "quoted" // a ping
)

// pending is what answers say of a lead that may be sold later.
const pending = "pending"

// statuses are what an answer of 200 can say.
var statuses = [...]struct {
	name string
	mark []byte
}{
	{sold, []byte(`"status":"sold"`)},
	{pending, []byte(`"status":"pending"`)},
	{"duplicate", []byte(`"status":"duplicate"`)},
	{"rejected", []byte(`"status":"rejected"`)},
	{stored, []byte(`"collectionName":"leads"`)},
	{quoted, []byte(`"ping_id":"`)},
	{"no_match", []byte(`"status":"no_match"`)},
}

// recipient is a seller as one client posts to it.
type recipient struct {
	request

	market int
	good   int64 // leads that it sold or stored
}

// worker is one client.
type worker struct {
	poster

	number, of int
	asks       bool  // as the session's
	used       int64 // phone numbers that were taken before
	target     *url.URL
	to         []recipient // in turn
	share      int64       // how many leads to post; 0 when the time says it
	posted     int64
	every      time.Duration // between two leads of all clients; 0: as soon as there is an answer
	deadline   time.Time
	latencies  histogram // answers that came in the measured time
	statuses   [len(statuses)]int64
	others     map[string]int64
	sample     string
	last       int // the market of the last answer
	ended      time.Time
}

// run posts until the time is over, or its share of the leads is posted when to is zero.
func (w *worker) run(ctx context.Context, stop *atomic.Bool, from, to time.Time) {
	before := time.Now()
	began, timed, turn := before, !to.IsZero(), 0
	for !stop.Load() && (timed && before.Before(to) || !timed && w.posted < w.share) {
		if w.every > 0 {
			time.Sleep(time.Until(began.Add(w.every * time.Duration(w.posted*int64(w.of)+int64(w.number)))))
			before = time.Now()
		}
		t := &w.to[turn%len(w.to)]
		turn++
		err := w.extend(before)
		var status int
		var body []byte
		if err == nil {
			for i := range t.leads {
				t.number(i, phoneOf(w.used, w.number, w.of, w.posted+int64(i)))
			}
			status, body, err = w.post(&t.request)
		}
		leads := int64(len(t.leads))
		w.posted += leads
		now := time.Now()
		if w.count(status, body, err, leads) {
			t.good += leads
		}
		// What is answered in the measured time is what was done in it.
		if err == nil && !now.Before(from) && (!timed || now.Before(to)) {
			for range leads {
				w.latencies.add(now.Sub(before))
			}
		}
		before, w.last = now, t.market
		if err == nil {
			continue
		}
		if err := w.redial(ctx); err != nil {
			w.other("connect", err.Error())
			break
		}
	}
	w.ended = before
}

// extend lets the connection wait for an answer again when half of its patience is over.
func (w *worker) extend(now time.Time) error {
	if now.Add(patience / 2).Before(w.deadline) {
		return nil
	}
	w.deadline = now.Add(patience)
	return w.conn.SetDeadline(w.deadline)
}

func (w *worker) dial(ctx context.Context) (err error) {
	w.deadline = time.Time{}
	w.conn, err = dial(ctx, w.target)
	return err
}

func (w *worker) redial(ctx context.Context) error {
	_ = w.conn.Close() // it failed already
	return w.dial(ctx)
}

// count notes an answer to so many leads and reports whether it says that all of them are sold or stored.
func (w *worker) count(status int, body []byte, err error, leads int64) (good bool) {
	switch {
	case err != nil:
		w.other("connection", err.Error())
		return false
	case status != 200:
		w.other(fmt.Sprintf("http %d", status), string(body))
		return false
	}
	for i := range statuses {
		n := int64(0)
		if leads == 1 && bytes.Contains(body, statuses[i].mark) || leads > 1 && int64(bytes.Count(body, statuses[i].mark)) == leads {
			n = leads
		}
		if n == 0 {
			continue
		}
		w.statuses[i] += n
		good = statuses[i].name == sold || statuses[i].name == stored
		fair := good || statuses[i].name == quoted || statuses[i].name == pending && w.asks
		if !fair && w.sample == "" {
			w.sample = string(body)
		}
		return good
	}
	w.other("unreadable", string(body))
	return false
}

func (w *worker) other(what, sample string) {
	if w.others == nil {
		w.others = map[string]int64{}
	}
	w.others[what]++
	if w.sample == "" {
		w.sample = fmt.Sprintf("%s: %.300s", what, sample)
	}
}
