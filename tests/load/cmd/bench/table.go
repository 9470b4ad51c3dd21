package main

import (
	"cmp"
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

func (r *results) rate(k key) float64 { return rate(r.runs[k]) }

// markdown is the table. A line is only there when all its leads were found in every place.
func (r *results) markdown() string {
	var b strings.Builder
	b.WriteString("| engine | connections | batch max | leads/s | p50 | p95 | p99 | lag | CPU a lead | CPU of the database | memory | disk a lead | binary log a lead | verified |\n")
	b.WriteString("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n")
	for _, k := range r.keys {
		runs := r.runs[k]
		var leads int64
		for _, m := range runs {
			leads += m.Sold
		}
		fmt.Fprintf(&b, "| %s | %d | %d | %.0f | %s | %s | %s | %s | %s | %s | %s | %s | %s | %d |\n", k.engine, k.connections, k.batch, rate(runs),
			short(p50(runs)), short(median(runs, func(m measurement) time.Duration { return m.P95 })), short(p99(runs)), short(lag(runs)),
			orDash(serviceCPU(runs)), orDash(serverCPU(runs)), megabytes(memory(runs)), whole(disk(runs)), whole(binlog(runs)), leads)
	}
	return b.String()
}

// storage is where the bytes of a lead are, a column for each engine.
func (r *results) storage(s settings) string {
	names, runs := []string{"bytes a lead"}, [][]measurement{}
	for _, e := range s.engines {
		if k := (key{e, s.most(), s.batches[0]}); r.runs[k] != nil {
			names, runs = append(names, string(e)), append(runs, r.runs[k])
		}
	}
	if len(runs) == 0 {
		return ""
	}
	return "\n" + growthTable(names, runs...)
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

// linesOf are the runs of every line of an engine.
func (r *results) linesOf(e dbtest.Engine) (out [][]measurement) {
	for _, k := range r.keys {
		if k.engine == e {
			out = append(out, r.runs[k])
		}
	}
	return out
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
