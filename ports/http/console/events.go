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

// spans are how many positions of the log are looked at for the newest events, one after the other as long as too few are found: positions are those of all
// sellers.
var spans = []int64{500, 10_000, 200_000}

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
	if err == nil {
		content.Events, content.Far, err = v.newestEvents(end, types)
	}
	if err != nil {
		v.Fail(err)
		return
	}
	if n := len(content.Events); n == shownEvents {
		content.Older = v.With("before", strconv.FormatInt(content.Events[n-1].Position, 10))
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

// newestEvents are the last events up to a position, the newest first. far says that no more of the log was looked at.
func (v *Visit) newestEvents(end int64, types []string) (found []application.StoredEvent, far bool, err error) {
	for _, span := range spans {
		found = nil
		for after := max(end-span, 0); after < end; {
			page, err := Ask[feedquery.EventPage](v, feedquery.Events{Actor: v.Who(), After: after, Limit: eventsRead, Types: types})
			var archived *feedquery.ArchivedError
			if errors.As(err, &archived) && archived.First-1 > after {
				after = archived.First - 1
				continue
			}
			if err != nil {
				return nil, false, err
			}
			for _, e := range page.Events {
				if e.Position <= end {
					found = append(found, e)
				}
			}
			found = found[max(len(found)-shownEvents, 0):]
			if page.Next <= after {
				break
			}
			after = page.Next
		}
		if len(found) == shownEvents || end <= span {
			far = false
			break
		}
		far = true
	}
	slices.Reverse(found)
	return found, far, nil
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
