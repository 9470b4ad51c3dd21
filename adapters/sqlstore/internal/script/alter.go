package script

import "slices"

// alter checks the clauses of an ALTER TABLE. MySQL commits each by itself, and after a crash leadmill runs the one again that
// was under way: where it was done already, that must fail rather than do it a second time.
func (c *checker) alter() {
	renames := 0
	for !c.end() {
		clause := c.clause()
		for i, t := range clause.tokens {
			if t.is("ENGINE") && (i == 0 || i+1 < len(clause.tokens) && clause.tokens[i+1].mark("=")) {
				clause.engine(i)
			}
		}
		switch first := clause.peek(0); {
		case clause.take("ADD"):
			clause.add()
		case clause.take("RENAME"):
			renames += clause.rename()
		case first.is("CHANGE"):
			renames++
			clause.column()
		case first.is("MODIFY"):
			clause.column()
		case first.is("DROP") && !clause.peek(1).is("PARTITION"), first.is("ALTER", "CONVERT", "DEFAULT", "CHARACTER", "CHARSET", "COLLATE",
			"ENGINE", "COMMENT", "ALGORITHM", "LOCK", "AUTO_INCREMENT", "ROW_FORMAT"):
		default:
			clause.refusef("ALTER TABLE … %s is nothing a module may do: it may ADD, DROP, MODIFY, CHANGE, RENAME and ALTER", first.text)
		}
		clause.at = 0
		clause.scanReferences()
		for _, p := range clause.problems {
			c.refusef("%w", p)
		}
	}
	if c.mysql && renames > 1 {
		c.refusef("ALTER TABLE takes one RENAME or CHANGE here, because after a crash it is run again: write a statement for each")
	}
}

// clause steps over a clause and the comma behind it, and returns a checker of it.
func (c *checker) clause() *checker {
	from := c.at
	for depth := 0; !c.end() && (depth > 0 || !c.peek(0).mark(",")); {
		c.step(&depth)
	}
	of := &checker{tokens: c.tokens[from:c.at], mysql: c.mysql, prefix: c.prefix, reserved: c.reserved}
	c.at++
	return of
}

// rename checks RENAME, which is for the table or for a column or key, and returns how many columns and keys it renames.
func (c *checker) rename() int {
	if c.peek(0).is("COLUMN", "INDEX", "KEY") || !c.mysql && c.peek(1).is("TO") {
		return 1
	}
	if !c.take("TO") {
		c.take("AS")
	}
	c.name()
	return 0
}

// add checks that what an ADD adds has a name: without one MySQL makes one up, and another when it is run again.
func (c *checker) add() {
	if c.peek(0).is("PARTITION") {
		c.refusef("ALTER TABLE … ADD PARTITION is nothing a module may do")
	}
	if !c.mysql {
		return
	}
	named := func() bool {
		c.take("IF", "NOT", "EXISTS")
		t := c.peek(0)
		return t.kind == quoted || t.kind == word && !t.is("PRIMARY", "UNIQUE", "FOREIGN", "CHECK", "USING")
	}
	ok := true
	switch {
	case c.take("CONSTRAINT"):
		ok = named()
	case c.peek(0).is("INDEX", "KEY", "UNIQUE", "FULLTEXT", "SPATIAL"):
		c.takeAny("INDEX", "KEY", "UNIQUE", "FULLTEXT", "SPATIAL")
		ok = named()
	case c.peek(0).is("FOREIGN", "CHECK"):
		ok = false
	}
	if !ok {
		c.refusef("ALTER TABLE … ADD needs a name for the key or constraint, because after a crash it is run again")
	}
}

// column checks MODIFY and CHANGE.
func (c *checker) column() {
	if c.mysql && slices.ContainsFunc(c.tokens, func(t token) bool { return t.is("UNIQUE", "PRIMARY", "KEY", "CHECK", "REFERENCES") }) {
		c.refusef("ALTER TABLE … MODIFY and CHANGE add no key or constraint here, because after a crash they are run again: use ADD with a name")
	}
}

// scanReferences checks the tables that foreign keys refer to.
func (c *checker) scanReferences() {
	for ; !c.end(); c.at++ {
		if c.peek(0).is("REFERENCES") {
			c.at++
			c.name()
			c.at--
		}
	}
}
