package field_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
)

func TestWithoutPersonal(t *testing.T) {
	t.Parallel()
	rules, err := field.NewRules([]field.Rule{
		{Name: "zip", Required: true},
		{Name: "work", Type: field.TypePhone, Required: true},
		{Name: "date_of_birth", Type: field.TypeDate, Required: true},
		{Name: "roof", Type: field.TypeString, Required: true},
		{Name: "middle-name", Type: field.TypeString, Required: true},
	})
	require.NoError(t, err)
	rules = rules.WithConsent([]string{field.TrustedForm, field.ConsentText})
	_, err = rules.WithoutPersonal().Check(field.Set{})
	require.ErrorIs(t, err, field.ErrMissing)
	var missing []string
	for _, v := range fault.As(err).Violations {
		missing = append(missing, v.Field)
	}
	assert.Equal(t, []string{"state", "zip", "roof"}, missing)
	out, err := rules.WithoutPersonal().Check(field.Set{"state": field.TextValue("tx"), "zip": field.TextValue("75201"), "roof": field.TextValue("flat")})
	require.NoError(t, err)
	assert.Equal(t, "TX", out.Text("state"))
	_, err = rules.WithoutPersonal().Check(field.Set{"state": field.TextValue("tx"), "zip": field.TextValue("75201"), "roof": field.TextValue("flat"), "phone": field.TextValue("1")})
	require.ErrorIs(t, err, field.ErrInvalid, "what is sent must have its form")
	_, err = rules.Check(out)
	require.ErrorIs(t, err, field.ErrMissing, "the rules themselves did not change")
}
