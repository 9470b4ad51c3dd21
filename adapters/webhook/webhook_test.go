package webhook_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/webhook"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 999_000_000, time.UTC)

// bodies are signed as they are, byte by byte.
var bodies = []string{"", `{"lead_id":"lead_1"}`, "{ \"lead_id\" : \"lead_1\" }\n", "a.b.c", "\x00\xff", "price=45.00&a=%20", strings.Repeat("é", 40_000)}

// TestTheReferenceAcceptsWhatIsSigned uses the library of the standard's authors, as buyers do.
func TestTheReferenceAcceptsWhatIsSigned(t *testing.T) {
	t.Parallel()
	former, secret, other := webhook.NewSecret(), webhook.NewSecret(), webhook.NewSecret()
	now := time.Now()
	for _, body := range bodies {
		for signedWith, accepted := range map[string][]string{
			secret:                {secret},
			secret + " " + former: {secret, former},
			former + "\n" + other: {former, other},
		} {
			h := webhook.Sign(signedWith, "sale_1", now, []byte(body))
			assert.Len(t, strings.Fields(h.Get("webhook-signature")), len(accepted))
			for _, s := range []string{former, secret, other} {
				reference, err := standardwebhooks.NewWebhook(s)
				require.NoError(t, err)
				if strings.Contains(signedWith, s) {
					require.NoError(t, reference.Verify([]byte(body), h))
					require.NoError(t, webhook.Verify(s, h, now, []byte(body)))
				} else {
					require.ErrorIs(t, reference.Verify([]byte(body), h), standardwebhooks.ErrNoMatchingSignature)
					require.ErrorIs(t, webhook.Verify(s, h, now, []byte(body)), webhook.ErrSignature)
				}
				require.ErrorIs(t, reference.Verify([]byte(body+" "), h), standardwebhooks.ErrNoMatchingSignature)
			}
		}
	}
}

// TestWhatTheReferenceSignsIsAccepted, and what is changed on the way is not.
func TestWhatTheReferenceSignsIsAccepted(t *testing.T) {
	t.Parallel()
	secret, former := webhook.NewSecret(), webhook.NewSecret()
	reference, err := standardwebhooks.NewWebhook(secret)
	require.NoError(t, err)
	for _, body := range bodies {
		signature, err := reference.Sign("msg_1", noon, []byte(body))
		require.NoError(t, err)
		h := http.Header{"Webhook-Id": {"msg_1"}, "Webhook-Timestamp": {fmt.Sprint(noon.Unix())}, "Webhook-Signature": {signature}}
		assert.Equal(t, webhook.Sign(secret, "msg_1", noon, []byte(body)), h)
		require.NoError(t, webhook.Verify(secret, h, noon, []byte(body)))
		require.NoError(t, webhook.Verify(former+" "+secret, h, noon, []byte(body)), "while one is replaced")
		require.ErrorIs(t, webhook.Verify(former, h, noon, []byte(body)), webhook.ErrSignature)
		require.ErrorIs(t, webhook.Verify(secret, h, noon, []byte(body+"\n")), webhook.ErrSignature)
	}
}

// TestAKnownSignature is the example of the standard's own libraries.
func TestAKnownSignature(t *testing.T) {
	t.Parallel()
	h := webhook.Sign("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	assert.Equal(t, http.Header{
		"Webhook-Id": {"msg_p5jXN8AQM9LWM0D4loKWxJek"}, "Webhook-Timestamp": {"1614265330"},
		"Webhook-Signature": {"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
	}, h)
}

func TestSignaturesThatDoNotHold(t *testing.T) {
	t.Parallel()
	secret, body := webhook.NewSecret(), []byte(`{"lead_id":"lead_1"}`)
	for name, c := range map[string]struct {
		change func(h http.Header)
		at     time.Duration
		want   error
	}{
		"none":                {func(http.Header) {}, 0, nil},
		"in time":             {func(http.Header) {}, 5 * time.Minute, nil},
		"from a clock ahead":  {func(http.Header) {}, -5*time.Minute + time.Second, nil},
		"too late":            {func(http.Header) {}, 5*time.Minute + time.Second, webhook.ErrTime},
		"too early":           {func(http.Header) {}, -5*time.Minute - time.Second, webhook.ErrTime},
		"of a far future":     {func(h http.Header) { h.Set("webhook-timestamp", "9223372036854775807") }, 0, webhook.ErrTime},
		"of a far past":       {func(h http.Header) { h.Set("webhook-timestamp", "-9223372036854775808") }, 0, webhook.ErrTime},
		"another id":          {func(h http.Header) { h.Set("webhook-id", "sale_2") }, 0, webhook.ErrSignature},
		"another time":        {func(h http.Header) { h.Set("webhook-timestamp", fmt.Sprint(noon.Unix()+1)) }, 0, webhook.ErrSignature},
		"another version":     {func(h http.Header) { h.Set("webhook-signature", "v2"+h.Get("webhook-signature")[2:]) }, 0, webhook.ErrSignature},
		"with others":         {func(h http.Header) { h.Set("webhook-signature", "v1a,x v1, v1,!! "+h.Get("webhook-signature")) }, 0, nil},
		"no id":               {func(h http.Header) { h.Del("webhook-id") }, 0, webhook.ErrUnsigned},
		"no time":             {func(h http.Header) { h.Del("webhook-timestamp") }, 0, webhook.ErrUnsigned},
		"no signature":        {func(h http.Header) { h.Del("webhook-signature") }, 0, webhook.ErrUnsigned},
		"a time that is none": {func(h http.Header) { h.Set("webhook-timestamp", "now") }, 0, webhook.ErrUnsigned},
	} {
		h := webhook.Sign(secret, "sale_1", noon, body)
		c.change(h)
		assert.ErrorIs(t, webhook.Verify(secret, h, noon.Truncate(time.Second).Add(c.at), body), c.want, name)
	}
}

func TestSecrets(t *testing.T) {
	t.Parallel()
	one := webhook.NewSecret()
	assert.Regexp(t, `^whsec_[A-Za-z0-9+/]{43}=$`, one)
	assert.NotEqual(t, one, webhook.NewSecret())
	size := func(n int) string { return "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, n)) }
	for _, right := range []string{one, size(24), size(64), one + " " + size(24)} {
		require.NoError(t, webhook.CheckSecret(right))
	}
	for _, wrong := range []string{"", " ", "canary", one[6:], size(23), size(65), "whsec_canary!", one + " canary", "whsec_"} {
		err := webhook.CheckSecret(wrong)
		require.EqualError(t, err, "must be whsec_ with 24 to 64 bytes in base64 behind it", wrong)
		assert.Empty(t, webhook.Sign(wrong, "sale_1", noon, nil), "nothing is signed with half of it")
		require.Error(t, webhook.Verify(wrong, webhook.Sign(one, "sale_1", noon, nil), noon, nil))
	}
}
