package contact_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/leadmill/leadmill/domain/contact"
)

func TestParseEmail(t *testing.T) {
	t.Parallel()
	label := strings.Repeat("a", 63)
	// 64 + 1 + 63 + 1 + 63 + 1 + 61 = 254
	longest := strings.Repeat("l", 64) + "@" + label + "." + label + "." + strings.Repeat("b", 61)
	for _, tc := range []struct{ in, want, key string }{
		{in: "jane@example.com", want: "jane@example.com", key: "jane@example.com"},
		{in: "  Jane.Doe@Example.COM\n", want: "Jane.Doe@Example.COM", key: "jane.doe@example.com"},
		{in: "a@b.co", want: "a@b.co", key: "a@b.co"},
		{in: "jane+tag@mail.example.co.uk", want: "jane+tag@mail.example.co.uk", key: "jane+tag@mail.example.co.uk"},
		{in: "o'neil!#$%&*/=?^_`{|}~-@example.com", want: "o'neil!#$%&*/=?^_`{|}~-@example.com", key: "o'neil!#$%&*/=?^_`{|}~-@example.com"},
		{in: "1@2.com", want: "1@2.com", key: "1@2.com"},
		{in: "jürgen@exämple.de", want: "jürgen@exämple.de", key: "jürgen@exämple.de"},
		{in: "ÉLAN@EXAMPLE.FR", want: "ÉLAN@EXAMPLE.FR", key: "élan@example.fr"},
		{in: "用户@例子.广告", want: "用户@例子.广告", key: "用户@例子.广告"},
		{in: "a@xn--bcher-kva.example", want: "a@xn--bcher-kva.example", key: "a@xn--bcher-kva.example"},
		{in: longest, want: longest, key: longest},
		{in: "", want: ""},
		{in: " "},
		{in: "@"},
		{in: "jane"},
		{in: "jane@"},
		{in: "@example.com"},
		{in: "jane@example"},
		{in: "jane@@example.com"},
		{in: "a@b@example.com"},
		{in: ".jane@example.com"},
		{in: "jane.@example.com"},
		{in: "ja..ne@example.com"},
		{in: "jane doe@example.com"},
		{in: "jane@exa mple.com"},
		{in: "jane\t@example.com"},
		{in: "jane\x00@example.com"},
		{in: "jane\x7f@example.com"},
		{in: "jane\u0085@example.com"},
		{in: "jane\u200f@example.com"},
		{in: "jane\u00a0x@example.com"},
		{in: `"jane"@example.com`},
		{in: "<jane@example.com>"},
		{in: "Jane <jane@example.com>"},
		{in: "jane,doe@example.com"},
		{in: "jane;doe@example.com"},
		{in: "jane:doe@example.com"},
		{in: "jane(x)@example.com"},
		{in: "jane[x]@example.com"},
		{in: `jane\doe@example.com`},
		{in: "😀@example.com"},
		{in: "\xff@example.com"},
		{in: "jane@\xff.com"},
		{in: "jane@.example.com"},
		{in: "jane@example.com."},
		{in: "jane@example..com"},
		{in: "jane@-example.com"},
		{in: "jane@example-.com"},
		{in: "jane@exa_mple.com"},
		{in: "jane@exa+mple.com"},
		{in: "jane@example.com:25"},
		{in: "jane@127.0.0.1"},
		{in: "jane@[127.0.0.1]"},
		{in: "jane@example.com\r\nBcc: x@example.com"},
		{in: strings.Repeat("l", 65) + "@example.com"},
		{in: "a@" + label + "a.com"},
		{in: longest + "b"},
		{in: strings.Repeat("a", 1<<20) + "@example.com"},
		{in: strings.Repeat("Ⱥ", 32) + "@example.com"}, // 64 bytes, but 96 in lower case
	} {
		t.Run(name(tc.in), func(t *testing.T) {
			t.Parallel()
			e, err := contact.ParseEmail(tc.in)
			wantErr := ""
			if tc.want == "" {
				wantErr = "must be an email address"
			}
			requireFault(t, wantErr, err)
			assert.Equal(t, tc.want, e.String())
			assert.Equal(t, tc.key, e.Key())
			assert.Equal(t, tc.want == "", e.IsZero())
		})
	}
}

func TestEmailProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`[A-Za-z0-9'_+-]{1,20}(\.[A-Za-zÀ-ÿȺİ]{1,20})?@([A-Za-z0-9]{1,20}\.){1,3}[A-Za-z]{2,6}`).Draw(t, "email")
		if strings.ContainsAny(s, "×÷") {
			t.Skip("no letters")
		}
		if _, err := contact.ParseEmail(s); err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		checkEmail(t, s)
	})
	rapid.Check(t, func(t *rapid.T) {
		checkEmail(t, rapid.OneOf(rapid.String(), rapid.StringMatching(`[^@]{0,5}@[^@]{0,5}\.[^@]{0,5}`)).Draw(t, "any"))
	})
}

func checkEmail(t fataler, s string) {
	e, err := contact.ParseEmail(s)
	if err != nil {
		return
	}
	if e.String() != strings.TrimSpace(s) || !utf8.ValidString(s) || len(e.String()) > 254 {
		t.Fatalf("%q gives %q", s, e)
	}
	again, err := contact.ParseEmail(e.String())
	if err != nil || again != e {
		t.Fatalf("%q read again is %q, %v", e, again, err)
	}
	key, err := contact.ParseEmail(e.Key())
	if err != nil || key.Key() != e.Key() {
		t.Fatalf("key %q read again has key %q, %v", e.Key(), key.Key(), err)
	}
	if strings.ContainsAny(e.String(), " \t\r\n\x00\"<>,;:()[]\\") {
		t.Fatalf("%q accepted", e)
	}
}

func FuzzParseEmail(f *testing.F) {
	for _, s := range []string{
		"jane@example.com", " Jane@Example.COM ", "用户@例子.广告", "a@b", "a@b@c.d", "\x00@a.b", "İ@İ.İ", "\xff@a.b", "a@1.2.3.4",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { checkEmail(t, s) })
}

func BenchmarkParseEmail(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		_, _ = contact.ParseEmail("jane.doe@example.com")
	}
}
