package consolehttp

import (
	"bytes"
	"net/http"
	"strconv"
	"time"

	accountquery "github.com/leadmill/leadmill/application/account/query"
	feedquery "github.com/leadmill/leadmill/application/feed/query"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	programquery "github.com/leadmill/leadmill/application/program/query"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/money"
)

// Figure is a number with what it says and what to compare it with.
type Figure struct{ Label, Value, Beside, Tone string }

// Need is something that waits for a person.
type Need struct{ Text, Link, Button, Tone string }

type todayContent struct {
	*Visit

	Minute  int64
	Day     string // last week's
	Figures []Figure
	Needs   []Need
	Empty   bool // nothing was ever received in the days that are looked at
}

// today shows what happens now, and what needs somebody.
func today(v *Visit) {
	content, err := todayOf(v)
	if err != nil {
		v.Fail(err)
		return
	}
	v.Show("today", content)
}

// todayNow answers the part of Today that follows what happens: made once for all who look at the seller's.
func todayNow(v *Visit) {
	text, err := v.console.boards.board(v.Who()).read(v.Context(), v.console.Head, func() ([]byte, error) {
		content, err := todayOf(v)
		if err != nil {
			return nil, err
		}
		var b bytes.Buffer
		err = render(&b, "today_now", content)
		return b.Bytes(), err
	})
	if err != nil {
		v.Fail(err)
		return
	}
	v.call.Send(http.StatusOK, typeHTML, text)
}

func todayOf(v *Visit) (todayContent, error) {
	c := todayContent{Visit: v}
	pulse, err := Ask[marketquery.PulseView](v, marketquery.Pulse{Actor: v.Who()})
	if err != nil {
		return c, err
	}
	c.Minute = pulse.LastMinute
	now, before, err := v.daySums()
	if err != nil {
		return c, err
	}
	c.Day = v.Now().In(v.Zone()).AddDate(0, 0, -7).Format("Monday")
	count := func(n, before int64) Figure { return Figure{Value: v.Count(n), Beside: v.Count(before)} }
	amount := func(n, before money.Micros) Figure { return Figure{Value: v.Money(n), Beside: v.Money(before)} }
	for _, f := range []struct {
		label string
		of    Figure
	}{
		{"Leads", count(now.Leads.Submitted, before.Leads.Submitted)},
		{"Sold", count(now.Leads.Sold, before.Leads.Sold)},
		{"Waiting", count(now.Leads.Pending, before.Leads.Pending)},
		{"Rejected", count(now.Leads.Rejected, before.Leads.Rejected)},
		{"Duplicates", count(now.Leads.Duplicate, before.Leads.Duplicate)},
		{"Revenue", amount(now.Revenue, before.Revenue)},
		{"Payout", amount(now.Payout, before.Payout)},
		{"Margin", amount(now.Margin, before.Margin)},
	} {
		f.of.Label = f.label
		f.of.Beside += " all last " + c.Day
		c.Figures = append(c.Figures, f.of)
	}
	c.Empty = now.Leads.Submitted == 0 && before.Leads.Submitted == 0
	c.Needs, err = v.needs()
	return c, err
}

// daySums are the sums of today and of the same day a week ago.
func (v *Visit) daySums() (now, before marketquery.CampaignReportRow, err error) {
	day := v.Now().In(v.Zone())
	sums := func(day time.Time) (marketquery.CampaignReportRow, error) {
		text := day.Format(time.DateOnly)
		rows, err := Ask[[]marketquery.CampaignReportRow](v, marketquery.CampaignReport{Actor: v.Who(), From: text, To: text, GroupBy: marketquery.ByDay})
		if err != nil || len(rows) == 0 {
			return marketquery.CampaignReportRow{}, err
		}
		return rows[0], nil
	}
	if now, err = sums(day); err != nil {
		return now, before, err
	}
	before, err = sums(day.AddDate(0, 0, -7))
	return now, before, err
}

// mostCounted is up to how many things that wait are counted.
const mostCounted = 100

// some writes how many there are, up to mostCounted.
func some(n int, more bool, one, many string) string {
	switch {
	case more:
		return strconv.Itoa(n) + "+ " + many
	case n == 1:
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// needs are what waits for a person: first what stops sales.
func (v *Visit) needs() ([]Need, error) {
	var all []Need
	for _, look := range []func(*Visit) ([]Need, error){moneyNeeds, deliveryNeeds, webhookNeeds, parkedNeeds, partnerNeeds, returnNeeds, quarantineNeeds} {
		found, err := look(v)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// mostNeeds is how many groups of waiting leads are told on Today.
const mostNeeds = 4

// moneyNeeds are what would free waiting leads, and the buyers without money beside those.
func moneyNeeds(v *Visit) ([]Need, error) {
	w, err := Ask[marketquery.Waiting](v, marketquery.WaitingLeads{Actor: v.Who()})
	if err != nil {
		return nil, err
	}
	var all []Need
	told := map[string]bool{}
	for _, g := range w.Groups {
		if g.Reason == "schedule_closed" || len(all) == mostNeeds {
			continue
		}
		f, err := v.freeing(g)
		if err != nil {
			return nil, err
		}
		text := f.What
		if g.Reason == "insufficient_balance" {
			told[g.BuyerID] = true
		} else {
			text += ", " + v.Count(g.Leads) + " waiting"
		}
		all = append(all, Need{Text: text, Link: f.Link, Button: f.Button, Tone: "wait"})
	}
	_, buyers, err := v.buyerNames()
	if err != nil {
		return nil, err
	}
	n := 0
	for _, b := range buyers {
		if b.Status != "active" || b.Balance+b.CreditLimit-b.Held > 0 || told[b.ID] || n == mostNeeds {
			continue
		}
		n++
		all = append(all, Need{Text: b.Name + " has no money left", Link: "/console/buyers/" + b.ID, Button: "Top up", Tone: "bad"})
	}
	return all, nil
}

func deliveryNeeds(v *Visit) ([]Need, error) {
	list, err := Ask[application.List[marketquery.Delivery]](v, marketquery.Deliveries{Actor: v.Who(), Status: "failed", Page: application.Page{Limit: mostCounted, Number: 1}})
	if err != nil || len(list.Items) == 0 {
		return nil, err
	}
	return []Need{{
		Text: some(len(list.Items), list.Next != "", "delivery failed for good", "deliveries failed for good"),
		Link: "/console/leads/" + list.Items[0].LeadID, Button: "Open the newest", Tone: "bad",
	}}, nil
}

func webhookNeeds(v *Visit) ([]Need, error) {
	list, err := Ask[application.List[feedquery.Webhook]](v, feedquery.Webhooks{Actor: v.Who(), Page: application.Page{Limit: mostCounted, Number: 1}})
	if err != nil {
		return nil, err
	}
	var all []Need
	for _, w := range list.Items {
		switch {
		case w.Status == "disabled":
			all = append(all, Need{Text: "The webhook " + w.Name + " is disabled: it failed for too long", Link: webhookPath(w.ID), Button: "Open the webhook", Tone: "bad"})
		case !w.FailingSince.IsZero():
			all = append(all, Need{Text: "The webhook " + w.Name + " has been failing for " + Span(v.Now().Sub(w.FailingSince)), Link: webhookPath(w.ID), Button: "Open the webhook", Tone: "wait"})
		}
	}
	return all, nil
}

// parkedNeeds are the events that consumers could not handle, for those who see the system.
func parkedNeeds(v *Visit) ([]Need, error) {
	if !v.Person.Actor.Role.Includes(application.Owner) {
		return nil, nil
	}
	n, err := Ask[int](v, accountquery.ParkedEvents{Actor: v.Who()})
	if err != nil || n == 0 {
		return nil, err
	}
	return []Need{{Text: some(n, n == accountquery.MostParkedCounted, "event is parked", "events are parked"), Link: systemPath, Button: "Open the system", Tone: "bad"}}, nil
}

// partnerNeeds are the partners that wait to be approved: where there is one, its own page.
func partnerNeeds(v *Visit) ([]Need, error) {
	waiting, err := Ask[programquery.PartnersWaiting](v, programquery.WaitingPartners{Actor: v.Who()})
	if err != nil || waiting.Partners == 0 {
		return nil, err
	}
	need := Need{Text: v.Count(waiting.Partners) + " partners to approve", Link: partnersPath + "?status=pending", Button: "Look at them", Tone: "note"}
	if waiting.Partners == 1 {
		need.Text, need.Link, need.Button = "1 partner to approve", partnerPath(waiting.PartnerID), "Open the partner"
	}
	return []Need{need}, nil
}

func returnNeeds(v *Visit) ([]Need, error) {
	list, err := Ask[application.List[marketquery.Return]](v, marketquery.Returns{Actor: v.Who(), Status: "pending", Page: application.Page{Limit: mostCounted, Number: 1}})
	if err != nil || len(list.Items) == 0 {
		return nil, err
	}
	need := Need{Text: some(len(list.Items), list.Next != "", "return to decide", "returns to decide"), Link: returnsPath, Button: "Look at them", Tone: "note"}
	if len(list.Items) == 1 {
		need.Link, need.Button = returnsPath+"/"+list.Items[0].ID, "Open the return"
	}
	return []Need{need}, nil
}

func quarantineNeeds(v *Visit) ([]Need, error) {
	list, err := Ask[application.List[marketquery.MarketplaceLead]](v, marketquery.MarketplaceLeads{Actor: v.Who(), Status: "quarantined", Page: application.Page{Limit: mostCounted, Number: 1}})
	if err != nil || len(list.Items) == 0 {
		return nil, err
	}
	return []Need{{
		Text: some(len(list.Items), list.Next != "", "lead to approve or reject", "leads to approve or reject"),
		Link: "/console/leads?status=quarantined", Button: "Look at them", Tone: "note",
	}}, nil
}

// HourRow is an hour of today and of the same day a week ago. Past says that today's has begun.
type HourRow struct {
	Name          string
	Now, Before   marketquery.PulseHour
	Past, WasThen bool
}

type hoursContent struct {
	*Visit

	Rows     []HourRow
	Day      string
	TooMany  bool
	Now, Was marketquery.PulseHour // so far, and by this time a week ago
}

// todayHours shows today hour by hour beside the same day a week ago.
func todayHours(v *Visit) {
	now := v.Now().In(v.Zone())
	start := calendar.StartOf(time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, time.UTC), v.Zone())
	before := calendar.StartOf(time.Date(now.Year(), now.Month(), now.Day()-7, 0, 0, 0, 0, time.UTC), v.Zone())
	pulse, err := Ask[marketquery.PulseView](v, marketquery.Pulse{Actor: v.Who(), Days: []time.Time{start.In(v.Zone()), before.In(v.Zone())}})
	if err != nil {
		v.Fail(err)
		return
	}
	content := hoursContent{Visit: v, Day: before.In(v.Zone()).Format("Monday"), TooMany: !pulse.Days[0].Complete || !pulse.Days[1].Complete}
	for i, h := range pulse.Days[0].Hours {
		row := HourRow{Name: h.Start.In(v.Zone()).Format("15:04"), Now: h, Past: !h.Start.After(now)}
		if i < len(pulse.Days[1].Hours) {
			row.Before, row.WasThen = pulse.Days[1].Hours[i], true
		}
		if row.Past {
			content.Now.Leads, content.Now.Sold, content.Now.Revenue = content.Now.Leads+h.Leads, content.Now.Sold+h.Sold, content.Now.Revenue+h.Revenue
			content.Was.Leads, content.Was.Sold, content.Was.Revenue = content.Was.Leads+row.Before.Leads, content.Was.Sold+row.Before.Sold, content.Was.Revenue+row.Before.Revenue
		}
		content.Rows = append(content.Rows, row)
	}
	v.show(http.StatusOK, "today_hours", content)
}
