package market

import (
	"context"
	"database/sql"
	"slices"

	"github.com/jmoiron/sqlx"

	"github.com/leadmill/leadmill/adapters/sqlstore/audit"
	"github.com/leadmill/leadmill/adapters/sqlstore/internal/leadrow"
	"github.com/leadmill/leadmill/application/market"
)

var buyerClaims = audit.Rule{
	Invariant: "I3", Name: "buyer_holds_its_claims", Table: "claims",
	Description: "A buyer holds the claims on whom it bought by a contract with a duplicate rule, until they expire or it bought the person again, unless the contract changed since or the person's data was erased.",
	Run:         readBuyerClaims,
}

func readBuyerClaims(ctx context.Context, c *audit.Chunk) error {
	var now int64
	if err := c.Query(ctx, latest+c.DB().Micros(), nil, func(rows *sqlx.Rows) error {
		var purged, told, database int64
		err := rows.Scan(&purged, &told, &database)
		now = max(purged, told, database)
		return err
	}); err != nil {
		return err
	}
	wanted := map[string][]wantedClaim{} // by seller
	taken := map[market.ClaimKey]boughtBy{}
	var seller, leadID, buyerID, contractID string
	var sold int64
	var fields sql.RawBytes
	var stored sql.NullString
	if err := c.Rows(ctx, `SELECT t.seller_id, t.lead_id, t.buyer_id, t.contract_id, t.sold_at, l.fields, k.rules FROM sales t
			JOIN leads l ON l.seller_id = t.seller_id AND l.id = t.lead_id
			JOIN contracts k ON k.seller_id = t.seller_id AND k.campaign_id = t.campaign_id AND k.id = t.contract_id
			WHERE {range} AND l.erased_at = 0 AND k.updated_at + 60000000 < t.sold_at AND INSTR(k.rules, '"dedupe":') > 0`, func(rows *sqlx.Rows) error {
		if err := rows.Scan(&seller, &leadID, &buyerID, &contractID, &sold, &fields, &stored); err != nil {
			return err
		}
		var rules contractRulesColumn
		if decodeRules(stored, contractID, &rules) != nil {
			return nil //nolint:nilerr // another rule says it
		}
		rule := rules.Dedupe.restored()
		expires := sold + rule.Window().Microseconds()
		given, err := leadrow.DecodeFields(fields)
		if err != nil || expires <= now+clocksDiffer.Microseconds() {
			return nil //nolint:nilerr // another rule says it
		}
		for _, key := range market.BuyerClaimKeys(buyerID, rule, given) {
			wanted[seller] = append(wanted[seller], wantedClaim{key, leadID, expires})
			taken[key] = boughtBy{buyerID, rule.Window().Microseconds()}
		}
		return nil
	}); err != nil {
		return err
	}
	for seller, all := range wanted {
		var passed []passedClaim
		if err := findAllClaims(ctx, c, seller, all, func(of wantedClaim, lead string, expires int64) {
			by := taken[of.key]
			passed = append(passed, passedClaim{of.lead, lead, by.buyer, expires - by.lasts})
		}); err != nil {
			return err
		}
		for piece := range slices.Chunk(passed, c.DB().MaxParams()-1) {
			if err := findLaterSales(ctx, c, seller, piece); err != nil {
				return err
			}
		}
	}
	return nil
}

// boughtBy says whose claim it is and how long it lasts, in microseconds.
type boughtBy struct {
	buyer string
	lasts int64
}

// passedClaim is a claim that a later lead holds because the buyer bought that one too, at a time.
type passedClaim struct {
	lead, later, buyer string
	sold               int64
}

// findLaterSales looks for the sales by which claims went to later leads.
func findLaterSales(ctx context.Context, c *audit.Chunk, seller string, all []passedClaim) error {
	type sale struct {
		lead, buyer string
		at          int64
	}
	query, args := "SELECT lead_id, buyer_id, sold_at FROM sales WHERE seller_id = ? AND lead_id IN (?", []any{seller, all[0].later}
	for i := range all[1:] {
		query, args = query+",?", append(args, all[i+1].later)
	}
	found := map[sale]bool{}
	var s sale
	if err := c.Query(ctx, query+")", args, func(rows *sqlx.Rows) error {
		err := rows.Scan(&s.lead, &s.buyer, &s.at)
		found[s] = true
		return err
	}); err != nil {
		return err
	}
	for _, p := range all {
		if !found[sale{p.later, p.buyer, p.sold}] {
			c.Breach(p.lead, "its claim", "that of "+p.later)
		}
	}
	return nil
}
