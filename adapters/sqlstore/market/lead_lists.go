package market

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/adapters/sqlstore/internal/leadrow"
	"github.com/leadmill/leadmill/application"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/delivery"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
)

// MarketplaceLeads answers marketquery.MarketplaceLeads. Fields and traces are not read. All leads are read in the order of
// their key; those of one status or category are found by the narrow table and by the sales, so that rare ones are found as quickly. Times
// are found by the ids, which begin with them. For all else leads are searched.
func (r *Reader) MarketplaceLeads(ctx context.Context, q marketquery.MarketplaceLeads) (application.List[marketquery.MarketplaceLead], error) {
	var campaigns []string
	if q.Category != "" {
		// Suppliers' spellings are matched by campaign, so leads are found by the campaigns of the category.
		var err error
		if campaigns, err = r.campaignsOfCategory(ctx, q.SellerID, q.Category); err != nil || len(campaigns) == 0 {
			return application.List[marketquery.MarketplaceLead]{}, err
		}
	}
	if q.Searches() {
		return r.searchLeads(ctx, q, campaigns)
	}
	var query string
	var args []any
	if q.Status == "" && q.Category == "" {
		f := listed("leads l", "l.id", q, "l.status <> ''")
		query, args = f.String(), f.Args
	} else {
		var err error
		if query, args, err = r.listedInPart(ctx, q, campaigns); err != nil || query == "" {
			return application.List[marketquery.MarketplaceLead]{}, err
		}
	}
	l, err := engine.List(ctx, r.db, q.Page, func(l marketquery.MarketplaceLead) string { return l.ID }, answerLead, query, args...)
	if err != nil {
		return l, err
	}
	return l, r.addSales(ctx, q.SellerID, l.Items)
}

// salesAtOnce is for how many leads sales are read by one statement.
const salesAtOnce = 250

// addSales gives leads of a seller their sales, with who bought them, and what those are offered at that are not sold.
func (r *Reader) addSales(ctx context.Context, sellerID string, leads []marketquery.MarketplaceLead) error {
	for some := range slices.Chunk(leads, salesAtOnce) {
		of := make(map[string]*marketquery.MarketplaceLead, len(some))
		args := []any{sellerID}
		var waiting []string
		for i := range some {
			of[some[i].ID] = &some[i]
			args = append(args, some[i].ID)
			if some[i].Status != string(lead.StatusSold) {
				waiting = append(waiting, some[i].ID)
			}
		}
		waits, err := leadrow.WaitingOf(ctx, r.db, sellerID, waiting)
		if err != nil {
			return err
		}
		for id, w := range waits {
			of[id].AskingPrice = w.Price
		}
		var rows []struct {
			LeadID     string `db:"lead_id"`
			Slot       int64  `db:"slot"`
			ID         string `db:"id"`
			ContractID string `db:"contract_id"`
			BuyerID    string `db:"buyer_id"`
			BuyerName  string `db:"buyer_name"`
			Status     string `db:"status"`
			Price      int64  `db:"price"`
			SoldAt     int64  `db:"sold_at"`
			Delivery   string `db:"delivery"`
		}
		if err := r.db.All(ctx, &rows, "SELECT s.lead_id, s.slot, s.id, s.contract_id, s.buyer_id, COALESCE(b.name, '') AS buyer_name, s.status, s.price, s.sold_at, "+deliveryOfSale+" AS delivery "+
			"FROM sales s LEFT JOIN buyers b ON b.seller_id = s.seller_id AND b.id = s.buyer_id WHERE s.seller_id = ? AND s.lead_id IN ("+engine.Marks(len(some))+") "+
			"ORDER BY s.lead_id, s.slot < 0, s.slot, s.id", args...); err != nil {
			return err
		}
		for _, s := range rows {
			l := of[s.LeadID]
			sale := marketquery.Sale{
				ID: s.ID, ContractID: s.ContractID, BuyerID: s.BuyerID, BuyerName: s.BuyerName, Status: s.Status, Live: s.Slot > 0,
				Price: money.Micros(s.Price), SoldAt: engine.Time(s.SoldAt), Delivery: marketquery.DeliveryShown(s.Delivery),
			}
			l.Sales = append(l.Sales, sale)
			if sale.Live {
				l.Price += sale.Price
			}
		}
		if err := r.addReserved(ctx, sellerID, of); err != nil {
			return err
		}
	}
	return nil
}

// addReserved gives leads of a seller the sales that are reserved or were released, behind those that were made.
func (r *Reader) addReserved(ctx context.Context, sellerID string, of map[string]*marketquery.MarketplaceLead) error {
	reserved, err := leadrow.ReservationsOf(ctx, r.db, sellerID, slices.Sorted(maps.Keys(of)))
	if err != nil || len(reserved) == 0 {
		return err
	}
	var buyers, ids []string
	for _, all := range reserved {
		for _, s := range all {
			buyers, ids = append(buyers, s.BuyerID), append(ids, delivery.IDOf(s.SaleID))
		}
	}
	var named []struct {
		ID   string `db:"id"`
		Name string `db:"name"`
	}
	if err := r.db.All(ctx, &named, "SELECT id, name FROM buyers WHERE seller_id = ? AND id IN ("+engine.Marks(len(buyers))+")", append([]any{sellerID}, engine.Anys(buyers)...)...); err != nil {
		return err
	}
	names := map[string]string{}
	for _, b := range named {
		names[b.ID] = b.Name
	}
	var rows []deliveryRow
	if err := r.db.All(ctx, &rows, "SELECT "+leadrow.DeliveryColumns+" FROM deliveries WHERE seller_id = ? AND id IN ("+engine.Marks(len(ids))+")", append([]any{sellerID}, engine.Anys(ids)...)...); err != nil {
		return err
	}
	states := map[string]string{}
	for _, d := range rows {
		states[d.SaleID] = marketquery.DeliveryOf(d.snapshot()).Status
	}
	for id, all := range reserved {
		for _, s := range all {
			sale := marketquery.ReservedSale(s)
			sale.BuyerName, sale.Delivery = names[s.BuyerID], marketquery.DeliveryShown(states[s.SaleID])
			of[id].Sales = append(of[id].Sales, sale)
		}
	}
	return nil
}

// listedColumns are the columns of leads that a list shows.
const listedColumns = "l.id, l.seller_id, l.origin, l.key_id, l.partner_id, l.campaign_id, l.category, l.dimensions, l.external_id, l.test, l.status, l.code, " +
	"l.reason, l.payout, l.pending_until, l.created_at, l.updated_at, l.version"

// idSlack is how far apart the time in a lead's id and the time at which it was accepted may be: a request waits a little between both, and
// ids do not go back with a clock that is set back, by an hour at most where it is one of the two that some places have.
const idSlack = 70 * time.Minute

// listed begins a statement that reads the leads l of a list from some tables: those of the seller that meet a condition. id is the column
// by which the tables are read in order.
func listed(from, id string, q marketquery.MarketplaceLeads, condition string, args ...any) *engine.Filter {
	f := &engine.Filter{Args: []any{q.SellerID}}
	f.WriteString("SELECT " + listedColumns + " FROM " + from + " WHERE l.seller_id = ?")
	f.And(condition, args...)
	between(f, id, q)
	within(f, q)
	return f
}

// between bounds a column of ids by the times of a list.
func between(f *engine.Filter, id string, q marketquery.MarketplaceLeads) {
	if !q.From.IsZero() {
		f.And(id+" >= ?", engine.FirstID("lead", q.From.Add(-idSlack)))
	}
	if !q.To.IsZero() {
		f.And(id+" < ?", engine.FirstID("lead", q.To.Add(idSlack)))
	}
}

// within lets in leads l that were created within the times of a list.
func within(f *engine.Filter, q marketquery.MarketplaceLeads) {
	if !q.From.IsZero() {
		f.And("l.created_at >= ?", engine.Micros(q.From))
	}
	if !q.To.IsZero() {
		f.And("l.created_at < ?", engine.Micros(q.To))
	}
}

// campaignsApart is for how many campaigns and statuses a list is read from each in the order of the key; of more, all leads of a status
// are sorted.
const campaignsApart = 20

// listedInPart returns the statement for the leads of one status, or of one category, or of both, to which the conditions of a page are
// added; it is empty when there can be none. campaigns are those of the asked category.
func (r *Reader) listedInPart(ctx context.Context, q marketquery.MarketplaceLeads, campaigns []string) (string, []any, error) {
	statuses := []string{q.Status}
	if q.Status == "" {
		statuses = marketquery.LeadStatuses()
	}
	holding, err := r.holding(ctx, q, statuses, campaigns)
	if err != nil {
		return "", nil, err
	}
	var parts []*engine.Filter
	for _, status := range statuses {
		apart := 1
		if len(holding[status]) > campaignsApart {
			apart = len(holding[status])
		}
		for some := range slices.Chunk(holding[status], apart) {
			f := listed("unsold_leads u"+r.db.UseKey("unsold_leads_status")+" JOIN leads l ON l.seller_id = u.seller_id AND l.id = u.lead_id", "u.lead_id", q,
				"u.seller_id = ? AND u.status = ? AND u.campaign_id IN ("+engine.Marks(len(some))+")", append([]any{q.SellerID, status}, engine.Anys(some)...)...)
			parts = append(parts, upTo(f, "u.lead_id", q.Page))
		}
	}
	if slices.Contains(statuses, string(lead.StatusSold)) {
		f := listed("sales s JOIN leads l ON l.seller_id = s.seller_id AND l.id = s.lead_id", "s.lead_id", q, "s.seller_id = ? AND s.slot = 1", q.SellerID)
		sold := true
		if q.Category != "" {
			f.And("s.campaign_id IN ("+engine.Marks(len(campaigns))+")", engine.Anys(campaigns)...)
			if sold, err = r.haveSold(ctx, q.SellerID, campaigns); err != nil {
				return "", nil, err
			}
		}
		if sold {
			parts = append(parts, upTo(f, "s.lead_id", q.Page))
		}
	}
	if len(parts) == 0 {
		return "", nil, nil
	}
	var b strings.Builder
	var args []any
	for i, p := range parts {
		if i > 0 {
			b.WriteString(" UNION ALL ")
		}
		b.WriteString("SELECT " + listedColumns + " FROM (" + p.String() + ") l")
		args = append(args, p.Args...)
	}
	return "SELECT " + listedColumns + " FROM (" + b.String() + ") l WHERE 1 = 1", args, nil
}

// holding returns which of some campaigns, or of all for a list of every category, have leads of each status in the narrow table. Each is
// asked for its first one: servers make a join of EXISTS, and read all leads of the status for it.
func (r *Reader) holding(ctx context.Context, q marketquery.MarketplaceLeads, statuses, campaigns []string) (map[string][]string, error) {
	var all engine.Filter
	for i, status := range statuses {
		if i > 0 {
			all.WriteString(" UNION ALL ")
		}
		all.WriteString("SELECT ? AS status, c.id FROM campaigns c WHERE c.seller_id = ? AND (SELECT 1 FROM unsold_leads u" + r.db.UseKey("unsold_leads_status") +
			" WHERE u.seller_id = c.seller_id AND u.status = ? AND u.campaign_id = c.id LIMIT 1) = 1")
		all.Args = append(all.Args, status, q.SellerID, status)
		if q.Category != "" {
			all.And("c.id IN ("+engine.Marks(len(campaigns))+")", engine.Anys(campaigns)...)
		}
	}
	var rows []struct {
		Status string `db:"status"`
		ID     string `db:"id"`
	}
	if err := r.db.All(ctx, &rows, all.String(), all.Args...); err != nil {
		return nil, err
	}
	holding := map[string][]string{}
	for _, row := range rows {
		holding[row.Status] = append(holding[row.Status], row.ID)
	}
	return holding, nil
}

// haveSold reports whether a contract of some campaigns has ever bought a lead, so that those of none need not be looked for among the
// sales of all.
func (r *Reader) haveSold(ctx context.Context, sellerID string, campaigns []string) (bool, error) {
	var one int
	return r.db.Get(ctx, &one, "SELECT 1 FROM contracts k WHERE k.seller_id = ? AND k.campaign_id IN ("+engine.Marks(len(campaigns))+") AND "+
		"(SELECT 1 FROM sales s"+r.db.UseKey("sales_contract")+" WHERE s.seller_id = k.seller_id AND s.contract_id = k.id LIMIT 1) = 1 LIMIT 1", append([]any{sellerID}, engine.Anys(campaigns)...)...)
}

// upTo lets a part of a list read no more rows, by the column of their ids, than the page can show of it.
func upTo(f *engine.Filter, column string, p application.Page) *engine.Filter {
	direction, beyond := " DESC", " < ?"
	if p.Ascending {
		direction, beyond = " ASC", " > ?"
	}
	if p.After != "" {
		f.And(column+beyond, p.After)
	}
	f.WriteString(" ORDER BY " + column + direction + " LIMIT ?")
	f.Args = append(f.Args, p.Offset()+p.Limit+1)
	return f
}
