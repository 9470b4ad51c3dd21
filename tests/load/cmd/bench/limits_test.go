package main

import (
	"strings"
	"testing"
	"time"

	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/load"
)

// kept are figures of a run with -against and all parts, inside every limit.
func kept() *figures {
	f := &figures{settings: usual, old: good(), new: good()}
	for _, k := range f.new.keys {
		for i := range f.new.runs[k] {
			m := &f.new.runs[k][i]
			m.Result = &load.Result{Rate: 2 * m.Rate, P50: m.P50, P99: m.P99 / 2}
			m.cpu, m.serverCPU, m.growth = m.cpu/3, m.serverCPU/2, growth{tables: map[string]float64{"leads": 750}, binlog: 350}
		}
	}
	runs := func(rate float64) []measurement { return []measurement{run1(rate, time.Millisecond, 0)} }
	for _, e := range f.engines {
		f.grown = append(f.grown, duel{engine: e, first: runs(1000), second: runs(750)})
		f.consumers = append(f.consumers, duel{engine: e, first: runs(1000), second: runs(950)})
		f.bulk = append(f.bulk, duel{engine: e, build: bulkOfMany, first: runs(3000), second: runs(3000)}, duel{engine: e, build: bulkOfFew, first: runs(1000), second: runs(3000)})
		few, many := run1(1000, time.Millisecond, 0), run1(1000, time.Millisecond, 0)
		many.cpu = 2*few.cpu + few.serverCPU
		f.contracts = append(f.contracts, duel{engine: e, build: "old", first: []measurement{few}, second: []measurement{few}}, duel{engine: e, build: "new", first: []measurement{few}, second: []measurement{many}})
		f.sellers = append(f.sellers, duel{engine: e, build: "old", first: runs(1000), second: runs(100)}, duel{engine: e, build: "new", first: runs(1000), second: runs(200)})
	}
	for _, e := range f.engines {
		paced, written, sent := run1(950, time.Millisecond, 0), run1(1000, time.Millisecond, 0), run1(1000, time.Millisecond, 0)
		written.cpu = 144 * time.Microsecond // of 300 with the database's
		sent.receipts = receipts{p99: time.Second, behind: 5 * time.Second, delivered: 10}
		f.notified = append(f.notified, notified{engine: e, none: []measurement{paced}, written: []measurement{written}, sent: []measurement{sent}, dead: []measurement{sent}})
	}
	for _, e := range f.engines {
		soon, late, bids := run1(950, time.Millisecond, 0), run1(475, time.Millisecond, 0), run1(20, time.Millisecond, 0)
		soon.P99, bids.P99 = time.Second, 320*time.Millisecond
		soon.settlement, late.settlement = settlement{goroutines: 8000}, settlement{behind: 40 * time.Second, goroutines: 4000}
		f.asked = append(f.asked, asked{engine: e, soon: []measurement{soon}, late: []measurement{late}})
		f.pinged = append(f.pinged, pinged{engine: e, bids: []measurement{bids}})
	}
	for _, e := range f.engines {
		f.pages = append(f.pages, pagesFigures{engine: e, pages: []openedPage{{name: "Today", p99: mostPage, bytes: 120 << 10}}, without: runs(1000), with: runs(1000)})
	}
	f.peers = []duel{{engine: dbtest.SQLite, first: runs(1000), second: runs(2000)}}
	return f
}

func TestLimits(t *testing.T) {
	t.Parallel()
	all := kept().limits()
	if err := broken(all); err != nil {
		t.Errorf("good figures give %v", err)
	}
	for _, l := range all {
		if !l.measured() {
			t.Errorf("%s on %s is not measured", l.what, l.engine)
		}
	}
	us, ms := time.Microsecond, time.Millisecond
	many, lone := key{dbtest.MySQL, 256, 256}, key{dbtest.MySQL, 1, 256}
	changed := func(k key, change func(m *measurement)) func(f *figures) {
		return func(f *figures) {
			for i := range f.new.runs[k] {
				m := &f.new.runs[k][i]
				m.Result = &load.Result{Rate: m.Rate, P50: m.P50, P99: m.P99}
				change(m)
			}
		}
	}
	slower := func(d *duel) { d.second = []measurement{run1(d.second[0].Rate*0.99, ms, 0)} }
	for _, c := range []struct {
		change func(f *figures)
		want   string
	}{
		{func(f *figures) { f.old.runs[many] = []measurement{run1(5100, 40*ms, ms)} }, "mysql: leads/s, new to old: 1.96, not at least 2"},
		{changed(many, func(m *measurement) { m.cpu = 51 * us }), "mysql: CPU of the service a lead, new to old: 0.51, not at most 0.5"},
		{changed(many, func(m *measurement) { m.serverCPU = 101 * us }), "mysql: CPU of the database a lead, new to old: 0.505, not at most 0.5"},
		{changed(many, func(m *measurement) { m.growth.tables["leads"] = 760 }), "mysql: bytes a lead on disk, new to old: 0.507, not at most 0.5"},
		{changed(many, func(m *measurement) { m.growth.binlog = 357 }), "mysql: bytes a lead in the binary log, new to old: 0.51, not at most 0.5"},
		{changed(many, func(m *measurement) { m.P99 = 49 * ms }), "mysql: p99, new to old: 0.613, not at most 0.6"},
		{changed(lone, func(m *measurement) { m.cpu = 34 * us }), "mysql: CPU of the service for a lone client's lead, new to old: 0.34, not at most 0.333"},
		{func(f *figures) { f.old.runs[lone] = []measurement{run1(200, 9*ms, ms)} }, "mysql: a lone client's p50, new to old: 1.22, not at most 1.1"},
		{func(f *figures) { f.new.runs[key{dbtest.MySQL, 1, 1}] = []measurement{run1(200, 9*ms, ms)} }, "mysql: a lone client's p50 to LEADMILL_BATCH_MAX=1: 1.22, not at most 1.1"},
		{func(f *figures) { f.new.runs[key{dbtest.MySQL, 256, 1}] = []measurement{run1(1300, 9*ms, ms)} }, "mysql: leads/s to LEADMILL_BATCH_MAX=1: 7.69, not at least 8"},
		{func(f *figures) { slower(&f.grown[1]) }, "mysql: leads/s of a grown database to an empty one: 0.743, not at least 0.75"},
		{func(f *figures) { slower(&f.bulk[1]) }, "sqlite: leads/s of requests of 1,000 leads to single ones, over 4 connections: 2.97, not at least 3"},
		{func(f *figures) { f.contracts[3].second[0].cpu += 3 * us }, "mysql: CPU a lead with 10,000 contracts to 100: 2.01, not at most 2"},
		{func(f *figures) { slower(&f.consumers[2]) }, "mariadb: leads/s of ten consumers to four: 0.941, not at least 0.95"},
		{func(f *figures) { slower(&f.sellers[1]) }, "sqlite: leads/s of many sellers, new to old: 1.98, not at least 2"},
		{func(f *figures) { slower(&f.peers[0]) }, "sqlite: leads/s to the records/s of pocketbase: 1.98, not at least 2"},
		{changed(many, func(m *measurement) { m.Rate *= 2 }), "sqlite: leads/s to MySQL's: 0.5, not at least 0.6"},
		{func(f *figures) { f.notified[1].written[0].cpu = 148 * us }, "mysql: CPU of a sale with its delivery written: 1.16, not at most 1.15"},
		{func(f *figures) { f.notified[0].dead[0].Result = &load.Result{Rate: 940} }, "sqlite: leads/s of those to be delivered a second: 0.94, not at least 0.95"},
		{func(f *figures) { f.notified[0].sent[0].receipts.behind = 6 * time.Second }, "sqlite: deliveries behind the last lead: 6 s, not at most 5 s"},
		{func(f *figures) { f.notified[2].dead[0].receipts.p99 = 1010 * ms }, "mariadb: p99 from sale to receipt beside a dead receiver: 1.01 s, not at most 1 s"},
		{func(f *figures) { f.asked[1].soon[0].Result = &load.Result{Rate: 940} }, "mysql: leads/s of 1,000 a second of which buyers are asked: 0.94, not at least 0.95"},
		{func(f *figures) { f.asked[1].soon[0].Result = &load.Result{Rate: 1000, P99: 1010 * ms} }, "mysql: p99 of a supplier's answer, buyers answer in 100 ms: 1.01 s, not at most 1 s"},
		{func(f *figures) { f.asked[0].late[0].Result = &load.Result{Rate: 470} }, "sqlite: leads/s of 500 a second of which a fifth is answered late: 0.94, not at least 0.95"},
		{func(f *figures) { f.asked[0].late[0].settlement.behind = 41 * time.Second }, "sqlite: holds settled after the last answer, a fifth is late: 41 s, not at most 40 s"},
		{func(f *figures) { f.asked[0].late[0].memory = 401e6 }, "sqlite: memory of the service where buyers are asked: 401 MB, not at most 400 MB"},
		{func(f *figures) { f.asked[0].soon[0].settlement.goroutines = 9000 }, "sqlite: goroutines of the service where buyers are asked: 9e+03, not at most 8.69e+03"},
		{func(f *figures) { f.pinged[2].bids[0].Result = &load.Result{Rate: 20, P99: 325 * ms} }, "mariadb: p99 of a ping with 20 bidders: 0.325 s, not at most 0.32 s"},
		{func(f *figures) { f.pages[1].pages[0].p99 = 101 * ms }, "mysql: p99 of the slowest page: 0.101 s, not at most 0.1 s"},
		{func(f *figures) { f.pages[0].pages[0].bytes = 121 << 10 }, "sqlite: first view of the largest page: 121 KB, not at most 120 KB"},
		{func(f *figures) { f.pages[2].with[0].cpu += 33 * us }, "mariadb: CPU a lead with Today open in 20 browsers to none: 1.11, not at most 1.1"},
		{changed(many, func(m *measurement) { m.memory = 151e6 }), "mysql: memory at full load: 151 MB, not at most 150 MB"},
		{changed(lone, func(m *measurement) { m.lag = 2100 * ms }), "mysql: lag of the report: 2.1 s, not at most 2 s"},
	} {
		f := kept()
		c.change(f)
		if err := broken(f.limits()); err == nil || err.Error() != c.want {
			t.Errorf("gives %v, want only %q", err, c.want)
		}
	}
}

func TestLimitsOfARunThatMeasuresLittle(t *testing.T) {
	t.Parallel()
	f := &figures{settings: usual, new: good()}
	measured := map[string]bool{}
	for _, l := range f.limits() {
		if l.measured() && l.engine == dbtest.SQLite {
			measured[l.what] = true
		}
	}
	want := []string{"leads/s to LEADMILL_BATCH_MAX=1", "a lone client's p50 to LEADMILL_BATCH_MAX=1", "memory at full load", "lag of the report", "leads/s to MySQL's"}
	for _, what := range want {
		if !measured[what] {
			t.Errorf("%s is not measured", what)
		}
	}
	if len(measured) != len(want) {
		t.Errorf("measured is %v", measured)
	}
	for _, l := range (&figures{settings: usual}).limits() {
		if l.measured() {
			t.Errorf("nothing was measured, but %s on %s", l.what, l.engine)
		}
	}
}

func TestLimitTable(t *testing.T) {
	t.Parallel()
	f := kept()
	f.grown = nil
	f.new.runs[key{dbtest.MySQL, 256, 256}] = []measurement{run1(9000, 10*time.Millisecond, 0)}
	table := limitTable(f.limits(), true)
	for _, want := range []string{
		"| leads/s, new to old | sqlite | 5000 → 10000 | 2 | at least 2 | met |\n",
		"| leads/s, new to old | mysql | 5000 → 9000 | 1.8 | at least 2 | **not met** |\n",
		"| CPU of the database a lead, new to old | mariadb | 200µs → 100µs | 0.5 | at most 0.5 | met |\n",
		"| leads/s of a grown database to an empty one | mysql |  | – | at least 0.75 | not measured |\n",
		"| memory at full load | sqlite |  | 100 MB | at most 150 MB | met |\n",
	} {
		if !strings.Contains(table, want) {
			t.Errorf("the table has no %q:\n%s", want, table)
		}
	}
	if strings.Contains(table, "| CPU of the database a lead, new to old | sqlite") || strings.Contains(table, "grown database to an empty one | mariadb") {
		t.Errorf("the table has what there is not:\n%s", table)
	}
	if short := limitTable(f.limits(), false); strings.Contains(short, "not measured") || !strings.Contains(short, "| met |") {
		t.Errorf("the short table is\n%s", short)
	}
	if table := limitTable((&figures{settings: usual}).limits(), false); table != "" {
		t.Errorf("nothing was measured, but the table is\n%s", table)
	}
}
