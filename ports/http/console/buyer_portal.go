package consolehttp

import (
	"cmp"

	marketquery "github.com/leadmill/leadmill/application/market/query"
)

// BuyerPortal is one request of somebody of a buyer. What is shown embeds it.
type BuyerPortal struct {
	*Portal

	Buyer marketquery.Buyer // whose pages are open
}

// ofBuyer makes what answers a page for somebody of a buyer.
func ofBuyer(do func(*BuyerPortal)) func(*Visit) {
	return func(v *Visit) {
		of, err := v.ownBuyer()
		if err != nil {
			v.Fail(err)
			return
		}
		p := newPortal(v)
		if !p.setBrand(v.Who().SellerCode) {
			return
		}
		p.Home, p.SignOut = buyerPath, "/sign-out"
		p.Known = cmp.Or(v.Person.Name, v.Person.Email)
		for _, item := range []NavItem{
			{Name: "buyer.leads", Path: buyerPath},
			{Name: "buyer.account", Path: buyerPath + "/account"},
			{Name: "buyer.contracts", Path: buyerPath + "/contracts"},
			{Name: "buyer.returns", Path: buyerPath + "/returns"},
		} {
			item.Current = v.page.Path == item.Path || item.Path != buyerPath && isBelow(v.page.Path, item.Path) || item.Path == buyerPath && isBelow(v.page.Path, boughtPath)
			p.Menu = append(p.Menu, item)
		}
		do(&BuyerPortal{p, of})
	}
}

func (b *BuyerPortal) say(key string, args ...any) string { return b.locale.say(key, args...) }

// named is a code as a word and a colour: the text of a key, or where there is none the code itself.
func (b *BuyerPortal) named(key, code string) Status {
	s := newStatus(code)
	if b.locale.Has(key) {
		s.Word = b.say(key)
	}
	return s
}

// Sold is the status of a sale as a word.
func (b *BuyerPortal) Sold(status string) Status { return b.named("buyer.sale."+status, status) }

// Delivered is where the delivery of a sale stands as a word.
func (b *BuyerPortal) Delivered(status string) Status {
	return b.named("buyer.delivery."+status, status)
}

// Contract is the status of a contract as a word.
func (b *BuyerPortal) Contract(status string) Status {
	return b.named("buyer.contract."+status, status)
}

// Return is the status of a return as a word.
func (b *BuyerPortal) Return(status string) Status { return b.named("buyer.return."+status, status) }

// Reason is why a lead is given back, in words.
func (b *BuyerPortal) Reason(code string) string { return b.named("buyer.reason."+code, code).Word }

// Entry is what was booked, in words.
func (b *BuyerPortal) Entry(kind string) string { return b.named("buyer.entry."+kind, kind).Word }

// CanSpend is what the account can pay now.
func (b *BuyerPortal) CanSpend() string {
	return b.Money(b.Buyer.Balance + b.Buyer.CreditLimit - b.Buyer.Held)
}

// Month is the month that a statement is offered of.
func (b *BuyerPortal) Month() string { return b.Now().In(b.Zone()).Format("2006-01") }

// Bars are the caps of something, as bars.
func (b *BuyerPortal) Bars(usage []marketquery.Usage) []Bar {
	var all []Bar
	for _, u := range usage {
		add := func(part, whole int64, used, of string) {
			all = append(all, Bar{share(part, whole, b.say("buyer.used", used, of, b.say("buyer.window."+u.Window))), b.Time(u.ResetsAt)})
		}
		if u.HasLeads {
			add(u.Used, u.Leads, b.Count(u.Used), b.Count(u.Leads))
		}
		if u.HasBudget {
			add(int64(u.Spent), int64(u.Budget), b.Money(u.Spent), b.Money(u.Budget))
		}
	}
	return all
}
