package markethttp

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/contact"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/money"
	httpport "github.com/leadmill/leadmill/ports/http"
)

// LeadHandlers are the commands and queries that the routes of the leads of the marketplace call.
type LeadHandlers struct {
	MarketplaceLeads    bus.Handler[marketquery.MarketplaceLeads, application.List[marketquery.MarketplaceLead]]
	MarketplaceLeadByID bus.Handler[marketquery.MarketplaceLeadByID, marketquery.MarketplaceLead]
	ExportLeads         bus.Handler[marketquery.ExportLeads, int64]
	ApproveQuarantined  bus.Handler[marketcommand.ApproveQuarantined, application.Done]
}

func (h Handlers) leadRoutes() []httpport.Route {
	return []httpport.Route{
		{Method: http.MethodGet, Path: "/v1/marketplace/leads", Needs: application.Program, Handle: httpport.ReadingList(leadFilters, h.listMarketplaceLeads)},
		{Method: http.MethodGet, Path: "/v1/marketplace/leads/:lead_id", Needs: application.Program, Handle: httpport.Parameters{}.Reading(h.getMarketplaceLead)},
		{Method: http.MethodPost, Path: "/v1/marketplace/leads/:lead_id/approve", Needs: application.Program, Handle: h.approveLead},
	}
}

func showLead(k *httpport.Call) func(marketquery.MarketplaceLead) MarketplaceLead {
	return func(l marketquery.MarketplaceLead) MarketplaceLead {
		return MarketplaceLead{
			Id: l.ID, Origin: l.Origin, Status: l.Status, CampaignId: l.CampaignID, Category: l.Category,
			PartnerId: l.PartnerID, ApiKeyId: l.KeyID, ExternalId: httpport.TextOrNil(l.ExternalID), Test: l.Test, Code: httpport.TextOrNil(l.Code),
			Reason: httpport.TextOrNil(l.Reason), State: httpport.TextOrNil(l.State), Price: priceOf(l, k.Currency()), Payout: httpport.Amount(l.Payout, k.Currency()),
			Sales: showSales(l.Sales, k.Currency()), AskingPrice: askingPrice(l, k.Currency()), CreatedAt: Timestamp(l.CreatedAt), UpdatedAt: Timestamp(l.UpdatedAt), PendingUntil: httpport.TimestampOrNil(l.PendingUntil),
		}
	}
}

// askingPrice returns what a lead is offered at by itself; nil when the contracts say it.
func askingPrice(l marketquery.MarketplaceLead, c money.Currency) *Decimal {
	if l.AskingPrice == 0 {
		return nil
	}
	return new(httpport.Amount(l.AskingPrice, c))
}

// priceOf returns what a lead was sold for; nil when it has no sale that counts.
func priceOf(l marketquery.MarketplaceLead, c money.Currency) *Decimal {
	if !slices.ContainsFunc(l.Sales, func(s marketquery.Sale) bool { return s.Live }) {
		return nil
	}
	price := httpport.Amount(l.Price, c)
	return &price
}

func showSales(sales []marketquery.Sale, c money.Currency) []Sale {
	out := make([]Sale, len(sales))
	for i, s := range sales {
		out[i] = Sale{
			Id: s.ID, ContractId: s.ContractID, BuyerId: s.BuyerID, BuyerName: httpport.TextOrNil(s.BuyerName), Status: s.Status,
			Price: httpport.Amount(s.Price, c), SoldAt: Timestamp(s.SoldAt), Delivery: s.Delivery,
		}
	}
	return out
}

func showLeadDetails(k *httpport.Call) func(marketquery.MarketplaceLead) MarketplaceLeadDetails {
	return func(l marketquery.MarketplaceLead) MarketplaceLeadDetails {
		h, c := showLead(k)(l), k.Currency()
		d := MarketplaceLeadDetails{
			Id: h.Id, Origin: h.Origin, Status: h.Status, CampaignId: h.CampaignId, Category: h.Category,
			PartnerId: h.PartnerId, ApiKeyId: h.ApiKeyId, ExternalId: h.ExternalId, Test: h.Test, Code: h.Code, Reason: h.Reason,
			State: h.State, Price: h.Price, Payout: h.Payout, Sales: h.Sales, AskingPrice: h.AskingPrice, CreatedAt: h.CreatedAt, UpdatedAt: h.UpdatedAt, PendingUntil: h.PendingUntil,
			Fields: LeadFields(l.Fields), Trace: showTrace(l.Trace, c),
		}
		if len(l.Consent) > 0 {
			d.Consent = &l.Consent
		}
		d.PingId = httpport.TextOrNil(l.PingID)
		return d
	}
}

// leadFilters are what the list of leads takes. Phone and email are in no link, and in no URL of a client that sends them in a body.
var leadFilters = httpport.Parameters{
	Names:   []string{"status", "category", "state", "buyer", "contract", "supplier", "key", "phone", "email", "from", "to"},
	Private: []string{"phone", "email"},
	InBody:  true,
}

func (h Handlers) listMarketplaceLeads(k *httpport.Call) {
	if k.Prefers(httpport.TypeJSON, httpport.TypeCSV) == httpport.TypeCSV {
		h.exportMarketplaceLeads(k)
		return
	}
	httpport.List(k, h.MarketplaceLeads, func(p application.Page, values url.Values, v *fault.Violations) marketquery.MarketplaceLeads {
		return leadsAsked(k, p, values, v)
	}, showLead(k))
}

// leadsAsked reads the parameters of a list of leads.
func leadsAsked(k *httpport.Call, p application.Page, values url.Values, v *fault.Violations) marketquery.MarketplaceLeads {
	q := marketquery.MarketplaceLeads{
		Actor: k.Actor(), Status: oneOf(v, "status", values.Get("status"), marketquery.LeadStatuses()), Category: values.Get("category"), BuyerID: values.Get("buyer"), ContractID: values.Get("contract"),
		PartnerID: values.Get("supplier"), KeyID: values.Get("key"), Page: p,
	}
	q.From = moment(values, "from", 0, v)
	q.To = moment(values, "to", 1, v)
	var err error
	if s := values.Get("state"); s != "" {
		q.State, err = contact.ParseUSState(s)
		v.AddErr("state", err)
	}
	if s := values.Get("phone"); s != "" {
		q.Phone, err = contact.ParsePhone(s)
		v.AddErr("phone", err)
	}
	if s := values.Get("email"); s != "" {
		q.Email, err = contact.ParseEmail(s)
		v.AddErr("email", err)
	}
	return q
}

// exportTime is how long sending all leads of a list may take.
const exportTime = 30 * time.Minute

// exportMarketplaceLeads answers all leads of a list as they are read, whatever page is asked for.
func (h Handlers) exportMarketplaceLeads(k *httpport.Call) {
	var v fault.Violations
	values := k.Query()
	q := leadsAsked(k, httpport.WholeList(values, &v), values, &v)
	if err := v.Err(); err != nil {
		k.Fail(err)
		return
	}
	ctx, release := k.Wait(exportTime)
	defer release()
	c := k.Currency()
	sheet := k.Sheet("leads.csv", "id", "created_at", "status", "test", "origin", "category", "campaign_id", "state", "supplier", "key", "external_id",
		"code", "reason", "buyers", "buyer_names", "prices", "price", "payout", "currency", "updated_at", "pending_until", "asking_price")
	_, err := h.ExportLeads.Handle(ctx, marketquery.ExportLeads{MarketplaceLeads: q, More: sheet.Flush, Tell: func(l marketquery.MarketplaceLead) error {
		var buyers, names, prices []string
		for _, s := range l.Sales {
			if s.Live {
				buyers, names, prices = append(buyers, s.BuyerID), append(names, s.BuyerName), append(prices, s.Price.Format(c))
			}
		}
		price, asking := "", ""
		if p := priceOf(l, c); p != nil {
			price = string(*p)
		}
		if p := askingPrice(l, c); p != nil {
			asking = string(*p)
		}
		sheet.Text(l.ID).Time(l.CreatedAt).Text(l.Status).Number(strconv.FormatBool(l.Test)).Text(l.Origin).Text(l.Category).Text(l.CampaignID).Text(l.State)
		sheet.Text(l.PartnerID).Text(l.KeyID).Text(l.ExternalID).Text(l.Code).Text(l.Reason)
		sheet.Text(strings.Join(buyers, " ")).Text(strings.Join(names, "; ")).Text(strings.Join(prices, " ")).Number(price).Number(l.Payout.Format(c)).Text(c.Code())
		return sheet.Time(l.UpdatedAt).Time(l.PendingUntil).Number(asking).Row()
	}})
	sheet.End(err)
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

func (h Handlers) getMarketplaceLead(k *httpport.Call) {
	httpport.Ask(k, h.MarketplaceLeadByID, marketquery.MarketplaceLeadByID{Actor: k.Actor(), ID: k.Param("lead_id")}, showLeadDetails(k))
}

func (h Handlers) approveLead(k *httpport.Call) {
	if b, ok := k.Bind(httpport.Optional, nil); ok {
		httpport.Do(b, h.ApproveQuarantined, marketcommand.ApproveQuarantined{Actor: k.Actor(), ID: k.Param("lead_id"), Once: httpport.Once(b, http.StatusOK, showLead(k))})
	}
}

// LeadFields are a lead's fields as they are kept: each with the JSON type it has.
type LeadFields field.Set

// MarshalJSON implements json.Marshaler.
func (f LeadFields) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, name := range field.Set(f).Names() {
		if i > 0 {
			b = append(b, ',')
		}
		b = httpport.AppendString(b, name)
		b = append(b, ':')
		switch v := f[name]; v.Kind {
		case field.Null:
			b = append(b, "null"...)
		case field.Text:
			b = httpport.AppendString(b, v.Text)
		default:
			b = append(b, v.Text...)
		}
	}
	return append(b, '}'), nil
}
