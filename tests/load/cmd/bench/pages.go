package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/load"
)

const (
	pagesRuns    = 30   // how often each page is asked for, after once
	pagesPace    = 1000 // leads a second, with Today open
	openBrowsers = 20
)

// openedPage is how long a page takes: a file until its first byte.
type openedPage struct {
	name     string
	part     bool // it comes after its page, and takes what it takes
	failed   bool // it was not answered
	status   int
	p50, p99 time.Duration
	bytes    int // compressed, with all that it loads; 0 for what is no page
}

// pagesFigures are what was measured of the pages on an engine.
type pagesFigures struct {
	engine        dbtest.Engine
	leads         int64
	pages         []openedPage
	without, with []measurement // Today open in no browser, and in some
}

// measurePages opens every page of operators, of people of buyers and of partners on a filled database, and then sells leads with Today open in browsers and without.
func measurePages(ctx context.Context, c settings, of build, e dbtest.Engine, dir string) (p pagesFigures, err error) {
	p = pagesFigures{engine: e, leads: c.pagesLeads}
	server, stop, err := startServer(ctx, e, grownBufferPool)
	if err != nil {
		return p, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	at, err := newSite(ctx, of, server, dir, c.batches[0], 1, load.UsualBuyers)
	if err != nil {
		return p, err
	}
	defer func() { err = errors.Join(err, at.close()) }()
	at.settings = outwards()
	s := &shop{site: at}
	began := time.Now()
	if err := s.stock(ctx, c); err != nil {
		return p, fmt.Errorf("fill the database: %w", err)
	}
	fmt.Fprintf(os.Stderr, "%s, %d leads and what belongs to them made in %s\n", e, c.pagesLeads, short(time.Since(began)))
	if err := rest(ctx, server); err != nil {
		return p, err
	}
	people := newVisitors()
	if p.pages, err = s.openAll(ctx, people); err != nil {
		return p, err
	}
	b, d := people[operator], duel{engine: e}
	err = d.inTurn(c.rounds, func(int) (measurement, error) { return s.sell(ctx, c, b, 0) }, func(int) (measurement, error) { return s.sell(ctx, c, b, openBrowsers) })
	p.without, p.with = d.first, d.second
	return p, err
}

// sell posts leads at a fixed rate while Today is open in so many browsers.
func (s *shop) sell(ctx context.Context, c settings, b *browser, browsers int) (m measurement, err error) {
	if err := rest(ctx, s.server); err != nil {
		return m, err
	}
	var before int64
	var open *lookers
	defer func() { err = errors.Join(err, open.close()) }()
	s.setUp = func(ctx context.Context) (err error) {
		b.base = s.api.Base
		if before, err = s.reported(ctx); err == nil {
			open, err = b.lookAtToday(ctx, browsers)
		}
		return err
	}
	o := c.load()
	o.PerSecond = pagesPace
	job := stint{Options: o, posted: func(context.Context, *measurement) error { return open.close() }}
	job.awaits = func(ctx context.Context, m *measurement) error {
		ctx, cancel := context.WithTimeout(ctx, settlePatience)
		defer cancel()
		for {
			if now, err := s.reported(ctx); err != nil || now >= before+m.Sold {
				return err
			}
			time.Sleep(reportedEvery)
		}
	}
	if m, err = s.run(ctx, job); err != nil {
		return m, err
	}
	return told(fmt.Sprintf("Today open in %d browsers, which asked for it %d times", browsers, open.asked.Load()), m, nil)
}

// reportedEvery is the pause between looks at the report.
const reportedEvery = 100 * time.Millisecond

// reported is how many sales the report of today has.
func (s *shop) reported(ctx context.Context) (n int64, err error) {
	var answer struct {
		Data []struct {
			Gross int64 `json:"sold_gross"`
		}
	}
	day := time.Now().AddDate(0, 0, -1).Format(time.DateOnly) // the seller's day may be another one
	err = s.api.Call(ctx, http.MethodGet, "/v1/reports/campaigns?from="+day, nil, &answer)
	for _, row := range answer.Data {
		n += row.Gross
	}
	return n, err
}

// pagesTable has a line for each page, the slowest first.
func pagesTable(p pagesFigures) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nPages with %d leads on %s:\n\n| page | status | p50 | p99 | first view |\n|---|---:|---:|---:|---:|\n", p.leads, p.engine)
	pages := slices.Clone(p.pages)
	slices.SortStableFunc(pages, func(a, b openedPage) int { return cmp.Compare(b.p50, a.p50) })
	over := 0
	for _, o := range pages {
		size := "–"
		if o.bytes > 0 {
			size = fmt.Sprintf("%.1f KB", float64(o.bytes)/1024)
		}
		mark := ""
		switch {
		case o.failed:
			over++
			mark = " **failed**"
		case o.part:
			mark = ", a part"
		case o.p99 > mostPage:
			over++
			mark = " **over**"
		}
		fmt.Fprintf(&b, "| %s | %d | %s | %s%s | %s |\n", o.name, o.status, short(o.p50), short(o.p99), mark, size)
	}
	fmt.Fprintf(&b, "\n%d of %d failed or took more than %s, beside parts that come after their page.", over, len(pages), short(mostPage))
	if len(p.with) > 0 {
		fmt.Fprintf(&b, " CPU of service and database for a lead at %d leads/s: %s, with Today open in %d browsers %s.", pagesPace, short(bothCPU(p.without)), openBrowsers, short(bothCPU(p.with)))
	}
	b.WriteByte('\n')
	return b.String()
}

// pagesOf are the figures of an engine; without any when it was not measured.
func pagesOf(all []pagesFigures, e dbtest.Engine) pagesFigures {
	for _, p := range all {
		if p.engine == e {
			return p
		}
	}
	return pagesFigures{engine: e}
}

func (p pagesFigures) limits() []limit {
	slowest, largest := limit{what: "p99 of the slowest page", engine: p.engine, unit: " s"}, limit{what: "first view of the largest page", engine: p.engine, unit: " KB"}
	answered := limit{what: "share of the pages that are answered", engine: p.engine}
	if len(p.pages) > 0 {
		answered.value = 1
	}
	for _, o := range p.pages {
		if o.failed {
			answered.value, answered.of = answered.value-1/float64(len(p.pages)), "not "+o.name
		}
		if !o.part && o.p99.Seconds() > slowest.value {
			slowest.value, slowest.of = o.p99.Seconds(), o.name
		}
		if size := float64(o.bytes) / 1024; size > largest.value {
			largest.value, largest.of = size, o.name
		}
	}
	return []limit{
		answered.atLeast(1), slowest.atMost(mostPage.Seconds()), largest.atMost(mostFirstView),
		ratio(fmt.Sprintf("CPU a lead with Today open in %d browsers to none", openBrowsers), p.engine, p.without, p.with, seconds(bothCPU)).atMost(mostOfOpen),
	}
}
