package market

import (
	"bytes"
	"context"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/adapters/sqlstore/internal/leadrow"
	"github.com/leadmill/leadmill/application"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/field"
)

// searched is how many leads are read at once where not all that are read are shown.
const searched = 250

// leadSearch looks at leads one after another in the order of their ids: by the table leads, or by the sales where only leads with some of
// these are asked for.
type leadSearch struct {
	db        *engine.Reader
	q         marketquery.MarketplaceLeads
	campaigns []string // of the category that is asked for
	bySales   bool
	most      int // rows
}

// searchLeads answers a page of those leads that no key leads to. It looks at no more than marketquery.MostScanned rows of the table that is
// walked, and the next page goes on behind the last of them. Pages that are asked for by their number count within these rows.
func (r *Reader) searchLeads(ctx context.Context, q marketquery.MarketplaceLeads, campaigns []string) (application.List[marketquery.MarketplaceLead], error) {
	var out application.List[marketquery.MarketplaceLead]
	for _, id := range []string{q.BuyerID, q.ContractID, q.PartnerID, q.KeyID} {
		if id != "" && !engine.IsID(id) {
			return out, nil
		}
	}
	if q.Page.After != "" && !engine.IsID(q.Page.After) {
		return out, engine.ErrCursor()
	}
	s := leadSearch{r.db, q, campaigns, q.BuyerID != "" || q.ContractID != "", r.most}
	last, err := s.last(ctx)
	if err != nil {
		return out, err
	}
	skip := q.Page.Offset()
	for after := q.Page.After; ; {
		var found []leadrow.Row
		if found, after, err = s.next(ctx, after, last, skip+q.Page.Limit+1-len(out.Items)); err != nil {
			return out, err
		}
		left := min(skip, len(found))
		skip -= left
		for _, row := range found[left:] {
			l, err := answerLead(row)
			if err != nil {
				return out, err
			}
			out.Items = append(out.Items, l)
		}
		switch {
		case len(out.Items) > q.Page.Limit:
			out.Items = out.Items[:q.Page.Limit]
			out.Next = out.Items[q.Page.Limit-1].ID
		case after != "":
			continue
		default:
			out.Next = last
		}
		return out, r.addSales(ctx, q.SellerID, out.Items)
	}
}

// begin begins a statement that reads rows behind an id, up to another where there is one, in the order of the page.
func (s leadSearch) begin(what, after, last string) (f *engine.Filter, order string) {
	from, id, seller := "leads l", "l.id", "l.seller_id"
	if s.bySales {
		from, id, seller = "sales s"+s.db.UseKey("PRIMARY"), "s.lead_id", "s.seller_id"
	}
	f = &engine.Filter{Args: []any{s.q.SellerID}}
	f.WriteString("SELECT " + what + " FROM " + from + " WHERE " + seller + " = ?")
	beyond, upTo := " < ?", " >= ?"
	if s.q.Page.Ascending {
		beyond, upTo = " > ?", " <= ?"
	}
	if after != "" {
		f.And(id+beyond, after)
	}
	if last != "" {
		f.And(id+upTo, last)
	}
	between(f, id, s.q)
	return f, s.order(id) + " LIMIT ?"
}

// last returns the id of the last lead that the page may look at; empty when it may look at all that follow.
func (s leadSearch) last(ctx context.Context) (id string, err error) {
	what := "l.id"
	if s.bySales {
		what = "s.lead_id"
	}
	f, order := s.begin(what, s.q.Page.After, "")
	_, err = s.db.Get(ctx, &id, f.String()+order+" OFFSET ?", append(f.Args, int64(1), int64(s.most-1))...)
	return id, err
}

// next returns up to most leads that are asked for, and behind which id to go on; empty where the end was reached. It may return none before
// that.
func (s leadSearch) next(ctx context.Context, after, last string, most int) ([]leadrow.Row, string, error) {
	if s.bySales {
		return s.sold(ctx, after, last)
	}
	limit := most
	if s.q.OfPerson() {
		limit = searched
	}
	f, order := s.begin(s.columns(), after, last)
	s.conditions(f)
	if s.q.OfPerson() {
		var looked []leadFields
		if err := s.db.All(ctx, &looked, f.String()+order, append(f.Args, int64(limit))...); err != nil {
			return nil, "", err
		}
		goOn := ""
		if len(looked) == limit {
			goOn = looked[limit-1].ID
		}
		rows, err := s.of(ctx, looked)
		return rows, goOn, err
	}
	var rows []leadrow.Row
	if err := s.db.All(ctx, &rows, f.String()+order, append(f.Args, int64(limit))...); err != nil {
		return nil, "", err
	}
	goOn := ""
	if len(rows) == limit {
		goOn = rows[limit-1].ID
	}
	return rows, goOn, nil
}

// sold is next by the sales.
func (s leadSearch) sold(ctx context.Context, after, last string) ([]leadrow.Row, string, error) {
	f, order := s.begin("DISTINCT s.lead_id", after, last)
	if s.q.BuyerID != "" {
		f.And("s.buyer_id = ?", s.q.BuyerID)
	}
	if s.q.ContractID != "" {
		f.And("+s.contract_id = ?", s.q.ContractID) // the plus keeps SQLite from sorting all sales of the contract
	}
	var ids []string
	if err := s.db.All(ctx, &ids, f.String()+order, append(f.Args, int64(searched))...); err != nil || len(ids) == 0 {
		return nil, "", err
	}
	goOn := ""
	if len(ids) == searched {
		goOn = ids[searched-1]
	}
	if s.q.OfPerson() {
		var looked []leadFields
		if err := s.among(ctx, &looked, ids); err != nil {
			return nil, "", err
		}
		rows, err := s.of(ctx, looked)
		return rows, goOn, err
	}
	var rows []leadrow.Row
	err := s.among(ctx, &rows, ids)
	return rows, goOn, err
}

// among reads those of some leads that are asked for, in the order of the page.
func (s leadSearch) among(ctx context.Context, into any, ids []string) error {
	f := &engine.Filter{Args: append([]any{s.q.SellerID}, engine.Anys(ids)...)}
	f.WriteString("SELECT " + s.columns() + " FROM leads l WHERE l.seller_id = ? AND l.id IN (" + engine.Marks(len(ids)) + ")")
	s.conditions(f)
	return s.db.All(ctx, into, f.String()+s.order("l.id"), f.Args...)
}

// order is that of the page, by a column of ids.
func (s leadSearch) order(id string) string {
	if s.q.Page.Ascending {
		return " ORDER BY " + id + " ASC"
	}
	return " ORDER BY " + id + " DESC"
}

// leadFields is what a lead is looked at by where somebody's are asked for: to read all that a list shows of it would take several times as long.
type leadFields struct {
	ID     string `db:"id"`
	Fields []byte `db:"fields"`
}

// columns are those of a list, or the fields where these tell whose a lead is.
func (s leadSearch) columns() string {
	if s.q.OfPerson() {
		return "l.id, l.fields"
	}
	return listedColumns
}

// conditions adds what is asked of leads l.
func (s leadSearch) conditions(f *engine.Filter) {
	f.And("l.status <> ''")
	within(f, s.q)
	for _, c := range [...]struct{ column, value string }{{"l.status", s.q.Status}, {"l.partner_id", s.q.PartnerID}, {"l.key_id", s.q.KeyID}} {
		if c.value != "" {
			f.And(c.column+" = ?", c.value)
		}
	}
	if s.q.Category != "" {
		f.And("l.campaign_id IN ("+engine.Marks(len(s.campaigns))+")", engine.Anys(s.campaigns)...)
	}
	if !s.q.State.IsZero() {
		// Within a JSON object this text is nothing but that member: a quote inside of a text has a backslash before it.
		f.And("INSTR(l.dimensions, ?) > 0", []byte(`"`+field.DimensionState+`":"`+s.q.State.String()+`"`))
	}
}

// of reads those leads that are of whom is asked for. One whose fields cannot be read is nobody's.
func (s leadSearch) of(ctx context.Context, looked []leadFields) ([]leadrow.Row, error) {
	var ids []string
	for _, l := range looked {
		if !s.mayHold(l.Fields) {
			continue
		}
		if fields, err := (leadrow.Row{ID: l.ID, Fields: l.Fields}).Given(); err == nil && s.q.Matches(fields) {
			ids = append(ids, l.ID)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	var rows []leadrow.Row
	err := s.db.All(ctx, &rows, "SELECT "+listedColumns+" FROM leads l WHERE l.seller_id = ? AND l.id IN ("+engine.Marks(len(ids))+")"+s.order("l.id"),
		append([]any{s.q.SellerID}, engine.Anys(ids)...)...)
	return rows, err
}

// mayHold reports whether fields as they are stored may hold whom is asked for, without reading them as JSON, which takes ten times as long:
// the email is somewhere in them, and the last digits of the phone are among their digits. With a backslash in them anything may.
func (s leadSearch) mayHold(fields []byte) bool {
	if bytes.IndexByte(fields, '\\') >= 0 {
		return true
	}
	if email := s.q.Email.Key(); email != "" && !bytes.Contains(bytes.ToLower(fields), []byte(email)) {
		return false
	}
	phone := s.q.Phone.Key()
	if phone == "" {
		return true
	}
	digits := make([]byte, 0, 128)
	for _, c := range fields {
		if c >= '0' && c <= '9' {
			digits = append(digits, c)
		}
	}
	return bytes.Contains(digits, []byte(phone[max(0, len(phone)-4):]))
}
