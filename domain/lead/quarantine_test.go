package lead_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/lead"
)

type verdict struct {
	code  fault.Code
	order int
	err   error
}

func (v verdict) Code() fault.Code       { return v.code }
func (v verdict) Order() int             { return v.order }
func (v verdict) Check(lead.Facts) error { return v.err }

// A lead is held back only if no rule rejects it, whichever is asked first; the first that holds it back names the reason.
func TestRulesHoldBack(t *testing.T) {
	t.Parallel()
	held := func(code fault.Code, order int) verdict {
		return verdict{code, order, lead.HoldBack("look at " + string(code))}
	}
	rejects, unsure := verdict{"rejects", 5, errors.New("no")}, verdict{"unsure", 9, lead.ErrRuleUnavailable}
	for name, c := range map[string]struct {
		rules []lead.IntakeRule
		code  fault.Code
		text  string
		held  bool
		err   error
	}{
		"none":            {},
		"held":            {[]lead.IntakeRule{held("b", 2), held("a", 1), verdict{"fine", 0, nil}}, "a", "look at a", true, nil},
		"rejected after":  {[]lead.IntakeRule{held("a", 1), rejects}, "rejects", "no", false, nil},
		"rejected before": {[]lead.IntakeRule{held("z", 7), rejects}, "rejects", "no", false, nil},
		"cannot tell":     {[]lead.IntakeRule{held("a", 1), unsure}, "", "", false, lead.ErrRuleUnavailable},
	} {
		rules, err := lead.NewIntakeRules(c.rules...)
		require.NoError(t, err)
		v, err := rules.Judge(lead.Facts{})
		require.ErrorIs(t, err, c.err, name)
		assert.Equal(t, c.held, v.Quarantine, name)
		if c.code == "" {
			assert.Nil(t, v.Why, name)
			continue
		}
		assert.Equal(t, []string{string(c.code), c.text}, []string{string(v.Why.Code), v.Why.Message}, name)
	}
}

func TestSuppliersAreToldPending(t *testing.T) {
	t.Parallel()
	for _, s := range lead.Statuses() {
		want := string(s)
		if s == lead.StatusQuarantined {
			want = "pending"
		}
		assert.Equal(t, want, s.ToSupplier())
	}
}
