package httpport

import (
	"cmp"
	"net/http"
	"net/url"
	"unicode/utf8"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/command"
	"github.com/leadmill/leadmill/application/query"
	"github.com/leadmill/leadmill/domain/fault"
)

// showCustomer writes a customer as seeds/create-customer.txt has it: its partner is the partner's id.
func showCustomer(c query.Customer) Customer {
	return Customer{Key: c.Key, Partner: c.PartnerID, Deleted: !c.DeletedAt.IsZero(), Name: c.Name, Surname: c.Surname, Email: c.Email,
		Status: c.Status, CreatedAt: timestamp(c.CreatedAt), UpdatedAt: timestamp(c.UpdatedAt), DeletedAt: optionalTime(c.DeletedAt),
		Tags: tagsOf(c.Tags)}
}

// customerNames are the members and parameters that name a customer; the first given counts.
var customerNames = []string{"key", "id", "email"}

func customerBy(name, value string) (h application.CustomerHandle) {
	switch name {
	case "key":
		h.Key = value
	case "id":
		h.ID = value
	case "email":
		h.Email = value
	}
	return h
}

// customerInPath is the customer of the path: its key, else its id, else its email.
func (k *call) customerInPath() (application.CustomerHandle, bool) {
	s, ok := k.segment("key")
	return application.CustomerHandle{Any: s}, ok
}

// customer is the customer that a write names in the query, else in the body, else in its member "customer".
func (w *write) customer() application.CustomerHandle {
	name, value := w.k.named(customerNames...)
	if name == "" {
		name, value = w.outer.take(customerNames...)
	}
	if n := w.outer.given("customer"); name == "" && n != nil && n.kind == '{' {
		name, value = w.outer.inner("", n).take(customerNames...)
	}
	if name == "" {
		w.violations.Add("key", fault.Required, mustBeNamed)
	}
	return customerBy(name, value)
}

func findCustomer(k *call) {
	name, value := k.named(customerNames...)
	if name == "" {
		k.fail(fault.ErrValidation.With(fault.Violation{Field: "key", Code: fault.Required, Message: mustBeNamed}))
		return
	}
	ask(k, k.s.deps.Handlers.Customer, query.CustomerByHandle{Actor: k.actor, Handle: customerBy(name, value)}, showCustomer)
}

func getCustomer(k *call) {
	if h, ok := k.customerInPath(); ok {
		ask(k, k.s.deps.Handlers.Customer, query.CustomerByHandle{Actor: k.actor, Handle: h}, showCustomer)
	}
}

// listCustomers answers the customers of the seller, or of the partner that the query names: as the documents write it, or as
// Partnero's own node for n8n does.
func listCustomers(k *call) {
	list(k, k.s.deps.Handlers.Customers, func(p query.Page, values url.Values, _ *fault.Violations) query.Customers {
		return query.Customers{Actor: k.actor, Partner: application.PartnerHandle{ID: values.Get("partner[id]"),
			Key: cmp.Or(values.Get("partner[key]"), values.Get("partner_key")), Email: cmp.Or(values.Get("partner[email]"), values.Get("partner_email"))},
			Page: p}
	}, showCustomer)
}

func searchCustomers(k *call) {
	list(k, k.s.deps.Handlers.Customers, func(p query.Page, values url.Values, v *fault.Violations) query.Customers {
		return query.Customers{Actor: k.actor, Key: part(values, "key", v), ID: part(values, "id", v), Email: part(values, "email", v), Page: p}
	}, showCustomer)
}

// maxReferralURL is the longest referral URL that is looked at, in characters.
const maxReferralURL = 2048

// referral binds who brought a customer. It stands beside the customer's members or among them: the first found counts.
func referral(around, own *object) (r command.Referral) {
	for _, o := range []*object{around, own} {
		if o.given("partner") != nil {
			r.Partner = o.handle("partner")
			break
		}
	}
	for _, o := range []*object{around, own} {
		if o.given("options") == nil {
			continue
		}
		if options := o.object("options"); options != nil {
			r.URL, r.ClickedAt = options.string("referral_url"), options.time("clicked_at")
			if utf8.RuneCountInString(r.URL) > maxReferralURL {
				options.bad("referral_url", fault.InvalidValue, "must have at most 2048 characters")
			}
		}
		break
	}
	return r
}

func createCustomer(k *call) {
	c := command.CreateCustomer{Actor: k.actor}
	w, ok := k.bind(true, func(w *write) {
		own := w.inside("customer")
		c.Key, c.Email, c.Name, c.Surname = own.id("key"), own.string("email"), own.string("name"), own.string("surname")
		c.Tags, _ = own.strings("tags")
		c.Referral = referral(w.outer, own)
		w.also(c.Check)
	})
	if ok {
		c.Once = once(w, http.StatusCreated, showCustomer)
		do(w, k.s.deps.Handlers.CreateCustomer, c)
	}
}

func updateCustomer(k *call) {
	if h, ok := k.customerInPath(); ok {
		changeCustomer(k, func(*write) application.CustomerHandle { return h })
	}
}

func updateNamedCustomer(k *call) { changeCustomer(k, (*write).customer) }

func changeCustomer(k *call, which func(*write) application.CustomerHandle) {
	c := command.UpdateCustomer{Actor: k.actor}
	w, ok := k.bind(true, func(w *write) {
		c.Handle = which(w)
		own := w.inside("customer")
		d := &c.Details
		label(own, "key", &d.Key)
		text(own, "email", &d.Email)
		text(own, "name", &d.Name)
		text(own, "surname", &d.Surname)
		if tags, given := own.strings("tags"); given {
			d.Tags = &tags
		}
		c.Referral = referral(w.outer, own)
		w.also(c.Details.Check)
	})
	if ok {
		c.Once = once(w, http.StatusOK, showCustomer)
		do(w, k.s.deps.Handlers.UpdateCustomer, c)
	}
}

func deleteNamedCustomer(k *call) {
	c := command.SteerCustomer{Actor: k.actor, Step: command.DeleteCustomer}
	if w, ok := k.act(func(w *write) { c.Handle = w.customer() }); ok {
		c.Once = onceOK[query.Customer](w)
		do(w, k.s.deps.Handlers.SteerCustomer, c)
	}
}

func steerCustomer(k *call, step command.CustomerStep) {
	h, ok := k.customerInPath()
	if !ok {
		return
	}
	if w, ok := k.act(func(*write) {}); ok {
		do(w, k.s.deps.Handlers.SteerCustomer, command.SteerCustomer{Actor: k.actor, Handle: h, Step: step, Once: onceOK[query.Customer](w)})
	}
}
