package script

import (
	"errors"
	"fmt"
)

// Single checks that a text is one statement that a module may send inside a transaction: INSERT, REPLACE, UPDATE, DELETE,
// SELECT or WITH. Every other could end the transaction or change the connection, as could a second statement behind it, which
// SQLite would run.
func Single(engine, sql string) error {
	tokens, err := lex(sql, engine == "mysql")
	if err != nil {
		return err
	}
	first := token{}
	for i, t := range tokens {
		switch {
		case t.kind == annotation:
			continue
		case first.text == "":
			first = t
		case t.is("ROLLBACK") && i > 0 && tokens[i-1].is("OR"):
			return errors.New("OR ROLLBACK could end the transaction")
		case t.mark(";") && i+1 < len(tokens):
			return errors.New("a second statement behind the first could end the transaction: send each by itself")
		}
	}
	if !first.is("INSERT", "REPLACE", "UPDATE", "DELETE", "SELECT", "WITH") {
		return fmt.Errorf("a statement that begins with %q could end the transaction: it may be INSERT, REPLACE, UPDATE, DELETE, "+
			"SELECT or WITH; tables are made by migrations", first.text)
	}
	return nil
}
