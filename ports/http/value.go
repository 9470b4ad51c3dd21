package httpport

import (
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/leadmill/leadmill/domain/money"
)

// Decimal is a JSON number as it is written, such as 45.00, so that no amount passes through floating point.
type Decimal string

// MarshalJSON implements json.Marshaler.
func (d Decimal) MarshalJSON() ([]byte, error) { return []byte(d), nil }

// Timestamp is a time that is written in UTC with six decimals: 2025-05-02T16:12:39.000000Z.
type Timestamp time.Time

const timestampLayout = "2006-01-02T15:04:05.000000Z"

// MarshalJSON implements json.Marshaler.
func (t Timestamp) MarshalJSON() ([]byte, error) {
	return time.Time(t).UTC().AppendFormat(make([]byte, 0, 32), `"`+timestampLayout+`"`), nil
}

// AppendString appends s as a JSON string; what is no UTF-8 in it is replaced.
func AppendString(b []byte, s string) []byte {
	b, _ = jsontext.AppendQuote(b, s) // the error only tells of what was replaced
	return b
}

// Encode returns the JSON of a type whose members the code names, its maps in the order of their keys. It cannot fail on
// such a type: a failure is a defect and panics, which answers 500.
func Encode(v any) []byte {
	b, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		panic("httpport: answer cannot be written: " + err.Error())
	}
	return b
}

// Amount writes an amount with the decimals of its currency.
func Amount(m money.Micros, c money.Currency) Decimal { return Decimal(m.Format(c)) }

// TimestampOrNil returns nil for the zero time.
func TimestampOrNil(t time.Time) *Timestamp {
	if t.IsZero() {
		return nil
	}
	s := Timestamp(t)
	return &s
}

// TextOrNil returns nil for an empty text.
func TextOrNil(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
