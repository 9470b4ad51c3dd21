package market

import (
	"context"
	"encoding/json"
	"fmt"
	"sort"
	"strconv"

	"github.com/jmoiron/sqlx"

	"github.com/leadmill/leadmill/adapters/sqlstore/audit"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	"github.com/leadmill/leadmill/domain/lead"
)

// creditRule is the rule about what returned sales are paid back with.
const creditRule = "returned_sale_is_credited"

// returnsTable says what must hold for returns.
var returnsTable = audit.Table{
	Name: "sale_returns", Key: []string{"seller_id", "id"}, Size: audit.ManyRows,
	Since: &audit.Since{Column: "id", Prefix: "return", Groups: "SELECT id FROM sellers"},
	References: []audit.Reference{
		{Column: "sale_id", Table: "sales"}, {Column: "lead_id", Table: "leads"}, {Column: "contract_id", Table: "contracts", With: "campaign_id"}, {Column: "buyer_id", Table: "buyers"},
	},
	Rules: []audit.Rule{
		{
			Invariant: "I1", Name: "return_is_of_its_sale", Description: "A return has the lead, contract, buyer, price, payout and time of its sale.",
			Query: `SELECT t.id AS id, CONCAT(s.lead_id, ' ', s.contract_id, ' ', s.buyer_id, ' ', s.price, ' ', IFNULL(s.payout, t.payout), ' ', s.sold_at) AS want,
				CONCAT(t.lead_id, ' ', t.contract_id, ' ', t.buyer_id, ' ', t.price, ' ', t.payout, ' ', t.sold_at) AS got
				FROM sale_returns t JOIN sales s ON s.seller_id = t.seller_id AND s.id = t.sale_id WHERE {range}`,
		},
		{
			Invariant: "I1", Name: "open_return_holds_sale", Description: "A return holds its sale, so that no other return of it is open, if and only if it is not decided.",
			Query: `SELECT t.id AS id, CASE WHEN t.status = 'pending' THEN t.sale_id ELSE 'none' END AS want,
				CASE WHEN t.open_sale IS NULL THEN 'none' ELSE t.open_sale END AS got FROM sale_returns t WHERE {range}`,
		},
		{
			Invariant: "I1", Name: "return_fits_sale", Description: "The sale of an open return is return_requested, that of an approved one is returned.",
			Query: `SELECT t.id AS id, CASE WHEN t.status = 'pending' THEN 'return_requested' ELSE 'returned' END AS want, s.status AS got
				FROM sale_returns t JOIN sales s ON s.seller_id = t.seller_id AND s.id = t.sale_id WHERE {range} AND t.status <> 'rejected'`,
		},
	},
}

// returnSaleRules are about sales that are given back.
var returnSaleRules = []audit.Rule{
	{
		Invariant: "I1", Name: "sale_status_fits_slot", Description: "A sale is charged if and only if it has a slot of its lead.",
		Query: `SELECT t.id AS id, CASE WHEN t.slot > 0 THEN 'live' ELSE 'dead' END AS want,
			CASE WHEN t.status IN ('captured', 'return_requested') THEN 'live' ELSE 'dead' END AS got FROM sales t WHERE {range}`,
	},
	{
		Invariant: "I1", Name: "sale_has_its_return", Description: "A sale of which a return is requested has one open return, and a returned sale has one that was approved.",
		Query: `SELECT t.id AS id, 1 AS want, (SELECT COUNT(*) FROM sale_returns r WHERE r.seller_id = t.seller_id AND r.lead_id = t.lead_id AND r.sale_id = t.id
				AND r.status = CASE WHEN t.status = 'returned' THEN 'approved' ELSE 'pending' END) AS got
			FROM sales t WHERE {range} AND t.status IN ('return_requested', 'returned')`,
	},
	{
		Invariant: "I1", Name: creditRule, Description: "A returned sale has one return entry in its buyer's ledger, and no other sale has one.",
	},
}

// returnLeadRules are about leads whose sales are given back.
var returnLeadRules = []audit.Rule{
	{
		Invariant: "I3", Name: "returned_lead_was_sold", Description: "A lead that is returned has a returned sale.",
		Query: `SELECT t.id AS id, 'a returned sale' AS want, 'none' AS got FROM leads t WHERE {range} AND t.status = 'returned'
			AND NOT EXISTS (SELECT 1 FROM sales s WHERE s.seller_id = t.seller_id AND s.lead_id = t.id AND s.slot < 0)`,
	},
	{
		Invariant: "I1", Name: "unsold_lead_earns_nothing", Description: "A lead that is no test and has no live sale earns its supplier nothing.",
		Query: `SELECT t.id AS id, 0 AS want, t.payout AS got FROM leads t WHERE {range} AND t.test = 0
			AND NOT EXISTS (SELECT 1 FROM sales s WHERE s.seller_id = t.seller_id AND s.lead_id = t.id AND s.slot > 0)`,
	},
	{
		Invariant: "I6", Name: "erased_lead_has_no_notes", Description: "Nothing is noted on the returns of a lead that was erased.",
		Query: `SELECT t.id AS id, 'erased' AS want, 'personal data' AS got FROM leads t WHERE {range} AND t.erased_at > 0
			AND EXISTS (SELECT 1 FROM sale_returns r WHERE r.seller_id = t.seller_id AND r.lead_id = t.id AND (r.note <> '' OR r.decision_note <> ''))`,
	},
	audit.StatusRule(`SELECT t.seller_id AS seller, t.id AS aggregate, r.id AS part, CONCAT(r.status, ' ', r.sale_id, ' ', r.price) AS value FROM leads t
		JOIN sale_returns r ON r.seller_id = t.seller_id AND r.lead_id = t.id WHERE {range}`, returnsTold).Of("sale_returns"),
}

// returnsTold are told of the returns of a lead's sales.
var returnsTold = &audit.Facts{
	Types: []string{eventsv1.ReturnRequested{}.Type(), eventsv1.ReturnApproved{}.Type(), eventsv1.ReturnRejected{}.Type()},
	Of: func(e *application.StoredEvent) ([]audit.Fact, error) {
		var r struct {
			ReturnID string          `json:"return_id"`
			SaleID   string          `json:"sale_id"`
			Price    eventsv1.Amount `json:"price"`
		}
		if err := json.Unmarshal(e.Payload, &r); err != nil {
			return nil, err
		}
		price, err := r.Price.Micros()
		if err != nil {
			return nil, err
		}
		status := map[string]lead.ReturnStatus{
			eventsv1.ReturnRequested{}.Type(): lead.ReturnStatusPending, eventsv1.ReturnApproved{}.Type(): lead.ReturnStatusApproved,
			eventsv1.ReturnRejected{}.Type(): lead.ReturnStatusRejected,
		}[e.Type]
		return []audit.Fact{{Part: r.ReturnID, Value: fmt.Sprintf("%s %s %d", status, r.SaleID, price)}}, nil
	},
}

// payoutLeft reads what a return.approved.v1 event leaves to the supplier.
func payoutLeft(e *application.StoredEvent) ([]audit.Fact, error) {
	var r struct {
		LeadPayout eventsv1.Amount `json:"lead_payout"`
	}
	if err := json.Unmarshal(e.Payload, &r); err != nil {
		return nil, err
	}
	payout, err := r.LeadPayout.Micros()
	return []audit.Fact{{Value: string(lead.StatusSold) + ", payout " + strconv.FormatInt(payout, 10)}}, err
}

// tooLate are the sales of one owner of counters that were returned: those that were when a span was over keep their place in it.
type tooLate []struct{ sold, returned, price int64 }

// in returns how many sales of a span keep their place in it, and their sum.
func (l tooLate) in(from, to int64) (n, sum int64) {
	for i := sort.Search(len(l), func(i int) bool { return l[i].sold >= from }); i < len(l) && l[i].sold < to; i++ {
		if l[i].returned >= to {
			n, sum = n+1, sum+l[i].price
		}
	}
	return n, sum
}

// returnedTooLate reads the returned sales of contracts.
func returnedTooLate(ctx context.Context, c *audit.Chunk, from int64) (map[string]tooLate, error) {
	late := map[string]tooLate{}
	return late, c.Rows(ctx, `SELECT r.contract_id, r.sold_at, r.decided_at, r.price FROM contracts t
		JOIN sale_returns r ON r.seller_id = t.seller_id AND r.contract_id = t.id AND r.status = 'approved' AND r.sold_at >= `+strconv.FormatInt(from, 10)+`
		WHERE {range} ORDER BY r.contract_id, r.sold_at`, func(rows *sqlx.Rows) error {
		var contract string
		var s struct{ sold, returned, price int64 }
		err := rows.Scan(&contract, &s.sold, &s.returned, &s.price)
		late[contract] = append(late[contract], s)
		return err
	})
}
