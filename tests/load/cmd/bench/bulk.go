package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/leadmill/leadmill/tests/dbtest"
)

const (
	leadsOfBulk = 1_000 // in a request
	bulkClients = 4
)

// measureBulk compares many clients that post single leads with a few that post as many in a request as it takes, each on an empty database.
func measureBulk(ctx context.Context, s settings, own build, e dbtest.Engine, dir string) (d duel, err error) {
	d = duel{engine: e}
	server, stop, err := startServer(ctx, e)
	if err != nil {
		return d, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	side := func(leads, clients int) func(int) (measurement, error) {
		return func(int) (m measurement, err error) {
			at, err := newSite(ctx, own, server, dir, s.batches[0], 1, 1)
			if err != nil {
				return m, err
			}
			defer func() { err = errors.Join(err, at.close()) }()
			if err := at.prepare(ctx, dir); err != nil {
				return m, err
			}
			at.session.Bulk = leads
			o := s.load()
			o.Connections = clients
			m, err = at.run(ctx, stint{Options: o, verify: true})
			return told(fmt.Sprintf("%s, leads in a request: %d", e, leads), m, err)
		}
	}
	return d, d.inTurn(s.rounds, side(1, manyClients), side(leadsOfBulk, bulkClients))
}
