package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/leadmill/leadmill/tests/dbtest"
)

func TestADuelTakesTurns(t *testing.T) {
	t.Parallel()
	d := duel{engine: dbtest.SQLite}
	var order strings.Builder
	side := func(name string, rates ...float64) func(int) (measurement, error) {
		return func(round int) (measurement, error) {
			order.WriteString(name)
			return run1(rates[round], time.Millisecond, 0), nil
		}
	}
	if err := d.inTurn(3, side("A", 100, 50, 900), side("B", 10, 300, 150)); err != nil {
		t.Fatal(err)
	}
	if order.String() != "ABBAAB" || d.ratio() != 1.5 || len(d.first) != 3 || len(d.second) != 3 {
		t.Errorf("the order is %s, the ratio of %d to %d runs %v", order.String(), len(d.second), len(d.first), d.ratio())
	}
	failure := errors.New("broken")
	fails := func(int) (measurement, error) { return measurement{}, failure }
	if err := d.inTurn(1, fails, side("C", 1)); !errors.Is(err, failure) || strings.Contains(order.String(), "C") {
		t.Errorf("after a failure: %v, %s", err, order.String())
	}
}

func TestDuelTable(t *testing.T) {
	t.Parallel()
	second := run1(3000, time.Millisecond, 0)
	second.cpu, second.serverCPU, second.memory = 50*time.Microsecond, 0, 0
	table := duelTable("One and two", "one", "two", []duel{
		{engine: dbtest.MySQL, build: "old", first: []measurement{run1(2000, 2*time.Millisecond, 0)}, second: []measurement{second}},
		{engine: dbtest.SQLite, first: []measurement{second}, second: []measurement{second}},
	})
	for _, want := range []string{
		"One and two:\n\n| engine | leads/s: one | two | ratio |",
		"| mysql, old | 2000 | 3000 | 1.50 | 100µs → 50µs | 200µs → – | 4ms → 2ms | 100 MB → – |\n",
		"| sqlite | 3000 | 3000 | 1.00 |",
	} {
		if !strings.Contains(table, want) {
			t.Errorf("the table has no %q:\n%s", want, table)
		}
	}
	if got := duelTable("None", "one", "two", nil); got != "" {
		t.Errorf("nothing measured gives %q", got)
	}
}
