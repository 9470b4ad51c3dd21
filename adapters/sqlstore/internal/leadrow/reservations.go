package leadrow

import (
	"context"
	"slices"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/domain/delivery"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
)

// reservationColumns are the columns of the table reservations.
const reservationColumns = "seller_id, lead_id, sale_id, campaign_id, contract_id, buyer_id, slot, status, reason, asked, price_from_answer, price, currency, reserved_at, deadline_at, updated_at"

// reserved is a reservation of a lead.
type reserved struct {
	of *lead.Snapshot
	r  lead.Reservation
}

// SaveReservations stores what changed of the reservations of leads, and the deliveries of those that are added and whose buyers are asked. Those of
// each seller stand together.
func SaveReservations(ctx context.Context, t *engine.Tx, all []*lead.Lead, snapshots []lead.Snapshot) error {
	var added []reserved
	for i, l := range all {
		c := l.ReservationChanges()
		for _, r := range c.Added {
			added = append(added, reserved{&snapshots[i], r})
		}
		if len(c.Gone) > 0 {
			if _, err := t.Exec(ctx, t.DeleteByKey("reservations", "PRIMARY")+" WHERE seller_id = ? AND lead_id = ? AND sale_id IN ("+engine.Marks(len(c.Gone))+")",
				append([]any{l.SellerID(), l.ID()}, engine.Anys(c.Gone)...)...); err != nil {
				return err
			}
		}
		for _, r := range c.Changed {
			if _, err := t.Exec(ctx, "UPDATE reservations"+t.UseKey("PRIMARY")+" SET status = ?, reason = ?, price = ?, updated_at = ? WHERE seller_id = ? AND lead_id = ? AND sale_id = ?",
				string(r.Status), r.Reason, int64(r.Price), engine.Micros(r.UpdatedAt), l.SellerID(), l.ID(), r.SaleID); err != nil {
				return err
			}
		}
	}
	return addReservations(ctx, t, added)
}

func addReservations(ctx context.Context, t *engine.Tx, all []reserved) error {
	if len(all) == 0 {
		return nil
	}
	if _, err := t.InsertRows(ctx, "reservations", reservationColumns, len(all), func(args []any, i int) ([]any, error) {
		l, r := all[i].of, &all[i].r
		return append(args, l.SellerID, l.ID, r.SaleID, l.CampaignID, r.ContractID, r.BuyerID, r.Slot, string(r.Status), r.Reason, engine.Flag(r.Asked),
			engine.Flag(r.PriceFromAnswer), int64(r.Price), r.Currency, engine.Micros(r.At), engine.Micros(r.Deadline), engine.Micros(r.UpdatedAt)), nil
	}); err != nil {
		return err
	}
	asked := slices.DeleteFunc(slices.Clone(all), func(r reserved) bool { return r.r.Status != lead.ReservationReserved })
	if len(asked) == 0 {
		return nil
	}
	if _, err := t.InsertRows(ctx, "deliveries", DeliveryColumns, len(asked), func(args []any, i int) ([]any, error) {
		l, r := asked[i].of, &asked[i].r
		at := engine.Micros(r.At)
		return append(args, l.SellerID, delivery.IDOf(r.SaleID), r.SaleID, l.ID, l.CampaignID, r.ContractID, r.BuyerID, string(delivery.Pending),
			int64(0), int64(0), at, "", at, at, int64(0), int64(1), engine.Micros(r.Deadline), ""), nil
	}); err != nil {
		return err
	}
	_, err := t.InsertRows(ctx, "delivery_queue", QueueColumns, len(asked), func(args []any, i int) ([]any, error) {
		return append(args, asked[i].of.SellerID, asked[i].r.ContractID, engine.Micros(asked[i].r.At), delivery.IDOf(asked[i].r.SaleID)), nil
	})
	if err == nil {
		t.Signal(DeliveriesDue)
	}
	return err
}

// ForgetReservations deletes the reservations of leads of a seller, none of which may be held.
func ForgetReservations(ctx context.Context, t *engine.Tx, sellerID string, leads []string) error {
	for some := range slices.Chunk(leads, engine.MaxParams/2) {
		if _, err := t.Exec(ctx, t.DeleteByKey("reservations", "PRIMARY")+" WHERE seller_id = ? AND lead_id IN ("+engine.Marks(len(some))+")",
			append([]any{sellerID}, engine.Anys(some)...)...); err != nil {
			return err
		}
	}
	return nil
}

// ReservationsOf returns the reservations of leads of a seller by lead, in their order.
func ReservationsOf(ctx context.Context, from engine.Source, sellerID string, leads []string) (map[string][]lead.Reservation, error) {
	out := map[string][]lead.Reservation{}
	for some := range slices.Chunk(leads, engine.MaxParams/2) {
		var rows []struct {
			LeadID     string `db:"lead_id"`
			SaleID     string `db:"sale_id"`
			ContractID string `db:"contract_id"`
			BuyerID    string `db:"buyer_id"`
			Slot       int64  `db:"slot"`
			Status     string `db:"status"`
			Reason     string `db:"reason"`
			Asked      bool   `db:"asked"`
			PriceFrom  bool   `db:"price_from_answer"`
			Price      int64  `db:"price"`
			Currency   string `db:"currency"`
			ReservedAt int64  `db:"reserved_at"`
			DeadlineAt int64  `db:"deadline_at"`
			UpdatedAt  int64  `db:"updated_at"`
		}
		if err := from.All(ctx, &rows, "SELECT lead_id, sale_id, contract_id, buyer_id, slot, status, reason, asked, price_from_answer, price, currency, reserved_at, deadline_at, updated_at "+
			"FROM reservations WHERE seller_id = ? AND lead_id IN ("+engine.Marks(len(some))+") ORDER BY lead_id, slot, sale_id", append([]any{sellerID}, engine.Anys(some)...)...); err != nil {
			return nil, err
		}
		for _, r := range rows {
			out[r.LeadID] = append(out[r.LeadID], lead.Reservation{
				SaleID: r.SaleID, ContractID: r.ContractID, BuyerID: r.BuyerID, Price: money.Micros(r.Price), Currency: r.Currency, Asked: r.Asked, PriceFromAnswer: r.PriceFrom,
				Status: lead.ReservationStatus(r.Status), Reason: r.Reason, Slot: r.Slot, At: engine.Time(r.ReservedAt), UpdatedAt: engine.Time(r.UpdatedAt), Deadline: engine.Time(r.DeadlineAt),
			})
		}
	}
	return out, nil
}

// Waiting is what the narrow table says of a lead alone: what it is offered at, 0 at the contracts' prices, and until when buyers are asked; zero
// when none is.
type Waiting struct {
	Price    money.Micros
	Deadline time.Time
}

// WaitingOf returns what the narrow table says of leads of a seller. In a transaction the leads must be locked. Those of which it says nothing are
// left out.
func WaitingOf(ctx context.Context, from engine.Source, sellerID string, leads []string) (map[string]Waiting, error) {
	waiting := map[string]Waiting{}
	if len(leads) == 0 {
		return waiting, nil
	}
	var rows []struct {
		LeadID   string `db:"lead_id"`
		Price    *int64 `db:"asking_price"`
		Deadline *int64 `db:"deadline_at"`
	}
	if err := from.All(ctx, &rows, "SELECT lead_id, asking_price, deadline_at FROM unsold_leads WHERE seller_id = ? AND lead_id IN ("+engine.Marks(len(leads))+
		") AND (asking_price IS NOT NULL OR deadline_at IS NOT NULL)", append([]any{sellerID}, engine.Anys(leads)...)...); err != nil {
		return nil, err
	}
	for _, r := range rows {
		var w Waiting
		if r.Price != nil {
			w.Price = money.Micros(*r.Price)
		}
		if r.Deadline != nil {
			w.Deadline = engine.Time(*r.Deadline)
		}
		waiting[r.LeadID] = w
	}
	return waiting, nil
}
