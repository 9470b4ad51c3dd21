package httpport

import (
	"fmt"
	"hash/fnv"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/domain/fault"
)

// One is the member status of every answer that is no error.
type One = int

// Ok is the answer of an operation that has nothing to tell.
type Ok struct {
	Status One `json:"status"`
}

var okBody = Encode(Ok{Status: 1})

// data is the envelope of an answer with an object.
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

// Links lead from one page of a list to others. There is no last one, because lists are not counted.
type Links struct {
	First string  `json:"first"`
	Last  *string `json:"last"`
	Prev  *string `json:"prev"`
	Next  *string `json:"next"`
}

// Meta says where in its list a page is. From and To are nil on an empty page.
type Meta struct {
	CurrentPage int    `json:"current_page"`
	From        *int   `json:"from"`
	Path        string `json:"path"`
	PerPage     int    `json:"per_page"`
	To          *int   `json:"to"`
}

// The values of headers that never change are shared: net/http only reads them.
var (
	jsonType = []string{"application/json"}
	nosniff  = []string{"nosniff"}
	noStore  = []string{"no-store"}
	replayed = []string{"true"}
	closing  = []string{"close"}
)

// JSON answers a body in JSON, see Encode.
func (k *Call) JSON(status int, body []byte) { k.send(status, jsonType, body) }

// Send answers a body of any type.
func (k *Call) Send(status int, contentType string, body []byte) {
	k.send(status, []string{contentType}, body)
}

func (k *Call) send(status int, contentType []string, body []byte) {
	header := k.gin.Writer.Header()
	if k.Stopping() {
		header["Connection"] = closing
	}
	if status == http.StatusNoContent { // which has neither a type nor a length
		k.gin.Writer.WriteHeader(status)
		k.gin.Writer.WriteHeaderNow()
		return
	}
	header["Content-Type"] = contentType
	k.own[1] = strconv.Itoa(len(body))
	header["Content-Length"] = k.own[1:]
	k.gin.Writer.WriteHeader(status)
	_, _ = k.gin.Writer.Write(body) // a client that went away needs no answer
}

// OK answers {"status":1}.
func (k *Call) OK() { k.JSON(http.StatusOK, okBody) }

// Respond answers what a command stored, or what it stored at an earlier request with the same Idempotency-Key.
func (k *Call) Respond(done application.Done) {
	if done.Replayed {
		k.gin.Writer.Header()["Idempotent-Replayed"] = replayed
	}
	if done.Response.Status == 0 {
		k.defect("the command rendered no answer; it needs an application.Once, which Once and OnceOK make")
		return
	}
	k.JSON(done.Response.Status, done.Response.Body)
}

// Redirect sends a browser on with 302. The answer has no body: browsers show none.
func (k *Call) Redirect(target string) { k.redirect(target, http.StatusFound) }

// SeeOther sends a browser that posted something to a page that it gets, with 303. The answer has no body.
func (k *Call) SeeOther(target string) { k.redirect(target, http.StatusSeeOther) }

func (k *Call) redirect(target string, status int) {
	k.gin.Writer.Header()["Content-Type"] = []string{"text/html; charset=utf-8"}
	http.Redirect(k.gin.Writer, k.gin.Request, target, status)
}

// Answer answers {"data":…,"status":1} with an object that Encode writes, such as a struct with json tags.
func Answer[D any](k *Call, status int, object D) {
	k.JSON(status, Encode(data[D]{Data: object, Status: 1}))
}

// Ask sends a query and answers {"data":…,"status":1} with its result as show writes it, or the error of its handler. show
// returns what Encode writes, such as a struct with json tags.
func Ask[Q, R, D any](k *Call, h bus.Handler[Q, R], q Q, show func(R) D) {
	r, err := h.Handle(k.ctx, q)
	if err != nil {
		k.Fail(err)
		return
	}
	Answer(k, http.StatusOK, show(r))
}

// Each turns a function that writes one item into a function that writes a list.
func Each[T, D any](show func(T) D) func([]T) []D {
	return func(items []T) []D {
		out := make([]D, len(items))
		for i, item := range items {
			out[i] = show(item)
		}
		return out
	}
}

// List answers a page of a list, each item as show writes it, with links to other pages. The page is what limit, page, cursor
// and sort of the request's query say. ask makes the query for that page; it reads further parameters and adds what is wrong
// with them to the violations, all of which are answered at once. The handler returns as many items as the page's limit
// and the key to go on after, see application.ListOf.
//
// What stood in the body of the request is in no link, and neither are private parameters: they may name a person, and URLs end in logs.
// Whoever follows a link sends them again, and a cursor is refused with others.
//
// Filters are listed where the route is registered, see ReadingList; on a route that lists none every parameter but those of the page is
// refused.
func List[Q, T, D any](k *Call, h bus.Handler[Q, application.List[T]], ask func(application.Page, url.Values, *fault.Violations) Q, show func(T) D) {
	if k.parameters == nil {
		ReadingList(Parameters{}, func(k *Call) { List(k, h, ask, show) })(k)
		return
	}
	values := k.Query()
	var v fault.Violations
	p := pageOf(values, checkOf(k.unlinked), &v)
	q := ask(p, values, &v)
	if err := v.Err(); err != nil {
		k.Fail(err)
		return
	}
	l, err := h.Handle(k.ctx, q)
	if err != nil {
		k.Fail(err)
		return
	}
	path := k.Base() + k.gin.Request.URL.EscapedPath()
	values.Del("cursor")
	for name := range k.unlinked {
		values.Del(name)
	}
	link := func(number int, cursor string) string {
		values.Set("page", strconv.Itoa(number))
		if cursor != "" {
			values.Set("cursor", cursor)
		}
		return path + "?" + values.Encode()
	}
	body := page[D]{
		Data: Each(show)(l.Items), Status: 1, Links: Links{First: link(1, "")},
		Meta: Meta{CurrentPage: p.Number, Path: path, PerPage: p.Limit},
	}
	if p.Number > 1 && p.After == "" {
		prev := link(p.Number-1, "")
		body.Links.Prev = &prev
	}
	if l.Next != "" {
		next := link(p.Number+1, application.EncodeCursor(l.Next)+checkOf(k.unlinked))
		body.Links.Next = &next
	}
	if n := len(l.Items); n > 0 {
		from := (p.Number-1)*p.Limit + 1
		to := from + n - 1
		body.Meta.From, body.Meta.To = &from, &to
	}
	k.JSON(http.StatusOK, Encode(body))
}

// checkOf is what a cursor ends with so that it is not used with parameters of another body. It is too short to tell them.
func checkOf(unlinked url.Values) string {
	if len(unlinked) == 0 {
		return ""
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(unlinked.Encode()))
	return fmt.Sprintf(".%04x", h.Sum32()&0xffff)
}

// pageOf reads limit, page, cursor and sort; what is wrong is added to the violations. Check is what a cursor ends with.
func pageOf(values url.Values, check string, v *fault.Violations) application.Page {
	p := application.Page{Limit: application.DefaultLimit, Number: 1}
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
		own, itsCheck, checked := strings.Cut(cursor, ".")
		after, err := application.DecodeCursor(own)
		v.AddErr("", err)
		p.After = after
		if err == nil && (checked || check != "") && "."+itsCheck != check {
			v.Add("cursor", fault.InvalidValue, "goes on in a list of another request: send its body again, and a phone and email that its link leaves out")
		}
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

// WholeList reads how a list is sorted that is answered as a whole: the parameters of its pages count for nothing.
func WholeList(values url.Values, v *fault.Violations) application.Page {
	return pageOf(url.Values{"sort": values["sort"]}, "", v)
}

// Part reads a parameter that is a part of a text to search for; what cannot be in any text is a violation.
func Part(values url.Values, name string, v *fault.Violations) string {
	s := values.Get(name)
	if !isText(s) {
		v.Add(name, fault.InvalidValue, "must be at most 1020 bytes of UTF-8 without control characters")
		return ""
	}
	return s
}
