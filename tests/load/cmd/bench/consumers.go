package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/leadmill/leadmill/tests/dbtest"
)

// measureConsumers compares a build that has six consumers of the event log more, which have nothing to do, with Leadmill as it
// is, which is the first of the two.
func measureConsumers(ctx context.Context, s settings, own, more build, e dbtest.Engine, dir string) (d duel, err error) {
	d = duel{engine: e}
	server, stop, err := startServer(ctx, e)
	if err != nil {
		return d, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	side := func(of build, name string) func(int) (measurement, error) {
		return func(int) (measurement, error) {
			m, err := measure(ctx, of, server, dir, s.batches[0], s.load(), false)
			return told(fmt.Sprintf("%s, %s consumers", e, name), m, err)
		}
	}
	return d, d.inTurn(s.rounds, side(own, "four"), side(more, "ten"))
}
