package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/tests/api"
)

// plant writes a small Leadmill: go.mod and some files.
func plant(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	files["go.mod"] = "module " + api.Module + "\n\ngo 1.26.0\n"
	for name, content := range files {
		path := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	}
	return root
}

const (
	lead  = "// Package lead is planted.\n//\n// Stability: experimental.\npackage lead\n\n"
	money = "// Package money is planted.\n//\n// Stability: stable.\npackage money\n\n"
	// held is what a team may implement, and holds a type of another public package.
	held = "import \"" + api.Module + "/domain/money\"\n\ntype Lead struct{ Price money.Micros }\n\ntype Reader interface{ Find(string) (*Lead, error) }\n\n"
)

func TestAChangeOfThePublicPackagesIsSeen(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"domain/money/money.go":       money + "type Micros int64\n\nfunc (Micros) Format() string { return \"\" }\n",
		"domain/lead/lead.go":         lead + held,
		"domain/lead/lead_test.go":    "package lead\n\nfunc Tested() {}\n",
		"adapters/clock/clock.go":     "package clock\n\nfunc Now() {}\n",
		"application/market/tx.go":    "// Package market is planted.\n//\n// Stability: experimental.\npackage market\n\nfunc Gone() {}\n",
		"application/market/job/a.go": "package job\n\nfunc Work() {}\n",
	}
	was := plant(t, files)
	require.ErrorContains(t, run(t.Context(), []string{"check"}, was, nil), "domain/money (new)", "there is no baseline yet")
	require.NoError(t, run(t.Context(), []string{"baseline"}, was, nil))
	require.NoError(t, run(t.Context(), []string{"check"}, was, nil))

	delete(files, "application/market/tx.go")
	files["domain/money/money.go"] = money + "type Micros int64\n\nfunc Parse(string) Micros { return 0 }\n"
	files["domain/lead/lead.go"] = lead + strings.Replace(held, "error) }", "error); Count() int }", 1)
	files["adapters/clock/clock.go"] = "package clock\n"
	is := plant(t, files)
	require.NoError(t, os.CopyFS(filepath.Join(is, "api"), os.DirFS(filepath.Join(was, "api"))))
	err := run(t.Context(), []string{"check"}, is, nil)
	require.Error(t, err)
	assert.Equal(t, `the public packages are not what the baseline in api/ says (-), but (+):

application/market (gone)
  incompatible:
    - func Gone()
    - package market, experimental

domain/lead
  incompatible:
    + type Reader interface, Count() int

domain/money
  incompatible:
    - func (Micros) Format() string
  compatible:
    + func Parse(string) Micros

If that is meant, run `+"`make api-baseline`"+` and commit what it writes, and say in CHANGELOG.md under
"Breaking for extensions" what a team has to change`, err.Error())

	var told strings.Builder
	require.NoError(t, run(t.Context(), []string{"diff", was}, is, &told))
	assert.Equal(t, `github.com/leadmill/leadmill/domain/lead (experimental)
Incompatible changes:
- Reader.Count: added

github.com/leadmill/leadmill/domain/money (stable)
Incompatible changes:
- Micros.Format: removed
Compatible changes:
- Parse: added

github.com/leadmill/leadmill/application/market: the package is gone

`, told.String())
	told.Reset()
	require.NoError(t, run(t.Context(), []string{"diff", is}, is, &told))
	assert.Equal(t, "the public packages offer the same\n", told.String())

	require.NoError(t, run(t.Context(), []string{"baseline"}, is, nil))
	require.NoError(t, run(t.Context(), []string{"check"}, is, nil))
}

func TestACompatibleChangeAsksForNoEntryInTheChangelog(t *testing.T) {
	t.Parallel()
	files := map[string]string{"domain/money/money.go": money}
	root := plant(t, files)
	require.NoError(t, run(t.Context(), []string{"baseline"}, root, nil))
	require.NoError(t, os.WriteFile(filepath.Join(root, "domain/money/more.go"), []byte("package money\n\nfunc More() {}\n"), 0o600))
	err := run(t.Context(), []string{"check"}, root, nil)
	require.ErrorContains(t, err, "make api-baseline")
	assert.NotContains(t, err.Error(), "CHANGELOG")
}

func TestWhatCannotBeComparedIsToldAndNotPassed(t *testing.T) {
	t.Parallel()
	root := plant(t, map[string]string{"domain/money/money.go": money + "func Broken() int { return \"\" }\n"})
	require.ErrorContains(t, run(t.Context(), []string{"check"}, root, nil), "money.go")
	for _, args := range [][]string{nil, {"diff"}, {"check", "x"}, {"help"}} {
		require.ErrorIs(t, run(t.Context(), args, root, nil), errUsage)
	}
}
