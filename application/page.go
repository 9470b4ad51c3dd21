package application

import (
	"encoding/base64"
	"strings"

	"github.com/leadmill/leadmill/domain/fault"
)

// The bounds of a page, in items: its default size, its greatest size, and the last item that can be reached by Number.
const (
	DefaultLimit = 15
	MaxLimit     = 250
	maxOffset    = 10_000
)

// Page asks for a part of a list. With After it starts behind the row of that key, which costs the same at any depth.
// Without After it is the page of that Number, from 1, counted from the start.
type Page struct {
	Limit     int
	Number    int
	After     string
	Ascending bool
}

// Offset returns how many rows come before the page.
func (p Page) Offset() int {
	if p.After != "" {
		return 0
	}
	return (p.Number - 1) * p.Limit
}

// Check returns fault.ErrValidation with the members at fault, or nil.
func (p Page) Check() error {
	var v fault.Violations
	if p.Limit < 1 || p.Limit > MaxLimit {
		v.Add("limit", fault.InvalidValue, "must be between 1 and 250")
	}
	if p.Number < 1 {
		v.Add("page", fault.InvalidValue, "must be at least 1")
	}
	if !v.Any() && p.After == "" && p.Number*p.Limit > maxOffset {
		v.Add("page", fault.InvalidValue, "is too deep without a cursor: follow links.next instead")
	}
	return v.Err()
}

// List is a page of items. Next is the key to go on after; empty on the last page.
type List[T any] struct {
	Items []T
	Next  string
}

// ListOf makes a page of rows. The caller reads one row more than the limit, which tells whether there is a next page. key
// returns the key of a row.
func ListOf[T any](rows []T, p Page, key func(T) string) List[T] {
	if len(rows) > p.Limit {
		return List[T]{Items: rows[:p.Limit], Next: key(rows[p.Limit-1])}
	}
	return List[T]{Items: rows}
}

// EncodeCursor makes a key opaque for a URL.
func EncodeCursor(key string) string { return base64.RawURLEncoding.EncodeToString([]byte(key)) }

// DecodeCursor is the reverse. It returns fault.ErrValidation, with the field "cursor", for a text that EncodeCursor cannot
// have returned.
func DecodeCursor(cursor string) (string, error) {
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(b) == 0 || len(b) > 400 || strings.ContainsFunc(string(b), func(r rune) bool { return r < 32 || r == 0xFFFD }) {
		var v fault.Violations
		v.Add("cursor", fault.InvalidValue, "is not a cursor of this list")
		return "", v.Err()
	}
	return string(b), nil
}
