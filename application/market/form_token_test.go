package market_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
)

func TestFormTokens(t *testing.T) {
	t.Parallel()
	tokens, made := market.NewFormTokens([]byte("secret")), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	token := tokens.New("key_1", made)
	for _, c := range []struct {
		token, key string
		after      time.Duration
		why        string
	}{
		{token, "key_1", 2 * time.Second, ""},
		{token, "key_1", 2 * time.Hour, ""},
		{token, "key_1", 2*time.Second - time.Millisecond, "must be at least 2 seconds old; ask for it when the page opens"},
		{token, "key_1", -time.Hour, "must be at least 2 seconds old; ask for it when the page opens"},
		{token, "key_1", 2*time.Hour + time.Millisecond, "has expired; ask for a new one"},
		{token, "key_2", time.Minute, "is not a token of this form"},
		{market.NewFormTokens([]byte("other")).New("key_1", made), "key_1", time.Minute, "is not a token of this form"},
		{strings.ToLower(token), "key_1", time.Minute, "is not a token of this form"},
		{token[:len(token)-4], "key_1", time.Minute, "is not a token of this form"},
		{token + "AAAA", "key_1", time.Minute, "is not a token of this form"},
		{"", "key_1", time.Minute, "is not a token of this form"},
		{"?", "key_1", time.Minute, "is not a token of this form"},
	} {
		err := tokens.Check(c.token, c.key, made.Add(c.after))
		if c.why == "" {
			require.NoError(t, err, c.after)
			continue
		}
		require.ErrorIs(t, err, field.ErrInvalid)
		assert.Equal(t, []fault.Violation{{Field: "form_token", Code: fault.InvalidValue, Message: c.why}}, fault.As(err).Violated(), "%+v", c)
	}
	assert.NotContains(t, token, "key_1")
}
