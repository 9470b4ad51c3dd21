package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/load"
)

const (
	manySellers  = 10_000
	sellersQuick = 500
	leadsEach    = 10 // that each of many sellers gets in a round
)

// measureSellers posts the same number of leads to one seller and to many in turn: a batch of the many holds leads of as many
// sellers as clients. Each build has two databases, which stay for all rounds, because it takes long to make so many sellers.
// Every seller has one buyer.
func measureSellers(ctx context.Context, s settings, builds []build, e dbtest.Engine, dir string) (all []duel, err error) {
	server, stop, err := startServer(ctx, e)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	type pair struct {
		duel      *duel
		one, many *site
	}
	pairs := make([]pair, len(builds))
	all = make([]duel, len(builds))
	for i, of := range builds {
		all[i] = duel{engine: e, build: of.name}
		pairs[i].duel = &all[i]
		for _, kind := range []struct {
			to      **site
			sellers int
		}{{&pairs[i].one, 1}, {&pairs[i].many, s.sellers}} {
			made, err := newSite(ctx, of, server, dir, s.batches[0], kind.sellers, 1)
			if err != nil {
				return nil, err
			}
			defer func() { err = errors.Join(err, made.close()) }()
			if err := made.prepare(ctx, dir); err != nil {
				return nil, fmt.Errorf("%smake the sellers: %w", made.prefix(), err)
			}
			*kind.to = made
		}
	}
	o := load.Options{Connections: s.most(), Leads: int64(s.sellers) * leadsEach}
	for round := range s.rounds {
		for _, p := range alternate(pairs, round) {
			for _, at := range alternate([]*site{p.one, p.many}, round) {
				m, err := at.run(ctx, stint{Options: o, verify: round == s.rounds-1})
				if m, err = told(fmt.Sprintf("%s%s, sellers: %d", at.prefix(), e, at.sellers), m, err); err != nil {
					return nil, err
				}
				if at == p.one {
					p.duel.first = append(p.duel.first, m)
				} else {
					p.duel.second = append(p.duel.second, m)
				}
			}
		}
	}
	return all, nil
}

// prepare makes the sellers in a process of their own, which need not wait for the disk: that takes a third of the time. What
// is measured later waits for it as always.
func (s *site) prepare(ctx context.Context, dir string) (err error) {
	hasten := s.hastenServer
	if s.server == nil {
		hasten = s.hastenFile
	}
	back, err := hasten(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, back()) }()
	p, err := start(ctx, s.binary, s.databaseURL, s.batch, s.settings...)
	if err != nil {
		return err
	}
	if err := s.open(ctx, p); err != nil {
		return errors.Join(err, p.logs())
	}
	return p.stop()
}

// hastenServer keeps the server from waiting for the disk at every commit, until back is called.
func (s *site) hastenServer(ctx context.Context, _ string) (back func() error, err error) {
	db, err := s.server.Open("")
	if err != nil {
		return nil, err
	}
	var flush, sync int
	if err := db.QueryRowContext(ctx, "SELECT @@GLOBAL.innodb_flush_log_at_trx_commit, @@GLOBAL.sync_binlog").Scan(&flush, &sync); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	set := func(flush, sync int) error {
		_, err := db.Exec(fmt.Sprintf("SET GLOBAL innodb_flush_log_at_trx_commit = %d, GLOBAL sync_binlog = %d", flush, sync))
		return err
	}
	if err := set(0, 0); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return func() error { return errors.Join(set(flush, sync), db.Close()) }, nil
}

// hastenFile keeps the site's database in memory, where the system offers that, until back is called.
func (s *site) hastenFile(_ context.Context, dir string) (back func() error, err error) {
	const offered = "/dev/shm"
	own, err := os.MkdirTemp(offered, filepath.Base(dir)+"-")
	if err != nil {
		return func() error { return nil }, nil //nolint:nilerr // there is no such place; on the disk it only takes longer
	}
	place := strings.TrimPrefix(s.databaseURL, "sqlite:")
	quick := filepath.Join(own, filepath.Base(place))
	s.databaseURL = "sqlite:" + quick
	return func() error {
		s.databaseURL = "sqlite:" + place
		// The process has ended, so all is in the one file.
		text, err := os.ReadFile(quick)
		if err == nil {
			err = errors.Join(os.MkdirAll(filepath.Dir(place), 0o700), os.WriteFile(place, text, 0o600))
		}
		return errors.Join(err, os.RemoveAll(own))
	}, nil
}
