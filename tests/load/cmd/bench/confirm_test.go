package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/leadmill/leadmill/tests/dbtest"
)

func TestOneAnswerInFiveIsLate(t *testing.T) {
	t.Parallel()
	late := 0
	for i := range 10_000 {
		switch took := (asking{late: true}).pause("sale", int64(i)); took {
		case askLate:
			late++
		case askAnswer:
		default:
			t.Fatalf("an answer takes %s", took)
		}
	}
	if late < 1800 || late > 2200 {
		t.Errorf("%d of 10,000 are late", late)
	}
	for i := range 1000 {
		if took := (asking{}).pause("sale", int64(i)); took != askAnswer {
			t.Fatalf("an answer takes %s", took)
		}
	}
}

func TestABuyerSaysYesToWhoStillWaits(t *testing.T) {
	t.Parallel()
	r, err := receive(1, false)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.close(); err != nil {
			t.Error(err)
		}
	}()
	r.pause = func(sale string, before int64) time.Duration {
		if sale == "sale_late" && before == 0 {
			return time.Hour
		}
		return 0
	}
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	ask := func(sale string, patience time.Duration) error {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		q, err := http.NewRequestWithContext(ctx, http.MethodPost, r.urls[0], strings.NewReader("{}"))
		if err != nil {
			return err
		}
		q.Header["Idempotency-Key"] = []string{sale}
		answer, err := client.Do(q)
		if err != nil {
			return err
		}
		return answer.Body.Close()
	}
	if err := ask("sale_soon", time.Minute); err != nil {
		t.Error(err)
	}
	if err := ask("sale_late", 50*time.Millisecond); err == nil {
		t.Error("who is late answers in time")
	}
	said := func(sale string) bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.said[sale]
	}
	if !said("sale_soon") || said("sale_late") {
		t.Errorf("yes was said to %v", r.said)
	}
	if err := ask("sale_late", time.Minute); err != nil || !said("sale_late") {
		t.Errorf("asked again it says %v, %v", said("sale_late"), err)
	}
}

func TestAMetricIsRead(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("# HELP go_goroutines x\ngo_goroutines_more 3\ngo_goroutines 42\n"))
	}))
	defer s.Close()
	if n, err := gauge(t.Context(), s.URL, "go_goroutines"); err != nil || n != 42 {
		t.Errorf("read %d, %v", n, err)
	}
	if n, err := gauge(t.Context(), s.URL, "none"); err == nil {
		t.Errorf("one that is not there is %d", n)
	}
}

func TestConfirmAndPingTables(t *testing.T) {
	t.Parallel()
	m := run1(1000, time.Millisecond, 0)
	m.settlement = settlement{pending: 2, sold: 9, left: 1, requests: 12, behind: 30 * time.Millisecond, goroutines: 3000}
	table := confirmTable([]asked{{engine: dbtest.MySQL, soon: []measurement{m, m}}})
	if want := "| mysql | answer in 100 ms | 1000 | 100µs | 200µs |"; !strings.Contains(table, want) || !strings.Contains(table, "| 4 | 18 | 2 | 24 | 30ms | 3000 | 100 MB |\n") {
		t.Errorf("the table has no %q:\n%s", want, table)
	}
	if strings.Contains(table, "late") {
		t.Errorf("the table has what was not measured:\n%s", table)
	}
	table = pingTable([]pinged{{engine: dbtest.SQLite, bids: []measurement{m}}})
	if want := "| sqlite | bids within 300ms | 1000.0 |"; !strings.Contains(table, want) || strings.Contains(table, "of the contracts") {
		t.Errorf("the table has no %q:\n%s", want, table)
	}
}

func TestABidderAnswersInTime(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	began := time.Now()
	bid(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader("{}")))
	if took := time.Since(began); took < bidSoonest || !strings.HasPrefix(w.Body.String(), `{"bid":`) {
		t.Errorf("after %s it says %s", took, w.Body)
	}
}
