package markethttp

import (
	"net/http"

	"github.com/leadmill/leadmill/application"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/money"
	httpport "github.com/leadmill/leadmill/ports/http"
)

func (h Handlers) previewRoutes() []httpport.Route {
	return []httpport.Route{{Method: http.MethodPost, Path: "/v1/campaigns/:id/preview", Needs: application.Program, Handle: h.previewLead}}
}

// previewLead answers what would become of a lead, which is sent as a supplier sends it. Nothing is written, so an Idempotency-Key has
// nothing to keep.
func (h Handlers) previewLead(k *httpport.Call) {
	q := marketcommand.PreviewLead{Actor: k.Actor(), CampaignID: k.Param("id")}
	_, ok := k.Bind(httpport.Required, func(b *httpport.Body) {
		q.PartnerID = b.Label("partner_id")
		q.Fields = b.Fields("lead")
		if !b.Has("lead") {
			b.Violate("lead", fault.Required, "is required")
			return
		}
		var valid bool
		if q.Test, valid = testFlag(q.Fields["test"]); !valid {
			b.Violate("lead.test", fault.InvalidValue, "must be true or false")
		}
		if _, valid = externalID(q.Fields["external_id"]); !valid {
			b.Violate("lead.external_id", fault.InvalidValue, "must have 1 to 255 characters")
		}
		for _, name := range []string{"seller", "category", "test", "external_id", "ping_id"} {
			delete(q.Fields, name)
		}
	})
	if ok {
		httpport.Ask(k, h.PreviewLead, q, showPreview(k))
	}
}

func showPreview(k *httpport.Call) func(marketcommand.PreviewLeadResult) Preview {
	return func(r marketcommand.PreviewLeadResult) Preview {
		return Preview{Outcome: r.Outcome, Buyers: r.BuyerIDs, Code: httpport.TextOrNil(string(r.Code)), Reason: httpport.TextOrNil(r.Reason), Trace: showTrace(r.Trace, k.Currency())}
	}
}

func showTrace(t marketcommand.Trace, c money.Currency) Trace {
	d := Trace{More: t.More}
	for _, o := range t.Considered {
		d.Considered = append(d.Considered, Consideration{
			ContractId: o.ContractID, BuyerId: o.BuyerID, Reason: o.Reason, Price: httpport.Amount(o.Price, c), Of: httpport.TextOrNil(o.Of),
		})
	}
	return d
}
