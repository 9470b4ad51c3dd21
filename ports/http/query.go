package httpport

import (
	"maps"
	"net/url"
	"regexp"
	"slices"

	"github.com/leadmill/leadmill/domain/fault"
)

// parameterName is what the name of a parameter looks like: what does not is not repeated in an answer, because it may be anything.
var parameterName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.\[\]-]{0,40}$`)

// StrictQuery returns the parameters of the query, none of which may be unknown or given twice: a filter that is misspelt would else
// answer everything. What is wrong is added to the violations.
func (k *Call) StrictQuery(v *fault.Violations, known ...string) url.Values {
	values, err := url.ParseQuery(k.gin.Request.URL.RawQuery)
	if err != nil {
		v.Add("query", fault.InvalidValue, "cannot be decoded")
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		switch {
		case !slices.Contains(known, name) && parameterName.MatchString(name):
			v.Add(name, fault.UnknownField, "is not a known parameter")
		case !slices.Contains(known, name):
			v.Add("query", fault.UnknownField, "has an unknown parameter")
		case len(values[name]) > 1:
			v.Add(name, fault.InvalidValue, "is given more than once")
		}
	}
	return values
}
