package consolehttp

import (
	"strconv"
	"time"

	"github.com/leadmill/leadmill/application"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/money"
)

// CampaignRow is a campaign in the list, with what happened today.
type CampaignRow struct {
	marketquery.Campaign

	Today LeadResult
}

// LeadResult is what became of leads.
type LeadResult struct {
	Leads, Sold, Duplicates, Rejected, Waiting int64
	Revenue                                    money.Micros
	Average                                    money.Micros // of a sale
	Acceptance                                 string       // such as 67 %
}

// resultOf is a row of a report.
func resultOf(r marketquery.CampaignReportRow, c money.Currency) LeadResult {
	out := LeadResult{
		Leads: r.Leads.Submitted, Sold: r.Leads.Sold, Duplicates: r.Leads.Duplicate, Rejected: r.Leads.Rejected, Waiting: r.Leads.Pending,
		Revenue: r.Revenue, Acceptance: percentOf(r.Leads.Sold, r.Leads.Submitted),
	}
	if r.SoldNet > 0 {
		out.Average = averageOf(r.Revenue, r.SoldNet, c)
	}
	return out
}

// averageOf is a part of an amount, of which there are n equal ones, in the minor unit of the currency.
func averageOf(sum money.Micros, n int64, c money.Currency) money.Micros {
	return (sum / money.Micros(n)).Percent(money.Hundred, c)
}

// percentOf is a part of a whole in whole percent; empty without a whole.
func percentOf(part, whole int64) string {
	if whole <= 0 {
		return ""
	}
	const half = 2
	return strconv.FormatInt((part*100+whole/half)/whole, 10) + " %"
}

// results are what became of the leads of each category since a day some days ago.
func (v *Visit) results(days int) (map[string]LeadResult, error) {
	from := v.Now().In(v.Zone()).AddDate(0, 0, -days).Format(time.DateOnly)
	rows, err := Ask[[]marketquery.CampaignReportRow](v, marketquery.CampaignReport{Actor: v.Who(), From: from, GroupBy: marketquery.ByCategory})
	if err != nil {
		return nil, err
	}
	of := map[string]LeadResult{}
	for _, r := range rows {
		of[r.Category] = resultOf(r, v.Currency())
	}
	return of, nil
}

type campaignsContent struct {
	*Visit

	Campaigns []CampaignRow
	Next      string
}

// campaigns lists the campaigns, the newest first.
func campaigns(v *Visit) {
	page, err := v.Paged()
	if err != nil {
		v.Fail(err)
		return
	}
	list, err := Ask[application.List[marketquery.Campaign]](v, marketquery.Campaigns{Actor: v.Who(), Page: page})
	if err != nil {
		v.Fail(err)
		return
	}
	today, err := v.results(0)
	if err != nil {
		v.Fail(err)
		return
	}
	content := campaignsContent{Visit: v, Next: list.Next}
	for _, c := range list.Items {
		row := CampaignRow{Campaign: c}
		if c.Status != "archived" { // another one has its category
			row.Today = today[c.Category]
		}
		content.Campaigns = append(content.Campaigns, row)
	}
	v.Show("campaigns", content)
}

type campaignContent struct {
	*Visit

	Campaign    marketquery.Campaign
	Board       marketquery.Board
	Usage       []marketquery.Usage
	Today, Week LeadResult
}

// Strategy says in which order the contracts are asked.
func (c campaignContent) Strategy() string { return strategyText(c.Campaign.Strategy) }

// strategyText says how a strategy orders contracts.
func strategyText(code string) string {
	switch code {
	case "priority":
		return "by priority, 1 first"
	case "highest_price":
		return "by price, the highest first"
	case "round_robin":
		return "in turn, whoever waits longest first"
	case "weighted":
		return "by weight, whoever is due most first"
	}
	return "by " + code
}

// Acceptance is how many of the leads that a contract was looked at for it took.
func (campaignContent) Acceptance(l marketquery.BoardLine) string { return percentOf(l.Took, l.Asked) }

// Average is what a contract paid for a lead so far.
func (c campaignContent) Average(l marketquery.BoardLine) money.Micros {
	if l.Total.Used <= 0 {
		return 0
	}
	return averageOf(l.Total.Spent, l.Total.Used, c.Currency())
}

// Place is a place in the order, counted from one.
func (campaignContent) Place(i int) int { return i + 1 }

// Why says why a contract did not take most of what it did not take.
func (campaignContent) Why(l marketquery.BoardLine) string { return sentence(l.Mostly, "") }

// campaign shows how the contracts of a campaign stand.
func campaign(v *Visit) {
	c, err := Ask[marketquery.Campaign](v, marketquery.CampaignByID{Actor: v.Who(), ID: v.Param("id")})
	if err != nil {
		v.Fail(err)
		return
	}
	content := campaignContent{Visit: v, Campaign: c}
	if content.Board, err = Ask[marketquery.Board](v, marketquery.ContractBoard{Actor: v.Who(), CampaignID: c.ID}); err != nil {
		v.Fail(err)
		return
	}
	if content.Usage, err = Ask[[]marketquery.Usage](v, marketquery.CampaignUsage{Actor: v.Who(), ID: c.ID}); err != nil {
		v.Fail(err)
		return
	}
	const week = 6
	for days, into := range map[int]*LeadResult{0: &content.Today, week: &content.Week} {
		of, err := v.results(days)
		if err != nil {
			v.Fail(err)
			return
		}
		*into = of[c.Category]
	}
	v.Show("campaign", content)
}

// campaignPath is the page of the campaign that the address names.
func (v *Visit) campaignPath() string { return "/console/campaigns/" + v.Param("id") }

func pauseCampaign(v *Visit) {
	_, err := Do[application.Done](v, marketcommand.PauseCampaign{Actor: v.Who(), ID: v.Param("id")})
	v.After(err, v.campaignPath(), "The campaign is paused: its leads wait, and new ones find no campaign.")
}

func resumeCampaign(v *Visit) {
	_, err := Do[application.Done](v, marketcommand.ResumeCampaign{Actor: v.Who(), ID: v.Param("id")})
	v.After(err, v.campaignPath(), "The campaign takes leads again.")
}

func askArchiveCampaign(v *Visit) {
	c, err := Ask[marketquery.Campaign](v, marketquery.CampaignByID{Actor: v.Who(), ID: v.Param("id")})
	if err != nil {
		v.Fail(err)
		return
	}
	v.ShowConfirm(Confirm{
		Title: "Archive " + c.Name + "?", Button: "Archive the campaign", Action: v.campaignPath() + "/archive", Back: v.campaignPath(), Danger: true,
		Consequence: "It takes no lead any more and cannot be opened again. Leads that wait in it are not sold. What was sold stays, and its category is free for another campaign.",
	})
}

func archiveCampaign(v *Visit) {
	_, err := Do[application.Done](v, marketcommand.ArchiveCampaign{Actor: v.Who(), ID: v.Param("id")})
	v.After(err, v.campaignPath(), "The campaign is archived.")
}
