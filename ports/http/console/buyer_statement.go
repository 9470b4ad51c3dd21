package consolehttp

import (
	"cmp"
	"context"
	"strconv"
	"time"

	"github.com/leadmill/leadmill/application"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	httpport "github.com/leadmill/leadmill/ports/http"
)

// statementTime is how long sending a statement may take.
const statementTime = 10 * time.Minute

// statementMonth is the month that a statement is asked of: the running one when the address names none.
func (v *Visit) statementMonth() string {
	if month := v.Query("month"); month != "" {
		return month
	}
	return v.Now().In(v.Zone()).Format("2006-01")
}

// sendStatement asks for a statement, and tells its parts as they are read.
func sendStatement(ctx context.Context, v *Visit, begin func(marketquery.StatementOpening) error, entry func(marketquery.LedgerEntry) error) (marketquery.StatementClosing, error) {
	return application.Send[marketquery.StatementClosing](ctx, v.console.Operations, marketquery.Statement{Actor: v.Who(), BuyerID: cmp.Or(v.Who().BuyerID, v.Param("id")), Month: v.statementMonth(), Begin: begin, Entry: entry})
}

type statementContent struct {
	*Visit
	marketquery.StatementOpening
	marketquery.StatementClosing
	marketquery.LedgerEntry

	Month string
}

// LastDay is the last day of the month.
func (c statementContent) LastDay() time.Time { return c.To.AddDate(0, 0, -1) }

// buyerStatement is a statement as a page to print.
func buyerStatement(v *Visit) {
	v.statement("buyer_statement", func(c statementContent) any { return c })
}

// statement sends a statement as a page while it is read: the parts of a template of what is made of each.
func (v *Visit) statement(template string, shown func(statementContent) any) {
	ctx, release := v.call.Wait(statementTime)
	defer release()
	content := statementContent{Visit: v, Month: v.statementMonth()}
	t := pageTemplates()[template]
	var out *httpport.Stream
	var err error
	content.StatementClosing, err = sendStatement(ctx, v, func(o marketquery.StatementOpening) error {
		out, content.StatementOpening = v.call.Stream(typeHTML, ""), o
		return t.ExecuteTemplate(out, "statement_begin", shown(content))
	}, func(e marketquery.LedgerEntry) error {
		content.LedgerEntry = e
		return t.ExecuteTemplate(out, "statement_entry", shown(content))
	})
	if out == nil {
		v.Fail(err)
		return
	}
	if err == nil {
		err = t.ExecuteTemplate(out, "statement_end", shown(content))
	}
	out.End(err)
}

// buyerStatementSheet is a statement as a table: the amounts of its entries and the opening balance add up to the closing balance.
func buyerStatementSheet(v *Visit) {
	ctx, release := v.call.Wait(statementTime)
	defer release()
	c := v.Currency()
	var s *httpport.Sheet
	sum := func(row string, at time.Time, entryType, entries, amount string) error {
		return s.Text(row).Time(at).Text("").Text(entryType).Text("").Text("").Text("").Number(amount).Text(c.Code()).Number(entries).Row()
	}
	closing, err := sendStatement(ctx, v, func(o marketquery.StatementOpening) error {
		s = v.call.Sheet("statement.csv", "row", "time", "id", "type", "lead_id", "sale_id", "note", "amount", "currency", "entries")
		return sum("opening_balance", o.From, "", "", o.Opening.Format(c))
	}, func(e marketquery.LedgerEntry) error {
		return s.Text("entry").Time(e.CreatedAt).Text(e.ID).Text(e.Type).Text(e.LeadID).Text(e.SaleID).Text(e.Note).Number(e.Amount.Format(c)).Text(c.Code()).Number("").Row()
	})
	if s == nil {
		v.Fail(err)
		return
	}
	if err == nil {
		err = sum("closing_balance", time.Time{}, "", "", closing.Closing.Format(c))
	}
	for _, t := range closing.Totals {
		if err == nil {
			err = sum("total", time.Time{}, t.Type, strconv.FormatInt(t.Entries, 10), t.Amount.Format(c))
		}
	}
	s.End(err)
}
