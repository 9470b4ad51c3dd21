package consolehttp

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"

	feedquery "github.com/leadmill/leadmill/application/feed/query"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/fault"
)

const eventsPath = consolePath + "/events"

type eventsContent struct {
	*Visit

	Events []application.StoredEvent // the newest first
	Types  []Option
	Kinds  string // the kinds of things that the page follows
	Older  string
	Far    bool // no more was looked at
}

const (
	shownEvents = 50
	eventsRead  = 1000 // at a time
)

// Positions are those of all sellers, so the newest events are looked for from the end of the log backwards, a stretch of positions after the
// other. A stretch is twice as long as the one before it, up to longestLook, because one that is long may hold many events; lookedAt in all.
const (
	firstLook   = 500
	longestLook = 8_000
	lookedAt    = 25_000
)

// events shows the newest events, or those before a position.
func events(v *Visit) {
	content := eventsContent{Visit: v, Types: []Option{{Label: "All"}}}
	v.Form.Fill("type", v.Query("type"))
	for _, t := range v.console.Catalogue.Types() {
		content.Types = append(content.Types, Option{Value: t, Label: t})
	}
	content.Kinds = "sse:" + strings.Join(kindsOf(v.console.Catalogue.Types()), ", sse:")
	var types []string
	if t := v.Query("type"); v.console.Catalogue.IsPublic(t) {
		types = []string{t}
	}
	end, err := v.logEnd()
	if before, is := positive(v.Query("before")); is {
		end = min(end, before-1)
	}
	var first int64
	if err == nil {
		content.Events, first, err = v.newestEvents(end, types)
	}
	if err != nil {
		v.Fail(err)
		return
	}
	content.Far = first > 0
	if n := len(content.Events); n == shownEvents {
		first = content.Events[n-1].Position
	}
	if first > 0 {
		content.Older = v.With("before", strconv.FormatInt(first, 10))
	}
	v.Show("events", content)
}

func positive(text string) (int64, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil && n > 0
}

// logEnd is the position of the last event in the log.
func (v *Visit) logEnd() (int64, error) {
	stream, err := Ask[feedquery.OpenStream](v, feedquery.EventStream{Actor: v.Who(), FromHead: true})
	if err != nil {
		return 0, err
	}
	defer stream.Close()
	return stream.Position(), nil
}

// newestEvents are the last events up to a position, the newest first. Where fewer were found than are shown, and the log goes further back than was
// looked, from is the first position that was looked at; otherwise 0.
func (v *Visit) newestEvents(end int64, types []string) (found []application.StoredEvent, from int64, err error) {
	first := max(end-lookedAt, 0)
	for look := int64(firstLook); end > first && len(found) < shownEvents; look = min(2*look, longestLook) {
		after := max(end-look, first)
		stretch, archived, err := v.eventsBetween(after, end, types)
		if err != nil {
			return nil, 0, err
		}
		slices.Reverse(stretch)
		found = append(found, stretch...)
		if end = after; archived {
			return found[:min(len(found), shownEvents)], 0, nil
		}
	}
	if len(found) < shownEvents && end > 0 {
		return found, end + 1, nil
	}
	return found[:min(len(found), shownEvents)], 0, nil
}

// eventsBetween are the last events, shownEvents at most, above a position up to another. archived says that the log begins among them.
func (v *Visit) eventsBetween(after, upTo int64, types []string) (found []application.StoredEvent, archived bool, err error) {
	for after < upTo {
		page, err := Ask[feedquery.EventPage](v, feedquery.Events{Actor: v.Who(), After: after, UpTo: upTo, Limit: int(min(upTo-after, eventsRead)), Types: types})
		var old *feedquery.ArchivedError
		if errors.As(err, &old) && old.First-1 > after {
			after, archived = old.First-1, true
			continue
		}
		if err != nil {
			return nil, false, err
		}
		found = append(found, page.Events...)
		found = found[max(len(found)-shownEvents, 0):]
		if page.Next <= after {
			break
		}
		after = page.Next
	}
	return found, archived, nil
}

type eventContent struct {
	*Visit

	Event  application.StoredEvent
	Data   string
	Schema string
	About  string // the page of what the event is about; empty when it has none
}

var errNoEvent = fault.New(fault.NotFound, "event_not_found", "There is no such event.")

// aboutPaths are where the things are that events are about.
var aboutPaths = map[string]string{"lead": "/console/leads/", "partner": partnersPath + "/", "customer": customersPath + "/", "buyer": "/console/buyers/", "campaign": "/console/campaigns/", "webhook": webhooksPath + "/"}

// showEvent shows one event as it is sent, and what its members mean.
func showEvent(v *Visit) {
	position, is := positive(v.Param("position"))
	if !is {
		v.Fail(errNoEvent)
		return
	}
	page, err := Ask[feedquery.EventPage](v, feedquery.Events{Actor: v.Who(), After: position - 1, Limit: 1})
	if err == nil && (len(page.Events) == 0 || page.Events[0].Position != position) || fault.KindOf(err) == fault.Conflict {
		err = errNoEvent
	}
	if err != nil {
		v.Fail(err)
		return
	}
	content := eventContent{Visit: v, Event: page.Events[0]}
	content.Data = indented(content.Event.Payload)
	if schema, ok := v.console.Catalogue.Schema(content.Event.Type); ok {
		content.Schema = indented(schema)
	}
	if path := aboutPaths[content.Event.AggregateType]; path != "" {
		content.About = path + content.Event.AggregateID
	}
	v.Show("event", content)
}

// indented writes JSON for people.
func indented(text []byte) string {
	var b bytes.Buffer
	if json.Indent(&b, text, "", "  ") != nil {
		return string(text)
	}
	return b.String()
}
