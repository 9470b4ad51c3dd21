package suppression_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/suppression"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ kind, value, key, masked string }{
		{"phone", "(212) 555-0001", "12125550001", "*******0001"},
		{"phone", "+44 20 7946 0958", "442079460958", "********0958"},
		{"email", " John.Doe@Mail.Example ", "john.doe@mail.example", "j***@mail.example"},
		{"email", "ü@mail.example", "ü@mail.example", "ü***@mail.example"},
		{"domain", "@Mail.Example", "mail.example", "mail.example"},
	} {
		v, err := suppression.Parse(c.kind, c.value)
		require.NoError(t, err, c.value)
		assert.Equal(t, []string{c.kind, c.key, c.masked}, []string{string(v.Kind()), v.Key(), v.Masked()})
	}
	for _, c := range []struct{ kind, value, member string }{
		{"phone", "12", "value"},
		{"phone", "", "value"},
		{"email", "mail.example", "value"},
		{"domain", "localhost", "value"},
		{"domain", "a@mail.test", "value"},
		{"domain", "", "value"},
		{"", "x", "kind"},
		{"fax", "x", "kind"},
	} {
		_, err := suppression.Parse(c.kind, c.value)
		violated := fault.As(err).Violated()
		require.Len(t, violated, 1, "%v", c)
		assert.Equal(t, c.member, violated[0].Field)
		if c.value != "" && c.value != "x" {
			assert.NotContains(t, violated[0].Message, c.value)
		}
	}
}

// What covers an address is found by the keys of all that may be suppressed of it.
func TestWhatCoversAnEmail(t *testing.T) {
	t.Parallel()
	covers := func(email, kind, value string) bool {
		v, err := suppression.Parse(kind, value)
		require.NoError(t, err)
		return slices.Contains(suppression.OfEmail(email), v)
	}
	for _, value := range []string{"a.b.mail.example", "b.mail.example", "mail.example"} {
		assert.True(t, covers("jane@a.b.mail.example", "domain", value), value)
	}
	assert.True(t, covers("jane@a.b.mail.example", "email", "JANE@a.b.mail.example"))
	assert.False(t, covers("jane@a.b.mail.example", "domain", "c.mail.example"))
	assert.False(t, covers("jane@xmail.example", "domain", "mail.example"))
	assert.False(t, covers("jane@mail.example", "domain", "a.mail.example"))

	// However deep a sub-domain is, every domain that can be suppressed covers it, and no more are looked for.
	deepest := strings.Repeat("a.", 122) + "mail.example"
	for more := range 15 {
		value := strings.Repeat("a.", more) + "mail.example"
		assert.True(t, covers("j@"+deepest, "domain", value), value)
	}
	assert.Len(t, suppression.OfEmail("j@"+deepest), 16)
	_, err := suppression.Parse("domain", strings.Repeat("a.", 15)+"mail.example")
	assert.Error(t, err)
	assert.Empty(t, suppression.OfEmail(""))
	assert.Empty(t, suppression.OfPhone(""))
}
