package markethttp

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"strconv"
	"time"

	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/money"
	httpport "github.com/leadmill/leadmill/ports/http"
)

// statementTime is how long sending a statement may take.
const statementTime = 10 * time.Minute

// getStatement answers GET /v1/buyers/{id}/statement as JSON, as a table or as a page to print. It is sent while it is read.
func (h Handlers) getStatement(k *httpport.Call) {
	q := marketquery.Statement{Actor: k.Actor(), BuyerID: k.Param("id"), Month: k.Query().Get("month")}
	ctx, release := k.Wait(statementTime)
	defer release()
	var form statementForm
	switch k.Prefers(httpport.TypeJSON, httpport.TypeCSV, httpport.TypeHTML) {
	case httpport.TypeCSV:
		form = &statementSheet{k: k}
	case httpport.TypeHTML:
		form = &statementPage{k: k, month: q.Month}
	default:
		form = &statementJSON{k: k, month: q.Month}
	}
	q.Begin, q.Entry = form.begin, form.entry
	closing, err := h.Statement.Handle(ctx, q)
	if !form.begun() { // nothing but an error can come before the opening
		k.Fail(err)
		return
	}
	form.end(closing, err)
}

// statementForm writes a statement. What it is told after begin is in the order of the ledger; end answers an error or sends the rest.
type statementForm interface {
	begun() bool
	begin(o marketquery.StatementOpening) error
	entry(e marketquery.LedgerEntry) error
	end(c marketquery.StatementClosing, err error)
}

// statementJSON is the statement of the document, in pieces.
type statementJSON struct {
	*httpport.Stream

	k     *httpport.Call
	month string
	first bool
}

func (f *statementJSON) begun() bool { return f.Stream != nil }

func (f *statementJSON) begin(o marketquery.StatementOpening) error {
	f.Stream, f.first = f.k.Stream(httpport.TypeJSON, ""), true
	head := httpport.Encode(struct {
		Buyer          StatementBuyer   `json:"buyer"`
		Month          string           `json:"month"`
		TimeZone       string           `json:"time_zone"`
		From           Timestamp        `json:"from"`
		To             Timestamp        `json:"to"`
		Currency       string           `json:"currency"`
		OpeningBalance httpport.Decimal `json:"opening_balance"`
	}{
		Buyer: StatementBuyer{Id: o.Buyer.ID, Name: o.Buyer.Name}, Month: f.month, TimeZone: o.TimeZone, From: Timestamp(o.From), To: Timestamp(o.To),
		Currency: f.k.Currency().Code(), OpeningBalance: httpport.Amount(o.Opening, f.k.Currency()),
	})
	return f.write(append(append([]byte(`{"data":`), head[:len(head)-1]...), `,"entries":[`...))
}

func (f *statementJSON) write(b []byte) error {
	_, err := f.Write(b)
	return err
}

func (f *statementJSON) entry(e marketquery.LedgerEntry) error {
	b := httpport.Encode(showEntry(f.k)(e))
	if !f.first {
		b = append([]byte{','}, b...)
	}
	f.first = false
	return f.write(b)
}

func (f *statementJSON) end(c marketquery.StatementClosing, err error) {
	if err == nil {
		tail := httpport.Encode(struct {
			Totals         []StatementTotal `json:"totals"`
			ClosingBalance httpport.Decimal `json:"closing_balance"`
		}{showTotals(c.Totals, f.k), httpport.Amount(c.Closing, f.k.Currency())})
		err = f.write(append(append([]byte("],"), tail[1:]...), `,"status":1}`...))
	}
	f.End(err)
}

func showTotals(totals []marketquery.StatementTotal, k *httpport.Call) []StatementTotal {
	out := make([]StatementTotal, len(totals))
	for i, t := range totals {
		out[i] = StatementTotal{Type: t.Type, Entries: t.Entries, Amount: httpport.Amount(t.Amount, k.Currency())}
	}
	return out
}

// statementSheet has the balances and the sums as rows of their own, so that the amounts of the entries and the opening balance add up to the
// closing balance.
type statementSheet struct {
	*httpport.Sheet

	k *httpport.Call
}

func (f *statementSheet) begun() bool { return f.Sheet != nil }

func (f *statementSheet) begin(o marketquery.StatementOpening) error {
	f.Sheet = f.k.Sheet("statement.csv", "row", "time", "id", "type", "lead_id", "sale_id", "note", "amount", "currency", "entries")
	return f.sum("opening_balance", o.From, "", "", f.amount(o.Opening))
}

func (f *statementSheet) amount(m money.Micros) string { return m.Format(f.k.Currency()) }

// sum adds a row that is no entry.
func (f *statementSheet) sum(row string, at time.Time, entryType, entries, amount string) error {
	return f.Text(row).Time(at).Text("").Text(entryType).Text("").Text("").Text("").Number(amount).Text(f.k.Currency().Code()).Number(entries).Row()
}

func (f *statementSheet) entry(e marketquery.LedgerEntry) error {
	return f.Text("entry").Time(e.CreatedAt).Text(e.ID).Text(e.Type).Text(e.LeadID).Text(e.SaleID).Text(e.Note).Number(f.amount(e.Amount)).
		Text(f.k.Currency().Code()).Number("").Row()
}

func (f *statementSheet) end(c marketquery.StatementClosing, err error) {
	if err == nil {
		err = f.sum("closing_balance", time.Time{}, "", "", f.amount(c.Closing))
	}
	for _, t := range c.Totals {
		if err == nil {
			err = f.sum("total", time.Time{}, t.Type, strconv.FormatInt(t.Entries, 10), f.amount(t.Amount))
		}
	}
	f.End(err)
}

//go:embed statement.html
var statementText string

//go:embed statement.css
var statementStyle string

var statementTemplate = template.Must(template.New("statement").Parse(statementText))

// pagePolicy lets a page load and run nothing; its one style is named by its hash.
func pagePolicy(style string) string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}

// statementPage is a page to print. It holds no script.
type statementPage struct {
	*httpport.Stream

	k     *httpport.Call
	month string
	zone  *time.Location
}

func (f *statementPage) begun() bool { return f.Stream != nil }

func (f *statementPage) begin(o marketquery.StatementOpening) error {
	header := f.k.Writer().Header()
	header.Set("Content-Security-Policy", pagePolicy(statementStyle))
	header.Set("Referrer-Policy", "no-referrer")
	f.Stream, f.zone = f.k.Stream("text/html; charset=utf-8", ""), o.From.Location()
	c := f.k.Currency()
	return statementTemplate.ExecuteTemplate(f, "begin", struct {
		Month, Buyer, BuyerID, From, To, TimeZone, Currency, Opening string
		Style                                                        template.CSS
	}{
		f.month, o.Buyer.Name, o.Buyer.ID, o.From.Format(time.DateOnly), o.To.AddDate(0, 0, -1).Format(time.DateOnly), o.TimeZone, c.Code(), o.Opening.Format(c),
		template.CSS(statementStyle), //nolint:gosec // ours
	})
}

func (f *statementPage) entry(e marketquery.LedgerEntry) error {
	return statementTemplate.ExecuteTemplate(f, "entry", struct{ Time, Type, Lead, Sale, Note, Amount string }{
		e.CreatedAt.In(f.zone).Format("2006-01-02 15:04:05"), e.Type, e.LeadID, e.SaleID, e.Note, e.Amount.Format(f.k.Currency()),
	})
}

func (f *statementPage) end(c marketquery.StatementClosing, err error) {
	if err == nil {
		err = statementTemplate.ExecuteTemplate(f, "end", struct {
			Closing string
			Totals  []StatementTotal
		}{c.Closing.Format(f.k.Currency()), showTotals(c.Totals, f.k)})
	}
	f.End(err)
}
