package contact

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Suppliers whose forms have a list of states send its names.
func TestEveryUSStateHasAName(t *testing.T) {
	t.Parallel()
	named := map[string]bool{}
	for name, code := range stateNames {
		named[code] = true
		got, err := ParseUSState(strings.ToUpper(name))
		assert.NoError(t, err, name)
		assert.Equal(t, code, got.String(), name)
		assert.Contains(t, usStates, " "+code+" ", name)
		assert.LessOrEqual(t, len(name), maxStateName, name)
	}
	for code := range strings.FieldsSeq(usStates) {
		assert.True(t, named[code], code)
	}
}
