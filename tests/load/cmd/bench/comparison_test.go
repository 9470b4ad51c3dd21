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
		out = append(out, measurement{Result: &load.Result{Rate: r}, cpu: cpu})
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
	want := `| engine | connections | batch max | old leads/s | new leads/s | new/old | by pairs | within noise | CPU a lead, new/old |
|---|---:|---:|---:|---:|---:|---:|---|---:|
| sqlite | 256 | 256 | 1000 (900–1100) | 990 (950–1210) | 0.990 | 0.950–1.100 | yes | 1.100 |
| mysql | 256 | 256 | 1000 (900–1100) | 2000 (1980–2200) | 2.000 | 2.000–2.200 | no | 0.500 |
| mysql | 1 | 1 | 1000 (900–1100) | 800 (720–880) | 0.800 | 0.800–0.800 | no | 1.000 |
`
	if got := c.markdown(); got != want {
		t.Errorf("the table is\n%s, want\n%s", got, want)
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
