package main

import (
	"strings"
	"testing"
	"time"

	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/load"
)

// measured are measurements with these rates and one use of CPU.
func measured(cpu time.Duration, rates ...float64) (out []measurement) {
	for _, r := range rates {
		out = append(out, measurement{Result: &load.Result{Rate: r}, cpu: cpu, memory: 100e6, growth: growth{tables: map[string]float64{"leads": 300}}})
	}
	return out
}

func TestComparison(t *testing.T) {
	t.Parallel()
	us := time.Microsecond
	c := comparison{old: &results{}, new: &results{}}
	for _, line := range []struct {
		key      key
		old, new []measurement
	}{
		{key{dbtest.SQLite, 256, 256}, measured(100*us, 1000, 1100, 900), measured(110*us, 950, 1210, 990)},
		{key{dbtest.MySQL, 256, 256}, measured(100*us, 1000, 1100, 900), measured(50*us, 2000, 2200, 1980)},
		{key{dbtest.MySQL, 1, 1}, measured(100*us, 1000, 1100, 900), measured(100*us, 800, 880, 720)},
	} {
		for i := range line.old {
			c.old.add(line.key, line.old[i])
			c.new.add(line.key, line.new[i])
		}
	}
	want := `| engine | connections | batch max | old leads/s | new leads/s | new/old | by pairs | within noise |
|---|---:|---:|---:|---:|---:|---:|---|
| sqlite | 256 | 256 | 1000 (900–1100) | 990 (950–1210) | 0.990 | 0.950–1.100 | yes |
| mysql | 256 | 256 | 1000 (900–1100) | 2000 (1980–2200) | 2.000 | 2.000–2.200 | no |
| mysql | 1 | 1 | 1000 (900–1100) | 800 (720–880) | 0.800 | 0.800–0.800 | no |
`
	if got := c.markdown(); got != want {
		t.Errorf("the table is\n%s, want\n%s", got, want)
	}
	want = `
| engine | connections | batch max | CPU a lead | new/old | CPU of the database | new/old | p50 | p99 | memory | disk a lead | binary log a lead |
|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|
| sqlite | 256 | 256 | 100µs → 110µs | 1.100 | – | – | 0s → 0s | 0s → 0s | 100 MB → 100 MB | 300 → 300 | – → – |
| mysql | 256 | 256 | 100µs → 50µs | 0.500 | – | – | 0s → 0s | 0s → 0s | 100 MB → 100 MB | 300 → 300 | – → – |
| mysql | 1 | 1 | 100µs → 100µs | 1.000 | – | – | 0s → 0s | 0s → 0s | 100 MB → 100 MB | 300 → 300 | – → – |
`
	if got := c.costs(); got != want {
		t.Errorf("the table of costs is\n%s, want\n%s", got, want)
	}
	want = "\n| sqlite, bytes a lead | old | new |\n|---|---:|---:|\n| leads | 300 | 300 |\n| all tables | 300 | 300 |\n| binary log | 0 | 0 |\n" +
		"\n| mysql, bytes a lead | old | new |\n|---|---:|---:|\n| leads | 300 | 300 |\n| all tables | 300 | 300 |\n| binary log | 0 | 0 |\n"
	if got := c.storage(usual); got != want {
		t.Errorf("the table of bytes is\n%s, want\n%s", got, want)
	}
}

func TestSpansOverlap(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b span
		want bool
	}{
		{span{1, 2}, span{3, 4}, false},
		{span{1, 3}, span{2, 4}, true},
		{span{1, 4}, span{2, 3}, true},
		{span{1, 2}, span{2, 3}, true},
	} {
		if c.a.overlaps(c.b) != c.want || c.b.overlaps(c.a) != c.want {
			t.Errorf("%v and %v: want %v", c.a, c.b, c.want)
		}
	}
}

func TestMessagesNameTheRevisionWhenThereAreTwo(t *testing.T) {
	t.Parallel()
	if got := strings.TrimSpace(build{name: "old"}.prefix() + build{}.prefix()); got != "old:" {
		t.Errorf("the prefixes are %q", got)
	}
}
