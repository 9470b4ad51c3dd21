package markethttp

import (
	"crypto/sha256"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/application/market"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/fault"
	httpport "github.com/leadmill/leadmill/ports/http"
)

// SuppressionHandlers are the commands and queries that the routes of suppressions call.
type SuppressionHandlers struct {
	AddSuppression    bus.Handler[marketcommand.AddSuppression, application.Done]
	DeleteSuppression bus.Handler[marketcommand.DeleteSuppression, application.Done]
	Suppressions      bus.Handler[marketquery.Suppressions, application.List[market.Suppression]]

	ImportSuppressions bus.Handler[marketcommand.ImportSuppressions, application.Done]
	SellerJobByID      bus.Handler[marketquery.SellerJobByID, market.SellerJob]
}

func (h Handlers) suppressionRoutes() []httpport.Route {
	return []httpport.Route{
		{Method: http.MethodGet, Path: "/v1/suppressions", Needs: application.Program, Handle: httpport.ReadingList(httpport.Parameters{Names: []string{"kind"}}, h.listSuppressions)},
		{Method: http.MethodPost, Path: "/v1/suppressions", Needs: application.Program, Handle: h.addSuppression},
		{Method: http.MethodPost, Path: "/v1/suppressions/import", Needs: application.Program, Handle: h.importSuppressions},
		{Method: http.MethodGet, Path: "/v1/jobs/:id", Needs: application.Program, Handle: httpport.Parameters{}.Reading(h.getSellerJob)},
		{Method: http.MethodDelete, Path: "/v1/suppressions", Needs: application.Program, Handle: h.deleteSuppressedValue},
		{Method: http.MethodDelete, Path: "/v1/suppressions/:id", Needs: application.Program, Handle: h.deleteSuppression},
	}
}

func showSuppression(s market.Suppression) Suppression {
	return Suppression{Id: s.ID, Kind: string(s.Kind), Value: s.Masked, JobId: httpport.TextOrNil(s.JobID), CreatedAt: Timestamp(s.CreatedAt)}
}

func (h Handlers) listSuppressions(k *httpport.Call) {
	httpport.List(k, h.Suppressions, func(p application.Page, values url.Values, v *fault.Violations) marketquery.Suppressions {
		return marketquery.Suppressions{Actor: k.Actor(), Kind: oneOf(v, "kind", values.Get("kind"), marketquery.SuppressionKinds()), Page: p}
	}, showSuppression)
}

func (h Handlers) addSuppression(k *httpport.Call) {
	c := marketcommand.AddSuppression{Actor: k.Actor()}
	b, ok := k.Bind(httpport.Required, func(b *httpport.Body) {
		c.Kind, c.Value = b.Text("kind"), b.Label("value")
		b.Check(c.Check)
	})
	if ok {
		c.Once = httpport.OnceSecret(b, http.StatusCreated, showSuppression)
		httpport.Do(b, h.AddSuppression, c)
	}
}

func (h Handlers) deleteSuppressedValue(k *httpport.Call) {
	c := marketcommand.DeleteSuppression{Actor: k.Actor()}
	b, ok := k.Bind(httpport.Required, func(b *httpport.Body) {
		c.Kind, c.Value = b.Text("kind"), b.Label("value")
		b.Check(c.Check)
	})
	if ok {
		c.Once = httpport.OnceEmpty[struct{}](b)
		c.Once.Fingerprint = httpport.OnceSecret(b, http.StatusNoContent, func(struct{}) struct{} { return struct{}{} }).Fingerprint
		httpport.Do(b, h.DeleteSuppression, c)
	}
}

func (h Handlers) deleteSuppression(k *httpport.Call) {
	if b, ok := k.Bind(httpport.Optional, nil); ok {
		httpport.Do(b, h.DeleteSuppression, marketcommand.DeleteSuppression{Actor: k.Actor(), ID: k.Param("id"), Once: httpport.OnceEmpty[struct{}](b)})
	}
}

const (
	// maxImport is how many bytes an import has at most, and importTime how long sending it may take.
	maxImport  = 100 << 20
	importTime = 10 * time.Minute
)

// importSuppressions answers as soon as a file is stored. It is never held in memory.
func (h Handlers) importSuppressions(k *httpport.Call) {
	if t := k.MediaType(); t != "text/csv" {
		k.Fail(httpport.ErrMediaType.With(fault.Violation{Field: "Content-Type", Code: fault.InvalidValue, Message: "must be text/csv"}))
		return
	}
	key, err := k.IdempotencyKey()
	if err != nil {
		k.Fail(err)
		return
	}
	var v fault.Violations
	values := k.StrictQuery(&v, "kind")
	if err := v.Err(); err != nil {
		k.Fail(err)
		return
	}
	body, err := k.Upload(maxImport)
	if err != nil {
		k.Fail(err)
		return
	}
	ctx, release := k.Wait(importTime)
	defer release()
	done, err := h.ImportSuppressions.Handle(ctx, marketcommand.ImportSuppressions{
		Actor: k.Actor(), Kind: values.Get("kind"), Body: body,
		Once: func(file [sha256.Size]byte) application.Once[market.SellerJob] {
			fingerprint := k.Fingerprint(file[:])
			return application.Once[market.SellerJob]{
				Key: key, Fingerprint: sha256.Sum256(slices.Concat([]byte(key), fingerprint[:])), // the file is made of what can be guessed
				Render: func(j market.SellerJob) application.Response {
					return application.Response{Status: http.StatusAccepted, Body: httpport.Encode(JobAnswer{Data: showJob(j), Status: 1})}
				},
			}
		},
	})
	if err != nil {
		k.Fail(err)
		return
	}
	k.Respond(done)
}

func (h Handlers) getSellerJob(k *httpport.Call) {
	httpport.Ask(k, h.SellerJobByID, marketquery.SellerJobByID{Actor: k.Actor(), ID: k.Param("id")}, showJob)
}

func showJob(j market.SellerJob) Job {
	d := Job{
		Id: j.ID, Kind: string(j.Kind), State: string(j.State), Done: j.Done, Total: j.Total, Failed: j.Failed, Errors: []JobError{},
		CreatedAt: Timestamp(j.CreatedAt), FinishedAt: httpport.TimestampOrNil(j.FinishedAt),
	}
	if j.State == market.JobUploading {
		d.State = string(market.JobPending)
	}
	for _, e := range j.Errors {
		d.Errors = append(d.Errors, JobError{Line: e.Line, Reason: e.Reason})
	}
	return d
}
