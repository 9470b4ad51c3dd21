package httpport

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/fault"
)

// Errors that only this port knows. The exported ones are for routes that read their request themselves.
var (
	// ErrInvalidBody says that a query, a form or a body cannot be read: 400 below /api, 422 elsewhere.
	ErrInvalidBody = fault.New(fault.Invalid, "invalid_request_body", "Invalid request body")
	// ErrBodyTooLarge says that a body is larger than Deps.MaxBody: 413.
	ErrBodyTooLarge = fault.New(fault.Invalid, "body_too_large", "Request body too large")
	// ErrMediaType says that a body is of a type that the route does not read: 415.
	ErrMediaType = fault.New(fault.Invalid, "unsupported_media_type", "Unsupported media type")
	// ErrNotFound says that nothing has this path: 404.
	ErrNotFound = fault.New(fault.NotFound, "not_found", "Not found")
	// ErrNotSupported says that the request asks for what is not supported yet: 422.
	ErrNotSupported = fault.New(fault.Invalid, fault.NotSupported, "Not supported yet")
	// ErrNotImplemented says that the interface has the route, or the parameter that is asked to read by, but this version has
	// not: 501.
	ErrNotImplemented = fault.New(fault.NotImplemented, fault.NotSupported, "Not supported yet")

	errInvalidJSON    = fault.New(fault.Invalid, "invalid_body", "The body is not a JSON object.")
	errIdempotencyKey = fault.New(fault.Invalid, "invalid_idempotency_key", "Invalid Idempotency-Key")
	errMethod         = fault.New(fault.Invalid, "method_not_allowed", "Method not allowed")
	errTooMany        = fault.New(fault.TooMany, "rate_limit_exceeded", "Rate limit exceeded")
	errUnavailable    = fault.New(fault.Unavailable, "service_unavailable", "Service unavailable")
	errInternal       = fault.New(fault.Internal, "internal_error", "Internal error")
)

// form is how an API writes its errors.
type form uint8

const (
	supplierForm form = iota // {"success":false,"error":…}, below /api
	programForm              // {"status":0,"message":…}, everywhere else
)

// statuses is an HTTP status for each form.
type statuses [2]int

// ofKind is the one table that maps kinds to HTTP.
var ofKind = map[fault.Kind]statuses{
	fault.Internal:        {http.StatusInternalServerError, http.StatusInternalServerError},
	fault.Invalid:         {http.StatusBadRequest, http.StatusUnprocessableEntity},
	fault.Unauthenticated: {http.StatusUnauthorized, http.StatusUnauthorized},
	fault.Forbidden:       {http.StatusForbidden, http.StatusForbidden},
	fault.NotFound:        {http.StatusNotFound, http.StatusNotFound},
	fault.Conflict:        {http.StatusConflict, http.StatusConflict},
	fault.RuleViolated:    {http.StatusUnprocessableEntity, http.StatusBadRequest},
	fault.TooMany:         {http.StatusTooManyRequests, http.StatusTooManyRequests},
	fault.Unavailable:     {http.StatusServiceUnavailable, http.StatusServiceUnavailable},
	fault.Gone:            {http.StatusGone, http.StatusGone},
	fault.NotImplemented:  {http.StatusNotImplemented, http.StatusNotImplemented},
}

// ofCode holds the codes whose status is not that of their kind. What is not implemented is told by its kind alone: its code is
// also that of members that are not supported yet.
var ofCode = map[fault.Code]statuses{
	errInvalidJSON.Code:           {http.StatusBadRequest, http.StatusBadRequest},
	errIdempotencyKey.Code:        {http.StatusBadRequest, http.StatusBadRequest},
	ErrBodyTooLarge.Code:          {http.StatusRequestEntityTooLarge, http.StatusRequestEntityTooLarge},
	ErrMediaType.Code:             {http.StatusUnsupportedMediaType, http.StatusUnsupportedMediaType},
	errMethod.Code:                {http.StatusMethodNotAllowed, http.StatusMethodNotAllowed},
	fault.NotSupported:            {http.StatusUnprocessableEntity, http.StatusUnprocessableEntity},
	application.ErrKeyReused.Code: {http.StatusUnprocessableEntity, http.StatusUnprocessableEntity},
}

func statusOf(f form, e *fault.Error) int {
	s, ok := ofCode[e.Code]
	if !ok || e.Kind == fault.NotImplemented {
		s, ok = ofKind[e.Kind]
	}
	if !ok {
		return http.StatusInternalServerError
	}
	return s[f]
}

// Fail answers an error in the form of the API whose path was asked for; docs/errors.md has the status of each code. An error of
// a team's own, made by fault.New, gets the status of its kind: 422 for invalid, 400 for a rule that is violated, 404, 409
// and so on. What is no *fault.Error is our fault: it is answered as an internal error and logged by the types of its chain
// only, because the text of a foreign error may repeat personal data.
func (k *Call) Fail(err error) { k.fail(err, nil) }

// FailWith is Fail with further members of the answer: those of an object that Encode writes, such as a struct with json tags. It has
// at least one.
func (k *Call) FailWith(err error, more any) { k.fail(err, membersOf(more)) }

// membersOf writes the members of an object behind others.
func membersOf(object any) []byte {
	b := Encode(object)
	b[0] = ','
	return b[:len(b)-1]
}

// shown returns what an error is answered as.
func shown(err error) *fault.Error {
	e := fault.As(err)
	switch {
	case e == nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)):
		return errUnavailable
	case e == nil || e.Kind == fault.Internal:
		return errInternal
	}
	return e
}

// PartOfAnswer returns how an error would be answered by a route below /api, for a request that asks for several things of which one failed:
// its status and its body, without an id of a request. More is an object with further members, or nil.
func PartOfAnswer(err error, more any) (status int, body []byte) {
	var members []byte
	if more != nil {
		members = membersOf(more)
	}
	e := shown(err)
	return statusOf(supplierForm, e), append(supplierError(e, members), '}')
}

// fail answers an error; more is appended to the members of its body.
func (k *Call) fail(err error, more []byte) {
	e := shown(err)
	status := statusOf(k.form, e)
	k.tellNotSupported(e)
	if status >= http.StatusInternalServerError && e.Kind != fault.NotImplemented {
		level := slog.LevelError
		switch {
		case errors.Is(err, context.Canceled) && k.gin.Request.Context().Err() != nil:
			level = slog.LevelDebug // the client hung up
		case e.Kind == fault.Unavailable:
			level = slog.LevelWarn
		}
		k.log(level, "request failed", e.Code, err)
	}
	k.refuse(status, e, more)
}

// refuse answers an error that nobody needs to be told of in the log.
func (k *Call) refuse(status int, e *fault.Error, more []byte) {
	header := k.gin.Writer.Header()
	if header.Get("Retry-After") == "" && (status == http.StatusServiceUnavailable || e.Code == application.ErrInProgress.Code) {
		header["Retry-After"] = oneSecond
	}
	if k.errorPage != nil {
		if contentType, page := k.errorPage(k, e); page != nil {
			k.Send(status, contentType, page)
			return
		}
	}
	k.JSON(status, k.errorBody(e, more))
}

// tellNotSupported logs and counts what a request asks for that is not supported yet, by the names that the code has for it:
// whoever runs the server learns what its clients miss, such as the sales that they send.
func (k *Call) tellNotSupported(e *fault.Error) {
	var members []string
	for _, v := range e.Violations {
		if v.Code == fault.NotSupported {
			member, _, _ := strings.Cut(v.Field, ".") // what follows may be a name of the client's
			members = append(members, member)
		}
	}
	if len(members) == 0 {
		if e.Kind != fault.NotImplemented {
			return
		}
		members = []string{""}
	}
	k.server.deps.Logger.LogAttrs(k.ctx, slog.LevelWarn, "a client asked for what is not supported yet", slog.String("request_id", k.id),
		slog.String("method", k.method()), slog.String("route", k.pattern()), slog.Any("members", members), slog.String("key_id", k.actor.KeyID))
	if tell := k.server.deps.NotSupported; tell != nil {
		for _, member := range members {
			tell(k.method()+" "+k.pattern(), member)
		}
	}
}

var oneSecond = []string{"1"}

func (k *Call) errorBody(e *fault.Error, more []byte) []byte {
	if k.form == supplierForm {
		b := append(supplierError(e, more), `,"request_id":`...)
		b = AppendString(b, k.id)
		return append(b, '}')
	}
	b := append(make([]byte, 0, 256), `{"status":0,"message":`...)
	b = AppendString(b, e.Message)
	b = append(b, `,"code":`...)
	b = AppendString(b, string(codeOf(e)))
	if fields := e.Fields(); len(fields) > 0 {
		b = append(b, `,"errors":{`...)
		for i, f := range fields {
			if i > 0 {
				b = append(b, ',')
			}
			b = AppendString(b, f)
			b = append(b, ":["...)
			first := true
			for _, v := range e.Violations {
				if v.Field != f {
					continue
				}
				if !first {
					b = append(b, ',')
				}
				first = false
				b = AppendString(b, v.Message)
			}
			b = append(b, ']')
		}
		b = append(b, '}')
	}
	b = append(append(b, more...), `,"request_id":`...)
	b = AppendString(b, k.id)
	return append(b, '}')
}

// supplierError writes an error as the routes below /api do, without its end.
func supplierError(e *fault.Error, more []byte) []byte {
	b := append(make([]byte, 0, 128), `{"success":false,"error":`...)
	b = AppendString(b, e.Message)
	b = append(b, `,"code":`...)
	b = AppendString(b, string(e.Code))
	return append(appendFields(b, e), more...)
}

// appendFields appends the names of the fields at fault, and a reason for each.
func appendFields(b []byte, e *fault.Error) []byte {
	fields := e.Fields()
	if len(fields) == 0 {
		return b
	}
	b = append(b, `,"fields":[`...)
	for i, f := range fields {
		if i > 0 {
			b = append(b, ',')
		}
		b = AppendString(b, f)
	}
	b = append(b, `],"errors":{`...)
	for i, f := range fields {
		if i > 0 {
			b = append(b, ',')
		}
		at := slices.IndexFunc(e.Violations, func(v fault.Violation) bool { return v.Field == f })
		b = AppendString(append(AppendString(b, f), ':'), e.Violations[at].Message)
	}
	return append(b, '}')
}

// codeOf says more than "validation failed" where a client can branch on it: something is not supported yet, or all that is
// wrong is of one sort.
func codeOf(e *fault.Error) fault.Code {
	if e.Code != fault.ErrValidation.Code || len(e.Violations) == 0 {
		return e.Code
	}
	first, same := e.Violations[0].Code, true
	for _, v := range e.Violations {
		if v.Code == fault.NotSupported {
			return fault.NotSupported
		}
		same = same && v.Code == first
	}
	if same && (first == fault.UnknownField || first == fault.WrongType) {
		return first
	}
	return e.Code
}
