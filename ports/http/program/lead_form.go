package programhttp

import (
	"net/http"
	"strconv"

	programcommand "github.com/leadmill/leadmill/application/program/command"
	programquery "github.com/leadmill/leadmill/application/program/query"
	httpport "github.com/leadmill/leadmill/ports/http"
)

func showLeadForm(k *httpport.Call) func(programquery.LeadForm) LeadDetails {
	return func(f programquery.LeadForm) LeadDetails {
		d := LeadDetails{
			LeadsEnabled: strconv.FormatBool(f.Enabled), ProgramLeadsCommissionType: "follow_program_settings",
			LeadsCommission:       LeadsCommission{Currency: k.Currency().Code(), CommissionType: "percent"},
			LeadsCustomFormFields: make([]LeadFormField, len(f.Questions)), Version: f.Version,
		}
		for i, q := range f.Questions {
			d.LeadsCustomFormFields[i] = LeadFormField{
				Id: q.ID, Type: string(q.Type), Title: q.Title, Text: q.Text,
				Description: q.Description, Required: q.Required, Options: append([]string{}, q.Options...),
			}
		}
		return d
	}
}

func (h Handlers) getLeadForm(k *httpport.Call) {
	httpport.Ask(k, h.LeadFormOfSeller, programquery.LeadFormOfSeller{Actor: k.Actor()}, showLeadForm(k))
}

func (h Handlers) updateLeadForm(k *httpport.Call) {
	c := programcommand.UpdateLeadForm{Actor: k.Actor()}
	b, ok := k.Bind(httpport.Lenient, func(b *httpport.Body) {
		c.Change.Enabled = boolOrText(b.Object, "leads_enabled")
		httpport.FillObjects(b.Object, "leads_custom_form_fields", &c.Change.Questions, func(o *httpport.Object, q *programcommand.FormQuestion) {
			if n := number(o, "id"); n != nil {
				q.ID = *n
			}
			kind := &q.Type
			httpport.FillText(o, "type", &kind)
			q.Type = *kind
			q.Title, q.Text, q.Description, q.Required = o.Text("title"), o.Text("text"), o.Text("description"), o.Bool("required")
			q.Options, _ = o.Texts("options")
		})
		b.AlsoCheck(c.Change.Check)
	})
	if ok {
		c.Once = httpport.Once(b, http.StatusOK, showLeadForm(k))
		httpport.Do(b, h.UpdateLeadForm, c)
	}
}

// boolOrText binds true or false, also as the texts that this API shows them as; nil when absent.
func boolOrText(o *httpport.Object, name string) *bool {
	v := o.Value(name)
	if v == nil {
		return nil
	}
	yes := v.IsTrue() || v.IsString() && v.Text() == "true"
	if !yes && !v.IsFalse() && (!v.IsString() || v.Text() != "false") {
		o.WrongType(name, "true or false")
	}
	return &yes
}
