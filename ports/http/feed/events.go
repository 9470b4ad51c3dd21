package feedhttp

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/leadmill/leadmill/application"
	feedquery "github.com/leadmill/leadmill/application/feed/query"
	"github.com/leadmill/leadmill/domain/fault"
	httpport "github.com/leadmill/leadmill/ports/http"
)

// The bounds of a page of the feed: events, seconds to wait for the first, and milliseconds to gather more.
const (
	defaultEvents = 100
	maxEvents     = 1000
	maxWait       = 25
	maxLinger     = 1000
)

// batchType is a list of CloudEvents without anything around it.
const batchType = "application/cloudevents-batch+json"

func (h Handlers) listEvents(k *httpport.Call) {
	var v fault.Violations
	q := h.eventsOf(k.StrictQuery(&v, parameters...), &v)
	if err := v.Err(); err != nil {
		k.Fail(err)
		return
	}
	q.Actor = k.Actor()
	ctx := k.Context()
	if k.Stopping() {
		q.Wait, q.Linger = 0, 0 // the client goes on elsewhere
	}
	if hold := q.Wait + q.Linger; hold > 0 {
		var release func()
		ctx, release = k.Wait(hold)
		defer release()
	}
	page, err := h.Events.Handle(ctx, q)
	if errors.Is(err, context.Canceled) && k.Stopping() && k.Context().Err() == nil {
		// The stop ends waits, and came while the log was read instead: this instance still answers what it is asked.
		q.Wait, q.Linger = 0, 0
		page, err = h.Events.Handle(k.Context(), q)
	}
	if errors.Is(context.Cause(ctx), application.ErrInvalidKey) {
		err = application.ErrInvalidKey
	}
	if err != nil {
		failEvents(k, err)
		return
	}
	base := h.Base()
	if base == "" {
		base = k.Base()
	}
	batch := prefersBatch(k.Request().Header.Values("Accept"))
	k.Writer().Header()["Vary"] = vary
	b := make([]byte, 0, 128+700*len(page.Events))
	if batch {
		b = append(b, '[')
	} else {
		b = append(b, `{"data":[`...)
	}
	for i, e := range page.Events {
		if i > 0 {
			b = append(b, ',')
		}
		b = Envelope(&e, q.SellerCode, base).AppendJSON(b)
	}
	b = append(b, ']')
	if batch {
		values := k.Query()
		values.Set("after", strconv.FormatInt(page.Next, 10))
		values.Set("log_id", page.LogID)
		k.Writer().Header()["Link"] = []string{"<" + k.Base() + "/v1/events?" + values.Encode() + `>; rel="next"`}
		k.Send(http.StatusOK, batchType, b)
		return
	}
	b = strconv.AppendInt(append(b, `,"next":`...), page.Next, 10)
	b = httpport.AppendString(append(b, `,"log_id":`...), page.LogID)
	k.JSON(http.StatusOK, append(b, `,"status":1}`...))
}

var vary = []string{"Accept"}

func failEvents(k *httpport.Call, err error) {
	var archived *feedquery.ArchivedError
	var log *feedquery.LogError
	switch {
	case errors.As(err, &archived):
		k.FailWith(err, struct {
			First int64 `json:"first"`
		}{archived.First})
	case errors.As(err, &log):
		k.FailWith(err, struct {
			LogID string `json:"log_id"`
			Head  int64  `json:"head"`
		}{log.LogID, log.Head})
	default:
		k.Fail(err)
	}
}

// prefersBatch reports whether a client names the bare list among what it accepts and does not like an object better.
func prefersBatch(accept []string) bool {
	var batch, object float64
	for one := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		mediaType, parameters, err := mime.ParseMediaType(one)
		if err != nil {
			continue
		}
		quality := 1.0
		if q, given := parameters["q"]; given {
			quality, _ = strconv.ParseFloat(q, 64) // what is no number is 0: not wanted
		}
		switch mediaType {
		case batchType:
			batch = quality
		case "application/json":
			object = quality
		}
	}
	return batch > 0 && batch >= object
}

var parameters = []string{"after", "log_id", "limit", "types", "wait", "min", "linger"}

// typeName is what a type looks like: what does not is not repeated in an answer, because it may be anything.
var typeName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,40}(\.[a-z0-9_]{1,40}){1,4}$`)

// eventsOf reads the query.
func (h Handlers) eventsOf(values url.Values, v *fault.Violations) feedquery.Events {
	q := feedquery.Events{
		After:  number(values, v, "after", 0, maxPosition, 0, positionMessage),
		LogID:  values.Get("log_id"),
		Limit:  int(number(values, v, "limit", 1, maxEvents, defaultEvents, "must be between 1 and 1000")),
		Wait:   time.Duration(number(values, v, "wait", 0, maxWait, 0, "must be between 0 and 25 seconds")) * time.Second,
		Linger: time.Duration(number(values, v, "linger", 0, maxLinger, 0, "must be between 0 and 1000 milliseconds")) * time.Millisecond,
	}
	q.Min = int(number(values, v, "min", 1, int64(q.Limit), 0, "must be between 1 and limit, which is "+strconv.Itoa(q.Limit)))
	q.Types = h.typesOf(values, v)
	return q
}

const (
	maxPosition     = 1 << 62
	positionMessage = "must be a position: a whole number from 0"
)

// number reads a whole number.
func number(values url.Values, v *fault.Violations, name string, least, most, otherwise int64, message string) int64 {
	s := values.Get(name)
	if s == "" {
		return otherwise
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < least || n > most {
		v.Add(name, fault.InvalidValue, message)
		return otherwise
	}
	return n
}

// typesOf reads the types of events that are asked for; none is all.
func (h Handlers) typesOf(values url.Values, v *fault.Violations) (types []string) {
	for typ := range strings.SplitSeq(values.Get("types"), ",") {
		typ = strings.TrimSpace(typ)
		switch {
		case typ == "" || slices.Contains(types, typ):
		case h.Catalogue.IsPublic(typ):
			types = append(types, typ)
		case typeName.MatchString(typ):
			v.Add("types", fault.InvalidValue, typ+" is not a type of events")
		default:
			v.Add("types", fault.InvalidValue, "must be types of events such as lead.sold.v1, separated by commas")
		}
	}
	return types
}
