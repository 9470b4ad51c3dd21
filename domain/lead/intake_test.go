package lead_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/domain/fault"
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
			why := rules.Check(lead.Facts{})
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
