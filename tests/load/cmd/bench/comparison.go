package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// How often two revisions are measured. When both are equally fast, the ranges of 5 and 5 measurements lie apart in one of
// 126 lines, of 3 and 3 in one of 10.
const (
	pairedRounds      = 5
	leastPairedRounds = 3
)

// comparison has the measurements of two revisions. The measurements of a line with the same number were made one right
// after the other.
type comparison struct{ old, new *results }

// span is the lowest and the highest of some figures.
type span struct{ low, high float64 }

func spanOf(figures []float64) span { return span{slices.Min(figures), slices.Max(figures)} }

// overlaps tells whether a figure of one lies between figures of the other or equals one.
func (s span) overlaps(other span) bool { return s.low <= other.high && other.low <= s.high }

func rates(runs []measurement) []float64 {
	out := make([]float64, len(runs))
	for i, m := range runs {
		out[i] = m.Rate
	}
	return out
}

// markdown is the table. A line is only there when all its leads were found in the feed and in the report.
func (c comparison) markdown() string {
	var b strings.Builder
	b.WriteString("| engine | connections | batch max | old leads/s | new leads/s | new/old | by pairs | within noise | CPU a lead, new/old |\n")
	b.WriteString("|---|---:|---:|---:|---:|---:|---:|---|---:|\n")
	for _, k := range c.old.keys {
		was, is := rates(c.old.runs[k]), rates(c.new.runs[k])
		pairs := make([]float64, len(was))
		for i := range pairs {
			pairs[i] = is[i] / was[i]
		}
		before, after, each := spanOf(was), spanOf(is), spanOf(pairs)
		verdict := "no"
		if before.overlaps(after) {
			verdict = "yes"
		}
		cpu := func(r *results) float64 {
			return float64(median(r.runs[k], func(m measurement) time.Duration { return m.cpu }))
		}
		fmt.Fprintf(&b, "| %s | %d | %d | %.0f (%.0f–%.0f) | %.0f (%.0f–%.0f) | %.3f | %.3f–%.3f | %s | %.3f |\n", k.engine, k.connections, k.batch,
			c.old.rate(k), before.low, before.high, c.new.rate(k), after.low, after.high, c.new.rate(k)/c.old.rate(k),
			each.low, each.high, verdict, cpu(c.new)/cpu(c.old))
	}
	return b.String()
}
