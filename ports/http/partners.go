package httpport

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/application/command"
	"github.com/leadmill/leadmill/application/query"
	"github.com/leadmill/leadmill/domain/fault"
)

// partnerRoutes are the routes of partners, their referral links, customers and the program.
var partnerRoutes = []route{
	{http.MethodGet, "/v1/partners", program, listPartners},
	{http.MethodPost, "/v1/partners", program, createPartner},
	{http.MethodPut, "/v1/partners", program, updateNamedPartner},
	{http.MethodDelete, "/v1/partners", program, deleteNamedPartner},
	{http.MethodGet, "/v1/partner", program, findPartner},
	{http.MethodPost, "/v1/partner", program, createPartner},
	{http.MethodPut, "/v1/partner", program, updateNamedPartner},
	{http.MethodDelete, "/v1/partner", program, deleteNamedPartner},
	{http.MethodGet, `/v1/partners\:search`, program, searchPartners},
	{http.MethodPost, `/v1/partners\:invite`, program, invitePartner},
	{http.MethodPost, `/v1/partners\:sign-in-url`, program, createSignInURL},
	{http.MethodGet, "/v1/partners/:id", program, getPartner},
	{http.MethodPut, "/v1/partners/:id", program, updatePartner},
	{http.MethodDelete, "/v1/partners/:id", program, deletePartner},
	{http.MethodPost, "/v1/partners/:id/archive", program, func(k *call) { steerPartner(k, command.ArchivePartner) }},
	{http.MethodPost, "/v1/partners/:id/revoke-archive", program, func(k *call) { steerPartner(k, command.RevokeArchivePartner) }},
	{http.MethodPost, "/v1/partners/:id/approve", program, func(k *call) { steerPartner(k, command.ApprovePartner) }},
	{http.MethodPost, "/v1/partners/:id/reject", program, func(k *call) { steerPartner(k, command.RejectPartner) }},
	{http.MethodGet, "/v1/partners/:id/referral_links", program, listLinksOfPartner},

	{http.MethodGet, "/v1/partner_referral_links", program, listReferralLinks},
	{http.MethodPost, "/v1/partner_referral_links", program, createReferralLink},
	{http.MethodGet, `/v1/partner_referral_links\:search`, program, searchReferralLinks},
	{http.MethodGet, `/v1/partner_referral_links\:domains`, program, listDomains},
	{http.MethodGet, "/v1/partner_referral_links/:id", program, getReferralLink},
	{http.MethodPut, "/v1/partner_referral_links/:id", program, updateReferralLink},
	{http.MethodDelete, "/v1/partner_referral_links/:id", program, deleteReferralLink},

	{http.MethodGet, "/v1/customers", program, listCustomers},
	{http.MethodPost, "/v1/customers", program, createCustomer},
	{http.MethodPut, "/v1/customers", program, updateNamedCustomer},
	{http.MethodGet, "/v1/customer", program, findCustomer},
	{http.MethodPost, "/v1/customer", program, createCustomer},
	{http.MethodPut, "/v1/customer", program, updateNamedCustomer},
	{http.MethodDelete, "/v1/customer", program, deleteNamedCustomer},
	{http.MethodGet, `/v1/customers\:search`, program, searchCustomers},
	{http.MethodGet, "/v1/customers/:key", program, getCustomer},
	{http.MethodPut, "/v1/customers/:key", program, updateCustomer},
	{http.MethodDelete, "/v1/customers/:key", program, func(k *call) { steerCustomer(k, command.DeleteCustomer) }},
	{http.MethodPost, "/v1/customers/:key/archive", program, func(k *call) { steerCustomer(k, command.ArchiveCustomer) }},
	{http.MethodPost, "/v1/customers/:key/revoke-archive", program, func(k *call) { steerCustomer(k, command.RevokeArchiveCustomer) }},

	{http.MethodGet, "/v1/program/overview", program, getOverview},
	{http.MethodGet, "/v1/settings", program, getSettings},
	{http.MethodPut, "/v1/settings", program, updateSettings},
	{http.MethodGet, "/v1/test", program, testKey},
}

// mustBeNamed is what is said, under "key", when a request names nothing.
const mustBeNamed = "must be given, or an id or an email"

// part is a part of a text to search for; what cannot be in any text is a violation.
func part(values url.Values, name string, v *fault.Violations) string {
	s := values.Get(name)
	if !isText(s) {
		v.Add(name, fault.InvalidValue, "must be at most 1020 bytes of UTF-8 without control characters")
		return ""
	}
	return s
}

func tagsOf(values []string) []Tag {
	tags := make([]Tag, len(values))
	for i, v := range values {
		tags[i] = Tag{Value: v}
	}
	return tags
}

// ---- partners

// showPartner writes a partner as seeds/create-partner.txt has it.
func (k *call) showPartner(p query.Partner) Partner {
	d := Partner{Email: p.Email, CreatedAt: timestamp(p.CreatedAt), UpdatedAt: timestamp(p.UpdatedAt), Name: p.Name, Id: p.ID,
		Surname: p.Surname, Tos: p.TermsAccepted, Approved: p.Approved, Status: p.Status, ReferralsCount: p.ReferralsCount,
		Tags: tagsOf(p.Tags)}
	for _, f := range p.CustomFields {
		d.CustomFields = append(d.CustomFields, CustomField{Name: f.Name, Value: f.Value})
	}
	for _, key := range p.Keys {
		d.ReferralLinks = append(d.ReferralLinks, k.referralURL(key))
	}
	if len(d.ReferralLinks) > 0 {
		d.ReferralLink = d.ReferralLinks[0]
	}
	return d
}

func (k *call) showPartnerDetail(p query.PartnerDetail) PartnerDetail {
	s := k.showPartner(p.Partner)
	return PartnerDetail{Email: s.Email, CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt, Name: s.Name, Id: s.Id, Surname: s.Surname,
		Tos: s.Tos, Approved: s.Approved, Status: s.Status, CustomFields: s.CustomFields, ReferralsCount: s.ReferralsCount, Tags: s.Tags,
		ReferralLink: s.ReferralLink, ReferralLinks: s.ReferralLinks, Referrals: PartnerReferrals{Clicks: p.Clicks, Signups: p.Signups},
		CustomFieldValues: s.CustomFields}
}

// partnerNames are the members and parameters that name a partner; the first given counts.
var partnerNames = []string{"id", "key", "email"}

func partnerBy(name, value string) (h application.PartnerHandle) {
	switch name {
	case "id":
		h.ID = value
	case "key":
		h.Key = value
	case "email":
		h.Email = value
	}
	return h
}

// partnerInPath is the partner of the path, which only has ids; a key or an email in the query is used instead.
func (k *call) partnerInPath() (application.PartnerHandle, bool) {
	if name, value := k.named("key", "email"); name != "" {
		return partnerBy(name, value), true
	}
	id, ok := k.segment("id")
	return application.PartnerHandle{ID: id}, ok
}

// partner is the partner that a write names in the query, else in the body.
func (w *write) partner() application.PartnerHandle {
	name, value := w.k.named(partnerNames...)
	if name == "" {
		name, value = w.outer.take(partnerNames...)
	}
	if name == "" {
		w.violations.Add("key", fault.Required, mustBeNamed)
	}
	return partnerBy(name, value)
}

func (k *call) askPartner(h application.PartnerHandle) {
	ask(k, k.s.deps.Handlers.Partner, query.PartnerByHandle{Actor: k.actor, Handle: h}, k.showPartnerDetail)
}

// listPartners answers the list, or the one partner that the query names.
func listPartners(k *call) {
	if name, value := k.named(partnerNames...); name != "" {
		k.askPartner(partnerBy(name, value))
		return
	}
	list(k, k.s.deps.Handlers.Partners, func(p query.Page, _ url.Values, _ *fault.Violations) query.Partners {
		return query.Partners{Actor: k.actor, Page: p}
	}, k.showPartner)
}

func findPartner(k *call) {
	name, value := k.named(partnerNames...)
	if name == "" {
		k.fail(fault.ErrValidation.With(fault.Violation{Field: "key", Code: fault.Required, Message: mustBeNamed}))
		return
	}
	k.askPartner(partnerBy(name, value))
}

func searchPartners(k *call) {
	list(k, k.s.deps.Handlers.Partners, func(p query.Page, values url.Values, v *fault.Violations) query.Partners {
		return query.Partners{Actor: k.actor, ID: part(values, "id", v), Key: part(values, "key", v), Email: part(values, "email", v), Page: p}
	}, k.showPartner)
}

func getPartner(k *call) {
	if h, ok := k.partnerInPath(); ok {
		k.askPartner(h)
	}
}

// customFields binds a list of names and values; false when it is absent. T is a custom field of the domain.
func customFields[T ~struct{ Name, Value string }](o *object, into *[]T) bool {
	fields, given := o.objects("custom_fields")
	if !given {
		return false
	}
	list := make([]T, len(fields))
	for i, f := range fields {
		list[i] = T(struct{ Name, Value string }{f.string("name"), f.string("value")})
	}
	*into = list
	return true
}

func createPartner(k *call) {
	c := command.CreatePartner{Actor: k.actor}
	w, ok := k.bind(true, func(w *write) {
		c.Email, c.Name, c.Surname, c.Password = w.string("email"), w.string("name"), w.string("surname"), w.string("password")
		c.ID, c.Key = w.id("id"), w.id("key")
		c.Tags, _ = w.strings("tags")
		customFields(w.object, &c.CustomFields)
		c.TermsAccepted = w.bool("tos")
		c.Referring = w.handle("referring_partner")
		w.also(c.Check)
	})
	if ok {
		c.Once = once(w, http.StatusCreated, k.showPartner)
		do(w, k.s.deps.Handlers.CreatePartner, c)
	}
}

func updatePartner(k *call) {
	if h, ok := k.partnerInPath(); ok {
		changePartner(k, func(*write) application.PartnerHandle { return h })
	}
}

func updateNamedPartner(k *call) { changePartner(k, (*write).partner) }

func changePartner(k *call, which func(*write) application.PartnerHandle) {
	c := command.UpdatePartner{Actor: k.actor}
	w, ok := k.bind(true, func(w *write) {
		c.Handle = which(w)
		d := &c.Details
		text(w.object, "email", &d.Email)
		text(w.object, "name", &d.Name)
		text(w.object, "surname", &d.Surname)
		label(w.object, "key", &d.Key)
		if tags, given := w.strings("tags"); given {
			d.Tags = &tags
		}
		if fields := fresh(d.CustomFields); customFields(w.object, fields) {
			d.CustomFields = fields
		}
		d.TermsAccepted = w.boolean("tos")
		c.Password = w.string("password")
		c.Referring = w.handle("referring_partner")
		w.also(c.Check)
	})
	if ok {
		c.Once = once(w, http.StatusOK, k.showPartner)
		do(w, k.s.deps.Handlers.UpdatePartner, c)
	}
}

func deletePartner(k *call) {
	if h, ok := k.partnerInPath(); ok {
		removePartner(k, func(*write) application.PartnerHandle { return h })
	}
}

func deleteNamedPartner(k *call) { removePartner(k, (*write).partner) }

func removePartner(k *call, which func(*write) application.PartnerHandle) {
	c := command.DeletePartner{Actor: k.actor}
	if w, ok := k.act(func(w *write) { c.Handle = which(w) }); ok {
		c.Once = onceOK[struct{}](w)
		do(w, k.s.deps.Handlers.DeletePartner, c)
	}
}

func steerPartner(k *call, step command.PartnerStep) {
	id, ok := k.segment("id")
	if !ok {
		return
	}
	if w, ok := k.act(func(*write) {}); ok {
		do(w, k.s.deps.Handlers.SteerPartner, command.SteerPartner{Actor: k.actor, Handle: application.PartnerHandle{ID: id}, Step: step,
			Once: onceOK[query.Partner](w)})
	}
}

func invitePartner(k *call) {
	c := command.InvitePartner{Actor: k.actor}
	w, ok := k.bind(true, func(w *write) {
		c.Email, c.Name, c.Surname = w.string("email"), w.string("name"), w.string("surname")
		w.also(c.Check)
	})
	if ok {
		c.Once = onceOK[query.Partner](w)
		do(w, k.s.deps.Handlers.InvitePartner, c)
	}
}

func createSignInURL(k *call) {
	c := command.CreateSignInURL{Actor: k.actor, Lasts: command.DefaultSignIn}
	w, ok := k.bind(true, func(w *write) {
		c.Partner = partnerBy(w.take(partnerNames...))
		var seconds *int64
		integer(w.object, "expires_in", &seconds)
		if seconds != nil {
			// What is out of bounds stays so and cannot overflow.
			c.Lasts = time.Duration(max(-1, min(*seconds, 1_000_000))) * time.Second
		}
	})
	if ok {
		c.Once = once(w, http.StatusOK, func(s command.SignIn) SignInURL {
			return SignInURL{Url: k.base() + "/portal/sign-in/" + s.Token, ExpiresAt: timestamp(s.ExpiresAt)}
		})
		do(w, k.s.deps.Handlers.CreateSignInURL, c)
	}
}

// ---- referral links

// referralURL is the seller's website with a referral key.
func (k *call) referralURL(key string) string {
	return referralLink(k.actor.Website, k.actor.LinkParameter, key)
}

func (k *call) showLink(l query.ReferralLink) ReferralLink {
	return ReferralLink{Id: l.Key, Key: l.Key, Url: k.referralURL(l.Key), Default: l.Default}
}

func listReferralLinks(k *call) {
	list(k, k.s.deps.Handlers.ReferralLinks, func(p query.Page, _ url.Values, _ *fault.Violations) query.ReferralLinks {
		return query.ReferralLinks{Actor: k.actor, Page: p}
	}, k.showLink)
}

func listLinksOfPartner(k *call) {
	id, ok := k.segment("id")
	if !ok {
		return
	}
	list(k, k.s.deps.Handlers.ReferralLinks, func(p query.Page, _ url.Values, _ *fault.Violations) query.ReferralLinks {
		return query.ReferralLinks{Actor: k.actor, Partner: application.PartnerHandle{ID: id}, Page: p}
	}, k.showLink)
}

// searchReferralLinks looks for a part of the key, which is the id too: of two parts, one must hold the other.
func searchReferralLinks(k *call) {
	list(k, k.s.deps.Handlers.ReferralLinks, func(p query.Page, values url.Values, v *fault.Violations) query.ReferralLinks {
		key, id := part(values, "key", v), part(values, "id", v)
		switch {
		case strings.Contains(id, key):
			key = id
		case !strings.Contains(key, id):
			v.Add("id", fault.InvalidValue, "must hold the key or be a part of it: a link's id is its key")
		}
		return query.ReferralLinks{Actor: k.actor, Key: key, Page: p}
	}, k.showLink)
}

// listDomains answers where links can lead, which is the seller's website alone, as a list of one page.
func listDomains(k *call) {
	websites := bus.HandlerFunc[query.Page, query.List[string]](func(ctx context.Context, p query.Page) (l query.List[string], err error) {
		s, err := k.s.deps.Handlers.Settings.Handle(ctx, query.SettingsOfSeller{Actor: k.actor})
		if err == nil && s.Website != "" && p.Number == 1 && p.After == "" {
			l.Items = []string{s.Website}
		}
		return l, err
	})
	list(k, websites, func(p query.Page, _ url.Values, _ *fault.Violations) query.Page { return p }, func(website string) Domain {
		d := Domain{Url: website}
		if u, err := url.Parse(website); err == nil {
			d.Domain = u.Host
		}
		return d
	})
}

func getReferralLink(k *call) {
	if key, ok := k.segment("id"); ok {
		ask(k, k.s.deps.Handlers.ReferralLink, query.ReferralLinkByKey{Actor: k.actor, Key: key}, k.showLink)
	}
}

func createReferralLink(k *call) {
	c := command.AddReferralLink{Actor: k.actor}
	w, ok := k.bind(true, func(w *write) {
		c.Key, c.Partner = w.id("key"), w.handle("partner")
		if w.given("key") == nil {
			w.bad("key", fault.Required, "is required")
		}
		if w.given("partner") == nil {
			w.bad("partner", fault.Required, mustNamePartner)
		}
		if domain := w.id("domain_id"); domain != "" && domain != "0" {
			w.bad("domain_id", fault.InvalidValue, "must be null: there is no domain besides the website's")
		}
		w.bool("is_additional")
	})
	if ok {
		c.Once = once(w, http.StatusCreated, k.showLink)
		do(w, k.s.deps.Handlers.AddReferralLink, c)
	}
}

func updateReferralLink(k *call) {
	key, ok := k.segment("id")
	if !ok {
		return
	}
	c := command.ChangeReferralLink{Actor: k.actor, Key: key}
	w, ok := k.bind(true, func(w *write) {
		label(w.object, "key", &c.Change.Key)
		c.Change.Default = w.bool("default")
	})
	if ok {
		c.Once = once(w, http.StatusOK, k.showLink)
		do(w, k.s.deps.Handlers.ChangeReferralLink, c)
	}
}

func deleteReferralLink(k *call) {
	key, ok := k.segment("id")
	if !ok {
		return
	}
	if w, ok := k.act(func(*write) {}); ok {
		do(w, k.s.deps.Handlers.RemoveReferralLink, command.RemoveReferralLink{Actor: k.actor, Key: key, Once: onceOK[struct{}](w)})
	}
}
