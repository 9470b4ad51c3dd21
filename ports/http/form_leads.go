package httpport

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/leadmill/leadmill/application/command"
	"github.com/leadmill/leadmill/application/query"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/money"
)

// formLeadRoutes are the routes of the lead form and its leads. Convert and reject answer GET too, which changes something:
// Partnero documents them so. HEAD has no route and so changes nothing.
var formLeadRoutes = []route{
	{http.MethodGet, "/v1/leads/details", program, getLeadDetails},
	{http.MethodPut, "/v1/leads/details", program, updateLeadDetails},
	{http.MethodGet, "/v1/leads", program, listFormLeads},
	{http.MethodPost, "/v1/leads", program, createFormLead},
	{http.MethodGet, "/v1/leads/convert", program, convertFormLead},
	{http.MethodPost, "/v1/leads/convert", program, convertFormLead},
	{http.MethodGet, "/v1/leads/reject", program, rejectFormLead},
	{http.MethodPost, "/v1/leads/reject", program, rejectFormLead},
	{http.MethodGet, "/v1/leads/:id", program, getFormLead},
	{http.MethodDelete, "/v1/leads/:id", program, deleteFormLead},
}

// ---- the form

func (k *call) showLeadForm(f query.LeadForm) LeadDetails {
	d := LeadDetails{LeadsEnabled: strconv.FormatBool(f.Enabled), ProgramLeadsCommissionType: "follow_program_settings",
		LeadsCommission:       LeadsCommission{Currency: k.actor.Currency.Code(), CommissionType: "percent"},
		LeadsCustomFormFields: make([]LeadFormField, len(f.Questions)), Version: f.Version}
	for i, q := range f.Questions {
		d.LeadsCustomFormFields[i] = LeadFormField{Id: q.ID, Type: string(q.Type), Title: q.Title, Text: q.Text,
			Description: q.Description, Required: q.Required, Options: append([]string{}, q.Options...)}
	}
	return d
}

func getLeadDetails(k *call) {
	ask(k, k.s.deps.Handlers.LeadForm, query.LeadFormOfSeller{Actor: k.actor}, k.showLeadForm)
}

func updateLeadDetails(k *call) {
	c := command.UpdateLeadForm{Actor: k.actor}
	w, ok := k.bind(true, func(w *write) {
		defer func() { w.also(c.Change.Check) }()
		c.Change.Enabled = w.flag("leads_enabled")
		fields, given := w.objects("leads_custom_form_fields")
		if !given {
			return
		}
		c.Change.Questions = sized(c.Change.Questions, len(fields))
		for i, f := range fields {
			q := &(*c.Change.Questions)[i]
			if n := f.number("id"); n != nil {
				q.ID = *n
			}
			kind := fresh(&q.Type)
			text(f, "type", &kind)
			q.Type = *kind
			q.Title, q.Text, q.Description, q.Required = f.string("title"), f.string("text"), f.string("description"), f.bool("required")
			q.Options, _ = f.strings("options")
		}
	})
	if ok {
		c.Once = once(w, http.StatusOK, k.showLeadForm)
		do(w, k.s.deps.Handlers.UpdateLeadForm, c)
	}
}

// flag binds true or false, also as the texts that this API shows them as; nil when absent.
func (o *object) flag(name string) *bool {
	n := o.given(name)
	if n == nil {
		return nil
	}
	yes := n.kind == 't' || n.kind == '"' && n.text == "true"
	if !yes && n.kind != 'f' && (n.kind != '"' || n.text != "false") {
		o.wrongType(name, "true or false")
	}
	return &yes
}

// number binds an id that is a positive whole number, as a string or a number; nil when absent or wrong.
func (o *object) number(name string) *int64 {
	switch m := o.given(name); {
	case m == nil:
		return nil
	case m.kind != '"' && m.kind != '0':
		o.wrongType(name, "a string or a number")
		return nil
	default:
		n, ok := positive(m.text)
		if !ok {
			o.bad(name, fault.InvalidValue, notPositive)
			return nil
		}
		return &n
	}
}

const notPositive = "must be a positive whole number"

// positive reads a positive whole number in the one way it is written; 0 when it is none or too large.
func positive(s string) (n int64, ok bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n <= 0 || strconv.FormatInt(n, 10) != s {
		return 0, false
	}
	return n, true
}

// ---- leads

func showFormLead(l query.FormLead) FormLead {
	open := l.Status == "submitted"
	d := FormLead{Id: l.Number, Status: l.Status, CreatedAt: l.CreatedAt.UTC().Format(time.DateOnly),
		LeadInfo:       LeadInfo{Name: l.Name, Email: l.Email},
		Submitter:      Submitter{Id: l.Submitter.ID, Name: l.Submitter.Name, Email: l.Submitter.Email},
		SubmissionForm: append(make([]FormAnswer, 0, len(l.Answers)+2), FormAnswer{"Name", l.Name}, FormAnswer{"Email address", l.Email}),
		CanBeConverted: open, CanBeRejected: open, MarketStatus: optional(l.MarketStatus)}
	for _, a := range l.Answers {
		d.SubmissionForm = append(d.SubmissionForm, FormAnswer{a.Question, a.Answer})
	}
	if to := l.ConvertedTo; to != nil {
		d.ConvertedTo = &ConvertedTo{Key: to.ID, Name: to.Name, Email: to.Email}
	}
	return d
}

// leadNumber is the number in the path. What is no number of ours becomes 0, which no lead has.
func (k *call) leadNumber() int64 {
	n, _ := positive(k.param("id"))
	return n
}

func listFormLeads(k *call) {
	list(k, k.s.deps.Handlers.FormLeads, func(p query.Page, _ url.Values, _ *fault.Violations) query.FormLeads {
		return query.FormLeads{Actor: k.actor, Page: p}
	}, showFormLead)
}

func getFormLead(k *call) {
	ask(k, k.s.deps.Handlers.FormLead, query.FormLeadByNumber{Actor: k.actor, Number: k.leadNumber()}, showFormLead)
}

func createFormLead(k *call) {
	c := command.SubmitFormLead{Actor: k.actor}
	w, ok := k.bind(true, func(w *write) {
		defer func() { w.also(c.Check) }()
		c.Name, c.Email = w.string("name"), w.string("email")
		// That it names nobody says the command, together with what the form misses.
		c.Partner, _ = w.reference("partner")
		fields := w.object.object("cfields")
		if fields == nil {
			return
		}
		answers := *sized(&c.Answers, len(fields.node.names))
		for _, name := range fields.node.names {
			values := fields.answer(name)
			if len(values) == 0 {
				continue
			}
			answers[len(c.Answers)].ID, answers[len(c.Answers)].Values = name, values
			c.Answers = answers[:len(c.Answers)+1]
		}
	})
	if ok {
		c.Once = once(w, http.StatusCreated, showFormLead)
		do(w, k.s.deps.Handlers.SubmitFormLead, c)
	}
}

// answer binds what is answered to one field of the lead form: a string, a number or a list of them; empty when absent.
func (o *object) answer(name string) []string {
	n := o.given(name)
	switch {
	case n == nil:
		return nil
	case n.kind == '"' || n.kind == '0':
		return []string{n.text}
	case n.kind == '[':
		values := make([]string, 0, len(n.items))
		for _, item := range n.items {
			if item.kind != '"' && item.kind != '0' {
				o.wrongType(shorten(name), "a list of strings or numbers")
				return nil
			}
			values = append(values, item.text)
		}
		return values
	default:
		o.wrongType(shorten(name), "a string, a number or a list of them")
		return nil
	}
}

func convertFormLead(k *call) {
	c := command.ConvertLead{Actor: k.actor}
	w, ok := k.actOnLead(func(w *write, values url.Values) {
		c.Number = w.lead(values)
		const name = "commission_transaction_amount"
		literal := values.Get(name)
		if n := w.given(name); n != nil {
			if n.kind != '"' && n.kind != '0' {
				w.wrongType(name, "a number")
				return
			}
			literal = n.text
		} else if literal == "" {
			return
		}
		amount, err := money.ParseNonNegative(literal, k.actor.Currency)
		w.violations.AddErr(name, err)
		c.Amount = &amount
	})
	if ok {
		c.Once = once(w, http.StatusOK, showFormLead)
		do(w, k.s.deps.Handlers.ConvertLead, c)
	}
}

func rejectFormLead(k *call) {
	c := command.RejectLead{Actor: k.actor}
	w, ok := k.actOnLead(func(w *write, values url.Values) { c.Number = w.lead(values) })
	if ok {
		c.Once = once(w, http.StatusOK, showFormLead)
		do(w, k.s.deps.Handlers.RejectLead, c)
	}
}

// actOnLead begins a write whose members are in the body, which may be absent, or in the query.
func (k *call) actOnLead(members func(*write, url.Values)) (*write, bool) {
	w, err := k.begin(true, true)
	if err == nil {
		members(w, k.c.Request.URL.Query())
		err = w.end()
	}
	if err != nil {
		k.fail(err)
		return nil, false
	}
	return w, true
}

// lead binds the number of the lead that is acted on, from the body, else from the query; 0 when it is absent or wrong.
func (w *write) lead(values url.Values) int64 {
	if w.given("id") != nil {
		if n := w.number("id"); n != nil {
			return *n
		}
		return 0
	}
	s := values.Get("id")
	if s == "" {
		w.bad("id", fault.Required, "is required")
		return 0
	}
	n, ok := positive(s)
	if !ok {
		w.bad("id", fault.InvalidValue, notPositive)
	}
	return n
}

func deleteFormLead(k *call) {
	if w, ok := k.action(); ok {
		do(w, k.s.deps.Handlers.DeleteLead, command.DeleteLead{Actor: k.actor, Number: k.leadNumber(), Once: onceOK[struct{}](w)})
	}
}
