package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"hash/fnv"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/load"
)

const (
	askers       = 1024 // clients: each waits for the answer of a buyer
	askPace      = 1000 // leads a second
	lateAskPace  = 500
	askAnswer    = 100 * time.Millisecond // until a buyer answers
	askLate      = 7 * time.Second        // and one that is late, by far after it was waited for
	lateShare    = 5                      // one answer in so many is late
	askWarmup    = 3 * time.Second
	lateWarmup   = 8 * time.Second // until as many wait for an answer that is late as will
	lateDuration = 20 * time.Second
)

// asked is what was measured of buyers that confirm on one engine: all answer soon, one answer in five is late, and all answer soon with as many
// leads as can be sold.
type asked struct {
	engine          dbtest.Engine
	soon, late, all []measurement
}

// settlement is what became of the leads of a run of which buyers were asked.
type settlement struct {
	pending    int64         // answered as pending
	sold       int64         // since the run began
	left       int64         // not sold to whom was asked in the end
	requests   int64         // to buyers
	behind     time.Duration // from the last answer to a supplier until nothing was held
	goroutines int64         // of the service, the most while leads were posted
}

func (s settlement) String() string {
	return fmt.Sprintf("%d sold, %d answered as pending, %d not sold, %d requests to buyers, nothing held %s after the last answer, %d goroutines", s.sold, s.pending, s.left, s.requests,
		short(s.behind), s.goroutines)
}

// measureConfirm measures each case on databases of its own, in turn.
func measureConfirm(ctx context.Context, s settings, of build, e dbtest.Engine, dir string) (a asked, err error) {
	a = asked{engine: e}
	server, stop, err := startServer(ctx, e)
	if err != nil {
		return a, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	soon := asking{name: "answers in 100 ms", load: s.load()}
	soon.load.Connections, soon.load.Warmup = askers, max(soon.load.Warmup, askWarmup)
	all := soon
	all.name += ", full load"
	soon.load.PerSecond = askPace
	late := asking{name: "one in five is late", load: soon.load, late: true}
	late.load.PerSecond = lateAskPace
	late.load.Warmup, late.load.Duration = max(late.load.Warmup, lateWarmup), max(late.load.Duration, lateDuration)
	type turn struct {
		asking

		runs *[]measurement
	}
	for round := range s.rounds {
		for _, t := range alternate([]turn{{soon, &a.soon}, {late, &a.late}, {all, &a.all}}, round) {
			m, err := t.measure(ctx, s, of, server, dir)
			if m, err = told(fmt.Sprintf("%s, %s, %s", e, t.name, m.settlement), m, err); err != nil {
				return a, fmt.Errorf("%s: %w", t.name, err)
			}
			*t.runs = append(*t.runs, m)
		}
	}
	return a, nil
}

// asking is one case.
type asking struct {
	name string
	load load.Options
	late bool // one answer in five is
}

func (a asking) measure(ctx context.Context, s settings, of build, server *dbtest.Server, dir string) (m measurement, err error) {
	at, err := newSite(ctx, of, server, dir, s.batches[0], 1, endpoints)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, at.close()) }()
	metrics, err := freeAddress(ctx)
	if err != nil {
		return m, err
	}
	at.settings = []string{"LEADMILL_OUTBOUND_ALLOW=127.0.0.0/8", "LEADMILL_SECRET_KEY=" + rand.Text() + rand.Text(), "LEADMILL_METRICS_ADDR=" + metrics}
	buyers, err := receive(endpoints, false)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, buyers.close()) }()
	buyers.pause = a.pause
	at.setUp = func(ctx context.Context) error { return a.setUp(ctx, at.session, buyers) }
	if err := at.prepare(ctx, dir); err != nil {
		return m, fmt.Errorf("make the contracts: %w", err)
	}
	if err := rest(ctx, server); err != nil {
		return m, err
	}
	at.session.Asks = true
	watching, stop := context.WithCancel(ctx)
	most := make(chan int64, 1)
	go func() { most <- mostGoroutines(watching, "http://"+metrics+"/metrics") }()
	defer stop()
	return at.run(ctx, stint{Options: a.load, verify: true, posted: func(ctx context.Context, m *measurement) (err error) {
		began := time.Now()
		stop()
		pending := m.Pending
		if m.settlement, err = settleAsked(ctx, at.databaseURL); err != nil {
			return err
		}
		m.settlement.behind, m.settlement.pending, m.settlement.goroutines = max(time.Since(began), time.Microsecond), pending, <-most
		if err := at.session.Recount(ctx, m.Result, at.databaseURL); err != nil {
			return err
		}
		m.settlement.left = m.Pending
		m.settlement.requests, err = buyers.asked(ctx, at.databaseURL)
		return err
	}})
}

// setUp has contracts take leads in turn whose buyers are asked.
func (a asking) setUp(ctx context.Context, session *load.Session, to *receivers) error {
	if err := session.ChangeCampaigns(ctx, map[string]any{"distribution": map[string]any{"strategy": "round_robin"}}); err != nil {
		return err
	}
	for i, url := range to.urls {
		if err := session.ChangeContracts(ctx, i, map[string]any{"delivery": map[string]any{"mode": "confirm", "url": url}}); err != nil {
			return err
		}
	}
	return nil
}

// pause is how long a buyer takes for an answer. Which ones are late is the same in each run of the same sales.
func (a asking) pause(sale string, before int64) time.Duration {
	if a.late {
		h := fnv.New32a()
		_, _ = fmt.Fprint(h, sale, before) // never fails
		if h.Sum32()%lateShare == 0 {
			return askLate
		}
	}
	return askAnswer
}

// settleAsked waits until no buyer is asked any more, and fails when something is held then.
func settleAsked(ctx context.Context, databaseURL string) (out settlement, err error) {
	db, err := dialect.Open(databaseURL, dialect.Options{MaxConnections: 1})
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	ctx, cancel := context.WithTimeout(ctx, receiptPatience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		var open, held int64
		if err := db.Reader.QueryRowContext(ctx, "SELECT (SELECT COUNT(*) FROM reservations WHERE status <> 'released'), (SELECT SUM(held) FROM buyers), (SELECT COUNT(*) FROM sales)").
			Scan(&open, &held, &out.sold); err != nil {
			return out, fmt.Errorf("look at what is held: %w", err)
		}
		switch {
		case open == 0 && held != 0:
			return out, fmt.Errorf("%d is held and no buyer is asked", held)
		case open == 0:
			return out, nil
		}
		select {
		case <-ctx.Done():
			return out, fmt.Errorf("%d buyers are asked after %s: %w", open, receiptPatience, ctx.Err())
		case <-tick.C:
		}
	}
}

// freeAddress is one on which nobody listens.
func freeAddress(ctx context.Context) (string, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// mostGoroutines looks at the metrics of a service until ctx ends, and returns the most goroutines that it had; 0 when they could not be read.
func mostGoroutines(ctx context.Context, address string) (most int64) {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return most
		case <-tick.C:
		}
		if n, err := gauge(ctx, address, "go_goroutines"); err == nil {
			most = max(most, n)
		}
	}
}

// gauge reads a metric without labels that is a whole number.
func gauge(ctx context.Context, address, name string) (n int64, err error) {
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, err
	}
	answer, err := http.DefaultClient.Do(q)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, answer.Body.Close()) }()
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		if value, is := strings.CutPrefix(lines.Text(), name+" "); is {
			return strconv.ParseInt(value, 10, 64)
		}
	}
	return 0, fmt.Errorf("there is no %s", name)
}

// askedOf finds what was measured on an engine.
func askedOf(all []asked, e dbtest.Engine) asked {
	for _, a := range all {
		if a.engine == e {
			return a
		}
	}
	return asked{engine: e}
}

func (a asked) limits() []limit {
	pace := func(name string, runs []measurement, offered float64) limit {
		l := limit{what: name, engine: a.engine}
		if len(runs) > 0 {
			l.value = median(runs, func(m measurement) float64 { return m.Rate }) / offered
		}
		return l.atLeast(leastOfPace)
	}
	seconds := func(name string, runs []measurement, of func(measurement) time.Duration) limit {
		return largest(name, a.engine, [][]measurement{runs}, " s", func(m measurement) float64 { return of(m).Seconds() })
	}
	return []limit{
		pace("leads/s of 1,000 a second of which buyers are asked", a.soon, askPace),
		seconds("p99 of a supplier's answer, buyers answer in 100 ms", a.soon, func(m measurement) time.Duration { return m.P99 }).atMost(mostAnswer.Seconds()),
		pace("leads/s of 500 a second of which a fifth is answered late", a.late, lateAskPace),
		seconds("holds settled after the last answer, a fifth is late", a.late, func(m measurement) time.Duration { return m.settlement.behind }).atMost(mostAsked.Seconds()),
		largest("memory of the service where buyers are asked", a.engine, [][]measurement{a.soon, a.late}, " MB", func(m measurement) float64 { return float64(m.memory) / 1e6 }).atMost(mostAskMemory / 1e6),
		largest("goroutines of the service where buyers are asked", a.engine, [][]measurement{a.soon, a.late}, "", func(m measurement) float64 { return float64(m.settlement.goroutines) }).atMost(mostRoutines),
	}
}

// confirmTable has a line for each case.
func confirmTable(all []asked) string {
	var b strings.Builder
	b.WriteString("\nBuyers that are asked, 20 contracts:\n\n| engine | buyers | leads/s | CPU a lead | CPU of the database | supplier's answer: p50 | p99 | max | answered as pending | sold | not sold | requests | " +
		"nothing held after | goroutines | memory |\n|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n")
	for _, a := range all {
		for _, line := range []struct {
			name string
			runs []measurement
		}{{"answer in 100 ms", a.soon}, {"answer in 100 ms, a fifth late", a.late}, {"answer in 100 ms, full load", a.all}} {
			if len(line.runs) == 0 {
				continue
			}
			var of settlement
			for _, m := range line.runs {
				s := m.settlement
				of.pending, of.sold, of.left, of.requests = of.pending+s.pending, of.sold+s.sold, of.left+s.left, of.requests+s.requests
			}
			most := median(line.runs, func(m measurement) int64 { return m.settlement.goroutines })
			fmt.Fprintf(&b, "| %s | %s | %.0f | %s | %s | %s | %s | %s | %d | %d | %d | %d | %s | %d | %s |\n", a.engine, line.name, rate(line.runs), orDash(serviceCPU(line.runs)), orDash(serverCPU(line.runs)),
				short(p50(line.runs)), short(p99(line.runs)), short(median(line.runs, func(m measurement) time.Duration { return m.Max })), of.pending, of.sold, of.left, of.requests,
				short(median(line.runs, func(m measurement) time.Duration { return m.settlement.behind })), most, megabytes(memory(line.runs)))
		}
	}
	return b.String()
}
