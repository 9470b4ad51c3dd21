package consolehttp

import (
	"strings"
	"time"

	marketquery "github.com/leadmill/leadmill/application/market/query"

	"github.com/leadmill/leadmill/domain/money"
)

// Freeing is what would let waiting leads be sold.
type Freeing struct {
	marketquery.WaitingGroup

	What, Link, Button string
	ResetsAt           time.Time
}

type waitingContent struct {
	*Visit

	Waiting marketquery.Waiting
	Groups  []Freeing
	All     bool // all that wait were looked at
}

// mostFreed is how many groups are shown, of those with the most worth.
const mostFreed = 30

// waiting shows what pending leads wait for, and what would free them.
func waiting(v *Visit) {
	w, err := Ask[marketquery.Waiting](v, marketquery.WaitingLeads{Actor: v.Who()})
	if err != nil {
		v.Fail(err)
		return
	}
	content := waitingContent{Visit: v, Waiting: w, All: w.Looked == w.Leads}
	for _, g := range w.Groups[:min(len(w.Groups), mostFreed)] {
		f, err := v.freeing(g)
		if err != nil {
			v.Fail(err)
			return
		}
		content.Groups = append(content.Groups, f)
	}
	v.Show("waiting", content)
}

// freeing says what would free a group.
func (v *Visit) freeing(g marketquery.WaitingGroup) (Freeing, error) {
	f := Freeing{WaitingGroup: g, What: sentence(g.Reason, g.Of), Link: "/console/campaigns/" + g.CampaignID, Button: "Open the campaign"}
	if g.BuyerID != "" {
		f.What = g.Buyer + ": " + f.What
	}
	switch {
	case g.Reason == marketquery.WaitsForContract:
		f.What = "No contract of " + g.Campaign + " wants these leads as they are: look at the filters, or add a contract"
	case g.Reason == "insufficient_balance":
		b, err := Ask[marketquery.Buyer](v, marketquery.BuyerByID{Actor: v.Who(), ID: g.BuyerID})
		if found, err := isFound(err); err != nil || !found {
			return f, err
		}
		if short := g.Worth - (b.Balance + b.CreditLimit - b.Held); short > 0 {
			f.What = v.Money(short) + " for " + g.Buyer + " frees " + v.leadsWorth(g.Leads, g.Worth)
		}
		f.Link, f.Button = "/console/buyers/"+g.BuyerID, "Top up"
	case g.Reason == "buyer_paused":
		f.What = "Resuming " + g.Buyer + " frees " + v.leadsWorth(g.Leads, g.Worth)
		f.Link, f.Button = "/console/buyers/"+g.BuyerID, "Open the buyer"
	case g.Reason == "contract_paused":
		f.What = "Resuming a contract of " + g.Buyer + " frees " + v.leadsWorth(g.Leads, g.Worth)
	case g.Reason == "campaign_paused":
		f.What = "Resuming " + g.Campaign + " offers " + v.leadsWorth(g.Leads, g.Worth) + " again"
	case strings.HasPrefix(g.Reason, "cap_"), strings.HasPrefix(g.Reason, "budget_"):
		of := leadContent{Visit: v, Lead: marketquery.MarketplaceLead{CampaignID: g.CampaignID}, BuyerName: func(string) string { return g.Buyer }}
		seen := of.verdict(g.ContractID, g.BuyerID, g.Reason, g.Of)
		f.What, f.ResetsAt = g.Buyer+": "+seen.Text, seen.ResetsAt
	}
	return f, nil
}

func (v *Visit) leadsWorth(n int64, worth money.Micros) string {
	leads := " leads worth "
	if n == 1 {
		leads = " lead worth "
	}
	return v.Count(n) + leads + v.Money(worth)
}
