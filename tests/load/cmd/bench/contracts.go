package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/load"
)

// The numbers of contracts that are compared, and how many of them each lead passes.
const (
	oneContract   = 1
	fewContracts  = 100
	manyContracts = 10_000
	passedEach    = 10
	// contractsPace is how many leads a second are posted where their cost is compared.
	contractsPace = 1000
)

// measureContracts posts leads with scattered ZIP codes to campaigns whose contracts differ in the ZIP codes that their filters name:
// with 1 contract and with 100, with 100 and with 10,000, and the latter once more at a fixed rate, in turn. The databases stay for all rounds.
func measureContracts(ctx context.Context, s settings, of build, e dbtest.Engine, dir string) (few, many, paced duel, err error) {
	one := duel{engine: e, build: of.name}
	few, many, paced = one, one, one
	server, stop, err := startServer(ctx, e)
	if err != nil {
		return few, many, paced, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	var sites []*site
	defer func() {
		for _, at := range sites {
			err = errors.Join(err, at.close())
		}
	}()
	type run = func(int) (measurement, error)
	side := func(n int) (full, calm run, err error) {
		at, err := newSite(ctx, of, server, dir, s.batches[0], 1, 1)
		if err != nil {
			return nil, nil, err
		}
		sites = append(sites, at)
		if err := at.prepare(ctx, dir); err != nil {
			return nil, nil, err
		}
		if err := fillContracts(ctx, at.databaseURL, n); err != nil {
			return nil, nil, fmt.Errorf("make %d contracts: %w", n, err)
		}
		at.session.Scatter = true
		posted := func(o load.Options) run {
			return func(int) (measurement, error) {
				if err := rest(ctx, server); err != nil {
					return measurement{}, err
				}
				m, err := at.run(ctx, stint{Options: o})
				return told(fmt.Sprintf("%s%s, contracts: %d", of.prefix(), e, n), m, err)
			}
		}
		slow := s.load()
		slow.PerSecond = contractsPace
		return posted(s.load()), posted(slow), nil
	}
	var full, calm []run
	for _, n := range []int{oneContract, fewContracts, manyContracts} {
		f, c, err := side(n)
		if err != nil {
			return few, many, paced, err
		}
		full, calm = append(full, f), append(calm, c)
	}
	for _, of := range []struct {
		*duel

		first, second run
	}{{&few, full[0], full[1]}, {&many, full[1], full[2]}, {&paced, calm[1], calm[2]}} {
		if err := of.inTurn(s.rounds, of.first, of.second); err != nil {
			return few, many, paced, err
		}
	}
	return few, many, paced, nil
}

// fillContracts gives the one campaign of a database n contracts in place of the one it has, and one buyer for ten of them. It writes
// the rows itself, as the API would have written them, because 10,000 requests take long.
func fillContracts(ctx context.Context, databaseURL string, n int) (err error) {
	db, err := dialect.Open(databaseURL, dialect.Options{MaxConnections: 1})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var seller, campaign string
	if err := db.Writer.QueryRowContext(ctx, "SELECT seller_id, id FROM campaigns").Scan(&seller, &campaign); err != nil {
		return err
	}
	now := time.Now().UnixMicro()
	buyers := max(1, n/passedEach)
	if err := insert(ctx, db, "INSERT INTO buyers (id, seller_id, name, email, status, time_zone, balance, held, credit_limit, created_at, updated_at, version) VALUES ", buyers, func(i int) string {
		return fmt.Sprintf("('buyer_%026d','%s','Buyer','','active','',0,0,%d,%d,%d,1)", i, seller, int64(1e18), now, now)
	}); err != nil {
		return err
	}
	cells, digits := max(1, n/passedEach), 0
	for c := cells; c > 1; c /= 10 {
		digits++
	}
	if err := insert(ctx, db, "INSERT INTO contracts (id, campaign_id, seller_id, buyer_id, status, price, priority, time_zone, effective_zone, caps, created_at, updated_at, rules) VALUES ", n, func(i int) string {
		filter := "lead.email.contains('@')"
		if digits > 0 {
			filter = fmt.Sprintf("lead.zip.startsWith('%0*d') && ", digits, i/passedEach) + filter
		}
		rules := `{"filter":"` + filter + `"}`
		return fmt.Sprintf("('contract_%026d','%s','%s','buyer_%026d','active',45000000,%d,'','America/Chicago','[{\"window\":\"day\",\"leads\":100000000}]',%d,%d,'%s')",
			i, campaign, seller, i%buyers, 1+i%passedEach, now, now, quoted(rules))
	}); err != nil {
		return err
	}
	_, err = db.Writer.ExecContext(ctx, "UPDATE contracts SET status = 'deleted' WHERE rules IS NULL")
	return err
}

// quoted doubles the quotes of a literal.
func quoted(s string) string { return string(bytes.ReplaceAll([]byte(s), []byte("'"), []byte("''"))) }

// insert writes n rows with literals in the statements.
func insert(ctx context.Context, db *dialect.DB, into string, n int, row func(i int) string) error {
	const rows = 500
	for next := 0; next < n; {
		var b bytes.Buffer
		b.WriteString(into)
		for i := next; i < min(next+rows, n); i++ {
			if i > next {
				b.WriteByte(',')
			}
			b.WriteString(row(i))
		}
		if _, err := db.Writer.ExecContext(ctx, b.String()); err != nil {
			return err
		}
		next += rows
	}
	return nil
}
