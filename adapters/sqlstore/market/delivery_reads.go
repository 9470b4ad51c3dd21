package market

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"strings"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/adapters/sqlstore/internal/leadrow"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/delivery"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
)

var _ market.DeliveryReader = (*Reader)(nil)

type dueRow struct {
	SellerID   string `db:"seller_id"`
	ContractID string `db:"contract_id"`
	Earliest   int64  `db:"earliest"`
}

// What finds the first delivery that is due of each contract. Servers read one row a contract for the short statement, for which SQLite reads the
// whole queue; the other one goes from each seller and contract to the next, which servers do not.
const (
	firstDue       = "SELECT seller_id, contract_id, MIN(next_at) AS earliest FROM delivery_queue GROUP BY seller_id, contract_id HAVING earliest <= ?"
	firstDueSQLite = "WITH RECURSIVE s (seller_id) AS (SELECT MIN(q.seller_id) FROM delivery_queue q " +
		"UNION ALL SELECT (SELECT MIN(q.seller_id) FROM delivery_queue q WHERE q.seller_id > s.seller_id) FROM s WHERE s.seller_id IS NOT NULL), " +
		"k (seller_id, contract_id) AS (SELECT s.seller_id, (SELECT MIN(q.contract_id) FROM delivery_queue q WHERE q.seller_id = s.seller_id) FROM s WHERE s.seller_id IS NOT NULL " +
		"UNION ALL SELECT k.seller_id, (SELECT MIN(q.contract_id) FROM delivery_queue q WHERE q.seller_id = k.seller_id AND q.contract_id > k.contract_id) FROM k WHERE k.contract_id IS NOT NULL) " +
		"SELECT seller_id, contract_id, earliest FROM (SELECT k.seller_id, k.contract_id, " +
		"(SELECT MIN(q.next_at) FROM delivery_queue q WHERE q.seller_id = k.seller_id AND q.contract_id = k.contract_id) AS earliest FROM k WHERE k.contract_id IS NOT NULL) WHERE earliest <= ?"
)

// DueEndpoints implements market.DeliveryReader.
func (r *Reader) DueEndpoints(ctx context.Context, now time.Time) ([]application.Ref, error) {
	query := firstDue
	if r.db.Embedded() {
		query = firstDueSQLite
	}
	var rows []dueRow
	if err := r.db.All(ctx, &rows, query, engine.Micros(now)); err != nil {
		return nil, err
	}
	slices.SortStableFunc(rows, func(a, b dueRow) int { return cmp.Compare(a.Earliest, b.Earliest) })
	due := make([]application.Ref, len(rows))
	for i, row := range rows {
		due[i] = application.Ref{SellerID: row.SellerID, ID: row.ContractID}
	}
	return due, nil
}

type dueDeliveryRow struct {
	ID         string         `db:"id"`
	SaleID     string         `db:"sale_id"`
	LeadID     string         `db:"lead_id"`
	NextAt     int64          `db:"next_at"`
	Tries      int64          `db:"tries"`
	Attempts   int64          `db:"attempts"`
	Deadline   int64          `db:"deadline_at"`
	Status     string         `db:"sale_status"`
	Price      int64          `db:"price"`
	Currency   string         `db:"currency"`
	SoldAt     int64          `db:"sold_at"`
	Category   string         `db:"category"`
	Fields     []byte         `db:"fields"`
	Test       bool           `db:"test"`
	ErasedAt   int64          `db:"erased_at"`
	Delivery   sql.NullString `db:"delivery"`
	DeliversAt int64          `db:"delivers_since"`
	Rules      sql.NullString `db:"rules"`
}

// mostWithout is how many deliveries a statement leaves out. What is more is read and left out then.
const mostWithout = 1 << 14

// leftOut returns a condition that leaves out up to mostWithout ids, with its arguments. There are few such texts, so that statements stay prepared.
func leftOut(column string, ids []string) (condition string, args []any) {
	ids = ids[:min(len(ids), mostWithout)]
	if len(ids) == 0 {
		return "", nil
	}
	args = engine.Anys(ids)
	for len(args)&(len(args)-1) != 0 {
		args = append(args, args[0])
	}
	return " AND " + column + " NOT IN (" + engine.Marks(len(args)) + ")", args
}

// DueDeliveries implements market.DeliveryReader. A contract that was deleted delivers what it sold.
func (r *Reader) DueDeliveries(ctx context.Context, contract application.Ref, now time.Time, without []string, limit int) (*campaign.Delivery, []market.DueDelivery, error) {
	others, args := leftOut("delivery_id", without)
	args = append(append([]any{contract.SellerID, contract.ID, engine.Micros(now)}, args...), int64(limit+max(0, len(without)-mostWithout)))
	var rows []dueDeliveryRow
	if err := r.db.All(ctx, &rows, "SELECT d.id, d.sale_id, d.lead_id, q.next_at, d.tries, d.attempts, d.deadline_at, COALESCE(s.status, r.status) AS sale_status, "+
		"COALESCE(s.price, r.price) AS price, COALESCE(s.currency, r.currency) AS currency, COALESCE(s.sold_at, r.reserved_at) AS sold_at, "+
		"l.category, l.fields, l.test, l.erased_at, k.delivery, k.delivers_since, k.rules FROM (SELECT seller_id, next_at, delivery_id FROM delivery_queue WHERE seller_id = ? AND contract_id = ? AND next_at <= ?"+others+
		" ORDER BY next_at, delivery_id LIMIT ?) q JOIN deliveries d ON d.seller_id = q.seller_id AND d.id = q.delivery_id "+
		"LEFT JOIN sales s ON s.seller_id = d.seller_id AND s.id = d.sale_id LEFT JOIN reservations r ON r.seller_id = d.seller_id AND r.lead_id = d.lead_id AND r.sale_id = d.sale_id "+
		"JOIN leads l ON l.seller_id = d.seller_id AND l.id = d.lead_id "+
		"JOIN contracts k ON k.seller_id = d.seller_id AND k.campaign_id = d.campaign_id AND k.id = d.contract_id WHERE s.id IS NOT NULL OR r.sale_id IS NOT NULL ORDER BY q.next_at, q.delivery_id",
		args...); err != nil {
		return nil, nil, err
	}
	if len(without) > mostWithout {
		rows = slices.DeleteFunc(rows, func(row dueDeliveryRow) bool { return slices.Contains(without[mostWithout:], row.ID) })
		rows = rows[:min(limit, len(rows))]
	}
	var how *campaign.Delivery
	out := make([]market.DueDelivery, len(rows))
	for i, row := range rows {
		var err error
		if i == 0 {
			if how, err = decodeDelivery(row.Delivery, row.DeliversAt, contract.ID); err != nil {
				return nil, nil, err
			}
		}
		d := market.DueDelivery{
			SellerID: contract.SellerID, ID: row.ID, SaleID: row.SaleID, LeadID: row.LeadID, ContractID: contract.ID, Tries: row.Tries, Attempts: row.Attempts,
			Sale: row.Status, Price: money.Micros(row.Price), Currency: row.Currency, SoldAt: engine.Time(row.SoldAt), NextAt: engine.Time(row.NextAt), Category: row.Category,
			Erased: row.ErasedAt > 0, Test: row.Test, Deadline: engine.Time(row.Deadline),
		}
		d.Fields, d.Unreadable = leadrow.Row{ID: row.LeadID, Fields: row.Fields}.Given()
		out[i] = d
	}
	if len(rows) == 0 {
		return how, out, nil
	}
	var rules contractRulesColumn
	if err := decodeRules(rows[0].Rules, contract.ID, &rules); err != nil || rules.Bid == nil {
		return how, out, err
	}
	return how, out, r.addBids(ctx, contract, out)
}

// addBids adds what the buyer of a contract called its bids for leads.
func (r *Reader) addBids(ctx context.Context, contract application.Ref, all []market.DueDelivery) error {
	leads := make([]any, len(all))
	for i := range all {
		leads[i] = all[i].LeadID
	}
	var rows []pingRow
	if err := r.db.All(ctx, &rows, "SELECT "+pingColumns+" FROM pings"+r.db.UseKey("pings_lead")+" WHERE seller_id = ? AND lead_id IN ("+engine.Marks(len(leads))+")",
		append([]any{contract.SellerID}, leads...)...); err != nil {
		return err
	}
	references := make(map[string]string, len(rows))
	for i := range rows {
		if p, err := rows[i].ping(); err == nil { // one that cannot be read keeps no delivery back
			references[rows[i].LeadID] = p.Quote().Bids[contract.ID].Reference
		}
	}
	for i := range all {
		all[i].BidReference = references[all[i].LeadID]
	}
	return nil
}

// ContractDelivery implements market.DeliveryReader.
func (r *Reader) ContractDelivery(ctx context.Context, sellerID, campaignID, id string) (*campaign.Delivery, campaign.ContractSnapshot, string, error) {
	c, err := r.CampaignByID(ctx, marketquery.CampaignByID{Actor: application.Actor{SellerID: sellerID}, ID: campaignID})
	if err != nil {
		return nil, campaign.ContractSnapshot{}, "", err
	}
	var row contractRow
	if err := r.db.One(ctx, campaign.ErrContractNotFound, &row, "SELECT "+contractColumns+" FROM contracts WHERE seller_id = ? AND campaign_id = ? AND id = ? AND status <> 'deleted'",
		sellerID, campaignID, id); err != nil {
		return nil, campaign.ContractSnapshot{}, "", err
	}
	if row.ID != id {
		return nil, campaign.ContractSnapshot{}, "", campaign.ErrContractNotFound
	}
	k, err := row.snapshot()
	return k.Delivery, k, c.Category, err
}

// WaitingDeliveries implements market.DeliveryReader.
func (r *Reader) WaitingDeliveries(ctx context.Context, limit int64) (n int64, oldest time.Time, err error) {
	if _, err = r.db.Get(ctx, &n, "SELECT COUNT(*) FROM (SELECT 1 AS one FROM delivery_queue LIMIT ?) q", limit); err != nil || n == 0 {
		return 0, time.Time{}, err
	}
	var first sql.NullInt64
	_, err = r.db.Get(ctx, &first, "SELECT MIN(f.next_at) FROM (SELECT MIN(next_at) AS next_at FROM delivery_queue GROUP BY seller_id, contract_id) f")
	return n, engine.Time(first.Int64), err
}

// Deliveries answers marketquery.Deliveries. What is asked for is read by a key, as many as the page can show.
func (r *Reader) Deliveries(ctx context.Context, q marketquery.Deliveries) (application.List[marketquery.Delivery], error) {
	if q.ContractID != "" && !engine.IsID(q.ContractID) {
		return application.List[marketquery.Delivery]{}, nil
	}
	q, unknown := asStored(q)
	f := &engine.Filter{Args: []any{q.SellerID}}
	from := "SELECT " + leadrow.DeliveryColumns + " FROM deliveries"
	switch {
	case q.ContractID != "" && q.Status != "":
		f.WriteString(from + r.db.UseKey("deliveries_contract") + " WHERE seller_id = ? AND contract_id = ? AND state = ?")
		f.Args = append(f.Args, q.ContractID, q.Status)
	case q.Status != "":
		f.WriteString(from + r.db.UseKey("deliveries_state") + " WHERE seller_id = ? AND state = ?")
		f.Args = append(f.Args, q.Status)
	case q.ContractID != "":
		var parts []string
		f.Args = nil
		for _, state := range delivery.States() {
			some := &engine.Filter{Args: []any{q.SellerID, q.ContractID, string(state)}}
			some.WriteString("SELECT k.id AS one FROM deliveries k" + r.db.UseKey("deliveries_contract") + " WHERE k.seller_id = ? AND k.contract_id = ? AND k.state = ?")
			upTo(some, "k.id", q.Page)
			parts = append(parts, "SELECT one FROM ("+some.String()+") s")
			f.Args = append(f.Args, some.Args...)
		}
		f.WriteString(from + " JOIN (" + strings.Join(parts, " UNION ALL ") + ") o ON id = one WHERE seller_id = ?")
		f.Args = append(f.Args, q.SellerID)
	default:
		f.WriteString(from + " WHERE seller_id = ?")
	}
	switch {
	case unknown:
		f.And(isUnknown)
	case q.Status == string(delivery.Pending):
		f.And("NOT (" + isUnknown + ")")
	}
	l, err := engine.List(ctx, r.db, q.Page, func(d marketquery.Delivery) string { return d.ID },
		func(row deliveryRow) (marketquery.Delivery, error) {
			return marketquery.DeliveryOf(row.snapshot()), nil
		}, f.String(), f.Args...)
	if err != nil {
		return l, err
	}
	return l, r.addLast(ctx, q.SellerID, l.Items)
}

// isUnknown is what holds for a pending delivery that is shown as unknown.
const isUnknown = "deadline_at > 0 AND tries > 0"

// asStored is what a list asks for as it is stored: what is unknown is pending.
func asStored(q marketquery.Deliveries) (marketquery.Deliveries, bool) {
	unknown := q.Status == marketquery.DeliveryUnknown
	if unknown {
		q.Status = string(delivery.Pending)
	}
	return q, unknown
}

// DeliveriesOfLead answers marketquery.DeliveriesOfLead: lead.ErrNotFound.
func (r *Reader) DeliveriesOfLead(ctx context.Context, q marketquery.DeliveriesOfLead) ([]marketquery.Delivery, error) {
	if !engine.IsID(q.LeadID) {
		return nil, lead.ErrNotFound
	}
	var id string
	if err := r.db.One(ctx, lead.ErrNotFound, &id, "SELECT id FROM leads WHERE seller_id = ? AND id = ? AND status <> ''", q.SellerID, q.LeadID); err != nil {
		return nil, err
	}
	var rows []deliveryRow
	if err := r.db.All(ctx, &rows, "SELECT "+leadrow.DeliveryColumns+" FROM deliveries"+r.db.UseKey("deliveries_lead")+" WHERE seller_id = ? AND lead_id = ? ORDER BY id DESC", q.SellerID, q.LeadID); err != nil {
		return nil, err
	}
	out := make([]marketquery.Delivery, len(rows))
	for i, row := range rows {
		out[i] = marketquery.DeliveryOf(row.snapshot())
	}
	return out, r.addAttempts(ctx, q.SellerID, out)
}

// DeliveryByID answers marketquery.DeliveryByID: delivery.ErrNotFound.
func (r *Reader) DeliveryByID(ctx context.Context, q marketquery.DeliveryByID) (marketquery.Delivery, error) {
	if !engine.IsID(q.ID) {
		return marketquery.Delivery{}, delivery.ErrNotFound
	}
	var row deliveryRow
	if err := r.db.One(ctx, delivery.ErrNotFound, &row, "SELECT "+leadrow.DeliveryColumns+" FROM deliveries WHERE seller_id = ? AND id = ?", q.SellerID, q.ID); err != nil {
		return marketquery.Delivery{}, err
	}
	one := []marketquery.Delivery{marketquery.DeliveryOf(row.snapshot())}
	return one[0], r.addAttempts(ctx, q.SellerID, one)
}

// addLast gives deliveries of a seller their last attempt without what was sent and answered: a page of them would be megabytes.
func (r *Reader) addLast(ctx context.Context, sellerID string, all []marketquery.Delivery) error {
	return r.attempts(ctx, sellerID, all, "a.number, a.at, a.duration_us, a.status, a.reason", 1)
}

// addAttempts gives deliveries of a seller their newest attempts.
func (r *Reader) addAttempts(ctx context.Context, sellerID string, all []marketquery.Delivery) error {
	return r.attempts(ctx, sellerID, all, "a.number, a.at, a.duration_us, a.status, a.reason, a.request, a.answer", marketquery.MostAttempts)
}

func (r *Reader) attempts(ctx context.Context, sellerID string, all []marketquery.Delivery, columns string, most int64) error {
	for some := range slices.Chunk(all, salesAtOnce) {
		of := make(map[string]*marketquery.Delivery, len(some))
		args := []any{sellerID}
		for i := range some {
			of[some[i].ID] = &some[i]
			args = append(args, some[i].ID)
		}
		var rows []struct {
			DeliveryID string `db:"delivery_id"`
			Number     int64  `db:"number"`
			At         int64  `db:"at"`
			Took       int64  `db:"duration_us"`
			Status     int    `db:"status"`
			Reason     string `db:"reason"`
			Request    []byte `db:"request"`
			Answer     []byte `db:"answer"`
		}
		if err := r.db.All(ctx, &rows, "SELECT a.delivery_id, "+columns+" FROM deliveries d "+
			"JOIN delivery_attempts a ON a.seller_id = d.seller_id AND a.delivery_id = d.id AND a.number > d.tries - ? WHERE d.seller_id = ? AND d.id IN ("+engine.Marks(len(some))+") "+
			"ORDER BY a.delivery_id, a.number DESC", append([]any{most}, args...)...); err != nil {
			return err
		}
		for _, a := range rows {
			d := of[a.DeliveryID]
			d.Attempts = append(d.Attempts, marketquery.DeliveryAttempt{
				Number: a.Number, At: engine.Time(a.At), Took: time.Duration(a.Took) * time.Microsecond, Status: a.Status, Reason: a.Reason,
				Request: string(a.Request), Answer: string(a.Answer),
			})
		}
	}
	return nil
}
