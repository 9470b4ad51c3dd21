package distribution

import (
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
)

// ReasonFilter says that a lead does not pass a contract's filter.
const ReasonFilter = "filter"

// MaxFilter is how many bytes a filter may have.
const MaxFilter = 4000

// Filters is the language of contract filters (docs/filters.md). It may be used by several goroutines.
type Filters interface {
	// Over returns the language over the fields of a campaign. Equal rules of fields give the same FilterCompiler as long as it is
	// remembered, so a compiler that is still the same has compiled filters that are still right.
	Over(rules field.Rules) FilterCompiler
}

// FilterCompiler compiles filters over the fields of one campaign. It may be used by several goroutines.
type FilterCompiler interface {
	// Compile returns a filter. Filters that were compiled before may be remembered. The error is a *fault.Error of kind
	// fault.Invalid whose message says, to somebody who does not program, where the mistake is and what it is.
	Compile(expression string) (Filter, error)
	// Read prepares a lead to be tried by filters of this compiler, so that each of its fields is read only once.
	Read(f lead.Facts) FilterInput
}

// FilterInput is a lead as the filters of one FilterCompiler read it. It is for one goroutine at a time.
type FilterInput interface {
	// Attribute returns an attribute of the lead as Pin compares it; ok is false when the lead does not have it.
	Attribute(name string) (value string, ok bool)
}

// Filter is a compiled filter. It may be used by several goroutines.
type Filter interface {
	// Passes reports whether a lead passes. One on which the filter fails, costs too much or panics does not. The input is of the
	// compiler that made the filter.
	Passes(in FilterInput) bool
	// Pins returns what every lead that passes has: all of them. It may be empty, and must not be changed.
	Pins() []Pin
}

// Pin is a condition that is cheap to look up: the attribute is one of the values or, for a Prefix, begins with one of them. There
// is at least one value, and none is empty.
type Pin struct {
	Attribute string
	Prefix    bool
	Values    []string
}
