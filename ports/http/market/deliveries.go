package markethttp

import (
	"cmp"
	"net/http"
	"net/url"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/fault"
	httpport "github.com/leadmill/leadmill/ports/http"
)

// DeliveryHandlers are the commands and queries that the routes of deliveries call.
type DeliveryHandlers struct {
	Deliveries           bus.Handler[marketquery.Deliveries, application.List[marketquery.Delivery]]
	DeliveryByID         bus.Handler[marketquery.DeliveryByID, marketquery.Delivery]
	DeliveriesOfLead     bus.Handler[marketquery.DeliveriesOfLead, []marketquery.Delivery]
	Redeliver            bus.Handler[marketcommand.Redeliver, application.Done]
	TestDelivery         bus.Handler[marketcommand.TestDelivery, marketquery.DeliveryAttempt]
	RotateContractSecret bus.Handler[marketcommand.RotateContractSecret, application.Done]
}

func (h Handlers) deliveryRoutes() []httpport.Route {
	return []httpport.Route{
		{Method: http.MethodGet, Path: "/v1/deliveries", Needs: application.Program, Handle: httpport.ReadingList(httpport.Parameters{Names: []string{"contract", "status"}}, h.listDeliveries)},
		{Method: http.MethodGet, Path: "/v1/deliveries/:id", Needs: application.Program, Handle: httpport.Parameters{}.Reading(h.getDelivery)},
		{Method: http.MethodPost, Path: "/v1/deliveries/:id/redeliver", Needs: application.Program, Handle: h.redeliver},
		{Method: http.MethodGet, Path: "/v1/marketplace/leads/:lead_id/deliveries", Needs: application.Program, Handle: httpport.Parameters{}.Reading(h.listLeadDeliveries)},
		{Method: http.MethodPost, Path: "/v1/campaigns/:id/contracts/:contract_id/test-delivery", Needs: application.Program, Handle: h.testDelivery},
		{Method: http.MethodPost, Path: "/v1/campaigns/:id/contracts/:contract_id/rotate-secret", Needs: application.Program, Handle: h.rotateSecret},
	}
}

func showDelivery(d marketquery.Delivery) Delivery {
	return Delivery{
		Id: d.ID, SaleId: d.SaleID, LeadId: d.LeadID, CampaignId: d.CampaignID, ContractId: d.ContractID, BuyerId: d.BuyerID, Status: d.Status,
		Reason: httpport.TextOrNil(d.Reason), Tried: d.Tried, NextAt: httpport.TimestampOrNil(d.NextAt), CreatedAt: Timestamp(d.CreatedAt),
		UpdatedAt: Timestamp(d.UpdatedAt), Attempts: httpport.Each(showAttempt)(d.Attempts), DeadlineAt: httpport.TimestampOrNil(d.Deadline), Reference: httpport.TextOrNil(d.Reference),
	}
}

func showAttempt(a marketquery.DeliveryAttempt) DeliveryAttempt {
	d := DeliveryAttempt{
		Number: a.Number, At: Timestamp(a.At), DurationMs: a.Took.Milliseconds(), Reason: httpport.TextOrNil(a.Reason), Request: httpport.TextOrNil(a.Request), Answer: httpport.TextOrNil(a.Answer),
	}
	if a.Status != 0 {
		d.Status = &a.Status
	}
	if a.Said != nil {
		d.Verdict, d.Reference = new(cmp.Or(string(a.Said.Verdict), "unknown")), httpport.TextOrNil(a.Said.Reference)
	}
	return d
}

// showContractDelivery shows how a contract delivers, without what is secret but for a secret that was just made.
func showContractDelivery(c marketquery.Contract) ContractDelivery {
	d := c.Delivery
	if d == nil {
		return ContractDelivery{Mode: "none"}
	}
	out := ContractDelivery{
		Mode: string(d.Mode()), Url: httpport.TextOrNil(d.URL), Email: httpport.TextOrNil(d.Email), Format: new(string(d.Format)), TimeoutMs: new(d.Timeout.Milliseconds()),
		Secret: httpport.TextOrNil(c.DeliverySecret),
	}
	if len(d.Fields) > 0 {
		out.Fields = &d.Fields
	}
	if len(d.Static) > 0 {
		out.Static = &d.Static
	}
	if len(d.Headers) > 0 {
		names := map[string]any{}
		for _, h := range d.Headers {
			names[h.Name] = nil
		}
		out.Headers = &names
	}
	if d.Confirm {
		out.PriceFromAnswer = &d.PriceFromAnswer
		out.Response = showResponse(d.Response)
	}
	return out
}

func showResponse(r marketcommand.DeliveryResponse) *ContractResponse {
	if r.IsZero() {
		return nil
	}
	sign := func(s marketcommand.DeliverySign) *ContractResponseSign {
		if s.IsZero() {
			return nil
		}
		return &ContractResponseSign{Path: httpport.TextOrNil(s.Path), Equals: httpport.TextOrNil(s.Equals), Contains: httpport.TextOrNil(s.Contains)}
	}
	at := func(path string) *ContractResponsePath {
		if path == "" {
			return nil
		}
		return &ContractResponsePath{Path: path}
	}
	return &ContractResponse{Accepted: sign(r.Accepted), Rejected: sign(r.Rejected), Duplicate: sign(r.Duplicate), Price: at(r.Price), Reference: at(r.Reference)}
}

// fillDelivery binds how a contract delivers. null is the default of a member, and nothing for the whole.
func fillDelivery(o *httpport.Object, into **marketcommand.DeliveryTerms) {
	none := "none"
	if o.IsNull("delivery") {
		*into = &marketcommand.DeliveryTerms{Mode: &none}
		return
	}
	o.Nested("delivery", func(o *httpport.Object) {
		t := &marketcommand.DeliveryTerms{}
		for _, m := range []struct {
			name, absent string
			into         **string
		}{{"mode", none, &t.Mode}, {"url", "", &t.URL}, {"email", "", &t.Email}, {"format", "json", &t.Format}} {
			if httpport.FillText(o, m.name, m.into); o.IsNull(m.name) {
				*m.into = &m.absent
			}
		}
		if httpport.FillInteger(o, "timeout_ms", &t.TimeoutMS); o.IsNull("timeout_ms") {
			t.TimeoutMS = new(int64(5000))
		}
		t.Fields, t.Static = textsByName(o, "fields"), textsByName(o, "static")
		t.Headers = headersOf(o)
		t.Response = responseOf(o)
		if t.PriceFromAnswer = o.BoolOrNil("price_from_answer"); o.IsNull("price_from_answer") {
			t.PriceFromAnswer = new(false)
		}
		*into = t
	})
}

// textsByName binds an object of texts; nil when it is absent.
func textsByName(o *httpport.Object, name string) *map[string]string {
	if o.IsNull(name) {
		return &map[string]string{}
	}
	var out *map[string]string
	o.Nested(name, func(o *httpport.Object) {
		texts := map[string]string{}
		for _, name := range o.Names() {
			texts[name] = o.Text(name)
		}
		out = &texts
	})
	return out
}

func headersOf(o *httpport.Object) *[]marketcommand.HeaderTerms {
	if o.IsNull("headers") {
		return &[]marketcommand.HeaderTerms{}
	}
	var out *[]marketcommand.HeaderTerms
	o.Nested("headers", func(o *httpport.Object) {
		headers := []marketcommand.HeaderTerms{}
		for _, name := range o.Names() {
			h := marketcommand.HeaderTerms{Name: name}
			if httpport.FillText(o, name, &h.Value); h.Value == nil && !o.IsNull(name) {
				continue // it is of another type, which is told
			}
			headers = append(headers, h)
		}
		out = &headers
	})
	return out
}

// responseOf binds how answers are read; nil when it is absent.
func responseOf(o *httpport.Object) *marketcommand.DeliveryResponse {
	if o.IsNull("response") {
		return &marketcommand.DeliveryResponse{}
	}
	var out *marketcommand.DeliveryResponse
	o.Nested("response", func(o *httpport.Object) {
		out = &marketcommand.DeliveryResponse{}
		for name, into := range map[string]*marketcommand.DeliverySign{"accepted": &out.Accepted, "rejected": &out.Rejected, "duplicate": &out.Duplicate} {
			o.Nested(name, func(o *httpport.Object) {
				*into = marketcommand.DeliverySign{Path: o.Text("path"), Equals: o.Text("equals"), Contains: o.Text("contains")}
			})
		}
		for name, into := range map[string]*string{"price": &out.Price, "reference": &out.Reference} {
			o.Nested(name, func(o *httpport.Object) { *into = o.Text("path") })
		}
	})
	return out
}

func (h Handlers) listDeliveries(k *httpport.Call) {
	httpport.List(k, h.Deliveries, func(p application.Page, values url.Values, v *fault.Violations) marketquery.Deliveries {
		return marketquery.Deliveries{
			Actor: k.Actor(), ContractID: values.Get("contract"), Status: oneOf(v, "status", values.Get("status"), marketquery.DeliveryStatuses()), Page: p,
		}
	}, showDelivery)
}

func (h Handlers) getDelivery(k *httpport.Call) {
	httpport.Ask(k, h.DeliveryByID, marketquery.DeliveryByID{Actor: k.Actor(), ID: k.Param("id")}, showDelivery)
}

func (h Handlers) listLeadDeliveries(k *httpport.Call) {
	httpport.Ask(k, h.DeliveriesOfLead, marketquery.DeliveriesOfLead{Actor: k.Actor(), LeadID: k.Param("lead_id")}, httpport.Each(showDelivery))
}

func (h Handlers) redeliver(k *httpport.Call) {
	if b, ok := k.Bind(httpport.Optional, nil); ok {
		httpport.Do(b, h.Redeliver, marketcommand.Redeliver{Actor: k.Actor(), ID: k.Param("id"), Once: httpport.Once(b, http.StatusOK, showDelivery)})
	}
}

// testTime is how long the receiver of a test may take: what the largest timeout_ms says, and a second in which it waits for its place.
const testTime = 31 * time.Second

// testDelivery sends something and writes nothing, so an Idempotency-Key has nothing to keep.
func (h Handlers) testDelivery(k *httpport.Call) {
	if _, ok := k.Bind(httpport.Optional, nil); !ok {
		return
	}
	ctx, release := k.Wait(testTime)
	defer release()
	done, err := h.TestDelivery.Handle(ctx, marketcommand.TestDelivery{Actor: k.Actor(), CampaignID: k.Param("id"), ID: k.Param("contract_id")})
	if err != nil {
		k.Fail(err)
		return
	}
	httpport.Answer(k, http.StatusOK, showAttempt(done))
}

func (h Handlers) rotateSecret(k *httpport.Call) {
	if b, ok := k.Bind(httpport.Optional, nil); ok {
		httpport.Do(b, h.RotateContractSecret, marketcommand.RotateContractSecret{
			Actor: k.Actor(), CampaignID: k.Param("id"), ID: k.Param("contract_id"), Once: httpport.Once(b, http.StatusOK, showContract(k)),
		})
	}
}
