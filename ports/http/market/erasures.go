package markethttp

import (
	"net/http"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	httpport "github.com/leadmill/leadmill/ports/http"
)

// ErasureHandlers are the commands and queries that the routes of erasures call.
type ErasureHandlers struct {
	EraseLead      bus.Handler[marketcommand.EraseLead, application.Done]
	RequestErasure bus.Handler[marketcommand.RequestErasure, application.Done]
	ErasureByID    bus.Handler[marketquery.ErasureByID, marketquery.Erasure]
	SubjectAccess  bus.Handler[marketquery.SubjectAccess, marketquery.SubjectHeld]
}

func (h Handlers) erasureRoutes() []httpport.Route {
	return []httpport.Route{
		{Method: http.MethodDelete, Path: "/v1/marketplace/leads/:lead_id", Needs: application.Program, Handle: h.eraseLead},
		{Method: http.MethodPost, Path: "/v1/erasures", Needs: application.Program, Handle: h.requestErasure},
		{Method: http.MethodGet, Path: "/v1/erasures/:id", Needs: application.Program, Handle: httpport.Parameters{}.Reading(h.getErasure)},
		{Method: http.MethodGet, Path: "/v1/subject-access", Needs: application.Program, Handle: httpport.Parameters{Names: []string{"email", "phone"}, InBody: true}.Reading(h.getSubjectAccess)},
	}
}

func (h Handlers) eraseLead(k *httpport.Call) {
	if b, ok := k.Bind(httpport.Optional, nil); ok {
		httpport.Do(b, h.EraseLead, marketcommand.EraseLead{Actor: k.Actor(), ID: k.Param("lead_id"), Once: httpport.OnceEmpty[struct{}](b)})
	}
}

func (h Handlers) requestErasure(k *httpport.Call) {
	c := marketcommand.RequestErasure{Actor: k.Actor()}
	b, ok := k.Bind(httpport.Required, func(b *httpport.Body) {
		c.Email, c.Phone, c.Customer = b.Text("email"), b.Label("phone"), b.Label("customer")
		b.Check(c.Check)
	})
	if !ok {
		return
	}
	c.Once = httpport.OnceSecret(b, http.StatusAccepted, func(r marketcommand.ErasureRequested) ErasureRequested {
		return ErasureRequested{Id: r.ID}
	})
	httpport.Do(b, h.RequestErasure, c)
}

func (h Handlers) getErasure(k *httpport.Call) {
	httpport.Ask(k, h.ErasureByID, marketquery.ErasureByID{Actor: k.Actor(), ID: k.Param("id")}, func(e marketquery.Erasure) Erasure {
		return Erasure{
			Id: e.ID, Subject: e.Subject, State: e.State, RequestedAt: Timestamp(e.RequestedAt), FinishedAt: httpport.TimestampOrNil(e.FinishedAt),
			Erased: ErasureCounts{
				Leads: e.Counts.Leads, FormAnswers: e.Counts.FormAnswers, Customers: e.Counts.Customers, Mails: e.Counts.Mails,
				Answers: e.Counts.Answers, Claims: e.Counts.Claims, RecentRequests: e.Counts.Requests,
			},
			Leads: e.Leads, Customers: e.Customers,
		}
	})
}
