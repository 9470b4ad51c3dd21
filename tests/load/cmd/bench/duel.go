package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/leadmill/leadmill/tests/dbtest"
)

// duel is two things that were measured in turn on one engine. What slows the machine down for a while slows down both.
type duel struct {
	engine        dbtest.Engine
	build         string // "" when there is one only
	first, second []measurement
}

// ratio is how many leads a second the second sells for one of the first.
func (d duel) ratio() float64 { return rate(d.second) / rate(d.first) }

// inTurn runs two things so many times each, the second before the first in every other round, and keeps what they measured.
func (d *duel) inTurn(rounds int, first, second func(round int) (measurement, error)) error {
	type side struct {
		run  func(int) (measurement, error)
		runs *[]measurement
	}
	for round := range rounds {
		for _, s := range alternate([]side{{first, &d.first}, {second, &d.second}}, round) {
			m, err := s.run(round)
			if err != nil {
				return err
			}
			*s.runs = append(*s.runs, m)
		}
	}
	return nil
}

// told writes a measurement to the terminal of those who wait, and passes it on.
func told(what string, m measurement, err error) (measurement, error) {
	if err == nil {
		fmt.Fprintf(os.Stderr, "%s: %s; lag %s, CPU a lead %s, of the database %s, memory %s\n", what, m.Result, short(m.lag),
			orDash(m.cpu), orDash(m.serverCPU), megabytes(m.memory))
	}
	return m, err
}

// duelTable has a line for each duel. The names are what the first and the second are.
func duelTable(title, first, second string, all []duel) string {
	if len(all) == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s:\n\n| engine | leads/s: %s | %s | ratio | CPU a lead | CPU of the database | p99 | memory |\n"+
		"|---|---:|---:|---:|---:|---:|---:|---:|\n", title, first, second)
	for _, d := range all {
		name := string(d.engine)
		if d.build != "" {
			name += ", " + d.build
		}
		both := func(figure func([]measurement) string) string { return figure(d.first) + " → " + figure(d.second) }
		fmt.Fprintf(&b, "| %s | %.0f | %.0f | %.2f | %s | %s | %s | %s |\n", name, rate(d.first), rate(d.second), d.ratio(),
			both(func(runs []measurement) string { return orDash(serviceCPU(runs)) }),
			both(func(runs []measurement) string { return orDash(serverCPU(runs)) }),
			both(func(runs []measurement) string { return short(p99(runs)) }),
			both(func(runs []measurement) string { return megabytes(memory(runs)) }))
	}
	return b.String()
}

// Medians of the figures of some runs.

func rate(runs []measurement) float64 {
	return median(runs, func(m measurement) float64 { return m.Rate })
}

func p50(runs []measurement) time.Duration {
	return median(runs, func(m measurement) time.Duration { return m.P50 })
}

func p99(runs []measurement) time.Duration {
	return median(runs, func(m measurement) time.Duration { return m.P99 })
}

func lag(runs []measurement) time.Duration {
	return median(runs, func(m measurement) time.Duration { return m.lag })
}

func serviceCPU(runs []measurement) time.Duration {
	return median(runs, func(m measurement) time.Duration { return m.cpu })
}

func serverCPU(runs []measurement) time.Duration {
	return median(runs, func(m measurement) time.Duration { return m.serverCPU })
}

func memory(runs []measurement) int64 {
	return median(runs, func(m measurement) int64 { return m.memory })
}

func disk(runs []measurement) float64 {
	return median(runs, func(m measurement) float64 { return m.growth.disk() })
}

func binlog(runs []measurement) float64 {
	return median(runs, func(m measurement) float64 { return m.growth.binlog })
}

// What is 0 could not be known.

func orDash(d time.Duration) string {
	if d == 0 {
		return "–"
	}
	return short(d)
}

func megabytes(bytes int64) string {
	if bytes == 0 {
		return "–"
	}
	return fmt.Sprintf("%.0f MB", float64(bytes)/1e6)
}

func whole(n float64) string {
	if n == 0 {
		return "–"
	}
	return fmt.Sprintf("%.0f", n)
}
