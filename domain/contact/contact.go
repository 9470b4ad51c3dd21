// Package contact holds the values that describe a person or a place: phone, email, US state, ZIP code, URL, date and
// free text. Each is read by a Parse function whose error reads well after a field name and never repeats the input.
//
// Stability: stable.
package contact

import (
	"log/slog"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/fault"
)

// usStates are the states, DC, the territories, the freely associated states and the military codes (source: USPS
// Publication 28, appendix B).
const usStates = " AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND " +
	"OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY DC PR VI GU AS MP UM FM MH PW AA AE AP "

// maxURL is the length of the longest accepted URL in bytes.
const maxURL = 2048

var (
	errState = fault.New(fault.Invalid, fault.InvalidValue, "is not a US state")
	errZip   = fault.New(fault.Invalid, fault.InvalidValue, "must be a ZIP code such as 75001 or 75001-1234")
	errURL   = fault.New(fault.Invalid, fault.InvalidValue, "must be an absolute http or https URL")
	errLong  = fault.New(fault.Invalid, fault.InvalidValue,
		"must be a URL of at most "+strconv.Itoa(maxURL)+" bytes")
	errUserinfo  = fault.New(fault.Invalid, fault.InvalidValue, "must be a URL without user name and password")
	errDate      = fault.New(fault.Invalid, fault.InvalidValue, "must be a date such as 2026-01-31")
	errUTF8      = fault.New(fault.Invalid, fault.InvalidValue, "must be valid UTF-8")
	errControl   = fault.New(fault.Invalid, fault.InvalidValue, "must not contain control characters")
	errEmptyText = fault.New(fault.Invalid, fault.Required, "is required")
)

// USState is the code of a US state, DC, a territory, a freely associated state or the military. Values compare with ==.
type USState struct{ code string }

// ParseUSState reads a code of two letters, such as TX, or a name, such as Texas, in any case and without the spaces around it.
func ParseUSState(s string) (USState, error) {
	s = strings.TrimSpace(s)
	if len(s) != 2 || !asciiLetter(s[0]) || !asciiLetter(s[1]) {
		if code := stateNamed(s); code != "" {
			return USState{code: code}, nil
		}
		return USState{}, errState
	}
	code := strings.ToUpper(s)
	if !strings.Contains(usStates, " "+code+" ") {
		return USState{}, errState
	}
	return USState{code: code}, nil
}

// String returns the code in upper case.
func (s USState) String() string { return s.code }

// IsZero reports whether s is no state.
func (s USState) IsZero() bool { return s.code == "" }

// Zip is a US ZIP code of five digits, or ZIP+4. Values compare with ==.
type Zip struct{ s string }

// ParseZip reads 75001 or 75001-1234, without the spaces around it. Three or four digits are a code whose leading zeros were lost, as
// spreadsheets do: 2139 is 02139. It does not check that the code is in use.
func ParseZip(s string) (Zip, error) {
	s = strings.TrimSpace(s)
	if (len(s) == 3 || len(s) == 4) && allDigits(s) {
		s = "00"[:5-len(s)] + s
	}
	five, four, plus4 := strings.Cut(s, "-")
	if len(five) != 5 || !allDigits(five) || plus4 && (len(four) != 4 || !allDigits(four)) {
		return Zip{}, errZip
	}
	return Zip{s: s}, nil
}

// String returns the code as it was given, trimmed and with its leading zeros.
func (z Zip) String() string { return z.s }

// Five returns the first five digits, the delivery area; empty for the zero value.
func (z Zip) Five() string { return z.s[:min(len(z.s), 5)] }

// IsZero reports whether z is no code.
func (z Zip) IsZero() bool { return z.s == "" }

// URL is an absolute http or https URL. Values compare with ==, as they were given.
type URL struct{ s, scheme, host string }

// ParseURL reads an absolute http or https URL of at most 2048 bytes with a host and without a user name, spaces,
// backslashes or control characters. It does not check that the host exists or is public.
func ParseURL(s string) (URL, error) {
	if len(s) > maxURL {
		return URL{}, errLong
	}
	if !utf8.ValidString(s) || strings.ContainsFunc(s, notInURL) {
		return URL{}, errURL
	}
	u, err := url.Parse(s)
	if err != nil {
		return URL{}, errURL // the cause repeats the input, which may be personal
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return URL{}, errURL
	}
	if u.User != nil {
		return URL{}, errUserinfo
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return URL{}, errURL
		}
	}
	return URL{s: s, scheme: u.Scheme, host: strings.ToLower(u.Hostname())}, nil
}

// String returns the URL as it was given.
func (u URL) String() string { return u.s }

// Host returns the host in lower case, without the port and without the brackets of an IPv6 address.
func (u URL) Host() string { return u.host }

// IsHTTPS reports whether the scheme is https.
func (u URL) IsHTTPS() bool { return u.scheme == "https" }

// IsZero reports whether u is no URL.
func (u URL) IsZero() bool { return u.s == "" }

// LogValue shows scheme and host only: paths and queries carry tokens and personal data.
func (u URL) LogValue() slog.Value {
	if u.IsZero() {
		return slog.StringValue("")
	}
	return slog.StringValue(u.scheme + "://" + u.host)
}

// Date is a day of the Gregorian calendar without a time zone. Values compare with ==.
type Date struct {
	year  int
	month time.Month
	day   int
}

// ParseDate reads a real date from 0001-01-01 to 9999-12-31 in the form YYYY-MM-DD (RFC 3339 full-date).
func ParseDate(s string) (Date, error) {
	if len(s) != len(time.DateOnly) {
		return Date{}, errDate
	}
	t, err := time.Parse(time.DateOnly, s)
	if err != nil || t.Year() < 1 {
		return Date{}, errDate
	}
	d := Date{}
	d.year, d.month, d.day = t.Date()
	return d, nil
}

// String returns the date as YYYY-MM-DD; empty for the zero value.
func (d Date) String() string {
	if d.IsZero() {
		return ""
	}
	return d.midnight().Format(time.DateOnly)
}

// midnight is that of the date in UTC.
func (d Date) midnight() time.Time { return time.Date(d.year, d.month, d.day, 0, 0, 0, 0, time.UTC) }

// Start returns the first moment of the date in a time zone, as calendar.StartOf.
func (d Date) Start(loc *time.Location) time.Time { return calendar.StartOf(d.midnight(), loc).In(loc) }

// End returns the first moment behind the date in a time zone: the start of the next one.
func (d Date) End(loc *time.Location) time.Time {
	return calendar.StartOf(d.midnight().AddDate(0, 0, 1), loc).In(loc)
}

// Before reports whether d is an earlier day than other.
func (d Date) Before(other Date) bool { return d.midnight().Before(other.midnight()) }

// IsZero reports whether d is no date.
func (d Date) IsZero() bool { return d == Date{} }

// ParseText checks one line of text and returns it as it was given: valid UTF-8, no control characters or line breaks,
// at most maxChars code points. Text may be empty.
func ParseText(s string, maxChars int) (string, error) { return text(s, maxChars, "") }

// TakeText checks a text as ParseText does and stores it in into; what is wrong with it is added to v as a violation of
// field. A nil given keeps what is in into.
func TakeText(field string, given *string, maxChars int, into *string, v *fault.Violations) {
	if given == nil {
		return
	}
	text, err := ParseText(*given, maxChars)
	v.AddErr(field, err)
	*into = text
}

// ParseMultiline is ParseText for text that may hold tabs and line breaks.
func ParseMultiline(s string, maxChars int) (string, error) {
	return text(s, maxChars, "\t\n\r\u2028\u2029")
}

// ParseRequiredText is ParseText for text that must hold more than spaces; that error has code fault.Required.
func ParseRequiredText(s string, maxChars int) (string, error) {
	return required(ParseText(s, maxChars))
}

// ParseRequiredMultiline is ParseMultiline for text that must hold more than spaces and line breaks; that error has code
// fault.Required.
func ParseRequiredMultiline(s string, maxChars int) (string, error) {
	return required(ParseMultiline(s, maxChars))
}

func required(s string, err error) (string, error) {
	if err != nil {
		return "", err
	}
	if strings.TrimSpace(s) == "" {
		return "", errEmptyText
	}
	return s, nil
}

func text(s string, maxChars int, allowed string) (string, error) {
	if !utf8.ValidString(s) {
		return "", errUTF8
	}
	if utf8.RuneCountInString(s) > maxChars {
		noun := " characters"
		if maxChars == 1 {
			noun = " character"
		}
		return "", fault.New(fault.Invalid, fault.InvalidValue, "must have at most "+strconv.Itoa(maxChars)+noun)
	}
	for _, r := range s {
		if (unicode.IsControl(r) || r == '\u2028' || r == '\u2029') && !strings.ContainsRune(allowed, r) {
			return "", errControl
		}
	}
	return s, nil
}

func notInURL(r rune) bool {
	return unicode.IsControl(r) || unicode.IsSpace(r) || r == '\\' || unicode.Is(unicode.Cf, r)
}

func asciiLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// FullName joins a name and a surname by a space. Either may be empty.
func FullName(name, surname string) string { return strings.TrimSpace(name + " " + surname) }
