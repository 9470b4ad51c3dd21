package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
)

// receiptPatience is how long deliveries may take to arrive and to be stored.
const receiptPatience = 3 * time.Minute

// receivers are servers of buyers in this process. They note when which sale came.
type receivers struct {
	urls  []string
	pause func(sale string, before int64) time.Duration // until the answer about a sale that came so often before; nil: none
	close func() error

	mu       sync.Mutex
	arrivals map[string]time.Time // by sale, the first
	again    map[string]int64     // by sale, how often it came after that
	said     map[string]bool      // sales of which the buyer said yes to one who still waited
	twice    int64
	last     time.Time
}

// receipts is what became of the deliveries of a run.
type receipts struct {
	p50, p99, max time.Duration // from a sale, as it is stored, to its receipt
	behind        time.Duration // from the last sale to the last receipt
	delivered     int64
	twice         int64 // how often a sale came that had come before
}

func (r receipts) String() string {
	return fmt.Sprintf("%d delivered, %d twice, sale to receipt p50 %s, p99 %s, max %s, behind at the end %s", r.delivered, r.twice,
		short(r.p50), short(r.p99), short(r.max), short(r.behind))
}

// receiveWith starts so many servers that all answer in a way.
func receiveWith(n int, h http.Handler) (*receivers, error) {
	r := newReceivers()
	return r, r.listen(n, h, false)
}

func newReceivers() *receivers {
	return &receivers{arrivals: map[string]time.Time{}, again: map[string]int64{}, said: map[string]bool{}}
}

// receive starts so many servers, the first of which takes connections and never answers if it is dead.
func receive(n int, dead bool) (*receivers, error) {
	r := newReceivers()
	return r, r.listen(n, r, dead)
}

func (r *receivers) listen(n int, h http.Handler, dead bool) error {
	var closing []io.Closer
	var serving sync.WaitGroup
	r.close = func() (err error) {
		for _, c := range closing {
			err = errors.Join(err, c.Close())
		}
		serving.Wait()
		return err
	}
	for i := range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return errors.Join(err, r.close())
		}
		r.urls = append(r.urls, "http://"+l.Addr().String()+"/leads")
		if dead && i == 0 {
			closing = append(closing, l)
			serving.Go(func() { swallow(l) })
			continue
		}
		server := &http.Server{Handler: h, ReadHeaderTimeout: receiptPatience}
		closing = append(closing, server)
		serving.Go(func() { _ = server.Serve(l) }) // ends when it is closed
	}
	return nil
}

// swallow reads what comes and answers nothing, until the listener is closed and the clients are gone.
func swallow(l net.Listener) {
	var reading sync.WaitGroup
	defer reading.Wait()
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		reading.Go(func() {
			_, _ = io.Copy(io.Discard, c)
			_ = c.Close()
		})
	}
}

// ServeHTTP implements http.Handler.
func (r *receivers) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	now, sale := time.Now(), q.Header.Get("Idempotency-Key")
	_, _ = io.Copy(io.Discard, q.Body) // or it is not noticed when who asks goes
	if before := r.came(sale, now); r.pause != nil {
		select {
		case <-time.After(r.pause(sale, before)):
		case <-q.Context().Done():
			return
		}
		r.say(sale)
	}
	_, _ = io.WriteString(w, `{"status":"accepted","reference":"`+sale+`"}`)
}

// came notes that a sale came, and returns how often it came before.
func (r *receivers) came(sale string, now time.Time) (before int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, is := r.arrivals[sale]; is {
		r.twice++
		r.again[sale]++
		return r.again[sale]
	}
	r.arrivals[sale], r.last = now, now
	return 0
}

func (r *receivers) say(sale string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.said[sale] = true
}

// asked holds the sales that there are against what buyers said, and returns how many requests came: each sale is one to which its buyer said yes.
// A yes without its sale may have come too late.
func (r *receivers) asked(ctx context.Context, databaseURL string) (requests int64, err error) {
	sales, err := salesSince(ctx, databaseURL, time.Time{})
	if err != nil {
		return 0, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range sales {
		if !r.said[s.id] || s.delivery != "delivered" {
			return 0, fmt.Errorf("sale %s is %s, and that its buyer said yes is %v", s.id, s.delivery, r.said[s.id])
		}
	}
	return int64(len(r.arrivals)) + r.twice, nil
}

// settle waits until nothing waits any more, but for what is of one contract when one receiver is dead, and looks at the sales since a time:
// each must have come that is not of the dead one.
func (r *receivers) settle(ctx context.Context, databaseURL string, since time.Time, warmup time.Duration, dead bool) (found receipts, err error) {
	db, err := dialect.Open(databaseURL, dialect.Options{MaxConnections: 1})
	if err != nil {
		return found, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	ctx, cancel := context.WithTimeout(ctx, receiptPatience)
	defer cancel()
	patient := 0
	if dead {
		patient = 1
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		var contracts int
		if err := db.Reader.QueryRowContext(ctx, "SELECT COUNT(*) FROM contracts c WHERE EXISTS (SELECT 1 FROM delivery_queue q WHERE q.seller_id = c.seller_id AND q.contract_id = c.id)").Scan(&contracts); err != nil {
			return found, fmt.Errorf("look at the queue: %w", err)
		}
		if contracts <= patient {
			break
		}
		select {
		case <-ctx.Done():
			return found, fmt.Errorf("deliveries of %d contracts wait after %s: %w", contracts, receiptPatience, ctx.Err())
		case <-tick.C:
		}
	}
	sales, err := salesSince(ctx, databaseURL, since)
	if err != nil {
		return found, err
	}
	return r.compare(sales, warmup, dead)
}

// salesSince reads the sales since a time.
func salesSince(ctx context.Context, databaseURL string, since time.Time) (sales []sale, err error) {
	db, err := dialect.Open(databaseURL, dialect.Options{MaxConnections: 1})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	rows, err := db.Reader.QueryContext(ctx, "SELECT s.id, s.sold_at, COALESCE(d.state, '') FROM sales s LEFT JOIN deliveries d ON d.seller_id = s.seller_id AND d.lead_id = s.lead_id AND d.sale_id = s.id "+
		"WHERE s.sold_at >= ?", since.UnixMicro())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var s sale
		var at int64
		if err := rows.Scan(&s.id, &at, &s.delivery); err != nil {
			return nil, err
		}
		s.at = time.UnixMicro(at)
		sales = append(sales, s)
	}
	return sales, rows.Err()
}

// sale is what the database has of a sale.
type sale struct {
	id       string
	at       time.Time
	delivery string
}

// compare holds sales against what came of them. How long those of the warm-up took is not looked at.
func (r *receivers) compare(sales []sale, warmup time.Duration, dead bool) (found receipts, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var took []time.Duration
	var first, last time.Time
	var came, waiting, lost int64
	if len(sales) > 0 {
		first = slices.MinFunc(sales, func(a, b sale) int { return a.at.Compare(b.at) }).at.Add(warmup)
	}
	for _, s := range sales {
		at, is := r.arrivals[s.id]
		switch {
		case is && s.delivery == "delivered":
			came++
			if !s.at.Before(first) {
				took = append(took, at.Sub(s.at))
			}
		case !is && s.delivery == "pending" && dead:
			waiting++
		default:
			lost++
		}
		if s.at.After(last) {
			last = s.at
		}
	}
	switch {
	case lost > 0 || len(took) == 0:
		return found, fmt.Errorf("of %d sales %d did not come, or are not stored as delivered", len(sales), lost)
	case came != int64(len(r.arrivals)):
		return found, fmt.Errorf("%d sales came, but %d were sold and delivered", len(r.arrivals), came)
	case dead && waiting == 0:
		return found, errors.New("nothing waits for the dead receiver")
	}
	slices.Sort(took)
	at := func(share float64) time.Duration { return took[int(share*float64(len(took)-1))] }
	return receipts{p50: at(0.5), p99: at(0.99), max: took[len(took)-1], behind: max(r.last.Sub(last), time.Microsecond), delivered: came, twice: r.twice}, nil
}
