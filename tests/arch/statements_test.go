package arch_test

import (
	"go/ast"
	"go/token"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// statements are the rules about SQL, which one of the databases that speak MySQL's protocol reads otherwise: TiDB takes a LEFT
// JOIN for a JOIN where COALESCE of its right side is compared, in ON as well as in WHERE, and leaves out the rows that have none.
func statements() []rule {
	return []rule{
		{"outer-joins", in("adapters"), literals(func(text string) string {
			if behindOuterJoin.MatchString(text) {
				return "TiDB answers it wrongly: compare in Go what a LEFT JOIN may find or not"
			}
			return ""
		})},
		// The audit compares what its queries select, so their lists of columns are conditions too.
		{"audited-joins", func(f *file) bool {
			return in("adapters/sqlstore")(f) && (under(f.dir, "adapters/sqlstore/audit") || strings.HasPrefix(path.Base(f.path), "audit"))
		}, literals(func(text string) string {
			switch {
			case coalesced.MatchString(text):
				return "TiDB compares it wrongly: a rule's got may be NULL, and IFNULL is for subqueries"
			case outerJoin.MatchString(text) && replacesNull.MatchString(text):
				return "a rule's got may be NULL"
			}
			return ""
		})},
	}
}

var (
	outerJoin       = regexp.MustCompile(`(?i)\b(LEFT|RIGHT)\s+(OUTER\s+)?JOIN\b`)
	coalesced       = regexp.MustCompile(`(?i)\bCOALESCE\s*\(`)
	replacesNull    = regexp.MustCompile(`(?i)\b(COALESCE|IFNULL)\s*\(`)
	behindOuterJoin = regexp.MustCompile(`(?is)\b(LEFT|RIGHT)\s+(OUTER\s+)?JOIN\b.*\b(COALESCE|IFNULL)\s*\(`)
)

// literals asks about every text in a file; an empty answer is allowed. Texts that are put together are one, with a ? for each part
// that is no literal.
func literals(ask func(text string) string) func(*file, func(token.Pos, string)) {
	return func(f *file, report func(token.Pos, string)) {
		ast.Inspect(f.ast, func(n ast.Node) bool {
			text, is := literal(n)
			if !is {
				return true
			}
			if what := ask(text); what != "" {
				report(n.Pos(), what)
			}
			return false
		})
	}
}

// literal returns the text of a literal or of a sum with one.
func literal(n ast.Node) (text string, is bool) {
	switch e := n.(type) {
	case *ast.BasicLit:
		if e.Kind != token.STRING {
			return "", false
		}
		text, err := strconv.Unquote(e.Value)
		return text, err == nil
	case *ast.BinaryExpr:
		if e.Op != token.ADD {
			return "", false
		}
		left, isLeft := literal(e.X)
		right, isRight := literal(e.Y)
		if !isLeft {
			left = "?"
		}
		if !isRight {
			right = "?"
		}
		return left + right, isLeft || isRight
	case *ast.ParenExpr:
		return literal(e.X)
	}
	return "", false
}
