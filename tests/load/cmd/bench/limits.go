package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/leadmill/leadmill/tests/dbtest"
)

// The limits. They compare figures of the same run, because those of different machines say nothing about each other; the
// memory and the lag are the same everywhere.
const (
	manyClients = 256

	leastSpeedup  = 2.0 // leads/s against the older revision
	mostOfCPU     = 0.5 // of the older revision's, of the service and of the database
	mostOfBytes   = 0.5
	mostOfP99     = 0.6
	mostOfLone    = 1.0 / 3                 // of the older revision's CPU for a lone client's lead
	loneSlowdown  = 1.10                    // how much longer a lone client may wait: what two measurements differ by anyway
	leastBatching = 8.0                     // leads/s against LEADMILL_BATCH_MAX=1
	leastOfMySQL  = 0.6                     // of MySQL's leads/s on SQLite
	leastGrown    = 0.75                    // of an empty database's leads/s
	leastOfPeer   = 2.0                     // times the peer's records/s
	leastOfFour   = 0.95                    // of the leads/s of four consumers with ten
	leastOfBulk   = 3.0                     // times the leads/s of single posts
	mostOfMany    = 2.0                     // times the CPU of a lead with 100 contracts
	mostOfSale    = 1.15                    // of the CPU of a sale that nobody is told of
	leastOfPace   = 0.95                    // of the leads/s that were to be posted
	mostBehind    = 5 * time.Second         // how long after the last lead its delivery may be
	mostReceipt   = time.Second             // p99 from a sale to its receipt, beside a dead receiver
	mostAnswer    = time.Second             // p99 of a supplier's answer, where buyers answer in 100 ms
	mostAsked     = 40 * time.Second        // how long a buyer may be asked, and what is left of it is swept
	mostAskMemory = 400e6                   // bytes, with 1,024 clients
	mostRoutines  = 2*askers + 3*2048 + 500 // two for each client, three for each request to a buyer that there may be
	mostAfterBids = 20 * time.Millisecond   // p99 of a ping, after the deadline of its bids
	mostOfRelay   = 1.15                    // of the CPU of a lead whose events nobody is sent
	mostHeard     = 100 * time.Millisecond  // p99 from an event to its reader, at 2,000 leads/s on MySQL
	mostTold      = time.Second             // p99 from an event to a webhook beside others that are dead or slow
	mostIdle      = 5.0                     // statements a second of an instance with nothing to do
	mostPage      = 100 * time.Millisecond  // p99 of each page, with 1,000,000 leads and 10,000 partners
	mostFirstView = 120.0                   // KB of a page with all that it loads, compressed
	mostOfOpen    = 1.10                    // of the CPU of a lead while nobody has Today open
	mostMemory    = 150e6                   // bytes
	mostLag       = 2 * time.Second         // how far the report may be behind when the load ends
)

// limit is a figure and what it must be.
type limit struct {
	what   string
	engine dbtest.Engine
	value  float64 // 0 when it was not measured
	of     string  // what the value was made of
	bound  float64
	least  bool // the bound is the least; else the most
	unit   string
}

func (l limit) measured() bool { return l.value != 0 }

// demand is the bound in words.
func (l limit) demand() string {
	word := "at most"
	if l.least {
		word = "at least"
	}
	return fmt.Sprintf("%s %.3g%s", word, l.bound, l.unit)
}

func (l limit) kept() bool {
	if l.least {
		return l.value >= l.bound
	}
	return l.value <= l.bound
}

func (l limit) atLeast(bound float64) limit {
	l.bound, l.least = bound, true
	return l
}

func (l limit) atMost(bound float64) limit {
	l.bound, l.least = bound, false
	return l
}

// figure is one of the figures that runs have, and how it is written.
type figure struct {
	of    func([]measurement) float64
	write func(float64) string
}

// seconds makes a figure of a duration.
func seconds(of func([]measurement) time.Duration) figure {
	return figure{
		func(runs []measurement) float64 { return of(runs).Seconds() },
		func(s float64) string { return short(time.Duration(s * float64(time.Second))) },
	}
}

// ratio is a limit on how often the figure of the first runs is in that of the second. It is not measured where one of them
// was not.
func ratio(what string, e dbtest.Engine, first, second []measurement, f figure) limit {
	l := limit{what: what, engine: e}
	if len(first) == 0 || len(second) == 0 || f.of(first) == 0 {
		return l
	}
	was, is := f.of(first), f.of(second)
	l.value, l.of = is/was, f.write(was)+" → "+f.write(is)
	return l
}

// between is the ratio of leads/s of a duel that was measured.
func between(what string, e dbtest.Engine, duels []duel) limit {
	for _, d := range duels {
		if d.engine == e {
			return ratio(what, e, d.first, d.second, figure{rate, whole})
		}
	}
	return limit{what: what, engine: e}
}

// limits are all that there are for this run's engines, those that it did not measure too.
func (f *figures) limits() (all []limit) {
	older, newer := f.old, f.new
	if older == nil {
		older = &results{}
	}
	if newer == nil {
		newer = &results{}
	}
	leads, batch := figure{rate, whole}, f.batches[0]
	for _, e := range f.engines {
		many, lone := key{e, manyClients, batch}, key{e, 1, batch}
		was, is := older.runs[many], newer.runs[many]
		wasAlone, isAlone := older.runs[lone], newer.runs[lone]
		add := func(l ...limit) { all = append(all, l...) }
		add(
			ratio("leads/s, new to old", e, was, is, leads).atLeast(leastSpeedup),
			ratio("CPU of the service a lead, new to old", e, was, is, seconds(serviceCPU)).atMost(mostOfCPU),
		)
		if e != dbtest.SQLite {
			add(ratio("CPU of the database a lead, new to old", e, was, is, seconds(serverCPU)).atMost(mostOfCPU))
		}
		add(ratio("bytes a lead on disk, new to old", e, was, is, figure{disk, whole}).atMost(mostOfBytes))
		if e != dbtest.SQLite {
			add(ratio("bytes a lead in the binary log, new to old", e, was, is, figure{binlog, whole}).atMost(mostOfBytes))
		}
		add(
			ratio("p99, new to old", e, was, is, seconds(p99)).atMost(mostOfP99),
			ratio("a lone client's p50, new to old", e, wasAlone, isAlone, seconds(p50)).atMost(loneSlowdown),
			ratio("CPU of the service for a lone client's lead, new to old", e, wasAlone, isAlone, seconds(serviceCPU)).atMost(mostOfLone),
			ratio("leads/s of many sellers, new to old", e, ofMany(f.sellers, e, "old"), ofMany(f.sellers, e, "new"), leads).atLeast(leastSpeedup),
		)
		if batch != 1 {
			add(
				ratio("leads/s to LEADMILL_BATCH_MAX=1", e, newer.runs[key{e, manyClients, 1}], is, leads).atLeast(leastBatching),
				ratio("a lone client's p50 to LEADMILL_BATCH_MAX=1", e, newer.runs[key{e, 1, 1}], isAlone, seconds(p50)).atMost(loneSlowdown),
			)
		}
		if e != dbtest.MariaDB {
			add(between("leads/s of a grown database to an empty one", e, f.grown).atLeast(leastGrown))
		}
		add(ofContracts(f.contracts, e).atMost(mostOfMany))
		add(notifiedOf(f.notified, e).limits()...)
		for _, h := range f.heard {
			if h.engine == e {
				add(h.limits...)
			}
		}
		add(askedOf(f.asked, e).limits()...)
		add(pagesOf(f.pages, e).limits()...)
		add(pingedOf(f.pinged, e).limits()...)
		add(
			between("leads/s of ten consumers to four", e, f.consumers).atLeast(leastOfFour),
			ofBulk(f.bulk, e).atLeast(leastOfBulk),
			largest("memory at full load", e, [][]measurement{is}, " MB", func(m measurement) float64 { return float64(m.memory) / 1e6 }).atMost(mostMemory/1e6),
			largest("lag of the report", e, newer.linesOf(e), " s", func(m measurement) float64 { return m.lag.Seconds() }).atMost(mostLag.Seconds()),
		)
		if e == dbtest.SQLite {
			mysql := newer.runs[key{dbtest.MySQL, manyClients, batch}]
			add(
				ratio("leads/s to MySQL's", e, mysql, is, leads).atLeast(leastOfMySQL),
				between("leads/s to the records/s of "+peerPocketBase, e, f.peers).atLeast(leastOfPeer),
			)
		}
	}
	return all
}

// ofContracts compares what a lead costs this revision with few contracts and with many.
func ofContracts(duels []duel, e dbtest.Engine) limit {
	const what = "CPU a lead with 10,000 contracts to 100"
	for _, d := range duels {
		if d.engine == e && d.build != "old" {
			return ratio(what, e, d.first, d.second, seconds(bothCPU))
		}
	}
	return limit{what: what, engine: e}
}

// ofBulk compares requests of many leads with single ones over the same connections.
func ofBulk(duels []duel, e dbtest.Engine) limit {
	const what = "leads/s of requests of 1,000 leads to single ones, over 4 connections"
	for _, d := range duels {
		if d.engine == e && d.build == bulkOfFew {
			return ratio(what, e, d.first, d.second, figure{rate, whole})
		}
	}
	return limit{what: what, engine: e}
}

// ofMany are a build's runs with many sellers.
func ofMany(duels []duel, e dbtest.Engine, build string) []measurement {
	for _, d := range duels {
		if d.engine == e && d.build == build {
			return d.second
		}
	}
	return nil
}

// largest is a limit on the largest of the medians of some lines.
func largest(what string, e dbtest.Engine, lines [][]measurement, unit string, of func(measurement) float64) limit {
	l := limit{what: what, engine: e, unit: unit}
	for _, runs := range lines {
		if len(runs) > 0 {
			l.value = max(l.value, median(runs, of))
		}
	}
	return l
}

// limitTable is a line for each limit that was measured, and with whole for every other too.
func limitTable(all []limit, whole bool) string {
	if !whole {
		all = slices.DeleteFunc(slices.Clone(all), func(l limit) bool { return !l.measured() })
	}
	if len(all) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("\n| limit | engine | figures | value | demanded | |\n|---|---|---:|---:|---:|---|\n")
	for _, l := range all {
		value, verdict := "–", "not measured"
		if l.measured() {
			value, verdict = fmt.Sprintf("%.3g%s", l.value, l.unit), "met"
			if !l.kept() {
				verdict = "**not met**"
			}
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", l.what, l.engine, l.of, value, l.demand(), verdict)
	}
	return b.String()
}

// broken names every limit that was measured and is not kept.
func broken(all []limit) error {
	var errs []error
	for _, l := range all {
		if l.measured() && !l.kept() {
			errs = append(errs, fmt.Errorf("%s: %s: %.3g%s, not %s", l.engine, l.what, l.value, l.unit, l.demand()))
		}
	}
	return errors.Join(errs...)
}
