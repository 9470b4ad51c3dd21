package market

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/money"
)

type campaigns struct{ t *engine.Tx }

const (
	campaignColumns = "id, seller_id, name, category, active_key, status, definition, created_at, updated_at, version"
	contractColumns = "id, campaign_id, seller_id, buyer_id, status, price, priority, time_zone, effective_zone, caps, created_at, updated_at, rules, delivery, delivers_since"
)

type campaignRow struct {
	ID         string  `db:"id"`
	SellerID   string  `db:"seller_id"`
	Name       string  `db:"name"`
	Category   string  `db:"category"`
	ActiveKey  *string `db:"active_key"`
	Status     string  `db:"status"`
	Definition string  `db:"definition"`
	CreatedAt  int64   `db:"created_at"`
	UpdatedAt  int64   `db:"updated_at"`
	Version    int64   `db:"version"`
}

// campaignDefinition is the column campaigns.definition. Members are only ever added.
type campaignDefinition struct {
	Fields          []fieldRule       `json:"fields,omitempty"`
	Mode            string            `json:"mode"`
	MaxSales        int               `json:"max_sales"`
	Strategy        string            `json:"strategy"`
	Dedupe          dedupeRule        `json:"dedupe"`
	PendingTTLHours int               `json:"pending_ttl_hours"`
	PriceShown      string            `json:"price_shown"`
	Payout          payoutRule        `json:"payout"`
	FieldMap        map[string]string `json:"field_map,omitempty"`
	RedirectURL     string            `json:"redirect_url,omitempty"`
	ReturnDays      *int              `json:"return_window_days,omitempty"`
	Resell          bool              `json:"resell_returned,omitempty"`
	Consent         []string          `json:"consent,omitempty"`
	Quarantine      quarantineRule    `json:"quarantine,omitzero"`
	Caps            []storedCap       `json:"caps,omitempty"`
	CapZone         string            `json:"cap_zone,omitempty"`
	ReservePrice    int64             `json:"reserve_price,omitempty"` // micro-units
	AuctionMS       int64             `json:"auction_timeout_ms,omitempty"`
}

// returns says how sales are given back.
func (d campaignDefinition) returns() campaign.Returns {
	r := campaign.DefaultReturns()
	if d.ReturnDays != nil {
		r.WindowDays = *d.ReturnDays
	}
	r.Resell = d.Resell
	return r
}

// IsZero tells the encoder to leave a rule out.
func (d dedupeRule) IsZero() bool { return len(d.Fields) == 0 }

func storedDedupe(d campaign.Dedupe) dedupeRule {
	return dedupeRule{Fields: d.Fields, Match: string(d.Match), WindowDays: d.WindowDays}
}

func (d dedupeRule) restored() campaign.Dedupe {
	return campaign.Dedupe{Fields: d.Fields, Match: campaign.Match(d.Match), WindowDays: d.WindowDays}
}

type quarantineRule struct {
	All       bool     `json:"all,omitempty"`
	Suppliers []string `json:"suppliers,omitempty"`
}

// IsZero tells the encoder to leave the rule out.
func (q quarantineRule) IsZero() bool { return !q.All && len(q.Suppliers) == 0 }

type fieldRule struct {
	Name      string   `json:"name"`
	Type      string   `json:"type"`
	Required  bool     `json:"required,omitempty"`
	Options   []string `json:"options,omitempty"`
	Dimension bool     `json:"dimension,omitempty"`
}

type dedupeRule struct {
	Fields     []string `json:"fields,omitempty"`
	Match      string   `json:"match,omitempty"`
	WindowDays int      `json:"window_days,omitempty"`
}

// payoutRule holds the percentage in ten-thousandths of a percent and the fixed amount in micro-units.
type payoutRule struct {
	Type    string `json:"type,omitempty"`
	Percent int64  `json:"percent,omitempty"`
	Fixed   int64  `json:"fixed,omitempty"`
}

func newCampaignRow(n campaign.Snapshot) (campaignRow, error) {
	d := campaignDefinition{
		Mode: n.Mode, MaxSales: n.MaxSales, Strategy: n.Strategy,
		Dedupe:          storedDedupe(n.Dedupe),
		PendingTTLHours: n.PendingTTLHours, PriceShown: string(n.PriceShown),
		Payout:   payoutRule{Type: string(n.Payout.Type), Percent: int64(n.Payout.Percent), Fixed: int64(n.Payout.Fixed)},
		FieldMap: n.FieldMap, RedirectURL: n.RedirectURL, ReturnDays: &n.Returns.WindowDays, Resell: n.Returns.Resell, Caps: storedCaps(n.Caps), CapZone: n.CapZone,
		Consent: n.Consent, Quarantine: quarantineRule(n.Quarantine), ReservePrice: int64(n.ReservePrice), AuctionMS: n.AuctionTimeout.Milliseconds(),
	}
	for _, f := range n.Fields {
		d.Fields = append(d.Fields, fieldRule{Name: f.Name, Type: string(f.Type), Required: f.Required, Options: f.Options, Dimension: f.Dimension})
	}
	text, err := json.Marshal(d)
	if err != nil {
		return campaignRow{}, fmt.Errorf("encode campaign %s: %w", n.ID, err)
	}
	row := campaignRow{
		ID: n.ID, SellerID: n.SellerID, Name: n.Name, Category: n.Category, Status: string(n.Status),
		Definition: string(text), CreatedAt: engine.Micros(n.CreatedAt), UpdatedAt: engine.Micros(n.UpdatedAt), Version: n.Version,
	}
	if n.Status == campaign.StatusActive {
		key := campaign.CategoryKey(n.Category)
		row.ActiveKey = &key
	}
	return row, nil
}

// snapshot returns the campaign without its contracts.
func (r campaignRow) snapshot() (campaign.Snapshot, error) {
	d, err := r.definition()
	if err != nil {
		return campaign.Snapshot{}, err
	}
	return campaign.Snapshot{
		ID: r.ID, SellerID: r.SellerID, Name: r.Name, Category: r.Category, Status: campaign.Status(r.Status),
		Fields: d.rules(), Mode: d.Mode, MaxSales: d.MaxSales, Strategy: d.Strategy,
		Dedupe:          d.Dedupe.restored(),
		PendingTTLHours: d.PendingTTLHours, PriceShown: campaign.PriceShown(d.PriceShown),
		Payout: campaign.Payout{
			Type: campaign.PayoutType(d.Payout.Type), Percent: money.Percent(d.Payout.Percent),
			Fixed: money.Micros(d.Payout.Fixed),
		},
		FieldMap: d.FieldMap, RedirectURL: d.RedirectURL, Returns: d.returns(), Caps: restoredCaps(d.Caps), CapZone: d.CapZone,
		Consent: d.Consent, Quarantine: campaign.Quarantine(d.Quarantine),
		ReservePrice: money.Micros(d.ReservePrice), AuctionTimeout: time.Duration(d.AuctionMS) * time.Millisecond,
		CreatedAt: engine.Time(r.CreatedAt), UpdatedAt: engine.Time(r.UpdatedAt), Version: r.Version,
	}, nil
}

// definition reads the column definition.
func (r campaignRow) definition() (d campaignDefinition, err error) {
	if err := json.Unmarshal([]byte(r.Definition), &d); err != nil {
		return campaignDefinition{}, fmt.Errorf("restore campaign %s: %w", r.ID, err)
	}
	return d, nil
}

func (d campaignDefinition) rules() []field.Rule {
	var rules []field.Rule
	for _, f := range d.Fields {
		rules = append(rules, field.Rule{
			Name: f.Name, Type: field.Type(f.Type), Required: f.Required, Options: f.Options, Dimension: f.Dimension,
		})
	}
	return rules
}

type contractRow struct {
	ID            string `db:"id"`
	CampaignID    string `db:"campaign_id"`
	SellerID      string `db:"seller_id"`
	BuyerID       string `db:"buyer_id"`
	Status        string `db:"status"`
	Price         int64  `db:"price"`
	Priority      int64  `db:"priority"`
	TimeZone      string `db:"time_zone"`
	EffectiveZone string `db:"effective_zone"`
	Caps          string `db:"caps"`
	CreatedAt     int64  `db:"created_at"`
	UpdatedAt     int64  `db:"updated_at"`

	Rules sql.NullString `db:"rules"`

	Delivery      sql.NullString `db:"delivery"`
	DeliversSince int64          `db:"delivers_since"`
}

func newContractRow(campaignID, sellerID string, k campaign.ContractSnapshot) (contractRow, error) {
	text, err := json.Marshal(storedCaps(k.Caps))
	if err != nil {
		return contractRow{}, fmt.Errorf("encode contract %s: %w", k.ID, err)
	}
	rules, err := encodeRules(rulesOfContract(k))
	if err != nil {
		return contractRow{}, fmt.Errorf("encode contract %s: %w", k.ID, err)
	}
	how, since, err := encodeDelivery(k.Delivery)
	if err != nil {
		return contractRow{}, fmt.Errorf("encode contract %s: %w", k.ID, err)
	}
	return contractRow{
		ID: k.ID, CampaignID: campaignID, SellerID: sellerID, BuyerID: k.BuyerID, Status: string(k.Status),
		Price: int64(k.Price), Priority: k.Priority, TimeZone: k.TimeZone, EffectiveZone: k.EffectiveZone, Caps: string(text),
		CreatedAt: engine.Micros(k.CreatedAt), UpdatedAt: engine.Micros(k.UpdatedAt), Rules: rules, Delivery: how, DeliversSince: since,
	}, nil
}

func (r contractRow) snapshot() (campaign.ContractSnapshot, error) {
	stored, err := r.caps()
	if err != nil {
		return campaign.ContractSnapshot{}, err
	}
	k := campaign.ContractSnapshot{
		ID: r.ID, BuyerID: r.BuyerID, Status: campaign.Status(r.Status), Price: money.Micros(r.Price),
		Priority: r.Priority, TimeZone: r.TimeZone, EffectiveZone: r.EffectiveZone, Caps: restoredCaps(stored), CreatedAt: engine.Time(r.CreatedAt),
		UpdatedAt: engine.Time(r.UpdatedAt),
	}
	var rules contractRulesColumn
	if err := decodeRules(r.Rules, r.ID, &rules); err != nil {
		return campaign.ContractSnapshot{}, err
	}
	rules.restore(&k)
	k.Delivery, err = decodeDelivery(r.Delivery, r.DeliversSince, r.ID)
	return k, err
}

// caps reads the column caps.
func (r contractRow) caps() (caps []storedCap, err error) {
	if err := json.Unmarshal([]byte(r.Caps), &caps); err != nil {
		return nil, fmt.Errorf("restore contract %s: %w", r.ID, err)
	}
	return caps, nil
}

// Add implements application.CampaignRepository.
func (r campaigns) Add(ctx context.Context, c *campaign.Campaign) error {
	n := c.Snapshot()
	row, err := newCampaignRow(n)
	if err != nil {
		return r.t.Refuse(err)
	}
	taken, err := r.t.Insert(ctx, "campaigns", "INSERT INTO campaigns ("+campaignColumns+") VALUES ("+engine.Marks(10)+")", row.ID, row.SellerID,
		row.Name, row.Category, row.ActiveKey, row.Status, row.Definition, row.CreatedAt, row.UpdatedAt, row.Version)
	switch {
	case err != nil:
		return err
	case taken == "campaigns_active":
		return campaign.ErrCategoryTaken
	case taken != "":
		return r.t.Unexpected("campaigns", taken)
	}
	if err := r.saveContracts(ctx, n, nil); err != nil {
		return err
	}
	r.t.Save(c, "campaign", n.ID, n.SellerID, application.TrailOf(ctx))
	return nil
}

// saveContracts inserts the contracts that are not among stored and updates those that are and changed.
func (r campaigns) saveContracts(ctx context.Context, n campaign.Snapshot, stored map[string]contractRow) error {
	var fresh []contractRow
	for _, k := range n.Contracts {
		row, err := newContractRow(n.ID, n.SellerID, k)
		if err != nil {
			return r.t.Refuse(err)
		}
		old, exists := stored[row.ID]
		switch {
		case !exists:
			fresh = append(fresh, row)
		case old != row:
			if _, err := r.t.Exec(ctx, "UPDATE contracts SET buyer_id = ?, status = ?, price = ?, priority = ?, time_zone = ?, effective_zone = ?, caps = ?, updated_at = ?, rules = ?, delivery = ?, delivers_since = ? WHERE seller_id = ? AND campaign_id = ? AND id = ?",
				row.BuyerID, row.Status, row.Price, row.Priority, row.TimeZone, row.EffectiveZone, row.Caps, row.UpdatedAt, row.Rules, row.Delivery, row.DeliversSince, row.SellerID, row.CampaignID, row.ID); err != nil {
				return err
			}
		}
	}
	_, err := r.t.InsertRows(ctx, "contracts", contractColumns, len(fresh), func(args []any, i int) ([]any, error) {
		k := &fresh[i]
		return append(args, k.ID, k.CampaignID, k.SellerID, k.BuyerID, k.Status, k.Price, k.Priority, k.TimeZone, k.EffectiveZone,
			k.Caps, k.CreatedAt, k.UpdatedAt, k.Rules, k.Delivery, k.DeliversSince), nil
	})
	return err
}

// Get implements application.CampaignRepository.
func (r campaigns) Get(ctx context.Context, sellerID, id string) (*campaign.Campaign, error) {
	if !engine.IsID(id) {
		return nil, campaign.ErrNotFound
	}
	all := map[string]*campaign.Campaign{}
	return one(all, id, r.load(ctx, []application.Ref{{SellerID: sellerID, ID: id}}, all))
}

// Lock implements application.CampaignRepository.
func (r campaigns) Lock(ctx context.Context, sellerID, id string) (*campaign.Campaign, error) {
	if !engine.IsID(id) {
		return nil, campaign.ErrNotFound
	}
	all, err := r.LockAll(ctx, []application.Ref{{SellerID: sellerID, ID: id}}, nil)
	return one(all, id, err)
}

// one returns a campaign if it was loaded.
func one(all map[string]*campaign.Campaign, id string, err error) (*campaign.Campaign, error) {
	if err != nil {
		return nil, err
	}
	if c := all[id]; c != nil {
		return c, nil
	}
	return nil, campaign.ErrNotFound
}

// LockAll implements application.CampaignRepository. The key is named, here and where counters are locked, because all keys begin
// with the seller: MySQL may read a small table by another one, and would lock its rows in another order. Campaigns of several sellers are
// read once more when they are locked, because the statement that locks them knows of suppressions as of its first lock: suppressions.Add
// may be done with the second seller while it waits.
func (r campaigns) LockAll(ctx context.Context, refs []application.Ref, cached map[string]*campaign.Campaign) (map[string]*campaign.Campaign, error) {
	out := make(map[string]*campaign.Campaign, len(refs))
	var load []application.Ref
	var suppressing []string
	for piece := range engine.PiecesOf(application.SortedRefs(refs)) {
		keys, args := engine.AmongRefs(piece)
		var rows []struct {
			SellerID   string `db:"seller_id"`
			ID         string `db:"id"`
			Version    int64  `db:"version"`
			Suppresses bool   `db:"suppresses"`
		}
		query := "SELECT seller_id, id, version, " + suppresses + " FROM campaigns" + r.t.UseKey("PRIMARY") + " WHERE " + keys + " ORDER BY seller_id, id"
		if err := r.t.All(ctx, &rows, query+r.t.ForUpdate(), args...); err != nil {
			return nil, err
		}
		if piece[0].SellerID != piece[len(piece)-1].SellerID {
			rows = rows[:0]
			if err := r.t.All(ctx, &rows, query, args...); err != nil {
				return nil, err
			}
		}
		for _, row := range rows {
			if c := cached[row.ID]; c != nil && c.Version() == row.Version {
				out[row.ID] = c.Suppressing(row.Suppresses)
				continue
			}
			load = append(load, application.Ref{SellerID: row.SellerID, ID: row.ID})
			if row.Suppresses {
				suppressing = append(suppressing, row.ID)
			}
		}
	}
	for piece := range engine.PiecesOf(load) {
		if err := r.load(ctx, piece, out); err != nil {
			return nil, err
		}
	}
	for _, id := range suppressing {
		if c := out[id]; c != nil {
			out[id] = c.Suppressing(true)
		}
	}
	return out, nil
}

// load reads campaigns with their contracts, without the deleted ones: nothing asks for them any more.
func (r campaigns) load(ctx context.Context, refs []application.Ref, into map[string]*campaign.Campaign) error {
	keys, args := engine.AmongRefs(refs)
	var rows []campaignRow
	if err := r.t.All(ctx, &rows, "SELECT "+campaignColumns+" FROM campaigns WHERE "+keys, args...); err != nil {
		return err
	}
	keys, args = engine.Among("campaign_id", len(refs), func(i int) (string, any) { return refs[i].SellerID, refs[i].ID })
	var owned []contractRow
	if err := r.t.All(ctx, &owned, "SELECT "+contractColumns+" FROM contracts WHERE "+keys+" AND status <> 'deleted' ORDER BY seller_id, campaign_id, id", args...); err != nil {
		return err
	}
	contracts := map[string][]campaign.ContractSnapshot{}
	for _, k := range owned {
		n, err := k.snapshot()
		if err != nil {
			return r.t.Refuse(err)
		}
		contracts[k.CampaignID] = append(contracts[k.CampaignID], n)
	}
	for _, row := range rows {
		n, err := row.snapshot()
		if err != nil {
			return r.t.Refuse(err)
		}
		n.Contracts = contracts[row.ID]
		into[row.ID] = campaign.FromSnapshot(n)
	}
	return nil
}

// Save implements application.CampaignRepository.
func (r campaigns) Save(ctx context.Context, c *campaign.Campaign) error {
	n := c.Snapshot()
	row, err := newCampaignRow(n)
	if err != nil {
		return r.t.Refuse(err)
	}
	taken, matched, err := r.t.Update(ctx, "campaigns", "UPDATE campaigns SET name = ?, category = ?, active_key = ?, status = ?, definition = ?, updated_at = ?, version = ? WHERE seller_id = ? AND id = ? AND version = ?",
		row.Name, row.Category, row.ActiveKey, row.Status, row.Definition, row.UpdatedAt, row.Version, row.SellerID, row.ID, c.StoredVersion())
	switch {
	case err != nil:
		return err
	case taken == "campaigns_active":
		return campaign.ErrCategoryTaken
	case taken != "":
		return r.t.Unexpected("campaigns", taken)
	case matched != 1:
		return application.ErrConcurrentChange
	}
	if err := r.saveTouched(ctx, c, n); err != nil {
		return err
	}
	r.t.Save(c, "campaign", n.ID, n.SellerID, application.TrailOf(ctx))
	return nil
}

// touchedAtOnce is how many contracts are looked up by their ids in one statement.
const touchedAtOnce = 500

// saveTouched stores the contracts that were changed. The others are neither read nor written.
func (r campaigns) saveTouched(ctx context.Context, c *campaign.Campaign, n campaign.Snapshot) error {
	touched := c.Touched()
	for _, id := range touched {
		r.t.Note(id)
	}
	stored := make(map[string]contractRow, len(touched))
	for ids := range slices.Chunk(touched, touchedAtOnce) {
		var rows []contractRow
		if err := r.t.All(ctx, &rows, "SELECT "+contractColumns+" FROM contracts WHERE seller_id = ? AND campaign_id = ? AND id IN ("+engine.Marks(len(ids))+")",
			append([]any{n.SellerID, n.ID}, engine.Anys(ids)...)...); err != nil {
			return err
		}
		for _, k := range rows {
			stored[k.ID] = k
		}
	}
	n.Contracts = slices.DeleteFunc(n.Contracts, func(k campaign.ContractSnapshot) bool {
		_, is := slices.BinarySearch(touched, k.ID)
		return !is
	})
	return r.saveContracts(ctx, n, stored)
}

// LockOfSeller implements application.CampaignRepository. The ids are read first, so that the locks are taken in their
// order; a campaign that appears meanwhile runs the unit of work again.
func (r campaigns) LockOfSeller(ctx context.Context, sellerID string) ([]*campaign.Campaign, error) {
	const query = "SELECT id FROM campaigns WHERE seller_id = ? AND status <> 'archived' ORDER BY id"
	var before, after []string
	if err := r.t.All(ctx, &before, query, sellerID); err != nil {
		return nil, err
	}
	refs := make([]application.Ref, len(before))
	for i, id := range before {
		refs[i] = application.Ref{SellerID: sellerID, ID: id}
	}
	all, err := r.LockAll(ctx, refs, nil)
	if err != nil {
		return nil, err
	}
	if err := r.t.All(ctx, &after, query, sellerID); err != nil {
		return nil, err
	}
	out := make([]*campaign.Campaign, 0, len(after))
	for _, id := range after {
		c := all[id]
		if c == nil {
			return nil, r.t.LostRace()
		}
		out = append(out, c)
	}
	return out, nil
}
