// Command bench measures how many leads a second Leadmill sells on each database, and checks the limits that it must keep.
// It builds the binary, starts a database server and the binary for each measurement, with an empty database, and prints
// tables. It exits 1 when a figure is out of its limits or a lead is missing or counted twice. With -against it compares
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
	"github.com/leadmill/leadmill/tests/load"
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
	f := figures{settings: s, dir: dir, own: build{binary: s.binary}}
	if s.revision != "" {
		if err := f.against(ctx); err != nil {
			return err
		}
	} else if f.own.binary == "" {
		if f.own.binary, err = compile(ctx, ".", commandLeadmill, dir); err != nil {
			return err
		}
	}
	for _, part := range []struct {
		name    string
		measure func(context.Context) error
	}{
		{partLeads, f.measureLeads},
		{partPaging, f.measurePaging},
		{partPeer, f.measurePeer},
		{partGrown, f.measureGrown},
		{partSellers, f.measureSellers},
		{partConsumers, f.measureConsumers},
		{partContracts, f.measureContracts},
		{partBulk, f.measureBulk},
		{partNotify, f.measureNotify},
		{partConfirm, f.measureConfirm},
		{partPing, f.measurePing},
		{partFeed, f.measureFeed},
		{partRelay, f.measureRelay},
		{partOutage, f.measureOutage},
		{partEndpoints, f.measureEndpoints},
		{partIdle, f.measureIdle},
		{partPages, f.measurePages},
	} {
		if !s.does(part.name) {
			continue
		}
		if err := part.measure(ctx); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	all := f.limits()
	fmt.Print(limitTable(all, s.targets))
	if !s.check {
		return nil
	}
	return broken(all)
}

// figures are what was measured so far. old is nil without -against.
type figures struct {
	settings

	dir        string
	own, older build

	old, new                               *results
	peers, grown, sellers, consumers, bulk []duel
	contracts                              []duel // at a fixed rate
	notified                               []notified
	asked                                  []asked
	pinged                                 []pinged
	heard                                  []heard
	pages                                  []pagesFigures
}

// builds are those to compare, the older first.
func (f *figures) builds() []build {
	if f.older.binary == "" {
		return []build{f.own}
	}
	return []build{f.older, f.own}
}

// measureLeads measures leads on every database.
func (f *figures) measureLeads(ctx context.Context) error {
	f.new = &results{}
	contenders := []contender{{f.own, f.new}}
	if f.older.binary != "" {
		f.old = &results{}
		contenders = []contender{{f.older, f.old}, {f.own, f.new}}
	}
	for _, e := range f.engines {
		if err := measureEngine(ctx, f.settings, e, f.dir, contenders); err != nil {
			return fmt.Errorf("%s: %w", e, err)
		}
	}
	if f.old != nil {
		c := comparison{old: f.old, new: f.new}
		fmt.Print(c.markdown() + c.costs() + c.storage(f.settings))
		return nil
	}
	fmt.Print(f.new.markdown() + f.new.ratios(f.settings) + f.new.storage(f.settings))
	return nil
}

func (f *figures) measurePaging(ctx context.Context) error {
	return measureEnds(ctx, f.settings, f.own, f.dir)
}

func (f *figures) measurePages(ctx context.Context) error {
	for _, e := range f.engines {
		p, err := measurePages(ctx, f.settings, f.own, e, f.dir)
		if len(p.pages) > 0 {
			fmt.Print(pagesTable(p))
		}
		if err != nil {
			return fmt.Errorf("%s: %w", e, err)
		}
		f.pages = append(f.pages, p)
	}
	return nil
}

func (f *figures) measurePeer(ctx context.Context) error {
	d, err := measurePeer(ctx, f.settings, f.own, f.dir)
	if err != nil {
		return err
	}
	f.peers = append(f.peers, d)
	fmt.Print(duelTable("Bare records in PocketBase and sold leads", peerPocketBase, "leadmill", f.peers))
	return nil
}

func (f *figures) measureGrown(ctx context.Context) error {
	names, sizes := []string{"bytes a lead, grown"}, [][]measurement{}
	for _, e := range f.engines {
		if e == dbtest.MariaDB {
			continue
		}
		d, grown, err := measureGrown(ctx, f.settings, f.own, e, f.dir)
		if err != nil {
			return fmt.Errorf("%s: %w", e, err)
		}
		f.grown = append(f.grown, d)
		names, sizes = append(names, string(e)), append(sizes, []measurement{{growth: grown}})
	}
	fmt.Print(duelTable(fmt.Sprintf("An empty database and one with %d leads", f.leads), "empty", "grown", f.grown))
	if len(sizes) > 0 {
		fmt.Print("\n" + growthTable(names, sizes...))
	}
	return nil
}

func (f *figures) measureSellers(ctx context.Context) error {
	for _, e := range f.engines {
		d, err := measureSellers(ctx, f.settings, f.builds(), e, f.dir)
		if err != nil {
			return fmt.Errorf("%s: %w", e, err)
		}
		f.sellers = append(f.sellers, d...)
	}
	title := fmt.Sprintf("One seller with %d leads and %d sellers with %d leads each", f.settings.sellers*leadsEach, f.settings.sellers, leadsEach)
	fmt.Print(duelTable(title, "one", "many", f.sellers))
	return nil
}

func (f *figures) measureConsumers(ctx context.Context) error {
	more := build{}
	var err error
	if more.binary, err = compile(ctx, ".", commandConsumers, f.dir); err != nil {
		return err
	}
	for _, e := range f.engines {
		d, err := measureConsumers(ctx, f.settings, f.own, more, e, f.dir)
		if err != nil {
			return fmt.Errorf("%s: %w", e, err)
		}
		f.consumers = append(f.consumers, d)
	}
	fmt.Print(duelTable("Four consumers of the event log and ten", "four", "ten", f.consumers))
	return nil
}

func (f *figures) measureContracts(ctx context.Context) error {
	var few, many, paced []duel
	for _, e := range f.engines {
		for _, of := range f.builds() {
			a, b, c, err := measureContracts(ctx, f.settings, of, e, f.dir)
			if err != nil {
				return fmt.Errorf("%s: %w", e, err)
			}
			few, many, paced = append(few, a), append(many, b), append(paced, c)
		}
	}
	f.contracts = paced
	fmt.Print(duelTable("One contract with a filter and 100", "1", "100", few) + duelTable("100 contracts with filters and 10,000", "100", "10,000", many) +
		duelTable(fmt.Sprintf("The same with %d leads a second", contractsPace), "100", "10,000", paced))
	return nil
}

func (f *figures) measureBulk(ctx context.Context) error {
	for _, e := range f.engines {
		few, many, err := measureBulk(ctx, f.settings, f.own, e, f.dir)
		if err != nil {
			return fmt.Errorf("%s: %w", e, err)
		}
		f.bulk = append(f.bulk, few, many)
	}
	fmt.Print(duelTable(fmt.Sprintf("Single leads of %s and of %s, and requests of %d leads of %s", bulkOfFew, bulkOfMany, leadsOfBulk, bulkOfFew), "single", "bulk", f.bulk))
	return nil
}

func (f *figures) measureNotify(ctx context.Context) error {
	for _, e := range f.engines {
		n, err := measureNotify(ctx, f.settings, f.own, e, f.dir)
		if err != nil {
			return fmt.Errorf("%s: %w", e, err)
		}
		f.notified = append(f.notified, n)
	}
	fmt.Print(notifyTable(f.notified))
	return nil
}

func (f *figures) measureConfirm(ctx context.Context) error {
	for _, e := range f.engines {
		a, err := measureConfirm(ctx, f.settings, f.own, e, f.dir)
		if err != nil {
			return fmt.Errorf("%s: %w", e, err)
		}
		f.asked = append(f.asked, a)
	}
	fmt.Print(confirmTable(f.asked))
	return nil
}

func (f *figures) measurePing(ctx context.Context) error {
	for _, e := range f.engines {
		p, err := measurePing(ctx, f.settings, f.own, e, f.dir)
		if err != nil {
			return fmt.Errorf("%s: %w", e, err)
		}
		f.pinged = append(f.pinged, p)
	}
	fmt.Print(pingTable(f.pinged))
	return nil
}

func (f *figures) measureFeed(ctx context.Context) error      { return f.hear(ctx, measureFeed) }
func (f *figures) measureRelay(ctx context.Context) error     { return f.hear(ctx, measureRelay) }
func (f *figures) measureOutage(ctx context.Context) error    { return f.hear(ctx, measureOutage) }
func (f *figures) measureEndpoints(ctx context.Context) error { return f.hear(ctx, measureEndpoints) }
func (f *figures) measureIdle(ctx context.Context) error      { return f.hear(ctx, measureIdle) }

// hear measures something about readers of events on every engine.
func (f *figures) hear(ctx context.Context, measure func(context.Context, settings, build, dbtest.Engine, string) (heard, error)) error {
	var all []heard
	for _, e := range f.engines {
		h, err := measure(ctx, f.settings, f.own, e, f.dir)
		if err != nil {
			return fmt.Errorf("%s: %w", e, err)
		}
		all = append(all, h)
	}
	f.heard = append(f.heard, all...)
	fmt.Print(heardTable(all))
	return nil
}

// measureEnds measures both ends of a list on SQLite and MySQL.
func measureEnds(ctx context.Context, s settings, own build, dir string) error {
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
	server, stop, err := startServer(ctx, e)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	for _, t := range schedule(s, e, contenders) {
		o := load.Options{Connections: t.connections, Warmup: s.warmup, Duration: s.duration}
		m, err := measure(ctx, t.build, server, dir, t.batch, o, true)
		if err != nil {
			return fmt.Errorf("%s%d connections, LEADMILL_BATCH_MAX=%d: %w", t.prefix(), t.connections, t.batch, err)
		}
		if _, err := told(fmt.Sprintf("%s%s, batch max %d", t.prefix(), e, t.batch), m, nil); err != nil {
			return err
		}
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
