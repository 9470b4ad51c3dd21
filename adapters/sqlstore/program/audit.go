package program

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/jmoiron/sqlx"

	"github.com/leadmill/leadmill/adapters/sqlstore/audit"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	"github.com/leadmill/leadmill/application/program"
)

// AuditRules says what must hold for the tables of this room, by statements alone: none of the code that writes them is used.
func AuditRules() audit.Rules {
	return audit.Rules{
		Tables: []audit.Table{
			{
				Name: "partners", Key: []string{"seller_id", "id"}, Size: audit.ManyRows, Aggregate: "partner",
				References: []audit.Reference{{Column: "seller_id", Table: "sellers"}, {Column: "referring_partner_id", Table: "partners"}},
				Rules:      partnerRules,
			},
			{
				Name: "partner_keys", Key: []string{"seller_id", "referral_key"}, Size: audit.ManyRows, ID: "referral_key",
				References: []audit.Reference{{Column: "partner_id", Table: "partners"}},
			},
			{
				Name: "customers", Key: []string{"seller_id", "id"}, Size: audit.ManyRows, Aggregate: "customer",
				References: []audit.Reference{{Column: "seller_id", Table: "sellers"}, {Column: "partner_id", Table: "partners"}},
				Rules:      customerRules,
			},
			{
				Name: "lead_forms", Key: []string{"seller_id"}, Size: audit.ManyRows, ID: "seller_id",
				References: []audit.Reference{{Column: "seller_id", Table: "sellers"}},
			},
			{
				Name: "seller_numbers", Key: []string{"seller_id", "series"}, Size: audit.ManyRows, ID: "seller_id",
				References: []audit.Reference{{Column: "seller_id", Table: "sellers"}},
			},
			{
				Name: "lead_reviews", Key: []string{"seller_id", "lead_id"}, Size: audit.ManyRows, ID: "lead_id",
				References: []audit.Reference{{Column: "lead_id", Table: "leads"}, {Column: "customer_id", Table: "customers"}},
				Rules:      reviewRules,
			},
			// A number that is not committed is given again, so the numbers of a seller have no gap. Deleted leads keep theirs.
			{Name: "sellers", Rules: numberRules},
			{Name: "leads", Rules: formLeadRules},
		},
		Whole: []audit.Rule{
			audit.ReplayRule("activity_is_replay", "The partners' activity is what a replay of the log up to its own cursor makes, without parked events.", activityReplay),
			{Invariant: "I6", Name: "no_referral_circle", Description: "No partner is referred by itself, directly or through others.", Table: "partners", Run: noCircles},
		},
		Rowless: []string{"click"},
	}
}

var partnerRules = []audit.Rule{
	{
		Invariant: "I6", Name: "deleted_partner_is_erased", Description: "Nothing personal is kept of a deleted partner.",
		Query: `SELECT t.id AS id, 'erased' AS want, 'personal data' AS got FROM partners t WHERE {range} AND t.status = 'deleted'
			AND (t.email <> '' OR INSTR(t.email_key, '@') > 0 OR t.name <> '' OR t.surname <> '' OR t.password_hash <> ''
				OR t.tags <> '[]' OR IFNULL(t.custom_fields, '[]') <> '[]')`,
	},
}

var customerRules = []audit.Rule{
	{
		Invariant: "I4", Name: "customer_is_attributed", Description: "Every customer is the one's that its last customer.attributed.v1 event says.",
		Query: "SELECT t.seller_id AS seller, t.id AS aggregate, t.partner_id AS value FROM customers t WHERE {range}",
		Facts: attributions, Told: isAttributed,
	},
	{
		Invariant: "I6", Name: "deleted_customer_is_erased", Description: "Nothing personal is kept of a deleted customer.",
		Query: `SELECT t.id AS id, 'erased' AS want, 'personal data' AS got FROM customers t WHERE {range} AND t.status = 'deleted'
			AND (t.customer_key <> '' OR t.key_hash IS NOT NULL OR t.email_hash IS NOT NULL OR t.email <> '' OR t.email_key <> '' OR t.name <> ''
				OR t.surname <> '' OR t.tags <> '[]')`,
	},
}

var reviewRules = []audit.Rule{
	{
		Invariant: "I6", Name: "converted_lead_has_customer", Description: "A form lead names a customer if and only if it is converted, or was before it was deleted.",
		Query: `SELECT t.lead_id AS id, CASE WHEN t.status = 'converted' THEN 'a customer' ELSE 'none' END AS want,
				CASE WHEN t.customer_id <> '' THEN 'a customer' ELSE 'none' END AS got
			FROM lead_reviews t WHERE {range} AND t.status <> 'deleted'`,
	},
	{
		Invariant: "I6", Name: "deleted_lead_is_erased", Description: "Nothing personal is kept of a deleted form lead.",
		Query: `SELECT t.lead_id AS id, 'erased' AS want, 'personal data' AS got
			FROM lead_reviews t LEFT JOIN leads l ON l.seller_id = t.seller_id AND l.id = t.lead_id WHERE {range} AND t.status = 'deleted'
			AND (t.name <> '' OR t.email <> '' OR t.answers <> '[]' OR LENGTH(l.fields) > 2)`,
	}, // {}
}

var numberRules = []audit.Rule{
	{
		Invariant: "I4", Name: "form_lead_numbers_are_dense", Description: "The numbers of a seller's form leads are 1, 2, 3 and so on without a gap.",
		Query: `SELECT t.id AS id, IFNULL((SELECT CASE WHEN MIN(r.number) < 1 THEN -1 ELSE MAX(r.number) END FROM lead_reviews r
				WHERE r.seller_id = t.id), 0) AS want, (SELECT COUNT(*) FROM lead_reviews r WHERE r.seller_id = t.id) AS got
			FROM sellers t WHERE {range}`,
	},
	{
		Invariant: "I4", Name: "form_lead_number_was_given", Description: "No form lead has a number above the last that its seller gave.",
		Query: `SELECT t.id AS id, IFNULL((SELECT n.value FROM seller_numbers n WHERE n.seller_id = t.id AND n.series = '` +
			program.FormLeads + `'), 0) AS want, IFNULL((SELECT MAX(r.number) FROM lead_reviews r WHERE r.seller_id = t.id), 0) AS got
			FROM sellers t WHERE {range}`,
		Broken: "got > want",
	},
}

var formLeadRules = []audit.Rule{
	{
		Invariant: "I6", Name: "form_lead_has_review", Description: "A lead has a review if and only if it came through the form.",
		Query: `SELECT t.id AS id, CASE WHEN t.origin = 'form' THEN 'a review' ELSE 'none' END AS want,
				CASE WHEN EXISTS (SELECT 1 FROM lead_reviews r WHERE r.seller_id = t.seller_id AND r.lead_id = t.id) THEN 'a review' ELSE 'none' END AS got
			FROM leads t WHERE {range}`,
	},
}

// attributions are told of customers: the partner of the last one.
var attributions = &audit.Facts{
	Types: []string{eventsv1.CustomerAttributed{}.Type()},
	Of: func(e *application.StoredEvent) ([]audit.Fact, error) {
		var a eventsv1.CustomerAttributed
		if json.Unmarshal(e.Payload, &a) != nil {
			a.PartnerID = "unreadable"
		}
		return []audit.Fact{{Value: a.PartnerID}}, nil
	},
}

func isAttributed(partner string, told audit.Told) (want, got string) {
	switch {
	case told.Value == partner && told.Events > 0 || told.Incomplete:
		return "", ""
	case told.Events == 0:
		told.Value = "none"
	}
	return cmp.Or(partner, "a partner"), told.Value
}

// partnerID names a partner: its id is only unique within its seller.
type partnerID struct{ seller, id string }

// noCircles follows the referring partners of all partners, read in parts. They may change meanwhile, so a circle that was
// found may never have been there: it is looked at again in one snapshot. A circle that stays is never missed.
func noCircles(ctx context.Context, c *audit.Chunk) error {
	referring, err := referringPartners(ctx, c)
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
			if err := confirmCircle(ctx, c, circleOf(referring, at)); err != nil {
				return err
			}
		}
		for p := range path {
			done[p] = true
		}
	}
	return nil
}

// referringPartners returns the referring partners of all partners that have one.
func referringPartners(ctx context.Context, c *audit.Chunk) (map[partnerID]string, error) {
	found := map[partnerID]string{}
	var last partnerID
	for size := c.Size(audit.ManyRows); ; {
		var rows []struct {
			SellerID  string `db:"seller_id"`
			ID        string `db:"id"`
			Referring string `db:"referring_partner_id"`
		}
		if err := c.DB().Reader.SelectContext(ctx, &rows, "SELECT seller_id, id, referring_partner_id FROM partners WHERE seller_id > ? OR seller_id = ? AND id > ? "+
			"ORDER BY seller_id, id LIMIT ?", last.seller, last.seller, last.id, size); err != nil {
			return nil, err
		}
		for _, row := range rows {
			last = partnerID{row.SellerID, row.ID}
			if row.Referring != "" {
				found[last] = row.Referring
			}
		}
		if c.Looked(len(rows)); len(rows) < size {
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
func confirmCircle(ctx context.Context, c *audit.Chunk, circle []partnerID) error {
	return c.Snapshot(ctx, func(tx *sqlx.Tx) error {
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
		c.Breach(circle[0].id, "no circle", fmt.Sprintf("a circle of %d", len(circle)))
		return nil
	})
}
