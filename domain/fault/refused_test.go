package fault_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/domain/fault"
)

func TestReadable(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"": "", "plain": "plain", "a\x00b\nc\td\u0085e": "a b c d e", "a\xff\xfeb": "a\uFFFDb", "שלום 😀": "שלום 😀",
		strings.Repeat("é", 500): strings.Repeat("é", 500), strings.Repeat("é", 501): strings.Repeat("é", 499) + "…",
		strings.Repeat("x", 1_000_000): strings.Repeat("x", 499) + "…",
	} {
		got := fault.Readable(in)
		assert.Equal(t, want, got)
		assert.Equal(t, got, fault.Readable(got), "what is readable stays")
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	cause := errors.New("why")
	own := fault.New(fault.Conflict, "theirs", "Too\x00 late.").Because(cause).With(fault.Violation{Field: "email", Code: "odd", Message: "is\nodd"})
	for name, tc := range map[string]struct {
		reason error
		want   *fault.Error
	}{
		"nothing":            {nil, fault.New(fault.RuleViolated, "acme", "Refused.")},
		"a text":             {errors.New("Not here."), fault.New(fault.RuleViolated, "acme", "Not here.")},
		"an unreadable text": {errors.New("a\x00\xff"), fault.New(fault.RuleViolated, "acme", "a \uFFFD")},
		"a long text":        {errors.New(strings.Repeat("x", 501)), fault.New(fault.RuleViolated, "acme", strings.Repeat("x", 499)+"…")},
		"an internal error":  {fault.New(fault.Internal, "theirs", "Not here."), fault.New(fault.RuleViolated, "acme", "Not here.")},
		"its own":            {fault.New(fault.Invalid, "theirs", "Bad."), fault.New(fault.Invalid, "theirs", "Bad.")},
		"its own, wrapped":   {fmt.Errorf("wrapped: %w", fault.New(fault.NotFound, "theirs", "Gone.")), fault.New(fault.NotFound, "theirs", "Gone.")},
		"its own, unreadable": {own, fault.New(fault.Conflict, "theirs", "Too  late.").Because(cause).
			With(fault.Violation{Field: "email", Code: "odd", Message: "is odd"})},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := fault.Refused("acme", tc.reason)
			assert.Equal(t, []any{tc.want.Kind, tc.want.Code, tc.want.Message, tc.want.Violations},
				[]any{got.Kind, got.Code, got.Message, got.Violations})
		})
	}
	refused := fault.Refused("acme", own)
	require.ErrorIs(t, refused, cause)
	assert.Equal(t, "is\nodd", own.Violations[0].Message, "the extension's error is not changed")
}
