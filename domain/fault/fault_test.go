package fault_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/domain/fault"
)

func TestKindNames(t *testing.T) {
	t.Parallel()
	for kind, want := range map[fault.Kind]string{
		fault.Internal: "internal", fault.Invalid: "invalid", fault.Unauthenticated: "unauthenticated",
		fault.Forbidden: "forbidden", fault.NotFound: "not_found", fault.Conflict: "conflict",
		fault.RuleViolated: "rule_violated", fault.TooMany: "too_many", fault.Unavailable: "unavailable",
		fault.Gone:      "gone",
		fault.Kind(200): "internal",
	} {
		assert.Equal(t, want, kind.String())
	}
	var forgotten fault.Kind
	assert.Equal(t, fault.Internal, forgotten, "a forgotten kind never shows its message")
}

func TestErrorIsFoundThroughWrapping(t *testing.T) {
	t.Parallel()
	gone := fault.New(fault.NotFound, "thing_not_found", "Thing not found.")
	other := fault.New(fault.NotFound, "other_not_found", "Other not found.")
	cause := errors.New("row 7 is gone")
	wrapped := fmt.Errorf("load: %w", gone.Because(cause))

	require.ErrorIs(t, wrapped, gone)
	require.NotErrorIs(t, wrapped, other)
	require.NotErrorIs(t, wrapped, fault.New(gone.Kind, gone.Code, gone.Message), "another error of the same code")
	require.ErrorIs(t, gone.Because(cause), gone.With(), "copies of one error are that error")
	require.ErrorIs(t, wrapped, cause)
	assert.Equal(t, fault.NotFound, fault.KindOf(wrapped))
	assert.Equal(t, fault.Code("thing_not_found"), fault.CodeOf(wrapped))
	assert.Equal(t, "Thing not found.", fault.As(wrapped).Error(), "the cause is for logs only")
	require.NoError(t, errors.Unwrap(gone), "Because returns a copy")

	plain := errors.New("boom")
	assert.Nil(t, fault.As(plain))
	assert.Equal(t, fault.Internal, fault.KindOf(plain))
	assert.Empty(t, fault.CodeOf(plain))
	assert.Nil(t, fault.As(nil))
	assert.NotErrorIs(t, gone, plain)
}

func TestWithCopies(t *testing.T) {
	t.Parallel()
	base := fault.New(fault.Invalid, "validation_failed", "Invalid.")
	one := base.With(fault.Violation{Field: "a", Code: fault.Required, Message: "is required"})
	two := one.With(fault.Violation{Field: "b", Message: "is bad"}, fault.Violation{Field: "a", Message: "is also bad"})
	three := one.With(fault.Violation{Field: "c", Message: "is bad"})

	assert.Empty(t, base.Fields())
	assert.Equal(t, []string{"a"}, one.Fields())
	assert.Equal(t, []string{"a", "b"}, two.Fields(), "each field once")
	assert.Equal(t, []string{"a", "c"}, three.Fields(), "two copies of one error do not share their violations")
	assert.Equal(t, "Invalid.", base.Error())
	assert.Equal(t, "Invalid. (a: is required; b: is bad; a: is also bad)", two.Error())
	require.ErrorIs(t, two, base)
}

func TestErrorWithViolationsIsWhatTheyName(t *testing.T) {
	t.Parallel()
	taken := fault.ErrValidation.With(fault.Violation{Field: "key", Code: fault.Duplicate, Message: "is taken"})
	same := fault.ErrValidation.With(fault.Violation{Field: "name", Code: fault.Required},
		fault.Violation{Field: "key", Code: fault.Duplicate, Message: "is taken already"})
	require.ErrorIs(t, taken, fault.ErrValidation)
	require.ErrorIs(t, same, taken, "with other violations beside it")
	require.NotErrorIs(t, fault.ErrValidation, taken)
	require.NotErrorIs(t, fault.ErrValidation.With(fault.Violation{Field: "key", Code: fault.Required}), taken)
	require.NotErrorIs(t, fault.ErrValidation.With(fault.Violation{Field: "email", Code: fault.Duplicate}), taken)
}

func TestTogether(t *testing.T) {
	t.Parallel()
	required := fault.New(fault.Invalid, fault.Required, "is required")
	invalid := fault.ErrValidation.With(fault.Violation{Field: "name", Code: fault.InvalidValue, Message: "is odd"})
	gone := fault.New(fault.NotFound, "thing_not_found", "Thing not found.")
	require.NoError(t, fault.Together("buyer_id", nil, nil))
	assert.Equal(t, gone, fault.Together("buyer_id", nil, gone))
	assert.Equal(t, gone, fault.Together("buyer_id", required, gone), "what is no matter of members comes alone")
	assert.Equal(t, []string{"buyer_id"}, fault.As(fault.Together("buyer_id", required, nil)).Fields())
	assert.Equal(t, []string{"buyer_id", "name"}, fault.As(fault.Together("buyer_id", required, invalid)).Fields())
}

func TestViolations(t *testing.T) {
	t.Parallel()
	var v fault.Violations
	require.NoError(t, v.Err())
	assert.False(t, v.Any())

	v.AddErr("nothing", nil)
	assert.False(t, v.Any())

	v.Add("name", fault.Required, "is required")
	v.AddErr("email", fault.New(fault.Invalid, "odd", "is odd"))
	v.AddErr("price", errors.New("secret internals"))
	nested := fault.ErrValidation.With(fault.Violation{Field: "id", Code: fault.Duplicate, Message: "exists"},
		fault.Violation{Field: "", Code: fault.WrongType, Message: "must be an object"})
	v.AddErr("partner", nested)
	v.AddErr("", nested)

	assert.True(t, v.Any())
	err := v.Err()
	require.ErrorIs(t, err, fault.ErrValidation)
	assert.Equal(t, fault.Invalid, fault.KindOf(err))
	assert.Equal(t, []fault.Violation{
		{Field: "name", Code: fault.Required, Message: "is required"},
		{Field: "email", Code: "odd", Message: "is odd"},
		{Field: "price", Code: fault.InvalidValue, Message: "is invalid"},
		{Field: "partner.id", Code: fault.Duplicate, Message: "exists"},
		{Field: "partner", Code: fault.WrongType, Message: "must be an object"},
		{Field: "id", Code: fault.Duplicate, Message: "exists"},
		{Field: "", Code: fault.WrongType, Message: "must be an object"},
	}, fault.As(err).Violations)
	assert.Empty(t, fault.ErrValidation.Violations, "the shared error is not changed")
}
