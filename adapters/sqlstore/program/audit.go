package program

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
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
	"github.com/leadmill/leadmill/domain/customer"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/partner"
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
			// The hash of a token is not repeated.
			{
				Name: "partner_tokens", Key: []string{"token_hash"}, Bytes: true, Size: audit.ManyRows, ID: "partner_id",
				References: []audit.Reference{{Column: "partner_id", Table: "partners"}},
			},
			{
				Name: "outgoing_mails", Key: []string{"seller_id", "event_id"}, Size: audit.ManyRows, ID: "event_id",
				References: []audit.Reference{{Column: "partner_id", Table: "partners"}},
				Rules:      mailRules,
			},
			{
				Name: "mailed_addresses", Key: []string{"seller_id", "address"}, Bytes: true, Size: audit.ManyRows, ID: "event_id",
				References: []audit.Reference{{Column: "seller_id", Table: "sellers"}},
			},
			{
				Name: "partner_keys", Key: []string{"seller_id", "referral_key"}, Size: audit.ManyRows, ID: "referral_key",
				References: []audit.Reference{{Column: "partner_id", Table: "partners"}},
				Rules: []audit.Rule{{
					Invariant: "I6", Name: "short_link_has_owner", Description: "The short link of every referral key is some seller's.",
					Query: `SELECT t.referral_key AS id, 'an owner' AS want, 'none' AS got FROM partner_keys t
						LEFT JOIN short_links s ON s.referral_key = t.referral_key WHERE {range} AND s.referral_key IS NULL`,
				}},
			},
			{
				Name: "short_links", Key: []string{"referral_key"}, Size: audit.ManyRows, ID: "referral_key",
				Rules: []audit.Rule{{
					Invariant: "I6", Name: "short_link_owner_has_key", Description: "The owner of a short link has its referral key, in use or retired.",
					Query: `SELECT t.referral_key AS id, 'a key of the owner' AS want, 'none' AS got FROM short_links t
						LEFT JOIN partner_keys k ON k.seller_id = t.seller_id AND k.referral_key = t.referral_key WHERE {range} AND k.referral_key IS NULL`,
				}},
			},
			{
				Name: "customers", Key: []string{"seller_id", "id"}, Size: audit.ManyRows, Aggregate: "customer",
				References: []audit.Reference{{Column: "seller_id", Table: "sellers"}, {Column: "partner_id", Table: "partners"}},
				Rules:      customerRules,
			},
			{
				Name: "customer_attributions", Key: []string{"seller_id", "customer_id", "version"}, Size: audit.ManyRows, ID: "customer_id",
				References: []audit.Reference{{Column: "customer_id", Table: "customers"}, {Column: "partner_id", Table: "partners"}},
				Rules: []audit.Rule{{
					Invariant: "I4", Name: "former_attribution_is_past", Description: "No attribution that ended did so after the present one began.", Broken: "got > want",
					Query: `SELECT t.customer_id AS id, c.attributed_at AS want, t.until_at AS got FROM customer_attributions t
						JOIN customers c ON c.seller_id = t.seller_id AND c.id = t.customer_id WHERE {range}`,
				}},
			},
			{
				Name: "lead_forms", Key: []string{"seller_id"}, Size: audit.ManyRows, ID: "seller_id",
				References: []audit.Reference{{Column: "seller_id", Table: "sellers"}},
				Rules:      []audit.Rule{audit.Readable("lead_forms", "seller_id", audit.Column{Name: "definition", Of: "{"})},
			},
			{
				Name: "seller_numbers", Key: []string{"seller_id", "series"}, Size: audit.ManyRows, ID: "seller_id",
				References: []audit.Reference{{Column: "seller_id", Table: "sellers"}},
			},
			{
				Name: "lead_reviews", Key: []string{"seller_id", "lead_id"}, Size: audit.ManyRows, ID: "lead_id",
				Since:      &audit.Since{Column: "lead_id", Prefix: "lead", Groups: "SELECT id FROM sellers", Aggregate: "lead"},
				References: []audit.Reference{{Column: "lead_id", Table: "leads"}, {Column: "customer_id", Table: "customers"}},
				Rules:      reviewRules,
			},
			// A number that is not committed is given again, so the numbers of a seller have no gap. Deleted leads keep theirs.
			{Name: "sellers", Rules: numberRules},
			{Name: "leads", Rules: formLeadRules},
		},
		Whole: []audit.Rule{
			audit.ReplayRule("activity_is_replay", "The partners' activity is what a replay of the log up to its own cursor makes, without parked events.", activityReplay),
			audit.ReplayRule("links_are_replay", "What came by referral links is what a replay of the log up to its own cursor makes, without parked events.", linksReplay),
			{Invariant: "I6", Name: "no_referral_circle", Description: "No partner is referred by itself, directly or through others.", Table: "partners", Run: noCircles},
		},
		Rowless: []string{"click"},
	}
}

var partnerRules = []audit.Rule{
	audit.StatusRule("SELECT t.seller_id AS seller, t.id AS aggregate, t.status AS value FROM partners t WHERE {range}", audit.Statuses(map[string]string{
		eventsv1.PartnerCreated{}.Type(): "", eventsv1.PartnerUpdated{}.Type(): "", eventsv1.PartnerInvited{}.Type(): string(partner.StatusPending),
		eventsv1.PartnerApproved{}.Type(): string(partner.StatusActive), eventsv1.PartnerRejected{}.Type(): string(partner.StatusRejected),
		eventsv1.PartnerArchived{}.Type(): string(partner.StatusArchived), eventsv1.PartnerDeleted{}.Type(): string(partner.StatusDeleted),
	})),
	audit.Readable("partners", "id", audit.Column{Name: "tags", Of: "["}, audit.Column{Name: "custom_fields", Of: "[", Null: true}),
	{
		Invariant: "I6", Name: "deleted_partner_is_erased", Description: "Nothing personal is kept of a deleted partner.",
		Query: `SELECT t.id AS id, 'erased' AS want, 'personal data' AS got FROM partners t WHERE {range} AND t.status = 'deleted'
			AND (t.email <> '' OR INSTR(t.email_key, '@') > 0 OR t.name <> '' OR t.surname <> '' OR t.password_hash <> ''
				OR t.tags <> '[]' OR IFNULL(t.custom_fields, '[]') <> '[]')`,
	},
}

var customerRules = []audit.Rule{
	audit.StatusRule("SELECT t.seller_id AS seller, t.id AS aggregate, t.status AS value FROM customers t WHERE {range}", audit.Statuses(map[string]string{
		eventsv1.CustomerCreated{}.Type(): string(customer.StatusActive), eventsv1.CustomerUpdated{}.Type(): "",
		eventsv1.CustomerArchived{}.Type(): string(customer.StatusArchived), eventsv1.CustomerDeleted{}.Type(): string(customer.StatusDeleted),
	})),
	audit.Readable("customers", "id", audit.Column{Name: "tags", Of: "["}),
	{Invariant: "I6", Name: "customer_key_has_its_hash", Description: "The hash of a customer's key is that of the key.", Run: customerHashes},
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

// mailRules know that a mail that could not be sent is tried again within a day.
var mailRules = []audit.Rule{
	{
		Invariant: "I4", Name: "mail_is_due_soon", Description: "No mail waits for more than two days from now.", Broken: "got > want",
		Query: "SELECT t.event_id AS id, {now} + 172800000000 AS want, t.next_at AS got FROM outgoing_mails t WHERE {range}",
	},
}

// customerHashes reads the keys, of which a breach repeats nothing.
func customerHashes(ctx context.Context, c *audit.Chunk) error {
	return c.Rows(ctx, "SELECT t.id, t.customer_key, t.key_hash FROM customers t WHERE {range} AND t.key_hash IS NOT NULL", func(rows *sqlx.Rows) error {
		var id, key string
		var hash []byte
		if err := rows.Scan(&id, &key, &hash); err != nil {
			return err
		}
		if want := sha256.Sum256([]byte(key)); !bytes.Equal(hash, want[:]) {
			c.Breach(id, "the hash of its key", "another")
		}
		return nil
	})
}

var reviewRules = []audit.Rule{
	audit.Readable("lead_reviews", "lead_id", audit.Column{Name: "answers", Of: "["}),
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
	audit.StatusRule(`SELECT t.seller_id AS seller, t.id AS aggregate, r.lead_id AS part, r.status AS value FROM leads t
		JOIN lead_reviews r ON r.seller_id = t.seller_id AND r.lead_id = t.id WHERE {range}`, reviews).Of("lead_reviews"),
	{
		Invariant: "I6", Name: "form_lead_has_review", Description: "A lead has a review if and only if it came through the form.",
		Query: `SELECT t.id AS id, CASE WHEN t.origin = 'form' THEN 'a review' ELSE 'none' END AS want,
				CASE WHEN EXISTS (SELECT 1 FROM lead_reviews r WHERE r.seller_id = t.seller_id AND r.lead_id = t.id) THEN 'a review' ELSE 'none' END AS got
			FROM leads t WHERE {range}`,
	},
}

// reviews are told of form leads: where they stand with the seller. An event about the market says nothing of it.
var reviews = &audit.Facts{
	Types: []string{eventsv1.LeadSubmitted{}.Type(), eventsv1.LeadConverted{}.Type(), eventsv1.LeadRejected{}.Type(), program.LeadDeletedType},
	Of: func(e *application.StoredEvent) ([]audit.Fact, error) {
		var data struct {
			Origin lead.Origin `json:"origin"`
			Code   fault.Code  `json:"code"`
		}
		fact := audit.Fact{Part: e.AggregateID}
		switch e.Type {
		case eventsv1.LeadConverted{}.Type():
			fact.Value = string(lead.ReviewStatusConverted)
		case program.LeadDeletedType:
			fact.Value = string(lead.ReviewStatusDeleted)
		default:
			// A supplier's lead is told of by the same types; most of them are found without reading all of it.
			if !bytes.Contains(e.Payload, []byte(`"origin":"form"`)) || json.Unmarshal(e.Payload, &data) != nil || data.Origin != lead.OriginForm {
				return nil, nil
			}
			fact.Value = string(lead.ReviewStatusOpen)
			if e.Type == (eventsv1.LeadRejected{}).Type() {
				if fact.Value = string(lead.ReviewStatusRejected); data.Code != lead.CodeReviewRejected {
					return nil, nil
				}
			}
		}
		return []audit.Fact{fact}, nil
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

func isAttributed(owner string, told audit.Told) (want, got string) {
	switch {
	case told.Value == owner && told.Events > 0 || told.Incomplete || told.Unknown():
		return "", ""
	case told.Events == 0:
		told.Value = "none"
	}
	return cmp.Or(owner, "a partner"), told.Value
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
