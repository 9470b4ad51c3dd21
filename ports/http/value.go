package httpport

import (
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/money"
)

// Decimal is a JSON number as it is written, such as 45.00, so that no amount passes through floating point.
type Decimal string

// MarshalJSON implements json.Marshaler.
func (d Decimal) MarshalJSON() ([]byte, error) { return []byte(d), nil }

// Timestamp is a time in UTC with six decimals: 2025-05-02T16:12:39.000000Z (api/partner-program.md, "Form").
type Timestamp time.Time

const timestampLayout = "2006-01-02T15:04:05.000000Z"

// MarshalJSON implements json.Marshaler.
func (t Timestamp) MarshalJSON() ([]byte, error) {
	return time.Time(t).UTC().AppendFormat(make([]byte, 0, 32), `"`+timestampLayout+`"`), nil
}

// LeadFields are a lead's fields as they are kept: each with the JSON type it has.
type LeadFields field.Set

// MarshalJSON implements json.Marshaler.
func (f LeadFields) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, name := range field.Set(f).Names() {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, name)
		b = append(b, ':')
		switch v := f[name]; v.Kind {
		case field.Null:
			b = append(b, "null"...)
		case field.Text:
			b = appendString(b, v.Text)
		default:
			b = append(b, v.Text...)
		}
	}
	return append(b, '}'), nil
}

// appendString appends s as a JSON string; what is no UTF-8 in it is replaced.
func appendString(b []byte, s string) []byte {
	b, _ = jsontext.AppendQuote(b, s) // the error only tells of what was replaced
	return b
}

// encode returns the JSON of one of our own types. It cannot fail on them: a failure is a defect.
func encode(v any) []byte {
	b, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		panic("httpport: answer cannot be written: " + err.Error())
	}
	return b
}

func decimal(m money.Micros, c money.Currency) Decimal { return Decimal(m.Format(c)) }

func timestamp(t time.Time) Timestamp { return Timestamp(t) }

// optionalTime returns nil for the zero time.
func optionalTime(t time.Time) *Timestamp {
	if t.IsZero() {
		return nil
	}
	s := Timestamp(t)
	return &s
}

// optional returns nil for an empty text.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
