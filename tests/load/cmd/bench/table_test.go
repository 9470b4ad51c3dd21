package main

import (
	"strings"
	"testing"
	"time"

	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/load"
)

func run1(rate float64, p50, lag time.Duration) measurement {
	return measurement{Result: &load.Result{Rate: rate, P50: p50, Sold: 10}, lag: lag}
}

// good are figures inside every limit.
func good() *results {
	var r results
	ms := time.Millisecond
	for _, e := range []dbtest.Engine{dbtest.SQLite, dbtest.MySQL, dbtest.MariaDB} {
		for _, rate := range []float64{900, 5000, 40000} { // the median counts
			r.add(key{e, 1, 256}, run1(200, 11*ms, ms))
			r.add(key{e, 1, 1}, run1(200, 10*ms, ms))
			r.add(key{e, 256, 256}, run1(rate, 40*ms, ms))
			r.add(key{e, 256, 1}, run1(rate/5, 200*ms, ms))
		}
	}
	return &r
}

var usual = settings{connections: []int{1, 64, 256}, batches: []int{256, 1}}

func TestLimits(t *testing.T) {
	t.Parallel()
	ms := time.Millisecond
	if err := good().check(usual); err != nil {
		t.Errorf("good figures give %v", err)
	}
	for _, c := range []struct {
		key  key
		runs measurement
		want string
	}{
		{key{dbtest.MySQL, 256, 1}, run1(1100, 40*ms, ms), "mysql, 256 connections: 4.5 times"},
		{key{dbtest.MariaDB, 256, 1}, run1(1100, 40*ms, ms), "mariadb, 256 connections: 4.5 times"},
		{key{dbtest.SQLite, 1, 256}, run1(200, 12*ms, ms), "sqlite: a lone client waits 12ms, without batching 10ms"},
		{key{dbtest.SQLite, 256, 256}, run1(4000, 40*ms, ms), "SQLite sells 4000 leads/s, MySQL 5000"},
		{key{dbtest.MySQL, 256, 1}, run1(900, 40*ms, 2*time.Second), "the report is 2s behind"},
	} {
		r := good()
		r.runs[c.key] = []measurement{c.runs}
		err := r.check(usual)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v gives %v, want only %q", c.key, err, c.want)
		}
	}
	r := good()
	r.runs[key{dbtest.SQLite, 256, 1}] = []measurement{run1(4900, 40*ms, ms)}
	if err := r.check(usual); err != nil {
		t.Errorf("SQLite needs no ratio, but gives %v", err)
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	table := good().markdown() + good().ratios(usual)
	for _, want := range []string{"| mysql | 256 | 256 | 5000 | 40ms |", "| mysql | 256 | 5.0 |\n", "| 30 |\n"} {
		if !strings.Contains(table, want) {
			t.Errorf("the table has no %q:\n%s", want, table)
		}
	}
}
