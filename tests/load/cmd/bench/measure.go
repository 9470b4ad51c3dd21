package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/load"
)

// settlePatience is how long the report may take to have every lead.
const settlePatience = 5 * time.Minute

// measurement is one run that was found complete. What could not be known is 0.
type measurement struct {
	*load.Result

	lag       time.Duration
	cpu       time.Duration // of the service's process, for one lead
	serverCPU time.Duration // of the database server's process, for one lead
	memory    int64         // most bytes that the service had in RAM while leads were posted
	growth    growth
	receipts  receipts

	settlement settlement
}

// build is a binary to measure.
type build struct {
	name   string // for the reader of the table
	binary string
	// foreign says that the tables of its database may differ from those that this program knows.
	foreign bool
}

// prefix tells the build at the start of a message when there are several.
func (b build) prefix() string {
	if b.name == "" {
		return ""
	}
	return b.name + ": "
}

// site is a build with a database of its own, for one run or for several with the same sellers.
type site struct {
	build

	server          *dbtest.Server // nil with SQLite
	databaseURL     string
	remove          func() error
	batch           int
	sellers, buyers int
	settings        []string                    // of the environment, beside the usual ones
	session         *load.Session               // nil before the first run
	setUp           func(context.Context) error // done once when the next process has started; nil for nothing
}

// newSite makes an empty database; close removes it.
func newSite(ctx context.Context, of build, server *dbtest.Server, dir string, batch, sellers, buyers int) (s *site, err error) {
	s = &site{build: of, server: server, batch: batch, sellers: sellers, buyers: buyers}
	s.databaseURL, s.remove, err = newDatabase(ctx, server, dir)
	return s, err
}

func (s *site) close() error { return s.remove() }

// stint is one run on a site.
type stint struct {
	load.Options

	posted  func(context.Context, *measurement) error // called when all is posted, before the report is waited for; nil for nothing
	sizes   bool                                      // see how much the tables grew
	awaits  func(context.Context, *measurement) error // waits for the report in place of what waits for the leads of the session alone
	settled func(context.Context, *measurement) error // called when the report has all, before the CPU is read; nil for nothing
	verify  bool                                      // count the sales of the site in every place and have the doctor look; else only the report is waited for
}

// run starts a fresh process on the site's database, posts leads, and sees afterwards that they are all there.
func (s *site) run(ctx context.Context, t stint) (m measurement, err error) {
	p, err := start(ctx, s.binary, s.databaseURL, s.batch, s.settings...)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, p.stop()) }() // once more does nothing
	if m, err = s.post(ctx, p, t); err != nil {
		return m, errors.Join(err, p.logs())
	}
	if err := p.stop(); err != nil || !t.verify {
		return m, err
	}
	return m, doctor(ctx, s.binary, s.databaseURL)
}

func (s *site) post(ctx context.Context, p *process, t stint) (m measurement, err error) {
	if err := s.open(ctx, p); err != nil {
		return m, err
	}
	var before, after storage
	if t.sizes {
		if before, err = readStorage(ctx, s.databaseURL); err != nil {
			return m, err
		}
	}
	used, err := s.meter(p)
	if err != nil {
		return m, err
	}
	if m.Result, m.memory, err = post(ctx, p, s.session, t.Options); err != nil {
		return m, err
	}
	if t.posted != nil {
		if err := t.posted(ctx, &m); err != nil {
			return m, err
		}
	}
	if t.awaits != nil {
		err = t.awaits(ctx, &m)
	} else {
		m.lag, err = m.Settle(ctx, settlePatience)
	}
	if err != nil {
		return m, err
	}
	if t.settled != nil {
		if err := t.settled(ctx, &m); err != nil {
			return m, err
		}
	}
	if m.cpu, m.serverCPU, err = used.each(m.Sold); err != nil {
		return m, err
	}
	if t.sizes {
		if after, err = readStorage(ctx, s.databaseURL); err != nil {
			return m, err
		}
		m.growth = after.since(before, m.Sold)
	}
	switch {
	case !t.verify:
	case s.foreign:
		err = m.VerifyAPI(ctx)
	default:
		_, err = m.Verify(ctx, s.databaseURL)
	}
	return m, err
}

// open makes the site's sellers, or finds them again at the new process, and does what else is to be set up.
func (s *site) open(ctx context.Context, p *process) error {
	if err := s.find(ctx, p); err != nil || s.setUp == nil {
		return err
	}
	do := s.setUp
	s.setUp = nil
	return do(ctx)
}

func (s *site) find(ctx context.Context, p *process) (err error) {
	if s.session != nil {
		return s.session.MoveTo(p.base)
	}
	began := time.Now()
	if s.session, err = load.Prepare(ctx, p.base, p.adminKey, s.sellers, s.buyers); err == nil && s.sellers > 1 {
		took := time.Since(began)
		fmt.Fprintf(os.Stderr, "%s%d sellers made in %s, %.0f a second\n", s.prefix(), s.sellers, short(took), float64(s.sellers)/took.Seconds())
	}
	return err
}

// post posts leads and tells how much memory the service had meanwhile.
func post(ctx context.Context, p *process, session *load.Session, o load.Options) (r *load.Result, memory int64, err error) {
	forgetPeak(p.pid())
	if r, err = session.Run(ctx, o); err != nil {
		return nil, 0, err
	}
	if err := r.Err(); err != nil {
		return nil, 0, err
	}
	memory, err = peakOf(p.pid())
	return r, memory, err
}

// meter remembers what two processes had used when it was made.
type meter struct {
	service, server         int
	serviceFrom, serverFrom time.Duration
}

func (s *site) meter(p *process) (m meter, err error) {
	m.service = p.pid()
	if s.server != nil {
		m.server = s.server.PID()
	}
	var err1, err2 error
	m.serviceFrom, err1 = cpuOf(m.service)
	m.serverFrom, err2 = cpuOf(m.server)
	return m, errors.Join(err1, err2)
}

// each is the CPU time of both since then for each of so many leads.
func (m meter) each(leads int64) (service, server time.Duration, err error) {
	serviceTo, err1 := cpuOf(m.service)
	serverTo, err2 := cpuOf(m.server)
	n := time.Duration(max(leads, 1))
	return (serviceTo - m.serviceFrom) / n, (serverTo - m.serverFrom) / n, errors.Join(err1, err2)
}

// measure runs a build on an empty database, posts leads and counts them afterwards in every place.
func measure(ctx context.Context, of build, server *dbtest.Server, dir string, batch int, o load.Options, sizes bool) (m measurement, err error) {
	s, err := newSite(ctx, of, server, dir, batch, 1, load.UsualBuyers)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	return s.run(ctx, stint{Options: o, sizes: sizes, verify: true})
}

// startServer starts the database server of an engine, none for SQLite. The caller calls stop.
func startServer(ctx context.Context, e dbtest.Engine, args ...string) (server *dbtest.Server, stop func() error, err error) {
	if e == dbtest.SQLite {
		return nil, func() error { return nil }, nil
	}
	if server, err = dbtest.Start(ctx, dbtest.Options{Engine: e, Args: args}); err != nil {
		return nil, nil, err
	}
	return server, server.Stop, nil
}

// newDatabase makes an empty database; remove drops it.
func newDatabase(ctx context.Context, server *dbtest.Server, dir string) (databaseURL string, remove func() error, err error) {
	name := "bench_" + strings.ToLower(rand.Text()[:12])
	if server == nil {
		own := filepath.Join(dir, name)
		return "sqlite:" + filepath.Join(own, "leadmill.db"), func() error { return os.RemoveAll(own) }, nil
	}
	if err := server.CreateDatabase(ctx, name); err != nil {
		return "", nil, err
	}
	return server.URL(name), func() error { return drop(server, name) }, nil
}

func drop(server *dbtest.Server, name string) error {
	db, err := server.Open("")
	if err != nil {
		return err
	}
	_, err = db.Exec("DROP DATABASE " + name)
	return errors.Join(err, db.Close())
}
