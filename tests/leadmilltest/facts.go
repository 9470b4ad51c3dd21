package leadmilltest

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
)

// Fields are the fields of a lead by name, as a supplier's JSON would have them: texts, numbers, booleans, and nil for a field
// that was sent without a value. A field.Value is taken as it is. A campaign normalises fields before a rule sees them; here
// nothing does, so a phone number is written in E.164.
type Fields map[string]any

// FactsOption changes what a rule or strategy may know of a lead. A function of the test's own is one too: all members of
// lead.Facts but the fields are exported.
type FactsOption func(*lead.Facts)

// Facts returns what rules and strategies may know of a lead that a supplier sent, for tests without an App:
//
//	err := rule.Check(leadmilltest.Facts(leadmilltest.Fields{"state": "TX", "age": 17}, leadmilltest.OfPartner("p1")))
//
// The lead is no test, and was received at a fixed time. It panics when a field cannot be written as JSON.
func Facts(fields Fields, options ...FactsOption) lead.Facts {
	f := lead.Submit(lead.Submission{
		ID: "lead_1", SellerID: "seller_1", SellerCode: "SHOP0001", KeyID: "key_1", PartnerID: "supplier", CampaignID: "campaign_1",
		Category: Category, Fields: setOf(fields), At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	}).Facts()
	for _, option := range options {
		option(&f)
	}
	return f
}

func valueOf(name string, v any) field.Value {
	if value, is := v.(field.Value); is {
		return value
	}
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("leadmilltest: the field %s: %v", name, err))
	}
	switch text := string(b); {
	case text == "null":
		return field.Value{}
	case text == "true" || text == "false":
		return field.Value{Kind: field.Bool, Text: text}
	case text[0] == '"':
		_ = json.Unmarshal(b, &text) // it was made a moment ago
		return field.TextValue(text)
	case text[0] == '{' || text[0] == '[':
		return field.Value{Kind: field.Other, Text: text}
	default:
		return field.Value{Kind: field.Number, Text: text}
	}
}

// Answered says what providers of facts (application.FactProvider) answered, by their names; the answer of any other is absent.
func Answered(answers map[string]Fields) FactsOption {
	return func(f *lead.Facts) {
		outside := make(map[string]field.Set, len(answers))
		for provider, fields := range answers {
			outside[provider] = setOf(fields)
		}
		*f = f.WithOutside(outside)
	}
}

func setOf(fields Fields) field.Set {
	set := make(field.Set, len(fields))
	for name, v := range fields {
		set[name] = valueOf(name, v)
	}
	return set
}

// OfPartner says which partner supplied the lead; by default "supplier".
func OfPartner(id string) FactsOption { return func(f *lead.Facts) { f.PartnerID = id } }

// OfCampaign says which campaign the lead is for; by default "campaign_1" of the category [Category].
func OfCampaign(id, category string) FactsOption {
	return func(f *lead.Facts) { f.CampaignID, f.Category = id, category }
}

// OfOrigin says how the lead arrived; by default lead.OriginSupplier.
func OfOrigin(o lead.Origin) FactsOption { return func(f *lead.Facts) { f.Origin = o } }

// ReceivedAt says when the lead was received; by default at 2026-01-02 03:04:05 UTC.
func ReceivedAt(at time.Time) FactsOption { return func(f *lead.Facts) { f.ReceivedAt = at.UTC() } }

// AsTestLead makes the lead a test, which is decided but never billed.
func AsTestLead() FactsOption { return func(f *lead.Facts) { f.Test = true } }
