package eventsv1

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"
)

// Amount is money in major units of a currency as the text of a JSON number: 45.00. It is exact, and written as it is.
type Amount string

var errAmount = errors.New("eventsv1: not an amount")

// valid reports whether a is written -?(0|[1-9][0-9]*)(\.[0-9]+)?, the form in which amounts are published.
func (a Amount) valid() bool {
	s := string(a)
	if s != "" && s[0] == '-' {
		s = s[1:]
	}
	whole, i := 0, 0
	for i < len(s) && isDigit(s[i]) {
		i++
		whole++
	}
	if whole == 0 || s[0] == '0' && whole > 1 {
		return false
	}
	if i == len(s) {
		return true
	}
	if s[i] != '.' || i+1 == len(s) {
		return false
	}
	for i++; i < len(s); i++ {
		if !isDigit(s[i]) {
			return false
		}
	}
	return true
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// Micros returns a in millionths of the major unit. It fails when a is no amount, has more than 6 decimals that count or
// does not fit in 64 bits.
func (a Amount) Micros() (int64, error) {
	if !a.valid() {
		return 0, fmt.Errorf("%w: %q", errAmount, string(a))
	}
	s, negative := string(a), false
	if s[0] == '-' {
		s, negative = s[1:], true
	}
	var v uint64
	decimals, point := 0, false
	for i := range len(s) {
		switch {
		case s[i] == '.':
			point = true
			continue
		case point && decimals == 6 && s[i] == '0':
			continue
		case point && decimals == 6:
			return 0, fmt.Errorf("%w: %q has more than 6 decimals", errAmount, string(a))
		case point:
			decimals++
		}
		d := uint64(s[i] - '0')
		if v > (math.MaxInt64-d)/10 {
			return 0, fmt.Errorf("%w: %q is too large", errAmount, string(a))
		}
		v = v*10 + d
	}
	for ; decimals < 6; decimals++ {
		if v > math.MaxInt64/10 {
			return 0, fmt.Errorf("%w: %q is too large", errAmount, string(a))
		}
		v *= 10
	}
	if negative {
		return -int64(v), nil
	}
	return int64(v), nil
}

// MarshalJSON writes the number as it is. It fails when a is no amount.
func (a Amount) MarshalJSON() ([]byte, error) {
	if !a.valid() {
		return nil, fmt.Errorf("%w: %q", errAmount, string(a))
	}
	return []byte(a), nil
}

// UnmarshalJSON keeps the number as it is written. Anything but a plain decimal number is an error.
func (a *Amount) UnmarshalJSON(b []byte) error {
	if !Amount(b).valid() {
		return fmt.Errorf("%w: %s", errAmount, b)
	}
	*a = Amount(b)
	return nil
}

func (a Amount) appendJSON(b []byte) []byte {
	if !a.valid() {
		return append(b, "null"...)
	}
	return append(b, a...)
}

// Time is a moment, written in RFC 3339, UTC, with microseconds: 2025-05-02T16:12:39.000000Z.
type Time struct{ time.Time }

// UTC returns t as a moment of a contract.
func UTC(t time.Time) Time { return Time{t.UTC()} }

const timeLayout = "2006-01-02T15:04:05.000000Z"

// MarshalJSON writes t in UTC; what is finer than a microsecond is cut off.
func (t Time) MarshalJSON() ([]byte, error) {
	return t.appendJSON(make([]byte, 0, len(timeLayout)+2)), nil
}

// UnmarshalJSON reads any RFC 3339 time.
func (t *Time) UnmarshalJSON(b []byte) error {
	if len(b) < 2 || b[0] != '"' || b[len(b)-1] != '"' {
		return fmt.Errorf("eventsv1: not a time: %s", b)
	}
	parsed, err := time.Parse(time.RFC3339Nano, string(b[1:len(b)-1]))
	if err != nil {
		return fmt.Errorf("eventsv1: not a time: %w", err)
	}
	t.Time = parsed.UTC()
	return nil
}

// appendJSON is written by hand because time.AppendFormat would take a third of the time of writing an event.
func (t Time) appendJSON(b []byte) []byte {
	u := t.UTC()
	year, month, day := u.Date()
	hour, minute, second := u.Clock()
	if year < 0 || year > 9999 {
		return append(u.AppendFormat(append(b, '"'), timeLayout), '"')
	}
	b = append(b, '"')
	b = appendDigits(b, year, 4)
	b = append(b, '-')
	b = appendDigits(b, int(month), 2)
	b = append(b, '-')
	b = appendDigits(b, day, 2)
	b = append(b, 'T')
	b = appendDigits(b, hour, 2)
	b = append(b, ':')
	b = appendDigits(b, minute, 2)
	b = append(b, ':')
	b = appendDigits(b, second, 2)
	b = append(b, '.')
	b = appendDigits(b, u.Nanosecond()/1000, 6)
	return append(b, 'Z', '"')
}

// appendDigits appends v, not negative, with at least width digits.
func appendDigits(b []byte, v, width int) []byte {
	var buf [20]byte
	digits := strconv.AppendInt(buf[:0], int64(v), 10)
	for n := len(digits); n < width; n++ {
		b = append(b, '0')
	}
	return append(b, digits...)
}

// appendString appends s as encoding/json writes it; a string without escapes is appended directly.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c >= 0x7f || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			quoted, err := json.Marshal(s)
			if err != nil { // a string cannot fail
				return append(b, `""`...)
			}
			return append(b, quoted...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}
