package field_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
)

func other(text string) field.Value { return field.Value{Kind: field.Other, Text: text} }

func TestAMapIsChecked(t *testing.T) {
	t.Parallel()
	r := rules(t, field.Rule{Name: "roof"})
	many := map[string]string{}
	for i := range 101 {
		many[fmt.Sprintf("n%d", i)] = "roof"
	}
	for _, tc := range []struct {
		name string
		own  map[string]string
		want map[string]fault.Code
	}{
		{"none", nil, nil},
		{"names and pointers", map[string]string{"first_name": "firstName", "Wie heißt Du?": "roof", "/contact/e~1m~0ail/0": "email", "id": "external_id", "/phone": "phone"}, nil},
		{"the longest", map[string]string{strings.Repeat("ü", 128): "roof", "/" + strings.Repeat("a", 128) + "/" + strings.Repeat("b", 128): "roof"}, nil},
		{"too many", many, map[string]fault.Code{"field_map": fault.InvalidValue}},
		{"to nothing of ours", map[string]string{"a": "shoe_size", "b": "", "c": "seller", "d": "test"}, map[string]fault.Code{
			"field_map.a": fault.InvalidValue, "field_map.b": fault.InvalidValue, "field_map.c": fault.InvalidValue, "field_map.d": fault.InvalidValue,
		}},
		{"the wrong way round", map[string]string{"firstName": "first_name", "phone": "/contact/phone", "category": "roof"}, map[string]fault.Code{
			"field_map.firstName": fault.InvalidValue, "field_map.phone": fault.InvalidValue, "field_map.category": fault.InvalidValue,
		}},
		{"odd names", map[string]string{"": "roof", "a\nb": "roof"}, map[string]fault.Code{"field_map.": fault.InvalidValue, "field_map.a\nb": fault.InvalidValue}},
		{"odd pointers", map[string]string{"/": "roof", "/a//b": "roof", "/a~2b": "roof", "/a~": "roof", "/a\x00": "roof", "/a/" + strings.Repeat("x/", 300) + "y": "roof"}, map[string]fault.Code{
			"field_map./": fault.InvalidValue, "field_map./a//b": fault.InvalidValue, "field_map./a~2b": fault.InvalidValue, "field_map./a~": fault.InvalidValue,
			"field_map./a\x00": fault.InvalidValue, "field_map./a/" + strings.Repeat("x/", 30) + "x…": fault.InvalidValue,
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			m, err := field.NewMap(tc.own, r)
			got := map[string]fault.Code{}
			for _, v := range fault.As(err).Violated() {
				got[v.Field] = v.Code
			}
			if len(tc.want) > 0 {
				require.ErrorIs(t, err, fault.ErrValidation)
				assert.Equal(t, tc.want, got)
				assert.Nil(t, m.Own())
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tc.own, m.Own())
		})
	}
}

// Suppliers moved from other vendors, kept the shape of their requests, and were refused for fields that were there.
func TestShapesOfOtherVendorsAreMapped(t *testing.T) {
	t.Parallel()
	const facebook = `[{"name":"full_name","values":["John Doe"]},{"name":"phone_number","values":["+15551234567"]},{"name":"cars","values":["Audi",2,null]},{"name":"state","values":["TX"]}]`
	for _, tc := range []struct {
		name     string
		own      map[string]string
		in, want field.Set
	}{
		{"no map", nil, field.Set{"first_name": field.TextValue("John"), "field_data": other(facebook)}, field.Set{"first_name": field.TextValue("John"), "field_data": other(facebook)}},
		{
			"snake case",
			map[string]string{"first_name": "firstName", "last_name": "lastName", "phone_number": "phone"},
			field.Set{"first_name": field.TextValue("John"), "phone_number": {Kind: field.Number, Text: "5551234567"}, "last_name": {}, "x": field.TextValue("kept")},
			field.Set{"firstName": field.TextValue("John"), "phone": {Kind: field.Number, Text: "5551234567"}, "last_name": {}, "x": field.TextValue("kept")},
		},
		{
			"our own name wins",
			map[string]string{"first_name": "firstName"},
			field.Set{"first_name": field.TextValue("Jack"), "firstName": field.TextValue("John")},
			field.Set{"first_name": field.TextValue("Jack"), "firstName": field.TextValue("John")},
		},
		{
			"unless it is empty",
			map[string]string{"first_name": "firstName"},
			field.Set{"first_name": field.TextValue("Jack"), "firstName": field.TextValue(" ")},
			field.Set{"firstName": field.TextValue("Jack")},
		},
		{
			"several sources, a name before a pointer",
			map[string]string{"fname": "firstName", "first": "firstName", "/a/first": "firstName"},
			field.Set{"first": field.TextValue(""), "fname": field.TextValue("John"), "a": other(`{"first":"Jack"}`)},
			field.Set{"first": field.TextValue(""), "firstName": field.TextValue("John"), "a": other(`{"first":"Jack"}`)},
		},
		{
			"nested objects",
			map[string]string{"/contact/phones/1/number": "phone", "/contact/a~1b~0": "city", "/contact/name": "firstName", "/contact": "zip", "/state": "lastName", "/contact/ok": "home"},
			field.Set{"contact": other(`{"phones":[{},{"number":5551234567}],"a/b~":"Dallas","name":{"first":"John"},"ok":true}`), "state": field.TextValue("x")},
			field.Set{
				"phone": {Kind: field.Number, Text: "5551234567"}, "city": field.TextValue("Dallas"), "firstName": other(`{"first":"John"}`), "home": {Kind: field.Bool, Text: "true"},
				"zip": other(`{"phones":[{},{"number":5551234567}],"a/b~":"Dallas","name":{"first":"John"},"ok":true}`), "lastName": field.TextValue("x"),
			},
		},
		{
			"pointers that lead nowhere",
			map[string]string{"/a/b": "firstName", "/a/0": "lastName", "/c/9": "city", "/c/00": "zip", "/c/-1": "phone", "/d/e/f": "home", "/gone/x": "state", "/c/0/y": "email"},
			field.Set{"a": field.TextValue("text"), "c": other(`["x"]`), "d": other(`{"e":null}`)},
			field.Set{"a": field.TextValue("text"), "c": other(`["x"]`), "d": other(`{"e":null}`)},
		},
		{
			"Facebook lead ads",
			map[string]string{"full_name": "firstName", "phone_number": "phone", "id": "external_id"},
			field.Set{"id": field.TextValue("444444"), "created_time": field.TextValue("2026-01-01T00:00:00+0000"), "field_data": other(facebook)},
			field.Set{
				"external_id": field.TextValue("444444"), "created_time": field.TextValue("2026-01-01T00:00:00+0000"), "firstName": field.TextValue("John Doe"),
				"phone": field.TextValue("+15551234567"), "cars": field.TextValue("Audi, 2"), "state": field.TextValue("TX"),
			},
		},
		{
			"what was sent beside the answers wins",
			map[string]string{"first_name": "firstName"},
			field.Set{"state": field.TextValue("CA"), "field_data": other(`[{"name":"state","values":["TX"]},{"name":"first_name","values":["John"]},{"name":"seller","values":["other"]},{"name":"first_name","values":["Jack"]}]`)},
			field.Set{"state": field.TextValue("CA"), "firstName": field.TextValue("John")},
		},
		{
			"what only looks like Facebook",
			map[string]string{"first_name": "firstName"},
			field.Set{"field_data": other(`[{"name":"first_name","value":"John"}]`)},
			field.Set{"field_data": other(`[{"name":"first_name","value":"John"}]`)},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			before := fmt.Sprint(tc.in)
			m, err := field.NewMap(tc.own, rules(t, field.Rule{Name: "home"}))
			require.NoError(t, err)
			assert.Equal(t, tc.want, m.Apply(tc.in))
			assert.Equal(t, tc.want, field.RestoreMap(m.Own()).Apply(tc.in))
			assert.Equal(t, before, fmt.Sprint(tc.in), "what was sent stays as it came")
		})
	}
}

func TestAMapTakesWhateverIsSent(t *testing.T) {
	t.Parallel()
	m, err := field.NewMap(map[string]string{"/a/0/b": "firstName", "/field_data/0/values/0": "lastName", "c": "phone"}, rules(t))
	require.NoError(t, err)
	rapid.Check(t, func(t *rapid.T) {
		in := field.Set{}
		for _, name := range []string{"a", "c", "field_data", "firstName"} {
			in[name] = field.Value{
				Kind: field.Kind(rapid.IntRange(0, 4).Draw(t, "kind")),
				Text: rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{`[{"b":1}]`, `[{"name":"c","values":["x"]}]`, `[]`, `[1]`, `{"0":{"b":[]}}`, `[{"name":1,"values":[]}]`})).Draw(t, "text"),
			}
		}
		out := m.Apply(in)
		if in["firstName"].Empty() {
			return
		}
		require.Equal(t, in["firstName"], out["firstName"])
	})
}
