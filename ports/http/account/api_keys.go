package accounthttp

import (
	"net/http"
	"net/url"
	"time"

	"github.com/leadmill/leadmill/application"
	accountcommand "github.com/leadmill/leadmill/application/account/command"
	accountquery "github.com/leadmill/leadmill/application/account/query"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/domain/fault"
	httpport "github.com/leadmill/leadmill/ports/http"
)

// APIKeyHandlers are the commands and queries that the routes of API keys call.
type APIKeyHandlers struct {
	CreateAPIKey bus.Handler[accountcommand.CreateAPIKey, application.Done]
	RevokeAPIKey bus.Handler[accountcommand.RevokeAPIKey, application.Done]
	APIKeys      bus.Handler[accountquery.APIKeys, application.List[accountquery.APIKey]]
}

func (h Handlers) apiKeyRoutes() []httpport.Route {
	return []httpport.Route{
		{Method: http.MethodGet, Path: "/v1/api-keys", Needs: application.Program, Handle: h.listAPIKeys},
		{Method: http.MethodPost, Path: "/v1/api-keys", Needs: application.Program, Handle: h.createAPIKey},
		{Method: http.MethodDelete, Path: "/v1/api-keys/:id", Needs: application.Program, Handle: h.revokeAPIKey},
	}
}

func showAPIKey(a accountquery.APIKey) APIKey {
	d := APIKey{Id: a.ID, Scope: a.Scope, Name: a.Name, CreatedAt: Timestamp(a.CreatedAt)}
	if a.PartnerID != "" {
		d.Partner = &PartnerReference{Id: a.PartnerID}
	}
	if a.Limit.Requests > 0 {
		d.RateLimit = &RateLimitValue{Requests: a.Limit.Requests, WindowSeconds: int64(a.Limit.Window / time.Second)}
	}
	if a.CampaignID != "" {
		d.CampaignId = &a.CampaignID
	}
	if len(a.Origins) > 0 {
		d.Origins = &a.Origins
	}
	return d
}

func showAPIKeyCreated(c accountcommand.APIKeyCreated) APIKeyCreated {
	a := showAPIKey(c.APIKey)
	return APIKeyCreated{Id: a.Id, Key: c.Key, Scope: a.Scope, Name: a.Name, Partner: a.Partner, RateLimit: a.RateLimit, CreatedAt: a.CreatedAt, CampaignId: a.CampaignId, Origins: a.Origins}
}

func (h Handlers) listAPIKeys(k *httpport.Call) {
	httpport.List(k, h.APIKeys, func(p application.Page, _ url.Values, _ *fault.Violations) accountquery.APIKeys {
		return accountquery.APIKeys{Actor: k.Actor(), Page: p}
	}, showAPIKey)
}

func (h Handlers) createAPIKey(k *httpport.Call) {
	c := accountcommand.CreateAPIKey{Actor: k.Actor()}
	b, ok := k.Bind(httpport.Required, func(b *httpport.Body) {
		c.Scope, c.Name, c.Partner = b.Text("scope"), b.Text("name"), b.PartnerHandle("partner")
		if c.Scope == "" {
			b.Violate("scope", fault.Required, "is required")
		}
		c.CampaignID = b.Text("campaign_id")
		c.Origins, _ = b.Texts("origins")
		c.Limit = rateLimit(b.Object)
	})
	if ok {
		c.Once = httpport.Once(b, http.StatusCreated, showAPIKeyCreated)
		httpport.Do(b, h.CreateAPIKey, c)
	}
}

// rateLimit binds a key's limit: the zero limit, which is none, for null; nil, which is the default, when it is absent. A
// limit that is given is checked here, because zero means none further in.
func rateLimit(o *httpport.Object) *application.RateLimit {
	if o.IsNull("rate_limit") {
		return &application.RateLimit{}
	}
	var limit *application.RateLimit
	o.Nested("rate_limit", func(o *httpport.Object) {
		limit = &application.RateLimit{Requests: 1, Window: time.Minute}
		var requests, seconds *int64
		httpport.FillInteger(o, "requests", &requests)
		httpport.FillInteger(o, "window_seconds", &seconds)
		if requests != nil {
			limit.Requests = *requests
		} else if !o.Has("requests") {
			o.Violate("requests", fault.Required, "is required")
		}
		if seconds != nil {
			// What is out of bounds stays so and cannot overflow.
			limit.Window = time.Duration(max(-1, min(*seconds, 1_000_000))) * time.Second
		}
		o.AddErr("", limit.Check())
	})
	return limit
}

func (h Handlers) revokeAPIKey(k *httpport.Call) {
	if b, ok := k.Bind(httpport.Optional, nil); ok {
		httpport.Do(b, h.RevokeAPIKey, accountcommand.RevokeAPIKey{Actor: k.Actor(), ID: k.Param("id"), Once: httpport.OnceOK[struct{}](b)})
	}
}
