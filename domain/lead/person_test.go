package lead_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/leadmill/leadmill/domain/contact"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
)

func person(t require.TestingT, email, phone string) lead.Person {
	var e contact.Email
	var p contact.Phone
	var err error
	if email != "" {
		e, err = contact.ParseEmail(email)
		require.NoError(t, err)
	}
	if phone != "" {
		p, err = contact.ParsePhone(phone)
		require.NoError(t, err)
	}
	return lead.NewPerson(e, p)
}

func TestPersonInFields(t *testing.T) {
	t.Parallel()
	jane := person(t, "Jane@Example.com", "555-123-4567")
	local, british := person(t, "", "555-1234"), person(t, "", "+44 20 7946 0958")
	for name, c := range map[string]struct {
		of    lead.Person
		value field.Value
		want  bool
	}{
		"as stored":                  {jane, field.TextValue("+15551234567"), true},
		"as sent":                    {jane, field.TextValue(" (555) 123 4567"), true},
		"a number":                   {jane, field.Value{Kind: field.Number, Text: "5551234567"}, true},
		"another number":             {jane, field.TextValue("555-123-4568"), false},
		"the same end":               {jane, field.TextValue("555-124-4567"), false},
		"within a text":              {jane, field.TextValue("call 555-123-4567"), false},
		"email, other case":          {jane, field.TextValue(" jANE@example.COM "), true},
		"another script":             {person(t, "jörg@Bücher.example", ""), field.TextValue(" JÖRG@bÜcher.EXAMPLE"), true},
		"another script, another":    {person(t, "jörg@bücher.example", ""), field.TextValue("jorg@bücher.example"), false},
		"a longer email":             {jane, field.TextValue("jane@example.com.example"), false},
		"a shorter email":            {jane, field.TextValue("jane@example.co"), false},
		"another email":              {jane, field.TextValue("jane@example.org"), false},
		"inside an object":           {jane, field.Value{Kind: field.Other, Text: `{"other":[1,{"mail":"jane@example.com"}]}`}, true},
		"a number inside":            {jane, field.Value{Kind: field.Other, Text: `[1, 15551234567]`}, true},
		"nothing inside":             {jane, field.Value{Kind: field.Other, Text: `{"a":[true,null,"x"]}`}, false},
		"a local number":             {local, field.TextValue("5551234"), true},
		"a local number, longer":     {local, field.TextValue("2025551234"), false},
		"another country":            {british, field.TextValue("+44 (0) 20 7946 0958"), true},
		"another country, as stored": {british, field.TextValue("+442079460958"), true},
		"nothing":                    {jane, field.Value{}, false},
		"a truth":                    {jane, field.Value{Kind: field.Bool, Text: "true"}, false},
		"nobody":                     {lead.Person{}, field.TextValue(""), false},
		"nobody in digits":           {lead.Person{}, field.TextValue("5551234567"), false},
	} {
		assert.Equal(t, c.want, c.of.In(field.Set{"a": field.TextValue("-"), "x": c.value}), name)
	}
	email, phone := jane.Keys()
	assert.Equal(t, jane, lead.RestorePerson(email, phone))
	assert.False(t, jane.In(nil))
}

// Whatever form a number is sent in, what the domain stores of it is found again by any form.
func TestPersonIsFoundAsStored(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		sent := rapid.OneOf(
			rapid.StringMatching(`(\+1 ?)?\(?[2-9][0-9]{2}\)?[ -.]?[0-9]{3}[ -.]?[0-9]{4}`),
			rapid.StringMatching(`\+(7|20|33|44|49|52|54|61|81|353|380) ?(\(0\))?[0-9]{4,11}`),
			rapid.StringMatching(`\+?[0-9]{5,16}`)).Draw(t, "phone")
		p, err := contact.ParsePhone(sent)
		if err != nil {
			return
		}
		who := lead.NewPerson(contact.Email{}, p)
		for _, text := range []string{sent, p.String()} {
			if !who.Is(text) {
				t.Fatalf("%q (%s) is not found in %q", sent, p, text)
			}
		}
	})
}
