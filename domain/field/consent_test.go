package field_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
)

func TestConsentFieldsAreChecked(t *testing.T) {
	t.Parallel()
	none := rules(t)
	asks := none.WithConsent([]string{field.TrustedForm, field.ConsentAt})
	odd := john(field.TrustedForm, "no URL", field.IPAddress, "x")
	_, err := none.Check(odd)
	require.NoError(t, err, "without consent they are fields like any other")
	_, err = asks.Check(john())
	require.ErrorIs(t, err, field.ErrMissing)
	var missing []string
	for _, v := range fault.As(err).Violated() {
		missing = append(missing, v.Field)
	}
	assert.Equal(t, []string{field.TrustedForm, field.ConsentAt}, missing)
	given := func(name, value string) error {
		_, err := asks.Check(john(field.TrustedForm, "https://cert.trustedform.com/2605ec3a321e1b3a41addf0bba1213505ef57985", field.ConsentAt, "2026-11-02T16:12:39-05:00", name, value))
		return err
	}
	for name, values := range map[string][2][]string{
		field.TrustedForm: {{"https://cert.trustedform.com/abc"}, {"http://cert.trustedform.com/abc", "https://cert.trustedform.com", "https://cert.trustedform.com/", "https://cert.trustedform.com.evil.example/a", "abc"}},
		field.Jornaya:     {{"01234567-89AB-CDEF-0123-456789ABCDEF", "01234567-89ab-cdef-0123-456789abcdef"}, {"0123456789ABCDEF0123456789ABCDEF", "01234567-89AB-CDEF-0123-456789ABCDEG", "x"}},
		field.ConsentText: {{"I agree\nto be called"}, {"\x00"}},
		field.ConsentAt:   {{"2026-11-02T16:12:39Z", "2026-11-02T16:12:39.123+02:00"}, {"2026-11-02", "yesterday", "2026-13-02T16:12:39Z"}},
		field.IPAddress:   {{"192.0.2.1", "2001:db8::1"}, {"192.0.2.256", "fe80::1%eth0", "localhost"}},
	} {
		for _, value := range values[0] {
			require.NoError(t, given(name, value), value)
		}
		for _, value := range values[1] {
			err := given(name, value)
			require.ErrorIs(t, err, field.ErrInvalid, value)
			require.Equal(t, name, fault.As(err).Violated()[0].Field)
		}
	}
}

// What networks and forms call them is understood, however it is spelled; what came under our name stays.
func TestConsentHasOtherNames(t *testing.T) {
	t.Parallel()
	for sent, name := range map[string]string{
		"xxTrustedFormCertUrl": field.TrustedForm, "trustedform-cert-url": field.TrustedForm, "universal_leadid": field.Jornaya, "LeadiD_Token": field.Jornaya,
		"tcpa_text": field.ConsentText, "TCPA Timestamp": field.ConsentAt, "IP": field.IPAddress,
	} {
		in := john(sent, "value")
		out := field.NameConsent(in)
		assert.Equal(t, "value", out.Text(name), sent)
		assert.NotContains(t, out, sent)
		assert.Equal(t, "value", in.Text(sent), "what was sent is not changed")
	}
	both := field.NameConsent(john("ip", "1", field.IPAddress, "2"))
	assert.Equal(t, []string{"1", "2"}, []string{both.Text("ip"), both.Text(field.IPAddress)})
	plain := john()
	assert.Equal(t, plain, field.NameConsent(plain))
}
