package lead

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/leadmill/leadmill/domain/contact"
	"github.com/leadmill/leadmill/domain/field"
)

// Person is somebody that is known by an email address, by a phone number, or by both. The zero Person is nobody.
type Person struct{ email, phone string }

// NewPerson returns whoever has an email address or a phone number; a zero one of them counts for nothing.
func NewPerson(email contact.Email, phone contact.Phone) Person {
	return Person{email.Key(), phone.Key()}
}

// RestorePerson returns the Person whose Keys were stored.
func RestorePerson(email, phone string) Person { return Person{email, phone} }

// Keys returns the forms in which email and phone are compared; empty for what is not known.
func (p Person) Keys() (email, phone string) { return p.email, p.phone }

// In reports whether the person's email or phone is the value of a field, or inside of one that is an array or an object. The names and
// types of fields do not matter: what a campaign has no rule for, or had none for then, may be a phone number too. The form in which
// the value was written does not matter either.
func (p Person) In(fields field.Set) bool {
	for _, v := range fields {
		switch v.Kind {
		case field.Text, field.Number:
			if p.Is(v.Text) {
				return true
			}
		case field.Other:
			if p.inside(v.Text) {
				return true
			}
		default:
		}
	}
	return false
}

// Is reports whether a text is the person's email or phone, however it is written.
func (p Person) Is(text string) bool { return p.isEmail(text) || p.isPhone(text) }

// isEmail compares without reading the address: what differs from the person's in no more than case and spaces is one.
func (p Person) isEmail(text string) bool {
	if p.email == "" {
		return false
	}
	text = strings.TrimSpace(text)
	for i := range len(text) {
		c := text[i]
		switch {
		case c >= utf8.RuneSelf:
			return strings.ToLower(text) == p.email
		case c >= 'A' && c <= 'Z':
			c += 'a' - 'A'
		}
		if i >= len(p.email) || c != p.email[i] {
			return false
		}
	}
	return len(text) == len(p.email)
}

// isPhone compares a text as it would be read from a request, and as it is stored: the digits of a local number are no US number.
func (p Person) isPhone(text string) bool {
	if p.phone == "" || !endsLike(text, p.phone) {
		return false
	}
	text = strings.TrimSpace(text)
	if read, err := contact.ParsePhone(text); err == nil && read.Key() == p.phone {
		return true
	}
	stored, err := contact.RestorePhone(text)
	return err == nil && stored.Key() == p.phone
}

// endsLike reports whether the last digits of a text are the last four of a phone: reading a number drops none of these, and takes long.
func endsLike(text, phone string) bool {
	left := min(len(phone), 4)
	for i := len(text) - 1; i >= 0 && left > 0; i-- {
		if c := text[i]; c >= '0' && c <= '9' {
			if phone[len(phone)-1-(min(len(phone), 4)-left)] != c {
				return false
			}
			left--
		}
	}
	return left == 0
}

// inside looks at every text and number in a JSON value.
func (p Person) inside(value string) bool {
	d := json.NewDecoder(strings.NewReader(value))
	d.UseNumber()
	for {
		token, err := d.Token()
		if err != nil {
			return false
		}
		switch t := token.(type) {
		case string:
			if p.Is(t) {
				return true
			}
		case json.Number:
			if p.Is(t.String()) {
				return true
			}
		}
	}
}
