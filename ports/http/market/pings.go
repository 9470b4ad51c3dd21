package markethttp

import (
	"bytes"
	"net/http"
	"time"

	"github.com/leadmill/leadmill/application"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
	httpport "github.com/leadmill/leadmill/ports/http"
)

// mostAuction is how long buyers may take to bid.
const mostAuction = 10 * time.Second

// pingLead answers POST /api/leads/ping. The request is read as one with a lead.
func (h Handlers) pingLead(k *httpport.Call) {
	buf := bodies.Get().(*bytes.Buffer)
	buf.Reset()
	c, err := leadCommand(k, buf)
	bodies.Put(buf)
	if err == nil && c.PingID != "" {
		err = field.ErrInvalid.With(fault.Violation{Field: "ping_id", Code: fault.InvalidValue, Message: "is made by the ping"})
	}
	if err != nil {
		failLead(k, err)
		return
	}
	k.Extend(mostAuction)
	done, err := h.PingLead.Handle(k.Context(), marketcommand.PingLead{
		Actor: c.Actor, Seller: c.Seller, Category: c.Category, Fields: c.Fields, ExternalID: c.ExternalID, Test: c.Test,
		Once: application.Once[marketcommand.LeadPinged]{Key: c.IdempotencyKey, Fingerprint: c.Fingerprint, Render: renderPing},
	})
	if err != nil {
		failLead(k, err)
		return
	}
	k.Respond(done)
}

// renderPing writes the answer to a ping, members in the documented order.
func renderPing(r marketcommand.LeadPinged) application.Response {
	d := LeadPing{Success: r.PingID != ""}
	if r.PingID == "" {
		d.Status = new("no_match")
	} else {
		d.PingId, d.ExpiresAt = &r.PingID, httpport.TimestampOrNil(r.ExpiresAt)
		if r.HasPrice {
			price := httpport.Amount(r.Price, r.Currency)
			d.Price = &price
		}
	}
	if r.Test {
		d.Test = &r.Test
	}
	return application.Response{Status: http.StatusOK, Body: httpport.Encode(d)}
}
