package consolehttp

import (
	"github.com/leadmill/leadmill/application"
	marketquery "github.com/leadmill/leadmill/application/market/query"
)

type ownAccountContent struct {
	*BuyerPortal

	Usage   []marketquery.Usage
	Entries application.List[marketquery.LedgerEntry]
}

// ownAccount shows the buyer's balance and its ledger, the newest entry first.
func ownAccount(b *BuyerPortal) {
	page, err := b.Paged()
	content := ownAccountContent{BuyerPortal: b}
	if err == nil {
		content.Usage, err = Ask[[]marketquery.Usage](b.Visit, marketquery.BuyerUsage{Actor: b.Who(), ID: b.Buyer.ID})
	}
	if err == nil {
		content.Entries, err = Ask[application.List[marketquery.LedgerEntry]](b.Visit, marketquery.Ledger{Actor: b.Who(), BuyerID: b.Buyer.ID, Page: page})
	}
	if err != nil {
		b.Fail(err)
		return
	}
	b.Show("own_account", content)
}

type ownStatementContent struct {
	*Portal

	S statementContent
}

// At writes the time of the entry that is shown, by the clock of the statement.
func (c ownStatementContent) At() string {
	at := c.S.LedgerEntry.CreatedAt.In(c.S.From.Location())
	return c.locale.say("date.time", c.locale.Date(at), at.Format("15:04:05"))
}

// Days are the first and the last day of the statement.
func (c ownStatementContent) Days() string {
	return c.locale.Date(c.S.From) + " – " + c.locale.Date(c.S.LastDay()) + ", " + c.S.TimeZone
}

// Entry is what was booked, in words.
func (c ownStatementContent) Entry(kind string) string {
	return (&BuyerPortal{Portal: c.Portal}).Entry(kind)
}

// ownStatement is the buyer's statement of a month as a page to print.
func ownStatement(b *BuyerPortal) {
	b.statement("own_statement", func(s statementContent) any { return ownStatementContent{b.Portal, s} })
}
