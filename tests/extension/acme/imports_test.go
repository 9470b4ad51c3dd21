package acme

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// public matches the packages of Leadmill that teams may rely on.
var public = regexp.MustCompile(`^github\.com/leadmill/leadmill(|/domain/.+|/application` +
	`(|/bus|/projection|/contract/eventsv1|/(account|program|market|feed)(|/command|/query))|/ports/http|/tests/leadmilltest)$`)

// Acme, its tests with it, relies on what Leadmill promises and on nothing else.
func TestOnlyPublicPackagesAreImported(t *testing.T) {
	t.Parallel()
	files := 0
	require.NoError(t, filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" {
			return err
		}
		files++
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if strings.HasPrefix(imported, "github.com/leadmill/") {
				assert.Regexp(t, public, imported, path)
			}
		}
		return nil
	}))
	assert.Greater(t, files, 20)
	for _, private := range []string{
		"/adapters/clock", "/application/market/job", "/application/contract", "/ports/http/market", "/ports", "/tests/dbtest", "/domain", "x",
	} {
		assert.NotRegexp(t, public, "github.com/leadmill/leadmill"+private)
	}
}
