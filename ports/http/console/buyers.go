package consolehttp

import (
	"slices"
	"strings"
	"time"

	"github.com/leadmill/leadmill/application"
	accountquery "github.com/leadmill/leadmill/application/account/query"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/money"
)

// BuyerRow is a buyer in the list.
type BuyerRow struct {
	marketquery.Buyer

	CanSpend money.Micros
	Runway   Runway
	Waiting  Awaited
}

// Runway is for how long a buyer's money lasts, in words.
type Runway struct{ Text, Rate, Tone string }

// Awaited are the leads that wait for a buyer's money.
type Awaited struct {
	Leads int64
	Worth money.Micros
}

// runwayOf says for how long an amount lasts at a buyer's present rate.
func (v *Visit) runwayOf(r marketquery.BuyerRunway, canSpend money.Micros) Runway {
	lasts, spends := r.Lasts(canSpend)
	switch {
	case !spends && canSpend <= 0:
		return Runway{Text: "Empty", Tone: "bad"}
	case !spends:
		return Runway{Text: "—", Rate: "nothing bought in 24 h"}
	}
	hours := max(r.Over.Hours(), 1.0/60)
	out := Runway{Text: Span(lasts), Rate: "at " + v.Money(money.Micros(float64(r.Spent)/hours).Percent(money.Hundred, v.Currency())) + " an hour"}
	switch {
	case canSpend <= 0:
		out.Text, out.Tone = "Empty", "bad"
	case lasts < 24*time.Hour:
		out.Tone = "wait"
	case lasts >= 365*24*time.Hour:
		out.Text = "Over a year"
	}
	return out
}

// awaited are the leads that wait for the money of buyers, by buyer, among those that Waiting looks at.
func (v *Visit) awaited() (map[string]Awaited, error) {
	w, err := Ask[marketquery.Waiting](v, marketquery.WaitingLeads{Actor: v.Who()})
	if err != nil {
		return nil, err
	}
	of := map[string]Awaited{}
	for _, g := range w.Groups {
		if g.Reason == "insufficient_balance" {
			a := of[g.BuyerID]
			of[g.BuyerID] = Awaited{a.Leads + g.Leads, a.Worth + g.Worth}
		}
	}
	return of, nil
}

type buyersContent struct {
	*Visit

	Buyers []BuyerRow
	Next   string
}

// buyers lists the buyers with how long their money lasts.
func buyers(v *Visit) {
	page, err := v.Paged()
	if err != nil {
		v.Fail(err)
		return
	}
	list, err := Ask[application.List[marketquery.Buyer]](v, marketquery.Buyers{Actor: v.Who(), Page: page})
	if err != nil {
		v.Fail(err)
		return
	}
	content := buyersContent{Visit: v, Next: list.Next}
	if content.Buyers, err = v.buyerRows(list.Items); err != nil {
		v.Fail(err)
		return
	}
	v.Show("buyers", content)
}

func (v *Visit) buyerRows(of []marketquery.Buyer) ([]BuyerRow, error) {
	ids := make([]string, len(of))
	for i, b := range of {
		ids[i] = b.ID
	}
	runways, err := Ask[[]marketquery.BuyerRunway](v, marketquery.BuyerRunways{Actor: v.Who(), IDs: ids})
	if err != nil {
		return nil, err
	}
	waiting, err := v.awaited()
	if err != nil {
		return nil, err
	}
	rows := make([]BuyerRow, len(of))
	for i, b := range of {
		row := BuyerRow{Buyer: b, CanSpend: b.Balance + b.CreditLimit - b.Held, Waiting: waiting[b.ID]}
		at := slices.IndexFunc(runways, func(r marketquery.BuyerRunway) bool { return r.BuyerID == b.ID })
		var r marketquery.BuyerRunway
		if at >= 0 {
			r = runways[at]
		}
		row.Runway = v.runwayOf(r, row.CanSpend)
		rows[i] = row
	}
	return rows, nil
}

type buyerContent struct {
	*Visit

	Buyer     BuyerRow
	Tab       string
	Contracts []marketquery.BuyerContract
	Usage     []marketquery.Usage
	Entries   application.List[marketquery.LedgerEntry]
	Returns   []marketquery.Return
	Sent      []marketquery.Delivery
	People    []accountquery.PersonOfSeller
	Link      string // by which whoever was invited signs in, when it is not sent by mail
	Until     time.Time
}

// Month is the month that a statement is offered of.
func (c buyerContent) Month() string { return c.Now().In(c.Zone()).Format("2006-01") }

// buyerOf reads what all pages of a buyer show.
func buyerOf(v *Visit, tab string) (buyerContent, error) {
	b, err := Ask[marketquery.Buyer](v, marketquery.BuyerByID{Actor: v.Who(), ID: v.Param("id")})
	if err != nil {
		return buyerContent{}, err
	}
	rows, err := v.buyerRows([]marketquery.Buyer{b})
	if err != nil {
		return buyerContent{}, err
	}
	return buyerContent{Visit: v, Buyer: rows[0], Tab: tab}, nil
}

// overview adds what the first page of a buyer shows.
func (c *buyerContent) overview() (err error) {
	if c.Usage, err = Ask[[]marketquery.Usage](c.Visit, marketquery.BuyerUsage{Actor: c.Who(), ID: c.Buyer.ID}); err != nil {
		return err
	}
	if c.Contracts, err = Ask[[]marketquery.BuyerContract](c.Visit, marketquery.ContractsOfBuyer{Actor: c.Who(), BuyerID: c.Buyer.ID}); err != nil {
		return err
	}
	c.Entries, err = Ask[application.List[marketquery.LedgerEntry]](c.Visit, marketquery.Ledger{Actor: c.Who(), BuyerID: c.Buyer.ID, Page: application.Page{Limit: 5, Number: 1}})
	return err
}

// buyer shows a buyer's account and contracts.
func buyer(v *Visit) {
	content, err := buyerOf(v, "")
	if err == nil {
		err = content.overview()
	}
	if err != nil {
		v.Fail(err)
		return
	}
	v.Show("buyer", content)
}

// buyerLedger shows a buyer's ledger, the newest entry first.
func buyerLedger(v *Visit) {
	page, err := v.Paged()
	if err != nil {
		v.Fail(err)
		return
	}
	content, err := buyerOf(v, "ledger")
	if err == nil {
		content.Entries, err = Ask[application.List[marketquery.LedgerEntry]](v, marketquery.Ledger{Actor: v.Who(), BuyerID: v.Param("id"), Page: page})
	}
	if err != nil {
		v.Fail(err)
		return
	}
	v.Show("buyer", content)
}

// buyerReturns shows what a buyer gave back.
func buyerReturns(v *Visit) {
	content, err := buyerOf(v, "returns")
	if err == nil {
		content.Returns, err = Ask[[]marketquery.Return](v, marketquery.ReturnsOfBuyer{Actor: v.Who(), BuyerID: v.Param("id")})
	}
	if err != nil {
		v.Fail(err)
		return
	}
	v.Show("buyer", content)
}

// The bounds of the list of a buyer's deliveries.
const (
	deliveringContracts = 10
	newestDeliveries    = 50
)

// buyerDeliveries shows the newest deliveries to a buyer, of the contracts that were made last.
func buyerDeliveries(v *Visit) {
	content, err := buyerOf(v, "deliveries")
	if err != nil {
		v.Fail(err)
		return
	}
	contracts, err := Ask[[]marketquery.BuyerContract](v, marketquery.ContractsOfBuyer{Actor: v.Who(), BuyerID: v.Param("id")})
	if err != nil {
		v.Fail(err)
		return
	}
	contracts = slices.DeleteFunc(contracts, func(k marketquery.BuyerContract) bool { return k.Delivery == nil })
	for _, k := range contracts[:min(len(contracts), deliveringContracts)] {
		list, err := Ask[application.List[marketquery.Delivery]](v, marketquery.Deliveries{Actor: v.Who(), ContractID: k.ID, Page: application.Page{Limit: newestDeliveries, Number: 1}})
		if err != nil {
			v.Fail(err)
			return
		}
		content.Sent = append(content.Sent, list.Items...)
	}
	slices.SortFunc(content.Sent, func(a, b marketquery.Delivery) int { return strings.Compare(b.ID, a.ID) })
	content.Sent = content.Sent[:min(len(content.Sent), newestDeliveries)]
	content.Contracts = contracts
	v.Show("buyer", content)
}

// topUpBuyer books a deposit, once a form.
func topUpBuyer(v *Visit) {
	content, err := buyerOf(v, "")
	if err == nil {
		err = content.overview()
	}
	if err != nil {
		v.Fail(err)
		return
	}
	amount, given := v.Form.Money("amount", v.Currency())
	if !given {
		v.Form.Wrong("amount", "is required")
	}
	_, err = Do[application.Done](v, marketcommand.Deposit{
		Actor: v.Who(), BuyerID: v.Param("id"), Amount: amount, Note: v.Form.Text("note"), Once: Once[marketquery.LedgerEntry](v),
	})
	if err != nil {
		v.ShowAgain("buyer", content, err)
		return
	}
	v.Done("/console/buyers/"+v.Param("id"), v.Money(amount)+" were added to the account. Leads that waited for it are offered now.")
}

func pauseBuyer(v *Visit) {
	_, err := Do[application.Done](v, marketcommand.PauseBuyer{Actor: v.Who(), ID: v.Param("id")})
	v.After(err, "/console/buyers/"+v.Param("id"), "The buyer is paused: its contracts take no leads.")
}

func resumeBuyer(v *Visit) {
	_, err := Do[application.Done](v, marketcommand.ResumeBuyer{Actor: v.Who(), ID: v.Param("id")})
	v.After(err, "/console/buyers/"+v.Param("id"), "The buyer takes leads again.")
}
