package contact_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"testing"

	"github.com/nyaruka/phonenumbers"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/leadmill/leadmill/domain/contact"
	"github.com/leadmill/leadmill/domain/fault"
)

const (
	phoneForm   = "must be a phone number of digits and separators, without letters or an extension"
	phoneDigits = "must have 7 to 15 digits"
)

func TestParsePhone(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		in, want string // want starts with a plus when the number is E.164
		err      string
	}{
		// The documented samples of docs/supplier-api.md.
		{in: "555-1234", want: "5551234"},
		{in: "555-123-4567", want: "+15551234567"},
		{in: "+1 555 123 4567", want: "+15551234567"},
		{in: "15551234567", want: "+15551234567"},
		{in: "(555) 123 4567", want: "+15551234567"},

		{in: "5551234567", want: "+15551234567"},
		{in: "(555) 123-4567", want: "+15551234567"},
		{in: "(555)123-4567", want: "+15551234567"},
		{in: "555.123.4567", want: "+15551234567"},
		{in: "555/123/4567", want: "+15551234567"},
		{in: "1-555-123-4567", want: "+15551234567"},
		{in: "1 (555) 123-4567", want: "+15551234567"},
		{in: "+15551234567", want: "+15551234567"},
		{in: "+1 (555) 123-4567", want: "+15551234567"},
		{in: "(+1) 555 123 4567", want: "+15551234567"},
		{in: "  555 123 4567\t", want: "+15551234567"},
		{in: "555\u00a0123\u00a04567", want: "+15551234567"},               // no-break spaces
		{in: "555\u2011123\u20134567", want: "+15551234567"},               // no-break hyphen, en dash
		{in: "\u202a+1 555-123-4567\u202c", want: "+15551234567"},          // copied from an address book
		{in: "\u200f5551234567", want: "+15551234567"},                     // right-to-left mark
		{in: "\ufeff5551234567\u200b", want: "+15551234567"},               // byte order mark, zero-width space
		{in: "212-555-0123", want: "+12125550123"},                         //
		{in: "+44 20 7946 0958", want: "+442079460958"},                    //
		{in: "+44 (0) 20 7946 0958", want: "+442079460958"},                //
		{in: "011 44 20 7946 0958", want: "+442079460958"},                 //
		{in: "+390212345678", want: "+390212345678"},                       // Italy keeps its zero
		{in: "+49 30 123456", want: "+4930123456"},                         //
		{in: "+52 1 55 1234 5678", want: "5215512345678"},                  // Mexico gave up its mobile 1: too long
		{in: "442079460958", want: "442079460958"},                         // no plus: not a US number
		{in: "123456789012345", want: "123456789012345"},                   //
		{in: "55512345", want: "55512345"},                                 //
		{in: "555123456", want: "555123456"},                               //
		{in: "1234567", want: "1234567"},                                   //
		{in: "0000000", want: "0000000"},                                   //
		{in: "+1 555 1234", want: "15551234"},                              // too short in +1
		{in: "+999 123 4567", want: "9991234567"},                          // no such country, and never read as US
		{in: "+2125551234", want: "2125551234"},                            // too short in Morocco, and never read as US
		{in: "1234567890", want: "+11234567890"},                           // possible by its length
		{in: strings.Repeat(" ", 30) + "5551234567", want: "+15551234567"}, // exactly 40 bytes

		{in: "", err: phoneForm},
		{in: " ", err: phoneForm},
		{in: "+", err: phoneForm},
		{in: "()-", err: phoneForm},
		{in: "123456", err: phoneDigits},
		{in: "+123456", err: phoneDigits},
		{in: "911", err: phoneDigits},
		{in: "1234567890123456", err: phoneDigits},
		{in: "+1234567890123456", err: phoneDigits},
		{in: "1-800-FLOWERS", err: phoneForm},
		{in: "555-123-4567 x12", err: phoneForm},
		{in: "555-123-4567 ext. 12", err: phoneForm},
		{in: "555-123-4567;ext=12", err: phoneForm},
		{in: "555-123-4567#12", err: phoneForm},
		{in: "555-123-4567,12", err: phoneForm},
		{in: "tel:+15551234567", err: phoneForm},
		{in: "*5551234567", err: phoneForm},
		{in: "++15551234567", err: phoneForm},
		{in: "555+1234567", err: phoneForm},
		{in: "5551234567+", err: phoneForm},
		{in: "５５５１２３４５６７", err: phoneForm},
		{in: "٥٥٥١٢٣٤٥٦٧", err: phoneForm},
		{in: "＋15551234567", err: phoneForm},
		{in: "5551234567\x00", err: phoneForm},
		{in: "555\n1234567", err: phoneForm},
		{in: "5551234567\xff", err: phoneForm},
		{in: "n/a", err: phoneForm},
		{in: "null", err: phoneForm},
		{in: "5e551234567", err: phoneForm},
		{in: strings.Repeat(" ", 31) + "5551234567", err: phoneForm},
		{in: strings.Repeat("5", 1<<20), err: phoneForm},
	} {
		t.Run(name(tc.in), func(t *testing.T) {
			t.Parallel()
			p, err := contact.ParsePhone(tc.in)
			requireFault(t, tc.err, err)
			assert.Equal(t, tc.want, p.String())
			assert.Equal(t, strings.TrimPrefix(tc.want, "+"), p.Key())
			assert.Equal(t, tc.want != "" && tc.want[0] != '+', p.IsLocal())
			assert.Equal(t, tc.err != "", p.IsZero())
			if tc.err == "" {
				restored, err := contact.RestorePhone(p.String())
				require.NoError(t, err)
				assert.Equal(t, p, restored)
			}
		})
	}
}

func TestRestorePhoneRefuses(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"": phoneDigits, "+": phoneDigits, "123456": phoneDigits, "+1234567890123456": phoneDigits,
		"555-1234": phoneForm, "++5551234": phoneForm, "5551234\x00": phoneForm, "٥٥٥١": phoneForm,
	} {
		_, err := contact.RestorePhone(in)
		requireFault(t, want, err)
	}
}

func TestPhoneIsValid(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]bool{
		"212-555-0123":        true,
		"+1 650 253 0000":     true,
		"+44 20 7946 0958":    true,
		"+39 02 1234 5678":    true,
		"555-123-4567":        false, // 555 is no area code
		"555-1234":            false,
		"+999 123 4567":       false,
		"1234567890":          false,
		"011 44 20 7946 0958": true,
	} {
		p, err := contact.ParsePhone(in)
		require.NoError(t, err, in)
		assert.Equal(t, want, p.IsValid(), in)
	}
	assert.False(t, contact.Phone{}.IsValid())
}

func TestPersonalDataStaysOutOfLogs(t *testing.T) {
	t.Parallel()
	phone, err := contact.ParsePhone("555-123-4567")
	require.NoError(t, err)
	email, err := contact.ParseEmail("jane@example.com")
	require.NoError(t, err)
	page, err := contact.ParseURL("https://example.com/thanks?name=jane&token=4567")
	require.NoError(t, err)
	for _, handler := range []func(*bytes.Buffer) slog.Handler{
		func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
		func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
	} {
		var out bytes.Buffer
		slog.New(handler(&out)).Info("m", slog.Any("phone", phone), slog.Any("email", email), slog.Any("page", page))
		assert.Contains(t, out.String(), "[phone]")
		assert.Contains(t, out.String(), "[email]")
		assert.Contains(t, out.String(), "https://example.com")
		assert.NotContains(t, out.String(), "4567")
		assert.NotContains(t, out.String(), "jane")
	}
}

// national draws the usual ways of writing a US number.
func national(t *rapid.T) (written, digits string) {
	d := rapid.StringMatching(`[2-9][0-9]{9}`).Draw(t, "digits")
	a, b, c := d[:3], d[3:6], d[6:]
	format := rapid.SampledFrom([]string{
		"%s%s%s", "%s-%s-%s", "(%s) %s-%s", "(%s)%s%s", "%s.%s.%s", "%s %s %s", "1%s%s%s", "1-%s-%s-%s", "1 (%s) %s-%s",
		"+1%s%s%s", "+1 %s %s %s", "+1 (%s) %s-%s", "+1-%s-%s-%s", "+1.%s.%s.%s",
	}).Draw(t, "format")
	return fmt.Sprintf(format, a, b, c), d
}

// The way a US number is written changes nothing, and phonenumbers reads every one of these forms the same.
func TestParsePhoneNationalForms(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		written, digits := national(t)
		p, err := contact.ParsePhone(written)
		if err != nil || p.Key() != "1"+digits || p.IsLocal() {
			t.Fatalf("%s: got %q, %v", written, p, err)
		}
		n, err := phonenumbers.Parse(written, "US")
		if err != nil || phonenumbers.IsPossibleNumberWithReason(n) != phonenumbers.IS_POSSIBLE {
			t.Fatalf("%s: phonenumbers finds it impossible: %v", written, err)
		}
		if want := phonenumbers.Format(n, phonenumbers.E164); p.String() != want {
			t.Fatalf("%s: got %s, phonenumbers gives %s", written, p, want)
		}
	})
}

func TestPhoneProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		checkPhone(t, rapid.OneOf(
			rapid.StringMatching(`\+?[0-9]{5,17}`),
			rapid.StringMatching(`\+(1|7|20|33|34|39|44|49|52|54|55|61|81|86|91|212|353|380|590|800|882|979)0{0,3}[0-9]{4,11}`),
			rapid.StringMatching(`(011|00|0|1|11|111)[0-9]{6,12}`),
			rapid.StringMatching(`[-+ ().0-9/]{0,41}`),
			rapid.String(),
		).Draw(t, "phone"))
	})
}

type fataler interface {
	Fatalf(format string, args ...any)
}

func checkPhone(t fataler, s string) {
	p, err := contact.ParsePhone(s)
	if err != nil {
		if fault.CodeOf(err) != fault.InvalidValue || !p.IsZero() {
			t.Fatalf("%q: got %q with %v", s, p, err)
		}
		return
	}
	if n := len(p.Key()); n < 7 || n > 15 || strings.Trim(p.Key(), "0123456789") != "" {
		t.Fatalf("%q: key %q", s, p.Key())
	}
	if restored, err := contact.RestorePhone(p.String()); err != nil || restored != p {
		t.Fatalf("%q: restored as %q, %v", s, restored, err)
	}
	if p.IsLocal() && strings.Contains(s, "+") {
		// The digits without their plus may be a US number; that is why storage reads with RestorePhone.
		return
	}
	again, err := contact.ParsePhone(p.String())
	if err != nil || again.Key() != p.Key() || again != p {
		t.Fatalf("%q: %q read again is %q, %v", s, p, again, err)
	}
}

func FuzzParsePhone(f *testing.F) {
	for _, s := range []string{
		"555-1234", "555-123-4567", "+1 555 123 4567", "15551234567", "(555) 123 4567", "+44 (0) 20 7946 0958",
		"011 44 20 7946 0958", "1-800-FLOWERS", "5551234567 x12", "\x00", "\u202a5551234567\u202c", "５５５１２３４５６７",
		"+999 123 4567", "+290 1234", "+800 1234 5678", "+52 1 55 1234 5678", "+54 9 11 1234 5678", "\xff\xfe", "+",
		strings.Repeat("+", 41), strings.Repeat("1", 41),
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		checkPhone(t, s)
		if p, err := contact.ParsePhone(s); err == nil {
			_ = p.IsValid() // must not panic
		}
	})
}

//nolint:paralleltest // tests beside it would allocate too
func TestParsePhoneCostsOneAllocation(t *testing.T) {
	for _, in := range []string{"(555) 123-4567", "+1 555 123 4567", "15551234567"} {
		assert.LessOrEqual(t, testing.AllocsPerRun(100, func() { _, _ = contact.ParsePhone(in) }), 1.0, in)
	}
}

func BenchmarkParsePhone(b *testing.B) {
	for _, in := range []string{"(555) 123-4567", "+15551234567", "555-1234", "+44 20 7946 0958"} {
		b.Run(in, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = contact.ParsePhone(in)
			}
		})
	}
}

func requireFault(t *testing.T, want string, err error) {
	t.Helper()
	if want == "" {
		require.NoError(t, err)
		return
	}
	require.EqualError(t, err, want)
	assert.Equal(t, fault.Invalid, fault.KindOf(err))
}

// name makes a subtest name of any input.
func name(in string) string {
	if len(in) > 70 {
		in = in[:20] + "…"
	}
	return strconv.Quote(in)
}
