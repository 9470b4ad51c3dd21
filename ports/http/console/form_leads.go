package consolehttp

import (
	"strconv"

	programcommand "github.com/leadmill/leadmill/application/program/command"
	programquery "github.com/leadmill/leadmill/application/program/query"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/fault"
)

const formLeadsPath = consolePath + "/form-leads"

type formLeadsContent struct {
	*Visit

	Leads    application.List[programquery.FormLead]
	Status   string
	Searched bool // no more than so many were looked at
}

// formLeadStatuses are what the queue can be narrowed to, by what the address says.
var formLeadStatuses = map[string]string{"": "submitted", "converted": "converted", "rejected": "rejected", "all": ""}

// formLeads shows the leads that partners submitted: those that wait for a decision, unless the address says otherwise.
func formLeads(v *Visit) {
	content := formLeadsContent{Visit: v, Status: v.Query("status")}
	status, known := formLeadStatuses[content.Status]
	if !known {
		content.Status = ""
		status = formLeadStatuses[""]
	}
	q := programquery.FormLeads{Actor: v.Who(), Status: status}
	var err error
	if q.Page, err = v.Paged(); err == nil {
		content.Leads, err = Ask[application.List[programquery.FormLead]](v, q)
	}
	if err != nil {
		v.Fail(err)
		return
	}
	content.Searched = content.Leads.Next != "" && len(content.Leads.Items) < q.Page.Limit
	v.Show("form_leads", content)
}

type formLeadContent struct {
	*Visit

	Lead     programquery.FormLead
	Back     string
	Revealed bool
}

// Shown is what the lead holds of a person, masked unless it was asked for.
func (c formLeadContent) Shown(name, value string) string {
	if c.Revealed {
		return value
	}
	return mask(name, value)
}

// Masked hides all of what a lead of the queue holds of a person but how it begins.
func (formLeadsContent) Masked(value string) string { return mask("", value) }

func showFormLead(v *Visit) {
	content, err := formLeadOf(v)
	if err != nil {
		v.Fail(err)
		return
	}
	v.Show("form_lead", content)
}

var errNoFormLead = fault.New(fault.NotFound, "lead_not_found", "Lead not found.")

// formLeadOf is the form lead of the page's address.
func formLeadOf(v *Visit) (formLeadContent, error) {
	n, err := strconv.ParseInt(v.Param("number"), 10, 64)
	if err != nil {
		return formLeadContent{}, errNoFormLead
	}
	l, err := Ask[programquery.FormLead](v, programquery.FormLeadByNumber{Actor: v.Who(), Number: n})
	return formLeadContent{Visit: v, Lead: l, Back: formLeadsPath + "/" + strconv.FormatInt(n, 10)}, err
}

// revealFormLead shows what a form lead holds of a person. It is asked for by a form, so that it is a change in the audit trail and in no address.
func revealFormLead(v *Visit) {
	content, err := formLeadOf(v)
	if err == nil {
		content.Lead, err = Do[programquery.FormLead](v, programcommand.RevealFormLead{Actor: v.Who(), Number: content.Lead.Number, ID: content.Lead.LeadID})
	}
	if err != nil {
		v.Fail(err)
		return
	}
	content.Revealed = true
	v.Show("form_lead", content)
}

// convertFormLead makes a customer of a form lead.
func convertFormLead(v *Visit) {
	content, err := formLeadOf(v)
	if err != nil {
		v.Fail(err)
		return
	}
	c := programcommand.ConvertLead{Actor: v.Who(), Number: content.Lead.Number, Once: Once[programquery.FormLead](v)}
	if amount, given := v.Form.Money("amount", v.Currency()); given {
		c.Amount = &amount
	}
	if _, err := Do[application.Done](v, c); err != nil {
		v.ShowAgain("form_lead", content, err)
		return
	}
	v.Done(content.Back, "The lead is a customer of its partner now.")
}

func askRejectFormLead(v *Visit) {
	content, err := formLeadOf(v)
	if err != nil {
		v.Fail(err)
		return
	}
	v.ShowConfirm(Confirm{
		Title: "Reject this lead?", Button: "Reject the lead", Danger: true, Action: content.Back + "/reject", Back: content.Back,
		Consequence: "The partner sees it as rejected. It cannot become a customer any more.",
	})
}

func rejectFormLead(v *Visit) {
	content, err := formLeadOf(v)
	if err != nil {
		v.Fail(err)
		return
	}
	_, err = Do[application.Done](v, programcommand.RejectLead{Actor: v.Who(), Number: content.Lead.Number, Once: Once[programquery.FormLead](v)})
	v.After(err, content.Back, "The lead is rejected.")
}
