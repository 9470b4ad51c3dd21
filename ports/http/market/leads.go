package markethttp

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/contact"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
	httpport "github.com/leadmill/leadmill/ports/http"
)

// LeadHandlers are the commands and queries that the routes of the leads of the marketplace call.
type LeadHandlers struct {
	MarketplaceLeads    bus.Handler[marketquery.MarketplaceLeads, application.List[marketquery.MarketplaceLead]]
	MarketplaceLeadByID bus.Handler[marketquery.MarketplaceLeadByID, marketquery.MarketplaceLead]
}

func (h Handlers) leadRoutes() []httpport.Route {
	return []httpport.Route{
		{Method: http.MethodGet, Path: "/v1/marketplace/leads", Needs: application.Program, Handle: h.listMarketplaceLeads},
		{Method: http.MethodGet, Path: "/v1/marketplace/leads/:lead_id", Needs: application.Program, Handle: h.getMarketplaceLead},
	}
}

func showLead(k *httpport.Call) func(marketquery.MarketplaceLead) MarketplaceLead {
	return func(l marketquery.MarketplaceLead) MarketplaceLead {
		return MarketplaceLead{
			Id: l.ID, Origin: l.Origin, Status: l.Status, CampaignId: l.CampaignID, Category: l.Category,
			PartnerId: l.PartnerID, ApiKeyId: l.KeyID, ExternalId: httpport.TextOrNil(l.ExternalID), Test: l.Test, Code: httpport.TextOrNil(l.Code),
			Reason: httpport.TextOrNil(l.Reason), Payout: httpport.Amount(l.Payout, k.Currency()), CreatedAt: Timestamp(l.CreatedAt),
			UpdatedAt: Timestamp(l.UpdatedAt), PendingUntil: httpport.TimestampOrNil(l.PendingUntil),
		}
	}
}

func showLeadDetails(k *httpport.Call) func(marketquery.MarketplaceLead) MarketplaceLeadDetails {
	return func(l marketquery.MarketplaceLead) MarketplaceLeadDetails {
		h, c := showLead(k)(l), k.Currency()
		d := MarketplaceLeadDetails{
			Id: h.Id, Origin: h.Origin, Status: h.Status, CampaignId: h.CampaignId, Category: h.Category,
			PartnerId: h.PartnerId, ApiKeyId: h.ApiKeyId, ExternalId: h.ExternalId, Test: h.Test, Code: h.Code, Reason: h.Reason,
			Payout: h.Payout, CreatedAt: h.CreatedAt, UpdatedAt: h.UpdatedAt, PendingUntil: h.PendingUntil,
			Fields: LeadFields(l.Fields), Trace: Trace{More: l.Trace.More},
		}
		for _, t := range l.Trace.Considered {
			d.Trace.Considered = append(d.Trace.Considered, Consideration{
				ContractId: t.ContractID, BuyerId: t.BuyerID,
				Reason: t.Reason, Price: httpport.Amount(t.Price, c),
			})
		}
		for _, s := range l.Sales {
			d.Sales = append(d.Sales, Sale{
				Id: s.ID, ContractId: s.ContractID, BuyerId: s.BuyerID, Status: s.Status,
				Price: httpport.Amount(s.Price, c), SoldAt: Timestamp(s.SoldAt),
			})
		}
		return d
	}
}

func (h Handlers) listMarketplaceLeads(k *httpport.Call) {
	httpport.List(k, h.MarketplaceLeads, func(p application.Page, values url.Values, v *fault.Violations) marketquery.MarketplaceLeads {
		q := marketquery.MarketplaceLeads{Actor: k.Actor(), Status: values.Get("status"), Category: values.Get("category"), Page: p}
		if statuses := marketquery.LeadStatuses(); q.Status != "" && !slices.Contains(statuses, q.Status) {
			last := len(statuses) - 1
			v.Add("status", fault.InvalidValue, "must be "+strings.Join(statuses[:last], ", ")+" or "+statuses[last])
		}
		q.From = moment(values, "from", 0, v)
		q.To = moment(values, "to", 1, v)
		return q
	}, showLead(k))
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
