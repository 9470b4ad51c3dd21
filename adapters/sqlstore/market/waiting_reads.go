package market

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/adapters/sqlstore/internal/leadrow"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/lead"
)

// WaitingLeads answers marketquery.WaitingLeads: the leads are found by the narrow table, their decisions are read from themselves.
func (r *Reader) WaitingLeads(ctx context.Context, q marketquery.WaitingLeads) (marketquery.Waiting, error) {
	var out marketquery.Waiting
	if _, err := r.db.Get(ctx, &out.Leads, "SELECT COUNT(*) FROM (SELECT u.lead_id FROM unsold_leads u"+r.db.UseKey("unsold_leads_status")+
		" WHERE u.seller_id = ? AND u.status = ? LIMIT ?) w", q.SellerID, string(lead.StatusPending), marketquery.MostWaitingCounted); err != nil || out.Leads == 0 {
		return out, err
	}
	holding, err := r.holding(ctx, marketquery.MarketplaceLeads{Actor: q.Actor}, []string{string(lead.StatusPending)}, nil)
	if err != nil {
		return out, err
	}
	campaigns := holding[string(lead.StatusPending)]
	groups := waitingGroups{}
	for i, campaign := range campaigns {
		most := (marketquery.MostWaiting - int(out.Looked)) / (len(campaigns) - i)
		if most == 0 {
			break
		}
		looked, err := r.waitingOf(ctx, q.SellerID, campaign, most, groups)
		if err != nil {
			return out, err
		}
		out.Looked += looked
	}
	for _, g := range groups {
		out.Groups = append(out.Groups, *g)
	}
	slices.SortFunc(out.Groups, func(a, b marketquery.WaitingGroup) int {
		return cmp.Or(cmp.Compare(b.Worth, a.Worth), cmp.Compare(b.Leads, a.Leads), cmp.Compare(a.CampaignID+a.ContractID+a.Reason, b.CampaignID+b.ContractID+b.Reason))
	})
	return out, r.nameWaiting(ctx, q.SellerID, out.Groups)
}

type waitingGroups map[[4]string]*marketquery.WaitingGroup

func (g waitingGroups) add(campaign string, row leadrow.Row, c lead.Consideration) error {
	key := [4]string{campaign, c.ContractID, c.Reason, c.Of}
	of := g[key]
	if of == nil {
		of = &marketquery.WaitingGroup{
			CampaignID: campaign, ContractID: c.ContractID, BuyerID: c.BuyerID, Reason: c.Reason, Of: c.Of, Oldest: engine.Time(row.CreatedAt), LeadID: row.ID,
		}
		g[key] = of
	}
	of.Leads++
	var err error
	of.Worth, err = of.Worth.Add(c.Price)
	return err
}

// asTheyAre are the reasons that belong to the lead: nothing that somebody tops up, resumes or waits for takes them away.
var asTheyAre = []string{
	distribution.ReasonFilter, distribution.ReasonDuplicateBuyer, distribution.ReasonBuyerRejected, distribution.ReasonBuyerDuplicate, distribution.ReasonNoBid,
	distribution.ReasonBelowReserve, distribution.ReasonBelowQuote,
}

// waitingOf looks at the oldest waiting leads of a campaign.
func (r *Reader) waitingOf(ctx context.Context, sellerID, campaign string, most int, groups waitingGroups) (looked int64, err error) {
	var rows []leadrow.Row
	if err := r.db.All(ctx, &rows, "SELECT l.id, l.trace, l.created_at FROM unsold_leads u"+r.db.UseKey("unsold_leads_status")+
		" JOIN leads l ON l.seller_id = u.seller_id AND l.id = u.lead_id WHERE u.seller_id = ? AND u.status = ? AND u.campaign_id = ? ORDER BY u.lead_id LIMIT ?",
		sellerID, string(lead.StatusPending), campaign, most); err != nil {
		return 0, err
	}
	for _, row := range rows {
		trace, err := row.DecidedBy()
		if err != nil {
			return 0, err
		}
		freeable := false
		for _, c := range trace.Considered {
			if slices.Contains(asTheyAre, c.Reason) {
				continue
			}
			freeable = true
			if err := groups.add(campaign, row, c); err != nil {
				return 0, fmt.Errorf("add up waiting leads: %w", err)
			}
		}
		if !freeable {
			if err := groups.add(campaign, row, lead.Consideration{Reason: marketquery.WaitsForContract}); err != nil {
				return 0, err
			}
		}
	}
	return int64(len(rows)), nil
}

// nameWaiting gives groups the names of their campaigns and buyers.
func (r *Reader) nameWaiting(ctx context.Context, sellerID string, groups []marketquery.WaitingGroup) error {
	for _, n := range []struct {
		table string
		id    func(*marketquery.WaitingGroup) string
		name  func(*marketquery.WaitingGroup) *string
	}{
		{"campaigns", func(g *marketquery.WaitingGroup) string { return g.CampaignID }, func(g *marketquery.WaitingGroup) *string { return &g.Campaign }},
		{"buyers", func(g *marketquery.WaitingGroup) string { return g.BuyerID }, func(g *marketquery.WaitingGroup) *string { return &g.Buyer }},
	} {
		of := map[string][]*string{}
		for i := range groups {
			if id := n.id(&groups[i]); id != "" {
				of[id] = append(of[id], n.name(&groups[i]))
			}
		}
		ids := make([]any, 0, len(of))
		for id := range of {
			ids = append(ids, id)
		}
		for some := range slices.Chunk(ids, engine.MaxParams/2) {
			var rows []struct {
				ID   string `db:"id"`
				Name string `db:"name"`
			}
			if err := r.db.All(ctx, &rows, "SELECT id, name FROM "+n.table+" WHERE seller_id = ? AND id IN ("+engine.Marks(len(some))+")", append([]any{sellerID}, some...)...); err != nil {
				return err
			}
			for _, row := range rows {
				for _, name := range of[row.ID] {
					*name = row.Name
				}
			}
		}
	}
	return nil
}
