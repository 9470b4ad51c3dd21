package mcp

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// decided is what the API says of a lead, as far as its decision goes.
type decided struct {
	Data struct {
		ID           string      `json:"id"`
		Status       string      `json:"status"`
		CampaignID   string      `json:"campaign_id"`
		Category     string      `json:"category"`
		PartnerID    string      `json:"partner_id"`
		Test         bool        `json:"test"`
		Code         string      `json:"code"`
		Reason       string      `json:"reason"`
		Payout       json.Number `json:"payout"`
		AskingPrice  json.Number `json:"asking_price"`
		PendingUntil string      `json:"pending_until"`
		Sales        []struct {
			BuyerID    string      `json:"buyer_id"`
			BuyerName  string      `json:"buyer_name"`
			ContractID string      `json:"contract_id"`
			Status     string      `json:"status"`
			Price      json.Number `json:"price"`
			SoldAt     string      `json:"sold_at"`
		} `json:"sales"`
		Trace struct {
			Considered []struct {
				ContractID string      `json:"contract_id"`
				BuyerID    string      `json:"buyer_id"`
				Reason     string      `json:"reason"`
				Price      json.Number `json:"price"`
				Of         string      `json:"of"`
			} `json:"considered"`
			More map[string]int `json:"more"`
		} `json:"trace"`
	} `json:"data"`
}

// statuses say what it means where a lead stands.
var statuses = map[string]string{
	"pending":     "it waits: nobody took it yet. It is offered again when a buyer is funded, a cap begins anew or a contract changes",
	"sold":        "it is sold",
	"duplicate":   "the campaign had the same person already, so it was not offered",
	"rejected":    "it was refused, so it is not offered",
	"unsold":      "nobody took it in its time. It is offered again only by redistributeMarketplaceLead",
	"quarantined": "it waits until the seller looks at it (approveMarketplaceLead, rejectMarketplaceLead)",
	"returned":    "it was sold, and its buyers gave it back",
}

// why tells each reason of a trace. Caps and budgets are told by spans.
var why = map[string]string{
	"sold":                 "took it",
	"reserved":             "its buyer is being asked, or takes it if others do not",
	"campaign_paused":      "the campaign is not active",
	"contract_paused":      "the contract is paused",
	"buyer_paused":         "the buyer is paused",
	"filter":               "the lead does not pass the contract's filter, or the filter failed on it",
	"schedule_closed":      "the contract's schedule was closed at that time",
	"insufficient_balance": "the buyer's balance and credit do not cover the price",
	"duplicate_buyer":      "the buyer has the lead already",
	"buyer_rejected":       "the buyer was asked and said no; it is not asked about this lead again",
	"buyer_duplicate":      "the buyer was asked and said that it has the lead already",
	"buyer_timeout":        "the buyer was asked and did not answer in time",
	"buyer_not_asked":      "the buyer was to be asked and could not be in time",
	"below_quote":          "the supplier would earn less than the lead's ping promised",
	"no_bid":               "the buyer bids for leads, and did not bid for this one",
	"below_reserve":        "it pays less than the campaign's reserve price",
	"strategy_missing":     "the server lacks the campaign's strategy, so nobody is asked",
}

// spans are the windows of caps and budgets, by the end of a reason.
var spans = map[string]string{"hour": "of the hour", "day": "of the day", "week": "of the week", "month": "of the month", "total": "in total"}

// tellReason says in words why a contract did not take a lead, or that it did.
func tellReason(reason, of string) string {
	if told := why[reason]; told != "" {
		return told
	}
	kind, window, _ := strings.Cut(reason, "_")
	of = cmp.Or(of, "contract")
	switch {
	case kind == "cap" && spans[window] != "":
		return fmt.Sprintf("one more lead would exceed the cap %s of the %s", spans[window], of)
	case kind == "budget" && spans[window] != "":
		return fmt.Sprintf("its price would exceed the budget %s of the %s", spans[window], of)
	}
	return reason
}

// explain tells what became of a lead, and why.
func (s *Server) explain(ctx context.Context, d *document, given arguments) answer {
	lead, err := d.operation("getMarketplaceLead")
	if err != nil {
		return failed(err.Error())
	}
	said := s.call(ctx, lead, given)
	if said.failed {
		return said
	}
	var l decided
	if err := json.Unmarshal([]byte(said.text), &l); err != nil {
		return failed("The answer is no lead: " + err.Error())
	}
	names := map[string]string{}
	if len(l.Data.Trace.Considered) > 0 {
		names = s.buyers(ctx, d)
	}
	return answer{text: l.sentences(names)}
}

// buyers returns the names of buyers by their ids, as far as one page tells them: a sentence without a name has the id.
func (s *Server) buyers(ctx context.Context, d *document) map[string]string {
	names := map[string]string{}
	list, err := d.operation("listBuyers")
	if err != nil {
		return names
	}
	var page struct {
		Data []struct {
			ID   string `json:"id"`
			Name string `json:"name"`
		} `json:"data"`
	}
	if said := s.call(ctx, list, arguments{"limit": json.RawMessage("250")}); !said.failed && json.Unmarshal([]byte(said.text), &page) == nil {
		for _, b := range page.Data {
			names[b.ID] = b.Name
		}
	}
	return names
}

func (l *decided) sentences(names map[string]string) string {
	lead := &l.Data
	var b strings.Builder
	_, _ = fmt.Fprintf(&b, "Lead %s (category %q, campaign %s, supplier %s) is %s: %s.", lead.ID, lead.Category, lead.CampaignID, lead.PartnerID, lead.Status,
		cmp.Or(statuses[lead.Status], "this program does not know what that means"))
	say := func(format string, values ...any) { _, _ = fmt.Fprintf(&b, " "+format, values...) }
	if lead.PendingUntil != "" && lead.Status == "pending" {
		say("It waits until %s, and is unsold then.", lead.PendingUntil)
	}
	if lead.Code != "" {
		say("The code of that is %s%s.", lead.Code, after(": ", lead.Reason))
	}
	if lead.Test {
		say("It is a test: nobody is charged.")
	}
	if lead.AskingPrice != "" {
		say("The seller offers it at %s in place of the contracts' prices.", lead.AskingPrice)
	}
	for _, sale := range lead.Sales {
		say("Buyer %s (%s, contract %s) has it for %s since %s; the sale is %s.", cmp.Or(sale.BuyerName, names[sale.BuyerID], "without a name"), sale.BuyerID, sale.ContractID, sale.Price, sale.SoldAt, sale.Status)
	}
	if len(lead.Sales) > 0 {
		say("The supplier earns %s.", lead.Payout)
	}
	switch considered := lead.Trace.Considered; {
	case len(considered) > 0:
		b.WriteString("\n\nWhen it was decided last, these contracts were looked at, in this order:\n")
		for _, c := range considered {
			_, _ = fmt.Fprintf(&b, "- %s (%s), contract %s at %s: %s [%s].\n", cmp.Or(names[c.BuyerID], "a buyer"), c.BuyerID, c.ContractID, c.Price, tellReason(c.Reason, c.Of), c.Reason)
		}
	case lead.Status == "pending" || lead.Status == "unsold":
		say("No contract was looked at one by one.")
	}
	for _, reason := range slices.Sorted(maps.Keys(lead.Trace.More)) {
		_, _ = fmt.Fprintf(&b, "- %d more contracts: %s [%s].\n", lead.Trace.More[reason], tellReason(reason, ""), reason)
	}
	return b.String()
}

// after puts something before a text that is not empty.
func after(before, text string) string {
	if text == "" {
		return ""
	}
	return before + text
}
