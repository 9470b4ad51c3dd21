package load_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/dbtest/migrated"
	"github.com/leadmill/leadmill/tests/leadmilltest"
	"github.com/leadmill/leadmill/tests/load"
)

const adminKey = "an-admin-key-for-the-load-smoke-test"

// serve runs the service on a fresh SQLite file until the test ends, and returns its address.
func serve(t *testing.T, databaseURL string) string {
	t.Helper()
	for name, value := range map[string]string{
		"LEADMILL_DATABASE_URL": databaseURL, "LEADMILL_HTTP_ADDR": "127.0.0.1:0",
		"LEADMILL_ADMIN_KEY": adminKey, "LEADMILL_LOG_LEVEL": "error", "LEADMILL_PUBLIC_URL": "", "LEADMILL_BATCH_MAX": "256",
	} {
		t.Setenv(name, value)
	}
	ctx, stop := context.WithCancel(context.Background())
	stdout, w := io.Pipe()
	var stderr strings.Builder
	code := make(chan int, 1)
	go func() {
		code <- leadmill.New().Main(ctx, []string{"serve"}, w, &stderr)
		_ = w.Close() // never fails
	}()
	t.Cleanup(func() {
		stop()
		if n := <-code; n != 0 || stderr.Len() > 0 {
			t.Errorf("the service ended with %d: %s", n, stderr.String())
		}
	})
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if base, ok := strings.CutPrefix(lines.Text(), "Leadmill listens on "); ok {
			return base
		}
	}
	t.Fatalf("the service did not say where it listens: %v", lines.Err())
	return ""
}

// The service is configured by the environment, so this test and its parts run one after another.
//
//nolint:paralleltest // it sets the environment
func TestEverythingAnsweredIsInEveryPlace(t *testing.T) {
	databaseURL := migrated.URL(t, dbtest.SQLite)
	base := serve(t, databaseURL)
	r, err := load.Run(t.Context(), load.Options{BaseURL: base, AdminKey: adminKey, Connections: 16, Warmup: 100 * time.Millisecond, Duration: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	if r.Sold < 16 || r.Rate <= 0 || r.P50 <= 0 || r.P50 > r.P95 || r.P95 > r.P99 || r.P99 > r.Max {
		t.Errorf("the figures make no sense: %s", r)
	}
	if _, err := r.Settle(t.Context(), time.Minute); err != nil {
		t.Fatal(err)
	}
	c, err := r.Verify(t.Context(), databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	if want := (load.Counts{Answered: r.Sold, Leads: r.Sold, Sales: r.Sold, Ledger: r.Sold, Events: r.Sold, Report: r.Sold, Gross: r.Sold}); c != want {
		t.Errorf("counted %+v, want %+v", c, want)
	}
	if err := r.VerifyAPI(t.Context()); err != nil {
		t.Error(err)
	}

	t.Run("a difference is found", func(t *testing.T) {
		off := *r
		off.PerSeller = []int64{r.Sold + 1}
		if _, err := off.Verify(t.Context(), databaseURL); err == nil {
			t.Error("one lead too many was answered, and nothing found")
		}
		if err := off.VerifyAPI(t.Context()); err == nil {
			t.Error("one lead too many was answered, and the API alone shows nothing")
		}
		if _, err := off.Settle(t.Context(), 50*time.Millisecond); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("waiting for a sale that never was gives %v, want a deadline exceeded", err)
		}
		off.PerSeller = []int64{r.Sold - 1}
		if _, err := off.Settle(t.Context(), time.Minute); err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a report that counts too much gives %v", err)
		}
	})

	t.Run("several runs with several sellers", func(t *testing.T) {
		s, err := load.Prepare(t.Context(), base, adminKey, 5, 1)
		if err != nil {
			t.Fatal(err)
		}
		var last *load.Result
		for run, leads := range []int64{20, 33} { // what cannot be shared out evenly is left
			if last, err = s.Run(t.Context(), load.Options{Connections: 3, Leads: leads}); err != nil {
				t.Fatal(err)
			}
			if err := last.Err(); err != nil {
				t.Fatal(err)
			}
			if want := []int64{20, 30}[run]; last.Sold != want || last.Rate <= 0 || last.P50 <= 0 {
				t.Errorf("run %d sold %d leads, want %d: %s", run, last.Sold, want, last)
			}
			if _, err := last.Settle(t.Context(), time.Minute); err != nil {
				t.Fatal(err)
			}
		}
		if !slices.Equal(last.PerSeller, []int64{10, 10, 10, 10, 10}) {
			t.Errorf("the sellers sold %v", last.PerSeller)
		}
		c, err := last.Verify(t.Context(), databaseURL)
		if err != nil {
			t.Fatal(err)
		}
		if want := (load.Counts{Answered: 50, Leads: 50, Sales: 50, Ledger: 50, Events: 50, Report: 50, Gross: 50}); c != want {
			t.Errorf("counted %+v, want %+v", c, want)
		}
		if _, err := s.Run(t.Context(), load.Options{Connections: 3, Leads: 4}); err == nil {
			t.Error("five sellers share four leads")
		}
	})

	t.Run("a fixed rate, and contracts that are changed", func(t *testing.T) {
		s, err := load.Prepare(t.Context(), base, adminKey, 1, 2)
		if err != nil {
			t.Fatal(err)
		}
		o := load.Options{Connections: 2, Leads: 21, PerSecond: 100}
		r, err := s.Run(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Err(); err != nil || r.Sold != 21 || r.Rate > 105 { // the last is posted after 0.2 s
			t.Errorf("100 a second gives %s, %v", r, err)
		}
		on := func(i int, on bool) {
			t.Helper()
			if err := s.SwitchContracts(t.Context(), i, on); err != nil {
				t.Fatal(err)
			}
		}
		on(0, false)
		on(1, false)
		if r, err = s.Run(t.Context(), load.Options{Connections: 1, Leads: 1}); err != nil || r.Answers["pending"] != 1 {
			t.Errorf("without a contract a lead is %v, %v", r, err)
		}
		on(1, true)
		if r, err = s.Run(t.Context(), load.Options{Connections: 1, Leads: 1}); err != nil || r.Sold != 1 {
			t.Errorf("with a contract again a lead is %v, %v", r, err)
		}
		if err := s.ChangeCampaigns(t.Context(), map[string]any{"distribution": map[string]any{"strategy": "round_robin"}}); err != nil {
			t.Error(err)
		}
		if err := s.ChangeContracts(t.Context(), 1, map[string]any{"price": -1}); err == nil {
			t.Error("a contract has a negative price")
		}
		if _, err := s.Run(t.Context(), load.Options{Connections: 1, Leads: 1, PerSecond: -1}); err == nil {
			t.Error("a rate is negative")
		}
	})

	t.Run("leads that are sold after they were pending, and pings", func(t *testing.T) {
		s, err := load.Prepare(t.Context(), base, adminKey, 1, 1)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.SwitchContracts(t.Context(), 0, false); err != nil {
			t.Fatal(err)
		}
		s.Asks = true
		r, err := s.Run(t.Context(), load.Options{Connections: 1, Leads: 3})
		if err := errors.Join(err, r.Err()); err != nil || r.Pending != 3 || r.Sold != 0 {
			t.Fatalf("%s, %v", r, err)
		}
		if err := s.SwitchContracts(t.Context(), 0, true); err != nil {
			t.Fatal(err)
		}
		leadmilltest.Eventually(t, func() error {
			if err := s.Recount(t.Context(), r, databaseURL); err != nil || r.Sold == 3 {
				return err
			}
			return fmt.Errorf("%d of 3 are sold", r.Sold)
		})
		if _, err := r.Settle(t.Context(), time.Minute); err != nil || r.Pending != 0 {
			t.Fatalf("%d are pending, %v", r.Pending, err)
		}
		if _, err := r.Verify(t.Context(), databaseURL); err != nil {
			t.Error(err)
		}
		less, more := *r, *r
		less.Pending, less.PerSeller = 2, []int64{0}
		if err := s.Recount(t.Context(), &less, databaseURL); err == nil {
			t.Error("three leads are sold of two that were pending")
		}
		more.PerSeller = []int64{4}
		if err := s.Recount(t.Context(), &more, databaseURL); err == nil {
			t.Error("three leads are sold of four that were answered so")
		}
		s.Ping = true
		if r, err = s.Run(t.Context(), load.Options{Connections: 2, Leads: 5}); err != nil || r.Err() != nil || r.Sold != 5 || r.PerSeller[0] != 3 {
			t.Errorf("pings give %s, %v", r, err)
		}
	})

	t.Run("a wrong admin key", func(t *testing.T) {
		_, err := load.Run(t.Context(), load.Options{BaseURL: base, AdminKey: "wrong", Connections: 1, Duration: time.Second})
		if err == nil || !strings.Contains(err.Error(), "401") {
			t.Errorf("a wrong admin key gives %v", err)
		}
	})
}
