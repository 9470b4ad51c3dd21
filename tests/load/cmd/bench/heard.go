package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/load"
)

const (
	soldType   = "lead.sold.v1"
	slowPace   = 100  // leads a second
	quickPace  = 2000 // leads a second
	relayPace  = 1000
	hooks      = 1000 // webhooks, of ten sellers
	hookPace   = 2    // leads a second, each of which a hundred are told of
	badHooks   = 10   // that are dead, and as many that are slow
	slowAnswer = 10 * time.Second
	// hearPatience is how long the last event may take to be heard.
	hearPatience = time.Minute
)

// heard is what was measured about readers of events on an engine: a line of the table for each case, and the limits.
type heard struct {
	engine dbtest.Engine
	lines  []string
	limits []limit
}

// ear notes when events came to one way of reading them.
type ear struct {
	mu   sync.Mutex
	seen map[string]bool
	took []time.Duration // from the time of the event
	at   []time.Time     // of the event
	last time.Time
}

func newEar() *ear { return &ear{seen: map[string]bool{}} }

// hears notes an event. That it comes again does not count.
func (e *ear) hears(id string, at time.Time) {
	now := time.Now()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.seen[id] {
		return
	}
	e.seen[id] = true
	e.took, e.at, e.last = append(e.took, now.Sub(at)), append(e.at, at), now
}

// structured notes an event that is a CloudEvent in JSON.
func (e *ear) structured(body []byte) error {
	var c struct {
		ID   string    `json:"id"`
		Type string    `json:"type"`
		Time time.Time `json:"time"`
	}
	if err := json.Unmarshal(body, &c); err != nil {
		return err
	}
	if c.Type == soldType {
		e.hears(c.ID, c.Time)
	}
	return nil
}

func (e *ear) count() int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return int64(len(e.took))
}

// quantiles are of the events behind a time to warm up, and how far the last was behind.
func (e *ear) quantiles(warmup time.Duration) (p50, p99, behind time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.at) == 0 {
		return 0, 0, 0
	}
	var took []time.Duration
	var newest time.Time
	from := slices.MinFunc(e.at, time.Time.Compare).Add(warmup)
	for i, at := range e.at {
		if !at.Before(from) {
			took = append(took, e.took[i])
		}
		if at.After(newest) {
			newest = at
		}
	}
	if len(took) == 0 {
		return 0, 0, 0
	}
	slices.Sort(took)
	return took[len(took)/2], took[len(took)*99/100], e.last.Sub(newest)
}

// ears are the ways of a case, by name.
type ears map[string]*ear

// settle waits until each heard so many events.
func (all ears) settle(ctx context.Context, n int64) error {
	ctx, cancel := context.WithTimeout(ctx, hearPatience)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		missing := ""
		for name, e := range all {
			if got := e.count(); got < n {
				missing = fmt.Sprintf("%s heard %d of %d events", name, got, n)
			}
		}
		if missing == "" {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", missing, ctx.Err())
		}
	}
}

// poll reads the feed by long polls until ctx ends.
func (e *ear) poll(ctx context.Context, from *load.API) {
	reader := &load.API{Base: from.Base, Key: from.Key}
	for after := int64(0); ctx.Err() == nil; {
		var page struct {
			Data []json.RawMessage
			Next int64
		}
		if err := reader.Call(ctx, http.MethodGet, fmt.Sprintf("/v1/events?types=%s&limit=1000&wait=25&after=%d", soldType, after), nil, &page); err != nil {
			continue
		}
		for _, one := range page.Data {
			_ = e.structured(one)
		}
		after = page.Next
	}
}

// follow reads the stream until ctx ends.
func (e *ear) follow(ctx context.Context, from *load.API) error {
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, from.Base+"/v1/events/stream?types="+soldType, nil)
	if err != nil {
		return err
	}
	q.Header.Set("Authorization", "Bearer "+from.Key)
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		return err
	}
	defer func() { _ = a.Body.Close() }()
	lines := bufio.NewScanner(a.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if data, is := strings.CutPrefix(lines.Text(), "data: "); is {
			if err := e.structured([]byte(data)); err != nil {
				return err
			}
		}
	}
	return nil
}

// ServeHTTP implements http.Handler: a webhook's receiver, and that of the sink http, which sends CloudEvents in binary mode.
func (e *ear) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(q.Body)
	switch {
	case err != nil:
	case q.Header.Get("ce-id") != "":
		err = e.binary(q.Header.Get)
	default:
		err = e.structured(body)
	}
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
	}
}

// binary notes an event that is a CloudEvent in binary mode, by its headers.
func (e *ear) binary(header func(string) string) error {
	if header("ce-type") != soldType {
		return nil
	}
	at, err := time.Parse(time.RFC3339Nano, header("ce-time"))
	if err == nil {
		e.hears(header("ce-id"), at)
	}
	return err
}

// hook makes a webhook of a seller.
func hook(ctx context.Context, at *load.API, url string) error {
	body, err := json.Marshal(map[string]any{"name": "bench", "url": url, "events": []string{soldType}})
	if err != nil {
		return err
	}
	return at.Call(ctx, http.MethodPost, "/v1/webhooks", body, &struct{}{})
}

// outwards lets a site reach servers of this process, and keep secrets.
func outwards() []string {
	return []string{"LEADMILL_OUTBOUND_ALLOW=127.0.0.0/8", "LEADMILL_SECRET_KEY=" + rand.Text() + rand.Text()}
}

// listeners are the ways of reading events.
var listeners = []string{"feed", "stream", "webhook", "nats"}

// sinkHTTP is an address as a sink, which is measured by itself.
const sinkHTTP = "http sink"

// hearing is a case of the part feed: who reads events at the same time, and how many leads there are a second.
type hearing struct {
	ways  []string
	pace  int
	limit bool
}

func hearings() []hearing {
	all := []hearing{{listeners, slowPace, false}, {listeners, quickPace, false}}
	for _, way := range append(slices.Clone(listeners), sinkHTTP) {
		all = append(all, hearing{[]string{way}, quickPace, true})
	}
	return all
}

// measureFeed measures all ways beside each other at two rates, and each by itself at the higher one, for which the limit is: beside each other they
// share the machine with as much again of their own.
func measureFeed(ctx context.Context, s settings, of build, e dbtest.Engine, dir string) (h heard, err error) {
	h.engine = e
	database, stop, err := startServer(ctx, e)
	if err != nil {
		return h, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	for _, c := range hearings() {
		worst, middle := map[string][]time.Duration{}, map[string][]time.Duration{}
		for range s.rounds {
			all, err := hearAll(ctx, s, of, database, dir, c)
			if err != nil {
				return h, fmt.Errorf("%d leads a second: %w", c.pace, err)
			}
			for _, name := range c.ways {
				p50, p99, _ := all[name].quantiles(s.warmup)
				middle[name], worst[name] = append(middle[name], p50), append(worst[name], p99)
			}
		}
		for _, name := range c.ways {
			slices.Sort(middle[name])
			slices.Sort(worst[name])
			p50, p99 := middle[name][len(middle[name])/2], worst[name][len(worst[name])/2]
			beside := "beside the others"
			if len(c.ways) == 1 {
				beside = "by itself"
			}
			h.lines = append(h.lines, fmt.Sprintf("%s %s, %d leads/s: p50 %s, p99 %s", name, beside, c.pace, short(p50), short(p99)))
			if e == dbtest.MySQL && c.limit {
				h.limits = append(h.limits, limit{what: "p99 from an event to its reader, " + name, engine: e, value: p99.Seconds(), unit: " s"}.atMost(mostHeard.Seconds()))
			}
		}
	}
	return h, nil
}

// hearAll posts leads at a rate while all of a case listen.
func hearAll(ctx context.Context, s settings, of build, database *dbtest.Server, dir string, c hearing) (all ears, err error) {
	all = ears{}
	for _, name := range c.ways {
		all[name] = newEar()
	}
	at, err := newSite(ctx, of, database, dir, s.batches[0], 1, load.UsualBuyers)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, at.close()) }()
	at.settings = outwards()
	if to := all["nats"]; to != nil {
		b, err := startBroker(to)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, b.close()) }()
		at.settings = append(at.settings, b.setting())
	}
	if to := all[sinkHTTP]; to != nil {
		sink := httpServer(to)
		defer func() { err = errors.Join(err, sink.close()) }()
		at.settings = append(at.settings, "LEADMILL_EVENTS_SINK="+sink.url)
	}
	var reading sync.WaitGroup
	listening, leave := context.WithCancel(ctx)
	defer reading.Wait()
	defer leave()
	receiver := httpServer(all["webhook"])
	defer func() { err = errors.Join(err, receiver.close()) }()
	at.setUp = func(ctx context.Context) error {
		reader := at.session.Reader(0)
		if e := all["feed"]; e != nil {
			reading.Go(func() { e.poll(listening, reader) })
		}
		if e := all["stream"]; e != nil {
			reading.Go(func() { _ = e.follow(listening, reader) })
		}
		if all["webhook"] == nil {
			return nil
		}
		return hook(ctx, reader, receiver.url)
	}
	o := s.load()
	o.PerSecond = c.pace
	m, err := at.run(ctx, stint{Options: o, settled: func(ctx context.Context, m *measurement) error { return all.settle(ctx, m.Sold) }})
	_, err = told(fmt.Sprintf("%s at %d leads a second", strings.Join(c.ways, ", "), c.pace), m, err)
	return all, err
}

// served is an HTTP server of this process.
type served struct {
	url   string
	close func() error
}

func httpServer(h http.Handler) served {
	s, err := serveAt("127.0.0.1", h)
	if err != nil {
		return served{close: func() error { return err }}
	}
	return s
}

func serveAt(host string, h http.Handler) (served, error) {
	l, err := net.Listen("tcp", host+":0")
	if err != nil {
		return served{}, err
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(l) }()
	return served{"http://" + l.Addr().String() + "/hook", server.Close}, nil
}

// measureRelay measures leads without and with a sink.
func measureRelay(ctx context.Context, s settings, of build, e dbtest.Engine, dir string) (h heard, err error) {
	h.engine = e
	database, stop, err := startServer(ctx, e)
	if err != nil {
		return h, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	d := duel{engine: e}
	var worst time.Duration
	run := func(relayed bool) (m measurement, err error) {
		at, err := newSite(ctx, of, database, dir, s.batches[0], 1, load.UsualBuyers)
		if err != nil {
			return m, err
		}
		defer func() { err = errors.Join(err, at.close()) }()
		o := s.load()
		o.PerSecond = relayPace
		job := stint{Options: o}
		if relayed {
			to := newEar()
			b, err := startBroker(to)
			if err != nil {
				return m, err
			}
			defer func() { err = errors.Join(err, b.close()) }()
			at.settings = []string{b.setting()}
			job.settled = func(ctx context.Context, m *measurement) error {
				err := ears{"nats": to}.settle(ctx, m.Sold)
				_, _, behind := to.quantiles(0)
				worst = max(worst, behind)
				return err
			}
		}
		m, err = at.run(ctx, job)
		return told(fmt.Sprintf("%s, relayed %v", e, relayed), m, err)
	}
	err = d.inTurn(s.rounds, func(int) (measurement, error) { return run(false) }, func(int) (measurement, error) { return run(true) })
	cost := ratio("CPU of a lead whose events are sent to NATS", e, d.first, d.second, seconds(bothCPU)).atMost(mostOfRelay)
	h.limits = []limit{
		cost,
		limit{what: "events behind the last lead, sent to NATS", engine: e, value: worst.Seconds(), unit: " s"}.atMost(mostBehind.Seconds()),
	}
	h.lines = []string{fmt.Sprintf("%d leads/s: CPU of service and database without a sink %s, with NATS %s, ratio %.2f; last event behind %s", relayPace,
		short(bothCPU(d.first)), short(bothCPU(d.second)), cost.value, short(worst))}
	return h, err
}

// measureEndpoints measures what webhooks that are well see of others that are dead or slow.
func measureEndpoints(ctx context.Context, s settings, of build, e dbtest.Engine, dir string) (h heard, err error) {
	h.engine = e
	database, stop, err := startServer(ctx, e)
	if err != nil {
		return h, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	const sellers = 10
	at, err := newSite(ctx, of, database, dir, s.batches[0], sellers, load.UsualBuyers)
	if err != nil {
		return h, err
	}
	defer func() { err = errors.Join(err, at.close()) }()
	at.settings = outwards()
	well := make([]*ear, hooks)
	var servers []served
	defer func() {
		for _, server := range servers {
			err = errors.Join(err, server.close())
		}
	}()
	at.setUp = func(ctx context.Context) error {
		for i := range hooks {
			var to http.Handler
			switch {
			case i < badHooks:
				to = http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) {
					_, _ = io.Copy(io.Discard, q.Body)
					<-q.Context().Done()
				})
			case i < 2*badHooks:
				to = http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
					_, _ = io.Copy(io.Discard, q.Body)
					select {
					case <-time.After(slowAnswer):
						w.WriteHeader(http.StatusNoContent)
					case <-q.Context().Done():
					}
				})
			default:
				well[i] = newEar()
				to = well[i]
			}
			server, err := serveAt(fmt.Sprintf("127.0.%d.%d", 1+i/250, 1+i%250), to)
			if err != nil {
				return err
			}
			servers = append(servers, server)
			if err := hook(ctx, at.session.Reader(i%sellers), server.url); err != nil {
				return err
			}
		}
		return nil
	}
	o := s.load()
	o.Connections, o.PerSecond = sellers, hookPace
	m, err := at.run(ctx, stint{Options: o, settled: func(ctx context.Context, m *measurement) error {
		for i, e := range well {
			if e == nil {
				continue
			}
			if err := (ears{fmt.Sprintf("webhook %d", i): e}).settle(ctx, m.PerSeller[i%sellers]); err != nil {
				return err
			}
		}
		return nil
	}})
	if _, err = told("webhooks", m, err); err != nil {
		return h, err
	}
	all := newEar()
	for _, e := range well {
		if e != nil {
			all.took, all.at = append(all.took, e.took...), append(all.at, e.at...)
		}
	}
	p50, p99, _ := all.quantiles(s.warmup)
	h.lines = []string{fmt.Sprintf("%d webhooks, %d dead, %d slow, %d events told: p50 %s, p99 %s of the others", hooks, badHooks, badHooks, len(all.took), short(p50), short(p99))}
	h.limits = []limit{limit{what: "p99 from an event to webhooks beside dead and slow ones", engine: e, value: p99.Seconds(), unit: " s"}.atMost(mostTold.Seconds())}
	return h, nil
}

// How long an instance is left alone until it is idle, and how long its statements are counted.
const (
	idleAfter = 20 * time.Second
	idleFor   = 30 * time.Second
)

// measureIdle counts what a server is asked while nothing happens.
func measureIdle(ctx context.Context, s settings, of build, e dbtest.Engine, dir string) (h heard, err error) {
	if h.engine = e; e == dbtest.SQLite {
		h.lines = []string{"has no counter of statements; TestIdleInstancesAskForLittle counts them"}
		return h, nil
	}
	database, stop, err := startServer(ctx, e)
	if err != nil {
		return h, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	at, err := newSite(ctx, of, database, dir, s.batches[0], 1, load.UsualBuyers)
	if err != nil {
		return h, err
	}
	defer func() { err = errors.Join(err, at.close()) }()
	receiver := httpServer(newEar())
	defer func() { err = errors.Join(err, receiver.close()) }()
	folder, err := os.MkdirTemp(dir, "events-")
	if err != nil {
		return h, err
	}
	at.settings = append(outwards(), "LEADMILL_EVENTS_SINK=file:"+folder+","+receiver.url)
	var reading sync.WaitGroup
	listening, leave := context.WithCancel(ctx)
	defer reading.Wait()
	defer leave()
	at.setUp = func(ctx context.Context) error {
		reader := at.session.Reader(0)
		reading.Go(func() { _ = newEar().follow(listening, reader) })
		return hook(ctx, reader, receiver.url)
	}
	var each float64
	_, err = at.run(ctx, stint{Options: load.Options{Connections: 1, Leads: 10}, settled: func(ctx context.Context, _ *measurement) error {
		each, err = askedIdle(ctx, database)
		return err
	}})
	h.lines = []string{fmt.Sprintf("%.1f statements a second", each)}
	h.limits = []limit{limit{what: "statements a second of an idle instance", engine: e, value: each}.atMost(mostIdle)}
	return h, err
}

// askedIdle is how many statements a second a server is asked.
func askedIdle(ctx context.Context, database *dbtest.Server) (each float64, err error) {
	db, err := database.Open("")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var name string
	var counts [2]int64
	var at [2]time.Time
	for i, wait := range []time.Duration{idleAfter, idleFor} {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return 0, ctx.Err()
		}
		if err := db.QueryRowContext(ctx, "SHOW GLOBAL STATUS LIKE 'Questions'").Scan(&name, &counts[i]); err != nil {
			return 0, err
		}
		at[i] = time.Now()
	}
	return float64(counts[1]-counts[0]-1) / at[1].Sub(at[0]).Seconds(), nil
}

// heardTable has a line for each case.
func heardTable(all []heard) string {
	var b strings.Builder
	b.WriteString("\nReaders of events:\n\n| engine | measured |\n|---|---|\n")
	for _, h := range all {
		for _, line := range h.lines {
			fmt.Fprintf(&b, "| %s | %s |\n", h.engine, line)
		}
	}
	return b.String()
}
