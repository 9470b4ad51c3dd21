package accounthttp

import (
	"net/http"
	"net/url"

	"github.com/leadmill/leadmill/application"
	accountcommand "github.com/leadmill/leadmill/application/account/command"
	accountquery "github.com/leadmill/leadmill/application/account/query"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/domain/fault"
	httpport "github.com/leadmill/leadmill/ports/http"
)

// SellerHandlers are the commands and queries that the routes of sellers call.
type SellerHandlers struct {
	CreateSeller bus.Handler[accountcommand.CreateSeller, application.Done]
	UpdateSeller bus.Handler[accountcommand.UpdateSeller, application.Done]
	Sellers      bus.Handler[accountquery.Sellers, application.List[accountquery.Seller]]
	SellerByCode bus.Handler[accountquery.SellerByCode, accountquery.Seller]
}

func (h Handlers) sellerRoutes() []httpport.Route {
	return []httpport.Route{
		{Method: http.MethodGet, Path: "/v1/sellers", Needs: application.Admin, Handle: httpport.ReadingList(httpport.Parameters{}, h.listSellers)},
		{Method: http.MethodPost, Path: "/v1/sellers", Needs: application.Admin, Handle: h.createSeller},
		{Method: http.MethodGet, Path: "/v1/sellers/:code", Needs: application.Admin, Handle: httpport.Parameters{}.Reading(h.getSeller)},
		{Method: http.MethodPut, Path: "/v1/sellers/:code", Needs: application.Admin, Handle: h.updateSeller},
	}
}

func showSeller(s accountquery.Seller) Seller {
	return Seller{
		Id: s.ID, Code: s.Code, Slug: s.Slug, Name: s.Name, Currency: s.Currency, TimeZone: s.TimeZone,
		Website: s.Website, CreatedAt: Timestamp(s.CreatedAt), UpdatedAt: Timestamp(s.UpdatedAt),
	}
}

func showSellerCreated(c accountcommand.SellerCreated) SellerCreated {
	s := c.Seller
	return SellerCreated{
		Id: s.ID, Code: s.Code, Slug: s.Slug, Name: s.Name, Currency: s.Currency, TimeZone: s.TimeZone,
		Website: s.Website, CreatedAt: Timestamp(s.CreatedAt), UpdatedAt: Timestamp(s.UpdatedAt),
		ApiKey: SellerKey{Id: c.KeyID, Key: c.Key, Scope: string(application.Program)},
	}
}

func (h Handlers) listSellers(k *httpport.Call) {
	httpport.List(k, h.Sellers, func(p application.Page, _ url.Values, _ *fault.Violations) accountquery.Sellers {
		return accountquery.Sellers{Actor: k.Actor(), Page: p}
	}, showSeller)
}

func (h Handlers) getSeller(k *httpport.Call) {
	httpport.Ask(k, h.SellerByCode, accountquery.SellerByCode{Actor: k.Actor(), Code: k.Param("code")}, showSeller)
}

func (h Handlers) createSeller(k *httpport.Call) {
	c := accountcommand.CreateSeller{Actor: k.Actor()}
	b, ok := k.Bind(httpport.Required, func(b *httpport.Body) {
		c.Code, c.Currency = b.Text("code"), b.Text("currency")
		fillSeller(b.Object, &c.Details)
	})
	if ok {
		c.Once = httpport.Once(b, http.StatusCreated, showSellerCreated)
		httpport.Do(b, h.CreateSeller, c)
	}
}

func (h Handlers) updateSeller(k *httpport.Call) {
	c := accountcommand.UpdateSeller{Actor: k.Actor(), Code: k.Param("code")}
	b, ok := k.Bind(httpport.Required, func(b *httpport.Body) {
		b.Fixed("code", "never changes")
		b.Fixed("currency", "never changes")
		fillSeller(b.Object, &c.Details)
	})
	if ok {
		c.Once = httpport.Once(b, http.StatusOK, showSeller)
		httpport.Do(b, h.UpdateSeller, c)
	}
}

func fillSeller(o *httpport.Object, d *accountcommand.SellerDetails) {
	httpport.FillText(o, "name", &d.Name)
	httpport.FillText(o, "slug", &d.Slug)
	httpport.FillText(o, "time_zone", &d.TimeZone)
	httpport.FillText(o, "website", &d.Website)
}
