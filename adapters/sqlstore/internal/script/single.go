package script

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Single checks that a text is one statement that a module may send inside a transaction: INSERT, REPLACE, UPDATE and DELETE
// of rows of a module's table, SELECT or WITH. Every other could end the transaction or change the connection, as could a second
// statement behind it, which SQLite would run.
func Single(engine, sql string) error {
	tokens, err := single(engine, sql)
	if err != nil {
		return err
	}
	if tokens[0].is("SELECT") {
		return nil
	}
	return checkTarget(tokens)
}

// Query checks that a text is one statement that only reads: SELECT, or WITH before one.
func Query(engine, sql string) error {
	tokens, err := single(engine, sql)
	if err != nil {
		return err
	}
	if !tokens[0].is("SELECT", "WITH") {
		return fmt.Errorf("a statement that begins with %q changes something: a query is a SELECT", tokens[0].text)
	}
	return checkTarget(tokens)
}

// ofModules is what the names of all tables of modules begin with.
const ofModules = "x_"

// checkTarget checks that the rows that a statement changes are of a module's table.
func checkTarget(tokens []token) error {
	if tokens[0].is("SELECT") {
		return nil
	}
	if tokens[0].is("WITH") {
		for _, t := range tokens {
			if t.is("INSERT", "UPDATE", "DELETE") {
				return errors.New("WITH stands before a SELECT only")
			}
		}
		return nil
	}
	at := 1
	for at < len(tokens) && tokens[at].is("LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", "QUICK", "IGNORE", "OR", "ABORT", "FAIL", "REPLACE", "INTO", "FROM") {
		at++
	}
	if at == len(tokens) {
		return errors.New("ends where the name of a table is expected")
	}
	target := tokens[at]
	if !strings.HasPrefix(target.text, ofModules) || at+1 < len(tokens) && tokens[at+1].mark(".") {
		return fmt.Errorf("%s: a module changes rows of its own tables only, whose names begin with %s; for Leadmill's there are commands and repositories", target.text, ofModules)
	}
	if !tokens[0].is("UPDATE", "DELETE") {
		return nil
	}
	// Of several tables, MySQL would change the others too.
	for _, t := range tokens[at+1:] {
		switch {
		case t.is("SET", "WHERE", "ORDER", "LIMIT"):
			return nil
		case t.mark(","), t.is("JOIN", "STRAIGHT_JOIN", "USING", "FROM"):
			return fmt.Errorf("%s: one statement changes the rows of one table", tokens[0].text)
		}
	}
	return nil
}

// single returns the tokens of a text that is one statement of a kind that is allowed inside a transaction.
func single(engine, sql string) ([]token, error) {
	tokens, err := lex(sql, engine == "mysql")
	if err != nil {
		return nil, err
	}
	tokens = slices.DeleteFunc(tokens, func(t token) bool { return t.kind == annotation })
	first := token{}
	for i, t := range tokens {
		switch {
		case first.text == "":
			first = t
		case t.is("ROLLBACK") && i > 0 && tokens[i-1].is("OR"):
			return nil, errors.New("OR ROLLBACK could end the transaction")
		case t.mark(";") && i+1 < len(tokens):
			return nil, errors.New("a second statement behind the first could end the transaction: send each by itself")
		}
	}
	if !first.is("INSERT", "REPLACE", "UPDATE", "DELETE", "SELECT", "WITH") {
		return nil, fmt.Errorf("a statement that begins with %q could end the transaction: it may be INSERT, REPLACE, UPDATE, DELETE, "+
			"SELECT or WITH; tables are made by migrations", first.text)
	}
	return tokens, nil
}
