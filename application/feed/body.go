package feed

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/webhook"
)

// partneroTypes are the events that Partnero has too, by its names for them.
var partneroTypes = map[string]string{
	"partner.created":  eventsv1.PartnerCreated{}.Type(),
	"partner.updated":  eventsv1.PartnerUpdated{}.Type(),
	"partner.approved": eventsv1.PartnerApproved{}.Type(),
	"partner.rejected": eventsv1.PartnerRejected{}.Type(),
	"partner.archived": eventsv1.PartnerArchived{}.Type(),
	"partner.deleted":  eventsv1.PartnerDeleted{}.Type(),
	"customer.created": eventsv1.CustomerCreated{}.Type(),
	"customer.updated": eventsv1.CustomerUpdated{}.Type(),
	"customer.deleted": eventsv1.CustomerDeleted{}.Type(),
	"lead.submitted":   eventsv1.LeadSubmitted{}.Type(),
	"lead.converted":   eventsv1.LeadConverted{}.Type(),
	"lead.rejected":    eventsv1.LeadRejected{}.Type(),
}

// FormatOf is the format of a webhook that names none: Partnero's when all events have a name that only Partnero uses.
func FormatOf(events []string) webhook.Format {
	if len(events) > 0 && !slices.ContainsFunc(events, func(name string) bool { return strings.HasSuffix(name, ".v1") }) {
		return webhook.Partnero
	}
	return webhook.Standard
}

// TypesOf returns the types of events that names of a format mean. What is no type is a violation that names it.
func TypesOf(c *eventsv1.Catalogue, format webhook.Format, names []string, v *fault.Violations) []string {
	types := make([]string, 0, len(names))
	for i, name := range names {
		typ := name
		if format == webhook.Partnero {
			typ = partneroTypes[name]
		}
		if !c.IsPublic(typ) {
			v.Add(fmt.Sprintf("events[%d]", i), fault.InvalidValue, shown(name)+" is not a type of events")
			continue
		}
		types = append(types, typ)
	}
	return types
}

// shown is a name as an answer repeats it: what looks like none may be anything.
func shown(name string) string {
	if name == "" || len(name) > 64 || strings.ContainsFunc(name, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '.' && r != '_' }) {
		return "this"
	}
	return name
}

// NamesOf returns what a format calls types of events.
func NamesOf(format webhook.Format, types []string) []string {
	names := slices.Clone(types)
	if format == webhook.Partnero {
		for i := range names {
			names[i] = strings.TrimSuffix(names[i], ".v1")
		}
	}
	return names
}

// NamesIn returns what a webhook of a format can be told of, by the format's names, in order.
func NamesIn(c *eventsv1.Catalogue, format string) []string {
	if webhook.Format(format) == webhook.Partnero {
		return slices.Sorted(maps.Keys(partneroTypes))
	}
	return c.Types()
}

// Bodies writes what webhooks are sent.
type Bodies struct {
	// Base is the address in the dataschema of events.
	Base func() string
}

// Of returns the body that a webhook is sent of an event; nil when it is not told of it. A webhook in Partnero's format is told of the leads of the lead
// form alone, because Partnero has no others.
func (b Bodies) Of(l Listener, e *application.StoredEvent) ([]byte, error) {
	if !slices.Contains(l.Events, e.Type) {
		return nil, nil
	}
	if l.Format == webhook.Partnero {
		return partneroBody(l, e)
	}
	return eventsv1.NewEnvelope(eventsv1.Occurrence{
		ID: e.ID, SellerCode: l.SellerCode, Type: e.Type, Subject: e.AggregateID, Time: e.OccurredAt, Data: e.Payload, Position: e.Position,
		AggregateVersion: e.AggregateVersion, CorrelationID: e.Trail.CorrelationID, CausationID: e.Trail.CausationID, Traceparent: e.Trail.Traceparent, BaseURL: b.Base(),
	}).AppendJSON(make([]byte, 0, 700)), nil
}

// partneroEvent is what Partnero sends.
type partneroEvent struct {
	Event      string          `json:"event"`
	URL        string          `json:"url"`
	WebhookKey string          `json:"webhook_key"`
	CreatedAt  eventsv1.Time   `json:"created_at"`
	Data       json.RawMessage `json:"data"`
}

// partneroAliases are the members of an event's data under the names that Partnero has for them, by the kind of aggregate.
var partneroAliases = map[string][][2]string{
	"partner":  {{"id", "partner_id"}, {"key", "referral_key"}},
	"customer": {{"key", "customer_key"}, {"partner", "partner_id"}},
	"lead":     {{"id", "number"}, {"partner", "partner_id"}},
}

func partneroBody(l Listener, e *application.StoredEvent) ([]byte, error) {
	var data map[string]json.RawMessage
	if err := json.Unmarshal(e.Payload, &data); err != nil {
		return nil, fmt.Errorf("the data of %s: %w", e.Type, err)
	}
	kind, _, _ := strings.Cut(e.Type, ".")
	if kind == "lead" && string(data["origin"]) != `"form"` {
		return nil, nil
	}
	for _, alias := range partneroAliases[kind] {
		if value, ok := data[alias[1]]; ok {
			data[alias[0]] = value
		}
	}
	inner, err := plainJSON(data)
	if err != nil {
		return nil, err
	}
	return plainJSON(partneroEvent{
		Event: strings.TrimSuffix(e.Type, ".v1"), URL: l.URL, WebhookKey: l.Key, CreatedAt: eventsv1.UTC(e.OccurredAt), Data: inner,
	})
}

// plainJSON writes JSON with <, > and & as they are.
func plainJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}
