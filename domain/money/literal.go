package money

import (
	"strconv"

	"github.com/govalues/decimal"

	"github.com/leadmill/leadmill/domain/fault"
)

// maxLiteral is the longest number literal that is read, in bytes; every amount can be written in far fewer.
const maxLiteral = 64

var (
	errNotNumber = fault.New(fault.Invalid, fault.InvalidValue, "must be a number")
	errTooLong   = fault.New(fault.Invalid, fault.InvalidValue,
		"must be a number of at most "+strconv.Itoa(maxLiteral)+" characters")
	errTooLarge   = fault.New(fault.Invalid, fault.InvalidValue, "is too large")
	errNoDecimals = fault.New(fault.Invalid, fault.InvalidValue, "must have no decimals")
)

// parseScaled reads a JSON number literal as a multiple of 10^-scale. It fails when the value has more digits behind
// the point than decimals says (trailing zeros do not count), and with tooLarge when it has more than intDigits digits before the point. Both
// are checked on the text before any arithmetic, so that a huge exponent costs nothing and decimal.Parse never rounds.
func parseScaled(s string, decimals, scale, intDigits int, tooLarge error) (int64, error) {
	if len(s) > maxLiteral {
		return 0, errTooLong
	}
	first, last, ok := significant(s)
	switch {
	case !ok:
		return 0, errNotNumber
	case first == noDigits:
		return 0, nil
	case first >= intDigits:
		return 0, tooLarge
	case last < -decimals:
		return 0, tooPrecise(decimals)
	}
	d, err := decimal.Parse(s)
	if err != nil {
		return 0, errNotNumber.Because(err)
	}
	whole, frac, ok := d.Int64(scale)
	if !ok {
		return 0, tooLarge
	}
	for range scale {
		whole *= 10
	}
	return whole + frac, nil
}

func tooPrecise(decimals int) error {
	switch decimals {
	case 0:
		return errNoDecimals
	case 1:
		return fault.New(fault.Invalid, fault.InvalidValue, "must have at most 1 decimal")
	}
	return fault.New(fault.Invalid, fault.InvalidValue, "must have at most "+strconv.Itoa(decimals)+" decimals")
}

const (
	noDigits    = -1 << 30 // what significant returns for zero
	maxExponent = 1 << 20  // exponents are limited to this, far beyond any accepted value
)

// significant checks s against the JSON number grammar (RFC 8259, section 6) and returns the powers of ten of its first
// and last digits that are not zero, noDigits for a value of zero.
func significant(s string) (first, last int, ok bool) {
	i := 0
	if i < len(s) && s[i] == '-' {
		i++
	}
	intStart := i
	i = skipDigits(s, i)
	intEnd := i
	if intEnd == intStart || s[intStart] == '0' && intEnd > intStart+1 {
		return 0, 0, false
	}
	if i < len(s) && s[i] == '.' {
		i = skipDigits(s, i+1)
		if i == intEnd+1 {
			return 0, 0, false
		}
	}
	mantissaEnd := i
	exp, ok := exponent(s[i:])
	if !ok {
		return 0, 0, false
	}
	first, last = noDigits, noDigits
	power := intEnd - intStart - 1
	for _, c := range []byte(s[intStart:mantissaEnd]) {
		if c == '.' {
			continue
		}
		if c != '0' {
			if first == noDigits {
				first = power + exp
			}
			last = power + exp
		}
		power--
	}
	return first, last, true
}

// exponent reads the exponent part of a JSON number, which may be empty, and cuts it off at ±maxExponent.
func exponent(s string) (int, bool) {
	if s == "" {
		return 0, true
	}
	if s[0] != 'e' && s[0] != 'E' {
		return 0, false
	}
	s = s[1:]
	sign := 1
	if s != "" && (s[0] == '+' || s[0] == '-') {
		if s[0] == '-' {
			sign = -1
		}
		s = s[1:]
	}
	if s == "" || skipDigits(s, 0) != len(s) {
		return 0, false
	}
	exp := 0
	for _, c := range []byte(s) {
		exp = min(exp*10+int(c-'0'), maxExponent)
	}
	return sign * exp, true
}

func skipDigits(s string, i int) int {
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	return i
}
