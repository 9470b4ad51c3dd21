package field_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
)

func TestWithoutPersonal(t *testing.T) {
	t.Parallel()
	rules, err := field.NewRules([]field.Rule{
		{Name: "zip", Required: true},
		{Name: "work", Type: field.TypePhone, Required: true},
		{Name: "date_of_birth", Type: field.TypeDate, Required: true},
		{Name: "roof", Type: field.TypeString, Required: true},
		{Name: "middle-name", Type: field.TypeString, Required: true},
	})
	require.NoError(t, err)
	rules = rules.WithConsent([]string{field.TrustedForm, field.ConsentText})
	_, err = rules.WithoutPersonal().Check(field.Set{})
	require.ErrorIs(t, err, field.ErrMissing)
	var missing []string
	for _, v := range fault.As(err).Violations {
		missing = append(missing, v.Field)
	}
	assert.Equal(t, []string{"state", "zip", "roof"}, missing)
	out, err := rules.WithoutPersonal().Check(field.Set{"state": field.TextValue("tx"), "zip": field.TextValue("75201"), "roof": field.TextValue("flat")})
	require.NoError(t, err)
	assert.Equal(t, "TX", out.Text("state"))
	_, err = rules.WithoutPersonal().Check(field.Set{"state": field.TextValue("tx"), "zip": field.TextValue("75201"), "roof": field.TextValue("flat"), "phone": field.TextValue("1")})
	require.ErrorIs(t, err, field.ErrInvalid, "what is sent must have its form")
	_, err = rules.Check(out)
	require.ErrorIs(t, err, field.ErrMissing, "the rules themselves did not change")
}

// What is told to somebody who did not buy the lead.
func TestTold(t *testing.T) {
	t.Parallel()
	rules, err := field.NewRules([]field.Rule{
		{Name: "roof"},
		{Name: "notes", Type: field.TypeText},
		{Name: "page", Type: field.TypeURL},
		{Name: "age", Type: field.TypeInteger},
		{Name: "work", Type: field.TypeEmail},
		{Name: "maiden_name"},
		{Name: "area", Type: field.TypeZip},
		{Name: "kind"},
		{Name: "ip_address"},
		{Name: "property_address"},
		{Name: "spouseName"},
		{Name: "phone2"},
		{Name: "callback", Type: field.TypeInteger},
		{Name: "filename"},
	})
	require.NoError(t, err)
	for name, want := range map[string]bool{
		"roof": true, "state": true, "zip": true, "city": true, "age": true, "area": true, "notes": false, "page": false, "work": false, "maiden_name": false, "phone": false, "email": false,
		"firstName": false, "ip_address": false, "unknown": false,
		"property_address": false, "spouseName": false, "phone2": false, "callback": true, "filename": true,
	} {
		assert.Equal(t, want, rules.Tells(name), name)
	}
	assert.True(t, rules.Has("notes"))
	assert.False(t, rules.Has("unknown"))
	in := field.Set{}
	for _, name := range []string{"notes", "page", "work", "maiden_name", "phone", "email", "firstName", "lastName", "ip_address", "unknown"} {
		in[name] = field.TextValue("x")
	}
	in["roof"], in["state"], in["city"], in["kind"] = field.TextValue("flat"), field.TextValue("TX"), field.TextValue("Dallas 604-785-3799"), field.TextValue("a@b")
	in["zip"], in["area"], in["age"] = field.TextValue("75201-1234"), field.TextValue("no zip"), field.Value{Kind: field.Number, Text: "42"}
	in["callback"], in["property_address"] = field.Value{Kind: field.Number, Text: "6047853799"}, field.TextValue("12 Oak Street")
	assert.Equal(t, field.Set{"roof": field.TextValue("flat"), "state": field.TextValue("TX"), "zip": field.TextValue("75201"), "age": in["age"]}, rules.Told(in))
	in["city"], in["kind"] = field.TextValue("Dallas 75201"), field.Value{Kind: field.Other, Text: "{}"}
	assert.Equal(t, "Dallas 75201", rules.Told(in).Text("city"))
	assert.NotContains(t, rules.Told(in), "kind")
}
