package leadrow

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
)

var (
	errText  = &application.DataError{Err: errors.New("a field is not valid UTF-8")}
	errValue = &application.DataError{Err: errors.New("a field is not a JSON value of its kind")}
)

// EncodeFields appends the fields of a lead as a JSON object, names in order. A value keeps its kind: numbers by their
// literal, arrays and objects as they came. What is not valid UTF-8 or no JSON value of its kind is refused with
// *application.DataError, which repeats nothing of it.
func EncodeFields(b []byte, fields field.Set) ([]byte, error) {
	var buffer [16]string
	names := buffer[:0]
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	b = append(b, '{')
	for i, name := range names {
		if i > 0 {
			b = append(b, ',')
		}
		if !utf8.ValidString(name) {
			return nil, errText
		}
		b = append(appendText(b, name), ':')
		v := fields[name]
		switch v.Kind {
		case field.Text:
			if !utf8.ValidString(v.Text) {
				return nil, errText
			}
			b = appendText(b, v.Text)
		case field.Null:
			b = append(b, "null"...)
		default:
			if !validValue(v) {
				return nil, errValue
			}
			b = append(b, v.Text...)
		}
	}
	return append(b, '}'), nil
}

// validValue reports whether the text of a number, bool, array or object is what its kind says.
func validValue(v field.Value) bool {
	if v.Text == "" || strings.TrimSpace(v.Text) != v.Text {
		return false
	}
	first := v.Text[0]
	switch v.Kind {
	case field.Bool:
		return v.Text == "true" || v.Text == "false"
	case field.Number:
		return (first == '-' || first >= '0' && first <= '9') && jsontext.Value(v.Text).IsValid()
	case field.Other:
		return (first == '{' || first == '[') && jsontext.Value(v.Text).IsValid()
	default:
		return false
	}
}

const hexDigits = "0123456789abcdef"

// appendText appends a JSON string. What JSON does not ask to escape is kept as it is.
func appendText(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return append(append(b, s[start:]...), '"')
}

// DecodeFields reads what EncodeFields wrote; anything else is an error.
func DecodeFields(data []byte) (field.Set, error) {
	d := jsontext.NewDecoder(strings.NewReader(string(data)))
	if open, err := d.ReadToken(); err != nil || open.Kind() != '{' {
		return nil, fmt.Errorf("fields are not a JSON object: %w", err)
	}
	set := field.Set{}
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return nil, fmt.Errorf("name of a field: %w", err)
		}
		key := name.String()
		value, err := d.ReadValue()
		if err != nil {
			return nil, fmt.Errorf("value of a field: %w", err)
		}
		if set[key], err = decodeValue(value); err != nil {
			return nil, fmt.Errorf("value of a field: %w", err)
		}
	}
	return set, nil
}

func decodeValue(v jsontext.Value) (field.Value, error) {
	switch v.Kind() {
	case 'n':
		return field.Value{}, nil
	case 't', 'f':
		return field.Value{Kind: field.Bool, Text: string(v)}, nil
	case '0':
		return field.Value{Kind: field.Number, Text: string(v)}, nil
	case '"':
		text, err := jsontext.AppendUnquote(nil, v)
		return field.TextValue(string(text)), err
	default:
		return field.Value{Kind: field.Other, Text: string(v)}, nil
	}
}

// EncodeDimensions returns dimensions as a JSON object; nil for none. Their texts are valid UTF-8, as those of the fields they
// are made of.
func EncodeDimensions(all []field.Dimension) []byte {
	if len(all) == 0 {
		return nil
	}
	b := append(make([]byte, 0, 64), '{')
	for i, d := range all {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(append(appendText(b, d.Name), ':'), d.Value)
	}
	return append(b, '}')
}

// DecodeDimensions reads what EncodeDimensions wrote; anything else is an error.
func DecodeDimensions(data []byte) ([]field.Dimension, error) {
	if len(data) == 0 {
		return nil, nil
	}
	d := jsontext.NewDecoder(bytes.NewReader(data))
	if open, err := d.ReadToken(); err != nil || open.Kind() != '{' {
		return nil, fmt.Errorf("dimensions are not a JSON object: %w", err)
	}
	var all []field.Dimension
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err != nil {
			return nil, fmt.Errorf("name of a dimension: %w", err)
		}
		key := name.String()
		value, err := d.ReadToken()
		if err != nil || value.Kind() != '"' {
			return nil, fmt.Errorf("value of a dimension is not a text: %w", err)
		}
		all = append(all, field.Dimension{Name: key, Value: value.String()})
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, fmt.Errorf("dimensions: %w", err)
	}
	return all, nil
}

// leadTrace is the column leads.trace.
type leadTrace struct {
	Considered []considered   `json:"considered,omitempty"`
	More       map[string]int `json:"more,omitempty"`
}

// considered is one contract that was looked at, as an array of its first four members, or as an object when it has more, as older rows
// have. The price is in micro-units.
type considered struct {
	ContractID string `json:"contract"`
	BuyerID    string `json:"buyer"`
	Reason     string `json:"reason"`
	Price      int64  `json:"price"`
	Of         string `json:"of"`
}

// UnmarshalJSON implements json.Unmarshaler.
func (c *considered) UnmarshalJSON(data []byte) error {
	if data[0] != '[' {
		type object considered
		return json.Unmarshal(data, (*object)(c))
	}
	members := []any{&c.ContractID, &c.BuyerID, &c.Reason, &c.Price}
	if err := json.Unmarshal(data, &members); err != nil {
		return err
	}
	if len(members) != 4 || slices.Contains(members, nil) {
		return fmt.Errorf("%d members of a contract that was looked at", len(members))
	}
	return nil
}

// EncodeTrace appends a trace as the JSON of leadTrace, or of its list alone when that is all; written by hand to be quick: every
// lead has one.
func EncodeTrace(b []byte, t lead.Trace) []byte {
	if len(t.More) == 0 {
		return appendConsidered(b, t.Considered)
	}
	b = append(b, '{')
	if len(t.Considered) > 0 {
		b = append(appendConsidered(append(b, `"considered":`...), t.Considered), ',')
	}
	b = append(b, `"more":{`...)
	reasons := make([]string, 0, len(t.More))
	for reason := range t.More {
		reasons = append(reasons, reason)
	}
	slices.Sort(reasons)
	for i, reason := range reasons {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(append(appendText(b, reason), ':'), int64(t.More[reason]), 10)
	}
	return append(b, "}}"...)
}

func appendConsidered(b []byte, all []lead.Consideration) []byte {
	b = append(b, '[')
	for i, c := range all {
		if i > 0 {
			b = append(b, ',')
		}
		if c.Of != "" {
			b = appendText(append(b, `{"contract":`...), c.ContractID)
			b = appendText(append(b, `,"buyer":`...), c.BuyerID)
			b = appendText(append(b, `,"reason":`...), c.Reason)
			b = strconv.AppendInt(append(b, `,"price":`...), int64(c.Price), 10)
			b = append(appendText(append(b, `,"of":`...), c.Of), '}')
			continue
		}
		b = appendText(append(b, '['), c.ContractID)
		b = appendText(append(b, ','), c.BuyerID)
		b = appendText(append(b, ','), c.Reason)
		b = append(strconv.AppendInt(append(b, ','), int64(c.Price), 10), ']')
	}
	return append(b, ']')
}

// DecodeTrace reads what EncodeTrace wrote; anything else is an error.
func DecodeTrace(data []byte) (lead.Trace, error) {
	var stored leadTrace
	into := any(&stored)
	if bytes.HasPrefix(data, []byte{'['}) {
		into = &stored.Considered
	}
	if err := json.Unmarshal(data, into); err != nil {
		return lead.Trace{}, fmt.Errorf("trace: %w", err)
	}
	t := lead.Trace{More: stored.More}
	for _, c := range stored.Considered {
		t.Considered = append(t.Considered, lead.Consideration{
			ContractID: c.ContractID, BuyerID: c.BuyerID, Reason: c.Reason,
			Price: money.Micros(c.Price), Of: c.Of,
		})
	}
	return t, nil
}
