package markethttp

import (
	"net/http"
	"net/url"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/money"
	httpport "github.com/leadmill/leadmill/ports/http"
)

// BuyerHandlers are the commands and queries that the routes of buyers and their accounts call.
type BuyerHandlers struct {
	CreateBuyer bus.Handler[marketcommand.CreateBuyer, application.Done]
	UpdateBuyer bus.Handler[marketcommand.UpdateBuyer, application.Done]
	PauseBuyer  bus.Handler[marketcommand.PauseBuyer, application.Done]
	ResumeBuyer bus.Handler[marketcommand.ResumeBuyer, application.Done]
	Deposit     bus.Handler[marketcommand.Deposit, application.Done]
	Withdraw    bus.Handler[marketcommand.Withdraw, application.Done]
	Buyers      bus.Handler[marketquery.Buyers, application.List[marketquery.Buyer]]
	BuyerByID   bus.Handler[marketquery.BuyerByID, marketquery.Buyer]
	BuyerUsage  bus.Handler[marketquery.BuyerUsage, []marketquery.Usage]
	Ledger      bus.Handler[marketquery.Ledger, application.List[marketquery.LedgerEntry]]
	Statement   bus.Handler[marketquery.Statement, marketquery.StatementClosing]
}

func (h Handlers) buyerRoutes() []httpport.Route {
	return []httpport.Route{
		{Method: http.MethodGet, Path: "/v1/buyers", Needs: application.Program, Handle: httpport.ReadingList(httpport.Parameters{}, h.listBuyers)},
		{Method: http.MethodPost, Path: "/v1/buyers", Needs: application.Program, Handle: h.createBuyer},
		{Method: http.MethodGet, Path: "/v1/buyers/:id", Needs: application.Program, Handle: httpport.Parameters{}.Reading(h.getBuyer)},
		{Method: http.MethodPut, Path: "/v1/buyers/:id", Needs: application.Program, Handle: h.updateBuyer},
		{Method: http.MethodPost, Path: "/v1/buyers/:id/pause", Needs: application.Program, Handle: h.pauseBuyer},
		{Method: http.MethodPost, Path: "/v1/buyers/:id/resume", Needs: application.Program, Handle: h.resumeBuyer},
		{Method: http.MethodPost, Path: "/v1/buyers/:id/deposits", Needs: application.Program, Handle: h.deposit},
		{Method: http.MethodPost, Path: "/v1/buyers/:id/withdrawals", Needs: application.Program, Handle: h.withdraw},
		{Method: http.MethodGet, Path: "/v1/buyers/:id/ledger", Needs: application.Program, Handle: httpport.ReadingList(httpport.Parameters{}, h.listLedger)},
		{
			Method: http.MethodGet, Path: "/v1/buyers/:id/statement", Needs: application.Program,
			Handle: httpport.Parameters{Names: []string{"month"}}.Reading(h.getStatement),
		},
	}
}

func showBuyer(k *httpport.Call) func(marketquery.Buyer) Buyer {
	return func(b marketquery.Buyer) Buyer {
		c := k.Currency()
		shown := Buyer{
			Id: b.ID, Name: b.Name, Email: b.Email, Status: b.Status, Balance: httpport.Amount(b.Balance, c), Held: httpport.Amount(b.Held, c),
			CreditLimit: httpport.Amount(b.CreditLimit, c), TimeZone: b.TimeZone, CreatedAt: Timestamp(b.CreatedAt), UpdatedAt: Timestamp(b.UpdatedAt),
			Caps: httpport.Each(showCap(k))(b.Caps),
		}
		if b.LowBalance.On {
			shown.LowBalance = new(httpport.Amount(b.LowBalance.At, c))
		}
		if b.Portal != (marketcommand.Portal{}) {
			shown.Portal = &BuyerPortal{PauseContracts: b.Portal.PauseContracts, ChangeCaps: b.Portal.ChangeCaps}
		}
		shown.ReturnWindowDays, shown.Returns = showReturnRules(b)
		return shown
	}
}

func showEntry(k *httpport.Call) func(marketquery.LedgerEntry) LedgerEntry {
	return func(e marketquery.LedgerEntry) LedgerEntry {
		c := k.Currency()
		return LedgerEntry{
			Id: e.ID, Type: e.Type, Amount: httpport.Amount(e.Amount, c), BalanceAfter: httpport.Amount(e.BalanceAfter, c),
			SaleId: httpport.TextOrNil(e.SaleID), LeadId: httpport.TextOrNil(e.LeadID), Note: httpport.TextOrNil(e.Note), CreatedAt: Timestamp(e.CreatedAt),
		}
	}
}

func (h Handlers) listBuyers(k *httpport.Call) {
	httpport.List(k, h.Buyers, func(p application.Page, _ url.Values, _ *fault.Violations) marketquery.Buyers {
		return marketquery.Buyers{Actor: k.Actor(), Page: p}
	}, showBuyer(k))
}

func (h Handlers) getBuyer(k *httpport.Call) {
	httpport.Ask(k, h.BuyerByID, marketquery.BuyerByID{Actor: k.Actor(), ID: k.Param("id")}, showBuyer(k))
}

func (h Handlers) createBuyer(k *httpport.Call) {
	c := marketcommand.CreateBuyer{Actor: k.Actor()}
	b, ok := k.Bind(httpport.Required, func(b *httpport.Body) { fillBuyer(b.Object, &c.Details) })
	if ok {
		c.Once = httpport.Once(b, http.StatusCreated, showBuyer(k))
		httpport.Do(b, h.CreateBuyer, c)
	}
}

func (h Handlers) updateBuyer(k *httpport.Call) {
	c := marketcommand.UpdateBuyer{Actor: k.Actor(), ID: k.Param("id")}
	b, ok := k.Bind(httpport.Required, func(b *httpport.Body) { fillBuyer(b.Object, &c.Details) })
	if ok {
		c.Once = httpport.Once(b, http.StatusOK, showBuyer(k))
		httpport.Do(b, h.UpdateBuyer, c)
	}
}

func fillBuyer(o *httpport.Object, d *marketcommand.BuyerDetails) {
	httpport.FillText(o, "name", &d.Name)
	httpport.FillText(o, "email", &d.Email)
	httpport.FillText(o, "time_zone", &d.TimeZone)
	d.CreditLimit = o.Money("credit_limit", money.ParseNonNegative)
	if low := o.Money("low_balance", money.ParseNonNegative); low != nil {
		d.LowBalance = &marketcommand.Threshold{On: true, At: *low}
	} else if o.IsNull("low_balance") {
		d.LowBalance = &marketcommand.Threshold{}
	}
	fillReturnRules(o, d)
	if o.IsNull("portal") {
		d.Portal = &marketcommand.Portal{}
	}
	o.Nested("portal", func(o *httpport.Object) {
		for _, name := range []string{"pause_contracts", "change_caps"} {
			if !o.Has(name) {
				o.Violate(name, fault.Required, "is required")
			}
		}
		d.Portal = &marketcommand.Portal{PauseContracts: o.Bool("pause_contracts"), ChangeCaps: o.Bool("change_caps")}
	})
	fillCaps(o, &d.Caps)
}

func (h Handlers) pauseBuyer(k *httpport.Call) {
	if b, ok := k.Bind(httpport.Optional, nil); ok {
		httpport.Do(b, h.PauseBuyer, marketcommand.PauseBuyer{Actor: k.Actor(), ID: k.Param("id"), Once: httpport.Once(b, http.StatusOK, showBuyer(k))})
	}
}

func (h Handlers) resumeBuyer(k *httpport.Call) {
	if b, ok := k.Bind(httpport.Optional, nil); ok {
		httpport.Do(b, h.ResumeBuyer, marketcommand.ResumeBuyer{Actor: k.Actor(), ID: k.Param("id"), Once: httpport.Once(b, http.StatusOK, showBuyer(k))})
	}
}

func (h Handlers) deposit(k *httpport.Call) {
	c := marketcommand.Deposit{Actor: k.Actor(), BuyerID: k.Param("id")}
	b, ok := k.Bind(httpport.Required, func(b *httpport.Body) { c.Amount, c.Note = amountAndNote(b.Object) })
	if ok {
		c.Once = httpport.Once(b, http.StatusCreated, showEntry(k))
		httpport.Do(b, h.Deposit, c)
	}
}

func (h Handlers) withdraw(k *httpport.Call) {
	c := marketcommand.Withdraw{Actor: k.Actor(), BuyerID: k.Param("id")}
	b, ok := k.Bind(httpport.Required, func(b *httpport.Body) { c.Amount, c.Note = amountAndNote(b.Object) })
	if ok {
		c.Once = httpport.Once(b, http.StatusCreated, showEntry(k))
		httpport.Do(b, h.Withdraw, c)
	}
}

// amountAndNote binds how much money is moved and why.
func amountAndNote(o *httpport.Object) (amount money.Micros, note string) {
	if m := o.Money("amount", money.ParsePositive); m != nil {
		amount = *m
	}
	if !o.Has("amount") {
		o.Violate("amount", fault.Required, "is required")
	}
	return amount, o.Text("note")
}

func (h Handlers) listLedger(k *httpport.Call) {
	httpport.List(k, h.Ledger, func(p application.Page, _ url.Values, _ *fault.Violations) marketquery.Ledger {
		return marketquery.Ledger{Actor: k.Actor(), BuyerID: k.Param("id"), Page: p}
	}, showEntry(k))
}
