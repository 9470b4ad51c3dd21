package market

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/adapters/sqlstore/internal/leadrow"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/delivery"
)

type deliveries struct{ t *engine.Tx }

// deliveryColumn is the column contracts.delivery. Members are only ever added.
type deliveryColumn struct {
	URL            string            `json:"url,omitempty"`
	Email          string            `json:"email,omitempty"`
	Format         string            `json:"format"`
	Fields         map[string]string `json:"fields,omitempty"`
	Static         map[string]string `json:"static,omitempty"`
	Headers        []sealedHeader    `json:"headers,omitempty"`
	TimeoutMS      int64             `json:"timeout_ms"`
	Secret         []byte            `json:"secret,omitempty"`
	OldSecret      []byte            `json:"old_secret,omitempty"`
	OldSecretUntil int64             `json:"old_secret_until,omitempty"`
	Confirm        bool              `json:"confirm,omitempty"`
	PriceFrom      bool              `json:"price_from_answer,omitempty"`
	Response       responseColumn    `json:"response,omitzero"`
}

type responseColumn struct {
	Accepted  signColumn `json:"accepted,omitzero"`
	Rejected  signColumn `json:"rejected,omitzero"`
	Duplicate signColumn `json:"duplicate,omitzero"`
	Price     string     `json:"price,omitempty"`
	Reference string     `json:"reference,omitempty"`
}

type signColumn struct {
	Path     string `json:"path,omitempty"`
	Equals   string `json:"equals,omitempty"`
	Contains string `json:"contains,omitempty"`
}

func (r responseColumn) restored() campaign.Response {
	return campaign.Response{
		Accepted: campaign.Sign(r.Accepted), Rejected: campaign.Sign(r.Rejected), Duplicate: campaign.Sign(r.Duplicate), Price: r.Price, Reference: r.Reference,
	}
}

type sealedHeader struct {
	Name   string `json:"name"`
	Sealed []byte `json:"sealed"`
}

// encodeDelivery returns how a contract delivers as its columns have it.
func encodeDelivery(d *campaign.Delivery) (column sql.NullString, since int64, err error) {
	if d == nil {
		return sql.NullString{}, 0, nil
	}
	c := deliveryColumn{
		URL: d.URL, Email: d.Email, Format: string(d.Format), Fields: d.Fields, Static: d.Static, TimeoutMS: d.Timeout.Milliseconds(), Secret: d.Secret,
		OldSecret: d.OldSecret, OldSecretUntil: engine.Micros(d.OldSecretUntil), Confirm: d.Confirm, PriceFrom: d.PriceFromAnswer,
	}
	r := d.Response
	c.Response = responseColumn{signColumn(r.Accepted), signColumn(r.Rejected), signColumn(r.Duplicate), r.Price, r.Reference}
	for _, h := range d.Headers {
		c.Headers = append(c.Headers, sealedHeader(h))
	}
	text, err := engine.JSON(c)
	return sql.NullString{String: text, Valid: true}, engine.Micros(d.Since), err
}

func decodeDelivery(column sql.NullString, since int64, id string) (*campaign.Delivery, error) {
	if !column.Valid {
		return nil, nil //nolint:nilnil // nil is no delivery
	}
	var c deliveryColumn
	if err := json.Unmarshal([]byte(column.String), &c); err != nil {
		return nil, fmt.Errorf("restore the delivery of %s: %w", id, err)
	}
	d := &campaign.Delivery{
		URL: c.URL, Email: c.Email, Format: campaign.DeliveryFormat(c.Format), Fields: c.Fields, Static: c.Static,
		Timeout: time.Duration(c.TimeoutMS) * time.Millisecond, Secret: c.Secret, OldSecret: c.OldSecret, OldSecretUntil: engine.Time(c.OldSecretUntil),
		Since: engine.Time(since), Confirm: c.Confirm, PriceFromAnswer: c.PriceFrom,
	}
	d.Response = c.Response.restored()
	for _, h := range c.Headers {
		d.Headers = append(d.Headers, campaign.DeliveryHeader(h))
	}
	return d, nil
}

type deliveryRow struct {
	SellerID   string `db:"seller_id"`
	ID         string `db:"id"`
	SaleID     string `db:"sale_id"`
	LeadID     string `db:"lead_id"`
	CampaignID string `db:"campaign_id"`
	ContractID string `db:"contract_id"`
	BuyerID    string `db:"buyer_id"`
	State      string `db:"state"`
	Attempts   int64  `db:"attempts"`
	Tries      int64  `db:"tries"`
	NextAt     int64  `db:"next_at"`
	Reason     string `db:"reason"`
	CreatedAt  int64  `db:"created_at"`
	UpdatedAt  int64  `db:"updated_at"`
	Version    int64  `db:"version"`
	Confirm    bool   `db:"confirm"`
	DeadlineAt int64  `db:"deadline_at"`
	Reference  string `db:"reference"`
}

func (r deliveryRow) snapshot() delivery.Snapshot {
	return delivery.Snapshot{
		ID: r.ID, SellerID: r.SellerID, SaleID: r.SaleID, LeadID: r.LeadID, CampaignID: r.CampaignID, ContractID: r.ContractID, BuyerID: r.BuyerID,
		State: delivery.State(r.State), Attempts: r.Attempts, Tries: r.Tries, NextAt: engine.Time(r.NextAt), Reason: delivery.Reason(r.Reason),
		Confirm: r.Confirm, Deadline: engine.Time(r.DeadlineAt), Reference: r.Reference,
		CreatedAt: engine.Time(r.CreatedAt), UpdatedAt: engine.Time(r.UpdatedAt), Version: r.Version,
	}
}

// Lock implements market.DeliveryRepository.
func (r deliveries) Lock(ctx context.Context, sellerID, id string) (*delivery.Delivery, error) {
	if !engine.IsID(id) {
		return nil, delivery.ErrNotFound
	}
	all, err := r.LockAll(ctx, []application.Ref{{SellerID: sellerID, ID: id}})
	if err == nil && all[id] == nil {
		err = delivery.ErrNotFound
	}
	return all[id], err
}

// LockAll implements market.DeliveryRepository.
func (r deliveries) LockAll(ctx context.Context, refs []application.Ref) (map[string]*delivery.Delivery, error) {
	out := make(map[string]*delivery.Delivery, len(refs))
	for piece := range engine.PiecesOf(application.SortedRefs(refs)) {
		keys, args := engine.AmongRefs(piece)
		var rows []deliveryRow
		if err := r.t.All(ctx, &rows, "SELECT "+leadrow.DeliveryColumns+" FROM deliveries"+r.t.UseKey("PRIMARY")+" WHERE "+keys+" ORDER BY seller_id, id"+r.t.ForUpdate(), args...); err != nil {
			return nil, err
		}
		for _, row := range rows {
			out[row.ID] = delivery.FromSnapshot(row.snapshot())
		}
	}
	return out, nil
}

// SaveAll implements market.DeliveryRepository. The rows of the queue that the deliveries had are found by what is stored until now.
func (r deliveries) SaveAll(ctx context.Context, all []*delivery.Delivery) error {
	if len(all) == 0 {
		return nil
	}
	rows := make([]delivery.Snapshot, len(all))
	for i, d := range all {
		rows[i] = d.Snapshot()
	}
	slices.SortFunc(rows, func(a, b delivery.Snapshot) int {
		return strings.Compare(a.SellerID+" "+a.ID, b.SellerID+" "+b.ID)
	})
	var due []delivery.Snapshot
	for chunk := range slices.Chunk(rows, deliveriesAtOnce) {
		if err := r.dequeue(ctx, chunk); err != nil {
			return err
		}
		if err := r.save(ctx, chunk); err != nil {
			return err
		}
	}
	for _, n := range rows {
		if n.State == delivery.Pending {
			due = append(due, n)
		}
	}
	if _, err := r.t.InsertRows(ctx, "delivery_queue", leadrow.QueueColumns, len(due), func(args []any, i int) ([]any, error) {
		return append(args, due[i].SellerID, due[i].ContractID, engine.Micros(due[i].NextAt), due[i].ID), nil
	}); err != nil {
		return err
	}
	if len(due) > 0 {
		r.t.Signal(leadrow.DeliveriesDue)
	}
	for _, d := range all {
		n := d.Snapshot()
		r.t.Save(d, "delivery", n.ID, n.SellerID, application.TrailOf(ctx))
	}
	return nil
}

// deliveriesAtOnce is how many deliveries one statement names.
const deliveriesAtOnce = 250

// dequeue deletes the rows of the queue that deliveries have, those of a contract together.
func (r deliveries) dequeue(ctx context.Context, rows []delivery.Snapshot) error {
	keys, args := engine.Among("id", len(rows), func(i int) (string, any) { return rows[i].SellerID, rows[i].ID })
	var stored []deliveryRow
	if err := r.t.All(ctx, &stored, "SELECT seller_id, id, contract_id, next_at, state FROM deliveries"+r.t.UseKey("PRIMARY")+" WHERE "+keys, args...); err != nil {
		return err
	}
	slices.SortStableFunc(stored, func(a, b deliveryRow) int {
		return cmp.Or(strings.Compare(a.SellerID, b.SellerID), strings.Compare(a.ContractID, b.ContractID))
	})
	for len(stored) > 0 {
		n := 1
		for n < len(stored) && stored[n].SellerID == stored[0].SellerID && stored[n].ContractID == stored[0].ContractID {
			n++
		}
		var queued []engine.Queued
		for _, d := range stored[:n] {
			if d.State == string(delivery.Pending) {
				queued = append(queued, engine.Queued{NextAt: d.NextAt, ID: d.ID})
			}
		}
		if err := r.t.Dequeue(ctx, deliveryQueue, stored[0].SellerID, stored[0].ContractID, queued); err != nil {
			return err
		}
		stored = stored[n:]
	}
	return nil
}

// deliveryQueue has the deliveries that are pending.
var deliveryQueue = engine.Queue{Table: "delivery_queue", Owner: "contract_id", ID: "delivery_id"}

func (r deliveries) save(ctx context.Context, rows []delivery.Snapshot) error {
	u := engine.Cases{Key: "id"}
	u.WriteString("UPDATE deliveries" + r.t.UseKey("PRIMARY") + " SET ")
	for i, c := range []struct {
		name string
		of   func(d *delivery.Snapshot) any
	}{
		{"state", func(d *delivery.Snapshot) any { return string(d.State) }},
		{"attempts", func(d *delivery.Snapshot) any { return d.Attempts }},
		{"tries", func(d *delivery.Snapshot) any { return d.Tries }},
		{"next_at", func(d *delivery.Snapshot) any { return engine.Micros(d.NextAt) }},
		{"reason", func(d *delivery.Snapshot) any { return string(d.Reason) }},
		{"deadline_at", func(d *delivery.Snapshot) any { return engine.Micros(d.Deadline) }},
		{"reference", func(d *delivery.Snapshot) any { return d.Reference }},
		{"updated_at", func(d *delivery.Snapshot) any { return engine.Micros(d.UpdatedAt) }},
		{"version", func(d *delivery.Snapshot) any { return d.Version }},
	} {
		if i > 0 {
			u.WriteString(", ")
		}
		u.WriteString(c.name + " = ")
		u.Choose(len(rows), func(i int) (any, any) { return rows[i].ID, c.of(&rows[i]) })
	}
	u.Where(len(rows), func(i int) (string, any) { return rows[i].SellerID, rows[i].ID })
	matched, err := r.t.Exec(ctx, u.String(), u.Args...)
	if err == nil && matched != int64(len(rows)) {
		err = r.t.Refuse(fmt.Errorf("%w: %d of %d deliveries", engine.ErrGuard, int64(len(rows))-matched, len(rows)))
	}
	return err
}

// AddAttempts implements market.DeliveryRepository.
func (r deliveries) AddAttempts(ctx context.Context, all []market.DeliveryAttempt) error {
	_, err := r.t.InsertRows(ctx, "delivery_attempts", "seller_id, delivery_id, number, lead_id, at, duration_us, status, reason, request, answer", len(all),
		func(args []any, i int) ([]any, error) {
			a := &all[i]
			return append(args, a.SellerID, a.DeliveryID, a.Number, a.LeadID, engine.Micros(a.At), a.Took.Microseconds(), int64(a.Status), string(a.Reason),
				engine.Blob(a.Request), engine.Blob(a.Answer)), nil
		})
	return err
}

// LockErased implements market.DeliveryRepository.
func (r deliveries) LockErased(ctx context.Context, refs []application.Ref) (map[string]bool, error) {
	erased := map[string]bool{}
	for piece := range engine.PiecesOf(application.SortedRefs(refs)) {
		keys, args := engine.AmongRefs(piece)
		var rows []leadrow.Row
		if err := r.t.All(ctx, &rows, "SELECT id, "+leadrow.Erasure+" FROM leads"+r.t.UseKey("PRIMARY")+" WHERE "+keys+" ORDER BY seller_id, id"+r.t.ForUpdate(), args...); err != nil {
			return nil, err
		}
		for _, row := range rows {
			if row.ErasedAt > 0 {
				erased[row.ID] = true
			}
		}
	}
	return erased, nil
}
