package script

import (
	"errors"
	"fmt"
	"strings"
)

type kind int

const (
	word       kind = iota // a name or keyword without quotes
	quoted                 // a name in quotes
	literal                // a text in quotes
	number                 // a number
	mark                   // one character of punctuation
	annotation             // a comment "-- +goose …"
)

// token is one word of SQL. The text of a quoted name and of an annotation is what is inside.
type token struct {
	kind     kind
	text     string
	from, to int
}

// is reports whether the token is one of some keywords.
func (t token) is(keywords ...string) bool {
	if t.kind != word {
		return false
	}
	for _, k := range keywords {
		if strings.EqualFold(t.text, k) {
			return true
		}
	}
	return false
}

// mark reports whether the token is that character.
func (t token) mark(c string) bool { return t.kind == mark && t.text == c }

var (
	errExecuted = errors.New("a comment that the database executes (/*! or /*M!) hides what it does")
	errDashes   = errors.New(`a comment begins with "-- " and a space: without it the engines disagree whether it is one`)
	errHash     = errors.New(`a comment begins with "-- ": "#" is one in MySQL only`)
	errBracket  = errors.New(`names are quoted by "[" on SQLite only: leave the brackets out`)
	errOpen     = errors.New("a text, a quoted name or a comment has no end")
	errControl  = errors.New("a control character")
)

// lex takes SQL apart into tokens as an engine does; comments are left out. An error names the line.
func lex(sql string, mysql bool) ([]token, error) {
	var out []token
	for i := 0; i < len(sql); {
		t, err := next(sql, i, mysql)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", 1+strings.Count(sql[:i], "\n"), err)
		}
		if i = t.to; t.text != "" || t.kind == quoted || t.kind == literal {
			out = append(out, t)
		}
	}
	return out, nil
}

// next returns the token at i, or one without text for blanks and comments.
func next(sql string, i int, mysql bool) (token, error) {
	rest := sql[i:]
	c := rest[0]
	switch {
	case strings.IndexByte(" \t\r\n\f\v", c) >= 0:
		return token{from: i, to: i + 1}, nil
	case c < ' ' || c == 0x7f:
		return token{}, errControl
	case c == '#':
		return token{}, errHash
	case c == '[':
		return token{}, errBracket
	case strings.HasPrefix(rest, "--"):
		return line(rest, i)
	case strings.HasPrefix(rest, "/*!"), strings.HasPrefix(rest, "/*M!"):
		return token{}, errExecuted
	case strings.HasPrefix(rest, "/*"):
		end := strings.Index(rest[2:], "*/")
		if end < 0 {
			return token{}, errOpen
		}
		return token{from: i, to: i + end + 4}, nil
	case c == '\'', c == '"', c == '`':
		return quote(rest, i, mysql)
	case isDigit(c):
		n := span(rest, func(c byte) bool { return isWord(c) || c == '.' })
		return token{number, rest[:n], i, i + n}, nil
	case isWord(c):
		n := span(rest, isWord)
		return token{word, rest[:n], i, i + n}, nil
	default:
		return token{mark, rest[:1], i, i + 1}, nil
	}
}

// line reads a comment up to the end of its line.
func line(rest string, i int) (token, error) {
	if len(rest) > 2 && strings.IndexByte(" \t\r\n", rest[2]) < 0 {
		return token{}, errDashes
	}
	text, _, _ := strings.Cut(rest, "\n")
	t := token{from: i, to: i + len(text)}
	if goose, ok := strings.CutPrefix(strings.TrimSpace(text[2:]), "+goose "); ok {
		t.kind, t.text = annotation, strings.TrimSpace(goose)
	}
	return t, nil
}

// quote reads a text or a name in quotes. MySQL knows \ in texts, and takes what is in double quotes for a text.
func quote(rest string, i int, mysql bool) (token, error) {
	q := rest[0]
	t := token{kind: literal, from: i}
	if q == '`' || q == '"' && !mysql {
		t.kind = quoted
	}
	var b strings.Builder
	for n := 1; n < len(rest); n++ {
		switch {
		case rest[n] == '\\' && mysql && q != '`':
			n++
		case rest[n] == q && n+1 < len(rest) && rest[n+1] == q:
			b.WriteByte(q)
			n++
		case rest[n] == q:
			t.text, t.to = b.String(), i+n+1
			return t, nil
		default:
			b.WriteByte(rest[n])
		}
	}
	return token{}, errOpen
}

func span(s string, in func(byte) bool) int {
	n := 1
	for n < len(s) && in(s[n]) {
		n++
	}
	return n
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isWord(c byte) bool {
	return isDigit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == '$' || c >= 0x80
}
