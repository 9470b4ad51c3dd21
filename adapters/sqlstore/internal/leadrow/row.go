// Package leadrow writes and reads the rows of leads, of their sales, and of the narrow table unsold_leads, which holds every
// lead of the market without a live sale. Two rooms share them: a supplier's lead and a lead that a partner registers by the
// form are both rows of the table leads, so that both can be sold.
//
// Stability: unsupported; it may change at any time.
package leadrow

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
)

// Columns are the columns of the table leads that Row has; the answer to the lead's request is not among them.
const Columns = "seller_id, id, seller_code, origin, key_id, partner_id, campaign_id, category, fields, dimensions, external_id, test, " +
	"status, code, reason, payout, shown, shown_hidden, trace, pending_until, created_at, updated_at, version"

// Erasure is the column that says when the personal data of a lead was erased; 0 while it is there, as it is in a new row.
const Erasure = "erased_at"

const saleColumns = "seller_id, lead_id, slot, id, campaign_id, contract_id, buyer_id, price, payout, currency, status, sold_at"

// SalePayout selects what the supplier earns for a row of the table sales: a sale of an older version, which is the only one of its lead,
// does not say, and earns the lead's payout.
const SalePayout = "COALESCE(sales.payout, (SELECT l.payout FROM leads l WHERE l.seller_id = sales.seller_id AND l.id = sales.lead_id))"

// Row is a row of the table leads. Money is in micro-units, times are in UTC microseconds.
type Row struct {
	ID           string `db:"id"`
	SellerID     string `db:"seller_id"`
	SellerCode   string `db:"seller_code"`
	Origin       string `db:"origin"`
	KeyID        string `db:"key_id"`
	PartnerID    string `db:"partner_id"`
	CampaignID   string `db:"campaign_id"`
	Category     string `db:"category"`
	Fields       []byte `db:"fields"`
	Dimensions   []byte `db:"dimensions"`
	ExternalID   string `db:"external_id"`
	Test         bool   `db:"test"`
	Status       string `db:"status"`
	Code         string `db:"code"`
	Reason       string `db:"reason"`
	Payout       int64  `db:"payout"`
	Shown        int64  `db:"shown"`
	ShownHidden  bool   `db:"shown_hidden"`
	Trace        []byte `db:"trace"`
	PendingUntil int64  `db:"pending_until"`
	CreatedAt    int64  `db:"created_at"`
	UpdatedAt    int64  `db:"updated_at"`
	ErasedAt     int64  `db:"erased_at"` // of Erasure, which is not among Columns
	Version      int64  `db:"version"`
}

// Snapshot returns the lead without its sales and review; an error when its fields, dimensions or trace cannot be read.
func (r Row) Snapshot() (lead.Snapshot, error) {
	fields, err := r.Given()
	if err != nil {
		return lead.Snapshot{}, err
	}
	trace, err := r.DecidedBy()
	if err != nil {
		return lead.Snapshot{}, err
	}
	dimensions, err := DecodeDimensions(r.Dimensions)
	if err != nil {
		return lead.Snapshot{}, fmt.Errorf("restore lead %s: %w", r.ID, err)
	}
	return lead.Snapshot{
		ID: r.ID, SellerID: r.SellerID, SellerCode: r.SellerCode, Origin: lead.Origin(r.Origin), KeyID: r.KeyID,
		PartnerID: r.PartnerID, CampaignID: r.CampaignID, Category: r.Category, Fields: fields, Dimensions: dimensions,
		ExternalID: r.ExternalID, Test: r.Test, Status: lead.Status(r.Status), Code: fault.Code(r.Code), Reason: r.Reason, Payout: money.Micros(r.Payout),
		Shown: money.Micros(r.Shown), ShownHidden: r.ShownHidden, Trace: trace, CreatedAt: engine.Time(r.CreatedAt),
		UpdatedAt: engine.Time(r.UpdatedAt), ErasedAt: engine.Time(r.ErasedAt), PendingUntil: engine.Time(r.PendingUntil), Version: r.Version,
	}, nil
}

// Given returns the lead's fields; an error when they cannot be read.
func (r Row) Given() (field.Set, error) {
	fields, err := DecodeFields(r.Fields)
	if err != nil {
		return nil, fmt.Errorf("restore lead %s: %w", r.ID, err)
	}
	return fields, nil
}

// DecidedBy returns the trace of the decision about the lead; an error when it cannot be read.
func (r Row) DecidedBy() (lead.Trace, error) {
	trace, err := DecodeTrace(r.Trace)
	if err != nil {
		return lead.Trace{}, fmt.Errorf("restore lead %s: %w", r.ID, err)
	}
	return trace, nil
}

// Add stores new leads with their sales and answers, one statement for the leads, one for the sales and one for the leads
// without a live sale, and saves their events. Their reviews are not stored. A value that the database does not take is *application.DataError.
func Add(ctx context.Context, t *engine.Tx, all []application.StoredLead) error {
	snapshots := make([]lead.Snapshot, len(all))
	_, err := t.InsertRows(ctx, "leads", Columns+", request_fingerprint, answer_status, answer_body, claimed", len(all), func(args []any, i int) ([]any, error) {
		snapshots[i] = all[i].Lead.Snapshot()
		n := &snapshots[i]
		fields, err := EncodeFields(make([]byte, 0, 512), n.Fields)
		if err != nil {
			return nil, err
		}
		claimed := any(all[i].Claimed)
		if n.Origin == lead.OriginForm { // it is not kept what these took
			claimed = nil
		}
		return append(args, n.SellerID, n.ID, n.SellerCode, string(n.Origin), n.KeyID, n.PartnerID, n.CampaignID, n.Category,
			fields, EncodeDimensions(n.Dimensions), n.ExternalID, engine.Flag(n.Test), string(n.Status), string(n.Code), n.Reason, int64(n.Payout), int64(n.Shown),
			engine.Flag(n.ShownHidden), EncodeTrace(make([]byte, 0, 256), n.Trace), engine.Micros(n.PendingUntil),
			engine.Micros(n.CreatedAt), engine.Micros(n.UpdatedAt), n.Version, all[i].Fingerprint[:], int64(all[i].Response.Status),
			engine.Blob(all[i].Response.Body), claimed), nil
	})
	if err != nil {
		return err
	}
	if err := AddSales(ctx, t, snapshots); err != nil {
		return err
	}
	if err := addUnsold(ctx, t, snapshots, func(i int) time.Time { return all[i].AnswerUntil }); err != nil {
		return err
	}
	var added []reserved
	for i := range snapshots {
		for _, r := range snapshots[i].Reservations {
			added = append(added, reserved{&snapshots[i], r})
		}
	}
	if err := addReservations(ctx, t, added); err != nil {
		return err
	}
	for i, l := range all {
		t.Save(l.Lead, "lead", snapshots[i].ID, snapshots[i].SellerID, l.Trail)
	}
	return nil
}

// AddSales stores the sales of leads that had none, with one statement, and with two more those that their buyers are to be told of.
func AddSales(ctx context.Context, t *engine.Tx, all []lead.Snapshot) error {
	type row struct {
		of   *lead.Snapshot
		sale *lead.Sale
		slot int64
	}
	rows := make([]row, 0, len(all))
	for i := range all {
		taken, free := int64(0), int64(0)
		for j := range all[i].Sales {
			s := row{of: &all[i], sale: &all[i].Sales[j]}
			if live(s.sale.Status) {
				taken++
				s.slot = taken
			} else {
				free--
				s.slot = free
			}
			rows = append(rows, s)
		}
	}
	_, err := t.InsertRows(ctx, "sales", saleColumns, len(rows), func(args []any, i int) ([]any, error) {
		l, s := rows[i].of, rows[i].sale
		return append(args, l.SellerID, l.ID, rows[i].slot, s.ID, l.CampaignID, s.ContractID, s.BuyerID, int64(s.Price), int64(s.Payout), s.Currency,
			string(s.Status), engine.Micros(s.At)), nil
	})
	if err != nil {
		return err
	}
	return addDeliveries(ctx, t, all)
}

// live reports whether a sale counts: it holds a slot of its lead and uses its contract's caps.
func live(s lead.SaleStatus) bool { return s.Live() }

const unsoldColumns = "seller_id, lead_id, campaign_id, status, test, reason, contract_id, deadline_at, answer_until"

// unsold reports whether a lead is in the narrow table: it is in the market and has no live sale.
func unsold(n *lead.Snapshot) bool {
	return n.Status != lead.StatusNotOffered && !slices.ContainsFunc(n.Sales, func(s lead.Sale) bool { return live(s.Status) })
}

// AddUnsold adds leads to the narrow table that are not there and belong there, with one statement.
func AddUnsold(ctx context.Context, t *engine.Tx, all []lead.Snapshot) error {
	return addUnsold(ctx, t, all, func(int) time.Time { return time.Time{} })
}

// addUnsold is AddUnsold for leads whose responses may be replaced until a time.
func addUnsold(ctx context.Context, t *engine.Tx, all []lead.Snapshot, until func(i int) time.Time) error {
	rows := make([]int, 0, len(all))
	for i := range all {
		if unsold(&all[i]) {
			rows = append(rows, i)
		}
	}
	_, err := t.InsertRows(ctx, "unsold_leads", unsoldColumns, len(rows), func(args []any, i int) ([]any, error) {
		n := &all[rows[i]]
		return append(args, n.SellerID, n.ID, n.CampaignID, string(n.Status), engine.Flag(n.Test), string(n.Code), "", orNull(n.Deadline), orNull(until(rows[i]))), nil
	})
	return err
}

// orNull is a time as a column has it that is NULL for none.
func orNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return engine.Micros(t)
}

// SaveUnsold brings the narrow table up to date with leads of one seller that were in it: those with a live sale go, one
// statement for all, the others get their status and code, with until when buyers are asked,
// one statement for those that become the same.
func SaveUnsold(ctx context.Context, t *engine.Tx, sellerID string, all []lead.Snapshot) error {
	type now struct {
		gone   bool
		status lead.Status
		code   fault.Code
		until  time.Time
	}
	became := map[now][]any{}
	for i := range all {
		n := now{gone: true}
		if unsold(&all[i]) {
			n = now{status: all[i].Status, code: all[i].Code, until: all[i].Deadline}
		}
		became[n] = append(became[n], all[i].ID)
	}
	for n, leads := range became {
		for ids := range slices.Chunk(leads, engine.MaxParams/2) {
			query, args := t.DeleteByKey("unsold_leads", "PRIMARY"), []any{}
			if !n.gone {
				query, args = "UPDATE unsold_leads"+t.UseKey("PRIMARY")+" SET status = ?, reason = ?, deadline_at = ?", []any{string(n.status), string(n.code), orNull(n.until)}
			}
			matched, err := t.Exec(ctx, query+" WHERE seller_id = ? AND lead_id IN ("+engine.Marks(len(ids))+")", append(append(args, sellerID), ids...)...)
			if err != nil {
				return err
			}
			if matched != int64(len(ids)) {
				return t.Refuse(fmt.Errorf("%w: %d of %d leads in the narrow table", engine.ErrGuard, int64(len(ids))-matched, len(ids)))
			}
		}
	}
	return nil
}

// SalesOf returns the sales of a lead: the live ones by their slots, then the others.
func SalesOf(ctx context.Context, from engine.Source, sellerID, leadID string) ([]lead.Sale, error) {
	var rows []struct {
		ID         string `db:"id"`
		ContractID string `db:"contract_id"`
		BuyerID    string `db:"buyer_id"`
		Price      int64  `db:"price"`
		Payout     int64  `db:"payout"`
		Currency   string `db:"currency"`
		Status     string `db:"status"`
		SoldAt     int64  `db:"sold_at"`
		Delivery   string `db:"delivery"`
	}
	if err := from.All(ctx, &rows, "SELECT id, contract_id, buyer_id, price, "+SalePayout+" AS payout, currency, status, sold_at, "+DeliveryState+" AS delivery FROM sales WHERE seller_id = ? AND lead_id = ? ORDER BY slot < 0, slot, id", sellerID, leadID); err != nil {
		return nil, err
	}
	var out []lead.Sale
	for _, s := range rows {
		out = append(out, lead.Sale{
			ID: s.ID, ContractID: s.ContractID, BuyerID: s.BuyerID, Price: money.Micros(s.Price), Payout: money.Micros(s.Payout), Currency: s.Currency,
			Status: lead.SaleStatus(s.Status), At: engine.Time(s.SoldAt), Delivery: s.Delivery,
		})
	}
	return out, nil
}

// ForgetNotes erases what is noted on the returns of leads.
func ForgetNotes(ctx context.Context, t *engine.Tx, sellerID string, leads []string) error {
	_, err := t.Exec(ctx, "UPDATE sale_returns"+t.UseKey("sale_returns_lead")+" SET note = '', decision_note = '' WHERE seller_id = ? AND lead_id IN ("+engine.Marks(len(leads))+")",
		append([]any{sellerID}, engine.Anys(leads)...)...)
	return err
}
