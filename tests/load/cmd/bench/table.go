package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/leadmill/leadmill/tests/dbtest"
)

// key is one line of the table.
type key struct {
	engine      dbtest.Engine
	connections int
	batch       int
}

// results are the measurements of every line, in the order in which the lines came up.
type results struct {
	keys []key
	runs map[key][]measurement
}

func (r *results) add(k key, m measurement) {
	if r.runs == nil {
		r.runs = map[key][]measurement{}
	}
	if r.runs[k] == nil {
		r.keys = append(r.keys, k)
	}
	r.runs[k] = append(r.runs[k], m)
}

// median of one figure over the rounds of a line; of an even number, the lower middle.
func median[T cmp.Ordered](runs []measurement, figure func(measurement) T) T {
	values := make([]T, len(runs))
	for i, m := range runs {
		values[i] = figure(m)
	}
	slices.Sort(values)
	return values[(len(values)-1)/2]
}

func (r *results) rate(k key) float64 {
	return median(r.runs[k], func(m measurement) float64 { return m.Rate })
}

func (r *results) p50(k key) time.Duration {
	return median(r.runs[k], func(m measurement) time.Duration { return m.P50 })
}

// markdown is the table. A line is only there when all its leads were found in every place.
func (r *results) markdown() string {
	var b strings.Builder
	b.WriteString("| engine | connections | batch max | leads/s | p50 | p95 | p99 | lag | CPU a lead | verified |\n")
	b.WriteString("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n")
	for _, k := range r.keys {
		runs := r.runs[k]
		of := func(figure func(measurement) time.Duration) string { return short(median(runs, figure)) }
		var leads int64
		for _, m := range runs {
			leads += m.Sold
		}
		fmt.Fprintf(&b, "| %s | %d | %d | %.0f | %s | %s | %s | %s | %s | %d |\n", k.engine, k.connections, k.batch, r.rate(k),
			of(func(m measurement) time.Duration { return m.P50 }), of(func(m measurement) time.Duration { return m.P95 }),
			of(func(m measurement) time.Duration { return m.P99 }), of(func(m measurement) time.Duration { return m.lag }),
			of(func(m measurement) time.Duration { return m.cpu }), leads)
	}
	return b.String()
}

// short rounds to what can be told apart.
func short(d time.Duration) string {
	switch {
	case d >= 100*time.Millisecond:
		return d.Round(time.Millisecond).String()
	case d >= time.Millisecond:
		return d.Round(100 * time.Microsecond).String()
	default:
		return d.Round(time.Microsecond).String()
	}
}

// pairs calls do for every line of the first batch size that has one of the last beside it.
func (r *results) pairs(s settings, do func(usual, single key)) {
	first, last := s.batches[0], s.batches[len(s.batches)-1]
	for _, k := range r.keys {
		single := key{k.engine, k.connections, last}
		if k.batch == first && first != last && r.runs[single] != nil {
			do(k, single)
		}
	}
}

func (r *results) ratios(s settings) string {
	var b strings.Builder
	r.pairs(s, func(usual, single key) {
		if b.Len() == 0 {
			fmt.Fprintf(&b, "\n| engine | connections | leads/s with batch max %d to %d |\n|---|---:|---:|\n", usual.batch, single.batch)
		}
		fmt.Fprintf(&b, "| %s | %d | %.1f |\n", usual.engine, usual.connections, r.rate(usual)/r.rate(single))
	})
	return b.String()
}

// The limits. They compare figures of the same run, because those of different machines say nothing about each other.
const (
	manyClients  = 256
	leastRatio   = 5.0             // what batching must bring at manyClients on a server's database
	mostLag      = 2 * time.Second // how far the report may be behind when the load ends
	loneSlowdown = 1.10            // how much slower batching may make a lone client: what two measurements differ by anyway
)

// check returns every limit that is not kept.
func (r *results) check(s settings) error {
	var broken []error
	fail := func(format string, args ...any) { broken = append(broken, fmt.Errorf(format, args...)) }
	r.pairs(s, func(usual, single key) {
		switch {
		case single.batch != 1:
		case usual.connections == manyClients && usual.engine != dbtest.SQLite:
			if ratio := r.rate(usual) / r.rate(single); ratio < leastRatio {
				fail("%s, %d connections: %.1f times the leads of LEADMILL_BATCH_MAX=1, not %.0f", usual.engine, manyClients, ratio, leastRatio)
			}
		case usual.connections == 1:
			with, without := r.p50(usual), r.p50(single)
			if float64(with) > loneSlowdown*float64(without) {
				fail("%s: a lone client waits %s, without batching %s", usual.engine, short(with), short(without))
			}
		}
	})
	most := key{dbtest.SQLite, slices.Max(s.connections), s.batches[0]}
	mysql := key{dbtest.MySQL, most.connections, most.batch}
	if r.runs[most] != nil && r.runs[mysql] != nil && r.rate(most) < r.rate(mysql) {
		fail("%d connections: SQLite sells %.0f leads/s, MySQL %.0f", most.connections, r.rate(most), r.rate(mysql))
	}
	for _, k := range r.keys {
		if lag := median(r.runs[k], func(m measurement) time.Duration { return m.lag }); lag >= mostLag {
			fail("%s, %d connections, LEADMILL_BATCH_MAX=%d: the report is %s behind", k.engine, k.connections, k.batch, short(lag))
		}
	}
	return errors.Join(broken...)
}
