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

// markdown is the table of speeds. A line is only there when all its leads were found in the feed and in the report.
func (c comparison) markdown() string {
	var b strings.Builder
	b.WriteString("| engine | connections | batch max | old leads/s | new leads/s | new/old | by pairs | within noise |\n")
	b.WriteString("|---|---:|---:|---:|---:|---:|---:|---|\n")
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
		fmt.Fprintf(&b, "| %s | %d | %d | %.0f (%.0f–%.0f) | %.0f (%.0f–%.0f) | %.3f | %.3f–%.3f | %s |\n", k.engine, k.connections, k.batch,
			c.old.rate(k), before.low, before.high, c.new.rate(k), after.low, after.high, c.new.rate(k)/c.old.rate(k),
			each.low, each.high, verdict)
	}
	return b.String()
}

// costs is the table of what a lead costs, medians of both.
func (c comparison) costs() string {
	var b strings.Builder
	b.WriteString("\n| engine | connections | batch max | CPU a lead | new/old | CPU of the database | new/old | p50 | p99 | memory | disk a lead | binary log a lead |\n")
	b.WriteString("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n")
	for _, k := range c.old.keys {
		was, is := c.old.runs[k], c.new.runs[k]
		both := func(figure func([]measurement) string) string { return figure(was) + " → " + figure(is) }
		cpu := func(figure func([]measurement) time.Duration) string {
			if figure(was) == 0 {
				return "– | –"
			}
			return fmt.Sprintf("%s → %s | %.3f", short(figure(was)), short(figure(is)), float64(figure(is))/float64(figure(was)))
		}
		fmt.Fprintf(&b, "| %s | %d | %d | %s | %s | %s | %s | %s | %s | %s |\n", k.engine, k.connections, k.batch, cpu(serviceCPU), cpu(serverCPU),
			both(func(runs []measurement) string { return short(p50(runs)) }), both(func(runs []measurement) string { return short(p99(runs)) }),
			both(func(runs []measurement) string { return megabytes(memory(runs)) }),
			both(func(runs []measurement) string { return whole(disk(runs)) }),
			both(func(runs []measurement) string { return whole(binlog(runs)) }))
	}
	return b.String()
}

// storage is where the bytes of a lead are, in both revisions.
func (c comparison) storage(s settings) string {
	var b strings.Builder
	for _, e := range s.engines {
		if k := (key{e, s.most(), s.batches[0]}); c.old.runs[k] != nil && c.new.runs[k] != nil {
			b.WriteString("\n" + growthTable([]string{string(e) + ", bytes a lead", "old", "new"}, c.old.runs[k], c.new.runs[k]))
		}
	}
	return b.String()
}
