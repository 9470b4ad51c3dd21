package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/load"
)

// What is measured of the lists: the first page and the last of many rows, which is reached by following links.next.
const (
	pagingRows  = 1_000_000
	pagingQuick = 50_000
	pageSize    = 20
	walkSize    = 250 // the largest page there is
	pagingRuns  = 31
)

// paging is how long a page of customers takes at both ends of a list; medians.
type paging struct {
	engine      dbtest.Engine
	rows        int
	first, last time.Duration
}

// measurePaging fills the customers of one seller behind the back of the service and asks the service for pages of them.
func measurePaging(ctx context.Context, s settings, of build, e dbtest.Engine, dir string) (p paging, err error) {
	p = paging{engine: e, rows: s.pagingRows}
	server, stop, err := startServer(ctx, e)
	if err != nil {
		return p, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	databaseURL, remove, err := newDatabase(ctx, server, dir)
	if err != nil {
		return p, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	service, err := start(ctx, of.binary, databaseURL, s.batches[0])
	if err != nil {
		return p, err
	}
	defer func() { err = errors.Join(err, service.stop()) }()
	c := &caller{load.API{Base: service.base, Key: service.adminKey}}
	if err := p.run(ctx, c, databaseURL); err != nil {
		return p, errors.Join(err, service.logs())
	}
	return p, nil
}

func (p *paging) run(ctx context.Context, c *caller, databaseURL string) error {
	sellerID, err := c.found(ctx)
	if err != nil {
		return err
	}
	began := time.Now()
	if err := fillCustomers(ctx, databaseURL, sellerID, p.rows); err != nil {
		return fmt.Errorf("fill the customers: %w", err)
	}
	fmt.Fprintf(os.Stderr, "%s, %d customers written in %s\n", p.engine, p.rows, short(time.Since(began)))
	first := fmt.Sprintf("%s/v1/customers?limit=%d", c.Base, pageSize)
	last, err := c.walk(ctx, p.rows)
	if err != nil {
		return err
	}
	ends := []struct {
		url     string
		newest  int // the number of the page's first customer
		samples []time.Duration
	}{{url: first, newest: p.rows}, {url: last, newest: pageSize}}
	for range pagingRuns {
		for i := range ends {
			began := time.Now()
			page, err := c.page(ctx, ends[i].url)
			ends[i].samples = append(ends[i].samples, time.Since(began))
			if err != nil {
				return err
			}
			if err := page.check(ends[i].newest); err != nil {
				return fmt.Errorf("%s: %w", ends[i].url, err)
			}
		}
	}
	p.first, p.last = middle(ends[0].samples), middle(ends[1].samples)
	return nil
}

// middle is the median of an odd number of durations.
func middle(samples []time.Duration) time.Duration {
	slices.Sort(samples)
	return samples[len(samples)/2]
}

// customerKey is the key of a customer by its number, from 1, the oldest.
func customerKey(n int) string { return fmt.Sprintf("c%08d", n) }

// fillCustomers inserts customers 1 to n of a seller with literals in the statements: one parameter each takes longer.
func fillCustomers(ctx context.Context, databaseURL, sellerID string, n int) (err error) {
	const rows, statements = 1000, 20 // of a statement, of a transaction
	db, err := dialect.Open(databaseURL, dialect.Options{MaxConnections: 1})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	for next := 1; next <= n; {
		tx, err := db.Writer.BeginTxx(ctx, nil)
		if err != nil {
			return err
		}
		for range statements {
			upTo := min(next+rows, n+1)
			if next == upTo {
				break
			}
			var b bytes.Buffer
			b.WriteString("INSERT INTO customers (id, seller_id, customer_key, key_hash, email, email_key, name, surname, tags, status, partner_id, " +
				"referral_key, policy, attributed_at, touched_at, created_at, updated_at, deleted_at, version) VALUES ")
			for i := next; i < upTo; i++ {
				if i > next {
					b.WriteByte(',')
				}
				key := customerKey(i)
				fmt.Fprintf(&b, "('customer_%026d','%s','%s',X'%X','%s@load.example','%s@load.example','Load','Customer','[]','active','%s','%s','explicit',%d,%d,%d,%d,0,2)",
					i, sellerID, key, sha256.Sum256([]byte(key)), key, key, pagingPartner, pagingPartner, i, i, i, i)
			}
			if _, err := tx.ExecContext(ctx, b.String()); err != nil {
				return errors.Join(err, tx.Rollback())
			}
			next = upTo
		}
		if err := tx.Commit(); err != nil {
			return err
		}
	}
	return err
}

// pagingPartner is the id and the referral key of the partner that has all customers.
const pagingPartner = "load-partner"

// caller calls the API with one key, also by the absolute links it answers.
type caller struct{ load.API }

// found makes a seller with a partner and goes on with a key of the seller that has no limit.
func (c *caller) found(ctx context.Context) (sellerID string, err error) {
	var seller struct {
		Data struct {
			ID     string
			APIKey struct{ Key string } `json:"api_key"`
		}
	}
	if err := c.Call(ctx, http.MethodPost, "/v1/sellers", []byte(`{"name":"Load","currency":"USD","time_zone":"UTC","website":"https://load.example"}`), &seller); err != nil {
		return "", err
	}
	c.Key = seller.Data.APIKey.Key
	var key struct{ Data struct{ Key string } }
	if err := c.Call(ctx, http.MethodPost, "/v1/api-keys", []byte(`{"scope":"program","name":"load","rate_limit":null}`), &key); err != nil {
		return "", err
	}
	c.Key = key.Data.Key
	return seller.Data.ID, c.Call(ctx, http.MethodPost, "/v1/partners",
		[]byte(`{"id":"`+pagingPartner+`","key":"`+pagingPartner+`","email":"partner@load.example","name":"Load","surname":"Partner"}`), &struct{}{})
}

// customers is a page of customers as it is answered.
type customers struct {
	Data  []struct{ Key string }
	Links struct{ Next *string }
}

// check wants the page to be pageSize customers from a number down.
func (p *customers) check(newest int) error {
	if len(p.Data) != pageSize || p.Data[0].Key != customerKey(newest) || p.Data[pageSize-1].Key != customerKey(newest-pageSize+1) {
		return fmt.Errorf("is not the page of the %d customers from %s down", pageSize, customerKey(newest))
	}
	return nil
}

// walk follows links.next from the first page to the last of pageSize rows and returns its URL: with large pages as long as
// the rest can be had with whole pages of pageSize.
func (c *caller) walk(ctx context.Context, rows int) (string, error) {
	skip := rows - pageSize
	large := skip / walkSize
	for (skip-large*walkSize)%pageSize != 0 {
		large--
	}
	next := fmt.Sprintf("%s/v1/customers?limit=%d", c.Base, walkSize)
	for passed := 0; passed < skip; {
		if passed == large*walkSize {
			resized, err := withLimit(next, pageSize)
			if err != nil {
				return "", err
			}
			next = resized
		}
		page, err := c.page(ctx, next)
		if err != nil {
			return "", err
		}
		if page.Links.Next == nil {
			return "", fmt.Errorf("the list ends behind %d customers", passed+len(page.Data))
		}
		passed, next = passed+len(page.Data), *page.Links.Next
	}
	return next, nil
}

func withLimit(page string, limit int) (string, error) {
	u, err := url.Parse(page)
	if err != nil {
		return "", err
	}
	q := u.Query()
	q.Set("limit", strconv.Itoa(limit))
	u.RawQuery = q.Encode()
	return u.String(), nil
}

func (c *caller) page(ctx context.Context, page string) (*customers, error) {
	var p customers
	return &p, c.Call(ctx, http.MethodGet, strings.TrimPrefix(page, c.Base), nil, &p)
}

// pagingTable is a line for each database.
func pagingTable(all []paging) string {
	var b strings.Builder
	b.WriteString("\n| engine | customers | page 1 | page of the last 20 | ratio |\n|---|---:|---:|---:|---:|\n")
	for _, p := range all {
		fmt.Fprintf(&b, "| %s | %d | %s | %s (page %d) | %.2f |\n", p.engine, p.rows, short(p.first), short(p.last), p.rows/pageSize,
			float64(p.last)/float64(p.first))
	}
	return b.String()
}
