package main

import (
	"errors"
	"flag"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/leadmill/leadmill/tests/dbtest"
)

func TestArguments(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args        string
		rounds      int
		connections []int
		duration    time.Duration
		pagingRows  int
	}{
		{"", 3, []int{1, 64, 256}, 10 * time.Second, pagingRows},
		{"-quick", 1, []int{256}, 3 * time.Second, pagingQuick},
		{"-quick -rounds 2 -connections 8,9 -duration 1s", 2, []int{8, 9}, time.Second, pagingQuick},
		{"-against main", 5, []int{1, 64, 256}, 10 * time.Second, pagingRows},
		{"-against main -only leads -rounds 3", 3, []int{1, 64, 256}, 10 * time.Second, pagingRows},
		{"-quick -against main", 5, []int{256}, 3 * time.Second, pagingQuick},
		{"-quick -against main -rounds 4", 4, []int{256}, 3 * time.Second, pagingQuick},
	} {
		s, err := parse(strings.Fields(c.args), io.Discard)
		if err != nil {
			t.Errorf("%q: %v", c.args, err)
			continue
		}
		if s.rounds != c.rounds || !slices.Equal(s.connections, c.connections) || s.duration != c.duration || s.pagingRows != c.pagingRows {
			t.Errorf("%q gives %+v", c.args, s)
		}
		if want := strings.Contains(c.args, "-against"); (s.revision == "main") != want {
			t.Errorf("%q compares with %q", c.args, s.revision)
		}
	}
	s, err := parse(strings.Fields("-engines mysql,sqlite -batch 8 -warmup 0s -binary x -no-check"), io.Discard)
	if err != nil || !slices.Equal(s.engines, []dbtest.Engine{dbtest.MySQL, dbtest.SQLite}) || !slices.Equal(s.batches, []int{8}) || s.binary != "x" || s.check {
		t.Errorf("gives %+v, %v", s, err)
	}
}

func TestWhatIsMeasuredAndWhetherItIsChecked(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args, parts string
		check       bool
		leads       int64
		sellers     int
	}{
		{"", "leads paging", true, 2_000_000, 10_000},
		{"-no-check", "leads paging", false, 2_000_000, 10_000},
		{"-peer pocketbase", "leads paging peer", true, 2_000_000, 10_000},
		{"-only grown,sellers -leads 7 -sellers 3", "grown sellers", true, 7, 3},
		{"-only peer -peer pocketbase", "peer", true, 2_000_000, 10_000},
		{"-targets", "leads paging peer grown sellers consumers contracts bulk notify confirm ping feed relay outage endpoints idle pages", true, 2_000_000, 10_000},
		{"-against main", "leads", false, 2_000_000, 10_000},
		{"-against main -only consumers", "consumers", false, 2_000_000, 10_000},
		{"-against main -targets -quick", "leads peer grown sellers consumers contracts bulk notify confirm ping feed relay outage endpoints idle pages", true, 50_000, 500},
		{"-against main -targets -only leads", "leads", true, 2_000_000, 10_000},
	} {
		s, err := parse(strings.Fields(c.args), io.Discard)
		if got := strings.Join(s.parts, " "); err != nil || got != c.parts || s.check != c.check || s.leads != c.leads || s.sellers != c.sellers {
			t.Errorf("%q gives %+v, %v", c.args, s, err)
		}
	}
}

func TestWrongArguments(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"-engines oracle":                "-engines: \"oracle\" is none of sqlite, mysql, mariadb",
		"-connections 0":                 "-connections: \"0\" is not a number from 1",
		"-batch many":                    "-batch: \"many\" is not a number from 1",
		"-only events":                   "-only: \"events\" is none of leads, paging, peer, grown, sellers, consumers",
		"-only leads,":                   "-only: \"\" is none of leads",
		"-peer other":                    "-peer: \"other\" is not pocketbase",
		"-leads 0":                       "-leads must be above 0 and -sellers above 1",
		"-sellers 1":                     "-leads must be above 0 and -sellers above 1",
		"-only notify -waiting 255":      "-waiting must be at least the largest of -connections",
		"-targets -no-check":             "-targets and -no-check do not go together",
		"-rounds 0":                      "-rounds and -duration must be above 0",
		"-wrong":                         "flag provided but not defined: -wrong",
		"leads":                          "unknown argument \"leads\"",
		"-against=":                      "-against needs a commit",
		"-against --all":                 "-against needs a commit",
		"-against main -only paging":     "-against leaves paging out",
		"-against main -rounds 2":        "-against needs at least 3 -rounds",
		"-quick -against main -rounds 1": "-against needs at least 3 -rounds",
	} {
		if _, err := parse(strings.Fields(args), io.Discard); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q gives %v, want only %q", args, err, want)
		}
	}
	if _, err := parse(strings.Fields("-engines oracle -batch 0"), io.Discard); err == nil || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("two mistakes give %v", err)
	}
}

func TestHelpNamesEveryOption(t *testing.T) {
	t.Parallel()
	var help strings.Builder
	if _, err := parse([]string{"-h"}, &help); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("-h gives %v", err)
	}
	for _, want := range []string{"make bench ARGS='-against main'", "-against revision", "-engines", "-rounds", "-targets", "\n  " + partPeer, "\n  " + partConsumers, "\n  " + partNotify, "-waiting"} {
		if !strings.Contains(help.String(), want) {
			t.Errorf("the help has no %q:\n%s", want, help.String())
		}
	}
}

func TestRevisionsTakeTurns(t *testing.T) {
	t.Parallel()
	s := settings{connections: []int{1, 64}, batches: []int{256, 1}, rounds: 3}
	var older, newer results
	contenders := []contender{{build{name: "A"}, &older}, {build{name: "B"}, &newer}}
	orders := map[key]string{}
	var whole strings.Builder
	for _, turn := range schedule(s, dbtest.SQLite, contenders) {
		orders[turn.key] += turn.name
		whole.WriteString(turn.name)
		turn.results.add(turn.key, measurement{})
	}
	for _, k := range []key{{dbtest.SQLite, 1, 256}, {dbtest.SQLite, 1, 1}, {dbtest.SQLite, 64, 256}, {dbtest.SQLite, 64, 1}} {
		if orders[k] != "ABBAAB" {
			t.Errorf("%v is measured in the order %q", k, orders[k])
		}
		if len(older.runs[k]) != 3 || len(newer.runs[k]) != 3 {
			t.Errorf("%v is measured %d and %d times", k, len(older.runs[k]), len(newer.runs[k]))
		}
	}
	if want := strings.Repeat("AB", 4) + strings.Repeat("BA", 4) + strings.Repeat("AB", 4); whole.String() != want || len(orders) != 4 {
		t.Errorf("the whole order is %q of %d lines, want %q", whole.String(), len(orders), want)
	}
	if s.batches[0] != 256 || contenders[0].name != "A" {
		t.Error("the settings were turned round themselves")
	}
}
