package audit

import (
	"context"
	"database/sql"
	"encoding/json"
	"strings"

	"github.com/jmoiron/sqlx"
)

// ReadableName is the name of the rules that what is kept as JSON can be read.
const ReadableName = "data_can_be_read"

// Column is a column that holds JSON.
type Column struct {
	Name string
	Of   string // what its value begins with: "{" for an object, "[" for a list, "{[" for either
	Null bool   // it may be NULL or empty
}

// Readable is the rule that columns of a table, whose rows a breach names by the column id, hold JSON.
func Readable(table, id string, columns ...Column) Rule {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = "t." + c.Name
	}
	query := "SELECT t." + id + ", " + strings.Join(names, ", ") + " FROM " + table + " t WHERE {range}"
	return Rule{
		Invariant: "I5", Name: ReadableName, Description: "What is kept as JSON is JSON of its kind.", Run: func(ctx context.Context, c *Chunk) error {
			values, into := make([]sql.RawBytes, len(columns)+1), make([]any, len(columns)+1)
			for i := range values {
				into[i] = &values[i]
			}
			return c.Rows(ctx, query, func(rows *sqlx.Rows) error {
				if err := rows.Scan(into...); err != nil {
					return err
				}
				for i, column := range columns {
					if !column.Reads(values[i+1]) {
						c.Breach(string(values[0]), column.Name, "unreadable")
					}
				}
				return nil
			})
		},
	}
}

// Reads reports whether a value can be read.
func (c Column) Reads(value []byte) bool {
	if len(value) == 0 {
		return c.Null
	}
	return strings.IndexByte(c.Of, value[0]) >= 0 && json.Valid(value)
}
