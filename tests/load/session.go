package load

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Session is who gets the leads of several runs, one after the other. No two of its leads are alike.
type Session struct {
	// Scatter gives each lead a ZIP code of its own; otherwise all have the same.
	Scatter bool
	// Bulk, when above 1, is how many leads a request has. The time of a run, and not a number of leads, then says when it ends.
	Bulk int
	// Asks says that buyers are asked to confirm, so that a lead may be answered as pending and be sold afterwards, which Recount finds out.
	Asks bool
	// Ping has pings of leads posted in place of leads: without anything personal, and nothing is sold.
	Ping bool

	markets []*market // none where bare records are posted
	target  *url.URL
	used    int64   // how many phone numbers are taken
	sold    []int64 // by market
}

// makers is how many sellers are made at the same time.
const makers = 16

// Prepare makes sellers through the API of the server at an address such as http://127.0.0.1:8080, each with one campaign,
// the given number of buyers with a contract each, and a supplier. The admin key is the installation's.
func Prepare(ctx context.Context, baseURL, adminKey string, sellers, buyers int) (*Session, error) {
	if sellers < 1 || buyers < 1 {
		return nil, errors.New("a session needs at least one seller with a buyer")
	}
	target, err := ParseURL(strings.TrimRight(baseURL, "/"))
	if err != nil {
		return nil, err
	}
	s := &Session{markets: make([]*market, sellers), sold: make([]int64, sellers), target: target}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var next atomic.Int64
	failures := make([]error, min(makers, sellers))
	var working sync.WaitGroup
	for w := range failures {
		working.Go(func() {
			for i := next.Add(1) - 1; i < int64(sellers); i = next.Add(1) - 1 {
				if s.markets[i], failures[w] = found(ctx, target.String(), adminKey, buyers); failures[w] != nil {
					cancel() // the others need not go on
					return
				}
			}
		})
	}
	working.Wait()
	for _, err := range failures {
		if err != nil && !errors.Is(err, context.Canceled) {
			return nil, fmt.Errorf("make a seller: %w", err)
		}
	}
	return s, errors.Join(failures...)
}

// recordsPath is where PocketBase takes new records of its collection leads.
const recordsPath = "/api/collections/leads/records"

// Records is a session that posts the fields of a lead as bare records to the collection leads of a PocketBase.
func Records(baseURL string) (*Session, error) {
	target, err := ParseURL(strings.TrimRight(baseURL, "/"))
	if err != nil {
		return nil, err
	}
	return &Session{target: target, sold: make([]int64, 1)}, nil
}

// good is what the answer to every lead should say.
func (s *Session) good() string {
	switch {
	case s.Ping:
		return quoted
	case len(s.markets) == 0:
		return stored
	}
	return sold
}

// MoveTo goes on with the same sellers at another address.
func (s *Session) MoveTo(baseURL string) error {
	target, err := ParseURL(strings.TrimRight(baseURL, "/"))
	if err != nil {
		return err
	}
	s.target = target
	for _, m := range s.markets {
		m.api.Base = target.String()
	}
	return nil
}

// Run posts leads that were never sent before. It fails when no connection can be opened or ctx ends; answers other than
// sold leads are in the Result. Of the options, the address and the key are those of the session.
func (s *Session) Run(ctx context.Context, o Options) (*Result, error) {
	if o.Connections < 1 || o.Warmup < 0 || o.Leads < 0 || o.PerSecond < 0 || o.Leads == 0 && o.Duration <= 0 {
		return nil, errors.New("a run needs at least one connection and some time or leads")
	}
	if s.Bulk > 1 && o.Leads > 0 {
		return nil, errors.New("a run with many leads in a request needs some time, not a number of leads")
	}
	if o.Leads > 0 && o.Leads < int64(max(len(s.markets), o.Connections)) {
		return nil, errors.New("a run needs at least one lead for each seller and each connection")
	}
	workers := make([]*worker, o.Connections)
	defer func() {
		for _, w := range workers {
			if w != nil && w.conn != nil {
				_ = w.conn.Close()
			}
		}
	}()
	var err error
	for i := range workers {
		w := s.worker(i, o)
		if err = w.dial(ctx); err != nil {
			return nil, fmt.Errorf("connect: %w", err)
		}
		workers[i] = w
	}
	var stop atomic.Bool
	var running sync.WaitGroup
	from := time.Now()
	to := time.Time{}
	if o.Leads == 0 {
		from = from.Add(o.Warmup)
		to = from.Add(o.Duration)
	}
	for _, w := range workers {
		running.Go(func() { w.run(ctx, &stop, from, to) })
	}
	cut := context.AfterFunc(ctx, func() { stop.Store(true) })
	defer cut()
	running.Wait()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return s.collect(workers, from, to), nil
}

// worker makes the client of a number. With more sellers than clients each seller has one client, which posts to its sellers
// in turn; with fewer, several clients share a seller.
func (s *Session) worker(i int, o Options) *worker {
	w := &worker{number: i, of: o.Connections, asks: s.Asks, used: s.used, target: s.target, share: share(o.Leads, o.Connections, i)}
	w.answer = make([]byte, 0, 2048)
	if o.PerSecond > 0 {
		w.every = time.Second / time.Duration(o.PerSecond)
	}
	switch sellers := len(s.markets); {
	case sellers == 0:
		w.to = []recipient{{request: recordRequest(s.target)}}
	case sellers < o.Connections:
		w.to = []recipient{s.recipient(i % sellers)}
	default:
		for m := i; m < sellers; m += o.Connections {
			w.to = append(w.to, s.recipient(m))
		}
		w.share = o.Leads / int64(sellers) * int64(len(w.to))
	}
	return w
}

func (s *Session) recipient(m int) recipient {
	r := leadRequest(s.target, s.markets[m].supplierKey, s.markets[m].sellerCode)
	switch {
	case s.Ping:
		r = pingRequest(s.target, s.markets[m].supplierKey, s.markets[m].sellerCode)
	case s.Bulk > 1:
		r = bulkRequest(s.target, s.markets[m].supplierKey, s.markets[m].sellerCode, s.Bulk)
	}
	if s.Scatter {
		r = r.scattered()
	}
	return recipient{market: m, request: r}
}

// share is how many of all leads a client posts when they are dealt out evenly.
func share(leads int64, connections, i int) int64 {
	part := leads / int64(connections)
	if int64(i) < leads%int64(connections) {
		part++
	}
	return part
}
