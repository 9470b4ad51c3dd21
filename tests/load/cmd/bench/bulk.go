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

// The duels of bulk: what a supplier chooses between over the connections that it has, and what is sold when very many post single leads.
var (
	bulkOfFew  = fmt.Sprintf("%d clients", bulkClients)
	bulkOfMany = fmt.Sprintf("%d clients", manyClients)
)

// measureBulk compares a few clients that post as many leads in a request as it takes with as many that post single leads, and with many of these, each on an
// empty database.
func measureBulk(ctx context.Context, s settings, own build, e dbtest.Engine, dir string) (few, many duel, err error) {
	few, many = duel{engine: e, build: bulkOfFew}, duel{engine: e, build: bulkOfMany}
	server, stop, err := startServer(ctx, e)
	if err != nil {
		return few, many, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	one := func(leads, clients int) (m measurement, err error) {
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
		return told(fmt.Sprintf("%s, %d clients, leads in a request: %d", e, clients, leads), m, err)
	}
	type side struct {
		leads, clients int
		runs           *[]measurement
	}
	for round := range s.rounds {
		for _, side := range alternate([]side{{1, bulkClients, &few.first}, {leadsOfBulk, bulkClients, &few.second}, {1, manyClients, &many.first}}, round) {
			m, err := one(side.leads, side.clients)
			if err != nil {
				return few, many, err
			}
			*side.runs = append(*side.runs, m)
		}
	}
	many.second = few.second
	return few, many, nil
}
