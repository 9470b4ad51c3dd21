package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/load"
)

// peerPocketBase is what -peer can say, and peerModule the folder of the module that builds it.
const (
	peerPocketBase = "pocketbase"
	peerModule     = "tests/load/peer/pocketbase"
)

// measurePeer compares selling leads on SQLite with PocketBase storing bare records of the same fields, which is the first of
// the two.
func measurePeer(ctx context.Context, s settings, of build, dir string) (d duel, err error) {
	d = duel{engine: dbtest.SQLite}
	binary, err := compile(ctx, peerModule, commandPeer, dir)
	if err != nil {
		return d, err
	}
	return d, d.inTurn(s.rounds, func(int) (measurement, error) {
		m, err := storeRecords(ctx, s, binary, dir)
		return told(peerPocketBase, m, err)
	}, func(int) (measurement, error) {
		m, err := measure(ctx, of, nil, dir, s.batches[0], s.load(), false)
		return told("leadmill", m, err)
	})
}

// storeRecords posts bare records to an empty PocketBase and counts them there afterwards.
func storeRecords(ctx context.Context, s settings, binary, dir string) (m measurement, err error) {
	data, err := os.MkdirTemp(dir, "peer-")
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(data)) }()
	p := &process{cmd: exec.CommandContext(ctx, binary, "serve", "--dir", filepath.Join(data, "data"), "--http", "127.0.0.1:0")}
	if err := p.start(); err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, p.stop()) }() // once more does nothing
	if m, err = postRecords(ctx, s, p); err != nil {
		return m, errors.Join(err, p.logs())
	}
	return m, p.stop()
}

func postRecords(ctx context.Context, s settings, p *process) (m measurement, err error) {
	session, err := load.Records(p.base)
	if err != nil {
		return m, err
	}
	used := meter{service: p.pid()}
	if used.serviceFrom, err = cpuOf(used.service); err != nil {
		return m, err
	}
	if m.Result, m.memory, err = post(ctx, p, session, s.load()); err != nil {
		return m, err
	}
	if m.cpu, _, err = used.each(m.Sold); err != nil {
		return m, err
	}
	var page struct{ TotalItems int64 }
	api := load.API{Base: p.base}
	if err := api.Call(ctx, http.MethodGet, "/api/collections/leads/records?perPage=1", nil, &page); err != nil {
		return m, err
	}
	if page.TotalItems != m.Sold {
		return m, fmt.Errorf("%d records were answered as stored, but there are %d", m.Sold, page.TotalItems)
	}
	return m, nil
}
