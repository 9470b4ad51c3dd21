package market

import (
	"context"
	"fmt"
	"slices"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/adapters/sqlstore/internal/leadrow"
	"github.com/leadmill/leadmill/application"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
)

// boughtColumns are what a buyer is told of its sales s and their leads l.
const boughtColumns = "s.id AS sale_id, s.lead_id, s.campaign_id, s.contract_id, s.status, s.price, s.sold_at, " + deliveryOfSale + " AS delivery, l.category, l.dimensions, l.fields"

type boughtRow struct {
	EntryID    string `db:"entry_id"`
	SaleID     string `db:"sale_id"`
	LeadID     string `db:"lead_id"`
	CampaignID string `db:"campaign_id"`
	ContractID string `db:"contract_id"`
	Status     string `db:"status"`
	Price      int64  `db:"price"`
	SoldAt     int64  `db:"sold_at"`
	Delivery   string `db:"delivery"`
	Category   string `db:"category"`
	Dimensions []byte `db:"dimensions"`
	Fields     []byte `db:"fields"`
}

func answerBought(r boughtRow) (marketquery.BoughtLead, error) {
	out := marketquery.BoughtLead{
		EntryID: r.EntryID, SaleID: r.SaleID, LeadID: r.LeadID, CampaignID: r.CampaignID, ContractID: r.ContractID, Category: r.Category, Status: r.Status,
		Delivery: marketquery.DeliveryShown(r.Delivery), Price: money.Micros(r.Price), SoldAt: engine.Time(r.SoldAt),
	}
	dimensions, err := leadrow.DecodeDimensions(r.Dimensions)
	if err != nil {
		return marketquery.BoughtLead{}, fmt.Errorf("restore lead %s: %w", r.LeadID, err)
	}
	for _, d := range dimensions {
		if d.Name == field.DimensionState {
			out.State = d.Value
		}
	}
	if out.Fields, err = leadrow.DecodeFields(r.Fields); err != nil {
		return marketquery.BoughtLead{}, fmt.Errorf("restore lead %s: %w", r.LeadID, err)
	}
	return out, nil
}

// BoughtLeads answers marketquery.BoughtLeads: buyer.ErrNotFound. They are found by the buyer's key of the ledger, because sales have none.
func (r *Reader) BoughtLeads(ctx context.Context, q marketquery.BoughtLeads) (application.List[marketquery.BoughtLead], error) {
	none := application.List[marketquery.BoughtLead]{}
	of, err := r.BuyerByID(ctx, marketquery.BuyerByID{Actor: q.Actor, ID: q.BuyerID})
	if err != nil {
		return none, err
	}
	order := engine.Order{Columns: []string{"e.id"}}
	if q.Page.After != "" && !engine.IsID(q.Page.After) {
		return none, engine.ErrCursor()
	}
	charges := &engine.Filter{Args: []any{q.SellerID, q.BuyerID}}
	charges.WriteString("SELECT e.seller_id, e.id, e.sale_id FROM ledger_entries e" + r.db.UseKey("PRIMARY") + " WHERE e.seller_id = ? AND e.buyer_id = ? AND e.type = 'sale'")
	if !q.From.IsZero() {
		charges.And("e.id >= ? AND e.created_at >= ?", engine.FirstID("entry", q.From.Add(-idSlack)), engine.Micros(q.From))
	}
	if !q.To.IsZero() {
		charges.And("e.id < ? AND e.created_at < ?", engine.FirstID("entry", q.To.Add(idSlack)), engine.Micros(q.To))
	}
	upTo(charges, "e.id", q.Page)
	list, err := engine.ListBy(ctx, r.db, order, q.Page, func(l marketquery.BoughtLead) string { return l.EntryID }, answerBought,
		"SELECT e.id AS entry_id, "+boughtColumns+" FROM ("+charges.String()+") e JOIN sales s ON s.seller_id = e.seller_id AND s.id = e.sale_id "+
			"JOIN leads l ON l.seller_id = s.seller_id AND l.id = s.lead_id WHERE 1 = 1", charges.Args...)
	if err != nil {
		return none, err
	}
	return list, r.addTerms(ctx, q.SellerID, of, list.Items)
}

// BoughtLeadBySale answers marketquery.BoughtLeadBySale: lead.ErrSaleNotFound.
func (r *Reader) BoughtLeadBySale(ctx context.Context, q marketquery.BoughtLeadBySale) (marketquery.BoughtLead, error) {
	if !engine.IsID(q.SaleID) || !engine.IsID(q.BuyerID) {
		return marketquery.BoughtLead{}, lead.ErrSaleNotFound
	}
	of, err := r.BuyerByID(ctx, marketquery.BuyerByID{Actor: q.Actor, ID: q.BuyerID})
	if err != nil {
		return marketquery.BoughtLead{}, err
	}
	var row boughtRow
	if err := r.db.One(ctx, lead.ErrSaleNotFound, &row, "SELECT '' AS entry_id, "+boughtColumns+" FROM sales s JOIN leads l ON l.seller_id = s.seller_id AND l.id = s.lead_id "+
		"WHERE s.seller_id = ? AND s.id = ? AND s.buyer_id = ?", q.SellerID, q.SaleID, q.BuyerID); err != nil {
		return marketquery.BoughtLead{}, err
	}
	out, err := answerBought(row)
	if err != nil {
		return marketquery.BoughtLead{}, err
	}
	one := []marketquery.BoughtLead{out}
	err = r.addTerms(ctx, q.SellerID, of, one)
	return one[0], err
}

// addTerms gives sales to a buyer the names of their campaigns and until when they can be given back, and leaves of the fields what the buyer is to
// have: those that the contract delivers, also when it has ended, and none of a sale that was given back.
func (r *Reader) addTerms(ctx context.Context, sellerID string, of marketquery.Buyer, sales []marketquery.BoughtLead) error {
	if len(sales) == 0 {
		return nil
	}
	var campaigns, contracts []string
	for _, s := range sales {
		campaigns, contracts = append(campaigns, s.CampaignID), append(contracts, s.ContractID)
	}
	campaigns, contracts = distinct(campaigns), distinct(contracts)
	var named []campaignRow
	if err := r.db.All(ctx, &named, "SELECT "+campaignColumns+" FROM campaigns WHERE seller_id = ? AND id IN ("+engine.Marks(len(campaigns))+")",
		append([]any{sellerID}, engine.Anys(campaigns)...)...); err != nil {
		return err
	}
	found := map[string]marketquery.Campaign{}
	for _, row := range named {
		c, err := answerCampaign(row)
		if err != nil {
			return err
		}
		found[c.ID] = c
	}
	var rows []contractRow
	if err := r.db.All(ctx, &rows, "SELECT "+contractColumns+" FROM contracts WHERE seller_id = ? AND id IN ("+engine.Marks(len(contracts))+")",
		append([]any{sellerID}, engine.Anys(contracts)...)...); err != nil {
		return err
	}
	delivered := map[string]*campaign.Delivery{}
	for _, row := range rows {
		k, err := row.snapshot()
		if err != nil {
			return err
		}
		delivered[k.ID] = k.Delivery
	}
	for i := range sales {
		s := &sales[i]
		c := found[s.CampaignID]
		s.CampaignName = c.Name
		if window := of.Returns.Window.Within(c.Returns.WindowDays); window > 0 {
			s.ReturnUntil = s.SoldAt.Add(window)
		}
		s.Fields = forBuyer(s.Fields, delivered[s.ContractID])
		if s.Returned() {
			s.Fields = nil
		}
	}
	return nil
}

func distinct(ids []string) []string {
	slices.Sort(ids)
	return slices.Compact(ids)
}

// forBuyer returns what a contract delivers of the fields of a lead: all, unless it names some.
func forBuyer(fields field.Set, d *campaign.Delivery) field.Set {
	if d == nil || len(d.Fields) == 0 {
		return fields
	}
	out := field.Set{}
	for _, source := range d.Fields {
		if name, ok := campaign.SourceField(source); ok {
			if v, there := fields[name]; there {
				out[name] = v
			}
		}
	}
	return out
}
