package contact

import (
	"log/slog"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/leadmill/leadmill/domain/fault"
)

// Sizes in bytes (source: RFC 5321, section 4.5.3.1, and its erratum 1690 for the whole address).
const (
	maxEmail      = 254
	maxEmailLocal = 64
	maxDomain     = 253
	maxLabel      = 63
)

var errEmail = fault.New(fault.Invalid, fault.InvalidValue, "must be an email address")

// Email is an email address as it was given. Values compare with ==; compare Key to find the same mailbox.
type Email struct{ s string }

// ParseEmail reads an email address, without the spaces around it. It accepts what mail systems use and not all that
// RFC 5322 allows: no quoted local parts, comments or address literals; letters of any script are allowed.
func ParseEmail(s string) (Email, error) {
	s = strings.TrimSpace(s)
	if !emailForm(s) {
		return Email{}, errEmail
	}
	// Lower case can be longer in other scripts; the key must be an address too.
	if key := strings.ToLower(s); len(key) != len(s) && !emailForm(key) {
		return Email{}, errEmail
	}
	return Email{s: s}, nil
}

// String returns the address as it was given, trimmed.
func (e Email) String() string { return e.s }

// Key returns the address in lower case, the form that tells whether two addresses are the same.
func (e Email) Key() string { return strings.ToLower(e.s) }

// IsZero reports whether e is no address.
func (e Email) IsZero() bool { return e.s == "" }

// LogValue keeps the address out of logs.
func (e Email) LogValue() slog.Value { return slog.StringValue("[email]") }

func emailForm(s string) bool {
	if len(s) > maxEmail || !utf8.ValidString(s) {
		return false
	}
	local, domain, ok := strings.Cut(s, "@")
	return ok && localPart(local) && mailDomain(domain)
}

func localPart(s string) bool {
	if s == "" || len(s) > maxEmailLocal || s[0] == '.' || s[len(s)-1] == '.' || strings.Contains(s, "..") {
		return false
	}
	for _, r := range s {
		if r < utf8.RuneSelf {
			if r <= ' ' || r == 0x7f || strings.ContainsRune(`"<>,;:()[]\@`, r) {
				return false
			}
		} else if !wordRune(r) {
			return false
		}
	}
	return true
}

func mailDomain(s string) bool {
	if len(s) > maxDomain || !strings.Contains(s, ".") {
		return false
	}
	last := ""
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > maxLabel || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, r := range label {
			if r != '-' && !wordRune(r) {
				return false
			}
		}
		last = label
	}
	// A numeric last label is an IP address, not a domain (RFC 3696, section 2).
	return !allDigits(last)
}

// wordRune reports whether r is a letter, a combining mark or a digit of any script.
func wordRune(r rune) bool { return unicode.In(r, unicode.L, unicode.M, unicode.Nd) }
