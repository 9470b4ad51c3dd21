package httpport

import (
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/leadmill/leadmill/application/command"
	"github.com/leadmill/leadmill/application/query"
	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/contact"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/money"
)

// ---- campaigns

// The ways to pay a supplier (api/marketplace.md, "Campaigns").
const (
	payoutPercent = "percent"
	payoutFixed   = "fixed"
)

func (k *call) showCampaign(c query.Campaign) Campaign {
	d := Campaign{Id: c.ID, Name: c.Name, Category: c.Category, Status: c.Status, PendingTtlHours: c.PendingTTLHours,
		Distribution: Distribution{Mode: c.Mode, MaxSales: c.MaxSales, Strategy: c.Strategy}, PriceShown: c.PriceShown,
		CreatedAt: timestamp(c.CreatedAt), UpdatedAt: timestamp(c.UpdatedAt)}
	for _, f := range c.Fields {
		rule := FieldRule{Name: f.Name, Type: string(f.Type), Required: f.Required}
		if len(f.Options) > 0 {
			rule.Options = &f.Options
		}
		d.Fields = append(d.Fields, rule)
	}
	if len(c.DedupeFields) > 0 {
		d.Dedupe = &CampaignDedupe{Fields: c.DedupeFields, Match: c.DedupeMatch, WindowDays: c.DedupeWindowDays}
	}
	switch c.PayoutType {
	case payoutPercent:
		d.SupplierPayout = &SupplierPayout{Type: c.PayoutType, Value: Decimal(c.PayoutPercent.String())}
	case payoutFixed:
		d.SupplierPayout = &SupplierPayout{Type: c.PayoutType, Value: decimal(c.PayoutFixed, k.actor.Currency)}
	}
	return d
}

func listCampaigns(k *call) {
	list(k, k.s.deps.Handlers.Campaigns, func(p query.Page, _ url.Values, _ *fault.Violations) query.Campaigns {
		return query.Campaigns{Actor: k.actor, Page: p}
	}, k.showCampaign)
}

func getCampaign(k *call) {
	ask(k, k.s.deps.Handlers.Campaign, query.CampaignByID{Actor: k.actor, ID: k.param("id")}, k.showCampaign)
}

func createCampaign(k *call) {
	c := command.CreateCampaign{Actor: k.actor}
	w, ok := k.bind(false, func(w *write) {
		c.Status = w.string("status")
		update := command.UpdateCampaign{}
		bindCampaign(w, &update)
		c.Definition = update.Definition
	})
	if ok {
		c.Once = once(w, http.StatusCreated, k.showCampaign)
		do(w, k.s.deps.Handlers.CreateCampaign, c)
	}
}

func updateCampaign(k *call) {
	c := command.UpdateCampaign{Actor: k.actor, ID: k.param("id")}
	w, ok := k.bind(false, func(w *write) {
		w.fixed("status", "is changed by pause, resume and archive")
		bindCampaign(w, &c)
	})
	if ok {
		c.Once = once(w, http.StatusOK, k.showCampaign)
		do(w, k.s.deps.Handlers.UpdateCampaign, c)
	}
}

func bindCampaign(w *write, c *command.UpdateCampaign) {
	d := &c.Definition
	text(w.object, "name", &d.Name)
	text(w.object, "category", &d.Category)
	integer(w.object, "pending_ttl_hours", &d.PendingTTL)
	text(w.object, "price_shown", &d.PriceShown)
	if rules, ok := w.objects("fields"); ok {
		list := make([]field.Rule, len(rules))
		for i, o := range rules {
			list[i] = field.Rule{Name: o.string("name"), Type: field.Type(o.string("type")), Required: o.bool("required")}
			list[i].Options, _ = o.strings("options")
			o.done()
		}
		d.Fields = &list
	}
	if o := w.object.object("distribution"); o != nil {
		text(o, "mode", &d.Mode)
		integer(o, "max_sales", &d.MaxSales)
		text(o, "strategy", &d.Strategy)
		// How many buyers may share a lead is a question of a later version, as sharing is.
		if d.Mode != nil && *d.Mode == "shared" && d.MaxSales != nil && *d.MaxSales > 1 {
			d.MaxSales = nil
		}
		o.done()
	}
	if w.null("dedupe") {
		d.Dedupe = fresh(d.Dedupe)
	} else if o := w.object.object("dedupe"); o != nil {
		d.Dedupe = fresh(d.Dedupe)
		var ok bool
		if d.Dedupe.Fields, ok = o.strings("fields"); !ok && o.given("fields") == nil {
			o.bad("fields", fault.Required, "is required")
		}
		var days *int
		integer(o, "window_days", &days)
		if days != nil {
			d.Dedupe.WindowDays = *days
		}
		match := &d.Dedupe.Match
		text(o, "match", &match)
		d.Dedupe.Match = *match
		o.done()
	}
	if w.null("supplier_payout") {
		d.Payout = fresh(d.Payout)
	} else if o := w.object.object("supplier_payout"); o != nil {
		d.Payout = fresh(d.Payout)
		how := &d.Payout.Type
		text(o, "type", &how)
		d.Payout.Type = *how
		value := o.literal("value")
		var err error
		switch *how {
		case payoutPercent:
			if value != "" {
				d.Payout.Percent, err = money.ParsePercent(value)
			}
		case payoutFixed:
			if value != "" {
				d.Payout.Fixed, err = money.ParseNonNegative(value, o.currency)
			}
		default:
			if o.given("type") == nil || o.given("type").kind == '"' {
				o.bad("type", fault.InvalidValue, "must be percent or fixed")
			}
		}
		o.violations.AddErr(o.at("value"), err)
		if o.given("value") == nil {
			o.bad("value", fault.Required, "is required")
		}
		o.done()
	}
}

func steerCampaign(k *call, verb command.Verb) {
	if w, ok := k.action(); ok {
		do(w, k.s.deps.Handlers.SteerCampaign, command.SteerCampaign{Actor: k.actor, ID: k.param("id"), Verb: verb,
			Once: once(w, http.StatusOK, k.showCampaign)})
	}
}

// ---- contracts

func (k *call) showCap(c query.Cap) Cap {
	d := Cap{Window: c.Window}
	if c.HasLeads {
		d.Leads = &c.Leads
	}
	if c.HasBudget {
		budget := decimal(c.Budget, k.actor.Currency)
		d.Budget = &budget
	}
	return d
}

func (k *call) showContract(c query.Contract) Contract {
	return Contract{Id: c.ID, CampaignId: c.CampaignID, BuyerId: c.BuyerID, Status: c.Status, Price: decimal(c.Price, k.actor.Currency),
		Priority: c.Priority, Weight: 1, TimeZone: c.TimeZone, Caps: each(k.showCap)(c.Caps), Delivery: Delivery{Mode: notify},
		CreatedAt: timestamp(c.CreatedAt), UpdatedAt: timestamp(c.UpdatedAt)}
}

// notify is the only delivery there is: the buyer is told of its lead.
const notify = "notify"

func listContracts(k *call) {
	list(k, k.s.deps.Handlers.Contracts, func(p query.Page, _ url.Values, _ *fault.Violations) query.Contracts {
		return query.Contracts{Actor: k.actor, CampaignID: k.param("id"), Page: p}
	}, k.showContract)
}

func getContract(k *call) {
	ask(k, k.s.deps.Handlers.Contract, query.ContractByID{Actor: k.actor, CampaignID: k.param("id"), ID: k.param("contract_id")}, k.showContract)
}

func createContract(k *call) {
	c := command.CreateContract{Actor: k.actor, CampaignID: k.param("id")}
	w, ok := k.bind(false, func(w *write) {
		c.Status, c.BuyerID = w.string("status"), w.string("buyer_id")
		update := command.UpdateContract{}
		bindContract(w, &update)
		c.Terms = update.Terms
	})
	if ok {
		c.Once = once(w, http.StatusCreated, k.showContract)
		do(w, k.s.deps.Handlers.CreateContract, c)
	}
}

func updateContract(k *call) {
	c := command.UpdateContract{Actor: k.actor, CampaignID: k.param("id"), ID: k.param("contract_id")}
	w, ok := k.bind(false, func(w *write) {
		w.fixed("status", "is changed by pause and resume")
		w.fixed("buyer_id", "never changes")
		bindContract(w, &c)
	})
	if ok {
		c.Once = once(w, http.StatusOK, k.showContract)
		do(w, k.s.deps.Handlers.UpdateContract, c)
	}
}

func bindContract(w *write, c *command.UpdateContract) {
	t := &c.Terms
	w.money("price", &t.Price, money.ParseNonNegative)
	integer(w.object, "priority", &t.Priority)
	text(w.object, "time_zone", &t.TimeZone)
	if caps, ok := w.objects("caps"); ok {
		t.Caps = sized(t.Caps, len(caps))
		for i, o := range caps {
			limit := &(*t.Caps)[i]
			limit.Window = calendar.Window(o.string("window"))
			var leads *int64
			if integer(o, "leads", &leads); leads != nil {
				limit.HasLeads, limit.Leads = true, *leads
			}
			var budget *money.Micros
			if o.money("budget", &budget, money.ParseNonNegative); budget != nil {
				limit.HasBudget, limit.Budget = true, *budget
			}
			o.done()
		}
	}
	var weight *int64
	if integer(w.object, "weight", &weight); weight != nil && *weight != 1 {
		w.bad("weight", fault.NotSupported, "must be 1; weights are not supported yet")
	}
	w.later("filter")
	w.later("schedule")
	w.later("dedupe")
	if o := w.object.object("delivery"); o != nil {
		if mode := o.string("mode"); mode != "" && mode != notify {
			o.bad("mode", fault.NotSupported, "must be notify; other deliveries are not supported yet")
		}
		if format := o.string("format"); format != "" && format != "json" {
			o.bad("format", fault.NotSupported, "is not supported yet")
		}
		o.later("url")
		o.done()
	}
}

func steerContract(k *call, verb command.Verb) {
	if w, ok := k.action(); ok {
		do(w, k.s.deps.Handlers.SteerContract, command.SteerContract{Actor: k.actor, CampaignID: k.param("id"), ID: k.param("contract_id"),
			Verb: verb, Once: once(w, http.StatusOK, k.showContract)})
	}
}

func deleteContract(k *call) {
	if w, ok := k.action(); ok {
		do(w, k.s.deps.Handlers.SteerContract, command.SteerContract{Actor: k.actor, CampaignID: k.param("id"), ID: k.param("contract_id"),
			Verb: command.Delete, Once: onceOK[query.Contract](w)})
	}
}

func contractUsage(k *call) {
	q := query.ContractUsage{Actor: k.actor, CampaignID: k.param("id"), ID: k.param("contract_id")}
	ask(k, k.s.deps.Handlers.ContractUsage, q, each(func(u query.Usage) Usage {
		c := k.actor.Currency
		d := Usage{Window: u.Window, Leads: UsageLeads{Used: u.Used}, Budget: UsageBudget{Used: decimal(u.Spent, c)},
			ResetsAt: optionalTime(u.ResetsAt)}
		if u.HasLeads {
			d.Leads.Limit = &u.Leads
		}
		if u.HasBudget {
			limit := decimal(u.Budget, c)
			d.Budget.Limit = &limit
		}
		return d
	}))
}

// ---- marketplace

func (k *call) showLead(l query.MarketplaceLead) MarketplaceLead {
	return MarketplaceLead{Id: l.ID, Origin: l.Origin, Status: l.Status, CampaignId: l.CampaignID, Category: l.Category,
		PartnerId: l.PartnerID, ApiKeyId: l.KeyID, ExternalId: optional(l.ExternalID), Test: l.Test, Code: optional(l.Code),
		Reason: optional(l.Reason), Payout: decimal(l.Payout, k.actor.Currency), CreatedAt: timestamp(l.CreatedAt),
		UpdatedAt: timestamp(l.UpdatedAt), PendingUntil: optionalTime(l.PendingUntil)}
}

func (k *call) showLeadDetails(l query.MarketplaceLead) MarketplaceLeadDetails {
	h, c := k.showLead(l), k.actor.Currency
	d := MarketplaceLeadDetails{Id: h.Id, Origin: h.Origin, Status: h.Status, CampaignId: h.CampaignId, Category: h.Category,
		PartnerId: h.PartnerId, ApiKeyId: h.ApiKeyId, ExternalId: h.ExternalId, Test: h.Test, Code: h.Code, Reason: h.Reason,
		Payout: h.Payout, CreatedAt: h.CreatedAt, UpdatedAt: h.UpdatedAt, PendingUntil: h.PendingUntil,
		Fields: LeadFields(l.Fields), Trace: Trace{More: l.Trace.More}}
	for _, t := range l.Trace.Considered {
		d.Trace.Considered = append(d.Trace.Considered, Consideration{ContractId: t.ContractID, BuyerId: t.BuyerID,
			Reason: t.Reason, Price: decimal(t.Price, c)})
	}
	for _, s := range l.Sales {
		d.Sales = append(d.Sales, Sale{Id: s.ID, ContractId: s.ContractID, BuyerId: s.BuyerID, Status: s.Status,
			Price: decimal(s.Price, c), SoldAt: timestamp(s.SoldAt)})
	}
	return d
}

// leadStatuses are the statuses a lead can be listed by (api/lead-ingestion.md, "Answers").
var leadStatuses = []string{"pending", "sold", "duplicate", "rejected", "unsold"}

func listMarketplaceLeads(k *call) {
	list(k, k.s.deps.Handlers.MarketplaceLeads, func(p query.Page, values url.Values, v *fault.Violations) query.MarketplaceLeads {
		q := query.MarketplaceLeads{Actor: k.actor, Status: values.Get("status"), Category: values.Get("category"), Page: p}
		if q.Status != "" && !slices.Contains(leadStatuses, q.Status) {
			v.Add("status", fault.InvalidValue, "must be pending, sold, duplicate, rejected or unsold")
		}
		q.From = moment(values, "from", 0, v)
		q.To = moment(values, "to", 1, v)
		return q
	}, k.showLead)
}

// moment reads a time, or a date: its midnight in UTC, some days on.
func moment(values url.Values, name string, days int, v *fault.Violations) time.Time {
	s := values.Get(name)
	if s == "" {
		return time.Time{}
	}
	if d, err := contact.ParseDate(s); err == nil {
		return d.Start(time.UTC).AddDate(0, 0, days)
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		v.Add(name, fault.InvalidValue, "must be a date such as 2026-01-31 or a time such as 2026-01-31T09:00:00Z")
	}
	return t.UTC()
}

func getMarketplaceLead(k *call) {
	ask(k, k.s.deps.Handlers.MarketplaceLead, query.MarketplaceLeadByID{Actor: k.actor, ID: k.param("lead_id")}, k.showLeadDetails)
}

func reportCampaigns(k *call) {
	values := k.c.Request.URL.Query()
	q, err := query.CampaignReport{Actor: k.actor, From: values.Get("from"), To: values.Get("to"), GroupBy: values.Get("group_by")}.Check()
	if err != nil {
		k.fail(err)
		return
	}
	ask(k, k.s.deps.Handlers.CampaignReport, q, each(func(r query.CampaignReportRow) ReportRow {
		c := k.actor.Currency
		d := ReportRow{Day: optional(r.Day), Category: optional(r.Category), Supplier: optional(r.Supplier), Buyer: optional(r.Buyer),
			Leads: LeadCounts{Sold: r.Leads.Sold}, SoldGross: r.SoldGross, SoldNet: r.SoldNet, Revenue: decimal(r.Revenue, c),
			Payout: decimal(r.Payout, c), Margin: decimal(r.Margin, c)}
		if r.AcceptanceRate != "" {
			rate := Decimal(r.AcceptanceRate)
			d.AcceptanceRate = &rate
		}
		if q.GroupBy != query.ByBuyer {
			d.Leads.Submitted, d.Leads.Pending, d.Leads.Duplicate = &r.Leads.Submitted, &r.Leads.Pending, &r.Leads.Duplicate
			d.Leads.Rejected, d.Leads.Unsold = &r.Leads.Rejected, &r.Leads.Unsold
		}
		return d
	}))
}
