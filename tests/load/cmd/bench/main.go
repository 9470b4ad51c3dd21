// Command bench measures how many leads a second Leadmill sells on each database, and checks the limits that it must keep.
// It builds the binary, starts a database server and the binary for each measurement, with an empty database, and prints
// a table. It exits 1 when a figure is out of its limits or a lead is missing or counted twice.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/leadmill/leadmill/tests/dbtest"
)

type settings struct {
	engines     []dbtest.Engine
	connections []int
	batches     []int
	duration    time.Duration
	warmup      time.Duration
	rounds      int
	check       bool
	binary      string
	only        string // leads or paging; both when empty
	pagingRows  int
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func parse() (settings, error) {
	var s settings
	engines := flag.String("engines", "sqlite,mysql,mariadb", "databases to measure")
	connections := flag.String("connections", "1,64,256", "numbers of clients that post at the same time")
	batches := flag.String("batch", "256,1", "values of LEADMILL_BATCH_MAX to compare, the usual one first")
	flag.DurationVar(&s.duration, "duration", 10*time.Second, "how long one measurement takes")
	flag.DurationVar(&s.warmup, "warmup", time.Second, "how long the clients post before it")
	flag.IntVar(&s.rounds, "rounds", 3, "how often everything is measured; the table has medians")
	flag.StringVar(&s.binary, "binary", "", "measure this binary instead of building one")
	quick := flag.Bool("quick", false, "one round of 3 s with 256 connections, and paging with 50,000 rows")
	flag.StringVar(&s.only, "only", "", "measure only leads or only paging")
	noCheck := flag.Bool("no-check", false, "do not check the limits on the figures; every lead is still counted")
	flag.Parse()
	if flag.NArg() > 0 {
		return s, fmt.Errorf("unknown argument %q", flag.Arg(0))
	}
	if s.only != "" && s.only != "leads" && s.only != "paging" {
		return s, fmt.Errorf("-only: %q is none of leads, paging", s.only)
	}
	s.pagingRows = pagingRows
	if *quick {
		quickly(&s, connections)
		s.pagingRows = pagingQuick
	}
	s.check = !*noCheck
	for name := range strings.SplitSeq(*engines, ",") {
		e := dbtest.Engine(name)
		if !slices.Contains([]dbtest.Engine{dbtest.SQLite, dbtest.MySQL, dbtest.MariaDB}, e) {
			return s, fmt.Errorf("-engines: %q is none of sqlite, mysql, mariadb", name)
		}
		s.engines = append(s.engines, e)
	}
	var err1, err2 error
	s.connections, err1 = numbers("-connections", *connections)
	s.batches, err2 = numbers("-batch", *batches)
	if s.rounds < 1 || s.duration <= 0 || s.warmup < 0 {
		return s, errors.New("-rounds and -duration must be above 0")
	}
	return s, errors.Join(err1, err2)
}

// quickly sets what was not set by hand.
func quickly(s *settings, connections *string) {
	given := map[string]bool{}
	flag.Visit(func(f *flag.Flag) { given[f.Name] = true })
	if !given["rounds"] {
		s.rounds = 1
	}
	if !given["duration"] {
		s.duration = 3 * time.Second
	}
	if !given["connections"] {
		*connections = "256"
	}
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

func run(ctx context.Context) (err error) {
	s, err := parse()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "leadmill-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if s.binary == "" {
		if s.binary, err = build(ctx, dir); err != nil {
			return err
		}
	}
	if s.only != "paging" {
		if err := leads(ctx, s, dir); err != nil {
			return err
		}
	}
	if s.only == "leads" {
		return nil
	}
	return pages(ctx, s, dir)
}

// leads measures leads on every database and checks the limits.
func leads(ctx context.Context, s settings, dir string) error {
	var table results
	for _, e := range s.engines {
		if err := measureEngine(ctx, s, e, dir, &table); err != nil {
			return fmt.Errorf("%s: %w", e, err)
		}
	}
	fmt.Print(table.markdown())
	fmt.Print(table.ratios(s))
	if !s.check {
		return nil
	}
	return table.check(s)
}

// pages measures lists on SQLite and MySQL.
func pages(ctx context.Context, s settings, dir string) error {
	var all []paging
	for _, e := range s.engines {
		if e == dbtest.MariaDB {
			continue
		}
		p, err := measurePaging(ctx, s, e, dir)
		if err != nil {
			return fmt.Errorf("paging on %s: %w", e, err)
		}
		all = append(all, p)
	}
	fmt.Print(pagingTable(all))
	return nil
}

// measureEngine measures everything on one database. The values of LEADMILL_BATCH_MAX take turns, each round in the other
// order, so that what slows the machine down for a while slows down both.
func measureEngine(ctx context.Context, s settings, e dbtest.Engine, dir string, table *results) (err error) {
	var server *dbtest.Server
	if e != dbtest.SQLite {
		if server, err = dbtest.Start(ctx, dbtest.Options{Engine: e}); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, server.Stop()) }()
	}
	for round := range s.rounds {
		for _, c := range s.connections {
			batches := slices.Clone(s.batches)
			if round%2 == 1 {
				slices.Reverse(batches)
			}
			for _, b := range batches {
				k := key{e, c, b}
				m, err := measure(ctx, s, k, server, dir)
				if err != nil {
					return fmt.Errorf("%d connections, LEADMILL_BATCH_MAX=%d: %w", c, b, err)
				}
				fmt.Fprintf(os.Stderr, "%s, batch max %d, %s; lag %s, %s of CPU a lead\n", e, b, m.Result, short(m.lag), short(m.cpu))
				table.add(k, m)
			}
		}
	}
	return nil
}
