package main

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/leadmill/leadmill/tests/dbtest"
)

func TestReceivers(t *testing.T) {
	t.Parallel()
	r, err := receive(3, true)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.close(); err != nil {
			t.Error(err)
		}
	}()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	post := func(i int, sale string, patience time.Duration) error {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		q, err := http.NewRequestWithContext(ctx, http.MethodPost, r.urls[i], strings.NewReader("{}"))
		if err != nil {
			return err
		}
		q.Header["idempotency-key"] = []string{sale}
		answer, err := client.Do(q)
		if err != nil {
			return err
		}
		return answer.Body.Close()
	}
	if err := post(0, "sale_0", 50*time.Millisecond); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the dead one answers %v", err)
	}
	for i, sale := range []string{"", "sale_1", "sale_2"} {
		if sale == "" {
			continue
		}
		if err := post(i, sale, time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	if err := post(1, "sale_2", time.Minute); err != nil {
		t.Fatal(err)
	}
	if len(r.arrivals) != 2 || r.twice != 1 || r.arrivals["sale_1"].IsZero() || r.last != r.arrivals["sale_2"] {
		t.Errorf("what came is %v, %d twice", r.arrivals, r.twice)
	}
}

func TestSalesAndWhatCame(t *testing.T) {
	t.Parallel()
	start := time.Now()
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	r := &receivers{arrivals: map[string]time.Time{"a": at(500), "b": at(1050), "c": at(1110)}, last: at(1110), twice: 2}
	sales := []sale{{"b", at(1020), "delivered"}, {"a", at(0), "delivered"}, {"c", at(1100), "delivered"}, {"d", at(1105), "pending"}}
	got, err := r.compare(sales, time.Second, true)
	ms := time.Millisecond
	if want := (receipts{p50: 10 * ms, p99: 10 * ms, max: 30 * ms, behind: 5 * ms, delivered: 3, twice: 2}); err != nil || got != want {
		t.Errorf("found %+v, %v, want %+v", got, err, want)
	}
	for name, c := range map[string]struct {
		sales []sale
		dead  bool
		want  string
	}{
		"one waits":                    {sales, false, "of 4 sales 1 did not come"},
		"one came and is not stored":   {append(sales[:2:2], sale{"c", at(1100), "pending"}), true, "of 3 sales 1 did not come"},
		"one is stored and never came": {append(sales[:3:3], sale{"e", at(1100), "delivered"}), false, "of 4 sales 1 did not come"},
		"one was never sold":           {sales[:2], false, "3 sales came, but 2 were sold"},
		"nothing is dead":              {sales[:3], true, "nothing waits for the dead receiver"},
		"nothing was sold":             {nil, false, "of 0 sales"},
	} {
		if _, err := r.compare(c.sales, time.Second, c.dead); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s gives %v", name, err)
		}
	}
}

func TestNotifyTable(t *testing.T) {
	t.Parallel()
	sent := run1(1000, time.Millisecond, 0)
	sent.receipts = receipts{p50: 20 * time.Millisecond, p99: 90 * time.Millisecond, max: time.Second, behind: 12 * time.Millisecond, delivered: 11_000, twice: 1}
	table := notifyTable([]notified{{engine: dbtest.SQLite, none: []measurement{run1(999, time.Millisecond, 0)}, sent: []measurement{sent, sent}}})
	for _, want := range []string{
		"\n| sqlite | none | 999 | 100µs | 200µs | – | – | – | – | – | 0 |\n",
		"\n| sqlite | sent | 1000 | 100µs | 200µs | 20ms | 90ms | 1s | 12ms | 22000 | 2 |\n",
	} {
		if !strings.Contains(table, want) {
			t.Errorf("the table has no %q:\n%s", want, table)
		}
	}
	if strings.Contains(table, "dead") {
		t.Errorf("the table has what was not measured:\n%s", table)
	}
}
