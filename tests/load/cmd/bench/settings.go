package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/leadmill/leadmill/tests/dbtest"
)

// What -only can say.
const (
	onlyLeads  = "leads"
	onlyPaging = "paging"
)

// settings are the arguments of a call.
type settings struct {
	engines     []dbtest.Engine
	connections []int
	batches     []int
	duration    time.Duration
	warmup      time.Duration
	rounds      int
	check       bool
	binary      string
	against     string // the revision to compare with; none when empty
	only        string // leads or paging; both when empty
	pagingRows  int
}

const usage = `Usage: bench [options]        or  make bench ARGS='[options]'

Measures how many leads a second Leadmill sells on each database and how long a page of a long list takes, and checks
the limits that the figures must keep.

With -against it compares two revisions instead: it builds the given one from git, runs both in turn (old new, new old,
old new, …), each time on an empty database, and prints the medians of both, their ratio and how far the single
measurements lie apart. It measures leads only and checks no limit on the figures. Examples:

  make bench ARGS='-against main'
  make bench ARGS='-quick -engines mysql -batch 256 -against HEAD~3'

Options:
`

// parse reads the arguments. When help is asked for, it writes the help and returns flag.ErrHelp.
func parse(args []string, help io.Writer) (settings, error) {
	var s settings
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // the caller tells errors
	engines := flags.String("engines", "sqlite,mysql,mariadb", "databases to measure")
	connections := flags.String("connections", "1,64,256", "numbers of clients that post at the same time")
	batches := flags.String("batch", "256,1", "values of LEADMILL_BATCH_MAX to compare, the usual one first")
	flags.DurationVar(&s.duration, "duration", 10*time.Second, "how long one measurement takes")
	flags.DurationVar(&s.warmup, "warmup", time.Second, "how long the clients post before it")
	flags.IntVar(&s.rounds, "rounds", 3, "how often everything is measured; the table has medians. With -against the default is 5")
	flags.StringVar(&s.binary, "binary", "", "measure this binary instead of building one")
	flags.StringVar(&s.against, "against", "", "compare with this `revision`: a commit, branch or tag of the repository")
	quick := flags.Bool("quick", false, "3 s with 256 connections, one round without -against, and paging with 50,000 rows")
	flags.StringVar(&s.only, "only", "", "measure only leads or only paging")
	noCheck := flags.Bool("no-check", false, "do not check the limits on the figures; every lead is still counted")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		flags.SetOutput(help)
		_, writing := io.WriteString(help, usage)
		flags.PrintDefaults()
		return s, errors.Join(err, writing)
	} else if err != nil {
		return s, err
	}
	if flags.NArg() > 0 {
		return s, fmt.Errorf("unknown argument %q", flags.Arg(0))
	}
	given := map[string]bool{}
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	s.check = !*noCheck
	s.pagingRows = pagingRows
	if *quick {
		s.pagingRows = pagingQuick
		preset(given, "rounds", &s.rounds, 1)
		preset(given, "duration", &s.duration, 3*time.Second)
		preset(given, "connections", connections, "256")
	}
	var err1, err2, err3 error
	s.engines, err1 = databases(*engines)
	s.connections, err2 = numbers("-connections", *connections)
	s.batches, err3 = numbers("-batch", *batches)
	if given["against"] {
		preset(given, "rounds", &s.rounds, pairedRounds)
	}
	return s, errors.Join(err1, err2, err3, s.problems(given))
}

// problems tells what is wrong with single values and with values that do not go together.
func (s *settings) problems(given map[string]bool) error {
	var all []error
	if s.only != "" && s.only != onlyLeads && s.only != onlyPaging {
		all = append(all, fmt.Errorf("-only: %q is none of leads, paging", s.only))
	}
	if s.rounds < 1 || s.duration <= 0 || s.warmup < 0 {
		all = append(all, errors.New("-rounds and -duration must be above 0"))
	}
	if !given["against"] {
		return errors.Join(all...)
	}
	if s.against == "" || strings.HasPrefix(s.against, "-") {
		all = append(all, errors.New("-against needs a commit, a branch or a tag"))
	}
	if s.only == onlyPaging {
		all = append(all, errors.New("-against compares leads only: paging writes its rows into tables as this revision has them"))
	}
	if s.rounds > 0 && s.rounds < leastPairedRounds {
		all = append(all, fmt.Errorf("-against needs at least %d -rounds: fewer say nothing about noise", leastPairedRounds))
	}
	return errors.Join(all...)
}

// preset sets what was not set by hand.
func preset[T any](given map[string]bool, name string, target *T, value T) {
	if !given[name] {
		*target = value
	}
}

func databases(list string) (out []dbtest.Engine, err error) {
	for name := range strings.SplitSeq(list, ",") {
		e := dbtest.Engine(name)
		if !slices.Contains([]dbtest.Engine{dbtest.SQLite, dbtest.MySQL, dbtest.MariaDB}, e) {
			return nil, fmt.Errorf("-engines: %q is none of sqlite, mysql, mariadb", name)
		}
		out = append(out, e)
	}
	return out, nil
}

func numbers(name, list string) (out []int, err error) {
	for text := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%s: %q is not a number from 1", name, text)
		}
		out = append(out, n)
	}
	return out, nil
}
