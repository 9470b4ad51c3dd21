package programhttp

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	programcommand "github.com/leadmill/leadmill/application/program/command"
	programquery "github.com/leadmill/leadmill/application/program/query"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/money"
	httpport "github.com/leadmill/leadmill/ports/http"
)

// LeadHandlers are the commands and queries that the routes of the lead form and its leads call.
type LeadHandlers struct {
	UpdateLeadForm   bus.Handler[programcommand.UpdateLeadForm, application.Done]
	LeadFormOfSeller bus.Handler[programquery.LeadFormOfSeller, programquery.LeadForm]
	SubmitFormLead   bus.Handler[programcommand.SubmitFormLead, application.Done]
	ConvertLead      bus.Handler[programcommand.ConvertLead, application.Done]
	RejectLead       bus.Handler[programcommand.RejectLead, application.Done]
	DeleteLead       bus.Handler[programcommand.DeleteLead, application.Done]
	FormLeads        bus.Handler[programquery.FormLeads, application.List[programquery.FormLead]]
	FormLeadByNumber bus.Handler[programquery.FormLeadByNumber, programquery.FormLead]
}

// leadRoutes are the routes of the lead form and its leads. Convert and reject answer GET too, which changes something:
// Partnero documents them so. HEAD has no route and so changes nothing.
func (h Handlers) leadRoutes() []httpport.Route {
	return []httpport.Route{
		{Method: http.MethodGet, Path: "/v1/leads/details", Needs: application.Program, Handle: httpport.Parameters{InBody: true}.Reading(h.getLeadForm)},
		{Method: http.MethodPut, Path: "/v1/leads/details", Needs: application.Program, Handle: h.updateLeadForm},
		{Method: http.MethodGet, Path: "/v1/leads", Needs: application.Program, Handle: httpport.ReadingList(httpport.Parameters{InBody: true}, h.listFormLeads)},
		{Method: http.MethodPost, Path: "/v1/leads", Needs: application.Program, Handle: h.createFormLead},
		{Method: http.MethodGet, Path: "/v1/leads/convert", Needs: application.Program, Handle: httpport.Parameters{Names: []string{"id", commissionTransactionAmount}, InBody: true}.Reading(h.convertFormLead)},
		{Method: http.MethodPost, Path: "/v1/leads/convert", Needs: application.Program, Handle: h.convertFormLead},
		{Method: http.MethodGet, Path: "/v1/leads/reject", Needs: application.Program, Handle: httpport.Parameters{Names: []string{"id"}, InBody: true}.Reading(h.rejectFormLead)},
		{Method: http.MethodPost, Path: "/v1/leads/reject", Needs: application.Program, Handle: h.rejectFormLead},
		{Method: http.MethodGet, Path: "/v1/leads/:id", Needs: application.Program, Handle: httpport.Parameters{InBody: true}.Reading(h.getFormLead)},
		{Method: http.MethodDelete, Path: "/v1/leads/:id", Needs: application.Program, Handle: h.deleteFormLead},
	}
}

func showFormLead(l programquery.FormLead) FormLead {
	open := l.IsOpen()
	d := FormLead{
		Id: l.Number, Status: l.Status, CreatedAt: l.CreatedAt.UTC().Format(time.DateOnly),
		LeadInfo:       LeadInfo{Name: l.Name, Email: l.Email},
		Submitter:      Submitter{Id: l.Submitter.ID, Name: l.Submitter.Name, Email: l.Submitter.Email},
		SubmissionForm: append(make([]FormAnswer, 0, len(l.Answers)+2), FormAnswer{"Name", l.Name}, FormAnswer{"Email address", l.Email}),
		CanBeConverted: open && !l.Erased, CanBeRejected: open, MarketStatus: httpport.TextOrNil(l.MarketStatus),
	}
	for _, a := range l.Answers {
		d.SubmissionForm = append(d.SubmissionForm, FormAnswer{a.Question, a.Answer})
	}
	if to := l.ConvertedTo; to != nil {
		d.ConvertedTo = &ConvertedTo{Key: to.ID, Name: to.Name, Email: to.Email}
	}
	return d
}

// leadNumber is the number in the path. What is no number of ours becomes 0, which no lead has.
func leadNumber(k *httpport.Call) int64 {
	n, _ := positive(k.Param("id"))
	return n
}

func (h Handlers) listFormLeads(k *httpport.Call) {
	httpport.List(k, h.FormLeads, func(p application.Page, _ url.Values, _ *fault.Violations) programquery.FormLeads {
		return programquery.FormLeads{Actor: k.Actor(), Page: p}
	}, showFormLead)
}

func (h Handlers) getFormLead(k *httpport.Call) {
	httpport.Ask(k, h.FormLeadByNumber, programquery.FormLeadByNumber{Actor: k.Actor(), Number: leadNumber(k)}, showFormLead)
}

func (h Handlers) createFormLead(k *httpport.Call) {
	c := programcommand.SubmitFormLead{Actor: k.Actor()}
	b, ok := k.Bind(httpport.Lenient, func(b *httpport.Body) {
		c.Name, c.Email = b.Text("name"), b.Text("email")
		// That it names nobody says the command, together with what the form misses.
		c.Partner, _ = b.PartnerReference("partner")
		b.Nested("cfields", func(o *httpport.Object) {
			for _, name := range o.Names() {
				if values := answers(o, name); len(values) > 0 {
					c.Answers = append(c.Answers, programcommand.FormAnswer{ID: name, Values: values})
				}
			}
		})
		b.AlsoCheck(c.Check)
	})
	if ok {
		c.Once = httpport.Once(b, http.StatusCreated, showFormLead)
		httpport.Do(b, h.SubmitFormLead, c)
	}
}

// answers binds what is answered to one field of the lead form: a string, a number or a list of them; empty when absent.
func answers(o *httpport.Object, name string) []string {
	v := o.Value(name)
	if v == nil {
		return nil
	}
	if v.IsString() || v.IsNumber() {
		return []string{v.Text()}
	}
	items, ok := v.Items()
	if !ok {
		o.WrongType(name, "a string, a number or a list of them")
		return nil
	}
	values := make([]string, 0, len(items))
	for _, item := range items {
		if !item.IsString() && !item.IsNumber() {
			o.WrongType(name, "a list of strings or numbers")
			return nil
		}
		values = append(values, item.Text())
	}
	return values
}

func (h Handlers) convertFormLead(k *httpport.Call) {
	c := programcommand.ConvertLead{Actor: k.Actor()}
	b, ok := k.Bind(httpport.Optional|httpport.Lenient, func(b *httpport.Body) {
		c.Number, c.Amount = leadOf(k, b), commissionAmount(k, b)
	})
	if ok {
		c.Once = httpport.Once(b, http.StatusOK, showFormLead)
		httpport.Do(b, h.ConvertLead, c)
	}
}

const commissionTransactionAmount = "commission_transaction_amount"

// commissionAmount binds what the customer is worth, from the body, else from the query; nil when it is absent or wrong.
func commissionAmount(k *httpport.Call, b *httpport.Body) *money.Micros {
	const name = commissionTransactionAmount
	literal := k.Query().Get(name)
	if v := b.Value(name); v != nil && k.Request().Method != http.MethodGet { // of a GET they are parameters
		if !v.IsString() && !v.IsNumber() {
			b.WrongType(name, "a number")
			return nil
		}
		literal = v.Text()
	} else if literal == "" {
		return nil
	}
	amount, err := money.ParseNonNegative(literal, k.Currency())
	b.AddErr(name, err)
	return &amount
}

func (h Handlers) rejectFormLead(k *httpport.Call) {
	c := programcommand.RejectLead{Actor: k.Actor()}
	b, ok := k.Bind(httpport.Optional|httpport.Lenient, func(b *httpport.Body) { c.Number = leadOf(k, b) })
	if ok {
		c.Once = httpport.Once(b, http.StatusOK, showFormLead)
		httpport.Do(b, h.RejectLead, c)
	}
}

// leadOf binds the number of the lead that a request is about, from the body, else from the query; 0 when it is absent or
// wrong.
func leadOf(k *httpport.Call, b *httpport.Body) int64 {
	if b.Has("id") && k.Request().Method != http.MethodGet { // of a GET it is a parameter
		if n := number(b.Object, "id"); n != nil {
			return *n
		}
		return 0
	}
	s := k.Query().Get("id")
	if s == "" {
		b.Violate("id", fault.Required, "is required")
		return 0
	}
	n, ok := positive(s)
	if !ok {
		b.Violate("id", fault.InvalidValue, notPositive)
	}
	return n
}

func (h Handlers) deleteFormLead(k *httpport.Call) {
	if b, ok := k.Bind(httpport.Optional, nil); ok {
		httpport.Do(b, h.DeleteLead, programcommand.DeleteLead{Actor: k.Actor(), Number: leadNumber(k), Once: httpport.OnceOK[struct{}](b)})
	}
}

// number binds an id that is a positive whole number, as a string or a number; nil when absent or wrong.
func number(o *httpport.Object, name string) *int64 {
	v := o.Value(name)
	if v == nil {
		return nil
	}
	if !v.IsString() && !v.IsNumber() {
		o.WrongType(name, "a string or a number")
		return nil
	}
	n, ok := positive(v.Text())
	if !ok {
		o.Violate(name, fault.InvalidValue, notPositive)
		return nil
	}
	return &n
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
