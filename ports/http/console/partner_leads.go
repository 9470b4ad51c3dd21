package consolehttp

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	programcommand "github.com/leadmill/leadmill/application/program/command"
	programquery "github.com/leadmill/leadmill/application/program/query"

	"github.com/leadmill/leadmill/application"
)

const ownLeadsPath = portalPath + "/leads"

type ownLeadsContent struct {
	*PartnerVisit

	Leads application.List[programquery.FormLead]
}

// ownLeads shows a partner the leads that it submitted, and where they stand.
func ownLeads(v *PartnerVisit) {
	content := ownLeadsContent{PartnerVisit: v}
	page, err := v.Paged()
	if err == nil {
		content.Leads, err = Ask[application.List[programquery.FormLead]](v.Visit, programquery.OwnFormLeads{Token: v.token, Page: page})
	}
	if err != nil {
		v.Fail(err)
		return
	}
	v.Show("partner_leads", content)
}

type ownLeadContent struct {
	*PartnerVisit

	Form programquery.LeadForm
}

// ownLeadForm reads the form that the partner fills in. It answers itself when ok is false.
func ownLeadForm(v *PartnerVisit) (content ownLeadContent, ok bool) {
	content.PartnerVisit = v
	var err error
	if content.Form, err = Ask[programquery.LeadForm](v.Visit, programquery.OwnLeadForm{Token: v.token}); err != nil {
		v.Fail(err)
		return content, false
	}
	return content, true
}

func askOwnLead(v *PartnerVisit) {
	if content, ok := ownLeadForm(v); ok {
		v.Show("partner_lead_form", content)
	}
}

// answersField is what fields of the form's questions are called, with the question's id behind it. Violations are named so too.
const answersField = "cfields."

// submitOwnLead submits a lead in the partner's name.
func submitOwnLead(v *PartnerVisit) {
	content, ok := ownLeadForm(v)
	if !ok {
		return
	}
	f := v.Visit.Form
	c := programcommand.SubmitOwnLead{Token: v.token, Name: f.Text("name"), Email: f.Text("email"), Once: Once[programquery.FormLead](v.Visit)}
	for _, q := range content.Form.Questions {
		name := content.Name(q.ID)
		values := slices.Clone(f.Values(name))
		if q.Type == "countries" {
			for i := range values {
				values[i] = strings.ToUpper(strings.TrimSpace(values[i]))
			}
		}
		if q.Type != "text" && len(values) > 0 {
			c.Answers = append(c.Answers, programcommand.FormAnswer{ID: strconv.FormatInt(q.ID, 10), Values: values})
		}
	}
	if _, err := Do[application.Done](v.Visit, c); err != nil {
		v.ShowAgain("partner_lead_form", content, err)
		return
	}
	v.Done(ownLeadsPath, v.locale.say("partner.lead_sent"))
}

// Name is what the field of a question is called.
func (ownLeadContent) Name(id int64) string { return answersField + strconv.FormatInt(id, 10) }

// Question makes the field of a question.
func (c ownLeadContent) Question(q programcommand.FormQuestion) Field {
	label := q.Title
	if !q.Required {
		label += " " + c.locale.say("form.optional")
	}
	f := c.Labelled(c.Name(q.ID), label, "help", q.Description)
	f.Required = q.Required
	if q.Type == "countries" {
		f.Maxlength = "2"
		f.Help = cmp.Or(f.Help, c.locale.say("form.country"))
	}
	if q.Type == "select" {
		f.Required = false // the empty choice says so itself
		f.Options = append(f.Options, Option{})
	}
	for _, o := range q.Options {
		f.Options = append(f.Options, Option{Value: o, Label: o, Chosen: c.Visit.Form.Has(f.Name, o)})
	}
	return f
}
