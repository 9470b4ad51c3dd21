package contact_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/leadmill/leadmill/domain/contact"
)

func TestParseTags(t *testing.T) {
	t.Parallel()
	many := make([]string, 10_000)
	for i := range many {
		many[i] = strconv.Itoa(i)
	}
	for name, tc := range map[string]struct {
		in, want []string
		err      string
	}{
		"nil":                {nil, []string{}, ""},
		"none":               {[]string{}, []string{}, ""},
		"order and spaces":   {[]string{" b ", "a\u00a0", "c d"}, []string{"b", "a", "c d"}, ""},
		"repetitions":        {[]string{"a", " a", "b", "a "}, []string{"a", "b"}, ""},
		"case matters":       {[]string{"a", "A"}, []string{"a", "A"}, ""},
		"emoji and RTL":      {[]string{"😀", "שלום"}, []string{"😀", "שלום"}, ""},
		"100":                {many[:100], many[:100], ""},
		"101":                {many[:101], nil, "must have at most 100 tags"},
		"10,000":             {many, nil, "must have at most 100 tags"},
		"101 of one":         {strings.Split(strings.Repeat("a,", 100)+"a", ","), nil, "must have at most 100 tags"},
		"100 characters":     {[]string{strings.Repeat("😀", 100)}, []string{strings.Repeat("😀", 100)}, ""},
		"spaces do not":      {[]string{" " + strings.Repeat("a", 100) + " "}, []string{strings.Repeat("a", 100)}, ""},
		"101 characters":     {[]string{"a", strings.Repeat("é", 101)}, nil, "must have at most 100 characters"},
		"empty":              {[]string{"a", ""}, nil, "must not hold an empty tag"},
		"blank":              {[]string{"\u00a0 "}, nil, "must not hold an empty tag"},
		"NUL":                {[]string{"a\x00b"}, nil, "must not contain control characters"},
		"a line end inside":  {[]string{"a\nb"}, nil, "must not contain control characters"},
		"invalid UTF-8":      {[]string{"a\xff"}, nil, "must be valid UTF-8"},
		"a line end outside": {[]string{"a\n"}, []string{"a"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := contact.ParseTags(tc.in)
			requireFault(t, tc.err, err)
			assert.Equal(t, tc.want, got)
		})
	}
	given := []string{"a", "b"}
	got, err := contact.ParseTags(given)
	require.NoError(t, err)
	given[0] = "x"
	assert.Equal(t, "a", got[0], "nothing is shared")
}

// Parsing parsed tags again changes nothing.
func TestParseTagsProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		once, err := contact.ParseTags(rapid.SliceOfN(rapid.OneOf(rapid.StringMatching(`[ a-c]{0,3}`), rapid.String()), 0, 8).Draw(t, "tags"))
		if err != nil {
			return
		}
		twice, err := contact.ParseTags(once)
		if err != nil || strings.Join(once, "\n") != strings.Join(twice, "\n") || len(once) != len(twice) {
			t.Fatalf("%q became %q, %v", once, twice, err)
		}
	})
}
