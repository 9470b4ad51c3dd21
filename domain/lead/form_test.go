package lead_test

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/lead"
)

func numbered(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = strconv.Itoa(i)
	}
	return out
}

// form asks one question of every type; their ids are 1 to 7.
func form(t require.TestingT) *lead.Form {
	f := lead.NewForm("seller_1")
	require.NoError(t, f.Update(lead.FormChange{Questions: &[]lead.Question{
		{Type: lead.Note, Text: "Tell us about\nyour friend."},
		{Type: lead.Input, Title: "Company", Description: "If any"},
		{Type: lead.Textarea, Title: "Details"},
		{Type: lead.Checkbox, Title: "Interests", Options: []string{"A", "B", "C, D", "E"}},
		{Type: lead.Radio, Title: "Size", Options: []string{"small", "large"}},
		{Type: lead.Select, Title: "Plan", Options: []string{"basic", "pro"}},
		{Type: lead.Countries, Title: "Country"},
	}}))
	return f
}

func TestNewForm(t *testing.T) {
	t.Parallel()
	f := lead.NewForm("seller_1")
	assert.Equal(t, lead.FormSnapshot{SellerID: "seller_1", Enabled: true, NextID: 1}, f.Snapshot())
	assert.True(t, f.Enabled())
	assert.Zero(t, f.Version())
	answers, err := f.Answers(nil)
	require.NoError(t, err)
	assert.Empty(t, answers)
	assert.Equal(t, fault.RuleViolated, lead.ErrFormDisabled.Kind)
	assert.Equal(t, fault.Code("leads_disabled"), lead.ErrFormDisabled.Code)
}

func TestFormUpdate(t *testing.T) {
	t.Parallel()
	f := lead.NewForm("seller_1")
	ids := func() (out []int64) {
		for _, q := range f.Snapshot().Questions {
			out = append(out, q.ID)
		}
		return out
	}
	ask := func(ids ...int64) *[]lead.Question {
		out := make([]lead.Question, len(ids))
		for i, id := range ids {
			out[i] = lead.Question{ID: id, Type: lead.Input, Title: fmt.Sprint("Question ", i)}
		}
		return &out
	}
	for i, tc := range []struct {
		name    string
		c       lead.FormChange
		ids     []int64
		next    int64
		enabled bool
	}{
		{"first", lead.FormChange{Questions: ask(0, 0)}, []int64{1, 2}, 3, true},
		{"off, questions stay", lead.FormChange{Enabled: new(false)}, []int64{1, 2}, 3, false},
		{"other order, still off", lead.FormChange{Questions: ask(2, 0, 1)}, []int64{2, 3, 1}, 4, false},
		{"the last one goes", lead.FormChange{Questions: ask(1, 2), Enabled: new(true)}, []int64{1, 2}, 4, true},
		{"its id is not given again", lead.FormChange{Questions: ask(0, 1)}, []int64{4, 1}, 5, true},
		{"none", lead.FormChange{Questions: ask()}, []int64(nil), 5, true},
		{"after none", lead.FormChange{Questions: ask(0)}, []int64{5}, 6, true},
		{"an id from elsewhere", lead.FormChange{Questions: ask(0, 89, 0)}, []int64{90, 89, 91}, 92, true},
		{"an operator brings a removed one back", lead.FormChange{Questions: ask(3)}, []int64{3}, 92, true},
		{"the highest id", lead.FormChange{Questions: ask(1_000_000_000)}, []int64{1_000_000_000}, 1_000_000_001, true},
		{"after the highest id", lead.FormChange{Questions: ask(1_000_000_000, 0)}, []int64{1_000_000_000, 1_000_000_001}, 1_000_000_002, true},
		{"what was made comes back", lead.FormChange{Questions: ask(1_000_000_001, 0)}, []int64{1_000_000_001, 1_000_000_002}, 1_000_000_003, true},
	} {
		require.NoError(t, f.Update(tc.c), tc.name)
		assert.Equal(t, tc.ids, ids(), tc.name)
		assert.Equal(t, tc.next, f.Snapshot().NextID, tc.name)
		assert.Equal(t, tc.enabled, f.Enabled(), tc.name)
		assert.Equal(t, int64(i+1), f.Version(), tc.name)
		f = lead.FormFromSnapshot(f.Snapshot())
	}
	before := f.Snapshot()
	require.NoError(t, f.Update(lead.FormChange{}))
	assert.Equal(t, before, f.Snapshot(), "nothing given is no change")

	before = f.Snapshot()
	require.Error(t, f.Update(lead.FormChange{Enabled: new(false), Questions: &[]lead.Question{{ID: 500, Type: lead.Input, Title: "Fine"}, {Type: "odd", Title: "Not"}}}))
	assert.Equal(t, before, f.Snapshot(), "nothing changes when something is wrong")
}

// Whatever an operator changes, the form never gives an id that it gave before.
func TestFormIDsProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f, used := lead.NewForm("seller_1"), map[int64]bool{}
		for range rapid.IntRange(1, 12).Draw(t, "changes") {
			var questions []lead.Question
			for _, q := range f.Snapshot().Questions {
				if rapid.Bool().Draw(t, "keep") {
					questions = append(questions, q)
				}
			}
			kept := len(questions)
			for range rapid.IntRange(0, 3).Draw(t, "new") {
				questions = append(questions, lead.Question{Type: lead.Input, Title: "New"})
			}
			if err := f.Update(lead.FormChange{Questions: &questions}); err != nil {
				t.Fatal(err)
			}
			for i, q := range f.Snapshot().Questions {
				if i < kept && q.ID != questions[i].ID || i >= kept && used[q.ID] {
					t.Fatalf("question %d has id %d", i, q.ID)
				}
				used[q.ID] = true
			}
		}
	})
}

func TestFormRules(t *testing.T) {
	t.Parallel()
	const member = "leads_custom_form_fields"
	v := func(field string, code fault.Code, message string) fault.Violation {
		return fault.Violation{Field: member + field, Code: code, Message: message}
	}
	bad := func(field, message string) []fault.Violation {
		return []fault.Violation{v(field, fault.InvalidValue, message)}
	}
	many := func(n int) []lead.Question {
		out := make([]lead.Question, n)
		for i := range out {
			out[i] = lead.Question{Type: lead.Input, Title: "Q"}
		}
		return out
	}
	withOptions := func(options ...string) []lead.Question {
		return []lead.Question{{Type: lead.Radio, Title: "Q", Options: options}}
	}
	for _, tc := range []struct {
		name      string
		questions []lead.Question
		want      []fault.Violation
	}{
		{"100", many(100), nil},
		{"101", many(101), bad("", "must have at most 100 fields")},
		{"10,000", many(10_000), bad("", "must have at most 100 fields")},
		{"no type", []lead.Question{{Title: "Q"}}, []fault.Violation{v(".0.type", fault.Required, "is required")}},
		{"a type in capitals", []lead.Question{{Title: "Q", Type: "Input"}}, bad(".0.type", "must be text, input, textarea, checkbox, radio, select or countries")},
		{"no title", []lead.Question{{Type: lead.Input}}, []fault.Violation{v(".0.title", fault.Required, "is required")}},
		{"a blank title", []lead.Question{{Type: lead.Countries, Title: "\u00a0 "}}, []fault.Violation{v(".0.title", fault.Required, "is required")}},
		{"the longest texts", []lead.Question{{Type: lead.Note, Title: strings.Repeat("é", 200), Text: strings.Repeat("é", 5000), Description: strings.Repeat("é", 1000)}}, nil},
		{
			"longer texts",
			[]lead.Question{{Type: lead.Note, Title: strings.Repeat("é", 201), Text: strings.Repeat("é", 5001), Description: strings.Repeat("é", 1001)}},
			[]fault.Violation{
				v(".0.title", fault.InvalidValue, "must have at most 200 characters"), v(".0.text", fault.InvalidValue, "must have at most 5000 characters"),
				v(".0.description", fault.InvalidValue, "must have at most 1000 characters"),
			},
		},
		{
			"controls",
			[]lead.Question{{Type: lead.Input, Title: "a\nb", Text: "a\nb\x00", Description: "\xff"}},
			[]fault.Violation{
				v(".0.title", fault.InvalidValue, "must not contain control characters"), v(".0.text", fault.InvalidValue, "must not contain control characters"),
				v(".0.description", fault.InvalidValue, "must be valid UTF-8"),
			},
		},
		{"a note without a title", []lead.Question{{Type: lead.Note}}, nil},
		{"a required note", []lead.Question{{Type: lead.Note, Required: true}}, bad(".0.required", "must be false for a text, which takes no answer")},
		{"options of a note", []lead.Question{{Type: lead.Note, Options: []string{"a"}}}, bad(".0.options", "must be empty for this type")},
		{"options of an input", []lead.Question{{Type: lead.Input, Title: "Q", Options: []string{"a"}}}, bad(".0.options", "must be empty for this type")},
		{"options of a textarea", []lead.Question{{Type: lead.Textarea, Title: "Q", Options: []string{"a"}}}, bad(".0.options", "must be empty for this type")},
		{"options of countries", []lead.Question{{Type: lead.Countries, Title: "Q", Options: []string{"US"}}}, bad(".0.options", "must be empty for this type")},
		{"no options to check", []lead.Question{{Type: lead.Checkbox, Title: "Q"}}, bad(".0.options", "must have 1 to 200 options")},
		{"no options to choose", []lead.Question{{Type: lead.Select, Title: "Q", Options: []string{}}}, bad(".0.options", "must have 1 to 200 options")},
		{"200 options", withOptions(numbered(200)...), nil},
		{"201 options", withOptions(numbered(201)...), bad(".0.options", "must have 1 to 200 options")},
		{"10,200 options, most of them empty: one answer", withOptions(append(numbered(200), make([]string, 10_000)...)...), bad(".0.options", "must have 1 to 200 options")},
		{"200,000 options", withOptions(numbered(200_000)...), bad(".0.options", "must have 1 to 200 options")},
		{"odd options", withOptions("a", "", "a", "b\x00", strings.Repeat("x", 201), "A"), []fault.Violation{
			v(".0.options.1", fault.Required, "is required"),
			v(".0.options.2", fault.Duplicate, "is given twice"), v(".0.options.3", fault.InvalidValue, "must not contain control characters"),
			v(".0.options.4", fault.InvalidValue, "must have at most 200 characters"),
		}},
		{
			"an id twice",
			[]lead.Question{{ID: 3, Type: lead.Input, Title: "Q"}, {Type: lead.Input, Title: "Q"}, {ID: 3, Type: lead.Input, Title: "Q"}},
			[]fault.Violation{v(".2.id", fault.Duplicate, "is given twice")},
		},
		{"a negative id", []lead.Question{{ID: -1, Type: lead.Input, Title: "Q"}}, bad(".0.id", "must be between 1 and 1000000000")},
		{"an id too high", []lead.Question{{ID: 1_000_000_001, Type: lead.Input, Title: "Q"}}, bad(".0.id", "must be between 1 and 1000000000")},
		{"the highest number", []lead.Question{{ID: math.MaxInt64, Type: lead.Input, Title: "Q"}}, bad(".0.id", "must be between 1 and 1000000000")},
		{"several at once", []lead.Question{{Type: lead.Input, Title: "Q"}, {}, {ID: -1, Type: lead.Radio, Title: "Q"}}, []fault.Violation{
			v(".1.type", fault.Required, "is required"), v(".1.title", fault.Required, "is required"),
			v(".2.options", fault.InvalidValue, "must have 1 to 200 options"), v(".2.id", fault.InvalidValue, "must be between 1 and 1000000000"),
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			f := lead.NewForm("seller_1")
			err := f.Update(lead.FormChange{Questions: &tc.questions})
			if tc.want == nil {
				require.NoError(t, err)
				assert.Len(t, f.Snapshot().Questions, len(tc.questions))
				return
			}
			require.ErrorIs(t, err, fault.ErrValidation)
			assert.Equal(t, tc.want, fault.As(err).Violations)
			assert.Equal(t, lead.NewForm("seller_1").Snapshot(), f.Snapshot())
		})
	}
}

func TestAnswersOfEveryType(t *testing.T) {
	t.Parallel()
	one := "must be one value"
	for _, tc := range []struct {
		name   string
		id     string
		values []string
		want   string
		err    string
	}{
		{"note", "1", nil, "", ""},
		{"note left empty", "1", []string{""}, "", ""},
		{"note answered", "1", []string{"x"}, "", "takes no answer"},
		{"input", "2", []string{" Acme 😀 שלום "}, " Acme 😀 שלום ", ""},
		{"input blank", "2", []string{" \t"}, "", ""},
		{"input longest", "2", []string{strings.Repeat("é", 1000)}, strings.Repeat("é", 1000), ""},
		{"input too long", "2", []string{strings.Repeat("é", 1001)}, "", "must have at most 1000 characters"},
		{"input of two lines", "2", []string{"a\nb"}, "", "must not contain control characters"},
		{"input NUL", "2", []string{"a\x00"}, "", "must not contain control characters"},
		{"input of two", "2", []string{"a", "b"}, "", one},
		{"input of one and a blank", "2", []string{"", "b"}, "b", ""},
		{"textarea", "3", []string{"a\n\tb\r\n"}, "a\n\tb\r\n", ""},
		{"textarea longest", "3", []string{strings.Repeat("é", 5000)}, strings.Repeat("é", 5000), ""},
		{"textarea too long", "3", []string{strings.Repeat("é", 5001)}, "", "must have at most 5000 characters"},
		{"textarea invalid", "3", []string{"\xff"}, "", "must be valid UTF-8"},
		{"textarea of two", "3", []string{"a", "b"}, "", one},
		{"checkbox one", "4", []string{"B"}, "B", ""},
		{"checkbox joined", "4", []string{"C, D", "A"}, "C, D, A", ""},
		{"checkbox all and a blank", "4", []string{"A", "", "B", "C, D", "E"}, "A, B, C, D, E", ""},
		{"checkbox none", "4", []string{}, "", ""},
		{"checkbox joined by the client", "4", []string{"A, B"}, "", "must be one of the options"},
		{"checkbox unknown", "4", []string{"A", "F"}, "", "must be one of the options"},
		{"checkbox repeated", "4", []string{"A", "B", "A"}, "", "must not repeat an option"},
		{"checkbox in other letters", "4", []string{"a"}, "", "must be one of the options"},
		{"checkbox with spaces", "4", []string{" A"}, "", "must be one of the options"},
		{"radio", "5", []string{"large"}, "large", ""},
		{"radio unknown", "5", []string{"medium"}, "", "must be one of the options"},
		{"radio of two", "5", []string{"small", "large"}, "", one},
		{"select", "6", []string{"pro"}, "pro", ""},
		{"select unknown", "6", []string{"none"}, "", "must be one of the options"},
		{"select of two", "6", []string{"basic", "pro"}, "", one},
		{"country", "7", []string{"NL"}, "NL", ""},
		{"country in small letters", "7", []string{"nl"}, "", "must be an ISO 3166-1 alpha-2 code, such as US"},
		{"country by name", "7", []string{"Netherlands"}, "", "must be an ISO 3166-1 alpha-2 code, such as US"},
		{"country that is none", "7", []string{"UK"}, "", "must be an ISO 3166-1 alpha-2 code, such as US"},
		{"two countries in one", "7", []string{"D E"}, "", "must be an ISO 3166-1 alpha-2 code, such as US"},
		{"country of two", "7", []string{"NL", "BE"}, "", one},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			f := form(t)
			answers, err := f.Answers([]lead.Given{{ID: tc.id, Values: tc.values}})
			if tc.err != "" {
				require.ErrorIs(t, err, fault.ErrValidation)
				assert.Equal(t, []fault.Violation{{Field: "cfields." + tc.id, Code: fault.InvalidValue, Message: tc.err}}, fault.As(err).Violations)
				assert.Nil(t, answers)
				return
			}
			require.NoError(t, err)
			if tc.want == "" {
				assert.Empty(t, answers, "what is not answered is not shown")
				return
			}
			require.Len(t, answers, 1)
			assert.Equal(t, tc.want, answers[0].Answer)
			id, err := strconv.ParseInt(tc.id, 10, 64)
			require.NoError(t, err)
			assert.Equal(t, id, answers[0].ID)
		})
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	f := form(t)
	answers, err := f.Answers([]lead.Given{{ID: "7", Values: []string{"US"}}, {ID: "4", Values: []string{"A", "B"}}, {ID: "2", Values: []string{"Acme"}}, {ID: "3", Values: nil}})
	require.NoError(t, err)
	assert.Equal(t, []lead.Answer{{ID: 2, Question: "Company", Answer: "Acme"}, {ID: 4, Question: "Interests", Answer: "A, B"}, {ID: 7, Question: "Country", Answer: "US"}}, answers, "in the form's order")

	// Required questions, whether they are left out, null, empty or blank.
	s := f.Snapshot()
	for i := range s.Questions {
		s.Questions[i].Required = s.Questions[i].Type != lead.Note
	}
	f = lead.FormFromSnapshot(s)
	var want []fault.Violation
	for id := 2; id <= 7; id++ {
		want = append(want, fault.Violation{Field: fmt.Sprint("cfields.", id), Code: fault.Required, Message: "is required"})
	}
	answers, err = f.Answers([]lead.Given{{ID: "3", Values: []string{}}, {ID: "4", Values: []string{"", " "}}, {ID: "5", Values: []string{"\n"}}})
	require.ErrorIs(t, err, fault.ErrValidation)
	assert.Equal(t, want, fault.As(err).Violations)
	assert.Nil(t, answers)
	_, err = f.Answers([]lead.Given{
		{ID: "2", Values: []string{"a"}},
		{ID: "3", Values: []string{"a"}},
		{ID: "4", Values: []string{"A"}},
		{ID: "5", Values: []string{"small"}},
		{ID: "6", Values: []string{"pro"}},
		{ID: "7", Values: []string{"DE"}},
	})
	require.NoError(t, err)
}

func TestUnknownAnswers(t *testing.T) {
	t.Parallel()
	for id, shown := range map[string]string{
		"8": "8", "0": "0", "-1": "-1", "02": "02", " 2": " 2", "2.0": "2.0", "Company": "Company", "": "", "\xff2": "\uFFFD2",
		strings.Repeat("é", 32): strings.Repeat("é", 32), strings.Repeat("é", 33): strings.Repeat("é", 32) + "…",
	} {
		_, err := form(t).Answers([]lead.Given{{ID: id, Values: []string{"x"}}, {ID: "5", Values: []string{"x"}}})
		require.ErrorIs(t, err, fault.ErrValidation)
		assert.Equal(t, []fault.Violation{
			{Field: "cfields." + shown, Code: fault.UnknownField, Message: "is not a field of the lead form"},
			{Field: "cfields.5", Code: fault.InvalidValue, Message: "must be one of the options"},
		}, fault.As(err).Violations)
	}
	_, err := form(t).Answers([]lead.Given{{ID: "8"}})
	require.Error(t, err, "an unknown field is wrong even when it is empty")
}

// An answer that is one of the options is always accepted and returned unchanged.
func TestAnswersProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		options := rapid.SliceOfNDistinct(rapid.StringMatching(`[A-Za-z0-9,é😀]{1,8}`), 1, 10, rapid.ID).Draw(t, "options")
		f := lead.NewForm("seller_1")
		if err := f.Update(lead.FormChange{Questions: &[]lead.Question{{Type: lead.Checkbox, Title: "Q", Options: options, Required: true}}}); err != nil {
			t.Fatal(err)
		}
		chosen := rapid.Permutation(options).Draw(t, "order")[:rapid.IntRange(1, len(options)).Draw(t, "chosen")]
		answers, err := f.Answers([]lead.Given{{ID: "1", Values: chosen}})
		if err != nil || len(answers) != 1 || answers[0].Answer != strings.Join(chosen, ", ") {
			t.Fatalf("%q: %v, %v", chosen, answers, err)
		}
	})
}

func TestEveryCountry(t *testing.T) {
	t.Parallel()
	f := lead.NewForm("seller_1")
	require.NoError(t, f.Update(lead.FormChange{Questions: &[]lead.Question{{Type: lead.Countries, Title: "Country"}}}))
	found := map[string]bool{}
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			code := string([]rune{a, b})
			if _, err := f.Answers([]lead.Given{{ID: "1", Values: []string{code}}}); err == nil {
				found[code] = true
			}
		}
	}
	assert.Len(t, found, 249, "the officially assigned codes of ISO 3166-1")
	for _, code := range []string{"US", "GB", "NL", "DE", "UA", "TW", "XK", "EU", "UK", "AN", "SU", "ZZ", "AA"} {
		assert.Equal(t, strings.Contains("US GB NL DE UA TW", code), found[code], code)
	}
	for _, bad := range []string{"U", "USA", "us", "U\x00", "É", " A", "A "} {
		_, err := f.Answers([]lead.Given{{ID: "1", Values: []string{bad}}})
		assert.Error(t, err, "%q", bad)
	}
}

func TestFormSnapshotsShareNothing(t *testing.T) {
	t.Parallel()
	questions := []lead.Question{{Type: lead.Radio, Title: "Q", Options: []string{"a", "b"}}}
	f := lead.NewForm("seller_1")
	require.NoError(t, f.Update(lead.FormChange{Questions: &questions}))
	want := lead.FormSnapshot{SellerID: "seller_1", Version: 1, NextID: 2, Enabled: true, Questions: []lead.Question{{ID: 1, Type: lead.Radio, Title: "Q", Options: []string{"a", "b"}}}}
	questions[0].Title, questions[0].Options[0] = "x", "x"
	s := f.Snapshot()
	assert.Equal(t, want, s)
	restored := lead.FormFromSnapshot(s)
	s.Questions[0].Title, s.Questions[0].Options[1] = "x", "x"
	assert.Equal(t, want, f.Snapshot())
	assert.Equal(t, want, restored.Snapshot())
}

func TestFormFromSnapshotNeverValidates(t *testing.T) {
	t.Parallel()
	s := lead.FormSnapshot{SellerID: "s", Version: 7, NextID: 3, Questions: []lead.Question{{ID: 2, Type: "gone"}, {ID: 2, Type: lead.Radio}}}
	assert.Equal(t, s, lead.FormFromSnapshot(s).Snapshot())
}
