package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	mrand "math/rand/v2"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/load"
)

const (
	pingPace    = 20 // pings a second
	pingers     = 64 // clients
	pingWarmup  = 2 * time.Second
	bidDeadline = 300 * time.Millisecond // until when a bid is waited for
	bidSoonest  = 50 * time.Millisecond  // a bidder answers after that or later, until the deadline
)

// pinged is what was measured of pings on one engine: with what the contracts pay, and with bids of as many bidders. Without runs a build takes none.
type pinged struct {
	engine       dbtest.Engine
	quotes, bids []measurement
}

// measurePing measures each case on databases of its own, in turn.
func measurePing(ctx context.Context, s settings, of build, e dbtest.Engine, dir string) (p pinged, err error) {
	p = pinged{engine: e}
	server, stop, err := startServer(ctx, e)
	if err != nil {
		return p, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	type turn struct {
		name string
		live bool
		runs *[]measurement
	}
	for round := range s.rounds {
		for _, t := range alternate([]turn{{"pings", false, &p.quotes}, {"pings with bids", true, &p.bids}}, round) {
			m, err := pingSite(ctx, s, of, server, dir, t.live)
			if errors.Is(err, errNoBids) {
				fmt.Fprintf(os.Stderr, "%s, %s: not measured, %v\n", e, t.name, err)
				continue
			}
			if m, err = told(fmt.Sprintf("%s, %s", e, t.name), m, err); err != nil {
				return p, fmt.Errorf("%s: %w", t.name, err)
			}
			*t.runs = append(*t.runs, m)
		}
	}
	return p, nil
}

// errNoBids is of a build that does not know bids.
var errNoBids = errors.New("its contracts take no bids")

// pingSite pings a seller with 20 contracts, whose buyers bid if they are live.
func pingSite(ctx context.Context, s settings, of build, server *dbtest.Server, dir string, live bool) (m measurement, err error) {
	at, err := newSite(ctx, of, server, dir, s.batches[0], 1, endpoints)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, at.close()) }()
	at.settings = []string{"LEADMILL_OUTBOUND_ALLOW=127.0.0.0/8", "LEADMILL_SECRET_KEY=" + rand.Text() + rand.Text()}
	bidders, err := receiveWith(endpoints, http.HandlerFunc(bid))
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, bidders.close()) }()
	at.setUp = func(ctx context.Context) error {
		if !live {
			return nil
		}
		return haveBid(ctx, at.session, bidders)
	}
	if err := at.prepare(ctx, dir); err != nil {
		return m, fmt.Errorf("make the contracts: %w", err)
	}
	if err := rest(ctx, server); err != nil {
		return m, err
	}
	at.session.Ping = true
	o := load.Options{Connections: pingers, PerSecond: pingPace, Warmup: max(s.warmup, pingWarmup), Duration: s.duration}
	return at.run(ctx, stint{Options: o, verify: true})
}

// haveBid tells the contracts where their buyers bid.
func haveBid(ctx context.Context, session *load.Session, bidders *receivers) error {
	for i, url := range bidders.urls {
		err := session.ChangeContracts(ctx, i, map[string]any{"bid": map[string]any{"url": url, "timeout_ms": bidDeadline.Milliseconds()}})
		if err != nil && strings.Contains(err.Error(), "answered 422") {
			return fmt.Errorf("%w: %w", errNoBids, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// bid answers as a bidder: some time later, until the deadline.
func bid(w http.ResponseWriter, q *http.Request) {
	_, _ = io.Copy(io.Discard, q.Body)
	select {
	case <-time.After(bidSoonest + mrand.N(bidDeadline-bidSoonest)):
	case <-q.Context().Done():
		return
	}
	_, _ = fmt.Fprintf(w, `{"bid":%d.50}`, 30+mrand.N(20))
}

// pingedOf finds what was measured on an engine.
func pingedOf(all []pinged, e dbtest.Engine) pinged {
	for _, p := range all {
		if p.engine == e {
			return p
		}
	}
	return pinged{engine: e}
}

func (p pinged) limits() []limit {
	return []limit{
		largest("p99 of a ping with 20 bidders", p.engine, [][]measurement{p.bids}, " s", func(m measurement) float64 { return m.P99.Seconds() }).atMost((bidDeadline + mostAfterBids).Seconds()),
	}
}

// pingTable has a line for each case.
func pingTable(all []pinged) string {
	var b strings.Builder
	b.WriteString("\nPings, 20 contracts:\n\n| engine | price | pings/s | p50 | p99 | max | CPU a ping | CPU of the database |\n|---|---|---:|---:|---:|---:|---:|---:|\n")
	for _, p := range all {
		for _, line := range []struct {
			name string
			runs []measurement
		}{{"of the contracts", p.quotes}, {fmt.Sprintf("bids within %s", bidDeadline), p.bids}} {
			if len(line.runs) > 0 {
				fmt.Fprintf(&b, "| %s | %s | %.1f | %s | %s | %s | %s | %s |\n", p.engine, line.name, rate(line.runs), short(p50(line.runs)), short(p99(line.runs)),
					short(median(line.runs, func(m measurement) time.Duration { return m.Max })), orDash(serviceCPU(line.runs)), orDash(serverCPU(line.runs)))
			}
		}
	}
	return b.String()
}
