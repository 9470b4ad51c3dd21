package programhttp

import (
	"net/http"

	"github.com/leadmill/leadmill/application"
	httpport "github.com/leadmill/leadmill/ports/http"
)

// later are the routes that Partnero documents, or that its own clients call, and that come with a later version. They are
// answered 501 and not 404, so that a client that misses one is told apart from a client with a wrong base URL. The table "What
// comes later" of docs/partner-program.md lists them for people.
var later = []struct {
	path    string
	methods []string
}{
	{"/v1/transactions", []string{http.MethodGet, http.MethodPost, http.MethodDelete}},
	{"/v1/transactions/:key", []string{http.MethodGet, http.MethodDelete}},
	{"/v1/transactions/:key/archive", []string{http.MethodPost}},
	{"/v1/transactions/:key/revoke-archive", []string{http.MethodPost}},
	{"/v1/customers/:key/transactions", []string{http.MethodGet}},

	{"/v1/partners/:id/reward", []string{http.MethodPost}},

	{"/v1/payout_requests", []string{http.MethodGet, http.MethodPost}},
	{`/v1/payout_requests\:search`, []string{http.MethodGet}},
	{"/v1/payout_requests/:id", []string{http.MethodGet}},
	{"/v1/payout_requests/:id/approve", []string{http.MethodPost}},
	{"/v1/payout_requests/:id/mark_as_paid", []string{http.MethodPost}},

	{"/v1/coupons", []string{http.MethodGet, http.MethodPost, http.MethodPut}},
	{"/v1/coupons/:id", []string{http.MethodGet, http.MethodPut, http.MethodDelete}},
	{"/v1/promotion-codes", []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete}},
	{"/v1/promotion-codes/:code", []string{http.MethodGet, http.MethodPut, http.MethodDelete}},

	{`/v1/customers\:invite`, []string{http.MethodPost}},
	{"/v1/customers/:key/referrals", []string{http.MethodGet}},
	{"/v1/customers/:key/stats", []string{http.MethodGet}},
	{"/v1/customers/:key/balance", []string{http.MethodGet}},
	{"/v1/customers/:key/balance/credit", []string{http.MethodPost}},
	{"/v1/customers/:key/referral_links", []string{http.MethodGet}},
	{"/v1/customer_referral_links", []string{http.MethodPost}},
	{`/v1/customer_referral_links\:search`, []string{http.MethodGet}},
	{"/v1/customer_referral_links/:id", []string{http.MethodGet, http.MethodPut, http.MethodDelete}},

	{"/v1/subscribers", []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete}},
	{`/v1/subscribers\:search`, []string{http.MethodGet}},
	{"/v1/subscribers/:id", []string{http.MethodGet, http.MethodPut, http.MethodDelete}},

	{"/v1/partner/:key/links", []string{http.MethodGet, http.MethodPost}},
	{"/v1/partner/:key/links/:link", []string{http.MethodGet, http.MethodPut, http.MethodDelete}},
}

func laterRoutes() (routes []httpport.Route) {
	for _, l := range later {
		for _, method := range l.methods {
			routes = append(routes, httpport.Route{Method: method, Path: l.path, Needs: application.Program, Later: true})
		}
	}
	return routes
}
