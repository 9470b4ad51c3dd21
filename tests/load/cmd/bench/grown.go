package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/load"
)

const (
	grownLeads      = 2_000_000
	grownQuick      = 50_000
	grownBufferPool = "--innodb-buffer-pool-size=1G"
	grownSteps      = 20 // in which a database is filled, to tell how far it is
)

// measureGrown fills a database with leads of one seller through the API, and then posts more of the same seller's, in turn with
// leads into an empty database of the same server. It also tells how many bytes each lead took of the filling.
func measureGrown(ctx context.Context, s settings, of build, e dbtest.Engine, dir string) (d duel, size growth, err error) {
	d = duel{engine: e}
	server, stop, err := startServer(ctx, e, grownBufferPool)
	if err != nil {
		return d, size, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	grown, err := newSite(ctx, of, server, dir, s.batches[0], 1, load.UsualBuyers)
	if err != nil {
		return d, size, err
	}
	defer func() { err = errors.Join(err, grown.close()) }()
	if err := fill(ctx, s, grown, e); err != nil {
		return d, size, fmt.Errorf("fill the database: %w", err)
	}
	stored, err := readStorage(ctx, grown.databaseURL)
	if err != nil {
		return d, size, err
	}
	size = stored.since(storage{}, s.leads)
	return d, size, d.inTurn(s.rounds, func(int) (measurement, error) {
		if err := rest(ctx, server); err != nil {
			return measurement{}, err
		}
		m, err := measure(ctx, of, server, dir, s.batches[0], s.load(), false)
		return told(fmt.Sprintf("%s, empty", e), m, err)
	}, func(round int) (measurement, error) {
		if err := rest(ctx, server); err != nil {
			return measurement{}, err
		}
		m, err := grown.run(ctx, stint{Options: s.load(), verify: round == s.rounds-1})
		return told(fmt.Sprintf("%s, grown", e), m, err)
	})
}

// fill posts leads until the database has as many as it should.
func fill(ctx context.Context, s settings, grown *site, e dbtest.Engine) error {
	for have := int64(0); have < s.leads; {
		step := min(max(s.leads/grownSteps, int64(s.most())), s.leads-have)
		o := load.Options{Connections: int(min(int64(s.most()), step)), Leads: step}
		m, err := grown.run(ctx, stint{Options: o})
		have += step
		if _, err := told(fmt.Sprintf("%s, %d of %d leads", e, have, s.leads), m, err); err != nil {
			return err
		}
	}
	return nil
}

// rest waits until a server has written what it still holds back of earlier leads, so that no measurement pays for the one
// before; at most restPatience. A server may keep pages for as long as it likes, as MariaDB does: one that wrote none for restStill is at rest too.
func rest(ctx context.Context, server *dbtest.Server) (err error) {
	const (
		restPatience = time.Minute
		restEvery    = 200 * time.Millisecond
		restStill    = 3 * time.Second
		fewPages     = 100
	)
	if server == nil {
		return nil
	}
	db, err := server.Open("")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	tick := time.NewTicker(restEvery)
	defer tick.Stop()
	least, since := -1, time.Now()
	for began := time.Now(); time.Since(began) < restPatience; {
		var name string
		var pages int
		if err := db.QueryRowContext(ctx, "SHOW GLOBAL STATUS LIKE 'Innodb_buffer_pool_pages_dirty'").Scan(&name, &pages); err != nil {
			return err
		}
		if least < 0 || pages < least {
			least, since = pages, time.Now()
		}
		if pages < fewPages || time.Since(since) >= restStill {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	fmt.Fprintf(os.Stderr, "the server still writes after %s\n", restPatience)
	return nil
}
