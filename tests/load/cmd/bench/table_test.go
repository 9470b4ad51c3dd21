package main

import (
	"strings"
	"testing"
	"time"

	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/load"
)

func run1(rate float64, p50, lag time.Duration) measurement {
	return measurement{
		Result: &load.Result{Rate: rate, P50: p50, P99: 2 * p50, Sold: 10}, lag: lag,
		cpu: 100 * time.Microsecond, serverCPU: 200 * time.Microsecond, memory: 100e6,
		growth: growth{tables: map[string]float64{"leads": 1000, "sales": 500.4}, binlog: 700},
	}
}

// good are figures inside every limit of one revision.
func good() *results {
	var r results
	ms := time.Millisecond
	for _, e := range []dbtest.Engine{dbtest.SQLite, dbtest.MySQL, dbtest.MariaDB} {
		for _, rate := range []float64{900, 5000, 40000} { // the median counts
			r.add(key{e, 1, 256}, run1(200, 11*ms, ms))
			r.add(key{e, 1, 1}, run1(200, 10*ms, ms))
			r.add(key{e, 256, 256}, run1(rate, 40*ms, ms))
			r.add(key{e, 256, 1}, run1(rate/8, 200*ms, ms))
		}
	}
	return &r
}

var usual = settings{
	engines: []dbtest.Engine{dbtest.SQLite, dbtest.MySQL, dbtest.MariaDB}, connections: []int{1, 64, 256}, batches: []int{256, 1},
}

func TestTable(t *testing.T) {
	t.Parallel()
	table := good().markdown() + good().ratios(usual) + good().storage(usual)
	for _, want := range []string{
		"| mysql | 256 | 256 | 5000 | 40ms | 0s | 80ms | 1ms | 100µs | 200µs | 100 MB | 1500 | 700 | 30 |\n",
		"| mysql | 256 | 8.0 |\n",
		"| bytes a lead | sqlite | mysql | mariadb |\n|---|---:|---:|---:|\n| leads | 1000 | 1000 | 1000 |\n| sales | 500 | 500 | 500 |\n| all tables | 1500 | 1500 | 1500 |\n| binary log | 700 | 700 | 700 |\n",
	} {
		if !strings.Contains(table, want) {
			t.Errorf("the table has no %q:\n%s", want, table)
		}
	}
}

func TestWhatIsNotKnownIsLeftOut(t *testing.T) {
	t.Parallel()
	var r results
	r.add(key{dbtest.SQLite, 1, 256}, measurement{Result: &load.Result{Rate: 5, Sold: 3}})
	if got, want := r.markdown(), "| sqlite | 1 | 256 | 5 | 0s | 0s | 0s | 0s | – | – | – | – | – | 3 |\n"; !strings.HasSuffix(got, want) {
		t.Errorf("the table is\n%s, want the line %s", got, want)
	}
	if got := r.storage(usual); got != "" {
		t.Errorf("without many clients the table of bytes is %q", got)
	}
}
