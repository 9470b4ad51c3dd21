package contact_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/domain/contact"
	"github.com/leadmill/leadmill/domain/fault"
)

func TestOrigins(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"https://www.example.com": "https://www.example.com", " HTTPS://WWW.Example.com/ ": "https://www.example.com", "https://a.example:443": "https://a.example",
		"http://a.example:80/": "http://a.example", "http://localhost:8000": "http://localhost:8000", "https://a.example:80": "https://a.example:80",
		"http://[::1]:3000": "http://[::1]:3000", "http://127.0.0.1:8080": "http://127.0.0.1:8080", "https://[2001:DB8::1]": "https://[2001:db8::1]", "https://xn--bcher-kva.example": "https://xn--bcher-kva.example",
	} {
		got, err := contact.ParseOrigin(in)
		require.NoError(t, err, in)
		assert.Equal(t, want, got)
	}
	for _, in := range []string{
		"", "*", "null", "https://", "https://*", "https://*.example.com", "www.example.com", "//a.example", "ftp://a.example", "file://", "https://a.example/x",
		"https://a.example?", "https://a.example?x=1", "https://a.example#x", "https://u:p@a.example", "https://a.example:", "https://a.example:0",
		"https://a.example:99999", "https://a.example:0443", "https://a.example:x", "https://a@a.example", "javascript:alert(1)", "https://a.example#", "https://a.example, https://b.example", "https://a.example https://b.example", "https://bücher.example", "https://a.example//",
		"https://" + strings.Repeat("a", 250) + ".example", "https://a.ex\nample",
	} {
		_, err := contact.ParseOrigin(in)
		assert.Equal(t, fault.Invalid, fault.KindOf(err), in)
	}
}
