package markethttp

import (
	"net/http"
	"net/url"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/money"
	httpport "github.com/leadmill/leadmill/ports/http"
)

// CampaignHandlers are the commands and queries that the routes of campaigns call.
type CampaignHandlers struct {
	CreateCampaign  bus.Handler[marketcommand.CreateCampaign, application.Done]
	UpdateCampaign  bus.Handler[marketcommand.UpdateCampaign, application.Done]
	PauseCampaign   bus.Handler[marketcommand.PauseCampaign, application.Done]
	ResumeCampaign  bus.Handler[marketcommand.ResumeCampaign, application.Done]
	ArchiveCampaign bus.Handler[marketcommand.ArchiveCampaign, application.Done]
	Campaigns       bus.Handler[marketquery.Campaigns, application.List[marketquery.Campaign]]
	CampaignByID    bus.Handler[marketquery.CampaignByID, marketquery.Campaign]
	CampaignUsage   bus.Handler[marketquery.CampaignUsage, []marketquery.Usage]
	PreviewLead     bus.Handler[marketcommand.PreviewLead, marketcommand.PreviewLeadResult]
}

func (h Handlers) campaignRoutes() []httpport.Route {
	return []httpport.Route{
		{Method: http.MethodGet, Path: "/v1/campaigns", Needs: application.Program, Handle: httpport.ReadingList(httpport.Parameters{}, h.listCampaigns)},
		{Method: http.MethodPost, Path: "/v1/campaigns", Needs: application.Program, Handle: h.createCampaign},
		{Method: http.MethodGet, Path: "/v1/campaigns/:id", Needs: application.Program, Handle: httpport.Parameters{}.Reading(h.getCampaign)},
		{Method: http.MethodPut, Path: "/v1/campaigns/:id", Needs: application.Program, Handle: h.updateCampaign},
		{Method: http.MethodPost, Path: "/v1/campaigns/:id/pause", Needs: application.Program, Handle: h.pauseCampaign},
		{Method: http.MethodPost, Path: "/v1/campaigns/:id/resume", Needs: application.Program, Handle: h.resumeCampaign},
		{Method: http.MethodPost, Path: "/v1/campaigns/:id/archive", Needs: application.Program, Handle: h.archiveCampaign},
	}
}

func showCampaign(k *httpport.Call) func(marketquery.Campaign) Campaign {
	return func(c marketquery.Campaign) Campaign {
		d := Campaign{
			Id: c.ID, Name: c.Name, Category: c.Category, Status: c.Status, PendingTtlHours: c.PendingTTLHours,
			Distribution: Distribution{Mode: c.Mode, MaxSales: c.MaxSales, Strategy: c.Strategy}, PriceShown: c.PriceShown,
			CreatedAt: Timestamp(c.CreatedAt), UpdatedAt: Timestamp(c.UpdatedAt), FieldMap: map[string]string{},
			ReturnWindowDays: c.Returns.WindowDays, ResellReturned: c.Returns.Resell,
			Caps: httpport.Each(showCap(k))(c.Caps), ReservePrice: httpport.Amount(c.ReservePrice, k.Currency()), AuctionTimeoutMs: c.AuctionTimeout.Milliseconds(),
		}
		for _, f := range c.Fields {
			rule := FieldRule{Name: f.Name, Type: string(f.Type), Required: f.Required, Dimension: f.Dimension}
			if len(f.Options) > 0 {
				rule.Options = &f.Options
			}
			d.Fields = append(d.Fields, rule)
		}
		if len(c.DedupeFields) > 0 {
			d.Dedupe = &CampaignDedupe{Fields: c.DedupeFields, Match: c.DedupeMatch, WindowDays: c.DedupeWindowDays}
		}
		if len(c.FieldMap) > 0 {
			d.FieldMap = c.FieldMap
		}
		if c.QuarantineAll || len(c.QuarantineSuppliers) > 0 {
			d.Quarantine = &CampaignQuarantine{All: c.QuarantineAll, Suppliers: append([]string{}, c.QuarantineSuppliers...)}
		}
		if len(c.Consent) > 0 {
			d.Consent = &CampaignConsent{Required: c.Consent}
		}
		d.RedirectUrl = httpport.TextOrNil(c.RedirectURL)
		switch c.PayoutType {
		case marketquery.PayoutPercent:
			d.SupplierPayout = &SupplierPayout{Type: c.PayoutType, Value: Decimal(c.PayoutPercent.String())}
		case marketquery.PayoutFixed:
			d.SupplierPayout = &SupplierPayout{Type: c.PayoutType, Value: httpport.Amount(c.PayoutFixed, k.Currency())}
		}
		return d
	}
}

func (h Handlers) listCampaigns(k *httpport.Call) {
	httpport.List(k, h.Campaigns, func(p application.Page, _ url.Values, _ *fault.Violations) marketquery.Campaigns {
		return marketquery.Campaigns{Actor: k.Actor(), Page: p}
	}, showCampaign(k))
}

func (h Handlers) getCampaign(k *httpport.Call) {
	httpport.Ask(k, h.CampaignByID, marketquery.CampaignByID{Actor: k.Actor(), ID: k.Param("id")}, showCampaign(k))
}

func (h Handlers) createCampaign(k *httpport.Call) {
	c := marketcommand.CreateCampaign{Actor: k.Actor()}
	b, ok := k.Bind(httpport.Required, func(b *httpport.Body) {
		c.Status = b.Text("status")
		fillCampaign(b.Object, &c.Definition)
	})
	if ok {
		c.Once = httpport.Once(b, http.StatusCreated, showCampaign(k))
		httpport.Do(b, h.CreateCampaign, c)
	}
}

func (h Handlers) updateCampaign(k *httpport.Call) {
	c := marketcommand.UpdateCampaign{Actor: k.Actor(), ID: k.Param("id")}
	b, ok := k.Bind(httpport.Required, func(b *httpport.Body) {
		b.Fixed("status", "is changed by pause, resume and archive")
		fillCampaign(b.Object, &c.Definition)
	})
	if ok {
		c.Once = httpport.Once(b, http.StatusOK, showCampaign(k))
		httpport.Do(b, h.UpdateCampaign, c)
	}
}

func fillCampaign(o *httpport.Object, d *marketcommand.CampaignDefinition) {
	httpport.FillText(o, "name", &d.Name)
	httpport.FillText(o, "category", &d.Category)
	httpport.FillInteger(o, "pending_ttl_hours", &d.PendingTTL)
	httpport.FillText(o, "price_shown", &d.PriceShown)
	httpport.FillObjects(o, "fields", &d.Fields, func(o *httpport.Object, rule *field.Rule) {
		*rule = field.Rule{
			Name: o.Text("name"), Type: field.Type(o.Text("type")), Required: o.Bool("required"), Dimension: o.Bool("dimension"),
		}
		rule.Options, _ = o.Texts("options")
	})
	o.Nested("distribution", func(o *httpport.Object) {
		httpport.FillText(o, "mode", &d.Mode)
		httpport.FillInteger(o, "max_sales", &d.MaxSales)
		httpport.FillText(o, "strategy", &d.Strategy)
	})
	httpport.FillInteger(o, "return_window_days", &d.ReturnWindowDays)
	d.ResellReturned = o.BoolOrNil("resell_returned")
	fillCaps(o, &d.Caps)
	d.ReservePrice = o.Money("reserve_price", money.ParseNonNegative)
	httpport.FillInteger(o, "auction_timeout_ms", &d.AuctionTimeoutMS)
	if o.IsNull("field_map") {
		d.FieldMap = &map[string]string{}
	}
	o.Nested("field_map", func(o *httpport.Object) {
		names := map[string]string{}
		for _, source := range o.Names() {
			names[source] = o.Text(source)
		}
		d.FieldMap = &names
	})
	if o.IsNull("redirect_url") {
		d.RedirectURL = new(string)
	}
	httpport.FillText(o, "redirect_url", &d.RedirectURL)
	if o.IsNull("quarantine") {
		d.Quarantine = &marketcommand.Quarantine{}
	}
	o.Nested("quarantine", func(o *httpport.Object) {
		q := marketcommand.Quarantine{All: o.Bool("all")}
		q.Suppliers, _ = o.Texts("suppliers")
		d.Quarantine = &q
	})
	if o.IsNull("consent") {
		d.Consent = &[]string{}
	}
	o.Nested("consent", func(o *httpport.Object) {
		required, ok := o.Texts("required")
		if !ok && !o.Has("required") {
			o.Violate("required", fault.Required, "is required")
		}
		d.Consent = &required
	})
	if o.IsNull("dedupe") {
		d.Dedupe = &marketcommand.DedupeRule{}
	}
	o.Nested("dedupe", func(o *httpport.Object) { d.Dedupe = dedupeRule(o) })
	if o.IsNull("supplier_payout") {
		d.Payout = &marketcommand.PayoutRule{}
	}
	o.Nested("supplier_payout", func(o *httpport.Object) { d.Payout = payoutRule(o) })
}

func dedupeRule(o *httpport.Object) *marketcommand.DedupeRule {
	var rule marketcommand.DedupeRule
	var ok bool
	if rule.Fields, ok = o.Texts("fields"); !ok && !o.Has("fields") {
		o.Violate("fields", fault.Required, "is required")
	}
	var days *int
	if httpport.FillInteger(o, "window_days", &days); days != nil {
		rule.WindowDays = *days
	}
	match := &rule.Match
	httpport.FillText(o, "match", &match)
	rule.Match = *match
	return &rule
}

func payoutRule(o *httpport.Object) *marketcommand.PayoutRule {
	var rule marketcommand.PayoutRule
	how := &rule.Type
	httpport.FillText(o, "type", &how)
	rule.Type = *how
	value := o.Number("value")
	var err error
	switch rule.Type {
	case marketcommand.PayoutPercent:
		if value != "" {
			rule.Percent, err = money.ParsePercent(value)
		}
	case marketcommand.PayoutFixed:
		if value != "" {
			rule.Fixed, err = money.ParseNonNegative(value, o.Currency())
		}
	default:
		if v := o.Value("type"); v == nil || v.IsString() {
			o.Violate("type", fault.InvalidValue, "must be "+marketquery.PayoutPercent+" or "+marketquery.PayoutFixed)
		}
	}
	o.AddErr("value", err)
	if !o.Has("value") {
		o.Violate("value", fault.Required, "is required")
	}
	return &rule
}

func (h Handlers) pauseCampaign(k *httpport.Call) {
	if b, ok := k.Bind(httpport.Optional, nil); ok {
		httpport.Do(b, h.PauseCampaign, marketcommand.PauseCampaign{Actor: k.Actor(), ID: k.Param("id"), Once: httpport.Once(b, http.StatusOK, showCampaign(k))})
	}
}

func (h Handlers) resumeCampaign(k *httpport.Call) {
	if b, ok := k.Bind(httpport.Optional, nil); ok {
		httpport.Do(b, h.ResumeCampaign, marketcommand.ResumeCampaign{Actor: k.Actor(), ID: k.Param("id"), Once: httpport.Once(b, http.StatusOK, showCampaign(k))})
	}
}

func (h Handlers) archiveCampaign(k *httpport.Call) {
	if b, ok := k.Bind(httpport.Optional, nil); ok {
		httpport.Do(b, h.ArchiveCampaign, marketcommand.ArchiveCampaign{Actor: k.Actor(), ID: k.Param("id"), Once: httpport.Once(b, http.StatusOK, showCampaign(k))})
	}
}
