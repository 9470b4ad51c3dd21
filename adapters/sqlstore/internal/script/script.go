// Package script reads the SQL of a module's migrations. It takes a file apart into its statements, and refuses those that
// touch what is not the module's own, or that cannot be resumed after a crash.
//
// Stability: unsupported; it may change at any time.
package script

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Statement is one statement of a migration.
type Statement struct {
	Text string
	// Data reports whether it changes rows (INSERT, REPLACE, UPDATE, DELETE). MySQL commits every other statement by itself.
	Data bool
}

// Read returns the statements of a file that go up, for an engine ("mysql" or "sqlite"). Every object that they name must
// begin with the prefix, and none may be the table reserved. The error tells all that is refused, also in the part that goes
// down, which nothing runs. A table that is made on MySQL without saying so gets the engine InnoDB, the character set utf8mb4
// and the collation utf8mb4_bin, so that it keeps and compares texts as on SQLite whatever the database's defaults are.
func Read(engine, prefix, reserved, sql string) ([]Statement, error) {
	tokens, err := lex(sql, engine == "mysql")
	if err != nil {
		return nil, err
	}
	var problems []error
	down := slices.IndexFunc(tokens, func(t token) bool { return t.kind == annotation && strings.EqualFold(t.text, "Down") })
	up := slices.IndexFunc(tokens, func(t token) bool { return t.kind == annotation && strings.EqualFold(t.text, "Up") })
	switch {
	case up > 0 && slices.ContainsFunc(tokens[:up], func(t token) bool { return t.kind != annotation }):
		problems = append(problems, errors.New(`a statement stands before "-- +goose Up"`))
	case down >= 0 && (up < 0 || down < up):
		problems = append(problems, errors.New(`"-- +goose Down" has no "-- +goose Up" before it`))
	}
	var statements []Statement
	var current []token
	section := 0
	flush := func() {
		if len(current) == 0 {
			return
		}
		from := current[0].from
		text := sql[from:current[len(current)-1].to]
		c := checker{tokens: current, mysql: engine == "mysql", prefix: prefix, reserved: reserved}
		c.statement()
		for _, p := range c.problems {
			problems = append(problems, fmt.Errorf("%q: %w", Beginning(text), p))
		}
		if c.options != "" {
			text = text[:c.optionsAt-from] + c.options + text[c.optionsAt-from:]
		}
		if down < 0 || from < tokens[down].from {
			statements = append(statements, Statement{text, current[0].is("INSERT", "REPLACE", "UPDATE", "DELETE")})
		}
		current = nil
	}
	for _, t := range tokens {
		switch {
		case t.kind == annotation:
			switch strings.ToLower(t.text) {
			case "up", "down":
				if section++; section > 2 {
					problems = append(problems, fmt.Errorf(`"-- +goose %s" stands here twice`, t.text))
				}
				flush()
			case "no transaction", "statementbegin", "statementend": // neither changes what is run
			default:
				problems = append(problems, fmt.Errorf(`"-- +goose %s" is not known here`, t.text))
			}
		case t.mark(";"):
			flush()
		default:
			current = append(current, t)
		}
	}
	flush()
	if len(statements) == 0 && len(problems) == 0 {
		problems = append(problems, errors.New("holds no statement"))
	}
	return statements, errors.Join(problems...)
}

// Beginning returns the beginning of a statement on one line, for messages.
func Beginning(statement string) string {
	const most = 60
	s := []rune(strings.Join(strings.Fields(statement), " "))
	if len(s) <= most {
		return string(s)
	}
	return string(s[:most]) + "…"
}
