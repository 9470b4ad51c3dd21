package markethttp

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/leadmill/leadmill/application"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
	httpport "github.com/leadmill/leadmill/ports/http"
)

// maxBulk is how many bytes a request with many leads has at most.
const maxBulk = 1 << 20

// bulkLimit is how many leads a key may send in such requests.
var bulkLimit = application.RateLimit{Requests: 5_000, Window: time.Minute}

// submitBulk answers POST /api/leads/bulk. What is wrong with a lead is said in its place, and the others are taken.
func (h Handlers) submitBulk(k *httpport.Call) {
	if !withoutParameters(k) {
		return
	}
	var buf bytes.Buffer
	key, leads, err := bulkLeads(k, &buf)
	if !k.Count(max(len(leads), 1)) {
		return
	}
	if err != nil {
		failLead(k, err)
		return
	}
	done, err := h.SubmitBulk.Handle(k.Context(), marketcommand.SubmitBulk{
		Actor: k.Actor(), Leads: len(leads), Lead: func(i int) (marketcommand.SubmitLead, error) { return oneLead(k, leads[i]) }, Render: renderOne, LeadOf: leadOf,
		IdempotencyKey: key, Fingerprint: k.Fingerprint(buf.Bytes()),
	})
	if err != nil {
		failLead(k, err)
		return
	}
	if len(done.Failed) > 0 {
		k.Warn("leads of a request could not be decided", errors.Join(done.Failed...))
	}
	body := make([]byte, 0, len(done.Leads)+32)
	body = append(append(append(body, `{"success":true,"leads":[`...), done.Leads...), `]}`...)
	k.Respond(application.Done{Response: application.Response{Status: http.StatusOK, Body: body}, Replayed: key != "" && done.Replayed})
}

// bulkLeads reads the request: its Idempotency-Key, and the JSON of each lead.
func bulkLeads(k *httpport.Call, buf *bytes.Buffer) (key string, leads [][]byte, err error) {
	if err = k.ReadBodyUpTo(buf, maxBulk); err != nil {
		return "", nil, err
	}
	if trimmed := bytes.TrimLeft(buf.Bytes(), " \t\r\n"); len(trimmed) > 0 && trimmed[0] != '{' {
		if t := k.MediaType(); t != "" && t != jsonBody && !strings.HasSuffix(t, "+json") {
			return "", nil, errNotJSON
		}
	}
	list, err := httpport.ParseItems(buf.Bytes(), "leads", marketcommand.MostBulk)
	if err != nil {
		return "", nil, err
	}
	if key, err = k.IdempotencyKey(); err != nil {
		return "", nil, err
	}
	switch {
	case list.Others:
		return "", nil, field.ErrInvalid.With(fault.Violation{Field: "leads", Code: fault.UnknownField, Message: "must be the only member of the body"})
	case list.NoList || len(list.JSON) == 0 || list.More:
		return "", nil, field.ErrInvalid.With(fault.Violation{Field: "leads", Code: fault.InvalidValue, Message: "must be a list of 1 to " + strconv.Itoa(marketcommand.MostBulk) + " leads"})
	}
	return key, list.JSON, nil
}

var errNotJSON = httpport.ErrMediaType.With(fault.Violation{Field: "Content-Type", Code: fault.InvalidValue, Message: "must be " + jsonBody})

// oneLead reads a lead as if it were the body of POST /api/leads.
func oneLead(k *httpport.Call, sent []byte) (marketcommand.SubmitLead, error) {
	c := marketcommand.SubmitLead{
		Actor: k.Actor(), Trail: k.Trail(), Render: renderLead, Fingerprint: httpport.FingerprintOf(http.MethodPost, "/api/leads", "", sent),
	}
	if int64(len(sent)) > k.MaxBody() {
		return c, httpport.ErrBodyTooLarge
	}
	fields := make(field.Set, usualFields)
	if err := httpport.ParseFields(sent, fields); err != nil {
		return c, err
	}
	return c, takeLead(fields, &c)
}

// takeLead moves what was sent of a lead into its command.
func takeLead(fields field.Set, c *marketcommand.SubmitLead) error {
	for name := range fields {
		if httpport.IsKeyName(name) {
			return errMisplacedKey
		}
	}
	return takeReserved(fields, c, true)
}

// leadOf returns the id of the lead that a response is about.
func leadOf(r application.Response) string {
	var l struct {
		ID string `json:"lead_id"`
	}
	if json.Unmarshal(r.Body, &l) != nil {
		return ""
	}
	return l.ID
}

// renderOne writes what became of one lead of several: the answer that it would have got alone, and its status.
func renderOne(done application.Done, err error) []byte {
	status, body := done.Response.Status, done.Response.Body
	if err != nil {
		more, err := helped(err)
		status, body = httpport.PartOfAnswer(err, more)
	}
	b := make([]byte, 0, len(body)+40)
	b = append(b, body[:len(body)-1]...)
	if done.Replayed {
		b = append(b, `,"replayed":true`...)
	}
	b = append(b, `,"status_code":`...)
	return append(strconv.AppendInt(b, int64(status), 10), '}')
}
