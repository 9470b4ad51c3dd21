package consolehttp

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	programcommand "github.com/leadmill/leadmill/application/program/command"
	programquery "github.com/leadmill/leadmill/application/program/query"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/contact"
)

const partnersPath = consolePath + "/partners"

type partnersContent struct {
	*Visit

	Partners application.List[programquery.PartnerDetail]
	Overview programquery.ProgramOverview
	Days     []programquery.ProgramDay
	Statuses []Option
	Filtered bool
	Sheet    string
}

// programDays is how many days the chart of the program shows.
const programDays = 30

var partnerStatuses = []Option{{Label: "Any"}, {Value: "pending", Label: "Pending"}, {Value: "active", Label: "Active"}, {Value: "rejected", Label: "Rejected"}, {Value: "archived", Label: "Archived"}}

func askedPartners(v *Visit) programquery.PartnerList {
	return programquery.PartnerList{Actor: v.Who(), Status: v.Asked("status"), Search: cut(v.Form.Text("search"))}
}

// maxSearch is how much of a text is looked for.
const maxSearch = 200

func cut(s string) string {
	if len(s) > maxSearch {
		return strings.ToValidUTF8(s[:maxSearch], "")
	}
	return s
}

// partners shows the partners that were asked for, the newest first, and what came to the program lately.
func partners(v *Visit) {
	content := partnersContent{Visit: v, Statuses: partnerStatuses, Sheet: partnersPath + ".csv"}
	v.Form.Fill("status", v.Query("status"))
	content.Filtered = v.Form.Text("status") != "" || v.Form.Text("search") != ""
	if _, query, has := strings.Cut(v.Here(), "?"); has {
		content.Sheet += "?" + query
	}
	q := askedPartners(v)
	var err error
	if q.Page, err = v.Paged(); err == nil {
		content.Partners, err = Ask[application.List[programquery.PartnerDetail]](v, q)
	}
	if err == nil {
		content.Overview, err = Ask[programquery.ProgramOverview](v, programquery.Overview{Actor: v.Who()})
	}
	if err == nil {
		content.Days, err = Ask[[]programquery.ProgramDay](v, programquery.ProgramDays{Actor: v.Who(), Days: programDays})
	}
	if err != nil {
		v.Fail(err)
		return
	}
	v.Show("partners", content)
}

// findPartners narrows the list by a text that may be somebody's name or email. It is posted, and stands in no address; without one the status does.
func findPartners(v *Visit) {
	if v.Form.Text("search") == "" {
		v.call.SeeOther(v.With("status", v.Form.Text("status")))
		return
	}
	partners(v)
}

// Conversion is how many of clicks became customers.
func (*Visit) Conversion(clicks, signups int64) string {
	if clicks <= 0 || signups < 0 {
		return "–"
	}
	return strconv.FormatFloat(100*float64(signups)/float64(clicks), 'f', 1, 64) + " %"
}

// Named is what a partner or customer is called: the name, else the email, else its id.
func (*Visit) Named(name, surname, email, id string) string {
	return cmp.Or(contact.FullName(name, surname), email, id)
}

// Against says how a number compares with the same span before.
func (v *Visit) Against(t programquery.Total) string {
	return v.Count(t.Recent) + " in 30 days, " + v.Count(t.Before) + " before"
}

// partnersSheet answers the partners that were asked for as a file.
func partnersSheet(v *Visit) {
	q := askedPartners(v)
	q.Page = application.Page{Limit: application.MaxLimit, Number: 1}
	list, err := Ask[application.List[programquery.PartnerDetail]](v, q)
	if err != nil {
		v.Fail(err)
		return
	}
	v.call.Extend(exportTime)
	s := v.Call().Sheet("partners.csv", "id", "status", "name", "surname", "email", "referral_keys", "tags", "clicks", "signups", "leads", "created_at")
	for {
		for _, p := range list.Items {
			s.Text(p.ID).Text(p.Status).Text(p.Name).Text(p.Surname).Text(p.Email).Text(strings.Join(p.Keys, " ")).Text(strings.Join(p.Tags, " "))
			s.Int(p.Clicks).Int(p.Signups).Int(p.Leads).Time(p.CreatedAt)
			if err = s.Row(); err != nil {
				break
			}
		}
		if err != nil || list.Next == "" {
			break
		}
		q.Page.After = list.Next
		if list, err = Ask[application.List[programquery.PartnerDetail]](v, q); err != nil {
			break
		}
	}
	s.End(err)
}

type partnerFormContent struct {
	*Visit

	Invite bool
}

func newPartner(v *Visit) { v.Show("partner_form", partnerFormContent{v, false}) }

func askInvitePartner(v *Visit) { v.Show("partner_form", partnerFormContent{v, true}) }

func createPartner(v *Visit) {
	f := v.Form
	c := programcommand.CreatePartner{
		Actor: v.Who(), ID: f.Text("id"), Key: f.Text("key"), Email: f.Text("email"), Name: f.Text("name"), Surname: f.Text("surname"),
		Tags: words(f.Text("tags")),
	}
	if key := f.Text("referring_partner"); key != "" {
		c.Referring = application.PartnerHandle{Any: key}
	}
	var made programquery.Partner
	c.Once = Result(v, &made)
	if _, err := Do[application.Done](v, c); err != nil {
		v.ShowAgain("partner_form", partnerFormContent{v, false}, err)
		return
	}
	v.Done(partnerPath(made.ID), "The partner is added.")
}

// partnerPath is the page of a partner; that of all where none is known.
func partnerPath(id string) string {
	if id == "" {
		return partnersPath
	}
	return partnersPath + "/" + id
}

// words are the parts of a list that is written with commas.
func words(text string) []string {
	var all []string
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			all = append(all, part)
		}
	}
	return all
}

func invitePartner(v *Visit) {
	f := v.Form
	var made programquery.Partner
	_, err := Do[application.Done](v, programcommand.InvitePartner{
		Actor: v.Who(), Email: f.Text("email"), Name: f.Text("name"), Surname: f.Text("surname"), Once: Result(v, &made),
	})
	if err != nil {
		v.ShowAgain("partner_form", partnerFormContent{v, true}, err)
		return
	}
	v.Done(partnerPath(made.ID), "The invitation is on its way by mail.")
}

// DayName writes a day, such as 2026-05-02, shortly: 2 May.
func (*Visit) DayName(day string) string {
	d, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return day
	}
	return d.Format("2 Jan")
}
