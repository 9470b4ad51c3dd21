package field_test

import (
	"maps"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
)

func rules(t require.TestingT, own ...field.Rule) field.Rules {
	r, err := field.NewRules(own)
	require.NoError(t, err)
	return r
}

// john are the fields of the documented body (docs/supplier-api.md), without seller and category.
func john(change ...string) field.Set {
	s := field.Set{
		"firstName": field.TextValue("John"), "lastName": field.TextValue("Doe"), "email": field.TextValue("john.doe@email.com"),
		"phone": field.TextValue("555-123-4567"), "state": field.TextValue("TX"), "zip": field.TextValue("75001"), "city": field.TextValue("Dallas"),
	}
	for i := 0; i < len(change); i += 2 {
		s[change[i]] = field.TextValue(change[i+1])
	}
	return s
}

func TestValue(t *testing.T) {
	t.Parallel()
	for v, want := range map[field.Value]bool{
		{}: true, {Kind: field.Text}: true, {Kind: field.Text, Text: " \t "}: true, {Kind: field.Text, Text: "x"}: false,
		{Kind: field.Number, Text: "0"}: false, {Kind: field.Bool, Text: "false"}: false, {Kind: field.Other, Text: "[]"}: false,
	} {
		assert.Equal(t, want, v.Empty(), "%+v", v)
	}
	for v, want := range map[field.Value]bool{
		{Kind: field.Bool, Text: "true"}: true, {Kind: field.Bool, Text: "false"}: false, field.TextValue("true"): true,
		field.TextValue("1"): true, field.TextValue("TRUE"): false, field.TextValue("yes"): false, {Kind: field.Number, Text: "1"}: true,
		{Kind: field.Number, Text: "2"}: false, {Kind: field.Null, Text: "true"}: false, {Kind: field.Other, Text: "true"}: false, {}: false,
	} {
		assert.Equal(t, want, v.True(), "%+v", v)
	}
	s := field.Set{"b": field.TextValue("2"), "a": field.TextValue("1")}
	assert.Equal(t, []string{"a", "b"}, s.Names())
	assert.Equal(t, "2", s.Text("b"))
	assert.Empty(t, s.Text("c"))
}

func TestDocumentedExamplesPass(t *testing.T) {
	t.Parallel()
	r := rules(t)
	in := john("seller", "ACME1234", "category", "Auto Insurance")
	out, err := r.Check(in)
	require.NoError(t, err)
	assert.Equal(t, john("phone", "+15551234567"), out, "seller and category are no fields of a lead")
	assert.Equal(t, "555-123-4567", in.Text("phone"), "the input is not changed")

	// The query example has no lastName.
	query := field.Set{
		"seller": field.TextValue("ACME1234"), "category": field.TextValue("Solar"), "state": field.TextValue("TX"),
		"firstName": field.TextValue("John"), "phone": field.TextValue("555-1234"),
	}
	_, err = r.Check(query)
	require.ErrorIs(t, err, field.ErrMissing)
	assert.Equal(t, []string{"lastName"}, fault.As(err).Fields())
	out, err = rules(t, field.Rule{Name: "lastName"}).Check(query)
	require.NoError(t, err)
	assert.Equal(t, "5551234", out.Text("phone"), "a local number stays local")
}

func TestCheckNamesEveryFieldAtFault(t *testing.T) {
	t.Parallel()
	r := rules(t, field.Rule{Name: "zip", Type: field.TypeZip, Required: true}, field.Rule{Name: "roof", Type: field.TypeEnum, Options: []string{"flat", "steep"}, Required: true})
	_, err := r.Check(field.Set{"firstName": field.TextValue("  "), "phone": {Kind: field.Null}, "state": field.TextValue("XX")})
	require.ErrorIs(t, err, field.ErrMissing, "missing goes before invalid")
	assert.Equal(t, fault.Invalid, fault.KindOf(err))
	assert.ElementsMatch(t, []string{"firstName", "lastName", "phone", "zip", "roof"}, fault.As(err).Fields())

	_, err = r.Check(john("phone", "98", "state", "XX", "zip", "1", "roof", "Flat", "email", "nobody", "firstName", "a\nb"))
	require.ErrorIs(t, err, field.ErrInvalid)
	assert.ElementsMatch(t, []string{"firstName", "phone", "state", "email", "zip", "roof"}, fault.As(err).Fields())
	for _, v := range fault.As(err).Violations {
		for _, input := range []string{"98", "XX", "Flat", "nobody"} {
			assert.NotContains(t, v.Message, input, "an error repeats no personal data")
		}
	}
	assert.Empty(t, field.ErrInvalid.Violations)
	assert.Empty(t, field.ErrMissing.Violations)
}

func TestTypes(t *testing.T) {
	t.Parallel()
	text, number, boolean := field.TextValue, func(s string) field.Value { return field.Value{Kind: field.Number, Text: s} },
		func(s string) field.Value { return field.Value{Kind: field.Bool, Text: s} }
	type row struct{ in, want field.Value }
	good := map[field.Type][]row{
		field.TypeString:  {{text(" a b "), text("a b")}, {number("5"), text("5")}, {boolean("true"), text("true")}, {text(strings.Repeat("ü", 255)), text(strings.Repeat("ü", 255))}},
		field.TypeText:    {{text(" a\nb\t "), text("a\nb")}, {text(strings.Repeat("x", 5000)), text(strings.Repeat("x", 5000))}},
		field.TypeEmail:   {{text(" John@Example.com "), text("John@Example.com")}},
		field.TypePhone:   {{text("(555) 123 4567"), text("+15551234567")}, {number("5551234567"), text("+15551234567")}, {text("555-1234"), text("5551234")}},
		field.TypeUSState: {{text("tx"), text("TX")}, {text(" pr "), text("PR")}},
		field.TypeZip:     {{text("75001"), text("75001")}, {number("75001"), text("75001")}, {text("75001-1234"), text("75001-1234")}},
		field.TypeNumber: {
			{text("1.50"), number("1.5")},
			{number("-3"), number("-3")},
			{number("1e3"), number("1000")},
			{text("-0"), number("0")},
			{text("007.10"), number("7.1")},
			{number("9999999999999999999"), number("9999999999999999999")},
			{text("0.0000000000000000001"), number("0.0000000000000000001")},
		},
		field.TypeInteger: {{text("10"), number("10")}, {number("1.0"), number("1")}, {number("2e2"), number("200")}, {text("-7"), number("-7")}},
		field.TypeBoolean: {
			{text("Yes"), boolean("true")},
			{boolean("true"), boolean("true")},
			{number("1"), boolean("true")},
			{text("on"), boolean("true")},
			{text("TRUE"), boolean("true")},
			{text("No"), boolean("false")},
			{number("0"), boolean("false")},
			{text("off"), boolean("false")},
			{boolean("false"), boolean("false")},
		},
		field.TypeDate: {{text("2024-02-29"), text("2024-02-29")}},
		field.TypeEnum: {{text(" flat "), text("flat")}, {number("2"), text("2")}},
		field.TypeURL:  {{text("https://a.example/x?y=1"), text("https://a.example/x?y=1")}},
	}
	bad := map[field.Type][]field.Value{
		field.TypeString:  {text("a\x00b"), text(strings.Repeat("x", 256)), text("a\xff"), text("a\nb")},
		field.TypeText:    {text("a\x00b"), text(strings.Repeat("x", 5001))},
		field.TypeEmail:   {text("john"), text("a@b"), text("a b@c.de")},
		field.TypePhone:   {text("123456"), text("1-800-FLOWERS"), text("1234567890123456"), boolean("true")},
		field.TypeUSState: {text("XX"), text("Texa"), text("T")},
		field.TypeZip:     {text("75"), text("ABCDE"), number("7500.1")},
		field.TypeNumber: {
			text("NaN"), text("Infinity"), text("0x10"), text("1,000"), text("1_000"), text("twelve"), text("1e19"), text("1e999999999"),
			text("0.12345678901234567891"), text("1e-30"), text(strings.Repeat("1", 41)), boolean("true"),
		},
		field.TypeInteger: {text("1.5"), text("1.99999999999999999999"), text("1e-400"), text("0.1e0")},
		field.TypeBoolean: {text("2"), text("maybe"), number("1.0")},
		field.TypeDate:    {text("2023-02-29"), text("01/31/2026"), text("2026-1-31"), text("2026-01-31T00:00:00Z")},
		field.TypeEnum:    {text("Flat"), text("other"), text("fla")},
		field.TypeURL:     {text("ftp://a.example"), text("a.example"), text("https://u:p@a.example"), text("javascript:alert(1)")},
	}
	for _, typ := range field.Types() {
		t.Run(string(typ), func(t *testing.T) {
			t.Parallel()
			rule := field.Rule{Name: "extra", Type: typ}
			if typ == field.TypeEnum {
				rule.Options = []string{"flat ", "steep", "2"} // the space does not count
			}
			r := rules(t, rule)
			require.NotEmpty(t, good[typ])
			require.NotEmpty(t, bad[typ])
			for _, row := range good[typ] {
				in := john()
				in["extra"] = row.in
				out, err := r.Check(in)
				require.NoError(t, err, "%+v", row.in)
				assert.Equal(t, row.want, out["extra"])
				again, err := r.Check(out)
				require.NoError(t, err)
				assert.Equal(t, out, again, "a normal value is normal")
			}
			for _, v := range append(bad[typ], field.Value{Kind: field.Other, Text: `["flat"]`}) {
				in := john()
				in["extra"] = v
				out, err := r.Check(in)
				require.ErrorIs(t, err, field.ErrInvalid, "%+v", v)
				assert.Nil(t, out)
				assert.Equal(t, []string{"extra"}, fault.As(err).Fields())
			}
			for _, empty := range []field.Value{{}, text(""), text("  ")} {
				in := john()
				in["extra"] = empty
				out, err := r.Check(in)
				require.NoError(t, err)
				assert.NotContains(t, out, "extra", "what is empty was not sent")
			}
		})
	}
}

func TestStandardFieldsCanBeOptional(t *testing.T) {
	t.Parallel()
	for _, name := range []string{field.FirstName, field.LastName, field.Phone, field.State} {
		in := john()
		delete(in, name)
		_, err := rules(t).Check(in)
		require.ErrorIs(t, err, field.ErrMissing)
		assert.Equal(t, []string{name}, fault.As(err).Fields())
		out, err := rules(t, field.Rule{Name: name}).Check(in)
		require.NoError(t, err)
		assert.NotContains(t, out, name)
	}
	for _, name := range []string{field.EmailName, field.Zip, field.City} {
		in := john()
		delete(in, name)
		_, err := rules(t).Check(in)
		require.NoError(t, err)
		_, err = rules(t, field.Rule{Name: name, Required: true}).Check(in)
		require.ErrorIs(t, err, field.ErrMissing)
		assert.Equal(t, []string{name}, fault.As(err).Fields())
	}
	_, err := rules(t, field.Rule{Name: field.State, Type: field.TypeEnum, Options: []string{"TX", "CA"}}).Check(john("state", "NY"))
	require.ErrorIs(t, err, field.ErrInvalid)
}

func TestUnknownFieldsAreKept(t *testing.T) {
	t.Parallel()
	in := john()
	maps.Copy(in, map[string]field.Value{
		"utm_source": field.TextValue(" raw "), "Wie heißt Du?": field.TextValue("x"), "tags": {Kind: field.Other, Text: `["a"]`},
		"nothing": {}, strings.Repeat("ü", 128): field.TextValue("long"), "age": {Kind: field.Number, Text: "1.50"},
	})
	out, err := rules(t).Check(in)
	require.NoError(t, err)
	in["phone"] = field.TextValue("+15551234567")
	assert.Equal(t, in, out, "as they came")

	for _, reserved := range []string{"seller", "category", "test", "external_id", "ping_id"} {
		assert.True(t, field.Reserved(reserved))
		out, err := rules(t).Check(john(reserved, "x"))
		require.NoError(t, err)
		assert.NotContains(t, out, reserved)
	}
	assert.False(t, field.Reserved("Seller"))
}

func TestHostileNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "a\nb", "a\x00", "\x1b[31m", "a\xff", strings.Repeat("x", 129), strings.Repeat("\U0001F600", 129)} {
		_, err := rules(t).Check(john(name, "x"))
		require.ErrorIs(t, err, field.ErrInvalid, "%q", name)
		v := fault.As(err).Violations
		require.Len(t, v, 1)
		assert.LessOrEqual(t, len(v[0].Field), 70)
		assert.True(t, strings.HasPrefix(strings.ToValidUTF8(name, "?"), strings.TrimSuffix(v[0].Field, "…")))
	}
}

func TestNewRulesNamesEveryRuleAtFault(t *testing.T) {
	t.Parallel()
	many := func(n int) []field.Rule {
		out := make([]field.Rule, n)
		for i := range out {
			out[i].Name = "f" + strconv.Itoa(i)
		}
		return out
	}
	options := func(n int) []string {
		out := make([]string, n)
		for i := range out {
			out[i] = strconv.Itoa(i)
		}
		return out
	}
	enum := func(o ...string) []field.Rule { return []field.Rule{{Name: "roof", Type: field.TypeEnum, Options: o}} }
	for _, tc := range []struct {
		name string
		own  []field.Rule
		want map[string]fault.Code
	}{
		{"none", nil, nil},
		{"a hundred", many(100), nil},
		{"a hundred and one", many(101), map[string]fault.Code{"fields": fault.InvalidValue}},
		{"no name", []field.Rule{{Name: "ok"}, {}}, map[string]fault.Code{"fields.1.name": fault.Required}},
		{"the longest name", []field.Rule{{Name: strings.Repeat("a", 64)}, {Name: "A-z_0.9"}}, nil},
		{"too long a name", []field.Rule{{Name: strings.Repeat("a", 65)}}, map[string]fault.Code{"fields.0.name": fault.InvalidValue}},
		{"odd names", []field.Rule{{Name: "a b"}, {Name: "ä"}, {Name: "a\n"}}, map[string]fault.Code{"fields.0.name": fault.InvalidValue, "fields.1.name": fault.InvalidValue, "fields.2.name": fault.InvalidValue}},
		{"reserved", []field.Rule{{Name: "seller"}, {Name: "test"}}, map[string]fault.Code{"fields.0.name": fault.InvalidValue, "fields.1.name": fault.InvalidValue}},
		{"twice", []field.Rule{{Name: "a"}, {Name: "b"}, {Name: "a"}}, map[string]fault.Code{"fields.2.name": fault.Duplicate}},
		{"a type nobody knows", []field.Rule{{Name: "a", Type: "colour"}}, map[string]fault.Code{"fields.0.type": fault.InvalidValue}},
		{"another type for a standard field", []field.Rule{{Name: "phone", Type: field.TypeString}, {Name: "zip", Type: field.TypeNumber}}, map[string]fault.Code{"fields.0.type": fault.InvalidValue, "fields.1.type": fault.InvalidValue}},
		{"a standard field as an enum", []field.Rule{{Name: "state", Type: field.TypeEnum, Options: []string{"TX"}}}, nil},
		{"an enum without options", enum(), map[string]fault.Code{"fields.0.options": fault.Required}},
		{"options of something else", []field.Rule{{Name: "a", Options: []string{"x"}}}, map[string]fault.Code{"fields.0.options": fault.InvalidValue}},
		{"500 options", enum(options(500)...), nil},
		{"501 options", enum(options(501)...), map[string]fault.Code{"fields.0.options": fault.InvalidValue}},
		{"bad options", enum("", " ", "ok", "a\nb", strings.Repeat("x", 256)), map[string]fault.Code{"fields.0.options.0": fault.InvalidValue, "fields.0.options.1": fault.InvalidValue, "fields.0.options.3": fault.InvalidValue, "fields.0.options.4": fault.InvalidValue}},
		{"everything at once", []field.Rule{{Type: "colour"}, {Name: "b", Type: field.TypeEnum}}, map[string]fault.Code{"fields.0.name": fault.Required, "fields.0.type": fault.InvalidValue, "fields.1.options": fault.Required}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r, err := field.NewRules(tc.own)
			if tc.want == nil {
				require.NoError(t, err)
				assert.Len(t, r.Own(), len(tc.own))
				return
			}
			require.ErrorIs(t, err, fault.ErrValidation)
			got := map[string]fault.Code{}
			for _, v := range fault.As(err).Violations {
				got[v.Field] = v.Code
			}
			assert.Equal(t, tc.want, got)
			assert.Empty(t, r.All())
		})
	}
}

func TestRulesTakeTheStandardType(t *testing.T) {
	t.Parallel()
	r := rules(t, field.Rule{Name: "phone"}, field.Rule{Name: "note"})
	assert.Equal(t, []field.Rule{{Name: "phone", Type: field.TypePhone}, {Name: "note", Type: field.TypeString}}, r.Own())
	names := make([]string, 0, 8)
	for _, rule := range r.All() {
		names = append(names, rule.Name)
	}
	assert.Equal(t, []string{"firstName", "lastName", "phone", "state", "email", "zip", "city", "note"}, names)
}

func TestRulesShareNothing(t *testing.T) {
	t.Parallel()
	given := []field.Rule{{Name: "roof", Type: field.TypeEnum, Options: []string{"flat", "steep"}}}
	r := rules(t, given...)
	restored := field.RestoreRules(given)
	given[0].Options[0], given[0].Required = "changed", true
	r.Own()[0].Options[0] = "changed"
	r.All()[7].Options[0] = "changed"
	r.All()[0].Required = false
	for _, r := range []field.Rules{r, restored} {
		out, err := r.Check(john("roof", "flat"))
		require.NoError(t, err)
		assert.Equal(t, "flat", out.Text("roof"))
		_, err = r.Check(field.Set{})
		assert.Contains(t, fault.As(err).Fields(), "firstName")
	}
}

func TestRestoreRulesDoesNotCheck(t *testing.T) {
	t.Parallel()
	old := []field.Rule{{Name: "no longer a name!", Type: field.TypeString, Required: true}, {Name: "seller", Type: "gone"}}
	assert.Equal(t, old, field.RestoreRules(old).Own())
}

func TestCheckNeverPanicsAndIsStable(t *testing.T) {
	t.Parallel()
	var own []field.Rule
	for _, typ := range field.Types() {
		r := field.Rule{Name: "x_" + string(typ), Type: typ}
		if typ == field.TypeEnum {
			r.Options = []string{"a", "b"}
		}
		own = append(own, r)
	}
	r := rules(t, own...)
	rapid.Check(t, func(t *rapid.T) {
		in := john()
		for _, rule := range own {
			in[rule.Name] = field.Value{
				Kind: field.Kind(rapid.IntRange(0, 4).Draw(t, "kind")),
				Text: rapid.OneOf(rapid.String(), rapid.StringMatching(`-?[0-9]{0,12}(\.[0-9]{0,22})?(e-?[0-9]{1,3})?`)).Draw(t, "text"),
			}
		}
		out, err := r.Check(in)
		if err != nil {
			require.NotEmpty(t, fault.As(err).Fields())
			return
		}
		again, err := r.Check(out)
		require.NoError(t, err)
		require.Equal(t, out, again)
	})
}
