package httpport

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/application/command"
	"github.com/leadmill/leadmill/application/query"
	"github.com/leadmill/leadmill/domain/fault"
)

type route struct {
	method, path string
	scope        scope
	do           func(*call)
}

// routes is every route there is; a test compares it with openapi.yaml.
func routes() []route {
	return slices.Concat(marketRoutes, partnerRoutes, formLeadRoutes, visitorRoutes)
}

// marketRoutes are the supplier's, the installation's and the marketplace's routes, and the documents.
var marketRoutes = []route{
	{http.MethodPost, "/api/leads", supplier, submitLead},
	{http.MethodGet, "/api/leads/:lead_id", supplier, supplierLead},

	{http.MethodGet, "/v1/sellers", admin, listSellers},
	{http.MethodPost, "/v1/sellers", admin, createSeller},
	{http.MethodGet, "/v1/sellers/:code", admin, getSeller},
	{http.MethodPut, "/v1/sellers/:code", admin, updateSeller},

	{http.MethodGet, "/v1/api-keys", program, listAPIKeys},
	{http.MethodPost, "/v1/api-keys", program, createAPIKey},
	{http.MethodDelete, "/v1/api-keys/:id", program, revokeAPIKey},

	{http.MethodGet, "/v1/buyers", program, listBuyers},
	{http.MethodPost, "/v1/buyers", program, createBuyer},
	{http.MethodGet, "/v1/buyers/:id", program, getBuyer},
	{http.MethodPut, "/v1/buyers/:id", program, updateBuyer},
	{http.MethodPost, "/v1/buyers/:id/pause", program, func(k *call) { pauseBuyer(k, false) }},
	{http.MethodPost, "/v1/buyers/:id/resume", program, func(k *call) { pauseBuyer(k, true) }},
	{http.MethodPost, "/v1/buyers/:id/deposits", program, func(k *call) { moveMoney(k, false) }},
	{http.MethodPost, "/v1/buyers/:id/withdrawals", program, func(k *call) { moveMoney(k, true) }},
	{http.MethodGet, "/v1/buyers/:id/ledger", program, listLedger},

	{http.MethodGet, "/v1/campaigns", program, listCampaigns},
	{http.MethodPost, "/v1/campaigns", program, createCampaign},
	{http.MethodGet, "/v1/campaigns/:id", program, getCampaign},
	{http.MethodPut, "/v1/campaigns/:id", program, updateCampaign},
	{http.MethodPost, "/v1/campaigns/:id/pause", program, func(k *call) { steerCampaign(k, command.Pause) }},
	{http.MethodPost, "/v1/campaigns/:id/resume", program, func(k *call) { steerCampaign(k, command.Resume) }},
	{http.MethodPost, "/v1/campaigns/:id/archive", program, func(k *call) { steerCampaign(k, command.Archive) }},

	{http.MethodGet, "/v1/campaigns/:id/contracts", program, listContracts},
	{http.MethodPost, "/v1/campaigns/:id/contracts", program, createContract},
	{http.MethodGet, "/v1/campaigns/:id/contracts/:contract_id", program, getContract},
	{http.MethodPut, "/v1/campaigns/:id/contracts/:contract_id", program, updateContract},
	{http.MethodDelete, "/v1/campaigns/:id/contracts/:contract_id", program, deleteContract},
	{http.MethodPost, "/v1/campaigns/:id/contracts/:contract_id/pause", program, func(k *call) { steerContract(k, command.Pause) }},
	{http.MethodPost, "/v1/campaigns/:id/contracts/:contract_id/resume", program, func(k *call) { steerContract(k, command.Resume) }},
	{http.MethodGet, "/v1/campaigns/:id/contracts/:contract_id/usage", program, contractUsage},

	{http.MethodGet, "/v1/marketplace/leads", program, listMarketplaceLeads},
	{http.MethodGet, "/v1/marketplace/leads/:lead_id", program, getMarketplaceLead},
	{http.MethodGet, "/v1/reports/campaigns", program, reportCampaigns},
	{http.MethodGet, "/v1/events", program, listEvents},

	{http.MethodGet, "/livez", public, live},
	{http.MethodGet, "/readyz", public, ready},
	{http.MethodGet, "/openapi.yaml", public, openAPIDocument},
	{http.MethodGet, "/asyncapi.yaml", public, asyncAPIDocument},
	{http.MethodGet, "/schemas/:file", public, eventSchema},
}

// data is the envelope of an answer with an object (api/partner-program.md, "Form").
type data[T any] struct {
	Data   T   `json:"data"`
	Status One `json:"status"`
}

// page is the envelope of a list.
type page[T any] struct {
	Data   []T   `json:"data"`
	Links  Links `json:"links"`
	Meta   Meta  `json:"meta"`
	Status One   `json:"status"`
}

var okBody = []byte(`{"status":1}`)

// do sends a command that was bound without violations.
func do[C any](w *write, h bus.Handler[C, command.Done], c C) {
	done, err := h.Handle(w.k.ctx, c)
	if err != nil {
		w.k.fail(err)
		return
	}
	w.k.respond(done.Response, done.Replayed)
}

// once makes a command replayable. show turns its result into what is answered as data.
func once[R, D any](w *write, status int, show func(R) D) command.Once[R] {
	return command.Once[R]{Key: w.key, Fingerprint: w.k.fingerprint(w.body), Render: func(r R) application.Response {
		return application.Response{Status: status, Body: encode(data[D]{Data: show(r), Status: 1})}
	}}
}

// onceOK is once for commands that answer {"status":1}.
func onceOK[R any](w *write) command.Once[R] {
	return command.Once[R]{Key: w.key, Fingerprint: w.k.fingerprint(w.body), Render: func(R) application.Response {
		return application.Response{Status: http.StatusOK, Body: okBody}
	}}
}

// action begins a write that takes no members.
func (k *call) action() (*write, bool) {
	w, err := k.begin(false, true)
	if err == nil {
		err = w.end()
	}
	if err != nil {
		k.fail(err)
		return nil, false
	}
	return w, true
}

// bind begins a write with members and binds them.
func (k *call) bind(lenient bool, members func(*write)) (*write, bool) {
	return k.binding(lenient, false, members)
}

// act begins a write on a lenient path that needs no body.
func (k *call) act(members func(*write)) (*write, bool) { return k.binding(true, true, members) }

func (k *call) binding(lenient, optional bool, members func(*write)) (*write, bool) {
	w, err := k.begin(lenient, optional)
	if err == nil {
		members(w)
		err = w.end()
	}
	if err != nil {
		k.fail(err)
		return nil, false
	}
	return w, true
}

// ask answers one object.
func ask[Q, R, D any](k *call, h bus.Handler[Q, R], q Q, show func(R) D) {
	r, err := h.Handle(k.ctx, q)
	if err != nil {
		k.fail(err)
		return
	}
	k.write(http.StatusOK, encode(data[D]{Data: show(r), Status: 1}))
}

// each turns a function for one item into a function for a list.
func each[T, D any](show func(T) D) func([]T) []D {
	return func(items []T) []D {
		out := make([]D, len(items))
		for i, item := range items {
			out[i] = show(item)
		}
		return out
	}
}

// pageOf reads limit, page, cursor and sort; what is wrong is added to the violations.
func (k *call) pageOf(values url.Values, v *fault.Violations) query.Page {
	p := query.Page{Limit: query.DefaultLimit, Number: 1}
	whole := func(name string, into *int) bool {
		s := values.Get(name)
		if s == "" {
			return true
		}
		n, err := strconv.Atoi(s)
		if err != nil || n > 1_000_000_000 {
			v.Add(name, fault.InvalidValue, "must be a whole number")
			return false
		}
		*into = n
		return true
	}
	ok := whole("limit", &p.Limit)
	ok = whole("page", &p.Number) && ok
	if cursor := values.Get("cursor"); cursor != "" {
		after, err := query.DecodeCursor(cursor)
		v.AddErr("", err)
		p.After = after
		if err != nil {
			p.Number = min(p.Number, 1) // how deep a page may be without a cursor is beside the point
		}
	}
	switch values.Get("sort") {
	case "", "desc":
	case "asc":
		p.Ascending = true
	default:
		v.Add("sort", fault.InvalidValue, "must be asc or desc")
	}
	if ok {
		v.AddErr("", p.Check())
	}
	return p
}

// list answers a page of a list. filter reads further parameters of the query.
func list[Q, T, D any](k *call, h bus.Handler[Q, query.List[T]], ask func(query.Page, url.Values, *fault.Violations) Q, show func(T) D) {
	values := k.c.Request.URL.Query()
	var v fault.Violations
	p := k.pageOf(values, &v)
	q := ask(p, values, &v)
	if err := v.Err(); err != nil {
		k.fail(err)
		return
	}
	l, err := h.Handle(k.ctx, q)
	if err != nil {
		k.fail(err)
		return
	}
	path := k.base() + k.c.Request.URL.EscapedPath()
	values.Del("cursor")
	link := func(number int, cursor string) string {
		values.Set("page", itoa(number))
		if cursor != "" {
			values.Set("cursor", cursor)
		}
		return path + "?" + values.Encode()
	}
	body := page[D]{Data: each(show)(l.Items), Status: 1, Links: Links{First: link(1, "")},
		Meta: Meta{CurrentPage: p.Number, Path: path, PerPage: p.Limit}}
	if p.Number > 1 && p.After == "" {
		prev := link(p.Number-1, "")
		body.Links.Prev = &prev
	}
	if l.Next != "" {
		next := link(p.Number+1, query.EncodeCursor(l.Next))
		body.Links.Next = &next
	}
	if n := len(l.Items); n > 0 {
		from := (p.Number-1)*p.Limit + 1
		to := from + n - 1
		body.Meta.From, body.Meta.To = &from, &to
	}
	k.write(http.StatusOK, encode(body))
}

// referralLink is a website's address with the referral key merged into its query under the program's parameter.
func referralLink(website, parameter, key string) string {
	u, err := url.Parse(website)
	if err != nil {
		u = &url.URL{}
	}
	kept := make([]string, 0, 4)
	for pair := range strings.SplitSeq(u.RawQuery, "&") {
		name, _, _ := strings.Cut(pair, "=")
		if pair != "" && name != parameter {
			kept = append(kept, pair)
		}
	}
	u.RawQuery = strings.Join(append(kept, parameter+"="+url.QueryEscape(key)), "&")
	return u.String()
}
