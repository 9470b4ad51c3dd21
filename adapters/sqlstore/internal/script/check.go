package script

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// maxName is how long the name of a table may be on MySQL.
const maxName = 64

// checker walks over the tokens of one statement and collects what is wrong with it.
type checker struct {
	tokens           []token
	at               int
	mysql            bool
	prefix, reserved string
	problems         []error
	// options are what a new table lacks, and optionsAt is where they belong: behind its columns.
	options   string
	optionsAt int
}

func (c *checker) refusef(format string, args ...any) {
	p := fmt.Errorf(format, args...)
	if !slices.ContainsFunc(c.problems, func(other error) bool { return other.Error() == p.Error() }) {
		c.problems = append(c.problems, p)
	}
}

// peek returns the token n behind the current one; one of no kind behind the end.
func (c *checker) peek(n int) token {
	if i := c.at + n; i >= 0 && i < len(c.tokens) {
		return c.tokens[i]
	}
	return token{kind: mark}
}

func (c *checker) end() bool { return c.at >= len(c.tokens) }

// take steps over keywords that stand there in this order, or over none.
func (c *checker) take(keywords ...string) bool {
	for i, k := range keywords {
		if !c.peek(i).is(k) {
			return false
		}
	}
	c.at += len(keywords)
	return true
}

// takeAny steps over any of some keywords, as often as they come.
func (c *checker) takeAny(keywords ...string) {
	for c.peek(0).is(keywords...) {
		c.at++
	}
}

// name steps over the name of an object and checks it.
func (c *checker) name() {
	t := c.peek(0)
	switch {
	case c.end():
		c.refusef("ends where the name of a table is expected")
		return
	case t.kind == literal:
		c.refusef("%s: a name stands in no quotes of texts", t.text)
	case t.kind != word && t.kind != quoted:
		c.refusef("%s stands where the name of a table is expected", t.text)
	case c.peek(1).mark("."):
		c.refusef("%s.%s: a name stands without the name of a schema", t.text, c.peek(2).text)
		c.at += 2
	default:
		c.check(t.text)
	}
	c.at++
}

func (c *checker) check(name string) {
	rest, ok := strings.CutPrefix(name, c.prefix)
	switch {
	case !ok || rest == "":
		c.refusef("%s: what the module makes and uses has a name that begins with %s", name, c.prefix)
	case name == c.reserved:
		c.refusef("%s: leadmill keeps there which migrations were run", name)
	case strings.ContainsFunc(rest, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' }):
		c.refusef("%s: a name is of a-z, 0-9 and _", name)
	case len(name) > maxName:
		c.refusef("%s: a name has at most %d characters", name, maxName)
	}
}

var errKind = errors.New("no statement for a module: it may CREATE, ALTER and DROP tables, indexes and views of its own, RENAME and " +
	"TRUNCATE tables, and INSERT, REPLACE, UPDATE and DELETE rows")

// statement checks the whole statement.
func (c *checker) statement() {
	switch {
	case c.take("CREATE"):
		c.create()
	case c.take("ALTER", "TABLE"):
		c.take("IF", "EXISTS")
		c.name()
		c.alter()
	case c.take("DROP"):
		c.drop()
	case c.take("RENAME", "TABLE"):
		c.take("IF", "EXISTS")
		c.name()
		if !c.take("TO") {
			c.problems = append(c.problems, errKind)
			return
		}
		if c.name(); !c.end() {
			c.refusef("RENAME TABLE takes one table here, because after a crash it is run again: write a statement for each")
		}
	case c.take("TRUNCATE"):
		c.take("TABLE")
		c.name()
	case c.take("INSERT"), c.take("REPLACE"):
		c.modifiers()
		c.take("INTO")
		c.name()
		c.scan(false)
	case c.take("UPDATE"):
		c.modifiers()
		c.scan(true)
	case c.take("DELETE"):
		c.modifiers()
		c.delete()
	default:
		c.problems = append(c.problems, errKind)
	}
}

func (c *checker) modifiers() {
	c.takeAny("LOW_PRIORITY", "HIGH_PRIORITY", "DELAYED", "QUICK", "IGNORE")
	if c.peek(0).is("OR") { // INSERT OR IGNORE
		if c.at += 2; c.peek(-1).is("ROLLBACK") {
			c.refusef("OR ROLLBACK would end the transaction of the migration")
		}
	}
}

func (c *checker) delete() {
	if !c.take("FROM") {
		c.refusef("DELETE has the form DELETE FROM table WHERE …")
		return
	}
	c.name()
	if c.take("AS") {
		c.at++
	}
	if !c.end() && !c.peek(0).is("WHERE", "ORDER", "LIMIT", "RETURNING") {
		c.refusef("DELETE has the form DELETE FROM table WHERE …")
	}
	c.scan(false)
}

func (c *checker) create() {
	replace := c.take("OR", "REPLACE")
	switch {
	case c.take("VIEW"):
		c.take("IF", "NOT", "EXISTS")
		c.name()
		c.scan(false)
	case replace:
		c.problems = append(c.problems, errKind)
	case c.take("TABLE"):
		c.take("IF", "NOT", "EXISTS")
		c.name()
		c.body()
	case c.take("INDEX"), c.take("UNIQUE", "INDEX"), c.take("FULLTEXT", "INDEX"), c.take("SPATIAL", "INDEX"):
		c.take("IF", "NOT", "EXISTS")
		c.name()
		if c.take("USING") {
			c.at++
		}
		if !c.take("ON") {
			c.refusef("CREATE INDEX has the form CREATE INDEX name ON table (columns)")
			return
		}
		c.name()
		c.scan(false)
	default:
		c.problems = append(c.problems, errKind)
	}
}

// body checks what follows the name of a new table.
func (c *checker) body() {
	switch {
	case c.take("LIKE"):
		c.name()
	case c.peek(0).mark("(") && c.peek(1).is("LIKE"):
		c.at += 2
		c.name()
	case !c.peek(0).mark("("):
		c.refusef("CREATE TABLE has the form CREATE TABLE name (columns), without SELECT: fill it by INSERT … SELECT")
		return
	}
	engine, charset := " ENGINE=InnoDB", " DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin"
	columns := c.peek(0).mark("(")
	for depth := 0; !c.end(); {
		from := c.at
		c.step(&depth)
		switch t := c.tokens[from]; {
		case depth > 0:
		case t.mark(")") && columns && c.optionsAt == 0:
			c.optionsAt = t.to
		case t.is("ENGINE"):
			c.engine(from)
			engine = ""
		case t.is("CHARSET", "CHARACTER", "COLLATE"):
			charset = ""
		}
		if c.tokens[from].is("SELECT") {
			c.refusef("CREATE TABLE has the form CREATE TABLE name (columns), without SELECT: fill it by INSERT … SELECT")
		}
		if c.tokens[from].is("REFERENCES", "TABLE") {
			c.name()
		}
	}
	if c.mysql && c.optionsAt > 0 {
		c.options = engine + charset
	}
}

// step steps over a token and counts parentheses.
func (c *checker) step(depth *int) {
	switch t := c.peek(0); {
	case t.mark("("):
		*depth++
	case t.mark(")"):
		*depth--
	}
	c.at++
}

// engine checks an option ENGINE that stands at i.
func (c *checker) engine(i int) {
	if i++; i < len(c.tokens) && c.tokens[i].mark("=") {
		i++
	}
	if i >= len(c.tokens) || !strings.EqualFold(c.tokens[i].text, "InnoDB") {
		c.refusef("ENGINE must be InnoDB: no other one rolls back together with what leadmill writes")
	}
}

func (c *checker) drop() {
	switch {
	case c.take("TABLE"), c.take("VIEW"):
		c.take("IF", "EXISTS")
		for c.name(); c.peek(0).mark(","); c.name() {
			c.at++
		}
		c.takeAny("RESTRICT", "CASCADE")
		if !c.end() {
			c.problems = append(c.problems, errKind)
		}
	case c.take("INDEX"):
		c.take("IF", "EXISTS")
		c.name()
		if c.take("ON") {
			c.name()
		}
	default:
		c.problems = append(c.problems, errKind)
	}
}

// scan checks the rest of a statement for the names of tables: behind FROM, JOIN, INTO, TABLE and REFERENCES, and behind the
// commas of a list of tables. It is strict: a name that only looks like one of a table is refused too. inList says that it
// begins in a list of tables.
func (c *checker) scan(inList bool) {
	lists := []bool{inList} // whether commas separate tables, for each parenthesis that is open
	expect := inList
	for ; !c.end(); c.at++ {
		t, last := c.peek(0), len(lists)-1
		if c.peek(-1).mark(".") { // t.from is a column
			continue
		}
		if expect && !t.mark("(") && !t.is("LATERAL") {
			if expect = false; t.is("SELECT", "VALUES", "WITH") && c.peek(-1).mark("(") {
				lists[last] = false
			} else if !t.is("DUAL") {
				c.name()
				c.at--
			}
			continue
		}
		switch {
		case t.mark("("):
			lists = append(lists, expect)
		case t.mark(")") && last > 0:
			lists = lists[:last]
		case t.mark(","):
			expect = lists[last]
		case t.is("FROM") && !c.peek(-1).is("DISTINCT"), t.is("JOIN", "STRAIGHT_JOIN"): // a IS DISTINCT FROM b
			lists[last], expect = true, true
		case t.is("INTO", "TABLE", "REFERENCES"):
			expect = true
		case t.is("WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "UNION", "EXCEPT", "INTERSECT", "WINDOW", "SET", "FOR", "VALUES", "SELECT",
			"DUPLICATE", "CONFLICT", "RETURNING"):
			lists[last] = false
		}
	}
	if expect {
		c.refusef("ends where the name of a table is expected")
	}
}
