package httpport

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/leadmill/leadmill/application/contract/eventsv1"
	"github.com/leadmill/leadmill/application/query"
	"github.com/leadmill/leadmill/domain/fault"
)

// The bounds of the feed (api/events.md, "Ways to read them").
const (
	defaultEvents = 100
	maxEvents     = 1000
	maxWait       = 25
	// feedSlack is what reading and writing a page may take beyond the wait.
	feedSlack = 15 * time.Second
)

func listEvents(k *call) {
	var v fault.Violations
	q := eventsOf(k.c.Request.URL.Query(), &v)
	if err := v.Err(); err != nil {
		k.fail(err)
		return
	}
	q.Actor = k.actor
	ctx := k.ctx
	if q.Wait > 0 {
		// A long poll outlasts the server's own deadlines. Without a connection behind it, as in tests, there are none.
		deadline := k.s.deps.Clock.Now().Add(q.Wait + feedSlack)
		control := http.NewResponseController(k.c.Writer)
		_ = control.SetReadDeadline(deadline)
		_ = control.SetWriteDeadline(deadline)
		var release func()
		ctx, release = k.s.untilStop(ctx)
		defer release()
	}
	page, err := k.s.deps.Handlers.Events.Handle(ctx, q)
	switch {
	case err != nil && k.s.running.Err() != nil && errors.Is(err, context.Canceled):
		page = query.EventPage{Next: q.After} // the server stops: the client goes on elsewhere
	case err != nil:
		k.fail(err)
		return
	}
	b := append(make([]byte, 0, 64+700*len(page.Events)), `{"data":[`...)
	base := k.base()
	for i, e := range page.Events {
		if i > 0 {
			b = append(b, ',')
		}
		b = eventsv1.NewEnvelope(eventsv1.Occurrence{ID: e.ID, SellerCode: k.actor.SellerCode, Type: e.Type, Subject: e.AggregateID,
			Time: e.OccurredAt, Data: e.Payload, Position: e.Position, AggregateVersion: e.AggregateVersion,
			CorrelationID: e.Trail.CorrelationID, CausationID: e.Trail.CausationID, Traceparent: e.Trail.Traceparent,
			BaseURL: base}).AppendJSON(b)
	}
	b = append(b, `],"next":`...)
	b = strconv.AppendInt(b, page.Next, 10)
	k.write(http.StatusOK, append(b, `,"status":1}`...))
}

func eventsOf(values url.Values, v *fault.Violations) query.Events {
	number := func(name string, least, most, otherwise int64, message string) int64 {
		s := values.Get(name)
		if s == "" {
			return otherwise
		}
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil || n < least || n > most {
			v.Add(name, fault.InvalidValue, message)
		}
		return n
	}
	q := query.Events{
		After: number("after", 0, 1<<62, 0, "must be a position: a whole number from 0"),
		Limit: int(number("limit", 1, maxEvents, defaultEvents, "must be between 1 and 1000")),
		Wait:  time.Duration(number("wait", 0, maxWait, 0, "must be between 0 and 25 seconds")) * time.Second,
	}
	for typ := range strings.SplitSeq(values.Get("types"), ",") {
		typ = strings.TrimSpace(typ)
		if typ == "" || slices.Contains(q.Types, typ) {
			continue
		}
		if !eventsv1.IsPublic(typ) {
			v.Add("types", fault.InvalidValue, "must be types of events such as lead.sold.v1, separated by commas")
			break
		}
		q.Types = append(q.Types, typ)
	}
	return q
}

func live(k *call) { k.write(http.StatusOK, okBody) }

func ready(k *call) {
	if k.s.running.Err() != nil {
		k.fail(errUnavailable)
		return
	}
	ctx, cancel := context.WithTimeout(k.ctx, readyTimeout)
	defer cancel()
	if err := k.s.deps.Ready(ctx); err != nil {
		k.fail(errUnavailable.Because(err))
		return
	}
	k.write(http.StatusOK, okBody)
}

func openAPIDocument(k *call) { k.send(http.StatusOK, yamlType, openAPI) }

func asyncAPIDocument(k *call) { k.send(http.StatusOK, yamlType, eventsv1.AsyncAPI()) }

func eventSchema(k *call) {
	typ, isJSON := strings.CutSuffix(k.c.Param("file"), ".json")
	schema, ok := eventsv1.Schema(typ)
	if !ok || !isJSON {
		k.fail(errNoRoute)
		return
	}
	k.write(http.StatusOK, schema)
}
