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

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/application"
	consolehttp "github.com/leadmill/leadmill/ports/http/console"
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

// measurePages opens every page of the console on a filled database, and then sells leads with Today open in browsers and without.
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
	b := newBrowser()
	if p.pages, err = s.openAll(ctx, b); err != nil {
		return p, err
	}
	d := duel{engine: e}
	err = d.inTurn(c.rounds, func(int) (measurement, error) { return s.sell(ctx, c, b, 0) }, func(int) (measurement, error) { return s.sell(ctx, c, b, openBrowsers) })
	p.without, p.with = d.first, d.second
	return p, err
}

// openAll opens every page with a process of its own.
func (s *shop) openAll(ctx context.Context, b *browser) (all []openedPage, err error) {
	p, err := start(ctx, s.binary, s.databaseURL, s.batch, s.settings...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	b.base = p.base
	if err := b.signIn(ctx, s.binary, s.databaseURL, s.code); err != nil {
		return nil, errors.Join(err, p.logs())
	}
	if err := s.session.MoveTo(p.base); err != nil {
		return nil, err
	}
	views, err := s.views(ctx)
	if err != nil {
		return nil, errors.Join(err, p.logs())
	}
	for i := 0; i < len(views); i++ {
		o, older, err := b.open(ctx, views[i])
		if err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", views[i].name, err), p.logs())
		}
		all = append(all, o)
		if older != "" && !strings.HasSuffix(views[i].name, olderPage) {
			views = append(views, view{name: views[i].name + olderPage, path: older})
		}
	}
	return all, nil
}

// olderPage marks the second page of a list.
const olderPage = ", older"

// view is something to open.
type view struct {
	name, path string
	file       bool
	search     string // what is searched for; then it is posted
	refused    bool   // it may be refused because it is too large
	part       bool   // it comes after its page
}

// views are all pages with examples of what the seller has, and with the filters that people use.
func (s *shop) views(ctx context.Context) ([]view, error) {
	examples, err := s.examples(ctx)
	if err != nil {
		return nil, err
	}
	views, err := viewsOf(consolehttp.Pages(), examples)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	day := func(back int) string { return now.AddDate(0, 0, -back).Format(time.DateOnly) }
	add := func(path string, pairs ...string) {
		for i := range pairs {
			views = append(views, view{name: path + "?" + strings.ReplaceAll(pairs[i], s.sellerID, "…"), path: path + "?" + pairs[i], file: strings.HasSuffix(path, ".csv")})
		}
	}
	add("/console/leads", "status=pending", "status=sold", "status=rejected", "status=quarantined", "category=Solar", "category=Auto+Insurance", "state=CA", "state="+pagesStates[len(pagesStates)-1], "state=AK",
		"buyer="+s.buyers[0], "supplier="+s.partners[3], "supplier="+s.partners[len(s.partners)-1], "key="+s.supplierKeyID, "from="+day(3)+"&to="+day(3), "from="+day(20)+"&to="+day(10)+"&state=FL", "status=sold&buyer="+s.buyers[1]+"&from="+day(5))
	add("/console/leads.csv", "from="+day(1), "state=AK&from="+day(1))
	for _, by := range []string{"day", "hour", "category", "supplier", "buyer", "contract", "state", "reason", "day&again=supplier", "hour&again=state", "state&again=reason", "supplier&again=buyer", "day&again=contract"} {
		for _, days := range []int{1, 5, 30} {
			span := fmt.Sprintf("by=%s&from=%s&to=%s", by, day(days), day(1))
			views = append(views, view{name: fmt.Sprintf("/console/reports?by=%s, days: %d", by, days), path: "/console/reports?" + span})
			if strings.Contains(by, "hour") || strings.Contains(by, "contract") || strings.Contains(by, "state") || strings.Contains(by, "reason") {
				views = append(views, view{name: fmt.Sprintf("/console/reports/table?by=%s, days: %d", by, days), path: "/console/reports/table?" + span, refused: true, part: true})
			}
		}
	}
	add("/console/reports.csv", "by=day&again=supplier&from="+day(29))
	add("/console/partners", "status=active", "status=pending")
	add("/console/events", "type=lead.sold.v1", "type=customer.created.v1")
	add("/console/customers", "partner="+pagingPartner)
	add("/console/form-leads", "status=new")
	for _, id := range []string{s.newest, s.oldest, s.templates["money"], s.templates["cap"]} {
		views = append(views, view{name: "/console/leads/" + id, path: "/console/leads/" + id})
	}
	for _, text := range []string{"9725550105", fmt.Sprint(firstPhone + 7), "(214) 599-0001", "john.9725550105@example.com", "nobody@example.com", s.newest, s.partners[77%len(s.partners)], s.partners[7] + "@partners.example", "Partner 7", "c00000007", s.buyers[0], "Buyer 1"} {
		views = append(views, view{name: "search for " + text, path: "/console/search", search: text})
	}
	// Whoever looks at the system has the tables measured, which others would pay for.
	slices.SortStableFunc(views, func(a, b view) int {
		return cmp.Compare(strings.Count(a.path, "/system"), strings.Count(b.path, "/system"))
	})
	return views, nil
}

// viewsOf are the pages of operators to look at, each at an address that the seller has.
func viewsOf(pages []consolehttp.Page, examples map[string]string) (views []view, err error) {
	for _, p := range pages {
		if p.Method != http.MethodGet || ofBuyers(p) {
			continue
		}
		address, found := p.Path, !strings.Contains(p.Path, ":")
		for pattern, example := range examples {
			below, is := strings.CutPrefix(p.Path, pattern)
			if is && (below == "" || below[0] == '/') && !strings.Contains(below, ":") {
				address, found = example+below, true
			}
		}
		if !found {
			return nil, fmt.Errorf("there is no example of the page %s", p.Path)
		}
		views = append(views, view{name: p.Path, path: address, file: p.Download})
	}
	return views, nil
}

// ofBuyers reports whether a page is of people of a buyer, of whom there are none.
func ofBuyers(p consolehttp.Page) bool {
	return p.Needs == application.Buyer || strings.Contains(p.Path, "/people/:person")
}

// examples are addresses of pages about one thing, by their patterns.
func (s *shop) examples(ctx context.Context) (_ map[string]string, err error) {
	db, err := dialect.Open(s.databaseURL, dialect.Options{MaxConnections: 1})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var person string
	if err := db.Reader.GetContext(ctx, &person, "SELECT person_id FROM memberships WHERE seller_id = ?", s.sellerID); err != nil {
		return nil, err
	}
	var events struct{ Data []struct{ Sequence string } }
	if err := s.api.Call(ctx, http.MethodGet, "/v1/events?limit=1", nil, &events); err != nil {
		return nil, err
	}
	var told struct {
		Data []struct {
			EventID string `json:"event_id"`
		}
	}
	for len(told.Data) == 0 { // the webhooks were told of a partner, or will be
		if err := s.api.Call(ctx, http.MethodGet, "/v1/webhooks/"+s.webhooks[0]+"/deliveries", nil, &told); err != nil {
			return nil, err
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	return s.addresses(person, strings.TrimLeft(events.Data[0].Sequence, "0"), told.Data[0].EventID), nil
}

// addresses are those of what the seller has, of one person, the event at one position and an event that a webhook was told of, by the patterns of their pages.
func (s *shop) addresses(person, position, told string) map[string]string {
	return map[string]string{
		"/console/leads/:id":                         "/console/leads/" + s.templates["sold"],
		"/console/buyers/:id":                        "/console/buyers/" + s.buyers[0],
		"/console/campaigns/:id":                     "/console/campaigns/" + s.campaign,
		"/console/campaigns/:id/contracts/:contract": "/console/campaigns/" + s.campaign + "/contracts/" + s.contracts[0],
		"/console/partners/:id":                      "/console/partners/" + s.partners[0],
		"/console/customers/:id":                     "/console/customers/" + customerKey(7),
		"/console/form-leads/:number":                "/console/form-leads/3",
		"/console/events/:position":                  "/console/events/" + position,
		"/console/webhooks/:id":                      "/console/webhooks/" + s.webhooks[0],
		"/console/webhooks/:id/deliveries/:event":    "/console/webhooks/" + s.webhooks[0] + "/deliveries/" + told,
		"/console/returns/:id":                       "/console/returns/" + s.returned,
		"/console/keys/:id":                          "/console/keys/" + s.supplierKeyID,
		"/console/people/:id":                        "/console/people/" + person,
	}
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
		case o.part:
			mark = ", a part"
		case o.p99 > mostPage:
			over++
			mark = " **over**"
		}
		fmt.Fprintf(&b, "| %s | %d | %s | %s%s | %s |\n", o.name, o.status, short(o.p50), short(o.p99), mark, size)
	}
	fmt.Fprintf(&b, "\n%d of %d took more than %s, beside parts that come after their page.", over, len(pages), short(mostPage))
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
	for _, o := range p.pages {
		if !o.part && o.p99.Seconds() > slowest.value {
			slowest.value, slowest.of = o.p99.Seconds(), o.name
		}
		if size := float64(o.bytes) / 1024; size > largest.value {
			largest.value, largest.of = size, o.name
		}
	}
	return []limit{
		slowest.atMost(mostPage.Seconds()), largest.atMost(mostFirstView),
		ratio(fmt.Sprintf("CPU a lead with Today open in %d browsers to none", openBrowsers), p.engine, p.without, p.with, seconds(bothCPU)).atMost(mostOfOpen),
	}
}
