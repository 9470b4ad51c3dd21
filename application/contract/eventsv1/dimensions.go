package eventsv1

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Dimensions are facts about a lead that are not personal, by which sales can be summed up: its state (state), the first
// three digits of its ZIP code (zip_prefix), its country, and the fields that the campaign marks. All events of a lead have
// the same. On the wire they are an object of strings.
type Dimensions []Dimension

// Dimension is one of Dimensions: a name, which is unique among them, and a value of at most 64 bytes.
type Dimension struct{ Name, Value string }

// Get returns the value of a dimension; empty when the lead does not have it.
func (d Dimensions) Get(name string) string {
	for _, one := range d {
		if one.Name == name {
			return one.Value
		}
	}
	return ""
}

// MarshalJSON writes an object of strings, in the order of d.
func (d Dimensions) MarshalJSON() ([]byte, error) { return d.appendJSON(nil), nil }

// UnmarshalJSON reads an object of strings.
func (d *Dimensions) UnmarshalJSON(b []byte) error {
	*d = nil
	if string(b) == "null" {
		return nil
	}
	in := json.NewDecoder(bytes.NewReader(b))
	if open, err := in.Token(); err != nil || open != json.Delim('{') {
		return fmt.Errorf("eventsv1: dimensions are not an object: %.40s", b)
	}
	for in.More() {
		var one Dimension
		name, err := in.Token()
		if err != nil {
			return fmt.Errorf("eventsv1: dimensions: %w", err)
		}
		one.Name, _ = name.(string)
		if err := in.Decode(&one.Value); err != nil {
			return fmt.Errorf("eventsv1: dimension %s: %w", one.Name, err)
		}
		*d = append(*d, one)
	}
	return nil
}

func (d Dimensions) appendJSON(b []byte) []byte {
	b = append(b, '{')
	for i, one := range d {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(append(appendString(b, one.Name), ':'), one.Value)
	}
	return append(b, '}')
}

// appendMember appends the member dimensions behind another one; nothing when there are none.
func (d Dimensions) appendMember(b []byte) []byte {
	if len(d) == 0 {
		return b
	}
	return d.appendJSON(append(b, `,"dimensions":`...))
}
