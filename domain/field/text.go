package field

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/leadmill/leadmill/domain/fault"
)

func trim(s string) string { return strings.TrimSpace(s) }

func itoa(i int) string { return strconv.Itoa(i) }

func joinTypes() string {
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = string(t)
	}
	return strings.Join(names, ", ")
}

func validName(s string) bool {
	if s == "" || len(s) > maxNameLength {
		return false
	}
	for _, c := range s {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '.', c == '-':
		default:
			return false
		}
	}
	return true
}

// keepableName reports whether a field without a rule may have this name: any name a form builder sends, unless it would
// break a log line.
func keepableName(s string) bool {
	return s != "" && len(s) <= 4*maxUnknownName && utf8.RuneCountInString(s) <= maxUnknownName && utf8.ValidString(s) &&
		!strings.ContainsFunc(s, unicode.IsControl)
}

// printable shortens a name that a client made up, so that an error about it stays readable.
func printable(s string) string {
	s = strings.ToValidUTF8(s, "?")
	if len(s) > maxNameLength {
		s = strings.ToValidUTF8(s[:maxNameLength], "") + "…"
	}
	return s
}

// significant returns the digits of a number literal without its leading and trailing zeros, sign, point and exponent.
func significant(number string) string {
	mantissa := number
	if i := strings.IndexAny(number, "eE"); i >= 0 {
		mantissa = number[:i]
	}
	return strings.Trim(strings.NewReplacer("+", "", "-", "", ".", "").Replace(mantissa), "0")
}

func message(err error) string {
	if e := fault.As(err); e != nil {
		return e.Message
	}
	return "is invalid"
}
