package programhttp

import (
	"net/http"
	"net/url"
	"unicode/utf8"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	programcommand "github.com/leadmill/leadmill/application/program/command"
	programquery "github.com/leadmill/leadmill/application/program/query"
	"github.com/leadmill/leadmill/domain/fault"
	httpport "github.com/leadmill/leadmill/ports/http"
)

// CustomerHandlers are the commands and queries that the routes of customers call.
type CustomerHandlers struct {
	CreateCustomer    bus.Handler[programcommand.CreateCustomer, application.Done]
	UpdateCustomer    bus.Handler[programcommand.UpdateCustomer, application.Done]
	ArchiveCustomer   bus.Handler[programcommand.ArchiveCustomer, application.Done]
	UnarchiveCustomer bus.Handler[programcommand.UnarchiveCustomer, application.Done]
	DeleteCustomer    bus.Handler[programcommand.DeleteCustomer, application.Done]
	Customers         bus.Handler[programquery.Customers, application.List[programquery.Customer]]
	CustomerByHandle  bus.Handler[programquery.CustomerByHandle, programquery.Customer]
}

func (h Handlers) customerRoutes() []httpport.Route {
	return []httpport.Route{
		{Method: http.MethodGet, Path: "/v1/customers", Needs: application.Program, Handle: httpport.ReadingList(ofCustomers, h.listCustomers)},
		{Method: http.MethodPost, Path: "/v1/customers", Needs: application.Program, Handle: h.createCustomer},
		{Method: http.MethodPut, Path: "/v1/customers", Needs: application.Program, Handle: h.updateNamedCustomer},
		{Method: http.MethodGet, Path: "/v1/customer", Needs: application.Program, Handle: httpport.Parameters{Names: customerNames, InBody: true}.Reading(h.findCustomer)},
		{Method: http.MethodPost, Path: "/v1/customer", Needs: application.Program, Handle: h.createCustomer},
		{Method: http.MethodPut, Path: "/v1/customer", Needs: application.Program, Handle: h.updateNamedCustomer},
		{Method: http.MethodDelete, Path: "/v1/customer", Needs: application.Program, Handle: h.deleteNamedCustomer},
		{Method: http.MethodGet, Path: `/v1/customers\:search`, Needs: application.Program, Handle: httpport.ReadingList(httpport.Parameters{Names: customerNames, InBody: true}, h.searchCustomers)},
		{Method: http.MethodGet, Path: "/v1/customers/:key", Needs: application.Program, Handle: httpport.Parameters{InBody: true}.Reading(h.getCustomer)},
		{Method: http.MethodPut, Path: "/v1/customers/:key", Needs: application.Program, Handle: h.updateCustomer},
		{Method: http.MethodDelete, Path: "/v1/customers/:key", Needs: application.Program, Handle: h.deleteCustomer},
		{Method: http.MethodPost, Path: "/v1/customers/:key/archive", Needs: application.Program, Handle: h.archiveCustomer},
		{Method: http.MethodPost, Path: "/v1/customers/:key/revoke-archive", Needs: application.Program, Handle: h.unarchiveCustomer},
	}
}

// showCustomer writes a customer, its partner by the partner's id.
func showCustomer(c programquery.Customer) Customer {
	return Customer{
		Key: c.Key, Partner: c.PartnerID, Deleted: !c.DeletedAt.IsZero(), Name: c.Name, Surname: c.Surname, Email: c.Email,
		Status: c.Status, CreatedAt: Timestamp(c.CreatedAt), UpdatedAt: Timestamp(c.UpdatedAt), DeletedAt: httpport.TimestampOrNil(c.DeletedAt),
		Tags: tagsOf(c.Tags),
	}
}

// customerNames are the members and parameters that name a customer; the first given counts.
var customerNames = []string{"key", "id", "email"}

func customerBy(name, value string) (c application.CustomerHandle) {
	switch name {
	case "key":
		c.Key = value
	case "id":
		c.ID = value
	case "email":
		c.Email = value
	}
	return c
}

// customerOfPath is the customer of the path: its key, else its id, else its email. ok is false when the request is answered
// already.
func customerOfPath(k *httpport.Call) (c application.CustomerHandle, ok bool) {
	c.Any, ok = k.Segment("key")
	return c, ok
}

// customerOf is the customer that a request which changes it names in the query, else in the body, else in the body's member
// "customer".
func customerOf(k *httpport.Call, b *httpport.Body) application.CustomerHandle {
	name, value := k.Named(customerNames...)
	if name == "" {
		name, value = b.Outer.Take(customerNames...)
	}
	if own := b.Outer.Flat("customer"); name == "" && own != nil {
		name, value = own.Take(customerNames...)
	}
	if name == "" {
		b.Violate("key", fault.Required, mustBeNamed)
	}
	return customerBy(name, value)
}

func (h Handlers) findCustomer(k *httpport.Call) {
	name, value := k.Named(customerNames...)
	if name == "" {
		k.Fail(errUnnamed)
		return
	}
	httpport.Ask(k, h.CustomerByHandle, programquery.CustomerByHandle{Actor: k.Actor(), Handle: customerBy(name, value)}, showCustomer)
}

func (h Handlers) getCustomer(k *httpport.Call) {
	if c, ok := customerOfPath(k); ok {
		httpport.Ask(k, h.CustomerByHandle, programquery.CustomerByHandle{Actor: k.Actor(), Handle: c}, showCustomer)
	}
}

// ofCustomers are the parameters of a list of customers besides those of its pages.
var ofCustomers = httpport.Parameters{Names: []string{"partner[id]", "partner[key]", "partner[email]"}, Later: []string{"refer_status"}, InBody: true}

// listCustomers answers the customers of the seller, or of the partner that the request names.
func (h Handlers) listCustomers(k *httpport.Call) {
	httpport.List(k, h.Customers, func(p application.Page, values url.Values, _ *fault.Violations) programquery.Customers {
		return programquery.Customers{
			Actor: k.Actor(), Partner: application.PartnerHandle{
				ID: values.Get("partner[id]"), Key: values.Get("partner[key]"), Email: values.Get("partner[email]"),
			},
			Page: p,
		}
	}, showCustomer)
}

func (h Handlers) searchCustomers(k *httpport.Call) {
	httpport.List(k, h.Customers, func(p application.Page, values url.Values, v *fault.Violations) programquery.Customers {
		return programquery.Customers{Actor: k.Actor(), Key: httpport.Part(values, "key", v), ID: httpport.Part(values, "id", v), Email: httpport.Part(values, "email", v), Page: p}
	}, showCustomer)
}

// sales are the members by which clients of Partnero send a sale together with its customer, or a customer that refers others. A
// sale must not be lost without a word, so that they are refused as long as there is nothing to do with them.
var sales = []string{"transaction", "transactions", "referring_customer"}

// refuseSales refuses what comes later, beside the customer's members or among them.
func refuseSales(around, own *httpport.Object) {
	for _, name := range sales {
		around.NotYet(name)
		if own.Has(name) && !around.Has(name) {
			own.NotYet(name)
		}
	}
}

// maxReferralURL is the longest referral URL that is looked at, in characters.
const maxReferralURL = 2048

// referral binds who brought a customer. It stands beside the customer's members or among them: the first found counts.
func referral(around, own *httpport.Object) (r programcommand.Referral) {
	for _, o := range []*httpport.Object{around, own} {
		if o.Has("partner") {
			r.Partner = o.PartnerHandle("partner")
			break
		}
	}
	for _, o := range []*httpport.Object{around, own} {
		if !o.Has("options") {
			continue
		}
		o.Nested("options", func(o *httpport.Object) {
			r.URL, r.ClickedAt = o.Text("referral_url"), o.Time("clicked_at")
			if utf8.RuneCountInString(r.URL) > maxReferralURL {
				o.Violate("referral_url", fault.InvalidValue, "must have at most 2048 characters")
			}
		})
		break
	}
	return r
}

func (h Handlers) createCustomer(k *httpport.Call) {
	c := programcommand.CreateCustomer{Actor: k.Actor()}
	b, ok := k.Bind(httpport.Lenient, func(b *httpport.Body) {
		own := b.Inside("customer")
		c.Key, c.Email, c.Name, c.Surname = own.Label("key"), own.Text("email"), own.Text("name"), own.Text("surname")
		c.Tags, _ = own.Texts("tags")
		c.Referral = referral(b.Outer, own)
		refuseSales(b.Outer, own)
		b.AlsoCheck(c.Check)
	})
	if ok {
		c.Once = httpport.Once(b, http.StatusCreated, showCustomer)
		httpport.Do(b, h.CreateCustomer, c)
	}
}

func (h Handlers) updateCustomer(k *httpport.Call) {
	if c, ok := customerOfPath(k); ok {
		h.changeCustomer(k, func(*httpport.Body) application.CustomerHandle { return c })
	}
}

func (h Handlers) updateNamedCustomer(k *httpport.Call) {
	h.changeCustomer(k, func(b *httpport.Body) application.CustomerHandle { return customerOf(k, b) })
}

func (h Handlers) changeCustomer(k *httpport.Call, which func(*httpport.Body) application.CustomerHandle) {
	c := programcommand.UpdateCustomer{Actor: k.Actor()}
	b, ok := k.Bind(httpport.Lenient, func(b *httpport.Body) {
		c.Handle = which(b)
		own := b.Inside("customer")
		d := &c.Details
		httpport.FillLabel(own, "key", &d.Key)
		httpport.FillText(own, "email", &d.Email)
		httpport.FillText(own, "name", &d.Name)
		httpport.FillText(own, "surname", &d.Surname)
		if tags, given := own.Texts("tags"); given {
			d.Tags = &tags
		}
		c.Referral = referral(b.Outer, own)
		refuseSales(b.Outer, own)
		b.AlsoCheck(c.Details.Check)
	})
	if ok {
		c.Once = httpport.Once(b, http.StatusOK, showCustomer)
		httpport.Do(b, h.UpdateCustomer, c)
	}
}

func (h Handlers) deleteNamedCustomer(k *httpport.Call) {
	c := programcommand.DeleteCustomer{Actor: k.Actor()}
	if b, ok := k.Bind(httpport.Optional|httpport.Lenient, func(b *httpport.Body) { c.Handle = customerOf(k, b) }); ok {
		c.Once = httpport.OnceOK[programquery.Customer](b)
		httpport.Do(b, h.DeleteCustomer, c)
	}
}

// customerAlone binds a request that says no more than which customer it is about, by the path.
func customerAlone(k *httpport.Call) (c application.CustomerHandle, b *httpport.Body, ok bool) {
	if c, ok = customerOfPath(k); ok {
		b, ok = k.Bind(httpport.Optional|httpport.Lenient, nil)
	}
	return c, b, ok
}

func (h Handlers) deleteCustomer(k *httpport.Call) {
	if c, b, ok := customerAlone(k); ok {
		httpport.Do(b, h.DeleteCustomer, programcommand.DeleteCustomer{Actor: k.Actor(), Handle: c, Once: httpport.OnceOK[programquery.Customer](b)})
	}
}

func (h Handlers) archiveCustomer(k *httpport.Call) {
	if c, b, ok := customerAlone(k); ok {
		httpport.Do(b, h.ArchiveCustomer, programcommand.ArchiveCustomer{Actor: k.Actor(), Handle: c, Once: httpport.OnceOK[programquery.Customer](b)})
	}
}

func (h Handlers) unarchiveCustomer(k *httpport.Call) {
	if c, b, ok := customerAlone(k); ok {
		httpport.Do(b, h.UnarchiveCustomer, programcommand.UnarchiveCustomer{Actor: k.Actor(), Handle: c, Once: httpport.OnceOK[programquery.Customer](b)})
	}
}
