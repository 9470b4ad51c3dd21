package contact_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/leadmill/leadmill/domain/contact"
	"github.com/leadmill/leadmill/domain/fault"
)

func TestParseUSState(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"TX": "TX", "tx": "TX", "Tx": "TX", " ca ": "CA", "AL": "AL", "wy": "WY", "dc": "DC", "PR": "PR", "VI": "VI", "GU": "GU",
		"AS": "AS", "MP": "MP", "UM": "UM", "FM": "FM", "MH": "MH", "PW": "PW", "AA": "AA", "AE": "AE", "AP": "AP",
		"": "", " ": "", "T": "", "TXX": "", "XX": "", "ZZ": "", "ON": "",
		"Texas": "TX", " new   york ": "NY", "NORTH CAROLINA": "NC", "District of Columbia": "DC", "Washington, D.C.": "DC", "washington": "WA",
		"U.S. Virgin Islands": "VI", "Texa": "", "Texas TX": "", "Ontario": "", "New York, NY": "", "Newyork": "", "T X": "", "L ": "", "A\x00": "",
		"1X": "", "ſd": "", "é": "", "\xff\xff": "", " A": "", "Aﬀ": "",
	} {
		got, err := contact.ParseUSState(in)
		if want == "" {
			requireFault(t, "is not a US state", err)
		} else {
			require.NoError(t, err, in)
		}
		assert.Equal(t, want, got.String(), in)
		assert.Equal(t, want == "", got.IsZero())
	}
}

func TestEveryUSState(t *testing.T) {
	t.Parallel()
	count := 0
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			upper, err := contact.ParseUSState(string([]rune{a, b}))
			lower, lowerErr := contact.ParseUSState(string([]rune{a + 32, b + 32}))
			assert.Equal(t, err, lowerErr)
			assert.Equal(t, upper, lower)
			if err == nil {
				count++
			}
		}
	}
	assert.Equal(t, 50+1+5+1+3+3, count, "states, DC, territories, outlying islands, associated states, military")
}

func TestParseZip(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"75001": "75001", "75001-1234": "75001-1234", "00501": "00501", " 75001 ": "75001",
		"2139": "02139", "501": "00501", " 544 ": "00544", // as spreadsheets write them
		"": "", "75": "", "750011": "", "2139-1234": "", "-139": "", "75001-": "", "75001-123": "", "75001-12345": "", "750011234": "", "75001 1234": "",
		"7500A": "", "-75001": "", "75001-1234-": "", "75001-12-4": "", "７５００１": "", "75001\x00": "", "SW1A 1AA": "", "+7500": "",
	} {
		got, err := contact.ParseZip(in)
		if want == "" {
			requireFault(t, "must be a ZIP code such as 75001 or 75001-1234", err)
			assert.Empty(t, got.Five())
		} else {
			require.NoError(t, err, in)
			assert.Equal(t, want[:5], got.Five())
		}
		assert.Equal(t, want, got.String(), in)
		assert.Equal(t, want == "", got.IsZero())
	}
}

func TestParseURL(t *testing.T) {
	t.Parallel()
	const form = "must be an absolute http or https URL"
	base := "https://example.com/"
	for _, tc := range []struct {
		in, host string
		https    bool
		err      string
	}{
		{in: "https://example.com", host: "example.com", https: true},
		{in: "http://example.com/hook?x=1&y=%20#f", host: "example.com"},
		{in: "HTTPS://Example.COM:8443/Path", host: "example.com", https: true},
		{in: "http://127.0.0.1:8080/", host: "127.0.0.1"},
		{in: "http://[::1]:8080/", host: "::1"},
		{in: "https://exämple.de/ü", host: "exämple.de", https: true},
		{in: "https://example.com/{lead_id}", host: "example.com", https: true},
		{in: base + strings.Repeat("a", 2048-len(base)), host: "example.com", https: true},
		{in: base + strings.Repeat("a", 2049-len(base)), err: "must be a URL of at most 2048 bytes"},
		{in: strings.Repeat("a", 1<<20), err: "must be a URL of at most 2048 bytes"},
		{in: "https://user@example.com", err: "must be a URL without user name and password"},
		{in: "https://user:secret@example.com", err: "must be a URL without user name and password"},
		{in: "https://@example.com", err: "must be a URL without user name and password"},
		{in: "", err: form},
		{in: "example.com", err: form},
		{in: "/path", err: form},
		{in: "//example.com", err: form},
		{in: "ftp://example.com", err: form},
		{in: "javascript:alert(1)", err: form},
		{in: "file:///etc/passwd", err: form},
		{in: "http:example.com", err: form},
		{in: "http:/example.com", err: form},
		{in: "http://", err: form},
		{in: "https:///path", err: form},
		{in: "https://:8080/", err: form},
		{in: "https://example.com:http/", err: form},
		{in: "https://example.com:0/", err: form},
		{in: "https://example.com:65536/", err: form},
		{in: "https://example.com/a b", err: form},
		{in: " https://example.com", err: form},
		{in: "https://example.com\n", err: form},
		{in: "https://example.com/\x00", err: form},
		{in: "https://example.com/\r\nX: y", err: form},
		{in: "https://example.com/\u0085", err: form},
		{in: "https://example.com\\@evil.com", err: form},
		{in: "https://exa%mple.com", err: form},
		{in: "https://example.com/%zz", err: form},
		{in: "https://example.com/\u202egpj", err: form},
		{in: "https://example.com/\xff", err: form},
		{in: "https://[::1", err: form},
	} {
		t.Run(name(tc.in), func(t *testing.T) {
			t.Parallel()
			u, err := contact.ParseURL(tc.in)
			requireFault(t, tc.err, err)
			assert.Equal(t, tc.err != "", u.IsZero())
			assert.Equal(t, tc.host, u.Host())
			assert.Equal(t, tc.https, u.IsHTTPS())
			if tc.err == "" {
				assert.Equal(t, tc.in, u.String())
			}
		})
	}
	assert.Empty(t, contact.URL{}.LogValue().String())
}

func TestParseDate(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"2026-01-31", "2024-02-29", "2000-02-29", "1900-12-31", "0001-01-01", "9999-12-31"} {
		d, err := contact.ParseDate(in)
		require.NoError(t, err, in)
		assert.Equal(t, in, d.String())
		assert.False(t, d.IsZero())
	}
	for _, in := range []string{
		"", "2026-02-29", "1900-02-29", "2026-04-31", "2026-13-01", "2026-00-01", "2026-01-00", "2026-01-32", "0000-01-01",
		"2026-1-31", "26-01-31", "2026/01/31", "01-31-2026", "2026-01-31T00:00:00Z", " 2026-01-31", "2026-01-3１", "+026-01-31",
		"-026-01-31", "2026-01-3\x00", "2026-W05-6", "yesterday!",
	} {
		d, err := contact.ParseDate(in)
		requireFault(t, "must be a date such as 2026-01-31", err)
		assert.True(t, d.IsZero(), in)
		assert.Empty(t, d.String())
	}
}

func TestDateProperties(t *testing.T) {
	t.Parallel()
	first := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	const days = 3_652_058 // from 0001-01-01 to 9999-12-31
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.IntRange(0, days).Draw(t, "a"), rapid.IntRange(0, days).Draw(t, "b")
		da, err := contact.ParseDate(first.AddDate(0, 0, a).Format(time.DateOnly))
		if err != nil {
			t.Fatal(err)
		}
		db, err := contact.ParseDate(first.AddDate(0, 0, b).Format(time.DateOnly))
		if err != nil {
			t.Fatal(err)
		}
		if da.Before(db) != (a < b) || (da == db) != (a == b) || !da.Start(time.UTC).Equal(first.AddDate(0, 0, a)) {
			t.Fatalf("%s and %s compare wrongly", da, db)
		}
	})
}

func TestParseText(t *testing.T) {
	t.Parallel()
	const control, encoding = "must not contain control characters", "must be valid UTF-8"
	for _, tc := range []struct {
		in              string
		line, multiline string // errors
		blank           bool
	}{
		{in: "Jane"},
		{in: "  Jane  "},
		{in: "Zoë"},
		{in: "12345678"},
		{in: "ééééé漢漢漢"},
		{in: "שלום\u200f"},
		{in: "👩\u200d👧"},
		{in: "", blank: true},
		{in: "   ", blank: true},
		{in: "\u00a0\u3000", blank: true},
		{in: "\t\r\n", line: control, blank: true},
		{in: "\u2028", line: control, blank: true},
		{in: "a\tb", line: control},
		{in: "a\nb", line: control},
		{in: "a\r\nb", line: control},
		{in: "a\u2029b", line: control},
		{in: "a\x00b", line: control, multiline: control},
		{in: "a\x1bb", line: control, multiline: control},
		{in: "a\x7fb", line: control, multiline: control},
		{in: "a\u0085b", line: control, multiline: control},
		{in: "a\vb", line: control, multiline: control},
		{in: "a\xffb", line: encoding, multiline: encoding},
		{in: "\xed\xa0\x80", line: encoding, multiline: encoding},
		{in: "123456789", line: "must have at most 8 characters", multiline: "must have at most 8 characters"},
		{in: strings.Repeat(" ", 9), line: "must have at most 8 characters", multiline: "must have at most 8 characters"},
	} {
		t.Run(name(tc.in), func(t *testing.T) {
			t.Parallel()
			for _, v := range []struct {
				parse func(string, int) (string, error)
				err   string
			}{
				{contact.ParseText, tc.line},
				{contact.ParseMultiline, tc.multiline},
				{contact.ParseRequiredText, orRequired(tc.line, tc.blank)},
				{contact.ParseRequiredMultiline, orRequired(tc.multiline, tc.blank)},
			} {
				got, err := v.parse(tc.in, 8)
				requireFault(t, v.err, err)
				switch v.err {
				case "":
					assert.Equal(t, tc.in, got)
				case "is required":
					assert.Equal(t, fault.Required, fault.CodeOf(err))
				default:
					assert.Equal(t, fault.InvalidValue, fault.CodeOf(err))
				}
			}
		})
	}
	_, err := contact.ParseText("ab", 1)
	requireFault(t, "must have at most 1 character", err)
}

func orRequired(err string, blank bool) string {
	if err == "" && blank {
		return "is required"
	}
	return err
}

// No input makes a parser panic, and parsing an accepted value again gives the same value.
func FuzzParsers(f *testing.F) {
	for _, s := range []string{
		"TX", "75001", "75001-1234", "https://example.com/x?y=z", "http://[::1]:80", "2024-02-29", "line\nline", "\x00", "\xff", "",
	} {
		f.Add(s)
	}
	f.Fuzz(checkParsers)
}

func TestParsersProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		checkParsers(t, rapid.OneOf(
			rapid.String(), rapid.StringMatching(`[A-Za-z]{2}`), rapid.StringMatching(`[0-9]{5}(-[0-9]{4})?`),
			rapid.StringMatching(`https?://[a-z0-9.:@\[\]%-]{1,20}(/.{0,9})?`), rapid.StringMatching(`[0-9]{4}-[01][0-9]-[0-3][0-9]`),
		).Draw(rt, "s"))
	})
}

func checkParsers(t *testing.T, s string) {
	t.Helper()
	again(t, s, contact.ParseUSState)
	again(t, s, contact.ParseZip)
	again(t, s, contact.ParseURL)
	again(t, s, contact.ParseDate)
	if got, err := contact.ParseRequiredMultiline(s, 20); err == nil &&
		(got != s || strings.TrimSpace(s) == "" || strings.ContainsRune(s, 0) || utf8.RuneCountInString(s) > 20) {
		t.Fatalf("%q accepted as text %q", s, got)
	}
}

func again[T interface {
	comparable
	String() string
}](t *testing.T, s string, parse func(string) (T, error)) {
	t.Helper()
	first, err := parse(s)
	if err != nil {
		return
	}
	if second, err := parse(first.String()); err != nil || second != first {
		t.Fatalf("%q: %q read again is %q, %v", s, first, second, err)
	}
}

func TestFullName(t *testing.T) {
	t.Parallel()
	for _, c := range [][3]string{{"Jane", "Doe", "Jane Doe"}, {"Jane", "", "Jane"}, {"", "Doe", "Doe"}, {"", "", ""}} {
		assert.Equal(t, c[2], contact.FullName(c[0], c[1]))
	}
}
