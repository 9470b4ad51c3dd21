package lead_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
)

type saying struct {
	code fault.Code
	text string
}

func (s saying) Code() fault.Code       { return s.code }
func (saying) Order() int               { return 0 }
func (s saying) Check(lead.Facts) error { return errors.New(s.text) }

func TestWhatARuleSaysCanBeStoredAndShown(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ says, want string }{
		"plain":         {"We do not sell in Alaska.", "We do not sell in Alaska."},
		"control":       {"a\x00b\nc", "a b c"},
		"invalid UTF-8": {"a\xffb", "a�b"},
		"too long":      {strings.Repeat("é", 501), strings.Repeat("é", 499) + "…"},
		"just right":    {strings.Repeat("é", 500), strings.Repeat("é", 500)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rules, err := lead.NewIntakeRules(saying{"acme_rule", c.says})
			require.NoError(t, err)
			why, err := rules.Check(lead.Facts{})
			require.NoError(t, err)
			require.Equal(t, fault.Code("acme_rule"), why.Code)
			require.Equal(t, c.want, why.Message)
		})
	}
}

func TestARuleNeedsACodeThatClientsCanBranchOn(t *testing.T) {
	t.Parallel()
	for _, code := range []fault.Code{"", "Acme", "acme-rule", "a b", fault.Code(strings.Repeat("a", 65))} {
		_, err := lead.NewIntakeRules(saying{code, ""})
		require.ErrorContains(t, err, "must be 1 to 64", "%q", code)
	}
}

func TestARuleThatCannotTellRejectsNothing(t *testing.T) {
	t.Parallel()
	var asked []fault.Code
	down := fault.New(fault.Unavailable, "scores_down", "No score of john.doe@canary.example.").Because(errors.New("john.doe@canary.example"))
	never := rule{"d", 4, errors.New("never"), &asked}
	rules, err := lead.NewIntakeRules(rule{"a", 1, nil, &asked}, rule{"b", 2, fmt.Errorf("score: %w", down), &asked}, never)
	require.NoError(t, err)
	refused, err := rules.Check(lead.Facts{})
	require.Nil(t, refused)
	require.ErrorIs(t, err, lead.ErrRuleUnavailable)
	require.Equal(t, fault.Unavailable, fault.KindOf(err))
	require.Equal(t, fault.Code("service_unavailable"), fault.CodeOf(err))
	require.Equal(t, []fault.Code{"a", "b"}, asked)
	require.EqualError(t, errors.Unwrap(err), `the intake rule "b" cannot tell now`, "without what the rule says")

	earlier, err := lead.NewIntakeRules(rule{"a", 1, errors.New("Not here."), &asked}, rule{"b", 2, down, &asked})
	require.NoError(t, err)
	refused, err = earlier.Check(lead.Facts{})
	require.NoError(t, err)
	require.Equal(t, fault.Code("a"), refused.Code, "what an earlier rule refuses is refused")
}

func TestFactsFromOutside(t *testing.T) {
	t.Parallel()
	plain := lead.Submit(submission(false)).Facts()
	_, ok := plain.Outside("score")
	require.False(t, ok)
	f := plain.WithOutside(map[string]field.Set{"score": {"points": field.TextValue("7")}, "empty": nil})
	got, ok := f.Outside("score")
	require.True(t, ok)
	require.Equal(t, "7", got.Text("points"))
	got["points"] = field.TextValue("99")
	again, _ := f.Outside("score")
	require.Equal(t, "7", again.Text("points"), "what one rule does to an answer no other sees")
	_, ok = f.Outside("empty")
	require.True(t, ok, "an answer without fields is an answer")
	_, ok = plain.Outside("score")
	require.False(t, ok, "the facts it was made of are as they were")
	require.Equal(t, plain.Fields(), f.Fields())
}
