package consolehttp

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/leadmill/leadmill/adapters/celfilter"
	"github.com/leadmill/leadmill/domain/field"
)

func filterRules() []field.Rule {
	return field.RestoreRules([]field.Rule{
		{Name: "homeowner", Type: field.TypeBoolean},
		{Name: "vehicles", Type: field.TypeInteger},
		{Name: "loan", Type: field.TypeNumber},
		{Name: "born", Type: field.TypeDate},
		{Name: "coverage", Type: field.TypeEnum, Options: []string{"full", "it's none"}},
		{Name: "current-insurer", Type: field.TypeString},
		{Name: "in", Type: field.TypeString},
	}).All()
}

func TestRowsAreWrittenAsAFilter(t *testing.T) {
	t.Parallel()
	for want, row := range map[string]FilterRow{
		`lead.state == 'TX'`:                                {"state", opIs, "tx"},
		`lead.state in ['TX', 'CA']`:                        {"state", opIn, "TX, ca"},
		`!(lead.zip in ['75001'])`:                          {"zip", opNotIn, "75001"},
		`lead.zip.startsWith('750')`:                        {"zip", opStarts, "750"},
		`lead.fields.homeowner == true`:                     {"homeowner", opYes, ""},
		`lead.fields.vehicles >= 2`:                         {"vehicles", opAtLeast, "2"},
		`lead.fields.loan < 100.5`:                          {"loan", opLess, "100.5"},
		`age(lead.fields.born) >= 65`:                       {"born", opOlder, "65"},
		`lead.fields.coverage == 'it\'s none'`:              {"coverage", opIs, "it's none"},
		`lead.fields['current-insurer'].contains('a \\ b')`: {"current-insurer", opContains, `a \ b`},
		`lead.fields['in'] != null`:                         {"in", opGiven, ""},
		`lead.email == null`:                                {"email", opMissing, ""},
	} {
		text, wrong := writeFilter([]FilterRow{row}, joinAnd, filterRules())
		assert.Empty(t, wrong)
		assert.Equal(t, want, text)
	}
	for want, row := range map[string]FilterRow{
		"must be a whole number":                   {"vehicles", opIs, "two"},
		"must be a number":                         {"loan", opMore, "1e5"},
		"must be a field of the campaign":          {"moon", opIs, "full"},
		"is no field of yes and no":                {"state", opYes, ""},
		"must not be empty":                        {"state", opIs, ""},
		"must name at least one value":             {"state", opIn, " , "},
		"is no date":                               {"state", opOlder, "5"},
		"must be a number of years":                {"born", opOlder, "old"},
		"must be one of the comparisons":           {"state", "like", "T"},
		"is yes or no: choose “is yes” or “is no”": {"homeowner", opIs, "yes"},
	} {
		_, wrong := writeFilter([]FilterRow{{}, row}, joinAnd, filterRules())
		assert.Equal(t, map[int]string{1: want}, wrong)
	}
}

func TestFiltersThatRowsCannotSay(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`lead.state == 'TX' && (lead.zip == '75001' || lead.zip == '75002')`, `lead.state=='TX'`, `!lead.fields.homeowner`, `lead.state == 'TX' || lead.state == 'CA' && lead.zip != null`,
		`lead.fields.moon == 'full'`, `lead.state == "TX"`, `'`, ``,
	} {
		_, _, ok := readFilter(text, filterRules())
		assert.False(t, ok, text)
	}
}

// Whatever rows say, they are a filter that the language takes, and are read from it again as they were.
func TestRowsAreReadAgain(t *testing.T) {
	t.Parallel()
	rules := filterRules()
	filters, err := celfilter.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	over := filters.Over(field.RestoreRules(rules))
	rapid.Check(t, func(t *rapid.T) {
		var rows []FilterRow
		for range rapid.IntRange(1, 4).Draw(t, "rows") {
			text := rapid.StringMatching(`[a-zA-Z'\\&| ]{1,8}[a-z]`)
			rows = append(rows, rapid.SampledFrom([]FilterRow{
				{"state", opIn, "TX, CA"},
				{"zip", opNotIn, "75001, 75002"},
				{"homeowner", opNo, ""},
				{"vehicles", opMore, "3"},
				{"loan", opAtMost, "-2.50"},
				{"born", opYounger, "30"},
				{"city", opIs, text.Draw(t, "text")},
				{"city", opContains, text.Draw(t, "part")},
				{"current-insurer", opNot, text.Draw(t, "other")},
				{"in", opMissing, ""},
				{"email", opGiven, ""},
			}).Draw(t, "row"))
		}
		join := rapid.SampledFrom([]string{joinAnd, joinOr}).Draw(t, "join")
		text, wrong := writeFilter(rows, join, rules)
		assert.Empty(t, wrong)
		_, err := over.Compile(text)
		assert.NoError(t, err, text)
		again, joined, ok := readFilter(text, rules)
		assert.True(t, ok, text)
		assert.Equal(t, rows, again)
		if len(rows) > 1 {
			assert.Equal(t, join, joined)
		}
	})
}
