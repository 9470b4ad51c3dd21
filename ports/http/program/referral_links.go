package programhttp

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/application/program"
	programcommand "github.com/leadmill/leadmill/application/program/command"
	programquery "github.com/leadmill/leadmill/application/program/query"
	"github.com/leadmill/leadmill/domain/fault"
	httpport "github.com/leadmill/leadmill/ports/http"
)

// LinkHandlers are the commands and queries that the routes of referral links call.
type LinkHandlers struct {
	AddReferralLink    bus.Handler[programcommand.AddReferralLink, application.Done]
	ChangeReferralLink bus.Handler[programcommand.ChangeReferralLink, application.Done]
	RemoveReferralLink bus.Handler[programcommand.RemoveReferralLink, application.Done]
	ReferralLinks      bus.Handler[programquery.ReferralLinks, application.List[programquery.ReferralLink]]
	ReferralLinkByKey  bus.Handler[programquery.ReferralLinkByKey, programquery.ReferralLink]
	ReferralDomains    bus.Handler[programquery.ReferralDomains, application.List[string]]
}

func (h Handlers) linkRoutes() []httpport.Route {
	return []httpport.Route{
		{Method: http.MethodGet, Path: "/v1/partners/:id/referral_links", Needs: application.Program, Handle: httpport.ReadingList(httpport.Parameters{InBody: true}, h.listLinksOfPartner)},
		{Method: http.MethodGet, Path: "/v1/partner_referral_links", Needs: application.Program, Handle: httpport.ReadingList(httpport.Parameters{InBody: true}, h.listReferralLinks)},
		{Method: http.MethodPost, Path: "/v1/partner_referral_links", Needs: application.Program, Handle: h.createReferralLink},
		{Method: http.MethodGet, Path: `/v1/partner_referral_links\:search`, Needs: application.Program, Handle: httpport.ReadingList(httpport.Parameters{Names: []string{"key", "id"}, InBody: true}, h.searchReferralLinks)},
		{Method: http.MethodGet, Path: `/v1/partner_referral_links\:domains`, Needs: application.Program, Handle: httpport.ReadingList(httpport.Parameters{InBody: true}, h.listDomains)},
		{Method: http.MethodGet, Path: "/v1/partner_referral_links/:id", Needs: application.Program, Handle: httpport.Parameters{InBody: true}.Reading(h.getReferralLink)},
		{Method: http.MethodPut, Path: "/v1/partner_referral_links/:id", Needs: application.Program, Handle: h.updateReferralLink},
		{Method: http.MethodDelete, Path: "/v1/partner_referral_links/:id", Needs: application.Program, Handle: h.deleteReferralLink},
	}
}

// referralURL is the seller's website with a referral key.
func referralURL(k *httpport.Call, key string) string {
	return program.ReferralURL(k.Actor().Website, k.Actor().LinkParameter, key)
}

func showLink(k *httpport.Call) func(programquery.ReferralLink) ReferralLink {
	return func(l programquery.ReferralLink) ReferralLink {
		return ReferralLink{Id: l.Key, Key: l.Key, Url: referralURL(k, l.Key), Default: l.Default}
	}
}

func (h Handlers) listReferralLinks(k *httpport.Call) {
	httpport.List(k, h.ReferralLinks, func(p application.Page, _ url.Values, _ *fault.Violations) programquery.ReferralLinks {
		return programquery.ReferralLinks{Actor: k.Actor(), Page: p}
	}, showLink(k))
}

func (h Handlers) listLinksOfPartner(k *httpport.Call) {
	partner, ok := k.Segment("id")
	if !ok {
		return
	}
	httpport.List(k, h.ReferralLinks, func(p application.Page, _ url.Values, _ *fault.Violations) programquery.ReferralLinks {
		return programquery.ReferralLinks{Actor: k.Actor(), Partner: application.PartnerHandle{Any: partner}, Page: p}
	}, showLink(k))
}

// searchReferralLinks looks for a part of the key, which is the id too: of two parts, one must hold the other.
func (h Handlers) searchReferralLinks(k *httpport.Call) {
	httpport.List(k, h.ReferralLinks, func(p application.Page, values url.Values, v *fault.Violations) programquery.ReferralLinks {
		key, id := httpport.Part(values, "key", v), httpport.Part(values, "id", v)
		switch {
		case strings.Contains(id, key):
			key = id
		case !strings.Contains(key, id):
			v.Add("id", fault.InvalidValue, "must hold the key or be a part of it: a link's id is its key")
		}
		return programquery.ReferralLinks{Actor: k.Actor(), Key: key, Page: p}
	}, showLink(k))
}

// listDomains answers where links can lead.
func (h Handlers) listDomains(k *httpport.Call) {
	httpport.List(k, h.ReferralDomains, func(p application.Page, _ url.Values, _ *fault.Violations) programquery.ReferralDomains {
		return programquery.ReferralDomains{Actor: k.Actor(), Page: p}
	}, func(website string) Domain {
		d := Domain{Url: website}
		if u, err := url.Parse(website); err == nil {
			d.Domain = u.Host
		}
		return d
	})
}

func (h Handlers) getReferralLink(k *httpport.Call) {
	if key, ok := k.Segment("id"); ok {
		httpport.Ask(k, h.ReferralLinkByKey, programquery.ReferralLinkByKey{Actor: k.Actor(), Key: key}, showLink(k))
	}
}

func (h Handlers) createReferralLink(k *httpport.Call) {
	c := programcommand.AddReferralLink{Actor: k.Actor()}
	b, ok := k.Bind(httpport.Lenient, func(b *httpport.Body) {
		c.Key, c.Partner = b.Label("key"), b.PartnerHandle("partner")
		if !b.Has("key") {
			b.Violate("key", fault.Required, "is required")
		}
		if !b.Has("partner") {
			b.Violate("partner", fault.Required, httpport.MustNamePartner)
		}
		if domain := b.Label("domain_id"); domain != "" && domain != "0" {
			b.Violate("domain_id", fault.InvalidValue, "must be null: there is no domain besides the website's")
		}
		b.Bool("is_additional")
	})
	if ok {
		c.Once = httpport.Once(b, http.StatusCreated, showLink(k))
		httpport.Do(b, h.AddReferralLink, c)
	}
}

func (h Handlers) updateReferralLink(k *httpport.Call) {
	key, ok := k.Segment("id")
	if !ok {
		return
	}
	c := programcommand.ChangeReferralLink{Actor: k.Actor(), Key: key}
	b, ok := k.Bind(httpport.Lenient, func(b *httpport.Body) {
		httpport.FillLabel(b.Object, "key", &c.Change.Key)
		c.Change.Default = b.Bool("default")
	})
	if ok {
		c.Once = httpport.Once(b, http.StatusOK, showLink(k))
		httpport.Do(b, h.ChangeReferralLink, c)
	}
}

func (h Handlers) deleteReferralLink(k *httpport.Call) {
	key, ok := k.Segment("id")
	if !ok {
		return
	}
	if b, ok := k.Bind(httpport.Optional|httpport.Lenient, nil); ok {
		httpport.Do(b, h.RemoveReferralLink, programcommand.RemoveReferralLink{Actor: k.Actor(), Key: key, Once: httpport.OnceOK[struct{}](b)})
	}
}
