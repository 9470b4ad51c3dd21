package engine

import (
	"bytes"
	"encoding/json"
	"iter"
	"strings"
	"time"

	"github.com/leadmill/leadmill/application"
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

// Among returns a condition, with its arguments, that n rows meet: of returns the seller of row i and its value in a column.
// Rows of one seller stand together, so that each seller is named once.
func Among(column string, n int, of func(i int) (sellerID string, key any)) (string, []any) {
	var b strings.Builder
	args := make([]any, 0, n+1)
	sellers := 0
	for i := 0; i < n; sellers++ {
		sellerID, key := of(i)
		if sellers > 0 {
			b.WriteString(" OR ")
		}
		args = append(args, sellerID, key)
		b.WriteString("seller_id = ? AND ")
		b.WriteString(column)
		b.WriteString(" IN (?")
		for i++; i < n; i++ {
			next, key := of(i)
			if next != sellerID {
				break
			}
			b.WriteString(",?")
			args = append(args, key)
		}
		b.WriteByte(')')
	}
	if sellers > 1 {
		return "(" + b.String() + ")", args
	}
	return b.String(), args
}

// AmongRefs is Among for rows that are named by refs.
func AmongRefs(refs []application.Ref) (string, []any) {
	return Among("id", len(refs), func(i int) (string, any) { return refs[i].SellerID, refs[i].ID })
}

// maxSellers bounds the sellers that one statement names: SQLite takes at most 1,000 conditions.
const maxSellers = 500

// Pieces cuts n rows, those of a seller side by side, into pieces that one statement can name: of at most so many rows.
func Pieces(n, most int, seller func(i int) string) iter.Seq2[int, int] {
	return func(yield func(from, to int) bool) {
		from, sellers := 0, 0
		for i := range n {
			if i == from || seller(i) != seller(i-1) {
				sellers++
			}
			if i-from == most || sellers > maxSellers {
				if !yield(from, i) {
					return
				}
				from, sellers = i, 1
			}
		}
		if from < n {
			yield(from, n)
		}
	}
}

// PiecesOf is Pieces of sorted refs.
func PiecesOf(refs []application.Ref) iter.Seq[[]application.Ref] {
	return piecesOf(refs, MaxParams/2)
}

func piecesOf(refs []application.Ref, most int) iter.Seq[[]application.Ref] {
	return func(yield func([]application.Ref) bool) {
		for from, to := range Pieces(len(refs), most, func(i int) string { return refs[i].SellerID }) {
			if !yield(refs[from:to]) {
				return
			}
		}
	}
}

// Cases builds an UPDATE of many rows that gives each its own values: SET column = CASE key WHEN ? THEN ? … END. Key is the
// column that tells the rows apart, Args what was given for the placeholders so far.
type Cases struct {
	strings.Builder

	Key  string
	Args []any
}

// Choose writes the values of n rows; of returns the key and the value of row i. Values that are all equal need no CASE.
func (u *Cases) Choose(n int, of func(i int) (key, value any)) {
	_, first := of(0)
	same := true
	for i := 1; i < n && same; i++ {
		_, value := of(i)
		same = equal(first, value)
	}
	if same {
		u.WriteByte('?')
		u.Args = append(u.Args, first)
		return
	}
	u.WriteString("CASE ")
	u.WriteString(u.Key)
	for i := range n {
		key, value := of(i)
		u.WriteString(" WHEN ? THEN ?")
		u.Args = append(u.Args, key, value)
	}
	u.WriteString(" END")
}

// equal compares two values of a column.
func equal(a, b any) bool {
	if x, ok := a.([]byte); ok {
		y, ok := b.([]byte)
		return ok && bytes.Equal(x, y)
	}
	return a == b
}

// Where writes WHERE with what Among returns over n rows.
func (u *Cases) Where(n int, of func(i int) (sellerID string, key any)) {
	condition, args := Among(u.Key, n, of)
	u.WriteString(" WHERE ")
	u.WriteString(condition)
	u.Args = append(u.Args, args...)
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
