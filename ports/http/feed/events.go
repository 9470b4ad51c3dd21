package feedhttp

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
	feedquery "github.com/leadmill/leadmill/application/feed/query"
	"github.com/leadmill/leadmill/domain/fault"
	httpport "github.com/leadmill/leadmill/ports/http"
)

// The bounds of a page of the feed: events, and seconds to wait for the first.
const (
	defaultEvents = 100
	maxEvents     = 1000
	maxWait       = 25
)

func (h Handlers) listEvents(k *httpport.Call) {
	var v fault.Violations
	q := h.eventsOf(k.Query(), &v)
	if err := v.Err(); err != nil {
		k.Fail(err)
		return
	}
	q.Actor = k.Actor()
	ctx := k.Context()
	if k.Stopping() {
		q.Wait = 0 // the client goes on elsewhere
	}
	if q.Wait > 0 {
		var release func()
		ctx, release = k.Wait(q.Wait)
		defer release()
	}
	page, err := h.Events.Handle(ctx, q)
	var archived *feedquery.ArchivedError
	switch {
	case errors.As(err, &archived):
		k.FailWith(err, "first", archived.First)
		return
	case err != nil && k.Stopping() && errors.Is(err, context.Canceled):
		page = feedquery.EventPage{Next: q.After} // the server stops: the client goes on elsewhere
	case err != nil:
		k.Fail(err)
		return
	}
	b := append(make([]byte, 0, 64+700*len(page.Events)), `{"data":[`...)
	base := k.Base()
	for i, e := range page.Events {
		if i > 0 {
			b = append(b, ',')
		}
		b = eventsv1.NewEnvelope(eventsv1.Occurrence{
			ID: e.ID, SellerCode: q.SellerCode, Type: e.Type, Subject: e.AggregateID,
			Time: e.OccurredAt, Data: e.Payload, Position: e.Position, AggregateVersion: e.AggregateVersion,
			CorrelationID: e.Trail.CorrelationID, CausationID: e.Trail.CausationID, Traceparent: e.Trail.Traceparent,
			BaseURL: base,
		}).AppendJSON(b)
	}
	b = append(b, `],"next":`...)
	b = strconv.AppendInt(b, page.Next, 10)
	k.JSON(http.StatusOK, append(b, `,"status":1}`...))
}

func (h Handlers) eventsOf(values url.Values, v *fault.Violations) feedquery.Events {
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
	q := feedquery.Events{
		After: number("after", 0, 1<<62, 0, "must be a position: a whole number from 0"),
		Limit: int(number("limit", 1, maxEvents, defaultEvents, "must be between 1 and 1000")),
		Wait:  time.Duration(number("wait", 0, maxWait, 0, "must be between 0 and 25 seconds")) * time.Second,
	}
	for typ := range strings.SplitSeq(values.Get("types"), ",") {
		typ = strings.TrimSpace(typ)
		if typ == "" || slices.Contains(q.Types, typ) {
			continue
		}
		if !h.Catalogue.IsPublic(typ) {
			v.Add("types", fault.InvalidValue, "must be types of events such as lead.sold.v1, separated by commas")
			break
		}
		q.Types = append(q.Types, typ)
	}
	return q
}
