// Package leadrow writes and reads the rows of leads and of their sales. Two rooms share them: a supplier's lead and a lead
// that a partner registers by the form are both rows of the table leads, so that both can be sold.
//
// Stability: unsupported; it may change at any time.
package leadrow

import (
	"context"
	"fmt"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
)

// Columns are the columns of the table leads that Row has; the answer to the lead's request is not among them.
const Columns = "id, seller_id, seller_code, origin, key_id, partner_id, campaign_id, category, fields, dimensions, external_id, test, " +
	"status, code, reason, payout, shown, shown_hidden, trace, pending_until, created_at, updated_at, version"

const saleColumns = "id, seller_id, lead_id, slot, campaign_id, contract_id, buyer_id, price, currency, status, sold_at"

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
		UpdatedAt: engine.Time(r.UpdatedAt), PendingUntil: engine.Time(r.PendingUntil), Version: r.Version,
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

// Add stores new leads with their sales and answers, one statement for the leads and one for the sales, and saves their
// events. Their reviews are not stored. A value that the database does not take is *application.DataError.
func Add(ctx context.Context, t *engine.Tx, all []application.StoredLead) error {
	snapshots := make([]lead.Snapshot, len(all))
	_, err := t.InsertRows(ctx, "leads", Columns+", request_fingerprint, answer_status, answer_body", len(all), func(args []any, i int) ([]any, error) {
		snapshots[i] = all[i].Lead.Snapshot()
		n := &snapshots[i]
		fields, err := EncodeFields(make([]byte, 0, 512), n.Fields)
		if err != nil {
			return nil, err
		}
		return append(args, n.ID, n.SellerID, n.SellerCode, string(n.Origin), n.KeyID, n.PartnerID, n.CampaignID, n.Category,
			fields, EncodeDimensions(n.Dimensions), n.ExternalID, engine.Flag(n.Test), string(n.Status), string(n.Code), n.Reason, int64(n.Payout), int64(n.Shown),
			engine.Flag(n.ShownHidden), EncodeTrace(make([]byte, 0, 256), n.Trace), engine.Micros(n.PendingUntil),
			engine.Micros(n.CreatedAt), engine.Micros(n.UpdatedAt), n.Version, all[i].Fingerprint[:], int64(all[i].Response.Status),
			engine.Blob(all[i].Response.Body)), nil
	})
	if err != nil {
		return err
	}
	if err := AddSales(ctx, t, snapshots); err != nil {
		return err
	}
	for i, l := range all {
		t.Save(l.Lead, "lead", snapshots[i].ID, snapshots[i].SellerID, l.Trail)
	}
	return nil
}

// AddSales stores the sales of leads that had none, with one statement.
func AddSales(ctx context.Context, t *engine.Tx, all []lead.Snapshot) error {
	type row struct {
		of   *lead.Snapshot
		sale *lead.Sale
		slot *int64
	}
	var rows []row
	for i := range all {
		slot := int64(0)
		for j := range all[i].Sales {
			s := row{of: &all[i], sale: &all[i].Sales[j]}
			if live(s.sale.Status) {
				slot++
				next := slot
				s.slot = &next
			}
			rows = append(rows, s)
		}
	}
	_, err := t.InsertRows(ctx, "sales", saleColumns, len(rows), func(args []any, i int) ([]any, error) {
		l, s := rows[i].of, rows[i].sale
		return append(args, s.ID, l.SellerID, l.ID, rows[i].slot, l.CampaignID, s.ContractID, s.BuyerID, int64(s.Price), s.Currency,
			string(s.Status), engine.Micros(s.At)), nil
	})
	return err
}

// live reports whether a sale counts: it holds a slot of its lead and uses its contract's caps.
func live(s lead.SaleStatus) bool { return s == lead.SaleCaptured }

// SalesOf returns the sales of a lead: the live ones by their slots, then the others.
func SalesOf(ctx context.Context, from engine.Source, leadID string) ([]lead.Sale, error) {
	var rows []struct {
		ID         string `db:"id"`
		ContractID string `db:"contract_id"`
		BuyerID    string `db:"buyer_id"`
		Price      int64  `db:"price"`
		Currency   string `db:"currency"`
		Status     string `db:"status"`
		SoldAt     int64  `db:"sold_at"`
	}
	if err := from.All(ctx, &rows, "SELECT id, contract_id, buyer_id, price, currency, status, sold_at FROM sales WHERE lead_id = ? ORDER BY slot IS NULL, slot, id", leadID); err != nil {
		return nil, err
	}
	var out []lead.Sale
	for _, s := range rows {
		out = append(out, lead.Sale{
			ID: s.ID, ContractID: s.ContractID, BuyerID: s.BuyerID, Price: money.Micros(s.Price), Currency: s.Currency,
			Status: lead.SaleStatus(s.Status), At: engine.Time(s.SoldAt),
		})
	}
	return out, nil
}
