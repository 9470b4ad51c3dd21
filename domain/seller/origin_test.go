package seller_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/leadmill/leadmill/domain/seller"
)

func TestParseOrigin(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"https://shop.example":          "https://shop.example",
		"https://shop.example/":         "https://shop.example",
		"HTTPS://Shop.Example:443":      "https://shop.example",
		"http://shop.example:80":        "http://shop.example",
		"http://shop.example:443":       "http://shop.example:443",
		"http://localhost:3000":         "http://localhost:3000",
		"https://xn--bcher-kva.example": "https://xn--bcher-kva.example",
		"http://127.0.0.1:8080":         "http://127.0.0.1:8080",
		"http://[::1]:8080":             "http://[::1]:8080",
		"https://[2001:DB8::1]":         "https://[2001:db8::1]",
	} {
		got, ok := seller.ParseOrigin(given)
		assert.True(t, ok, given)
		assert.Equal(t, want, got)
		again, ok := seller.ParseOrigin(got)
		assert.True(t, ok && again == got, "%s is not its own", got)
	}
	for _, wrong := range []string{
		"", "*", "null", "shop.example", "//shop.example", "https://", "https://*.shop.example", "https://shop.example/path", "https://shop.example//",
		"https://shop.example?", "https://shop.example?x=1", "https://shop.example#", "https://shop.example#x", "https://a@shop.example", "https://a:b@shop.example",
		"ftp://shop.example", "file:///x", "javascript:alert(1)", "https://shop.example:", "https://shop.example:0", "https://shop.example:65536",
		"https://shop.example:0443", "https://shop.example:x", "https://shop example", "https://shop.example\n", " https://shop.example", "https://bücher.example",
		"https://shop.example https://other.example", "https://" + strings.Repeat("a", 255),
	} {
		got, ok := seller.ParseOrigin(wrong)
		assert.False(t, ok, wrong)
		assert.Empty(t, got, wrong)
	}
}
