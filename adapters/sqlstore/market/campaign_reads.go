package market

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/money"
)

// Campaigns answers marketquery.Campaigns.
func (r *Reader) Campaigns(ctx context.Context, q marketquery.Campaigns) (application.List[marketquery.Campaign], error) {
	return engine.List(ctx, r.db, q.Page, func(c marketquery.Campaign) string { return c.ID }, answerCampaign,
		"SELECT "+campaignColumns+" FROM campaigns WHERE seller_id = ?", q.SellerID)
}

// CampaignByID answers marketquery.CampaignByID: campaign.ErrNotFound.
func (r *Reader) CampaignByID(ctx context.Context, q marketquery.CampaignByID) (marketquery.Campaign, error) {
	var row campaignRow
	if err := r.db.One(ctx, campaign.ErrNotFound, &row, "SELECT "+campaignColumns+" FROM campaigns WHERE seller_id = ? AND id = ?", q.SellerID, q.ID); err != nil {
		return marketquery.Campaign{}, err
	}
	if row.ID != q.ID {
		return marketquery.Campaign{}, campaign.ErrNotFound
	}
	return answerCampaign(row)
}

func answerCampaign(row campaignRow) (marketquery.Campaign, error) {
	c, err := row.snapshot()
	if err != nil {
		return marketquery.Campaign{}, err
	}
	return marketquery.CampaignOf(c), nil
}

// Contracts answers marketquery.Contracts: campaign.ErrNotFound.
func (r *Reader) Contracts(ctx context.Context, q marketquery.Contracts) (application.List[marketquery.Contract], error) {
	if _, err := r.CampaignByID(ctx, marketquery.CampaignByID{Actor: q.Actor, ID: q.CampaignID}); err != nil {
		return application.List[marketquery.Contract]{}, err
	}
	return engine.List(ctx, r.db, q.Page, func(k marketquery.Contract) string { return k.ID }, answerContract,
		"SELECT "+contractColumns+" FROM contracts WHERE seller_id = ? AND campaign_id = ? AND status <> 'deleted'", q.SellerID, q.CampaignID)
}

// ContractByID answers marketquery.ContractByID: campaign.ErrNotFound, campaign.ErrContractNotFound.
func (r *Reader) ContractByID(ctx context.Context, q marketquery.ContractByID) (marketquery.Contract, error) {
	if _, err := r.CampaignByID(ctx, marketquery.CampaignByID{Actor: q.Actor, ID: q.CampaignID}); err != nil {
		return marketquery.Contract{}, err
	}
	var row contractRow
	if err := r.db.One(ctx, campaign.ErrContractNotFound, &row, "SELECT "+contractColumns+
		" FROM contracts WHERE seller_id = ? AND campaign_id = ? AND id = ? AND status <> 'deleted'", q.SellerID, q.CampaignID, q.ID); err != nil {
		return marketquery.Contract{}, err
	}
	if row.ID != q.ID {
		return marketquery.Contract{}, campaign.ErrContractNotFound
	}
	return answerContract(row)
}

// answerContract answers with the zone that the contract's caps count in.
func answerContract(row contractRow) (marketquery.Contract, error) {
	k, err := row.snapshot()
	if err != nil {
		return marketquery.Contract{}, err
	}
	return marketquery.ContractOf(row.CampaignID, k), nil
}

// ContractUsage answers marketquery.ContractUsage for the spans of time that are running now, by the reader's clock:
// campaign.ErrNotFound, campaign.ErrContractNotFound.
func (r *Reader) ContractUsage(ctx context.Context, q marketquery.ContractUsage) ([]marketquery.Usage, error) {
	k, err := r.ContractByID(ctx, marketquery.ContractByID(q))
	if err != nil {
		return nil, err
	}
	caps := k.Caps
	if len(caps) == 0 || caps[len(caps)-1].Window != string(calendar.Total) {
		caps = append(caps, marketquery.Cap{Window: string(calendar.Total)})
	}
	return r.usage(ctx, application.Ref{SellerID: q.SellerID, ID: k.ID}, k.TimeZone, caps)
}

// BuyerUsage answers marketquery.BuyerUsage likewise: buyer.ErrNotFound.
func (r *Reader) BuyerUsage(ctx context.Context, q marketquery.BuyerUsage) ([]marketquery.Usage, error) {
	b, err := r.BuyerByID(ctx, marketquery.BuyerByID(q))
	if err != nil || len(b.Caps) == 0 {
		return nil, err
	}
	return r.usage(ctx, application.Ref{SellerID: q.SellerID, ID: b.ID}, b.CapZone, b.Caps)
}

// CampaignUsage answers marketquery.CampaignUsage likewise: campaign.ErrNotFound.
func (r *Reader) CampaignUsage(ctx context.Context, q marketquery.CampaignUsage) ([]marketquery.Usage, error) {
	c, err := r.CampaignByID(ctx, marketquery.CampaignByID(q))
	if err != nil || len(c.Caps) == 0 {
		return nil, err
	}
	return r.usage(ctx, application.Ref{SellerID: q.SellerID, ID: c.ID}, c.CapZone, c.Caps)
}

// usage reads what the owner of caps used in their windows.
func (r *Reader) usage(ctx context.Context, owner application.Ref, timeZone string, caps []marketquery.Cap) ([]marketquery.Usage, error) {
	zone, err := calendar.ParseZone(timeZone)
	if err != nil {
		return nil, fmt.Errorf("zone of the caps of %s: %w", owner.ID, err)
	}
	var rows []struct {
		Key   string `db:"span_key"`
		Used  int64  `db:"used"`
		Spent int64  `db:"spent"`
	}
	if err := r.db.All(ctx, &rows, "SELECT span_key, used, spent FROM contract_counters WHERE seller_id = ? AND contract_id = ?", owner.SellerID, owner.ID); err != nil {
		return nil, err
	}
	now, out := r.clock.Now(), make([]marketquery.Usage, len(caps))
	for i, c := range caps {
		span := calendar.SpanAt(calendar.Window(c.Window), now, zone)
		out[i] = marketquery.Usage{Cap: c, ResetsAt: span.End}
		for _, row := range rows {
			if row.Key == span.Key {
				out[i].Used, out[i].Spent = row.Used, money.Micros(row.Spent)
			}
		}
	}
	return out, nil
}

// ActiveCampaign implements market.CampaignReader.
func (r *Reader) ActiveCampaign(ctx context.Context, sellerID, categoryKey string) (*campaign.Campaign, error) {
	var row campaignRow
	if err := r.db.One(ctx, campaign.ErrNoMatching, &row, "SELECT "+campaignColumns+" FROM campaigns WHERE seller_id = ? AND active_key = ?", sellerID, categoryKey); err != nil {
		return nil, err
	}
	// MySQL's collations ignore trailing spaces; categories do not.
	if row.ActiveKey == nil || *row.ActiveKey != categoryKey {
		return nil, campaign.ErrNoMatching
	}
	return r.withContracts(ctx, row)
}

// ActiveVersion implements market.CampaignReader.
func (r *Reader) ActiveVersion(ctx context.Context, sellerID, categoryKey string) (id string, version int64, err error) {
	var row campaignRow
	if err := r.db.One(ctx, campaign.ErrNoMatching, &row, "SELECT id, active_key, version FROM campaigns WHERE seller_id = ? AND active_key = ?", sellerID, categoryKey); err != nil {
		return "", 0, err
	}
	if row.ActiveKey == nil || *row.ActiveKey != categoryKey { // as in ActiveCampaign
		return "", 0, campaign.ErrNoMatching
	}
	return row.ID, row.Version, nil
}

// withContracts returns a campaign with its contracts.
func (r *Reader) withContracts(ctx context.Context, row campaignRow) (*campaign.Campaign, error) {
	n, err := row.snapshot()
	if err != nil {
		return nil, err
	}
	var owned []contractRow
	if err := r.db.All(ctx, &owned, "SELECT "+contractColumns+" FROM contracts WHERE seller_id = ? AND campaign_id = ? AND status <> 'deleted' ORDER BY id", n.SellerID, n.ID); err != nil {
		return nil, err
	}
	for _, k := range owned {
		s, err := k.snapshot()
		if err != nil {
			return nil, err
		}
		n.Contracts = append(n.Contracts, s)
	}
	return campaign.FromSnapshot(n), nil
}

// sellersAtOnce is how many sellers a question about all of them is asked for in one statement.
const sellersAtOnce = 500

// PendingCampaigns implements market.CampaignReader. Each campaign is asked for its first pending lead: that is quicker than to read those
// of all campaigns, which servers do for EXISTS, and to look for the sellers that have some.
func (r *Reader) PendingCampaigns(ctx context.Context) (campaigns []application.Ref, err error) {
	for after := ""; ; {
		var sellers []string
		if err := r.db.All(ctx, &sellers, "SELECT id FROM sellers WHERE id > ? ORDER BY id LIMIT ?", after, int64(sellersAtOnce)); err != nil || len(sellers) == 0 {
			return campaigns, err
		}
		after = sellers[len(sellers)-1]
		var rows []struct {
			SellerID string `db:"seller_id"`
			ID       string `db:"id"`
		}
		if err := r.db.All(ctx, &rows, "SELECT c.seller_id, c.id FROM campaigns c WHERE c.seller_id IN ("+engine.Marks(len(sellers))+") AND (SELECT 1 "+
			"FROM unsold_leads u"+r.db.UseKey("unsold_leads_status")+" WHERE u.seller_id = c.seller_id AND u.status = 'pending' AND u.campaign_id = c.id LIMIT 1) = 1 "+
			"ORDER BY c.seller_id, c.id",
			engine.Anys(sellers)...); err != nil {
			return nil, err
		}
		for _, row := range rows {
			campaigns = append(campaigns, application.Ref{SellerID: row.SellerID, ID: row.ID})
		}
		if len(sellers) < sellersAtOnce {
			return campaigns, nil
		}
	}
}

// CampaignsOfBuyer implements market.CampaignReader.
func (r *Reader) CampaignsOfBuyer(ctx context.Context, sellerID, buyerID string) (ids []string, err error) {
	err = r.db.All(ctx, &ids, "SELECT DISTINCT campaign_id FROM contracts WHERE seller_id = ? AND buyer_id = ? AND status <> 'deleted' ORDER BY campaign_id", sellerID, buyerID)
	return ids, err
}

// CampaignsOfOtherStrategies returns the active and paused campaigns of all sellers whose strategy is not among codes, by id.
func (r *Reader) CampaignsOfOtherStrategies(ctx context.Context, codes []string) (list []market.CampaignStrategy, err error) {
	var rows []struct {
		ID       string  `db:"id"`
		Strategy *string `db:"strategy"`
	}
	if err := r.db.All(ctx, &rows, "SELECT id, JSON_EXTRACT(definition, '$.strategy') AS strategy FROM campaigns WHERE status IN ('active', 'paused') ORDER BY id"); err != nil {
		return nil, err
	}
	for _, row := range rows {
		strategy := ""
		if row.Strategy != nil {
			strategy = *row.Strategy
		}
		// MySQL answers the JSON of a string, SQLite its text.
		if strings.HasPrefix(strategy, `"`) {
			if err := json.Unmarshal([]byte(strategy), &strategy); err != nil {
				return nil, fmt.Errorf("read the strategy of campaign %s: %w", row.ID, err)
			}
		}
		if !slices.Contains(codes, strategy) {
			list = append(list, market.CampaignStrategy{CampaignID: row.ID, Strategy: strategy})
		}
	}
	return list, nil
}
