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
	CreateAPIKey         bus.Handler[accountcommand.CreateAPIKey, application.Done]
	CreateAPIKeyOfSeller bus.Handler[accountcommand.CreateAPIKeyOfSeller, application.Done]
	RotateAPIKey         bus.Handler[accountcommand.RotateAPIKey, application.Done]
	RevokeAPIKey         bus.Handler[accountcommand.RevokeAPIKey, application.Done]
	APIKeys              bus.Handler[accountquery.APIKeys, application.List[accountquery.APIKey]]
}

func (h Handlers) apiKeyRoutes() []httpport.Route {
	return []httpport.Route{
		{Method: http.MethodGet, Path: "/v1/api-keys", Needs: application.Program, Handle: httpport.ReadingList(httpport.Parameters{}, h.listAPIKeys)},
		{Method: http.MethodPost, Path: "/v1/api-keys", Needs: application.Program, Handle: h.createAPIKey},
		{Method: http.MethodDelete, Path: "/v1/api-keys/:id", Needs: application.Program, Handle: h.revokeAPIKey},
		{Method: http.MethodPost, Path: "/v1/api-keys/:id/rotate", Needs: application.Program, Handle: h.rotateAPIKey},
		{Method: http.MethodPost, Path: "/v1/sellers/:code/api-keys", Needs: application.Admin, Handle: h.createAPIKeyOfSeller},
	}
}

func showAPIKey(a accountquery.APIKey) APIKey {
	d := APIKey{Id: a.ID, Scope: a.Scope, Name: a.Name, CreatedAt: Timestamp(a.CreatedAt), ExpiresAt: httpport.TimestampOrNil(a.ExpiresAt), LastUsedAt: httpport.TimestampOrNil(a.LastUsedAt), Leads: a.Leads}
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
	d := APIKeyCreated{
		Id: a.Id, Key: c.Key, Scope: a.Scope, Name: a.Name, Partner: a.Partner, RateLimit: a.RateLimit, CreatedAt: a.CreatedAt,
		CampaignId: a.CampaignId, Origins: a.Origins, ExpiresAt: a.ExpiresAt,
	}
	if c.Replaces != "" {
		d.Replaces = &APIKeyReplaced{Id: c.Replaces, ExpiresAt: Timestamp(c.ReplacedUntil)}
	}
	return d
}

func (h Handlers) listAPIKeys(k *httpport.Call) {
	httpport.List(k, h.APIKeys, func(p application.Page, _ url.Values, _ *fault.Violations) accountquery.APIKeys {
		return accountquery.APIKeys{Actor: k.Actor(), Page: p}
	}, showAPIKey)
}

func (h Handlers) createAPIKey(k *httpport.Call) {
	if r, b, ok := bindAPIKey(k); ok {
		httpport.Do(b, h.CreateAPIKey, accountcommand.CreateAPIKey{Actor: k.Actor(), Request: r, Once: httpport.Once(b, http.StatusCreated, showAPIKeyCreated)})
	}
}

func (h Handlers) createAPIKeyOfSeller(k *httpport.Call) {
	if r, b, ok := bindAPIKey(k); ok {
		httpport.Do(b, h.CreateAPIKeyOfSeller, accountcommand.CreateAPIKeyOfSeller{
			Actor: k.Actor(), Code: k.Param("code"), Request: r, Once: httpport.Once(b, http.StatusCreated, showAPIKeyCreated),
		})
	}
}

func bindAPIKey(k *httpport.Call) (r accountcommand.APIKeyRequest, b *httpport.Body, ok bool) {
	b, ok = k.Bind(httpport.Required, func(b *httpport.Body) {
		r.Scope, r.Name, r.Partner = b.Text("scope"), b.Text("name"), b.PartnerHandle("partner")
		if r.Scope == "" {
			b.Violate("scope", fault.Required, "is required")
		}
		r.CampaignID = b.Text("campaign_id")
		r.Origins, _ = b.Texts("origins")
		r.Limit = rateLimit(b.Object)
		r.ExpiresAt = b.Time("expires_at")
	})
	return r, b, ok
}

// overlap is how long a key stays in force beside the one that takes its place, unless the request says otherwise.
const overlap = 24 * time.Hour

func (h Handlers) rotateAPIKey(k *httpport.Call) {
	c := accountcommand.RotateAPIKey{Actor: k.Actor(), ID: k.Param("id"), Overlap: overlap}
	b, ok := k.Bind(httpport.Optional, func(b *httpport.Body) {
		c.ExpiresAt = b.Time("expires_at")
		var seconds *int64
		httpport.FillInteger(b.Object, "overlap_seconds", &seconds)
		if seconds != nil {
			// What is out of bounds stays so and cannot overflow.
			c.Overlap = time.Duration(max(-1, min(*seconds, 100_000_000))) * time.Second
		}
	})
	if ok {
		c.Once = httpport.Once(b, http.StatusCreated, showAPIKeyCreated)
		httpport.Do(b, h.RotateAPIKey, c)
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
