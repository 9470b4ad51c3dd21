package engine

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// Marks returns n placeholders.
func Marks(n int) string {
	if n <= 0 {
		return ""
	}
	return strings.Repeat("?,", n-1) + "?"
}

// Anys returns values as arguments.
func Anys[T any](values []T) []any {
	out := make([]any, len(values))
	for i, v := range values {
		out[i] = v
	}
	return out
}

// Sorted returns the distinct values in order.
func Sorted(values []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(values)))
}

// Cases builds an UPDATE of many rows that gives each its own values: SET column = CASE key WHEN ? THEN ? … END. Key is the
// column that tells the rows apart, Args what was given for the placeholders so far.
type Cases struct {
	strings.Builder

	Key  string
	Args []any
}

// Choose writes a CASE over n rows; of returns the key and the value of row i.
func (u *Cases) Choose(n int, of func(i int) (key, value any)) {
	u.WriteString("CASE ")
	u.WriteString(u.Key)
	for i := range n {
		key, value := of(i)
		u.WriteString(" WHEN ? THEN ?")
		u.Args = append(u.Args, key, value)
	}
	u.WriteString(" END")
}

// Where writes WHERE key IN (…) over n rows; of returns the key of row i.
func (u *Cases) Where(n int, of func(i int) any) {
	u.WriteString(" WHERE ")
	u.WriteString(u.Key)
	u.WriteString(" IN (")
	u.WriteString(Marks(n))
	u.WriteByte(')')
	for i := range n {
		u.Args = append(u.Args, of(i))
	}
}

// Micros is a time as it is stored: UTC microseconds, 0 for the zero time.
func Micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// Time restores a stored time.
func Time(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}

// Flag is a bool as it is stored.
func Flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// Blob keeps an empty value from becoming NULL.
func Blob(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// JSON is a value as JSON for a column: like json.Marshal, but texts are kept as they are, without escapes for HTML.
func JSON(v any) (string, error) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return "", err
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

// IsID reports whether a text can be an id at all: to compare any other text, MySQL would convert the column and read the
// whole table.
func IsID(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return s != "" && len(s) <= 64
}
