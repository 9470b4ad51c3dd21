// Package field holds the named values of a lead and the rules a campaign has for them.
//
// Stability: stable.
package field

import "slices"

// Kind is the form in which a value arrived.
type Kind uint8

// The kinds of a value.
const (
	Null   Kind = iota // absent or null
	Text               // a string
	Number             // a number; Value.Text holds its literal
	Bool               // true or false; Value.Text holds "true" or "false"
	Other              // an array or object; Value.Text holds its compact JSON
)

// Value is one value as it arrived or after it was normalised.
type Value struct {
	Kind Kind
	Text string
}

// TextValue returns a text value.
func TextValue(s string) Value { return Value{Kind: Text, Text: s} }

// Empty reports whether nothing was sent: null, or a text without characters other than spaces.
func (v Value) Empty() bool { return v.Kind == Null || v.Kind == Text && trim(v.Text) == "" }

// True reports whether the value means yes, as the member "test" of the supplier API does: true, "true" or "1".
func (v Value) True() bool {
	switch v.Kind {
	case Bool, Text:
		return v.Text == "true" || v.Text == "1"
	case Number:
		return v.Text == "1"
	default:
		return false
	}
}

// Set is the fields of one lead by name. A Set must not be changed once it is made.
type Set map[string]Value

// Text returns the text of a field, empty when it is absent.
func (s Set) Text(name string) string { return s[name].Text }

// Names returns the names in alphabetical order.
func (s Set) Names() []string {
	names := make([]string, 0, len(s))
	for name := range s {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
