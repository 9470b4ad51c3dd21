package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/tests/component/apptest"
	"github.com/leadmill/leadmill/tests/leadmilltest"
)

// jobLine is a line of "leadmill jobs", by column.
func jobLine(t *testing.T, databaseURL, name string) map[string]string {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(must(t, databaseURL, "jobs")), "\n")
	for _, line := range lines[1:] {
		if !strings.HasPrefix(line, name+" ") {
			continue
		}
		row := map[string]string{}
		for column := range strings.FieldsSeq(lines[0]) {
			at := strings.Index(lines[0], column)
			value, _, _ := strings.Cut(line[at:], "  ")
			row[column] = strings.TrimSpace(value)
		}
		return row
	}
	t.Fatalf("no job %s in\n%s", name, strings.Join(lines, "\n"))
	return nil
}

func TestJobsOfTheCommandLine(t *testing.T) {
	t.Parallel()
	apptest.EachEmpty(t, func(t *testing.T, databaseURL string) {
		must(t, databaseURL, "migrate", "up")
		if row := jobLine(t, databaseURL, "purge"); fmt.Sprint(row) != "map[LAST:- NAME:purge NEXT:- OWNER:no RESULT:- SCHEDULE:every 1m]" {
			t.Errorf("before any start the purge is %v", row)
		}
		if out := must(t, databaseURL, "jobs", "run", "purge"); out != "purge is done.\n" {
			t.Errorf("it says %q", out)
		}
		row := jobLine(t, databaseURL, "purge")
		last, err1 := time.Parse(time.RFC3339, row["LAST"])
		next, err2 := time.Parse(time.RFC3339, row["NEXT"])
		if row["RESULT"] != "ok" || row["OWNER"] != "no" || errors.Join(err1, err2) != nil || next.Sub(last) < time.Minute || next.Sub(last) > 2*time.Minute {
			t.Errorf("after a run the purge is %v", row)
		}
		p := apptest.Run(t, databaseURL, []string{"serve"})
		apptest.Eventually(t, func() error {
			if row := jobLine(t, databaseURL, "send-mails"); row["OWNER"] != "yes" || row["RESULT"] != "ok" || row["SCHEDULE"] != "every 1s" {
				return fmt.Errorf("the sending of mails is %v", row)
			}
			return nil
		})
		for name, want := range map[string]string{"send-mails": "another instance runs this job", "nothing": "unknown job"} {
			code, stdout, stderr := end(t, databaseURL, []string{"jobs", "run", name})
			if code != 1 || stdout != "" || !strings.Contains(stderr, want) || !strings.Contains(stderr, name) {
				t.Errorf("the run of %s ended with %d: %s%s", name, code, stdout, stderr)
			}
		}
		p.Stop(t)
		if row := jobLine(t, databaseURL, "send-mails"); row["OWNER"] != "no" {
			t.Errorf("after the end the sending of mails is %v", row)
		}
	})
}

func TestAJobOfAModule(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		job := func(name string, s application.Schedule, do func(context.Context) error) leadmill.Module {
			return leadmill.NewModule("team", leadmill.AsJob(name, s, func(application.Clock) func(context.Context) error { return do }))
		}
		nothing := func(context.Context) error { return nil }
		for want, m := range map[string]leadmill.Module{
			`two jobs are called "purge"`:                      job("purge", application.Every(time.Hour), nothing),
			`job "tidy": schedule "0 25 * * *" cannot be read`: job("tidy", application.Cron("0 25 * * *"), nothing),
		} {
			err := leadmilltest.StartError(t, leadmilltest.Options{DatabaseURL: databaseURL}, m)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("the start ended with %v, want %s", err, want)
			}
		}
		ran := make(chan struct{}, 100)
		apptest.Start(t, databaseURL, leadmill.StartOptions{}, job("acme.tidy", application.Every(time.Second), func(context.Context) error {
			ran <- struct{}{}
			return nil
		}))
		for range 2 {
			select {
			case <-ran:
			case <-time.After(apptest.Patience):
				t.Fatal("it does not run")
			}
		}
	})
}
