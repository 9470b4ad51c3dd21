// Package load measures how many leads a second a Leadmill server sells, and checks afterwards that everything it
// answered is in its database, its event log and its report.
//
// It is a closed loop: every connection posts its next lead when it has the answer to the last one. So a latency is what a
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
	"sync"
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
}

// Result is what a run found.
type Result struct {
	// Connections is as in the options.
	Connections int
	// Rate is leads a second in the measured time.
	Rate float64
	// P50, P95, P99 and Max are latencies of the measured time. Quantiles are read from buckets of 1.6%.
	P50, P95, P99, Max time.Duration
	// Answers counts all answers by what they said: a lead's status, "http 503", "connection", "unreadable".
	Answers map[string]int64
	// Sold is how many leads were answered as sold, those of the warm-up with them.
	Sold int64
	// Unexpected is how many answers were anything else, and Sample the first of them.
	Unexpected int64
	Sample     string

	market *market
	ended  time.Time
}

// Err is not nil when an answer was anything but a sold lead.
func (r *Result) Err() error {
	if r.Unexpected == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d answers were not a sold lead (%s), such as: %s", r.Unexpected, r.Unexpected+r.Sold, r.counts(), r.Sample)
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
	target, err := ParseURL(strings.TrimRight(o.BaseURL, "/"))
	if err != nil {
		return nil, err
	}
	if o.Connections < 1 || o.Duration <= 0 || o.Warmup < 0 {
		return nil, errors.New("a run needs at least one connection and some time")
	}
	m, err := found(ctx, target.String(), o.AdminKey)
	if err != nil {
		return nil, fmt.Errorf("make a seller: %w", err)
	}
	workers := make([]*worker, o.Connections)
	defer func() {
		for _, w := range workers {
			if w != nil && w.conn != nil {
				_ = w.conn.Close()
			}
		}
	}()
	for i := range workers {
		w := &worker{number: i, of: o.Connections, target: target}
		w.request, w.phones = leadRequest(target, m.supplierKey, m.sellerCode)
		w.answer = make([]byte, 0, 2048)
		if w.conn, err = dial(ctx, target); err != nil {
			return nil, fmt.Errorf("connect: %w", err)
		}
		workers[i] = w
	}
	var stop atomic.Bool
	var running sync.WaitGroup
	start := time.Now()
	from := start.Add(o.Warmup)
	to := from.Add(o.Duration)
	for _, w := range workers {
		if err := w.conn.SetDeadline(to.Add(patience)); err != nil {
			return nil, err
		}
		running.Go(func() { w.run(ctx, &stop, from, to) })
	}
	cut := context.AfterFunc(ctx, func() { stop.Store(true) })
	defer cut()
	running.Wait()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return collect(m, workers, from, to), nil
}

func collect(m *market, workers []*worker, from, to time.Time) *Result {
	r := &Result{Connections: len(workers), Answers: map[string]int64{}, market: m}
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
		if r.Sample == "" {
			r.Sample = w.sample
		}
		if w.ended.After(r.ended) {
			r.ended = w.ended
		}
	}
	for what, n := range r.Answers {
		if what == sold {
			r.Sold = n
		} else {
			r.Unexpected += n
		}
	}
	r.Rate = float64(all.total) / to.Sub(from).Seconds()
	r.P50, r.P95, r.P99, r.Max = all.quantile(0.50), all.quantile(0.95), all.quantile(0.99), all.max
	return r
}

const sold = "sold"

// statuses are what an answer of 200 can say.
var statuses = [...]struct {
	name string
	mark []byte
}{
	{sold, []byte(`"status":"sold"`)},
	{"pending", []byte(`"status":"pending"`)},
	{"duplicate", []byte(`"status":"duplicate"`)},
	{"rejected", []byte(`"status":"rejected"`)},
}

// worker is one client.
type worker struct {
	poster

	number, of int
	target     *url.URL
	latencies  histogram // answers that came in the measured time
	statuses   [len(statuses)]int64
	others     map[string]int64
	sample     string
	ended      time.Time
}

func (w *worker) run(ctx context.Context, stop *atomic.Bool, from, to time.Time) {
	before := time.Now()
	for n := int64(0); before.Before(to) && !stop.Load(); n++ {
		status, body, err := w.post(phoneOf(w.number, w.of, n))
		now := time.Now()
		w.count(status, body, err)
		// What is answered in the measured time is what was done in it.
		if !now.Before(from) && now.Before(to) && err == nil {
			w.latencies.add(now.Sub(before))
		}
		before = now
		if err == nil {
			continue
		}
		if err := w.redial(ctx, to); err != nil {
			w.other("connect", err.Error())
			break
		}
	}
	w.ended = before
}

func (w *worker) redial(ctx context.Context, to time.Time) error {
	_ = w.conn.Close() // it failed already
	var err error
	if w.conn, err = dial(ctx, w.target); err != nil {
		return err
	}
	return w.conn.SetDeadline(to.Add(patience))
}

func (w *worker) count(status int, body []byte, err error) {
	switch {
	case err != nil:
		w.other("connection", err.Error())
		return
	case status != 200:
		w.other(fmt.Sprintf("http %d", status), string(body))
		return
	}
	for i := range statuses {
		if bytes.Contains(body, statuses[i].mark) {
			w.statuses[i]++
			if i > 0 && w.sample == "" {
				w.sample = string(body)
			}
			return
		}
	}
	w.other("unreadable", string(body))
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
