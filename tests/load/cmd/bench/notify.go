package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/load"
)

const (
	endpoints   = 20   // receivers, of a contract each, that take leads in turn
	notifyPace  = 1000 // leads a second
	deadWaiting = 100_000
	deadQuick   = 5_000
)

// notified is what was measured of deliveries on one engine: at the fixed rate without deliveries, with deliveries that are written and that
// nobody sends, and with deliveries that are sent; the same with as many leads as can be sold; and at the fixed rate again while one of the receivers is dead.
type notified struct {
	engine              dbtest.Engine
	none, written, sent []measurement
	fullNone            []measurement
	fullWritten         []measurement
	fullSent            []measurement
	dead                []measurement
}

// measureNotify measures each case on databases of its own, in turn but for the dead receiver, which is there once.
func measureNotify(ctx context.Context, s settings, of build, e dbtest.Engine, dir string) (n notified, err error) {
	n = notified{engine: e}
	server, stop, err := startServer(ctx, e)
	if err != nil {
		return n, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	full := s.load()
	paced := full
	paced.PerSecond = notifyPace
	none := telling{name: "none", load: paced}
	written := telling{name: "written", load: paced, tell: true, held: true}
	sent := telling{name: "sent", load: paced, tell: true}
	fullNone, fullSent := telling{name: "none, full", load: full}, telling{name: "sent, full", load: full, tell: true}
	fullWritten := telling{name: "written, full", load: full, tell: true, held: true}
	type turn struct {
		telling

		runs *[]measurement
	}
	for round := range s.rounds {
		for _, t := range alternate([]turn{{none, &n.none}, {written, &n.written}, {sent, &n.sent}, {fullNone, &n.fullNone}, {fullWritten, &n.fullWritten}, {fullSent, &n.fullSent}}, round) {
			m, err := t.measure(ctx, s, of, server, dir)
			if m, err = tellReceipts(fmt.Sprintf("%s, %s", e, t.name), m, err); err != nil {
				return n, fmt.Errorf("%s: %w", t.name, err)
			}
			*t.runs = append(*t.runs, m)
		}
	}
	dead := telling{name: "one is dead", load: paced, tell: true, dead: s.waiting}
	m, err := dead.measure(ctx, s, of, server, dir)
	if m, err = tellReceipts(fmt.Sprintf("%s, %s", e, dead.name), m, err); err != nil {
		return n, fmt.Errorf("%s: %w", dead.name, err)
	}
	n.dead = append(n.dead, m)
	return n, nil
}

// telling is one case.
type telling struct {
	name string
	load load.Options
	tell bool  // buyers are told of their leads
	held bool  // nobody sends it
	dead int64 // how many deliveries wait for the first receiver, which never answers; 0: it is well
}

func (t telling) measure(ctx context.Context, s settings, of build, server *dbtest.Server, dir string) (m measurement, err error) {
	at, err := newSite(ctx, of, server, dir, s.batches[0], 1, endpoints)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, at.close()) }()
	at.settings = []string{"LEADMILL_OUTBOUND_ALLOW=127.0.0.0/8", "LEADMILL_SECRET_KEY=" + rand.Text() + rand.Text()}
	receivers, err := receive(endpoints, t.dead > 0)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, receivers.close()) }()
	at.setUp = func(ctx context.Context) error { return t.setUp(ctx, at.session, receivers) }
	if err := at.prepare(ctx, dir); err != nil {
		return m, fmt.Errorf("make the contracts: %w", err)
	}
	if t.held {
		if err := holdSender(ctx, at.databaseURL); err != nil {
			return m, fmt.Errorf("hold the sender: %w", err)
		}
	}
	if t.dead > 0 {
		filled, err := at.run(ctx, stint{Options: load.Options{Connections: s.most(), Leads: t.dead}})
		if _, err = told("deliveries that wait", filled, err); err != nil {
			return m, fmt.Errorf("fill the queue: %w", err)
		}
		at.setUp = func(ctx context.Context) error { return switchLive(ctx, at.session, true) }
	}
	if err := rest(ctx, server); err != nil {
		return m, err
	}
	began := time.Now()
	job := stint{Options: t.load, verify: true}
	if t.tell && !t.held {
		job.settled = func(ctx context.Context, m *measurement) (err error) {
			m.receipts, err = receivers.settle(ctx, at.databaseURL, began, t.load.Warmup, t.dead > 0)
			return err
		}
	}
	return at.run(ctx, job)
}

// setUp has the contracts take leads in turn, and tells where each delivers. Before a dead receiver gets what waits for it, it is the only one.
func (t telling) setUp(ctx context.Context, session *load.Session, to *receivers) error {
	if err := session.ChangeCampaigns(ctx, map[string]any{"distribution": map[string]any{"strategy": "round_robin"}}); err != nil {
		return err
	}
	for i, url := range to.urls {
		if !t.tell {
			break
		}
		if err := session.ChangeContracts(ctx, i, map[string]any{"delivery": map[string]any{"mode": "notify", "url": url}}); err != nil {
			return err
		}
	}
	if t.dead > 0 {
		return switchLive(ctx, session, false)
	}
	return nil
}

func switchLive(ctx context.Context, session *load.Session, on bool) error {
	for i := 1; i < endpoints; i++ {
		if err := session.SwitchContracts(ctx, i, on); err != nil {
			return err
		}
	}
	return nil
}

// holdSender takes the lease of the job that sends, as another instance would that then hangs: for half an hour nobody sends.
func holdSender(ctx context.Context, databaseURL string) (err error) {
	db, err := dialect.Open(databaseURL, dialect.Options{MaxConnections: 1})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	done, err := db.Writer.ExecContext(ctx, "UPDATE jobs SET owner = 'bench', fence = fence + 1, lease_until = "+db.Micros()+" + ? WHERE name = 'deliver'",
		(30 * time.Minute).Microseconds())
	if err != nil {
		return err
	}
	if n, err := done.RowsAffected(); err != nil || n != 1 {
		return errors.Join(err, fmt.Errorf("%d jobs are called deliver", n))
	}
	return nil
}

// tellReceipts writes a measurement to the terminal of those who wait, and passes it on.
func tellReceipts(what string, m measurement, err error) (measurement, error) {
	if m.receipts.delivered > 0 {
		what += ", " + m.receipts.String()
	}
	return told(what, m, err)
}

// notifiedOf finds what was measured on an engine.
func notifiedOf(all []notified, e dbtest.Engine) notified {
	for _, n := range all {
		if n.engine == e {
			return n
		}
	}
	return notified{engine: e}
}

func (n notified) limits() []limit {
	pace := func(m measurement) float64 { return m.Rate / notifyPace }
	slowest := limit{what: "leads/s of those to be delivered a second", engine: n.engine}
	for _, runs := range [][]measurement{n.none, n.written, n.sent, n.dead} {
		if len(runs) == 0 {
			continue
		}
		if is := median(runs, pace); !slowest.measured() || is < slowest.value {
			slowest.value = is
		}
	}
	return []limit{
		slowest.atLeast(leastOfPace),
		ratio("CPU of a sale with its delivery written", n.engine, n.none, n.written, seconds(bothCPU)).atMost(mostOfSale),
		largest("deliveries behind the last lead", n.engine, [][]measurement{n.sent}, " s", func(m measurement) float64 { return m.receipts.behind.Seconds() }).atMost(mostBehind.Seconds()),
		largest("p99 from sale to receipt beside a dead receiver", n.engine, [][]measurement{n.dead}, " s", func(m measurement) float64 { return m.receipts.p99.Seconds() }).atMost(mostReceipt.Seconds()),
	}
}

// bothCPU is what the service and the database use for a lead.
func bothCPU(runs []measurement) time.Duration {
	return median(runs, func(m measurement) time.Duration { return m.cpu + m.serverCPU })
}

// notifyTable has a line for each case.
func notifyTable(all []notified) string {
	var b strings.Builder
	b.WriteString("\nDeliveries to 20 receivers:\n\n| engine | deliveries | leads/s | CPU a lead | CPU of the database | to receipt: p50 | p99 | max | behind at the end | delivered | twice |\n" +
		"|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n")
	for _, n := range all {
		for _, line := range []struct {
			name string
			runs []measurement
		}{
			{"none", n.none}, {"written", n.written}, {"sent", n.sent}, {"none, full load", n.fullNone}, {"written, full load", n.fullWritten}, {"sent, full load", n.fullSent}, {"sent, one is dead", n.dead},
		} {
			if len(line.runs) == 0 {
				continue
			}
			of := func(figure func(receipts) time.Duration) string {
				return orDash(median(line.runs, func(m measurement) time.Duration { return figure(m.receipts) }))
			}
			var delivered, twice int64
			for _, m := range line.runs {
				delivered, twice = delivered+m.receipts.delivered, twice+m.receipts.twice
			}
			fmt.Fprintf(&b, "| %s | %s | %.0f | %s | %s | %s | %s | %s | %s | %s | %d |\n", n.engine, line.name, rate(line.runs),
				orDash(serviceCPU(line.runs)), orDash(serverCPU(line.runs)), of(func(r receipts) time.Duration { return r.p50 }), of(func(r receipts) time.Duration { return r.p99 }),
				of(func(r receipts) time.Duration { return r.max }), of(func(r receipts) time.Duration { return r.behind }), whole(float64(delivered)), twice)
		}
	}
	return b.String()
}
