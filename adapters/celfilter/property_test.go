package celfilter_test

import (
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
)

// FuzzCompile holds that no expression panics, whether it is a filter or not, and that every mistake has a place and a message that
// can be read.
func FuzzCompile(f *testing.F) {
	for _, seed := range []string{
		"lead.state in ['TX', 'CA'] && lead.fields.homeowner == true", "lead.zip.startsWith('75')", "facts.dnc.listed != true",
		"age(lead.fields.born) >= 18", "[1, 2].exists(x, x == lead.fields.age)", "lead.fields['move-date']", "{'a': lead}['a'].state", "age(age(1))",
		"lead.fields.comment.matches('(a+)+$')", "'\\u0000' == lead.zip", "lead[0]", "lead.fields[lead.zip]", "type(lead) == lead", "dyn(lead) == lead",
		"lead.received_at + duration('9999999h') > lead.received_at", "-9223372036854775808 / -1 == lead.fields.age", "Lead{}", "has(lead.fields)",
	} {
		f.Add(seed)
	}
	c := language(f).Over(rules(f))
	with := facts(f, jane(field.Set{"homeowner": field.TextValue("yes"), "age": {Kind: field.Number, Text: "34"}, "comment": field.TextValue("aaaaaaaaaaaaaaaaaaaaaaaaaaaa!")}))
	without := facts(f, jane())
	f.Fuzz(func(t *testing.T, expression string) {
		filter, err := c.Compile(expression)
		if err == nil {
			filter.Passes(c.Read(with))
			filter.Passes(c.Read(without))
			return
		}
		e := fault.As(err)
		require.NotNil(t, e, "%v", err)
		require.Regexp(t, `^line \d+, column \d+: .`, e.Message)
		require.True(t, utf8.ValidString(e.Message))
	})
}

// term draws a condition; many of them are pins.
func term(depth int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		of := func(s ...string) string { return rapid.SampledFrom(s).Draw(t, "part") }
		if depth > 0 && rapid.IntRange(0, 2).Draw(t, "nested") > 0 {
			a, b := term(depth-1).Draw(t, "a"), term(depth-1).Draw(t, "b")
			return of("("+a+" && "+b+")", "("+a+" && "+b+")", "("+a+" || "+b+")", "!("+a+")")
		}
		states := "['TX', '" + of("CA", "NY", "TX") + "']"
		return of("lead.state == 'TX'", "'CA' == lead.state", "lead.state in "+states, "lead.state != 'TX'", "lead.zip.startsWith('"+of("75", "750", "9", "")+"')",
			"lead.fields.zip in ['75001', '90210-1234']", "lead.zip == '75001'", "lead.fields.coverage == 'full'", "lead.fields.coverage in ['full', '']",
			"lead.fields.homeowner", "!lead.fields.homeowner", "lead.fields.homeowner == "+of("true", "false", "null"), "lead.fields.age >= "+of("18", "30"),
			"lead.test", "!lead.test", "lead.category == 'Auto'", "lead.email.contains('@')", "lead.email == 'jane@example.com'", "lead.partner == 'partner_1'", "facts.dnc.listed")
	})
}

// anyLead draws a lead with or without each of the fields that terms ask for.
func anyLead(t *rapid.T) field.Set {
	s := jane()
	s["state"] = field.TextValue(rapid.SampledFrom([]string{"TX", "CA", "NY"}).Draw(t, "state"))
	s["zip"] = field.TextValue(rapid.SampledFrom([]string{"75001", "75099-1234", "90210-1234", "2139"}).Draw(t, "zip"))
	for name, values := range map[string][]string{"coverage": {"", "full", "liability"}, "homeowner": {"", "yes", "no"}, "age": {"", "17", "34"}, "email": {"", "jane@example.com", "j@x.example"}} {
		if v := rapid.SampledFrom(values).Draw(t, name); v != "" {
			s[name] = field.TextValue(v)
		} else {
			delete(s, name)
		}
	}
	return s
}

// What is read off the pins of a filter is what the whole expression says: compared with true it has no pins, and CEL decides alone.
func TestPinsSayWhatTheExpressionSays(t *testing.T) {
	t.Parallel()
	c := language(t).Over(rules(t))
	rapid.Check(t, func(r *rapid.T) {
		expression := term(3).Draw(r, "expression")
		quick, err := c.Compile(expression)
		require.NoError(r, err)
		whole, err := c.Compile("(" + expression + ") == true")
		require.NoError(r, err)
		for range 5 {
			f := facts(t, anyLead(r))
			require.Equal(r, whole.Passes(c.Read(f)), quick.Passes(c.Read(f)), "%s of %v", expression, f.Fields())
		}
	})
}
