package earlier

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/leadmill/leadmill/adapters/eventlog/segment"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/application"
)

// Contents is what a database holds, as far as a migration must keep it. Two are equal if nothing got lost or changed.
type Contents struct {
	Events   []Digest            // by position, from 1
	Tables   map[string]Rows     // as they are named and keyed after the migration
	Versions map[string]int64    // of aggregates that have no table of Leadmill's
	Small    map[string][]string // consumers and parked events, row by row
	Last     int64               // the last position that was given
}

// Digest is a hash of all that one event has.
type Digest [sha256.Size]byte

// Rows says how many rows there are and what their hashes add up to.
type Rows struct {
	Count int
	Sum   uint64
}

func (r Rows) with(values ...any) Rows {
	sum := sha256.Sum256(join(nil, values...))
	return Rows{r.Count + 1, r.Sum + binary.BigEndian.Uint64(sum[:])}
}

// join appends values so that no other values look the same.
func join(b []byte, values ...any) []byte {
	for _, v := range values {
		switch v := v.(type) {
		case int64:
			b = strconv.AppendInt(append(b, 'i'), v, 10)
		case string:
			b = append(strconv.AppendInt(append(b, 's'), int64(len(v)), 10), v...)
		case []byte:
			b = append(strconv.AppendInt(append(b, 's'), int64(len(v)), 10), v...)
		case nil:
			b = append(b, 'n')
		default:
			panic(fmt.Sprintf("earlier: a %T", v))
		}
	}
	return b
}

// kept are the tables whose rows stay as they are, with their columns.
var kept = map[string]string{
	"buyers":         "id, seller_id, name, email, status, time_zone, balance, held, credit_limit, created_at, updated_at, version",
	"ledger_entries": "id, seller_id, buyer_id, type, amount, balance_after, sale_id, note, created_at",
	"campaigns":      "id, seller_id, name, category, active_key, status, definition, created_at, updated_at, version",
	"contracts":      "id, campaign_id, seller_id, buyer_id, status, price, priority, time_zone, effective_zone, caps, created_at, updated_at",
	"leads": "id, seller_id, seller_code, origin, key_id, partner_id, campaign_id, category, fields, dimensions, external_id, test, status, code, reason, payout, " +
		"shown, shown_hidden, trace, pending_until, request_fingerprint, answer_status, answer_body, created_at, updated_at, version",
	"customers": "id, seller_id, customer_key, key_hash, email, email_key, name, surname, tags, status, partner_id, referral_key, policy, attributed_at, touched_at, " +
		"created_at, updated_at, deleted_at, version",
	"lead_reviews":   "lead_id, seller_id, number, status, name, email, form_version, answers, customer_id, commission_amount",
	"outgoing_mails": "event_id, seller_id, partner_id, attempts, next_at",
	"sellers":        "id, code, slug, name, currency, time_zone, website, created_at, updated_at, version, program",
	"api_keys":       "id, seller_id, scope, name, partner_id, limit_requests, limit_window_us, hash, created_at, revoked_at",
	"partners":       "seller_id, id, email, email_key, name, status, password_hash, version",
	"report_leads":   "seller_id, day, campaign_id, category, partner_id, submitted, pending, sold, duplicate, rejected, unsold",
	"report_sales":   "seller_id, day, campaign_id, buyer_id, sales, revenue, payout",
	"jobs":           "name, schedule, fence, next_at, runs",
}

// small are the tables that the log keeps beside its events.
var small = map[string]string{
	"event_consumers": "name, position, owner, fence",
	"event_parked":    "consumer, position, seller_id, aggregate_type, aggregate_id, attempts, error, parked_at",
}

// kinds are the aggregates whose rows keep their versions.
var kinds = []string{"seller", "buyer", "campaign", "lead", "partner", "customer", "click"}

// Before returns what a database of the earlier release must hold when it is migrated.
func Before(t testing.TB, db *dialect.DB) Contents {
	t.Helper()
	r := reader{t, db}
	c := r.common()
	sellerOf := map[string]string{} // of leads, contracts and API keys
	for _, table := range []string{"leads", "contracts", "api_keys"} {
		r.each("SELECT id, seller_id FROM "+table, func(v []any) { sellerOf[r.text(v[0])] = r.text(v[1]) })
	}
	live, dead := map[string]bool{}, map[string]int64{}
	var sales Rows
	r.each("SELECT seller_id, lead_id, slot, id, campaign_id, contract_id, buyer_id, price, currency, status, sold_at FROM sales ORDER BY lead_id, id", func(v []any) {
		if v[2] == nil {
			dead[r.text(v[1])]--
			v[2] = dead[r.text(v[1])]
		} else {
			live[r.text(v[1])] = true
		}
		sales = sales.with(v...)
	})
	var unsold, claims, recent, counters, answers Rows
	r.each("SELECT seller_id, id, campaign_id, status, test, code FROM leads", func(v []any) {
		if r.text(v[3]) != "" && !live[r.text(v[1])] {
			unsold = unsold.with(append(v, "")...)
		}
	})
	r.each("SELECT seller_id, claim_key, lead_id, expires_at, kind, expires_at > "+db.Micros()+" FROM claims", func(v []any) {
		switch {
		case r.text(v[4]) != "request":
			claims = claims.with(v[:4]...)
		case v[5] == int64(1):
			recent = recent.with(v[0], v[1], v[2], v[3].(int64)-60_000_000) //nolint:forcetypeassert // as it was scanned
		}
	})
	r.each("SELECT contract_id, counter_key, span_window, span_key, starts_at, ends_at, used, spent, last_won FROM contract_counters", func(v []any) {
		counters = counters.with(append([]any{sellerOf[r.text(v[0])]}, v...)...)
	})
	r.each("SELECT key_id, key_hash, fingerprint, status, body, expires_at FROM answers", func(v []any) {
		answers = answers.with(append([]any{sellerOf[r.text(v[0])]}, v...)...)
	})
	maps.Copy(c.Tables, map[string]Rows{
		"sales": sales, "unsold_leads": unsold, "claims": claims, "recent_requests": recent, "contract_counters": counters, "answers": answers,
	})

	const columns = " e.event_id, e.seller_id, e.aggregate_type, e.aggregate_id, e.aggregate_version, e.type, e.payload, e.metadata, e.occurred_at "
	var queries []string
	if db.Sequenced() {
		queries = []string{
			"SELECT p.position, p.id," + columns + "FROM event_positions p JOIN events e ON e.id = p.id ORDER BY p.position",
			"SELECT 0, e.id," + columns + "FROM event_pending w JOIN events e ON e.id BETWEEN w.first_id AND w.first_id + w.events - 1 ORDER BY w.first_id, e.id",
		}
	} else {
		queries = []string{"SELECT e.id, e.id," + columns + "FROM events e ORDER BY e.id"}
	}
	for _, query := range queries {
		r.each(query, func(v []any) {
			if position, _ := v[0].(int64); position != 0 && position != int64(len(c.Events))+1 {
				t.Fatalf("position %d comes behind %d", position, len(c.Events))
			}
			var trail struct {
				Correlation string `json:"correlation_id"`
				Causation   string `json:"causation_id"`
				Traceparent string `json:"traceparent"`
			}
			if err := json.Unmarshal([]byte(r.text(v[9])), &trail); err != nil {
				t.Fatal(err)
			}
			version, _ := v[6].(int64)
			at, _ := v[10].(int64)
			e := application.EventRecord{
				ID: r.text(v[2]), SellerID: r.text(v[3]), AggregateType: r.text(v[4]), AggregateID: r.text(v[5]), AggregateVersion: version,
				Type: r.text(v[7]), Payload: []byte(r.text(v[8])), OccurredAt: time.UnixMicro(at),
				Trail: application.Trail{CorrelationID: trail.Correlation, CausationID: trail.Causation, Traceparent: trail.Traceparent},
			}
			c.add(e)
			if !slices.Contains(kinds, e.AggregateType) {
				c.Versions[strings.Join([]string{e.SellerID, e.AggregateType, e.AggregateID}, " ")] = e.AggregateVersion
			}
		})
	}
	c.Last = int64(len(c.Events))
	return c
}

// After returns what a migrated database holds.
func After(t testing.TB, db *dialect.DB) Contents {
	t.Helper()
	r := reader{t, db}
	c := r.common()
	for table, columns := range map[string]string{
		"sales":             "seller_id, lead_id, slot, id, campaign_id, contract_id, buyer_id, price, currency, status, sold_at",
		"unsold_leads":      "seller_id, lead_id, campaign_id, status, test, reason, contract_id",
		"claims":            "seller_id, claim_key, lead_id, expires_at",
		"recent_requests":   "seller_id, content, lead_id, accepted_at",
		"contract_counters": "seller_id, contract_id, counter_key, span_window, span_key, starts_at, ends_at, used, spent, last_won",
		"answers":           "seller_id, key_id, key_hash, fingerprint, status, body, expires_at",
	} {
		c.Tables[table] = r.rows(table, columns)
	}
	r.each("SELECT p.first_position, p.seller_id, p.events, p.at, p.types, s.seller_id, s.events, s.at, s.types, s.body FROM event_positions p "+
		"JOIN event_segments s ON s.id = p.segment_id ORDER BY p.first_position", func(v []any) {
		first, _ := v[0].(int64)
		n, _ := v[2].(int64)
		at, _ := v[3].(int64)
		if first != int64(len(c.Events))+1 || fmt.Sprint(v[1:5]) != fmt.Sprint(v[5:9]) {
			t.Fatalf("the segment at %d comes behind %d, or differs from its position: %v", first, len(c.Events), v[:9])
		}
		body, _ := v[9].([]byte)
		events, err := segment.Decode(nil, body, r.text(v[1]), first, int(n), ^uint64(0))
		if err != nil {
			t.Fatal(err)
		}
		var records []application.EventRecord
		for i := range events {
			records = append(records, events[i].EventRecord)
			c.add(events[i].EventRecord)
		}
		if types := int64(segment.Types(records)); types != v[4] || at != records[0].OccurredAt.UnixMicro() || len(records) > segment.MaxEvents {
			t.Fatalf("the segment at %d says it has the types %x from %d on, and has %x", first, v[4], at, types)
		}
	})
	r.each("SELECT seller_id, aggregate_type, aggregate_id, version FROM event_versions", func(v []any) {
		c.Versions[strings.Join([]string{r.text(v[0]), r.text(v[1]), r.text(v[2])}, " ")], _ = v[3].(int64)
	})
	r.each("SELECT last_position FROM event_sequence", func(v []any) { c.Last, _ = v[0].(int64) })
	if db.Sequenced() {
		r.each("SELECT * FROM event_pending", func(v []any) { t.Fatalf("events still wait for positions: %v", v) })
	}
	return c
}

func (c *Contents) add(e application.EventRecord) {
	c.Events = append(c.Events, sha256.Sum256(join(nil, e.ID, e.SellerID, e.AggregateType, e.AggregateID, e.AggregateVersion,
		e.Type, e.Payload, e.OccurredAt.UnixMicro(), e.Trail.CorrelationID, e.Trail.CausationID, e.Trail.Traceparent)))
}

// Difference says in a line where two Contents differ; "" when they do not.
func Difference(want, got Contents) string {
	if len(want.Events) != len(got.Events) {
		return fmt.Sprintf("%d events became %d", len(want.Events), len(got.Events))
	}
	for i := range want.Events {
		if want.Events[i] != got.Events[i] {
			return fmt.Sprintf("the event at position %d is another", i+1)
		}
	}
	for _, of := range []struct {
		what      string
		want, got any
	}{
		{"the tables are", want.Tables, got.Tables},
		{"the versions of teams' aggregates are", want.Versions, got.Versions},
		{"consumers and parked events are", want.Small, got.Small},
		{"the last position is", want.Last, got.Last},
	} {
		if a, b := fmt.Sprint(of.want), fmt.Sprint(of.got); a != b {
			return fmt.Sprintf("%s\n%s, want\n%s", of.what, b, a)
		}
	}
	return ""
}

type reader struct {
	t  testing.TB
	db *dialect.DB
}

// common reads what is read alike before and after.
func (r reader) common() Contents {
	c := Contents{Tables: map[string]Rows{}, Versions: map[string]int64{}, Small: map[string][]string{}}
	for table, columns := range kept {
		c.Tables[table] = r.rows(table, columns)
	}
	for table, columns := range small {
		r.each("SELECT "+columns+" FROM "+table+" ORDER BY 1, 2", func(v []any) { c.Small[table] = append(c.Small[table], fmt.Sprintf("%q", v)) })
	}
	return c
}

func (r reader) rows(table, columns string) (rows Rows) {
	r.each("SELECT "+columns+" FROM "+table, func(v []any) { rows = rows.with(v...) })
	return rows
}

// each calls fn for each row: numbers are int64, all else is bytes.
func (r reader) each(query string, fn func(values []any)) {
	r.t.Helper()
	rows, err := r.db.Reader.QueryContext(context.Background(), query)
	if err != nil {
		r.t.Fatalf("%v in %s", err, query)
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		r.t.Fatal(err)
	}
	raw, into := make([]any, len(columns)), make([]any, len(columns))
	for i := range raw {
		into[i] = &raw[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			r.t.Fatal(err)
		}
		values := slices.Clone(raw)
		for i, v := range values {
			if s, ok := v.(string); ok {
				values[i] = []byte(s)
			}
		}
		fn(values)
	}
	if err := rows.Err(); err != nil {
		r.t.Fatal(err)
	}
}

func (r reader) text(v any) string {
	switch v := v.(type) {
	case []byte:
		return string(v)
	case nil:
		return ""
	default:
		return fmt.Sprint(v)
	}
}
