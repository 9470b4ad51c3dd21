// Package suppression holds what a seller must not take leads of: phones, emails and whole mail domains of people who want nothing.
//
// Stability: experimental.
package suppression

import (
	"strings"

	"github.com/leadmill/leadmill/domain/contact"
	"github.com/leadmill/leadmill/domain/fault"
)

// Kind says what is suppressed.
type Kind string

// The kinds of suppressions. A Domain covers the addresses of all its sub-domains too.
const (
	Phone  Kind = "phone"
	Email  Kind = "email"
	Domain Kind = "domain"
)

// Kinds returns all kinds.
func Kinds() []Kind { return []Kind{Phone, Email, Domain} }

// ErrNotFound says that a seller suppresses no such value.
var ErrNotFound = fault.New(fault.NotFound, "suppression_not_found", "Suppression not found.")

// Value is something that is suppressed. Values compare with ==.
type Value struct {
	kind Kind
	key  string
}

// Parse reads a phone, an email or a domain. Its error is fault.ErrValidation with the members "kind" and "value", and repeats nothing of
// the value.
func Parse(kind, value string) (Value, error) {
	var v fault.Violations
	out := Value{kind: Kind(kind)}
	switch out.kind {
	case Phone:
		p, err := contact.ParsePhone(value)
		v.AddErr("value", err)
		out.key = p.Key()
	case Email:
		e, err := contact.ParseEmail(value)
		v.AddErr("value", err)
		out.key = e.Key()
	case Domain:
		domain := strings.ToLower(strings.TrimPrefix(strings.TrimSpace(value), "@"))
		if _, err := contact.ParseEmail("a@" + domain); err != nil || !strings.Contains(domain, ".") {
			v.Add("value", fault.InvalidValue, "must be a domain such as example.com")
		} else if strings.Count(domain, ".") >= maxParts {
			v.Add("value", fault.InvalidValue, "must be a domain of at most 16 parts")
		}
		out.key = domain
	case "":
		v.Add("kind", fault.Required, "is required")
	default:
		v.Add("kind", fault.InvalidValue, "must be phone, email or domain")
	}
	if err := v.Err(); err != nil {
		return Value{}, err
	}
	return out, nil
}

// Kind says what is suppressed.
func (v Value) Kind() Kind { return v.kind }

// Key is the form in which values of a kind are compared. It is personal data.
func (v Value) Key() string { return v.key }

// Masked is what an operator is shown of a value, enough to know it again: the last four digits of a phone, the first letter of an email and
// its domain. A domain is whole.
func (v Value) Masked() string {
	switch v.kind {
	case Phone:
		return strings.Repeat("*", max(len(v.key)-4, 0)) + v.key[max(len(v.key)-4, 0):]
	case Email:
		local, domain, _ := strings.Cut(v.key, "@")
		for _, first := range local {
			return string(first) + "***@" + domain
		}
		return "***@" + domain
	default:
		return v.key
	}
}

// maxParts is how many parts, with dots between them, a suppressed domain has at most. So no more domains can cover an address, however
// many parts its own domain has.
const maxParts = 16

// OfPhone returns the values that cover a phone, which is given as it is compared (contact.Phone.Key).
func OfPhone(key string) []Value {
	if key == "" {
		return nil
	}
	return []Value{{Phone, key}}
}

// OfEmail returns the values that cover an email, which is given as it is compared (contact.Email.Key): itself, its domain, and those that
// this is a sub-domain of, the shortest first, but for the last part alone and for what has too many parts to be suppressed.
func OfEmail(key string) []Value {
	at := strings.LastIndexByte(key, '@')
	if at < 0 {
		return nil
	}
	out := append(make([]Value, 0, 4), Value{Email, key})
	domain := key[at+1:]
	dot := strings.LastIndexByte(domain, '.')
	for parts := 2; parts <= maxParts && dot >= 0; parts++ {
		dot = strings.LastIndexByte(domain[:dot], '.')
		out = append(out, Value{Domain, domain[dot+1:]})
	}
	return out
}
