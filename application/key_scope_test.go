package application_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/domain/seller"
)

type cleanUp struct{ application.Actor }

func (cleanUp) Needs() application.Scope { return application.Admin }

func TestNewScopes(t *testing.T) {
	t.Parallel()
	s, err := application.NewScopes(
		application.KeyScope{Name: "reports", Operations: []string{"openDoor"}}, application.KeyScope{Name: "dialer"},
		application.KeyScope{Name: "a-1-long-scope-z"},
	)
	require.NoError(t, err)
	assert.Equal(t, []application.KeyScope{{Name: "a-1-long-scope-z"}, {Name: "dialer"}, {Name: "reports", Operations: []string{"openDoor"}}}, s.Declared())
	assert.Equal(t, []seller.Scope{"program", "supplier", "form", "site", "a-1-long-scope-z", "dialer", "reports"}, s.OfKeys())
	for _, c := range []struct {
		scope            application.Scope
		has, opens, some bool
	}{
		{"reports", true, true, true},
		{"dialer", true, false, false},
		{"program", false, false, false},
		{"gone", false, false, false},
		{"", false, false, false},
	} {
		assert.Equal(t, []bool{c.has, c.opens, c.some}, []bool{s.Has(c.scope), s.Opens(c.scope, "openDoor"), s.OpensAny(c.scope)}, c.scope)
	}
	assert.False(t, s.Opens("reports", "closeDoor"))
	var none application.Scopes
	assert.Equal(t, []seller.Scope{"program", "supplier", "form", "site"}, none.OfKeys())
	assert.False(t, none.Has("reports") || none.Opens("reports", "openDoor") || none.OpensAny("reports"))
	require.NoError(t, none.CheckNeeds(application.NewOperations(bus.Chain{})))
}

func TestNewScopesRefuses(t *testing.T) {
	t.Parallel()
	const form = ": a name is 1 to 16 of a-z, 0-9 and hyphens, and begins with a letter"
	for want, list := range map[string][]application.Scope{
		`the key scope "admin" has the name of a built-in one`:                               {"admin"},
		`the key scope "program" has the name of a built-in one`:                             {"program"},
		`the key scope "supplier" has the name of a built-in one`:                            {"supplier"},
		`the key scope "visitor" has the name of a built-in one`:                             {"visitor"},
		`the key scope "internal" has the name of a built-in one`:                            {"internal"},
		`the key scope ""` + form:                                                            {""},
		`the key scope "1a"` + form:                                                          {"1a"},
		`the key scope "-a"` + form:                                                          {"-a"},
		`the key scope "my_scope"` + form:                                                    {"my_scope"},
		`the key scope "Reports"` + form:                                                     {"Reports"},
		`the key scope "reports\n"` + form:                                                   {"reports\n"},
		`the key scope "a-17-long-scope-z"` + form:                                           {"a-17-long-scope-z"},
		`there are two key scopes "dialer"`:                                                  {"dialer", "dialer"},
		"the key scope \"admin\" has the name of a built-in one\nthe key scope \"A\"" + form: {"admin", "A", "fine"},
	} {
		scopes := make([]application.KeyScope, len(list))
		for i, name := range list {
			scopes[i].Name = name
		}
		s, err := application.NewScopes(scopes...)
		require.EqualError(t, err, want)
		assert.Empty(t, s.Declared())
	}
}

func TestScopesCheck(t *testing.T) {
	t.Parallel()
	o := application.NewOperations(bus.Chain{})
	application.Query(o, done[openDoor])
	application.Query(o, done[closeDoor])
	application.Query(o, done[ringBell])
	application.Query(o, done[wipeFloor])
	application.Query(o, done[cleanUp])
	application.Query(o, done[tellTime])
	require.NoError(t, o.Err())
	for want, scope := range map[string]application.KeyScope{
		"": {Name: "reports", Operations: []string{"openDoor", "tellTime"}},
		`the key scope "reports" opens "OpenDoor", which is no command or query of this build`:                                       {Name: "reports", Operations: []string{"OpenDoor"}},
		`the key scope "reports" cannot open closeDoor, which needs the scope supplier: only what program keys may do can be opened`: {Name: "reports", Operations: []string{"closeDoor"}},
		`the key scope "reports" cannot open ringBell, which needs the scope visitor: only what program keys may do can be opened`:   {Name: "reports", Operations: []string{"ringBell"}},
		`the key scope "reports" cannot open wipeFloor, which needs the scope internal: only what program keys may do can be opened`: {Name: "reports", Operations: []string{"wipeFloor"}},
		`the key scope "reports" cannot open cleanUp, which needs the scope admin: only what program keys may do can be opened`:      {Name: "reports", Operations: []string{"cleanUp"}},
		"the key scope \"other\" cannot open tellTime, which needs the scope reports: only what program keys may do can be opened\n" +
			`application_test.tellTime needs the scope "reports", which no module declares`: {Name: "other", Operations: []string{"tellTime"}},
	} {
		s, err := application.NewScopes(scope)
		require.NoError(t, err)
		if err = errors.Join(scope.Check(o), s.CheckNeeds(o)); want == "" {
			require.NoError(t, err)
		} else {
			require.EqualError(t, err, want)
		}
	}
}
