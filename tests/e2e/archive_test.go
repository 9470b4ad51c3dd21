package e2e_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/leadmill/leadmill/tests/component/apptest"
	"github.com/leadmill/leadmill/tests/leadmilltest"
)

func TestEventsAreArchivedAndRestored(t *testing.T) {
	t.Parallel()
	apptest.EachEmpty(t, func(t *testing.T, databaseURL string) {
		folder := t.TempDir()
		settings := []string{"LEADMILL_EVENTS_RETENTION=2", "LEADMILL_ARCHIVE_DIR=" + folder}
		run := func(args ...string) string {
			t.Helper()
			code, stdout, stderr := end(t, databaseURL, args, settings...)
			if code != 0 {
				t.Fatalf("leadmill %v ended with %d:\n%s%s", args, code, stdout, stderr)
			}
			return stdout
		}
		refused := func(want string, args ...string) {
			t.Helper()
			if code, stdout, stderr := end(t, databaseURL, args, settings...); code != 1 || !strings.Contains(stderr, want) {
				t.Errorf("leadmill %v ended with %d:\n%s%s", args, code, stdout, stderr)
			}
		}
		// What is sold now was sold four days ago.
		clock := leadmilltest.NewClock(time.Now().AddDate(0, 0, -4))
		a := leadmilltest.StartWith(t, leadmilltest.Options{DatabaseURL: databaseURL, Clock: clock})
		s := apptest.NewShop(t, a, nil, apptest.Rich)
		s.Sell(t, s.Form())
		a.Settle(t)
		before := told(t, s.Program)
		a.Stop(t)

		p := apptest.Run(t, databaseURL, []string{"serve"}, settings...)
		program := s.Program.At(&p.App)
		var answer apptest.Answer
		apptest.Eventually(t, func() error { // the job has been due for days
			if answer = program.Do("GET", "/v1/events?after=0", nil); answer.Status != 410 {
				return fmt.Errorf("the feed answers %s", answer)
			}
			return nil
		})
		var gone struct {
			Code  string
			First int64
		}
		if err := json.Unmarshal(answer.Body, &gone); err != nil || answer.Status != 410 || gone.Code != "position_archived" || gone.First < 2 {
			t.Fatalf("the feed answers %s", answer)
		}
		program.Must(t, "GET", fmt.Sprintf("/v1/events?after=%d", gone.First-1), nil)

		refused("leadmill events restore", "events", "replay", "campaign-report")
		refused("this build has campaign-report", "events", "forget", "campaign-report")
		refused("this build has invitations", "events", "forget", "invitations")
		refused("no such consumer", "events", "forget", "nobody")
		if code, _, stderr := end(t, databaseURL, []string{"events", "restore", "2020-01-01"}, settings...); code != 2 || !strings.Contains(stderr, "2020-01-01") {
			t.Errorf("a day that the archive lacks: %d %s", code, stderr)
		}
		if out := run("events", "restore"); !strings.HasSuffix(out, "The log begins at position 1.\n") {
			t.Errorf("restore says %q", out)
		}
		run("events", "replay", "campaign-report")
		if out := run("events", "restore"); !strings.Contains(out, " 0 segments ") {
			t.Errorf("said again, restore says %q", out)
		}
		sizes := run("doctor", "--sizes")
		for _, part := range []string{"TABLE ", "\nevent_segments ", "\nleads ", "\nall ", "\nfree in the files ", " Growth is "} {
			if !strings.Contains(sizes, part) {
				t.Errorf("there is no %q in\n%s", part, sizes)
			}
		}
		p.Stop(t)
		after := leadmilltest.StartWith(t, leadmilltest.Options{DatabaseURL: databaseURL})
		if got := told(t, s.Program.At(after)); len(got) == 0 || !slices.Equal(got, before) {
			t.Errorf("after the restore the feed has\n%s\nbefore it had\n%s", strings.Join(got, "\n"), strings.Join(before, "\n"))
		}
	})
}

// The operator's part of a restore: readers of the log of before are told.
func TestRebaseTellsReadersOfARestore(t *testing.T) {
	t.Parallel()
	apptest.EachEmpty(t, func(t *testing.T, databaseURL string) {
		p := apptest.Run(t, databaseURL, []string{"serve"})
		s := apptest.NewShop(t, &p.App, nil, apptest.Rich)
		read := func(query string) (status int, logID string) {
			t.Helper()
			a := s.Program.Unchecked().Do("GET", "/v1/events?"+query, nil)
			var page struct {
				LogID string `json:"log_id"`
			}
			if err := json.Unmarshal(a.Body, &page); err != nil {
				t.Fatal(err)
			}
			return a.Status, page.LogID
		}
		_, before := read("after=0")
		out := must(t, databaseURL, "events", "rebase")
		status, now := read("after=0&log_id=" + before)
		if status != 409 || now == before || out != "The log is now "+now+".\n" {
			t.Errorf("rebase says %q, and a reader of %s gets %d %s", out, before, status, now)
		}
		if status, logID := read("after=0&log_id=" + now); status != 200 || logID != now {
			t.Errorf("a reader of %s gets %d %s", now, status, logID)
		}
		p.Stop(t)
	})
}

// told is what the feed tells from the beginning, but for the address of the server.
func told(t *testing.T, c *apptest.Client) (all []string) {
	t.Helper()
	var page struct{ Data []map[string]any }
	if err := json.Unmarshal(c.Must(t, "GET", "/v1/events?limit=1000", nil).Body, &page); err != nil {
		t.Fatal(err)
	}
	for _, e := range page.Data {
		delete(e, "dataschema")
		all = append(all, fmt.Sprint(e))
	}
	return all
}

func TestRetentionIsRefusedWithoutAFolder(t *testing.T) {
	t.Parallel()
	apptest.EachEmpty(t, func(t *testing.T, databaseURL string) {
		code, _, stderr := end(t, databaseURL, []string{"serve"}, "LEADMILL_EVENTS_RETENTION=30")
		if code != 2 || !strings.Contains(stderr, "LEADMILL_ARCHIVE_DIR must be set together with LEADMILL_EVENTS_RETENTION") {
			t.Errorf("ended with %d: %s", code, stderr)
		}
		file := t.TempDir() + "/file"
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		code, _, stderr = end(t, databaseURL, []string{"serve"}, "LEADMILL_EVENTS_RETENTION=30", "LEADMILL_ARCHIVE_DIR="+file)
		if code != 1 || !strings.Contains(stderr, "LEADMILL_ARCHIVE_DIR") {
			t.Errorf("a folder that is a file: %d %s", code, stderr)
		}
	})
}
