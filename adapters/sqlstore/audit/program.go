package audit

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/jmoiron/sqlx"

	"github.com/leadmill/leadmill/application/contract/eventsv1"
)

// customersAreAttributed reads the events of the chunk's customers: the partner is inside their data.
func customersAreAttributed(ctx context.Context, c *chunk) error {
	type customer struct {
		partner, got string
		version      int64
	}
	found := map[string]customer{}
	err := c.rows(ctx, `SELECT t.id, t.partner_id, COALESCE(e.aggregate_version, 0), COALESCE(e.payload, '') FROM customers t
		LEFT JOIN events e ON e.seller_id = t.seller_id AND e.aggregate_type = 'customer' AND e.aggregate_id = t.id
			AND e.type = '`+eventsv1.CustomerAttributed{}.Type()+`' WHERE {range}`, func(rows *sqlx.Rows) error {
		var id, partner string
		var version int64
		var payload []byte
		if err := rows.Scan(&id, &partner, &version, &payload); err != nil {
			return err
		}
		if last, known := found[id]; known && last.version > version {
			return nil
		}
		n := customer{partner, "none", version}
		if version > 0 {
			var e eventsv1.CustomerAttributed
			if n.got = "unreadable"; json.Unmarshal(payload, &e) == nil {
				n.got = e.PartnerID
			}
		}
		found[id] = n
		return nil
	})
	if err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(found)) {
		if n := found[id]; n.partner != n.got || n.version == 0 {
			c.breach(id, cmp.Or(n.partner, "a partner"), n.got)
		}
	}
	return nil
}

// partnerID names a partner: its id is only unique within its seller.
type partnerID struct{ seller, id string }

// noCircles follows the referring partners of all partners, read in parts. They may change meanwhile, so a circle that was
// found is looked at again in one snapshot: one that is there at all is in every part.
func noCircles(ctx context.Context, c *chunk) error {
	referring, err := c.referring(ctx)
	if err != nil {
		return err
	}
	done := map[partnerID]bool{}
	for start := range referring {
		path := map[partnerID]bool{}
		at := start
		for !done[at] && !path[at] && referring[at] != "" {
			path[at] = true
			at = partnerID{at.seller, referring[at]}
		}
		if path[at] {
			if err := c.confirmCircle(ctx, circleOf(referring, at)); err != nil {
				return err
			}
		}
		for p := range path {
			done[p] = true
		}
	}
	return nil
}

// referring returns the referring partners of all partners that have one.
func (c *chunk) referring(ctx context.Context) (map[partnerID]string, error) {
	found := map[partnerID]string{}
	var last partnerID
	for size := c.size(manyRows); ; {
		var rows []struct {
			SellerID  string `db:"seller_id"`
			ID        string `db:"id"`
			Referring string `db:"referring_partner_id"`
		}
		if err := c.db.Reader.SelectContext(ctx, &rows, "SELECT seller_id, id, referring_partner_id FROM partners WHERE seller_id > ? OR seller_id = ? AND id > ? "+
			"ORDER BY seller_id, id LIMIT ?", last.seller, last.seller, last.id, size); err != nil {
			return nil, err
		}
		for _, row := range rows {
			last = partnerID{row.SellerID, row.ID}
			if row.Referring != "" {
				found[last] = row.Referring
			}
		}
		if c.looked(len(rows)); len(rows) < size {
			return found, nil
		}
	}
}

// circleOf returns the circle that a partner is in, from its smallest id on.
func circleOf(referring map[partnerID]string, at partnerID) []partnerID {
	circle := []partnerID{at}
	for next := referring[at]; next != at.id; next = referring[partnerID{at.seller, next}] {
		circle = append(circle, partnerID{at.seller, next})
	}
	first := 0
	for i, p := range circle {
		if p.id < circle[first].id {
			first = i
		}
	}
	return slices.Concat(circle[first:], circle[:first])
}

// confirmCircle reports a circle that is there in one snapshot.
func (c *chunk) confirmCircle(ctx context.Context, circle []partnerID) error {
	return c.snapshot(ctx, func(tx *sqlx.Tx) error {
		for i, p := range circle {
			var next string
			err := tx.GetContext(ctx, &next, "SELECT referring_partner_id FROM partners WHERE seller_id = ? AND id = ?", p.seller, p.id)
			if errors.Is(err, sql.ErrNoRows) || err == nil && next != circle[(i+1)%len(circle)].id {
				return nil
			}
			if err != nil {
				return err
			}
		}
		c.breach(circle[0].id, "no circle", fmt.Sprintf("a circle of %d", len(circle)))
		return nil
	})
}
