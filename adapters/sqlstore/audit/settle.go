package audit

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"strings"

	"github.com/jmoiron/sqlx"
)

// settleMany settles when many are suspected.
func (p *pass) settleMany(ctx context.Context) error {
	if len(p.suspects) < maxSuspects {
		return nil
	}
	return p.settle(ctx)
}

// settle looks at what is suspected once more, some at once: in a snapshot of the rows with all that the log has got until then.
func (p *pass) settle(ctx context.Context) error {
	if err := p.catchUp(ctx, p.db.Reader); err != nil { // so that the snapshots are short
		return err
	}
	for first := true; first || len(p.suspects) > 0; first = false {
		if err := p.snapshot(ctx, func(tx *sqlx.Tx) error {
			if err := p.catchUp(ctx, tx); err != nil {
				return err
			}
			if err := p.takeWaiting(ctx, tx); err != nil {
				return err
			}
			n := min(len(p.suspects), p.size(suspectStep))
			err := p.judge(ctx, tx, p.suspects[:n])
			p.suspects = p.suspects[n:]
			return err
		}); err != nil {
			return err
		}
	}
	clear(p.known)
	return nil
}

// catchUp takes what has got positions.
func (p *pass) catchUp(ctx context.Context, q sqlx.QueryerContext) error {
	head, err := p.head(ctx, q)
	if err != nil {
		return err
	}
	p.last, err = p.walk(ctx, q, p.last, head, func(all []stretch) error {
		p.take(all)
		return nil
	})
	return err
}

// takeWaiting takes the segments that wait for their positions.
func (p *pass) takeWaiting(ctx context.Context, tx *sqlx.Tx) error {
	if err := p.checkLone(ctx, p.auditor, tx); err != nil {
		return err
	}
	return p.waiting(ctx, tx, func(_ int64, _ int, found []stretch) error {
		for i := range found {
			s := &found[i]
			if p.waited[s.segment] || p.placed.has(s.segment) {
				continue
			}
			p.waited[s.segment] = true
			p.readable(s)
			if !s.known() {
				continue
			}
			for j := range s.events {
				e := &s.events[j]
				p.event(e)
				if k, mine := p.key(e.AggregateType, e.SellerID, e.AggregateID); mine {
					p.withoutRow(e, k)
				}
			}
		}
		return nil
	})
}

// judge applies the rules with facts to suspects.
func (p *pass) judge(ctx context.Context, tx *sqlx.Tx, suspects []*suspect) error {
	of := map[string][]*suspect{}
	for _, s := range suspects {
		t := p.table(s.kind)
		of[t.Name] = append(of[t.Name], s)
	}
	for i := range p.tables {
		t := &p.tables[i]
		if len(of[t.Name]) == 0 {
			continue
		}
		where, args := t.subjects(of[t.Name])
		for _, r := range t.Rules {
			c := &Chunk{auditor: p.auditor, rule: r, table: t.Name, tx: tx, where: where, args: args}
			if err := p.compare(ctx, c, t.Aggregate, func(r row, want, got string) error {
				c.Breach(cmp.Or(r.Part, r.Aggregate), want, got)
				return nil
			}); err != nil {
				return err
			}
		}
		for _, s := range of[t.Name] {
			if err := p.judgeMissing(ctx, tx, t, s); err != nil {
				return err
			}
		}
	}
	return nil
}

// table is where the aggregates of a kind have their rows.
func (p *pass) table(kind string) *Table {
	if t := p.kinds[kind]; t != nil {
		return t
	}
	return find(p.tables, versionsTable.Name)
}

// subjects is the condition for the rows of suspects.
func (t *Table) subjects(suspects []*suspect) (where string, args []any) {
	one := "t." + t.seller() + " = ? AND t.id = ?"
	if t.Aggregate == "" {
		one = "t.seller_id = ? AND t.aggregate_id = ? AND t.aggregate_type = ?"
	}
	for _, s := range suspects {
		args = append(args, s.seller, s.id)
		if t.Aggregate == "" {
			args = append(args, s.kind)
		}
	}
	return "(" + one + strings.Repeat(" OR "+one, len(suspects)-1) + ")", args
}

// judgeMissing reports what events tell of a suspect and no row has.
func (p *pass) judgeMissing(ctx context.Context, tx *sqlx.Tx, t *Table, s *suspect) error {
	k, _ := p.key(s.kind, s.seller, s.id)
	if s.event != "" && !p.noted[AllEvents].told[k].seen() {
		p.noted[AllEvents].see(k) // reported once
		owner, err := t.owner(ctx, tx, s.id)
		if err != nil {
			return err
		}
		if owner != "" {
			p.breach(sellerRule, eventTable, s.event, s.seller, owner)
		} else {
			p.breach(aggregateRule, eventTable, s.event, s.id, "none")
		}
		return nil
	}
	for _, of := range s.parts {
		if !p.noted[of.facts].told[p.keys.of(s.kind, s.seller, s.id, of.part)].seen() {
			p.reverse[of.facts].Breach(of.event, of.part, "none")
		}
	}
	return nil
}

// owner returns the seller of a row by its id alone; "" when there is no such row, or when the rows of another seller are others.
func (t *Table) owner(ctx context.Context, tx *sqlx.Tx, id string) (seller string, err error) {
	if t.Aggregate == "" || t.perSeller() {
		return "", nil
	}
	err = tx.GetContext(ctx, &seller, "SELECT t."+t.seller()+" FROM "+t.Name+" t WHERE t.id = ?", id)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return seller, err
}
