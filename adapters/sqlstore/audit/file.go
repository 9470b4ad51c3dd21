package audit

import (
	"context"
	"strconv"
	"strings"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
)

// fileRule is about SQLite's own structures.
const fileRule = "file_is_sound"

// mostFindings is how much SQLite tells of a damaged file.
const mostFindings = 100

// file has SQLite check its file, and reports whether it is sound. What SQLite says names tables, indexes and pages, never what is in rows.
func (a *auditor) file(ctx context.Context) (sound bool, err error) {
	if a.db.Sequenced() || a.recent() && !a.options.Deep { // the file is looked at as a whole or not at all
		return true, nil
	}
	pragma := "PRAGMA quick_check("
	if a.options.Deep {
		pragma = "PRAGMA integrity_check("
	}
	var said []string
	if err := a.db.Reader.SelectContext(ctx, &said, pragma+strconv.Itoa(mostFindings)+")"); err != nil {
		if !dialect.Damaged(err) {
			return false, a.failed("check the file", err)
		}
		said = []string{"it cannot be read"}
	}
	a.looked(fileRule, 1)
	for _, line := range said {
		if line != "ok" {
			a.breach(fileRule, "the file", "SQLite", "ok", strings.ReplaceAll(line, "\n", "; "))
		}
	}
	return len(said) == 1 && said[0] == "ok", nil
}
