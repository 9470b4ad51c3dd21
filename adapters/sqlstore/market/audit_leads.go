package market

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/leadmill/leadmill/adapters/sqlstore/audit"
	"github.com/leadmill/leadmill/adapters/sqlstore/internal/leadrow"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/campaign"
)

// claimsHeld is the rule about the claims of leads.
const claimsHeld = "lead_holds_its_claims"

const (
	// externalLasts is how long the claim of an external id lasts.
	externalLasts = 200 * 365 * 24 * time.Hour
	// clocksDiffer is by how much the clock by which claims end may be ahead of all that is stored of it.
	clocksDiffer = time.Hour
)

var leadColumns = []audit.Column{{Name: "fields", Of: "{"}, {Name: "dimensions", Of: "{", Null: true}, {Name: "trace", Of: "[{"}}

// wantedClaim is a claim that a lead took and that is not over.
type wantedClaim struct {
	key     market.ClaimKey
	lead    string
	expires int64
}

// latest selects how late it is by the clock of the instances, by which claims end and are purged, as far as it is stored, and then by the
// database's.
const latest = "SELECT IFNULL((SELECT MAX(last_started_at) FROM jobs), 0), " + lastEvent + ", "

// lastEvent is when something happened last.
const lastEvent = "IFNULL((SELECT MAX(newest.at) FROM (SELECT at FROM event_positions ORDER BY first_position DESC LIMIT 100) newest), 0)"

// readLeads reads what leads hold once: for whether it can be read, and for the claims that they took. Those of an erased lead are erased
// with it or are not, and what a lead took that came before it was kept is not known.
func readLeads(ctx context.Context, c *audit.Chunk) error {
	readable := c.As(audit.ReadableName, "leads")
	wanted := map[string][]wantedClaim{} // by seller
	var seller, id, campaignID, keyID, externalID string
	var blobs [3]sql.RawBytes
	var claimed sql.NullString
	var created, erased, now int64
	if err := c.Query(ctx, latest+c.DB().Micros(), nil, func(rows *sqlx.Rows) error {
		var purged, told, database int64
		err := rows.Scan(&purged, &told, &database)
		now = max(purged, told, database)
		return err
	}); err != nil {
		return err
	}
	err := c.Rows(ctx, `SELECT t.seller_id, t.id, t.campaign_id, t.key_id, t.external_id, t.created_at, t.erased_at, t.fields, t.dimensions, t.trace,
			CASE WHEN t.test <> 0 OR t.status IN ('duplicate', 'rejected') THEN NULL ELSE t.claimed END FROM leads t WHERE {range}`, func(rows *sqlx.Rows) error {
		if err := rows.Scan(&seller, &id, &campaignID, &keyID, &externalID, &created, &erased, &blobs[0], &blobs[1], &blobs[2], &claimed); err != nil {
			return err
		}
		for i, column := range leadColumns {
			if !column.Reads(blobs[i]) {
				readable.Breach(id, column.Name, "unreadable")
			}
		}
		if !claimed.Valid || erased > 0 {
			return nil
		}
		want := func(scope string, kind market.ClaimKind, value string, lasts time.Duration) {
			if expires := created + lasts.Microseconds(); expires > now+clocksDiffer.Microseconds() {
				wanted[seller] = append(wanted[seller], wantedClaim{market.NewClaimKey(scope, kind, value), id, expires})
			}
		}
		if externalID != "" {
			want(keyID, market.ClaimExternalID, externalID, externalLasts)
		}
		rule, ok := campaign.RestoreDedupe(claimed.String)
		if !ok {
			if claimed.String != "" {
				readable.Breach(id, "claimed", "unreadable")
			}
			return nil
		}
		if created+rule.Window().Microseconds() <= now {
			return nil
		}
		if fields, err := leadrow.DecodeFields(blobs[0]); err == nil { // an error was reported above
			for kind, value := range rule.Keys(fields) {
				want(campaignID, market.ClaimKind(kind), value, rule.Window())
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for seller, all := range wanted {
		if err := findAllClaims(ctx, c, seller, all, nil); err != nil {
			return err
		}
	}
	return nil
}

func findAllClaims(ctx context.Context, c *audit.Chunk, seller string, all []wantedClaim, passedOn func(of wantedClaim, lead string, expires int64)) error {
	for piece := range slices.Chunk(all, c.DB().MaxParams()-1) {
		if err := findClaims(ctx, c, seller, piece, passedOn); err != nil {
			return err
		}
	}
	return nil
}

// findClaims compares claims of a seller with what is stored. A breach names the lead and not the key, which is a hash of what may be
// personal data. passedOn is told of those that another lead holds until later; nil: a claim is never passed on.
func findClaims(ctx context.Context, c *audit.Chunk, seller string, all []wantedClaim, passedOn func(of wantedClaim, lead string, expires int64)) error {
	type held struct {
		lead    string
		expires int64
	}
	query, args := "SELECT claim_key, lead_id, expires_at FROM claims WHERE seller_id = ? AND claim_key IN (?", []any{seller, all[0].key[:]}
	for i := range all[1:] {
		query, args = query+",?", append(args, all[i+1].key[:])
	}
	found := make(map[market.ClaimKey]held, len(all))
	var key sql.RawBytes
	if err := c.Query(ctx, query+")", args, func(rows *sqlx.Rows) error {
		var h held
		if err := rows.Scan(&key, &h.lead, &h.expires); err != nil {
			return err
		}
		if len(key) == sha256.Size {
			found[market.ClaimKey(key)] = h
		}
		return nil
	}); err != nil {
		return err
	}
	c.Looked(len(all))
	for _, w := range all {
		switch h, there := found[w.key]; {
		case !there:
			c.Breach(w.lead, "its claim", "none")
		case passedOn != nil && h.lead != w.lead && h.expires > w.expires:
			passedOn(w, h.lead, h.expires)
		case h.lead != w.lead:
			c.Breach(w.lead, "its claim", "that of "+h.lead)
		case h.expires != w.expires:
			c.Breach(w.lead, fmt.Sprintf("until %d", w.expires), fmt.Sprintf("until %d", h.expires))
		}
	}
	return nil
}
