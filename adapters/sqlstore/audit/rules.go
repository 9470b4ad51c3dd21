package audit

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Rows of a table in one snapshot, for Table.Size.
const (
	ManyRows = 2000
	FewRows  = 100 // of a table whose rows have many others each
)

// Rules are what must hold for the tables of one room.
type Rules struct {
	Tables []Table
	// Whole are rules about a table or the log as a whole; each takes its own snapshots. They have a Run and no Query.
	Whole []Rule
}

// Table is a table that is walked in the order of its key, and what must hold for its rows.
type Table struct {
	Name string
	// Key is the columns of its primary key, one or two. A Table without a key adds rules to one that another room describes.
	Key []string
	// Bytes says that the key is no text.
	Bytes bool
	// Size is how many rows are looked at in one snapshot.
	Size int
	// ID is the column that names a row in a breach, without personal data; "id" when empty.
	ID string
	// Aggregate is the type that the events of its rows carry; empty for a table of no aggregates. An aggregate's table has a
	// column version.
	Aggregate string
	// Seller is the column with the id of a row's seller; "seller_id" when empty.
	Seller string
	// References are the columns that refer to other tables; both rows must be of one seller.
	References []Reference
	Rules      []Rule
}

// Reference is a column that holds ids of another table's rows. Empty ones refer to nothing.
type Reference struct{ Column, Table string }

// Rule is one thing that must hold for the rows of a table. Its name is unique; a rule that holds for several tables is
// several rules of one name.
type Rule struct {
	// Invariant is the group that the rule belongs to: "I1" money, "I2" caps, "I3" sold once, "I4" events, "I6" references and
	// privacy.
	Invariant, Name, Description string
	// Query selects id, want and got of rows of the walked table, which it calls t and limits by {range}. {now} is the
	// database's clock in microseconds.
	Query string
	// Broken is the condition on want and got; they must be equal when it is empty.
	Broken string
	// Table is where the reported id is from; the walked table when empty.
	Table string
	// Run checks a chunk by itself when one query cannot.
	Run func(ctx context.Context, c *Chunk) error
	// Across is for a rule that adds up over all chunks. It is called once an audit, and returns what is Run for every chunk
	// and what is done after the last.
	Across func() (run func(ctx context.Context, c *Chunk) error, done func(c *Chunk))
	// Sequenced rules are only for engines whose events get their position after the commit.
	Sequenced bool
}

// all returns the tables of all rooms and of the log with all their rules, and the rules about the whole. It panics when a room
// is missing whose table another refers to.
func all(rooms []Rules) (tables []Table, whole []Rule) {
	for _, room := range rooms {
		for _, t := range room.Tables {
			if len(t.Key) > 0 {
				t.Rules = slices.Clone(t.Rules)
				tables = append(tables, t)
			}
		}
	}
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
	tables = append(tables, logTables(tables)...)
	for i := range tables {
		t := &tables[i]
		t.Rules = append(append(t.Rules, t.versions()...), t.references(tables)...)
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

// perSeller reports whether ids are only unique within a seller.
func (t Table) perSeller() bool { return slices.Equal(t.Key, []string{"seller_id", "id"}) }

const densityRule = "event_versions_are_dense"

// versions are the rules of a table of aggregates about the number of their events.
func (t Table) versions() []Rule {
	if t.Aggregate == "" {
		return nil
	}
	ofAggregate := fmt.Sprintf("e.seller_id = t.%s AND e.aggregate_type = '%s' AND e.aggregate_id = t.id", t.seller(), t.Aggregate)
	return []Rule{
		{
			Invariant: "I4", Name: "version_counts_events", Description: "The version of an aggregate is the number of its events.",
			Query: "SELECT t.id AS id, t.version AS want, (SELECT COUNT(*) FROM events e WHERE " + ofAggregate + ") AS got FROM " +
				t.Name + " t WHERE {range}",
		},
		{
			Invariant: "I4", Name: densityRule, Description: "The events of an aggregate are numbered from 1 without a gap.",
			Query: "SELECT t.id AS id, COUNT(*) AS want, CASE WHEN MIN(e.aggregate_version) = 1 THEN MAX(e.aggregate_version) ELSE -1 END AS got FROM " +
				t.Name + " t JOIN events e ON " + ofAggregate + " WHERE {range} GROUP BY t.id, t." + t.seller(),
		},
	}
}

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
		rules = append(rules, Rule{
			Invariant: "I6", Name: t.Name + "." + r.Column,
			Description: fmt.Sprintf("%s of %s refers to a row of %s of the same seller.", r.Column, t.Name, r.Table),
			Query: fmt.Sprintf("SELECT %s AS id, t.seller_id AS want, COALESCE(p.%s, 'none') AS got FROM %s t LEFT JOIN %s p ON %s WHERE {range} AND t.%s <> ''",
				id, parent.seller(), t.Name, r.Table, on, r.Column),
		})
	}
	return rules
}

// eventAggregates joins events with what they are about. ids and sellers are the columns, by comma, of which the one that is
// joined is not NULL; kinds are the types of aggregates that have tables, by comma. A click is kept nowhere but in its event, and
// the aggregates of a team's module are in tables of its own.
func eventAggregates(tables []Table) (joined, ids, sellers, kinds string) {
	var joins strings.Builder
	joins.WriteString(" FROM events t")
	var idColumns, sellerColumns, types []string
	for i, t := range tables {
		if t.Aggregate == "" {
			continue
		}
		as := fmt.Sprintf("a%d", i)
		fmt.Fprintf(&joins, " LEFT JOIN %s %s ON t.aggregate_type = '%s' AND %s.id = t.aggregate_id", t.Name, as, t.Aggregate, as)
		if t.perSeller() {
			fmt.Fprintf(&joins, " AND %s.seller_id = t.seller_id", as)
		}
		idColumns, sellerColumns, types = append(idColumns, as+".id"), append(sellerColumns, as+"."+t.seller()), append(types, "'"+t.Aggregate+"'")
	}
	kinds = strings.Join(types, ", ")
	joins.WriteString(" WHERE {range} AND t.aggregate_type IN (" + kinds + ")")
	return joins.String(), strings.Join(idColumns, ", "), strings.Join(sellerColumns, ", "), kinds
}
