package consolehttp

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	marketcommand "github.com/leadmill/leadmill/application/market/command"
	marketquery "github.com/leadmill/leadmill/application/market/query"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/returns"
)

// Step is something that happened to a lead.
type Step struct {
	At     time.Time
	What   string
	Detail string
	Tone   string
}

// Verdict is why a contract did or did not get a lead, as a sentence.
type Verdict struct {
	BuyerID, Buyer, ContractID string
	Text, Tone                 string
	ResetsAt                   time.Time

	// Unpaid says that it waits for the buyer's money.
	Unpaid bool
}

// FieldShown is a field of a lead; Value is masked unless the fields were asked for.
type FieldShown struct{ Name, Value string }

type leadContent struct {
	*Visit

	Lead       marketquery.MarketplaceLead
	Campaign   marketquery.Campaign
	Steps      []Step
	Verdicts   []Verdict
	More       []Verdict
	Fields     []FieldShown
	Revealed   bool
	Deliveries []marketquery.Delivery
	BuyerName  func(string) string
	Back       string
}

// lead shows what became of a lead, and why.
func lead(v *Visit) {
	content, err := leadOf(v)
	if err != nil {
		v.Fail(err)
		return
	}
	content.Fields = shownFields(content.Lead.Fields, mask)
	v.Show("lead", content)
}

func leadOf(v *Visit) (c leadContent, err error) {
	c.Visit, c.Back = v, "/console/leads/"+v.Param("id")
	if c.Lead, err = Ask[marketquery.MarketplaceLead](v, marketquery.MarketplaceLeadByID{Actor: v.Who(), ID: v.Param("id")}); err != nil {
		return c, err
	}
	if c.BuyerName, _, err = v.buyerNames(); err != nil {
		return c, err
	}
	if c.Campaign, err = Ask[marketquery.Campaign](v, marketquery.CampaignByID{Actor: v.Who(), ID: c.Lead.CampaignID}); err != nil {
		if _, err = isFound(err); err != nil {
			return c, err
		}
	}
	if c.Deliveries, err = Ask[[]marketquery.Delivery](v, marketquery.DeliveriesOfLead{Actor: v.Who(), LeadID: c.Lead.ID}); err != nil {
		return c, err
	}
	c.Steps = c.steps()
	for _, k := range c.Lead.Trace.Considered {
		c.Verdicts = append(c.Verdicts, c.verdict(k.ContractID, k.BuyerID, k.Reason, k.Of))
	}
	for _, reason := range slices.Sorted(maps.Keys(c.Lead.Trace.More)) {
		n := c.Lead.Trace.More[reason]
		c.More = append(c.More, Verdict{Text: v.Count(n) + " more: " + sentence(reason, "")})
	}
	return c, nil
}

// steps are what happened, in order.
func (c leadContent) steps() []Step {
	l := c.Lead
	origin := "Received"
	if l.Origin != "" {
		origin += " by " + strings.ReplaceAll(l.Origin, "_", " ")
	}
	from := l.PartnerID
	if from != "" && l.Origin != "supplier" {
		from = "supplier " + from
	}
	steps := []Step{{At: l.CreatedAt, What: origin, Detail: joined(" · ", from, l.ExternalID)}}
	for _, s := range l.Sales {
		what, tone := "Sold to "+c.BuyerName(s.BuyerID), "good"
		switch s.Status {
		case "reserved":
			what, tone = "Offered to "+c.BuyerName(s.BuyerID)+", who is asked", "wait"
		case "released":
			what, tone = "Offered to "+c.BuyerName(s.BuyerID)+", who did not take it", ""
		case "returned":
			what, tone = "Sold to "+c.BuyerName(s.BuyerID)+", and returned since", "note"
		}
		steps = append(steps, Step{At: s.SoldAt, What: what, Detail: "for " + c.Money(s.Price), Tone: tone})
	}
	for _, d := range c.Deliveries {
		for _, a := range slices.Backward(d.Attempts) {
			what, tone := "Delivered to "+c.BuyerName(d.BuyerID), "good"
			if a.Reason != "" {
				what, tone = "Delivery to "+c.BuyerName(d.BuyerID)+" failed", "bad"
			}
			detail := "attempt " + strconv.FormatInt(a.Number, 10)
			if a.Status > 0 {
				detail += " · answered " + strconv.Itoa(a.Status)
			}
			if a.Reason != "" {
				detail += " · " + strings.ReplaceAll(a.Reason, "_", " ")
			}
			steps = append(steps, Step{At: a.At, What: what, Detail: detail, Tone: tone})
		}
	}
	switch l.Status {
	case "pending":
		steps = append(steps, Step{At: l.UpdatedAt, What: "Waits for a buyer", Detail: "until " + l.PendingUntil.In(c.Zone()).Format("2 Jan 15:04"), Tone: "wait"})
	case "quarantined":
		steps = append(steps, Step{At: l.UpdatedAt, What: "Waits for you to approve or reject it", Tone: "wait"})
	case "rejected", "duplicate", "unsold", "returned":
		steps = append(steps, Step{At: l.UpdatedAt, What: newStatus(l.Status).Word, Detail: l.Reason, Tone: newStatus(l.Status).Tone})
	}
	slices.SortStableFunc(steps, func(a, b Step) int { return a.At.Compare(b.At) })
	return steps
}

func joined(between string, texts ...string) string {
	return strings.Join(slices.DeleteFunc(texts, func(s string) bool { return s == "" }), between)
}

// verdict says why a contract did or did not get the lead; of a cap also how full it is now, and when it begins again.
func (c leadContent) verdict(contractID, buyerID, reason, of string) Verdict {
	out := Verdict{BuyerID: buyerID, Buyer: c.BuyerName(buyerID), ContractID: contractID, Text: sentence(reason, of), Tone: "plain", Unpaid: reason == "insufficient_balance"}
	switch {
	case reason == "sold":
		out.Tone = "good"
	case strings.HasPrefix(reason, "cap_"), strings.HasPrefix(reason, "budget_"), reason == "insufficient_balance":
		out.Tone = "wait"
	}
	_, window, limited := strings.Cut(reason, "_")
	if !limited || !strings.HasPrefix(reason, "cap_") && !strings.HasPrefix(reason, "budget_") {
		return out
	}
	for _, u := range c.usage(contractID, buyerID, of) {
		if u.Window != window {
			continue
		}
		out.ResetsAt = u.ResetsAt
		if strings.HasPrefix(reason, "cap_") && u.HasLeads {
			out.Text += ", " + c.Count(u.Used) + " of " + c.Count(u.Leads) + " used now"
		}
		if strings.HasPrefix(reason, "budget_") && u.HasBudget {
			out.Text += ", " + c.Money(u.Spent) + " of " + c.Money(u.Budget) + " spent now"
		}
	}
	return out
}

// usage is what whoever limits used so far; nothing for what is not there any more.
func (c leadContent) usage(contractID, buyerID, of string) []marketquery.Usage {
	var u []marketquery.Usage
	var err error
	switch of {
	case "buyer":
		u, err = Ask[[]marketquery.Usage](c.Visit, marketquery.BuyerUsage{Actor: c.Who(), ID: buyerID})
	case "campaign":
		u, err = Ask[[]marketquery.Usage](c.Visit, marketquery.CampaignUsage{Actor: c.Who(), ID: c.Lead.CampaignID})
	default:
		u, err = Ask[[]marketquery.Usage](c.Visit, marketquery.ContractUsage{Actor: c.Who(), CampaignID: c.Lead.CampaignID, ID: contractID})
	}
	if err != nil {
		return nil
	}
	return u
}

// sentences say what the reasons of a decision mean.
var sentences = map[string]string{
	"sold":                 "bought it",
	"campaign_paused":      "the campaign is paused",
	"contract_paused":      "the contract is paused",
	"buyer_paused":         "the buyer is paused",
	"insufficient_balance": "the balance does not cover the price",
	"duplicate_buyer":      "has bought this person before",
	"strategy_missing":     "the campaign's strategy is not part of this installation",
	"reserved":             "is being asked",
	"buyer_rejected":       "was asked and did not want it",
	"buyer_duplicate":      "was asked and knows this person already",
	"buyer_timeout":        "was asked and did not answer in time",
	"buyer_not_asked":      "could not be asked",
	"no_bid":               "made no bid",
	"below_reserve":        "offered less than the campaign's reserve price",
	"below_quote":          "offers less than was quoted to the supplier",
	"filter":               "its filter does not want this lead",
	"schedule_closed":      "its schedule is closed at this time",
	"outbid":               "another contract offered more",
}

// windows are the spans of caps as adjectives.
var windows = map[string]string{"hour": "hourly", "day": "daily", "week": "weekly", "month": "monthly", "total": "total"}

// sentence says what a reason means; of is whose cap or budget it was.
func sentence(reason, of string) string {
	if text := sentences[reason]; text != "" {
		return text
	}
	whose := map[string]string{"buyer": "the buyer's ", "campaign": "the campaign's "}[of]
	if window, is := strings.CutPrefix(reason, "cap_"); is && windows[window] != "" {
		return whose + windows[window] + " cap is reached"
	}
	if window, is := strings.CutPrefix(reason, "budget_"); is && windows[window] != "" {
		return whose + windows[window] + " budget is spent"
	}
	return strings.ReplaceAll(reason, "_", " ")
}

// shownFields are the fields of a lead in order, each as show writes it.
func shownFields(fields field.Set, show func(name, value string) string) []FieldShown {
	var all []FieldShown
	for _, name := range fields.Names() {
		all = append(all, FieldShown{name, show(name, fields.Text(name))})
	}
	return all
}

// mask hides all of a value but how it begins.
func mask(name, value string) string {
	letters := []rune(strings.TrimSpace(value))
	switch {
	case len(letters) == 0:
		return ""
	case strings.EqualFold(name, "state"), strings.EqualFold(name, "category"):
		return value
	}
	return string(letters[:1]) + "•••••"
}

// revealLead shows the fields of a lead. It is asked for by a form, so that it is a change in the audit trail and in no address.
func revealLead(v *Visit) {
	revealed, err := Do[marketquery.MarketplaceLead](v, marketcommand.RevealLead{Actor: v.Who(), ID: v.Param("id")})
	if err != nil {
		v.Fail(err)
		return
	}
	content, err := leadOf(v)
	if err != nil {
		v.Fail(err)
		return
	}
	content.Revealed = true
	content.Fields = shownFields(revealed.Fields, func(_, value string) string { return value })
	v.Show("lead", content)
}

func approveLead(v *Visit) {
	_, err := Do[application.Done](v, marketcommand.ApproveQuarantined{Actor: v.Who(), ID: v.Param("id"), Once: Once[marketquery.MarketplaceLead](v)})
	v.After(err, "/console/leads/"+v.Param("id"), "The lead is approved: it was offered to the buyers.")
}

func redistributeLead(v *Visit) {
	_, err := Do[application.Done](v, marketcommand.RedistributeLead{Actor: v.Who(), ID: v.Param("id"), Once: Once[marketquery.MarketplaceLead](v)})
	v.After(err, "/console/leads/"+v.Param("id"), "The lead was offered again.")
}

var errNoDelivery = fault.New(fault.NotFound, "delivery_not_found", "Delivery not found.")

// redeliverLead has a delivery of the lead sent again.
func redeliverLead(v *Visit) {
	content, err := leadOf(v)
	if err != nil {
		v.Fail(err)
		return
	}
	id := v.Form.Text("delivery")
	if !slices.ContainsFunc(content.Deliveries, func(d marketquery.Delivery) bool { return d.ID == id }) {
		v.Fail(errNoDelivery)
		return
	}
	_, err = Do[application.Done](v, marketcommand.Redeliver{Actor: v.Who(), ID: id, Once: Once[marketquery.Delivery](v)})
	v.After(err, content.Back, "It is delivered again, from now on.")
}

// asked is a page that asks before something is done to a lead, which must be there.
func asked(v *Visit, ask Confirm) {
	if _, err := Ask[marketquery.MarketplaceLead](v, marketquery.MarketplaceLeadByID{Actor: v.Who(), ID: v.Param("id")}); err != nil {
		v.Fail(err)
		return
	}
	ask.Back = "/console/leads/" + v.Param("id")
	v.ShowConfirm(ask)
}

func askCancelLead(v *Visit) {
	asked(v, Confirm{
		Title: "Take this lead off the market?", Button: "Take it off the market", Danger: true, Action: v.Here(),
		Consequence: "It is rejected, no buyer is offered it any more, and its supplier is told so. The same person can be submitted again.",
	})
}

func cancelLead(v *Visit) {
	_, err := Do[application.Done](v, marketcommand.RejectMarketLead{Actor: v.Who(), ID: v.Param("id"), Once: Once[marketquery.MarketplaceLead](v)})
	v.After(err, "/console/leads/"+v.Param("id"), "The lead is off the market.")
}

func askEraseLead(v *Visit) {
	asked(v, Confirm{
		Title: "Erase what this lead holds of a person?", Button: "Erase it for good", Danger: true, Action: v.Here(),
		Consequence: "Its fields are erased now and cannot be brought back, and a lead that waits is sold to nobody any more. Sales, prices and reports stay, without the person.",
	})
}

func eraseLead(v *Visit) {
	_, err := Do[application.Done](v, marketcommand.EraseLead{Actor: v.Who(), ID: v.Param("id"), Once: Once[struct{}](v)})
	v.After(err, "/console/leads/"+v.Param("id"), "What the lead held of a person is erased.")
}

type returnContent struct {
	*Visit

	Lead     marketquery.MarketplaceLead
	Sale     []Option
	Reasons  []Option
	Returned bool
}

func returnForm(v *Visit) (returnContent, error) {
	l, err := Ask[marketquery.MarketplaceLead](v, marketquery.MarketplaceLeadByID{Actor: v.Who(), ID: v.Param("id")})
	if err != nil {
		return returnContent{}, err
	}
	names, _, err := v.buyerNames()
	if err != nil {
		return returnContent{}, err
	}
	c := returnContent{Visit: v, Lead: l}
	for _, s := range liveSales(l) {
		c.Sale = append(c.Sale, Option{Value: s.ID, Label: names(s.BuyerID) + ", " + v.Money(s.Price)})
	}
	for _, r := range returns.Reasons() {
		c.Reasons = append(c.Reasons, Option{Value: string(r), Label: newStatus(string(r)).Word})
	}
	return c, nil
}

func askReturnLead(v *Visit) {
	content, err := returnForm(v)
	if err != nil {
		v.Fail(err)
		return
	}
	v.Show("lead_return", content)
}

func returnLead(v *Visit) {
	content, err := returnForm(v)
	if err != nil {
		v.Fail(err)
		return
	}
	sale := v.Form.Text("sale")
	if !slices.ContainsFunc(content.Sale, func(o Option) bool { return o.Value == sale }) {
		v.Form.Wrong("sale", "must be a sale of this lead")
	}
	_, err = Do[application.Done](v, marketcommand.RequestReturn{Actor: v.Who(), SaleID: sale, Reason: v.Form.Text("reason"), Note: v.Form.Text("note"), Once: Once[marketquery.Return](v)})
	if err != nil {
		v.ShowAgain("lead_return", content, err)
		return
	}
	v.Done("/console/leads/"+v.Param("id"), "The return is open: it waits to be approved or rejected, unless a rule of the buyer's decided it.")
}

// CanOffer reports whether the lead can be offered again.
func (c leadContent) CanOffer() bool {
	return slices.Contains([]string{"pending", "unsold", "returned"}, c.Lead.Status) && len(c.Lead.Fields) > 0
}

// CanCancel reports whether the lead can be taken off the market.
func (c leadContent) CanCancel() bool {
	return c.Lead.Status == "pending" || c.Lead.Status == "quarantined"
}

// CanReturn reports whether a sale of the lead can be given back.
func (c leadContent) CanReturn() bool { return len(c.LiveSales()) > 0 }

// LiveSales are the sales of the lead that count.
func (c leadContent) LiveSales() []marketquery.Sale { return liveSales(c.Lead) }
