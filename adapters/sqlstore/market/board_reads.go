package market

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/adapters/sqlstore/internal/leadrow"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/money"
)

// BuyerRunways answers marketquery.BuyerRunways. A buyer's newest entries are read by their key, no more than the question says.
func (r *Reader) BuyerRunways(ctx context.Context, q marketquery.BuyerRunways) ([]marketquery.BuyerRunway, error) {
	now := r.clock.Now()
	since := now.Add(-marketquery.RunwaySpan)
	var out []marketquery.BuyerRunway
	for _, id := range q.IDs {
		var row struct {
			Entries int64 `db:"entries"`
			Sales   int64 `db:"sales"`
			Spent   int64 `db:"spent"`
			Oldest  int64 `db:"oldest"`
		}
		if !engine.IsID(id) {
			continue
		}
		if _, err := r.db.Get(ctx, &row, "SELECT COUNT(*) AS entries, COALESCE(SUM(CASE WHEN e.type = 'sale' THEN 1 ELSE 0 END), 0) AS sales, "+
			"COALESCE(SUM(CASE WHEN e.type = 'sale' THEN -e.amount ELSE 0 END), 0) AS spent, COALESCE(MIN(e.created_at), 0) AS oldest FROM (SELECT type, amount, created_at FROM ledger_entries "+
			"WHERE seller_id = ? AND buyer_id = ? AND id >= ? AND created_at >= ? ORDER BY id DESC LIMIT ?) e",
			q.SellerID, id, engine.FirstID("entry", since.Add(-idSlack)), engine.Micros(since), int64(marketquery.RunwayEntries)); err != nil {
			return nil, err
		}
		if row.Sales == 0 {
			continue
		}
		over := marketquery.RunwaySpan
		if row.Entries == marketquery.RunwayEntries {
			over = max(now.Sub(engine.Time(row.Oldest)), time.Second)
		}
		out = append(out, marketquery.BuyerRunway{BuyerID: id, Sales: row.Sales, Spent: money.Micros(row.Spent), Over: over})
	}
	return out, nil
}

// ContractsOfBuyer answers marketquery.ContractsOfBuyer: buyer.ErrNotFound.
func (r *Reader) ContractsOfBuyer(ctx context.Context, q marketquery.ContractsOfBuyer) ([]marketquery.BuyerContract, error) {
	if _, err := r.BuyerByID(ctx, marketquery.BuyerByID{Actor: q.Actor, ID: q.BuyerID}); err != nil {
		return nil, err
	}
	var rows []contractRow
	if err := r.db.All(ctx, &rows, "SELECT "+contractColumns+" FROM contracts WHERE seller_id = ? AND buyer_id = ? AND status <> 'deleted' ORDER BY id DESC LIMIT ?",
		q.SellerID, q.BuyerID, int64(marketquery.MostOfBuyer)); err != nil || len(rows) == 0 {
		return nil, err
	}
	var ids, of []string
	for _, row := range rows {
		ids, of = append(ids, row.ID), append(of, row.CampaignID)
	}
	slices.Sort(of)
	of = slices.Compact(of)
	var named []struct {
		ID       string `db:"id"`
		Name     string `db:"name"`
		Status   string `db:"status"`
		Category string `db:"category"`
	}
	if err := r.db.All(ctx, &named, "SELECT id, name, status, category FROM campaigns WHERE seller_id = ? AND id IN ("+engine.Marks(len(of))+")", append([]any{q.SellerID}, engine.Anys(of)...)...); err != nil {
		return nil, err
	}
	counted, err := r.counted(ctx, q.SellerID, ids)
	if err != nil {
		return nil, err
	}
	out := make([]marketquery.BuyerContract, len(rows))
	for i, row := range rows {
		k, err := answerContract(row)
		if err != nil {
			return nil, err
		}
		out[i] = marketquery.BuyerContract{Contract: k}
		for _, c := range named {
			if c.ID == k.CampaignID {
				out[i].CampaignName, out[i].CampaignStatus, out[i].Category = c.Name, c.Status, c.Category
			}
		}
		if out[i].Usage, err = usageOf(k.ID, counted[k.ID], k.TimeZone, k.Caps, r.clock.Now()); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// ReturnsOfBuyer answers marketquery.ReturnsOfBuyer: buyer.ErrNotFound. Both kinds are read by the buyer's key.
func (r *Reader) ReturnsOfBuyer(ctx context.Context, q marketquery.ReturnsOfBuyer) (out []marketquery.Return, err error) {
	if _, err := r.BuyerByID(ctx, marketquery.BuyerByID{Actor: q.Actor, ID: q.BuyerID}); err != nil {
		return nil, err
	}
	for _, which := range []string{"decided_at = 0 ORDER BY id DESC", "decided_at > 0 ORDER BY decided_at DESC, id DESC"} {
		var rows []returnRow
		if err := r.db.All(ctx, &rows, "SELECT "+returnColumns+" FROM sale_returns"+r.db.UseKey("sale_returns_buyer")+" WHERE seller_id = ? AND buyer_id = ? AND "+which+" LIMIT ?",
			q.SellerID, q.BuyerID, int64(marketquery.MostOfBuyer)); err != nil {
			return nil, err
		}
		for _, row := range rows {
			out = append(out, marketquery.ReturnOf(row.restore()))
		}
	}
	return out, nil
}

// seenTrace is a lead whose decision is looked at.
type seenTrace struct {
	ID    string `db:"id"`
	Trace []byte `db:"trace"`
}

// boardOrders are how the built-in strategies order contracts k with what they bought ever t.
var boardOrders = map[string]string{
	distribution.Priority{}.Code():     "k.priority, won, k.id",
	distribution.HighestPrice{}.Code(): "k.price DESC, won, k.id",
	distribution.RoundRobin{}.Code():   "won, k.id",
	distribution.Weighted{}.Code():     "turn, won, k.id",
}

// ContractBoard answers marketquery.ContractBoard: campaign.ErrNotFound.
func (r *Reader) ContractBoard(ctx context.Context, q marketquery.ContractBoard) (b marketquery.Board, err error) {
	c, err := r.CampaignByID(ctx, marketquery.CampaignByID{Actor: q.Actor, ID: q.CampaignID})
	if err != nil {
		return b, err
	}
	order, ranked := boardOrders[c.Strategy]
	if b.Ranked = ranked; !ranked {
		order = boardOrders[distribution.Priority{}.Code()]
	}
	if err := r.db.One(ctx, nil, &b.Contracts, "SELECT COUNT(*) FROM contracts WHERE seller_id = ? AND campaign_id = ? AND status <> 'deleted'", q.SellerID, c.ID); err != nil || b.Contracts == 0 {
		return b, err
	}
	var ranks []struct {
		ID   string `db:"id"`
		Won  int64  `db:"won"`
		Turn int64  `db:"turn"`
	}
	if err := r.db.All(ctx, &ranks, "SELECT k.id AS id, COALESCE(t.last_won, 0) AS won, COALESCE(t.turn, 0) AS turn FROM contracts k LEFT JOIN contract_counters t ON t.seller_id = k.seller_id AND "+
		"t.contract_id = k.id AND t.span_window = 'total' WHERE k.seller_id = ? AND k.campaign_id = ? AND k.status <> 'deleted' ORDER BY "+order+" LIMIT ?",
		q.SellerID, c.ID, int64(marketquery.MostOnBoard)); err != nil {
		return b, err
	}
	lines := map[string]*marketquery.BoardLine{}
	b.Lines = make([]marketquery.BoardLine, len(ranks))
	for i, rank := range ranks {
		b.Lines[i].ID, b.Lines[i].LastWon = rank.ID, engine.Time(rank.Won)
		lines[rank.ID] = &b.Lines[i]
	}
	if err := r.fillBoard(ctx, q, lines); err != nil {
		return b, err
	}
	b.Leads, err = r.boardLeads(ctx, q, lines)
	return b, err
}

// fillBoard reads the contracts of some lines, their buyers and what was counted of them.
func (r *Reader) fillBoard(ctx context.Context, q marketquery.ContractBoard, lines map[string]*marketquery.BoardLine) error {
	ids := slices.Sorted(maps.Keys(lines))
	var rows []contractRow
	if err := r.db.All(ctx, &rows, "SELECT "+contractColumns+" FROM contracts WHERE seller_id = ? AND campaign_id = ? AND id IN ("+engine.Marks(len(ids))+")",
		append([]any{q.SellerID, q.CampaignID}, engine.Anys(ids)...)...); err != nil {
		return err
	}
	var buyers []string
	for _, row := range rows {
		buyers = append(buyers, row.BuyerID)
	}
	slices.Sort(buyers)
	buyers = slices.Compact(buyers)
	var accounts []buyerRow
	if len(buyers) > 0 {
		if err := r.db.All(ctx, &accounts, "SELECT "+buyerColumns+" FROM buyers WHERE seller_id = ? AND id IN ("+engine.Marks(len(buyers))+")", append([]any{q.SellerID}, engine.Anys(buyers)...)...); err != nil {
			return err
		}
	}
	counted, err := r.counted(ctx, q.SellerID, ids)
	if err != nil {
		return err
	}
	for _, row := range rows {
		line := lines[row.ID]
		if line.Contract, err = answerContract(row); err != nil {
			return err
		}
		for _, a := range accounts {
			if a.ID == row.BuyerID {
				line.BuyerName, line.BuyerStatus, line.CanSpend = a.Name, a.Status, money.Micros(a.Balance+a.CreditLimit-a.Held)
			}
		}
		of := append(slices.Clone(line.Caps), marketquery.Cap{Window: string(calendar.Total)})
		usage, err := usageOf(row.ID, counted[row.ID], line.TimeZone, of, r.clock.Now())
		if err != nil {
			return err
		}
		line.Usage, line.Total = usage[:len(usage)-1], usage[len(usage)-1]
	}
	return nil
}

// boardLeads counts what the contracts of some lines did with the campaign's newest leads, and returns how many these are.
func (r *Reader) boardLeads(ctx context.Context, q marketquery.ContractBoard, lines map[string]*marketquery.BoardLine) (int64, error) {
	var rows []seenTrace
	if err := r.db.All(ctx, &rows, "SELECT l.id AS id, l.trace AS trace FROM (SELECT n.id AS id FROM (SELECT id, campaign_id FROM leads WHERE seller_id = ? ORDER BY id DESC LIMIT ?) n "+
		"WHERE n.campaign_id = ? ORDER BY n.id DESC LIMIT ?) s JOIN leads l ON l.seller_id = ? AND l.id = s.id",
		q.SellerID, int64(marketquery.BoardScanned), q.CampaignID, int64(marketquery.BoardLeads), q.SellerID); err != nil {
		return 0, err
	}
	why := map[string]map[string]int64{}
	for _, row := range rows {
		trace, err := leadrow.DecodeTrace(row.Trace)
		if err != nil {
			return 0, fmt.Errorf("read lead %s: %w", row.ID, err)
		}
		for _, c := range trace.Considered {
			line := lines[c.ContractID]
			if line == nil {
				continue
			}
			line.Asked++
			if c.Reason == distribution.ReasonSold || c.Reason == distribution.ReasonReserved {
				line.Took++
				continue
			}
			if why[c.ContractID] == nil {
				why[c.ContractID] = map[string]int64{}
			}
			why[c.ContractID][c.Reason]++
		}
	}
	for id, reasons := range why {
		for _, reason := range slices.Sorted(maps.Keys(reasons)) {
			if reasons[reason] > reasons[lines[id].Mostly] {
				lines[id].Mostly = reason
			}
		}
	}
	return int64(len(rows)), nil
}
