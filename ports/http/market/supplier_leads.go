package markethttp

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/contact"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
	httpport "github.com/leadmill/leadmill/ports/http"
)

// SupplierHandlers are the commands and queries that the routes of the supplier API call.
type SupplierHandlers struct {
	SubmitLead       bus.Handler[marketcommand.SubmitLead, application.Done]
	AwaitAnswer      bus.Handler[marketcommand.AwaitAnswer, application.Done]
	PingLead         bus.Handler[marketcommand.PingLead, application.Done]
	SubmitBulk       bus.Handler[marketcommand.SubmitBulk, marketcommand.BulkSubmitted]
	ImportLeads      bus.Handler[marketcommand.ImportLeads, application.Done]
	LeadImportByID   bus.Handler[marketquery.LeadImportByID, marketquery.LeadImport]
	SupplierLeadByID bus.Handler[marketquery.SupplierLeadByID, marketquery.SupplierLead]
}

func (h Handlers) supplierRoutes() []httpport.Route {
	return []httpport.Route{
		{Method: http.MethodPost, Path: "/api/leads", Needs: application.Supplier, Handle: h.submitLead},
		{Method: http.MethodPost, Path: "/api/leads/ping", Needs: application.Supplier, Apart: true, Handle: h.pingLead},
		{Method: http.MethodPost, Path: "/api/leads/bulk", Needs: application.Supplier, Counts: bulkLimit, Handle: h.submitBulk},
		{Method: http.MethodPost, Path: "/api/leads/import", Needs: application.Supplier, Handle: h.importLeads},
		{Method: http.MethodGet, Path: "/api/jobs/:id", Needs: application.Supplier, Handle: h.getLeadImport},
		{Method: http.MethodGet, Path: "/api/leads/:lead_id", Needs: application.Supplier, Handle: h.getSupplierLead},
	}
}

// usualFields is room for the members that most suppliers send; a map of 15 takes twice the memory.
const usualFields = 14

// maxExternalID bounds a supplier's own id in characters.
const maxExternalID = 255

var bodies = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// submitLead answers POST /api/leads. Key and rate limit are checked already. Checked here are, in this order, the size, the
// syntax, that seller and category are given, and the seller; all else is checked where the campaign is known.
func (h Handlers) submitLead(k *httpport.Call) {
	buf := bodies.Get().(*bytes.Buffer)
	buf.Reset()
	c, err := leadCommand(k, buf)
	bodies.Put(buf) // a command keeps nothing of the buffer
	if err != nil {
		failLead(k, err)
		return
	}
	done, err := h.SubmitLead.Handle(k.Context(), c)
	if err == nil && done.Awaits != nil {
		done, err = h.AwaitAnswer.Handle(k.Context(), marketcommand.AwaitAnswer{Actor: k.Actor(), Done: done})
	}
	if err != nil {
		failLead(k, err)
		return
	}
	k.Respond(done)
}

var errMisplacedKey = fault.New(fault.Unauthenticated, application.ErrInvalidKey.Code, application.ErrInvalidKey.Message)

// failLead answers an error, with what helps to mend the request.
func failLead(k *httpport.Call, err error) {
	if errors.Is(err, errMisplacedKey) {
		k.FailMisplacedKey()
		return
	}
	more, err := helped(err)
	if more == nil {
		k.Fail(err)
		return
	}
	k.FailWith(err, more)
}

// helped returns an object with what helps to mend a request, or nil, and the error as it is answered.
func helped(err error) (more any, _ error) {
	type hint struct {
		Hint string `json:"hint"`
	}
	switch {
	case errors.Is(err, errMisplacedKey):
		return hint{httpport.MisplacedKeyHint}, application.ErrInvalidKey
	case errors.Is(err, errNotJSON):
		return nil, err
	case errors.Is(err, httpport.ErrMediaType):
		return hint{"Send " + jsonBody + ", " + formBody + " or " + multipartBody + " without files."}, err
	case errors.Is(err, marketcommand.ErrNoMatching):
		return struct {
			Errors map[string]string `json:"errors"`
		}{map[string]string{"category": "is that of no active campaign"}}, err
	default:
		return nil, err
	}
}

// The types of bodies that are read.
const (
	jsonBody      = "application/json"
	formBody      = "application/x-www-form-urlencoded"
	multipartBody = "multipart/form-data"
)

func leadCommand(k *httpport.Call, buf *bytes.Buffer) (marketcommand.SubmitLead, error) {
	c := marketcommand.SubmitLead{Actor: k.Actor(), Trail: k.Trail(), Render: renderLead, Waits: true}
	fields, err := readLead(k, buf, &c)
	if err != nil {
		return c, err
	}
	return c, takeReserved(fields, &c, true)
}

// readLead reads what every request with a lead has into a command, and returns the fields as they were sent.
func readLead(k *httpport.Call, buf *bytes.Buffer, c *marketcommand.SubmitLead) (field.Set, error) {
	if err := k.ReadBody(buf); err != nil {
		return nil, err
	}
	fields, err := leadFields(k.Request().Header.Get("Content-Type"), buf.Bytes(), k.Request().URL.RawQuery)
	if err != nil {
		return nil, err
	}
	for name := range fields {
		if httpport.IsKeyName(name) {
			return nil, errMisplacedKey
		}
	}
	if c.IdempotencyKey, err = k.IdempotencyKey(); err != nil {
		return nil, err
	}
	c.Fingerprint = k.Fingerprint(buf.Bytes())
	return fields, nil
}

// leadFields merges the fields of query and body; a field of the body wins.
func leadFields(contentType string, body []byte, rawQuery string) (field.Set, error) {
	fields := make(field.Set, usualFields)
	if err := httpport.ParseForm(rawQuery, fields); err != nil {
		return nil, err
	}
	trimmed := bytes.TrimLeft(body, " \t\r\n")
	if len(trimmed) == 0 {
		return fields, nil
	}
	own := fields
	if len(fields) > 0 {
		own = make(field.Set, usualFields)
	}
	if err := readBody(contentType, trimmed, own); err != nil {
		return nil, err
	}
	for name, value := range fields {
		if _, given := own[name]; !given {
			own[name] = value
		}
	}
	return own, nil
}

// readBody reads the fields of a body that is not blank. What starts with a brace is JSON, whatever its type says.
func readBody(contentType string, body []byte, into field.Set) error {
	if body[0] == '{' {
		return httpport.ParseFields(body, into)
	}
	mediaType, _, _ := strings.Cut(contentType, ";")
	switch mediaType = strings.ToLower(strings.TrimSpace(mediaType)); {
	case mediaType == formBody:
		return httpport.ParseForm(string(body), into)
	case mediaType == multipartBody:
		return httpport.ParseMultipart(contentType, body, into)
	case mediaType == "" || mediaType == jsonBody || strings.HasSuffix(mediaType, "+json"):
		return httpport.ErrInvalidBody
	default:
		return httpport.ErrMediaType
	}
}

// takeReserved moves the members that are no fields of the lead into the command. named says that seller and category must be among
// them.
func takeReserved(fields field.Set, c *marketcommand.SubmitLead, named bool) error {
	own, category, test, external, ping := fields["seller"], fields["category"], fields["test"], fields["external_id"], fields["ping_id"]
	for _, name := range [...]string{"seller", "category", "test", "external_id", "ping_id"} {
		delete(fields, name)
	}
	var missing, invalid []fault.Violation
	for _, m := range [...]struct {
		name  string
		value field.Value
	}{{"seller", own}, {"category", category}} {
		if m.value.Empty() {
			if !named {
				continue
			}
			missing = append(missing, fault.Violation{Field: m.name, Code: fault.Required, Message: "is required"})
		} else if m.value.Kind != field.Text {
			invalid = append(invalid, fault.Violation{Field: m.name, Code: fault.WrongType, Message: "must be a string"})
		}
	}
	if len(missing) > 0 {
		return field.ErrMissing.With(missing...)
	}
	if len(invalid) > 0 {
		return field.ErrInvalid.With(invalid...)
	}
	c.Seller, c.Category, c.Fields = own.Text, category.Text, fields
	var ok bool
	if c.Test, ok = testFlag(test); !ok {
		invalid = append(invalid, fault.Violation{Field: "test", Code: fault.InvalidValue, Message: "must be true or false"})
	}
	if c.ExternalID, ok = externalID(external); !ok {
		invalid = append(invalid, fault.Violation{Field: "external_id", Code: fault.InvalidValue, Message: "must have 1 to 255 characters"})
	}
	if c.PingID = ping.Text; !ping.Empty() && ping.Kind != field.Text {
		invalid = append(invalid, fault.Violation{Field: "ping_id", Code: fault.WrongType, Message: "must be a string"})
	} else if ping.Empty() {
		c.PingID = ""
	}
	switch {
	case len(invalid) > 0 && !own.Empty() && !c.IsSeller(own.Text):
		return marketcommand.ErrWrongSeller // comes first; where nothing else is wrong, the command says it
	case len(invalid) > 0:
		return field.ErrInvalid.With(invalid...)
	}
	return nil
}

// testFlag reads "test". What is neither yes nor no is refused: a test that is billed would be worse than an error.
func testFlag(v field.Value) (test, ok bool) {
	if v.True() {
		return true, true
	}
	return false, v.Empty() || v.Kind != field.Other && (v.Text == "false" || v.Text == "0")
}

func externalID(v field.Value) (string, bool) {
	switch {
	case v.Empty():
		return "", true
	case v.Kind == field.Text:
		_, err := contact.ParseText(v.Text, maxExternalID)
		return v.Text, err == nil
	case v.Kind == field.Number:
		return v.Text, utf8.RuneCountInString(v.Text) <= maxExternalID
	default:
		return "", false
	}
}

// LeadAnswer writes the answer to a submitted lead.
func LeadAnswer() func(marketcommand.SubmitLeadResult) application.Response { return renderLead }

// renderLead writes the answer to a submitted lead, members in the documented order.
func renderLead(r marketcommand.SubmitLeadResult) application.Response { return render(r, true) }

// render writes the answer to a submitted lead; sale says that what it was sold for and to whom is in it.
func render(r marketcommand.SubmitLeadResult, sale bool) application.Response {
	success := r.Taken()
	b := make([]byte, 0, 192)
	if success {
		b = append(b, `{"success":true,"lead_id":`...)
	} else {
		b = append(b, `{"success":false,"lead_id":`...)
	}
	b = httpport.AppendString(b, r.LeadID)
	b = append(b, `,"status":`...)
	b = httpport.AppendString(b, r.Status)
	if sale && r.Status == marketcommand.LeadSold {
		if r.HasPrice {
			b = append(b, `,"price":`...)
			b = append(b, r.Price.Format(r.Currency)...)
		}
		b = append(b, `,"buyer_ids":[`...)
		for i, id := range r.BuyerIDs {
			if i > 0 {
				b = append(b, ',')
			}
			b = httpport.AppendString(b, id)
		}
		b = append(b, ']')
	}
	if r.Test {
		b = append(b, `,"test":true`...)
	}
	if !success {
		b = append(b, `,"error":`...)
		b = httpport.AppendString(b, r.Reason)
		b = append(b, `,"code":`...)
		b = httpport.AppendString(b, string(r.Code))
	}
	return application.Response{Status: http.StatusOK, Body: append(b, '}')}
}

// getSupplierLead answers GET /api/leads/{lead_id}.
func (h Handlers) getSupplierLead(k *httpport.Call) {
	if !withoutParameters(k) {
		return
	}
	l, err := h.SupplierLeadByID.Handle(k.Context(), marketquery.SupplierLeadByID{Actor: k.Actor(), ID: k.Param("lead_id")})
	if err != nil {
		k.Fail(err)
		return
	}
	d := SupplierLead{LeadId: l.ID, Status: l.Status, CreatedAt: Timestamp(l.CreatedAt), UpdatedAt: Timestamp(l.UpdatedAt)}
	if l.HasPrice {
		price := httpport.Amount(l.Price, k.Currency())
		d.Price = &price
	}
	if len(l.BuyerIDs) > 0 {
		d.BuyerIds = &l.BuyerIDs
	}
	if l.Test {
		d.Test = &l.Test
	}
	k.JSON(http.StatusOK, httpport.Encode(d))
}
