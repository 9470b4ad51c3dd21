package contact

import (
	"log/slog"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/nyaruka/phonenumbers"

	"github.com/leadmill/leadmill/domain/fault"
)

const (
	// maxPhoneInput is the longest input that is read, in bytes; the longest number with its separators is far shorter.
	maxPhoneInput  = 40
	minPhoneDigits = 7
	maxPhoneDigits = 15
	// homeRegion is the region of numbers that do not start with a plus.
	homeRegion = "US"
	// noRegion makes phonenumbers refuse numbers that do not start with a plus.
	noRegion = "ZZ"
)

var (
	errPhone = fault.New(fault.Invalid, fault.InvalidValue,
		"must be a phone number of digits and separators, without letters or an extension")
	errPhoneDigits = fault.New(fault.Invalid, fault.InvalidValue, "must have 7 to 15 digits")
)

// Phone is a telephone number: in E.164 form when it is a possible number, else the local digits as they were dialled.
// Values compare with ==; the zero value is no number.
type Phone struct {
	// s starts with a plus exactly when the number is E.164, so that the stored string says by itself which it is.
	s string
}

// ParsePhone reads a phone number (docs/supplier-api.md). Spaces, dashes, dots, slashes, brackets and
// the invisible marks that come with copied numbers are dropped; what remains must be 7 to 15 ASCII digits, with at most
// one plus before them. The region is US unless there is a plus. A possible number becomes E.164, any other stays local.
// Letters, extensions, digits of other scripts, control characters and inputs over 40 bytes are errors.
func ParsePhone(s string) (Phone, error) {
	var buf [maxPhoneInput + 1]byte
	dial, err := dialled(buf[:0], s)
	if err != nil {
		return Phone{}, err
	}
	if p, ok := fastNANP(dial); ok {
		return p, nil
	}
	return parseDialled(string(dial))
}

// RestorePhone returns the phone whose String was stored. It fails for a string that String cannot have returned; it does
// not check again that the number is possible, so that newer numbering plans do not change stored numbers.
func RestorePhone(stored string) (Phone, error) {
	digits := strings.TrimPrefix(stored, "+")
	if len(digits) < minPhoneDigits || len(digits) > maxPhoneDigits {
		return Phone{}, errPhoneDigits
	}
	if !allDigits(digits) {
		return Phone{}, errPhone
	}
	return Phone{s: stored}, nil
}

// String returns E.164 with its plus, or the local digits without one. It is the form to store.
func (p Phone) String() string { return p.s }

// Key returns the digits that tell whether two phones are the same: those of E.164, or the local ones.
func (p Phone) Key() string { return strings.TrimPrefix(p.s, "+") }

// IsLocal reports whether the number is not known to be a possible one and is kept as its digits.
func (p Phone) IsLocal() bool { return p.s != "" && p.s[0] != '+' }

// IsZero reports whether p is no number.
func (p Phone) IsZero() bool { return p.s == "" }

// IsValid reports whether the number is assigned in its numbering plan, the strict check that a campaign can choose.
// A local number is never valid. It costs microseconds.
func (p Phone) IsValid() bool {
	if p.s == "" || p.IsLocal() {
		return false
	}
	n, err := phonenumbers.Parse(p.s, noRegion)
	return err == nil && phonenumbers.IsValidNumber(n)
}

// LogValue keeps the number out of logs.
func (p Phone) LogValue() slog.Value { return slog.StringValue("[phone]") }

// dialled appends what s dials to b: the digits, after a plus if there is one.
func dialled(b []byte, s string) ([]byte, error) {
	if len(s) > maxPhoneInput {
		return nil, errPhone
	}
	digits := 0
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c >= '0' && c <= '9':
			b = append(b, c)
			digits++
		case c == '+' && len(b) == 0:
			b = append(b, c)
		case c < utf8.RuneSelf:
			if strings.IndexByte(" -.()/\t", c) < 0 {
				return nil, errPhone
			}
		default:
			r, size := utf8.DecodeRuneInString(s[i:])
			// Cf: direction marks, zero-width characters, byte order marks. Pd and Zs: typographic dashes and spaces.
			if !unicode.In(r, unicode.Cf, unicode.Pd, unicode.Zs) {
				return nil, errPhone
			}
			i += size
			continue
		}
		i++
	}
	switch {
	case digits == 0:
		return nil, errPhone
	case digits < minPhoneDigits:
		return nil, errPhoneDigits
	}
	return b, nil
}

// fastNANP recognises the usual forms of a North American number: ten digits that do not start with 0 or 1, alone or after 1
// or +1. For these parseDialled also returns +1 and the ten digits, but a hundred times slower.
func fastNANP(dial []byte) (Phone, bool) {
	n := len(dial)
	if n < 10 || dial[n-10] < '2' {
		return Phone{}, false
	}
	switch string(dial[:n-10]) {
	case "", "1", "+1":
		var e164 [12]byte
		copy(e164[:], "+1")
		copy(e164[2:], dial[n-10:])
		return Phone{s: string(e164[:])}, true
	}
	return Phone{}, false
}

// parseDialled is the general form of fastNANP: any digits, with or without a plus.
func parseDialled(dial string) (Phone, error) {
	if e164, ok := possible(dial); ok {
		return within(e164)
	}
	return within(strings.TrimPrefix(dial, "+"))
}

// possible returns the E.164 form of dial if it is a possible number.
func possible(dial string) (string, bool) {
	e164, ok := formatPossible(dial)
	// Each parse removes one trunk prefix, and a number may have several: parse until the result stays the same. No input of
	// 40 bytes needs more rounds than that.
	for range maxPhoneInput {
		if !ok {
			return "", false
		}
		again, stillOK := formatPossible(e164)
		if again == e164 {
			return e164, true
		}
		e164, ok = again, stillOK
	}
	return "", false
}

func formatPossible(dial string) (string, bool) {
	n, err := phonenumbers.Parse(dial, homeRegion)
	if err != nil || phonenumbers.IsPossibleNumberWithReason(n) != phonenumbers.IS_POSSIBLE {
		return "", false
	}
	return phonenumbers.Format(n, phonenumbers.E164), true
}

// within checks the number of digits after normalising.
func within(s string) (Phone, error) {
	if n := len(strings.TrimPrefix(s, "+")); n < minPhoneDigits || n > maxPhoneDigits {
		return Phone{}, errPhoneDigits
	}
	return Phone{s: s}, nil
}

func allDigits(s string) bool {
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return s != ""
}
