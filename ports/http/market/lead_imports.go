package markethttp

import (
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
	httpport "github.com/leadmill/leadmill/ports/http"
)

// maxLeadImport is how many bytes an import of leads has at most.
const maxLeadImport = 64 << 20

// importLeads answers POST /api/leads/import as soon as the file is stored. It is never held in memory.
func (h Handlers) importLeads(k *httpport.Call) {
	if t := k.MediaType(); t != "text/csv" {
		k.Fail(httpport.ErrMediaType.With(fault.Violation{Field: "Content-Type", Code: fault.InvalidValue, Message: "must be text/csv"}))
		return
	}
	given := field.Set{}
	err := httpport.ParseForm(k.Request().URL.RawQuery, given)
	if err != nil {
		k.Fail(err)
		return
	}
	key, err := k.IdempotencyKey()
	if err != nil {
		k.Fail(err)
		return
	}
	body, err := k.Upload(maxLeadImport)
	if err != nil {
		k.Fail(err)
		return
	}
	c := marketcommand.ImportLeads{Actor: k.Actor(), Given: map[string]string{}, CheckName: checkName, Body: body}
	for name, value := range given {
		c.Given[name] = value.Text
	}
	c.Once = func(file [sha256.Size]byte) application.Once[market.SellerJob] {
		fingerprint := k.Fingerprint(file[:])
		return application.Once[market.SellerJob]{
			Key: key, Fingerprint: sha256.Sum256(slices.Concat([]byte(key), fingerprint[:])), // the file is made of what can be guessed
			Render: func(j market.SellerJob) application.Response {
				return application.Response{Status: http.StatusAccepted, Body: httpport.Encode(LeadImportStarted{Success: true, JobId: j.ID, State: string(j.State), Total: j.Total})}
			},
		}
	}
	ctx, release := k.Wait(importTime)
	defer release()
	done, err := h.ImportLeads.Handle(ctx, c)
	switch {
	case err == nil:
		var started struct {
			ID string `json:"job_id"`
		}
		if json.Unmarshal(done.Response.Body, &started) == nil {
			k.Writer().Header().Set("Location", "/api/jobs/"+url.PathEscape(started.ID))
		}
		k.Respond(done)
	case fault.CodeOf(err) == marketcommand.ErrTooManyImports.Code:
		k.Writer().Header().Set("Retry-After", "60")
		k.Fail(err)
	default:
		failLead(k, err)
	}
}

// checkName refuses a field that is named like an API key.
func checkName(name string) error {
	if httpport.IsKeyName(name) {
		return errMisplacedKey
	}
	return nil
}

// LeadLines are how lines of imports are read and told of.
func LeadLines() marketcommand.LeadLines {
	return marketcommand.LeadLines{Take: takeLead, Render: renderLead, Tell: tellLine}
}

// tellLine writes what became of a line: as of one lead of several, with a status also when it failed.
func tellLine(done application.Done, err error) []byte {
	b := renderOne(done, err)
	if err != nil {
		return append([]byte(`{"status":"failed",`), b[1:]...)
	}
	return b
}

// The bounds of how many lines an answer tells of.
const (
	someLines = 100
	mostLines = 1_000
)

// getLeadImport answers GET /api/jobs/{id}.
func (h Handlers) getLeadImport(k *httpport.Call) {
	var v fault.Violations
	values := k.StrictQuery(&v, "limit", "after")
	for name := range values {
		if httpport.IsKeyName(name) {
			k.FailMisplacedKey()
			return
		}
	}
	q := marketquery.LeadImportByID{Actor: k.Actor(), ID: k.Param("id"), Limit: someLines}
	if s := values.Get("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > mostLines {
			v.Add("limit", fault.InvalidValue, "must be a whole number from 1 to "+strconv.Itoa(mostLines))
		}
		q.Limit = n
	}
	if s := values.Get("after"); s != "" {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil || n < 0 || n > 1<<40 {
			v.Add("after", fault.InvalidValue, "must be the number of a line")
		}
		q.After = n
	}
	if wrong := fault.As(v.Err()).Violated(); len(wrong) > 0 {
		k.Fail(field.ErrInvalid.With(wrong...))
		return
	}
	j, err := h.LeadImportByID.Handle(k.Context(), q)
	if err != nil {
		k.Fail(err)
		return
	}
	k.JSON(http.StatusOK, showLeadImport(j))
}

func showLeadImport(j marketquery.LeadImport) []byte {
	d := LeadImport{
		Success: true, JobId: j.ID, State: string(j.State), Done: j.Done, Total: j.Total, Failed: j.Failed, CreatedAt: Timestamp(j.CreatedAt), FinishedAt: httpport.TimestampOrNil(j.FinishedAt),
	}
	if j.State == market.JobUploading {
		d.State = string(market.JobPending)
	}
	if why := j.Why(); why != "" {
		d.Error = &why
	}
	if n := len(j.Lines); n > 0 && j.More {
		d.Next = &j.Lines[n-1].Line
	}
	b := httpport.Encode(d)
	b = append(b[:len(b)-1], `,"rows":[`...)
	for i, line := range j.Lines {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(append(b, `{"line":`...), line.Line, 10)
		b = append(append(b, ','), line.Told[1:]...)
	}
	return append(b, "]}"...)
}
