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

func marked(name string, typ field.Type) field.Rule {
	r := field.Rule{Name: name, Type: typ, Dimension: true}
	if typ == field.TypeEnum {
		r.Options = []string{"a", strings.Repeat("b", 64), strings.Repeat("c", 65)}
	}
	return r
}

func TestDimensionsAreChecked(t *testing.T) {
	t.Parallel()
	for _, typ := range field.Types() {
		_, err := field.NewRules([]field.Rule{{Name: "other"}, marked("plan", typ)})
		switch typ {
		case field.TypeEnum, field.TypeBoolean, field.TypeUSState, field.TypeInteger, field.TypeNumber, field.TypeDate, field.TypeString:
			require.NoError(t, err, typ)
		default:
			require.Equal(t, []string{"fields.1.dimension"}, fault.As(err).Fields(), typ)
			require.Contains(t, fault.As(err).Violations[0].Message, "of the type "+string(typ))
		}
	}
	for _, name := range []string{
		"firstName", "first_name", "FIRST-NAME", "lastName", "name", "surname", "e-mail.address", "phone", "mobile", "address", "street.1",
		"ip", "IP_Address", "zip", "postal_code", "ssn", "dob", "date_of_birth", "iban", "password",
	} {
		r := field.Rule{Name: name, Type: field.TypeEnum, Options: []string{"a"}, Dimension: true}
		_, err := field.NewRules([]field.Rule{r})
		require.Error(t, err, name)
		require.Equal(t, []string{"fields.0.dimension"}, fault.As(err).Fields(), name)
		r.Dimension = false
		_, err = field.NewRules([]field.Rule{r})
		require.NoError(t, err, name)
	}
	many := make([]field.Rule, 21)
	for i := range many {
		many[i] = marked(fmt.Sprintf("d%d", i), field.TypeBoolean)
	}
	_, err := field.NewRules(many[:20])
	require.NoError(t, err)
	_, err = field.NewRules(many)
	require.Equal(t, []string{"fields"}, fault.As(err).Fields())
	require.Contains(t, fault.As(err).Violations[0].Message, "at most 20")
	_, err = field.NewRules([]field.Rule{{Name: "a", Type: "colour", Dimension: true}})
	require.Equal(t, []string{"fields.0.type"}, fault.As(err).Fields(), "one mistake is told once")
}

func TestDimensions(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 65)
	for _, tc := range []struct {
		name string
		own  []field.Rule
		sent []string // pairs of name and value
		want string
	}{
		{"the standard fields", nil, []string{"state", " tx ", "zip", "75001-1234", "city", "Dallas"}, "state=TX zip_prefix=750"},
		{"no ZIP code", nil, []string{"state", "TX"}, "state=TX"},
		{"none", []field.Rule{{Name: "state", Type: field.TypeUSState}}, []string{"state", ""}, ""},
		{"state by another name", []field.Rule{{Name: "state", Type: field.TypeUSState}, {Name: "home", Type: field.TypeUSState}}, []string{"state", "", "home", "ok"}, "state=OK"},
		{"the field named state first", []field.Rule{{Name: "a", Type: field.TypeUSState}}, []string{"state", "TX", "a", "OK"}, "state=TX"},
		{"a state that is an enum", []field.Rule{{Name: "state", Type: field.TypeEnum, Options: []string{"Bavaria"}}}, []string{"state", "Bavaria"}, "state=Bavaria"},
		{"ZIP by another name", []field.Rule{{Name: "plz", Type: field.TypeZip}}, []string{"state", "TX", "plz", "10001"}, "state=TX zip_prefix=100"},
		{"an enum of no ZIP codes", []field.Rule{{Name: "zip", Type: field.TypeEnum, Options: []string{"inner"}}}, []string{"state", "TX", "zip", "inner"}, "state=TX"},
		{"a country", nil, []string{"state", "TX", "country", " us "}, "country=US state=TX"},
		{"a country that may be anything", nil, []string{"state", "TX", "country", "John Doe"}, "state=TX"},
		{"a country of an enum", []field.Rule{{Name: "country", Type: field.TypeEnum, Options: []string{"Austria"}}}, []string{"state", "TX", "country", "Austria"}, "country=Austria state=TX"},
		{"a marked country", []field.Rule{marked("country", field.TypeString)}, []string{"state", "TX", "country", "Austria"}, "country=Austria state=TX"},
		{"a marked state", []field.Rule{marked("state", field.TypeUSState)}, []string{"state", "tx"}, "state=TX"},
		{
			"every type",
			[]field.Rule{
				marked("e", field.TypeEnum), marked("b", field.TypeBoolean), marked("i", field.TypeInteger), marked("n", field.TypeNumber),
				marked("d", field.TypeDate), marked("s", field.TypeString), marked("u", field.TypeUSState),
				{Name: "not", Type: field.TypeString},
			},
			[]string{"state", "TX", "e", "a", "b", "yes", "i", "7.0", "n", "1.50", "d", "2026-01-31", "s", " north ", "u", "ok", "not", "x"},
			"b=true d=2026-01-31 e=a i=7 n=1.5 s=north state=TX u=OK",
		},
		{"64 bytes", []field.Rule{marked("e", field.TypeEnum)}, []string{"state", "TX", "e", strings.Repeat("b", 64)}, "e=" + strings.Repeat("b", 64) + " state=TX"},
		{"65 bytes", []field.Rule{marked("e", field.TypeEnum), marked("s", field.TypeString)}, []string{"state", "TX", "e", strings.Repeat("c", 65), "s", long}, "state=TX"},
		{"marked and not sent", []field.Rule{marked("s", field.TypeString)}, []string{"state", "TX"}, "state=TX"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			own := append([]field.Rule{{Name: "firstName"}, {Name: "lastName"}, {Name: "phone"}}, tc.own...)
			r, err := field.NewRules(own)
			require.NoError(t, err)
			in := field.Set{}
			for i := 0; i < len(tc.sent); i += 2 {
				in[tc.sent[i]] = field.TextValue(tc.sent[i+1])
			}
			fields, err := r.Check(in)
			require.NoError(t, err)
			for range 2 {
				var got []string
				for _, d := range r.Dimensions(fields) {
					got = append(got, d.Name+"="+d.Value)
				}
				assert.Equal(t, tc.want, strings.Join(got, " "))
				r = field.RestoreRules(r.Own())
			}
		})
	}
}

// Whatever is sent, dimensions are few, short, named once and in order, and a name or an address is never among them.
func TestDimensionsAreBounded(t *testing.T) {
	t.Parallel()
	r, err := field.NewRules([]field.Rule{marked("plan", field.TypeString), {Name: "country", Type: field.TypeString}})
	require.NoError(t, err)
	rapid.Check(t, func(t *rapid.T) {
		in := field.Set{}
		for _, name := range []string{"firstName", "lastName", "phone", "email", "state", "zip", "city", "country", "plan", "other"} {
			if rapid.Bool().Draw(t, "sent") {
				in[name] = field.Value{Kind: field.Kind(rapid.IntRange(0, 4).Draw(t, "kind")), Text: rapid.String().Draw(t, "text")}
			}
		}
		last := ""
		for _, d := range r.Dimensions(in) {
			require.Contains(t, []string{"country", "plan", "state", "zip_prefix"}, d.Name)
			require.Greater(t, d.Name, last)
			require.NotEmpty(t, d.Value)
			require.LessOrEqual(t, len(d.Value), 64)
			last = d.Name
		}
	})
}

func BenchmarkDimensions(b *testing.B) {
	r := field.RestoreRules(nil)
	fields := field.Set{"state": field.TextValue("TX"), "zip": field.TextValue("75001"), "firstName": field.TextValue("Jo")}
	b.ReportAllocs()
	for b.Loop() {
		r.Dimensions(fields)
	}
}
