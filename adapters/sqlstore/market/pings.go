package market

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/ping"
)

type pings struct{ t *engine.Tx }

const pingColumns = "seller_id, id, key_id, campaign_id, test, quote, created_at, expires_at, used_at, lead_id"

type pingRow struct {
	SellerID   string `db:"seller_id"`
	ID         string `db:"id"`
	KeyID      string `db:"key_id"`
	CampaignID string `db:"campaign_id"`
	Test       bool   `db:"test"`
	Quote      string `db:"quote"`
	CreatedAt  int64  `db:"created_at"`
	ExpiresAt  int64  `db:"expires_at"`
	UsedAt     int64  `db:"used_at"`
	LeadID     string `db:"lead_id"`
}

// pingQuote is the column pings.quote, in micro-units. Members are only ever added.
type pingQuote struct {
	Payout int64                   `json:"payout"`
	Total  int64                   `json:"total"`
	Prices map[string]money.Micros `json:"prices"`

	Bids    map[string]pingBid `json:"bids,omitempty"`
	Reserve int64              `json:"reserve,omitempty"`
}

type pingBid struct {
	Amount    money.Micros `json:"amount"`
	Reference string       `json:"reference,omitempty"`
}

func encodeQuote(q ping.Quote) (string, error) {
	c := pingQuote{Payout: int64(q.Payout), Total: int64(q.Total), Prices: q.Prices, Reserve: int64(q.Reserve)}
	if len(q.Bids) > 0 {
		c.Bids = make(map[string]pingBid, len(q.Bids))
		for id, b := range q.Bids {
			c.Bids[id] = pingBid(b)
		}
	}
	return engine.JSON(c)
}

func (c pingQuote) quote() ping.Quote {
	q := ping.Quote{Payout: money.Micros(c.Payout), Total: money.Micros(c.Total), Prices: c.Prices, Reserve: money.Micros(c.Reserve)}
	if len(c.Bids) > 0 {
		q.Bids = make(map[string]ping.Bid, len(c.Bids))
		for id, b := range c.Bids {
			q.Bids[id] = ping.Bid(b)
		}
	}
	return q
}

func (r pingRow) ping() (*ping.Ping, error) {
	var q pingQuote
	if err := json.Unmarshal([]byte(r.Quote), &q); err != nil {
		return nil, fmt.Errorf("restore ping %s: %w", r.ID, err)
	}
	return ping.FromSnapshot(ping.Snapshot{
		SellerID: r.SellerID, ID: r.ID, KeyID: r.KeyID, CampaignID: r.CampaignID, Test: r.Test,
		Quote:     q.quote(),
		CreatedAt: engine.Time(r.CreatedAt), ExpiresAt: engine.Time(r.ExpiresAt), UsedAt: engine.Time(r.UsedAt), LeadID: r.LeadID,
	}), nil
}

// Add implements market.PingRepository.
func (r pings) Add(ctx context.Context, p *ping.Ping) error {
	n := p.Snapshot()
	quote, err := encodeQuote(n.Quote)
	if err != nil {
		return r.t.Refuse(err)
	}
	_, err = r.t.Exec(ctx, "INSERT INTO pings ("+pingColumns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", n.SellerID, n.ID, n.KeyID, n.CampaignID,
		engine.Flag(n.Test), quote, engine.Micros(n.CreatedAt), engine.Micros(n.ExpiresAt), engine.Micros(n.UsedAt), n.LeadID)
	return err
}

// Find implements market.PingRepository.
func (r pings) Find(ctx context.Context, refs []application.Ref) (map[string]*ping.Ping, error) {
	out := make(map[string]*ping.Ping, len(refs))
	refs = slices.DeleteFunc(slices.Clone(refs), func(p application.Ref) bool { return !engine.IsID(p.ID) })
	for piece := range engine.PiecesOf(application.SortedRefs(refs)) {
		keys, args := engine.AmongRefs(piece)
		if err := r.read(ctx, out, func(row *pingRow) string { return row.ID }, "SELECT "+pingColumns+" FROM pings WHERE "+keys, args...); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// OfLeads implements market.PingRepository.
func (r pings) OfLeads(ctx context.Context, sellerID string, leads []string) (map[string]*ping.Ping, error) {
	out := make(map[string]*ping.Ping, len(leads))
	for some := range slices.Chunk(leads, engine.MaxParams-1) {
		if err := r.read(ctx, out, func(row *pingRow) string { return row.LeadID },
			"SELECT "+pingColumns+" FROM pings"+r.t.UseKey("pings_lead")+" WHERE seller_id = ? AND lead_id IN ("+engine.Marks(len(some))+")",
			append([]any{sellerID}, engine.Anys(some)...)...); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (r pings) read(ctx context.Context, into map[string]*ping.Ping, key func(*pingRow) string, query string, args ...any) error {
	var rows []pingRow
	if err := r.t.All(ctx, &rows, query, args...); err != nil {
		return err
	}
	for i := range rows {
		p, err := rows[i].ping()
		if err != nil {
			return r.t.Refuse(err)
		}
		into[key(&rows[i])] = p
	}
	return nil
}

// Use implements market.PingRepository.
func (r pings) Use(ctx context.Context, pings []*ping.Ping) error {
	all := make([]ping.Snapshot, len(pings))
	for i, p := range pings {
		all[i] = p.Snapshot()
	}
	slices.SortFunc(all, func(a, b ping.Snapshot) int {
		return cmp.Or(cmp.Compare(a.SellerID, b.SellerID), cmp.Compare(a.ID, b.ID))
	})
	for from, to := range engine.Pieces(len(all), engine.MaxParams/6, func(i int) string { return all[i].SellerID }) {
		piece := all[from:to]
		u := engine.Cases{Key: "id"}
		u.WriteString("UPDATE pings" + r.t.UseKey("PRIMARY") + " SET lead_id = ")
		u.Choose(len(piece), func(i int) (any, any) { return piece[i].ID, piece[i].LeadID })
		u.WriteString(", used_at = ")
		u.Choose(len(piece), func(i int) (any, any) { return piece[i].ID, engine.Micros(piece[i].UsedAt) })
		u.Where(len(piece), func(i int) (string, any) { return piece[i].SellerID, piece[i].ID })
		u.WriteString(" AND used_at = 0")
		matched, err := r.t.Exec(ctx, u.String(), u.Args...)
		if err != nil {
			return err
		}
		if matched != int64(len(piece)) {
			return r.t.LostRace()
		}
	}
	return nil
}

// pingOf returns the id of the ping that a lead came with, as long as it is kept; empty for none.
func (r *Reader) pingOf(ctx context.Context, sellerID, leadID string) (id string, err error) {
	_, err = r.db.Get(ctx, &id, "SELECT id FROM pings WHERE seller_id = ? AND lead_id = ?", sellerID, leadID)
	return id, err
}
