package programhttp

import (
	"net/http"
	"net/url"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	programcommand "github.com/leadmill/leadmill/application/program/command"
	programquery "github.com/leadmill/leadmill/application/program/query"
	"github.com/leadmill/leadmill/domain/fault"
	httpport "github.com/leadmill/leadmill/ports/http"
)

// PartnerHandlers are the commands and queries that the routes of partners call.
type PartnerHandlers struct {
	CreatePartner    bus.Handler[programcommand.CreatePartner, application.Done]
	UpdatePartner    bus.Handler[programcommand.UpdatePartner, application.Done]
	ApprovePartner   bus.Handler[programcommand.ApprovePartner, application.Done]
	RejectPartner    bus.Handler[programcommand.RejectPartner, application.Done]
	ArchivePartner   bus.Handler[programcommand.ArchivePartner, application.Done]
	UnarchivePartner bus.Handler[programcommand.UnarchivePartner, application.Done]
	DeletePartner    bus.Handler[programcommand.DeletePartner, application.Done]
	InvitePartner    bus.Handler[programcommand.InvitePartner, application.Done]
	CreateSignInURL  bus.Handler[programcommand.CreateSignInURL, application.Done]
	PartnerByHandle  bus.Handler[programquery.PartnerByHandle, programquery.PartnerDetail]
	Partners         bus.Handler[programquery.Partners, application.List[programquery.Partner]]
}

func (h Handlers) partnerRoutes() []httpport.Route {
	return []httpport.Route{
		{Method: http.MethodGet, Path: "/v1/partners", Needs: application.Program, Handle: httpport.ReadingList(httpport.Parameters{Names: partnerNames, InBody: true}, h.listPartners)},
		{Method: http.MethodPost, Path: "/v1/partners", Needs: application.Program, Handle: h.createPartner},
		{Method: http.MethodPut, Path: "/v1/partners", Needs: application.Program, Handle: h.updateNamedPartner},
		{Method: http.MethodDelete, Path: "/v1/partners", Needs: application.Program, Handle: h.deleteNamedPartner},
		{Method: http.MethodGet, Path: "/v1/partner", Needs: application.Program, Handle: httpport.Parameters{Names: partnerNames, InBody: true}.Reading(h.findPartner)},
		{Method: http.MethodPost, Path: "/v1/partner", Needs: application.Program, Handle: h.createPartner},
		{Method: http.MethodPut, Path: "/v1/partner", Needs: application.Program, Handle: h.updateNamedPartner},
		{Method: http.MethodDelete, Path: "/v1/partner", Needs: application.Program, Handle: h.deleteNamedPartner},
		{Method: http.MethodGet, Path: `/v1/partners\:search`, Needs: application.Program, Handle: httpport.ReadingList(httpport.Parameters{Names: partnerNames, InBody: true}, h.searchPartners)},
		{Method: http.MethodPost, Path: `/v1/partners\:invite`, Needs: application.Program, Handle: h.invitePartner},
		{Method: http.MethodPost, Path: `/v1/partners\:sign-in-url`, Needs: application.Program, Handle: h.createSignInURL},
		{Method: http.MethodGet, Path: "/v1/partners/:id", Needs: application.Program, Handle: httpport.Parameters{Names: []string{"key", "email"}, InBody: true}.Reading(h.getPartner)},
		{Method: http.MethodPut, Path: "/v1/partners/:id", Needs: application.Program, Handle: h.updatePartner},
		{Method: http.MethodDelete, Path: "/v1/partners/:id", Needs: application.Program, Handle: h.deletePartner},
		{Method: http.MethodPost, Path: "/v1/partners/:id/archive", Needs: application.Program, Handle: h.archivePartner},
		{Method: http.MethodPost, Path: "/v1/partners/:id/revoke-archive", Needs: application.Program, Handle: h.unarchivePartner},
		{Method: http.MethodPost, Path: "/v1/partners/:id/approve", Needs: application.Program, Handle: h.approvePartner},
		{Method: http.MethodPost, Path: "/v1/partners/:id/reject", Needs: application.Program, Handle: h.rejectPartner},
	}
}

// mustBeNamed is what is said, under "key", when a request names nothing.
const mustBeNamed = "must be given, or an id or an email"

var errUnnamed = fault.ErrValidation.With(fault.Violation{Field: "key", Code: fault.Required, Message: mustBeNamed})

func tagsOf(values []string) []Tag {
	tags := make([]Tag, len(values))
	for i, v := range values {
		tags[i] = Tag{Value: v}
	}
	return tags
}

func showPartner(k *httpport.Call) func(programquery.Partner) Partner {
	return func(p programquery.Partner) Partner {
		d := Partner{
			Email: p.Email, CreatedAt: Timestamp(p.CreatedAt), UpdatedAt: Timestamp(p.UpdatedAt), Name: p.Name, Id: p.ID,
			Surname: p.Surname, Tos: p.TermsAccepted, Approved: p.Approved, Status: p.Status, ReferralsCount: p.ReferralsCount,
			Tags: tagsOf(p.Tags),
		}
		for _, f := range p.CustomFields {
			d.CustomFields = append(d.CustomFields, CustomField{Name: f.Name, Value: f.Value})
		}
		for _, key := range p.Keys {
			d.ReferralLinks = append(d.ReferralLinks, referralURL(k, key))
		}
		if len(d.ReferralLinks) > 0 {
			d.ReferralLink = d.ReferralLinks[0]
		}
		return d
	}
}

func showPartnerDetail(k *httpport.Call) func(programquery.PartnerDetail) PartnerDetail {
	return func(p programquery.PartnerDetail) PartnerDetail {
		s := showPartner(k)(p.Partner)
		return PartnerDetail{
			Email: s.Email, CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt, Name: s.Name, Id: s.Id, Surname: s.Surname,
			Tos: s.Tos, Approved: s.Approved, Status: s.Status, CustomFields: s.CustomFields, ReferralsCount: s.ReferralsCount, Tags: s.Tags,
			ReferralLink: s.ReferralLink, ReferralLinks: s.ReferralLinks, Referrals: PartnerReferrals{Clicks: p.Clicks, Signups: p.Signups},
			CustomFieldValues: s.CustomFields,
		}
	}
}

// partnerNames are the members and parameters that name a partner; the first given counts.
var partnerNames = []string{"id", "key", "email"}

func partnerBy(name, value string) (p application.PartnerHandle) {
	switch name {
	case "id":
		p.ID = value
	case "key":
		p.Key = value
	case "email":
		p.Email = value
	}
	return p
}

// partnerOfPath is the partner of the path, which only has ids; a key or an email in the query is used instead. ok is false
// when the request is answered already.
func partnerOfPath(k *httpport.Call) (p application.PartnerHandle, ok bool) {
	if name, value := k.Named("key", "email"); name != "" {
		return partnerBy(name, value), true
	}
	id, ok := k.Segment("id")
	return application.PartnerHandle{ID: id}, ok
}

// partnerOf is the partner that a request which changes it names in the query, else in the body.
func partnerOf(k *httpport.Call, b *httpport.Body) application.PartnerHandle {
	name, value := k.Named(partnerNames...)
	if name == "" {
		name, value = b.Outer.Take(partnerNames...)
	}
	if name == "" {
		b.Violate("key", fault.Required, mustBeNamed)
	}
	return partnerBy(name, value)
}

func (h Handlers) askPartner(k *httpport.Call, p application.PartnerHandle) {
	httpport.Ask(k, h.PartnerByHandle, programquery.PartnerByHandle{Actor: k.Actor(), Handle: p}, showPartnerDetail(k))
}

// listPartners answers the list, or the one partner that the query names.
func (h Handlers) listPartners(k *httpport.Call) {
	if name, value := k.Named(partnerNames...); name != "" {
		h.askPartner(k, partnerBy(name, value))
		return
	}
	httpport.List(k, h.Partners, func(p application.Page, _ url.Values, _ *fault.Violations) programquery.Partners {
		return programquery.Partners{Actor: k.Actor(), Page: p}
	}, showPartner(k))
}

func (h Handlers) findPartner(k *httpport.Call) {
	name, value := k.Named(partnerNames...)
	if name == "" {
		k.Fail(errUnnamed)
		return
	}
	h.askPartner(k, partnerBy(name, value))
}

func (h Handlers) searchPartners(k *httpport.Call) {
	httpport.List(k, h.Partners, func(p application.Page, values url.Values, v *fault.Violations) programquery.Partners {
		return programquery.Partners{
			Actor: k.Actor(), ID: httpport.Part(values, "id", v), Key: httpport.Part(values, "key", v),
			Email: httpport.Part(values, "email", v), Page: p,
		}
	}, showPartner(k))
}

// getPartner answers the partner of the path: its id, else one of its referral keys, which clients of Partnero's PHP library
// send. Writes take only ids there.
func (h Handlers) getPartner(k *httpport.Call) {
	p, ok := partnerOfPath(k)
	if !ok {
		return
	}
	if p.ID != "" {
		p = application.PartnerHandle{Any: p.ID}
	}
	h.askPartner(k, p)
}

// customFields binds a list of names and values; nil when it is absent.
func customFields(o *httpport.Object) (fields *[]programcommand.CustomField) {
	httpport.FillObjects(o, "custom_fields", &fields, func(o *httpport.Object, f *programcommand.CustomField) {
		f.Name, f.Value = o.Text("name"), o.Text("value")
	})
	return fields
}

func (h Handlers) createPartner(k *httpport.Call) {
	c := programcommand.CreatePartner{Actor: k.Actor()}
	b, ok := k.Bind(httpport.Lenient, func(b *httpport.Body) {
		c.Email, c.Name, c.Surname, c.Password = b.Text("email"), b.Text("name"), b.Text("surname"), b.Text("password")
		c.ID, c.Key = b.Label("id"), b.Label("key")
		c.Tags, _ = b.Texts("tags")
		if fields := customFields(b.Object); fields != nil {
			c.CustomFields = *fields
		}
		c.TermsAccepted = b.Bool("tos")
		c.Referring = b.PartnerHandle("referring_partner")
		b.AlsoCheck(c.Check)
	})
	if ok {
		c.Once = httpport.Once(b, http.StatusCreated, showPartner(k))
		httpport.Do(b, h.CreatePartner, c)
	}
}

func (h Handlers) updatePartner(k *httpport.Call) {
	if p, ok := partnerOfPath(k); ok {
		h.changePartner(k, func(*httpport.Body) application.PartnerHandle { return p })
	}
}

func (h Handlers) updateNamedPartner(k *httpport.Call) {
	h.changePartner(k, func(b *httpport.Body) application.PartnerHandle { return partnerOf(k, b) })
}

func (h Handlers) changePartner(k *httpport.Call, which func(*httpport.Body) application.PartnerHandle) {
	c := programcommand.UpdatePartner{Actor: k.Actor()}
	b, ok := k.Bind(httpport.Lenient, func(b *httpport.Body) {
		c.Handle = which(b)
		d := &c.Details
		httpport.FillText(b.Object, "email", &d.Email)
		httpport.FillText(b.Object, "name", &d.Name)
		httpport.FillText(b.Object, "surname", &d.Surname)
		httpport.FillLabel(b.Object, "key", &d.Key)
		if tags, given := b.Texts("tags"); given {
			d.Tags = &tags
		}
		d.CustomFields = customFields(b.Object)
		d.TermsAccepted = b.BoolOrNil("tos")
		c.Password = b.Text("password")
		c.Referring = b.PartnerHandle("referring_partner")
		b.AlsoCheck(c.Check)
	})
	if ok {
		c.Once = httpport.Once(b, http.StatusOK, showPartner(k))
		httpport.Do(b, h.UpdatePartner, c)
	}
}

func (h Handlers) deletePartner(k *httpport.Call) {
	if p, ok := partnerOfPath(k); ok {
		h.removePartner(k, func(*httpport.Body) application.PartnerHandle { return p })
	}
}

func (h Handlers) deleteNamedPartner(k *httpport.Call) {
	h.removePartner(k, func(b *httpport.Body) application.PartnerHandle { return partnerOf(k, b) })
}

func (h Handlers) removePartner(k *httpport.Call, which func(*httpport.Body) application.PartnerHandle) {
	c := programcommand.DeletePartner{Actor: k.Actor()}
	if b, ok := k.Bind(httpport.Optional|httpport.Lenient, func(b *httpport.Body) { c.Handle = which(b) }); ok {
		c.Once = httpport.OnceOK[struct{}](b)
		httpport.Do(b, h.DeletePartner, c)
	}
}

// partnerAlone binds a request that says no more than which partner it is about, by its id in the path.
func partnerAlone(k *httpport.Call) (p application.PartnerHandle, b *httpport.Body, ok bool) {
	if p.ID, ok = k.Segment("id"); ok {
		b, ok = k.Bind(httpport.Optional|httpport.Lenient, nil)
	}
	return p, b, ok
}

func (h Handlers) approvePartner(k *httpport.Call) {
	if p, b, ok := partnerAlone(k); ok {
		httpport.Do(b, h.ApprovePartner, programcommand.ApprovePartner{Actor: k.Actor(), Handle: p, Once: httpport.OnceOK[programquery.Partner](b)})
	}
}

func (h Handlers) rejectPartner(k *httpport.Call) {
	if p, b, ok := partnerAlone(k); ok {
		httpport.Do(b, h.RejectPartner, programcommand.RejectPartner{Actor: k.Actor(), Handle: p, Once: httpport.OnceOK[programquery.Partner](b)})
	}
}

func (h Handlers) archivePartner(k *httpport.Call) {
	if p, b, ok := partnerAlone(k); ok {
		httpport.Do(b, h.ArchivePartner, programcommand.ArchivePartner{Actor: k.Actor(), Handle: p, Once: httpport.OnceOK[programquery.Partner](b)})
	}
}

func (h Handlers) unarchivePartner(k *httpport.Call) {
	if p, b, ok := partnerAlone(k); ok {
		httpport.Do(b, h.UnarchivePartner, programcommand.UnarchivePartner{Actor: k.Actor(), Handle: p, Once: httpport.OnceOK[programquery.Partner](b)})
	}
}
