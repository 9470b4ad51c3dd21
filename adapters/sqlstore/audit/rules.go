package audit

import (
	"context"
	"fmt"
	"slices"
)

// Rows of a table in one snapshot, for Table.Size.
const (
	ManyRows = 2000
	FewRows  = 100 // of a table whose rows have many others each
)

// Rules are what must hold for the tables of one room.
type Rules struct {
	Tables []Table
	// Whole are rules about a table or the log as a whole; each takes its own snapshots. They have a Run or a Replay and no Query.
	Whole []Rule
	// Rowless are the types of aggregates that are kept nowhere but in their events.
	Rowless []string
}

// Table is a table that is walked in the order of its key, and what must hold for its rows.
type Table struct {
	Name string
	// Key is the columns of its primary key. A Table without a key adds rules to one that another room describes.
	Key []string
	// Bytes says that the last column of the key is no text.
	Bytes bool
	// Size is how many rows are looked at in one snapshot.
	Size int
	// ID is the column that names a row in a breach, without personal data; "id" when empty.
	ID string
	// Aggregate is the type that the events of its rows carry; empty for a table of no aggregates. An aggregate's table has the
	// columns id and version.
	Aggregate string
	// Seller is the column with the id of a row's seller; "seller_id" when empty.
	Seller string
	// References are the columns that refer to other tables; both rows must be of one seller.
	References []Reference
	Rules      []Rule
	// Since says how the table is looked at from a position on.
	Since *Since
}

// Reference is a column that holds ids of another table's rows. Empty ones refer to nothing.
type Reference struct {
	Column, Table string
	// With is a column that both tables have and that is the same in both rows; it stands before the id in the other's key.
	With string
}

// Rule is one thing that must hold for the rows of a table. Its name is unique; a rule that holds for several tables is
// several rules of one name.
type Rule struct {
	// Invariant is the group that the rule belongs to: "I1" money, "I2" caps, "I3" sold once, "I4" events, "I6" references and
	// privacy.
	Invariant, Name, Description string
	// Query selects id, want and got of rows of the walked table, which it calls t and limits by {range}. {now} is the
	// database's clock in microseconds. A got of NULL is none: it is not made a value in the statement, because TiDB takes a LEFT JOIN
	// for a JOIN where COALESCE of the right side is compared. The same goes for COALESCE of a subquery; IFNULL is read rightly.
	Query string
	// Broken is the condition on want and got; when it is empty they must be equal, and got must not be NULL.
	Broken string
	// Table is where the reported id is from; the walked table when empty.
	Table string
	// Run checks a chunk by itself when one query cannot.
	Run func(ctx context.Context, c *Chunk) error
	// Facts makes the rule compare rows of aggregates with what their events say. Query then selects texts by name: seller and
	// aggregate, the ids of the row's seller and of the aggregate that the events carry; part, if the facts have parts, which then
	// names the row in a breach; and value.
	Facts *Facts
	// Told returns what a rule with Facts asks for and what there is, for a row's value and what was told of it; the rule is broken
	// if they differ. Without Told the rule is the reverse one: that all that events tell is among the rows of Query, or of the other
	// rules with these Facts when it has none.
	Told func(value string, told Told) (want, got string)
	// Replay makes the rule one about the tables of a read model; see ReplayRule.
	Replay func() Replay
	// Across is for a rule that adds up over all chunks. It is called once an audit, and returns what is Run for every chunk
	// and what is done after the last.
	Across func() (run func(ctx context.Context, c *Chunk) error, done func(c *Chunk))
	// Sequenced rules are only for engines whose events get their position after the commit, Embedded ones only for SQLite.
	Sequenced, Embedded bool
	// Full rules are about all rows of a table at once, so they are left out of an audit from a position on. In every Query {since} is the
	// time in microseconds from which rows are looked at, 0 for all, and {since:lead} the least id with a prefix, empty for all.
	Full bool
}

// all returns the tables of all rooms with all their rules, and the rules about the whole. It panics when a room is missing whose
// table another refers to.
func all(rooms []Rules) (tables []Table, whole []Rule) {
	for _, room := range rooms {
		for _, t := range room.Tables {
			if len(t.Key) > 0 {
				t.Rules = slices.Clone(t.Rules)
				tables = append(tables, t)
			}
		}
	}
	tables = append(append(tables, versionsTable), consumerTables...)
	whole = slices.Clone(logRules)
	for _, room := range rooms {
		for _, t := range room.Tables {
			if len(t.Key) == 0 {
				of := find(tables, t.Name)
				of.Rules = append(of.Rules, t.Rules...)
			}
		}
		whole = append(whole, room.Whole...)
	}
	for i := range tables {
		t := &tables[i]
		if t.Aggregate != "" {
			t.Rules = append(t.Rules, versionRule("SELECT t."+t.seller()+" AS seller, t.id AS aggregate, t.version AS value FROM "+t.Name+" t WHERE {range}"))
		}
		t.Rules = append(t.Rules, t.references(tables)...)
	}
	return tables, whole
}

// find returns a table that is referred to; it panics when no room describes it.
func find(tables []Table, name string) *Table {
	i := slices.IndexFunc(tables, func(t Table) bool { return t.Name == name })
	if i < 0 {
		panic("audit: no room describes the table " + name)
	}
	return &tables[i]
}

// seller is the column with the id of a row's seller.
func (t Table) seller() string {
	if t.Seller != "" {
		return t.Seller
	}
	return "seller_id"
}

// perSeller reports whether rows are found by their seller and id.
func (t Table) perSeller() bool { return t.Key[0] == "seller_id" }

// references are the rules about the columns of a table that refer to others.
func (t Table) references(tables []Table) []Rule {
	var rules []Rule
	id := "t.id"
	if t.ID != "" {
		id = "t." + t.ID
	}
	for _, r := range t.References {
		parent := find(tables, r.Table)
		on := "p.id = t." + r.Column
		if parent.perSeller() { // a row of another seller with that id is another one
			on += " AND p.seller_id = t.seller_id"
		}
		if r.With != "" {
			on += " AND p." + r.With + " = t." + r.With
		}
		rules = append(rules, Rule{
			Invariant: "I6", Name: t.Name + "." + r.Column,
			Description: fmt.Sprintf("%s of %s refers to a row of %s of the same seller.", r.Column, t.Name, r.Table),
			Query: fmt.Sprintf("SELECT %s AS id, t.seller_id AS want, p.%s AS got FROM %s t LEFT JOIN %s p ON %s WHERE {range} AND t.%s <> ''",
				id, parent.seller(), t.Name, r.Table, on, r.Column),
		})
	}
	return rules
}

// rules returns the table with some of its rules only.
func (t Table) rules(keep func(r Rule) bool) Table {
	t.Rules = slices.DeleteFunc(slices.Clone(t.Rules), func(r Rule) bool { return !keep(r) })
	return t
}
