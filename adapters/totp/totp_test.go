package totp_test

import (
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/totp"
)

// The last six digits of the codes in RFC 6238, appendix B, whose secret is "12345678901234567890".
func TestCodesAreThoseOfTheRFC(t *testing.T) {
	t.Parallel()
	const secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
	for at, code := range map[int64]string{59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037"} {
		for _, c := range []struct {
			now  int64
			want bool
		}{{at, true}, {at - 30, true}, {at + 30, true}, {at + 60, false}, {at + 600, false}} {
			step, ok := totp.Codes{}.Step(secret, code, time.Unix(c.now, 0))
			assert.Equal(t, c.want, ok, "%s at %d", code, c.now)
			if ok {
				assert.Equal(t, at/30, step)
			}
		}
	}
	_, ok := totp.Codes{}.Step(secret, " 287 082 ", time.Unix(59, 0))
	assert.True(t, ok, "as apps show it")
	for _, wrong := range []string{"", "28708", "2870822", "94287082"} {
		_, ok := totp.Codes{}.Step(secret, wrong, time.Unix(59, 0))
		assert.False(t, ok, wrong)
	}
	_, ok = totp.Codes{}.Step("not base32!", "", time.Unix(59, 0))
	assert.False(t, ok)
}

func TestSecretsAreNew(t *testing.T) {
	t.Parallel()
	first, address, err := totp.Codes{}.New("ann@example.com")
	require.NoError(t, err)
	second, _, err := totp.Codes{}.New("ann@example.com")
	require.NoError(t, err)
	assert.NotEqual(t, first, second)
	u, err := url.Parse(address)
	require.NoError(t, err)
	assert.Equal(t, []string{"otpauth", "totp", "/Leadmill:ann@example.com", first, "Leadmill"}, []string{u.Scheme, u.Host, u.Path, u.Query().Get("secret"), u.Query().Get("issuer")})
}
