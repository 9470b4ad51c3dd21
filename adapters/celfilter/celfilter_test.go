package celfilter_test

import (
	"maps"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/celfilter"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
)

var at = time.Date(2026, 11, 22, 15, 4, 5, 0, time.UTC)

func rules(t testing.TB) field.Rules {
	t.Helper()
	r, err := field.NewRules([]field.Rule{
		{Name: "homeowner", Type: field.TypeBoolean},
		{Name: "loan_amount", Type: field.TypeNumber},
		{Name: "age", Type: field.TypeInteger},
		{Name: "born", Type: field.TypeDate},
		{Name: "move-date", Type: field.TypeDate},
		{Name: "coverage", Type: field.TypeEnum, Options: []string{"full", "liability"}},
		{Name: "comment", Type: field.TypeText},
		{Name: "zip", Type: field.TypeZip, Required: true},
	})
	require.NoError(t, err)
	return r
}

func language(t testing.TB) *celfilter.Language {
	t.Helper()
	l, err := celfilter.New([]string{"dnc", "score"})
	require.NoError(t, err)
	return l
}

func facts(t testing.TB, in field.Set) lead.Facts {
	t.Helper()
	fields, err := rules(t).Check(in)
	require.NoError(t, err)
	return lead.Submit(lead.Submission{
		ID: "lead_1", SellerID: "seller_1", PartnerID: "partner_1", CampaignID: "campaign_1", Category: "Auto", Fields: fields, At: at,
	}).Facts()
}

func jane(more ...field.Set) field.Set {
	s := field.Set{
		"firstName": field.TextValue("Jane"), "lastName": field.TextValue("Doe"), "phone": field.TextValue("2125550123"), "state": field.TextValue("TX"),
		"zip": field.TextValue("75001-1234"), "email": field.TextValue("Jane@Example.com"),
	}
	for _, m := range more {
		maps.Copy(s, m)
	}
	return s
}

func TestWhatAFilterSeesOfALead(t *testing.T) {
	t.Parallel()
	c := language(t).Over(rules(t))
	with := facts(t, jane(field.Set{
		"homeowner": field.TextValue("yes"), "loan_amount": field.TextValue("250000.50"), "age": {Kind: field.Number, Text: "34"},
		"born": field.TextValue("1990-11-23"), "move-date": field.TextValue("2026-12-01"), "coverage": field.TextValue("full"),
	})).WithOutside(map[string]field.Set{"dnc": {"listed": {Kind: field.Bool, Text: "false"}}})
	without := facts(t, jane())
	for expression, want := range map[string][2]bool{
		"true":  {true, true},
		"false": {false, false},
		"lead.state in ['TX', 'CA'] && lead.fields.homeowner == true": {true, false},
		"lead.zip == '75001'":                                            {true, true},
		"lead.fields.zip == '75001-1234'":                                {true, true},
		"lead.zip.startsWith('750') || lead.zip.startsWith('751')":       {true, true},
		"lead.zip >= '75000' && lead.zip <= '75999'":                     {true, true},
		"lead.fields.loan_amount > 100000":                               {true, false},
		"lead.fields.loan_amount == 250000.5":                            {true, false},
		"lead.fields.loan_amount in [1, 250000.5]":                       {true, false},
		"lead.fields.loan_amount * 2 == 500001":                          {true, false},
		"lead.fields.loan_amount / 1000 >= 250":                          {true, false},
		"lead.fields.loan_amount != null":                                {true, false},
		"has(lead.fields.loan_amount)":                                   {true, false},
		"lead.fields.age >= 18 && lead.fields.age < 65.5":                {true, false},
		"lead.fields.age % 2 == 0":                                       {true, false},
		"!(lead.fields.age < 18)":                                        {true, false},
		"age(lead.fields.born) == 35":                                    {true, false},
		"days(lead.fields['move-date']) <= 30":                           {true, false},
		"lead.fields['move-date'] < '2027-01-01'":                        {true, false},
		"lead.fields.coverage == 'full'":                                 {true, false},
		"lead.fields.coverage != 'full'":                                 {false, true},
		"!(lead.fields.coverage in ['full'])":                            {false, true},
		"lead.email.lowerAscii().endsWith('@example.com')":               {true, true},
		"lead.phone.startsWith('+1212')":                                 {true, true},
		"lead.category == 'Auto' && !lead.test":                          {true, true},
		"lead.partner == 'partner_1' && lead.supplier == 'partner_1'":    {true, true},
		"lead.received_at.getDayOfWeek() == 0":                           {true, true},
		"lead.received_at.getHours('America/Chicago') == 9":              {true, true},
		"facts.dnc.listed == false":                                      {true, false},
		"has(facts.dnc.listed)":                                          {true, false},
		"has(facts.score.points) && facts.score.points > 10":             {false, false},
		"lead.fields.firstName.matches('^J.*e$')":                        {true, true},
		"[1, 2, 3].exists(n, n == lead.fields.age) || size(lead.zip)==5": {true, true},
		"lead.fields.homeowner":                                          {true, false},
		"!lead.fields.homeowner":                                         {false, false},
		"lead.state == 'TX' ? lead.fields.homeowner == true : true":      {true, false},
		"math.greatest(lead.fields.age, 18) == 34":                       {true, false},
	} {
		f, err := c.Compile(expression)
		if assert.NoError(t, err, expression) {
			assert.Equal(t, want, [2]bool{f.Passes(c.Read(with)), f.Passes(c.Read(without))}, expression)
		}
	}
}

func TestAMistakeIsToldWithItsPlace(t *testing.T) {
	t.Parallel()
	c := language(t).Over(rules(t))
	for expression, want := range map[string]string{
		"":                                              "line 1, column 1: the filter is empty; leave it out, or send null, for a contract that takes every lead",
		"lead.state = 'TX'":                             "line 1, column 12: write == to compare",
		"lead.state == 'TX":                             "line 1, column 15: a quote is missing: a text stands between two, as in 'TX'",
		"lead.state == ":                                "line 1, column 15: the filter ends too early; something is missing at its end",
		"lead.state == 'TX' and lead.test":              "line 1, column 20: write && for and, || for or, ! for not",
		"lead.state == 'Texas'":                         "line 1, column 15: write 'TX' for 'Texas'; states are written as two capital letters",
		"lead.state in ['TX',\n 'XX']":                  "line 2, column 2: 'XX' is not a state; states are written as two capital letters, as in 'TX'",
		"state == 'TX'":                                 "line 1, column 1: 'state' is not known; write lead.state",
		"homeowner == true":                             "line 1, column 1: 'homeowner' is not known; write lead.fields.homeowner",
		"lead.homeowner == true":                        "line 1, column 5: lead has no 'homeowner'; write lead.fields.homeowner",
		"lead.fields.homeownr == true":                  "line 1, column 12: there is no 'homeownr'; perhaps homeowner is meant",
		"lead.fields.income > 5":                        "line 1, column 12: the campaign has no field 'income'",
		"lead.state == TX":                              "line 1, column 15: 'TX' is not known; a text stands between quotes, as in 'TX', and a filter asks about lead and facts",
		"lead.fields.homeowner == 'yes'":                "line 1, column 23: == does not go between yes or no and a text",
		"lead.zip > 75000":                              "line 1, column 10: > does not go between a text and a whole number",
		"lead.fields.loan_amount":                       "line 1, column 1: the filter says a number with decimals, but it must say yes or no; compare it with something, as in lead.state == 'TX'",
		"lead.fields.age && true":                       "line 1, column 12: a whole number stands where yes or no is needed",
		"age(lead.fields.age) > 3":                      "line 1, column 4: age does not take a whole number and a time",
		"facts.unknown.x == 1":                          "line 1, column 6: the campaign has no field 'unknown'",
		"lead.fields.comment.matches('(')":              "line 1, column 29: the pattern of matches is none: brackets or signs in it do not fit together",
		"Lead{state: 'TX'} == lead":                     "line 1, column 5: { and } are not used in filters like this",
		"lead.state == “TX”":                            "line 1, column 15: write straight quotes around a text, as in 'TX'",
		"lead.fields.loan_amount + lead.fields.age > 3": "line 1, column 25: + does not mix a whole number with one with decimals; write double(…) around the whole one",
	} {
		f, err := c.Compile(expression)
		assert.Nil(t, f, expression)
		e := fault.As(err)
		if assert.NotNil(t, e, "%s: %v", expression, err) {
			assert.Equal(t, want, e.Message, expression)
		}
	}
}

func TestPins(t *testing.T) {
	t.Parallel()
	c := language(t).Over(rules(t))
	pins := func(p ...distribution.Pin) []distribution.Pin { return p }
	state := func(v ...string) distribution.Pin { return distribution.Pin{Attribute: "state", Values: v} }
	for expression, want := range map[string][]distribution.Pin{
		"lead.state == 'TX'":                                     pins(state("TX")),
		"'TX' == lead.state":                                     pins(state("TX")),
		"lead.state in ['TX', 'CA']":                             pins(state("TX", "CA")),
		"lead.state == 'TX' || lead.state == 'CA'":               pins(state("TX", "CA")),
		"lead.zip.startsWith('75') || lead.zip.startsWith('76')": pins(distribution.Pin{Attribute: "zip", Prefix: true, Values: []string{"75", "76"}}),
		"lead.state == 'TX' && lead.fields.age > 3 && lead.fields.coverage == 'full'": pins(state("TX"), distribution.Pin{Attribute: "fields.coverage", Values: []string{"full"}}),
		"lead.fields.homeowner == true && !lead.test":                                 pins(distribution.Pin{Attribute: "fields.homeowner", Values: []string{"true"}}, distribution.Pin{Attribute: "test", Values: []string{"false"}}),
		"lead.fields['move-date'] == '2026-12-01'":                                    pins(distribution.Pin{Attribute: "fields.move-date", Values: []string{"2026-12-01"}}),
		"lead.state == 'TX' || lead.zip == '75001'":                                   nil,
		"lead.state == 'TX' || lead.test":                                             nil,
		"lead.state != 'TX'":                                                          nil,
		"!(lead.state == 'TX')":                                                       nil,
		"lead.zip.startsWith('')":                                                     nil,
		"lead.fields.comment in ['', 'a']":                                            nil,
		"lead.fields.loan_amount == 3":                                                nil,
		"lead.state in ['TX', lead.fields.coverage]":                                  nil,
		"[lead].exists(lead2, lead2.state == 'TX')":                                   nil,
	} {
		f, err := c.Compile(expression)
		if assert.NoError(t, err, expression) {
			assert.Equal(t, want, f.Pins(), expression)
		}
	}
}

func TestAFilterThatMayCostTooMuchIsRefused(t *testing.T) {
	t.Parallel()
	c := language(t).Over(rules(t))
	list := "[" + strings.Repeat("1,", 99) + "1]"
	for _, expression := range []string{
		list + ".all(a, " + list + ".all(b, a == b))",
		"[1,2,3,4,5,6,7,8,9,10].all(a, [1,2,3,4,5,6,7,8,9,10].all(b, [1,2,3,4,5,6,7,8,9,10].all(c, [1,2,3,4,5,6,7,8,9,10].all(d, a + b + c + d > 0))))",
		"lead.fields.comment.split('').all(x, lead.fields.comment.split('').size() > 0)",
		"lead.fields.comment.split('').map(x, lead.fields.comment + lead.fields.comment).size() > 0",
		"lead.fields.comment.matches(lead.fields.comment)",
		"lead.fields.comment.matches('.*.{1000}')",
		"lead.partner.matches('" + strings.Repeat(`\\pL{1000}`, 300) + "')",
		"lead.fields.comment.indexOf(lead.fields.comment) > 0",
	} {
		_, err := c.Compile(expression)
		if e := fault.As(err); assert.NotNil(t, e, expression) {
			assert.Contains(t, e.Message, "too long")
		}
	}
	for expression, why := range map[string]string{
		"lead.fields.comment.replace('', lead.fields.comment).replace('a', lead.fields.comment).size() > 1":                      "replace is not there",
		"[lead.fields.comment, lead.fields.comment].join(lead.fields.comment).size() > 1":                                        "join is not there",
		"'%s'.format([lead.fields.comment]).size() > 1":                                                                          "format is not there",
		"strings.quote(strings.quote(lead.fields.comment)).size() > 1":                                                           "quote is not there",
		"[lead.fields.comment]" + strings.Repeat(".map(x, x + x)", 40) + ".size() > 1":                                           "elements of another",
		"[1]" + strings.Repeat(".map(x, [x, x])", 40) + " == [1]":                                                                "elements of another",
		"[1]" + strings.Repeat(".map(x, {'a': x, 'b': x})", 40) + " == [{}]":                                                     "elements of another",
		"[1]" + strings.Repeat(".map(x, x > 0, [x, x])", 40) + " == [1]":                                                         "elements of another",
		"['a'].exists(x, [x + x].exists(y, [y + y].exists(z, z.size() > 4)))":                                                    "elements of another",
		"['a'].map(x, ['b'].map(y, x + y)[0]).exists(x, x == 'b')":                                                               "elements of another",
		"facts.score.lines.map(l, true ? l + l : l).filter(l, l != '').map(l, l.size() > 3 ? l : l + l).exists_one(l, l == 'b')": "elements of another",
	} {
		_, err := c.Compile(expression)
		assert.ErrorContains(t, err, why, expression)
	}
	_, err := c.Compile(strings.Repeat("(", 500) + "true" + strings.Repeat(")", 500))
	assert.ErrorContains(t, err, "too many brackets")
	_, err = c.Compile("lead.state == '" + strings.Repeat("x", distribution.MaxFilter) + "'")
	assert.ErrorContains(t, err, "more than 4000 characters")
}

// What people write of lists and texts stays within what a filter may cost.
func TestAFilterMayLookThroughTexts(t *testing.T) {
	t.Parallel()
	c := language(t).Over(rules(t))
	in := c.Read(facts(t, jane(field.Set{"comment": field.TextValue("red, green , blue" + strings.Repeat(", x", 1000))})))
	for _, expression := range []string{
		"lead.fields.comment.split(',').exists(w, w.trim() == 'green')",
		"lead.fields.comment.split(',').map(w, w.trim().upperAscii()).exists(w, w in ['BLUE', 'BLACK'])",
		"lead.fields.comment.split(',').filter(w, w.trim().size() > 3).size() == 2",
		"['red', 'pink'].exists_one(w, lead.fields.comment.split(',').exists(v, v == w))",
		"['green', 'black'].exists(w, lead.fields.comment.lowerAscii().contains(w + ' '))",
		"lead.fields.comment.matches('(?i)urgent|asap|^red')",
		"lead.fields.comment.substring(0, 3) == 'red' && lead.fields.comment.indexOf('green') == 5",
		"lead.fields.firstName + ' ' + lead.fields.lastName == 'Jane Doe'",
		"math.greatest([1, 2, 3].map(n, n + 1)) == 4",
		"[[1, 2], [3]].exists(l, l.exists(n, n == 3))",
	} {
		f, err := c.Compile(expression)
		if assert.NoError(t, err, expression) {
			assert.True(t, f.Passes(in), expression)
		}
	}
}

// What comes from outside may be longer than the estimate: then the filter stops at its limit when it runs, and only that filter.
func TestAFilterThatCostsTooMuchWhenItRunsFailsAlone(t *testing.T) {
	t.Parallel()
	c := language(t).Over(rules(t))
	slow, err := c.Compile("facts.score.lines.all(l, l != 'x')")
	require.NoError(t, err)
	quick, err := c.Compile("facts.score.lines.size() > 0")
	require.NoError(t, err)
	with := func(lines int) lead.Facts {
		return facts(t, jane()).WithOutside(map[string]field.Set{"score": {"lines": {Kind: field.Other, Text: "[" + strings.Repeat(`"a",`, lines-1) + `"a"]`}}})
	}
	nested, err := c.Compile("facts.score.lines.all(l, [1, 2].all(m, m > 0))")
	require.NoError(t, err)
	assert.True(t, slow.Passes(c.Read(with(19_000))))
	assert.True(t, nested.Passes(c.Read(with(6_000))))
	assert.False(t, nested.Passes(c.Read(with(7_000))), "the turns of all loops count")
	in := c.Read(with(100_000))
	assert.False(t, slow.Passes(in))
	assert.True(t, quick.Passes(in))
}

func TestALeadFromBeforeAFieldHadItsTypeDoesNotPass(t *testing.T) {
	t.Parallel()
	c := language(t).Over(rules(t))
	old := lead.Submit(lead.Submission{Fields: field.Set{"homeowner": field.TextValue("maybe"), "age": field.TextValue("old"), "loan_amount": field.TextValue("much")}}).Facts()
	for _, expression := range []string{
		"lead.fields.homeowner == true", "lead.fields.homeowner != true", "lead.fields.age != 3", "lead.fields.loan_amount != 3",
		"lead.fields.age > 3", "lead.fields.age + 1 > 3",
	} {
		f, err := c.Compile(expression)
		require.NoError(t, err)
		assert.False(t, f.Passes(c.Read(old)), expression)
	}
}

func TestEqualFieldsShareCompiledFilters(t *testing.T) {
	t.Parallel()
	l := language(t)
	a, b := l.Over(rules(t)), l.Over(rules(t))
	assert.Same(t, a, b)
	f, err := a.Compile("lead.fields.age > 3")
	require.NoError(t, err)
	g, err := b.Compile("lead.fields.age > 3")
	require.NoError(t, err)
	assert.Same(t, f, g)
	other, err := field.NewRules(nil)
	require.NoError(t, err)
	_, err = l.Over(other).Compile("lead.fields.age > 3")
	assert.ErrorContains(t, err, "the campaign has no field 'age'")
}

// wrong panics when it is asked for anything.
type wrong struct{ distribution.FilterInput }

func TestAnInputOfAnotherLanguageDoesNotPass(t *testing.T) {
	t.Parallel()
	f, err := language(t).Over(rules(t)).Compile("true")
	require.NoError(t, err)
	assert.False(t, f.Passes(wrong{}))
}

func BenchmarkPasses(b *testing.B) {
	c := language(b).Over(rules(b))
	f := facts(b, jane(field.Set{"homeowner": field.TextValue("yes"), "loan_amount": field.TextValue("250000.50"), "age": {Kind: field.Number, Text: "34"}}))
	for name, expression := range map[string]string{
		"pins":      "lead.state in ['TX', 'CA'] && lead.fields.homeowner == true",
		"one":       "lead.fields.loan_amount > 1000",
		"three":     "lead.state in ['TX', 'CA'] && lead.fields.homeowner == true && lead.fields.loan_amount > 1000",
		"elsewhere": "lead.state == 'NY' && lead.fields.loan_amount > 1000",
	} {
		b.Run(name, func(b *testing.B) {
			filter, err := c.Compile(expression)
			require.NoError(b, err)
			in := c.Read(f)
			b.ReportAllocs()
			for b.Loop() {
				filter.Passes(in)
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	c := language(b).Over(rules(b))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		_, err := c.Compile("lead.state in ['TX', 'CA'] && lead.fields.homeowner == true && lead.fields.loan_amount > " + strconv.Itoa(i))
		require.NoError(b, err)
	}
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.HeapAlloc)/float64(max(b.N, 1)), "heap/op")
	runtime.KeepAlive(c)
}
