// Command bench measures how many leads a second Leadmill sells on each database, and checks the limits that it must keep.
// It builds the binary, starts a database server and the binary for each measurement, with an empty database, and prints
// a table. It exits 1 when a figure is out of its limits or a lead is missing or counted twice. With -against it compares
// two revisions of the repository.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/leadmill/leadmill/tests/dbtest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// build is a binary to measure.
type build struct {
	name   string // for the reader of the table
	binary string
	// foreign says that the tables of its database may differ from those that this program knows.
	foreign bool
}

func run(ctx context.Context, args []string) (err error) {
	s, err := parse(args, os.Stdout)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "leadmill-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if s.against != "" {
		return against(ctx, s, dir)
	}
	own := build{binary: s.binary}
	if own.binary == "" {
		if own.binary, err = compile(ctx, ".", dir); err != nil {
			return err
		}
	}
	if s.only != onlyPaging {
		if err := leads(ctx, s, own, dir); err != nil {
			return err
		}
	}
	if s.only == onlyLeads {
		return nil
	}
	return pages(ctx, s, own, dir)
}

// leads measures leads on every database and checks the limits.
func leads(ctx context.Context, s settings, own build, dir string) error {
	var table results
	for _, e := range s.engines {
		if err := measureEngine(ctx, s, e, dir, []contender{{own, &table}}); err != nil {
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
func pages(ctx context.Context, s settings, own build, dir string) error {
	var all []paging
	for _, e := range s.engines {
		if e == dbtest.MariaDB {
			continue
		}
		p, err := measurePaging(ctx, s, own, e, dir)
		if err != nil {
			return fmt.Errorf("paging on %s: %w", e, err)
		}
		all = append(all, p)
	}
	fmt.Print(pagingTable(all))
	return nil
}

// contender is a build and what was measured of it.
type contender struct {
	build

	results *results
}

// measureEngine measures everything on one database, in the order of schedule.
func measureEngine(ctx context.Context, s settings, e dbtest.Engine, dir string, contenders []contender) (err error) {
	var server *dbtest.Server
	if e != dbtest.SQLite {
		if server, err = dbtest.Start(ctx, dbtest.Options{Engine: e}); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, server.Stop()) }()
	}
	for _, t := range schedule(s, e, contenders) {
		m, err := measure(ctx, s, t.build, t.key, server, dir)
		if err != nil {
			return fmt.Errorf("%s%d connections, LEADMILL_BATCH_MAX=%d: %w", t.prefix(), t.connections, t.batch, err)
		}
		fmt.Fprintf(os.Stderr, "%s%s, batch max %d, %s; lag %s, %s of CPU a lead\n", t.prefix(), e, t.batch, m.Result, short(m.lag), short(m.cpu))
		t.results.add(t.key, m)
	}
	return nil
}

// turn is one measurement to make.
type turn struct {
	key
	contender
}

// schedule is the order of all measurements on one database. The contenders take turns at each line of the table, and so do
// the values of LEADMILL_BATCH_MAX, each round in the other order: what slows the machine down for a while slows down all.
func schedule(s settings, e dbtest.Engine, contenders []contender) (out []turn) {
	for round := range s.rounds {
		for _, c := range s.connections {
			for _, b := range alternate(s.batches, round) {
				for _, who := range alternate(contenders, round) {
					out = append(out, turn{key{e, c, b}, who})
				}
			}
		}
	}
	return out
}

// alternate is the order of a round: as given in the first, and the other way round in every second one.
func alternate[T any](all []T, round int) []T {
	all = slices.Clone(all)
	if round%2 == 1 {
		slices.Reverse(all)
	}
	return all
}

// prefix tells the build at the start of a message when there are several.
func (b build) prefix() string {
	if b.name == "" {
		return ""
	}
	return b.name + ": "
}
