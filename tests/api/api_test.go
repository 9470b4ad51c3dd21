package api_test

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/exp/apidiff"

	"github.com/leadmill/leadmill/tests/api"
)

// compile makes a package of the declarations that are given.
func compile(t *testing.T, declarations string) *types.Package {
	t.Helper()
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, "p.go", "package p\n"+declarations, parser.SkipObjectResolution)
	require.NoError(t, err)
	config := types.Config{Importer: importer.Default()}
	pkg, err := config.Check(api.Module+"/domain/p", set, []*ast.File{file}, nil)
	require.NoError(t, err)
	return pkg
}

func TestLinesOfAPackage(t *testing.T) {
	t.Parallel()
	pkg := compile(t, `
import ("context"; "time")

const Limit = 5
const Wait time.Duration = 7
const hidden = 1

var Empty, other = &Lead{}, 1

type (
	Kind string
	Same = Kind
	Handler[C any, R interface{ ~int | Kind }] func(ctx context.Context, c C) (answer R, err error)
	Lead struct {
		Recorder
		base
		ID    string `+"`json:\"id\"`"+`
		Then  func(at time.Time) map[string][]func(n int)
		notes []string
	}
	Recorder struct{ n int }
	base struct{ From, to string }
	Reader interface {
		Closer
		Find(ctx context.Context, ids ...string) ([]*Lead, error)
	}
	Closer interface{ Close() error }
	Sealed interface{ Kind() Kind; sealed() }
	Number interface{ ~int | ~int64 }
	Box[T comparable] struct{ Value T }
)

func Open(ctx context.Context, name string) (l *Lead, err error) { return nil, nil }
func First[T any](list []T, or T) T { return or }
func (l Lead) Name() string { return "" }
func (l *Lead) Sell(price int64) {}
func (l *Lead) sold() {}
func (*Recorder) Record() {}
func (b *base) Since() time.Time { return time.Time{} }
func (b Box[T]) Get() T { return b.Value }
`)
	assert.Equal(t, `package p, stable
const Limit untyped int = 5
const Wait time.Duration = 7
func First[T any]([]T, T) T
func Open(context.Context, string) (*Lead, error)
var Empty *Lead
type Box[T comparable] struct
type Box struct, Value T
type Box struct, comparable
func (Box[T]) Get() T
type Closer interface
type Closer interface, Close() error
type Handler[C any, R interface{~int | Kind}] func(context.Context, C) (R, error)
type Kind string
type Lead struct
type Lead struct, From string
type Lead struct, ID string `+"`json:\"id\"`"+`
type Lead struct, Then func(time.Time) map[string][]func(int)
type Lead struct, embedded Recorder
func (Lead) Name() string
func (*Lead) Sell(int64)
func (*Lead) Since() time.Time
type Number interface
type Number interface, only ~int | ~int64
type Reader interface
type Reader interface, Close() error
type Reader interface, Find(context.Context, ...string) ([]*Lead, error)
type Recorder struct
type Recorder struct, comparable
func (*Recorder) Record()
type Same = Kind
type Sealed interface
type Sealed interface, Kind() Kind
type Sealed interface, unexported methods`, strings.Join(api.Lines(pkg, api.Stable), "\n"))
}

// What breaks is told from what is new, and apidiff, which compares types, is of the same opinion.
func TestWhatBreaksIsTold(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		was, is    string
		changes    []api.Change
		notApidiff bool // apidiff does not look at it
	}{
		"the same under other names of parameters": {
			"func F(a int) (b int) { return }; func hidden() {}", "func F(int) int { return 0 }", nil, false,
		},
		"a function removed": {"func F() {}", "", []api.Change{{"func F()", "", false}}, false},
		"a function added":   {"", "func F() {}", []api.Change{{"", "func F()", true}}, false},
		"a parameter added": {
			"func F(int) {}", "func F(int, ...string) {}", []api.Change{{"func F(int)", "func F(int, ...string)", false}}, false,
		},
		"a method removed": {
			"type T int; func (T) M() {}", "type T int", []api.Change{{"func (T) M()", "", false}}, false,
		},
		"a method that needs a pointer now": {
			"type T int; func (T) M() {}", "type T int; func (*T) M() {}", []api.Change{{"func (T) M()", "func (*T) M()", false}}, false,
		},
		"a method added to an interface": {
			"type I interface{ A() }", "type I interface{ A(); B() }", []api.Change{{"", "type I interface, B()", false}}, false,
		},
		"a method added to an interface that only we implement": {
			"type I interface{ a() }", "type I interface{ a(); B() }", []api.Change{{"", "type I interface, B()", true}}, false,
		},
		"an interface that only we may implement now": {
			"type I interface{ A() }", "type I interface{ A(); b() }", []api.Change{{"", "type I interface, unexported methods", false}}, false,
		},
		"an interface that is no type any more": {
			"type I interface{ A() }", "type I interface{ A(); ~int }", []api.Change{{"", "type I interface, only ~int", false}}, true,
		},
		"a new interface": {
			"", "type I interface{ A() }", []api.Change{{"", "type I interface", true}, {"", "type I interface, A()", true}}, false,
		},
		"a field of another type": {
			"type T struct{ A int }", "type T struct{ A int64 }",
			[]api.Change{{"type T struct, A int", "type T struct, A int64", false}},
			false,
		},
		"a field added": {
			"type T struct{ A int; b int }", "type T struct{ A, B int; b int }", []api.Change{{"", "type T struct, B int", true}}, false,
		},
		"a field that cannot be compared": {
			"type T struct{ a int }", "type T struct{ a int; b []int }", []api.Change{{"type T struct, comparable", "", false}}, false,
		},
		"a field under another name in JSON": {
			"type T struct{ A int `json:\"a\"` }", "type T struct{ A int `json:\"b\"` }",
			[]api.Change{{"type T struct, A int `json:\"a\"`", "type T struct, A int `json:\"b\"`", false}},
			true,
		},
		"a constant of another value": {
			"const C = 1", "const C = 2", []api.Change{{"const C untyped int = 1", "const C untyped int = 2", false}}, false,
		},
		"a variable of another type": {"var V int", "var V string", []api.Change{{"var V int", "var V string", false}}, false},
		"a type of another kind": {
			"type T struct{}", "type T string",
			[]api.Change{{"type T struct", "type T string", false}, {"type T struct, comparable", "", false}},
			false,
		},
		"an embedded type by pointer": {
			"type T struct{ E }; type E struct{}", "type T struct{ *E }; type E struct{}",
			[]api.Change{{"type T struct, embedded E", "type T struct, embedded *E", false}},
			false,
		},
	} {
		was, is := compile(t, c.was), compile(t, c.is)
		changes := api.Compare(api.Lines(was, api.Stable), api.Lines(is, api.Stable))
		assert.Equal(t, c.changes, changes, name)
		if c.notApidiff {
			continue
		}
		breaks := false
		for _, change := range changes {
			breaks = breaks || !change.Compatible
		}
		report := apidiff.Changes(was, is)
		assert.Equal(t, len(changes) > 0, len(report.Changes) > 0, "%s: apidiff says %v", name, report)
		assert.Equal(t, breaks, strings.Contains(report.String(), "Incompatible"), "%s: apidiff says %v", name, report)
	}
}

func TestLinesOfOneThingAreOneChange(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ was, is string }{
		{"type T struct, embedded *domain/event.Recorder", "type T struct, embedded example.com/x.Recorder[int] `a:\"b.C\"`"},
		{"func (*T[A, B]) M(A)", "func (T[A, B]) M(B)"},
		{"type T[A any] struct", "type T[A comparable] struct"},
		{"type T interface, M()", "type T interface, M(int)"},
		{"func F[T any](T)", "func F(int)"},
		{"type T = A", "type T func(struct{A int})"},
	} {
		assert.Equal(t, []api.Change{{c.was, c.is, false}}, api.Compare([]string{c.was}, []string{c.is}))
	}
	assert.Equal(t, []api.Change{{"package p, experimental", "package p, stable", true}},
		api.Compare([]string{"package p, experimental"}, []string{"package p, stable"}))
	assert.Equal(t, []api.Change{{"package p, stable", "package p, experimental", false}},
		api.Compare([]string{"package p, stable"}, []string{"package p, experimental"}))
}

func TestReportNamesThePackages(t *testing.T) {
	t.Parallel()
	same := []string{"package a, stable", "func A()"}
	var b strings.Builder
	differs, breaks, err := api.Report(&b, map[string][]string{"domain/a": same}, map[string][]string{"domain/a": same})
	require.NoError(t, err)
	assert.False(t, differs)
	assert.False(t, breaks)
	assert.Empty(t, b.String())

	differs, breaks, err = api.Report(&b, map[string][]string{"domain/a": same}, map[string][]string{"domain/a": append(same, "func B()")})
	require.NoError(t, err)
	assert.True(t, differs)
	assert.False(t, breaks)
	b.Reset()

	differs, breaks, err = api.Report(&b,
		map[string][]string{".": {"package l, stable", "func A()"}, "domain/old": {"package old, stable"}, "domain/same": same},
		map[string][]string{".": {"package l, stable", "func A(int)", "func B()"}, "domain/new": {"package n, stable"}, "domain/same": same})
	require.NoError(t, err)
	assert.True(t, differs)
	assert.True(t, breaks)
	assert.Equal(t, `
the root package
  incompatible:
    - func A()
    + func A(int)
  compatible:
    + func B()

domain/new (new)
  compatible:
    + package n, stable

domain/old (gone)
  incompatible:
    - package old, stable
`, b.String())
}

func TestPromises(t *testing.T) {
	t.Parallel()
	for dir, mark := range map[string]string{
		".": api.Experimental, "domain/money": api.Stable, "domain/a/b": api.Experimental, "domain/a/internal/b": api.Unsupported,
		"application": api.Experimental, "application/bus": api.Stable, "application/bus/x": api.Unsupported,
		"application/market": api.Experimental, "application/market/command": api.Experimental, "application/market/job": api.Unsupported,
		"application/shop": api.Unsupported, "ports/http": api.Experimental, "ports/http/market": api.Unsupported,
		"adapters/clock": api.Unsupported, "tests/leadmilltest": api.Experimental, "tests/dbtest": api.Unsupported,
	} {
		assert.Equal(t, mark, api.Promise(dir), dir)
	}
}

func TestMarks(t *testing.T) {
	t.Parallel()
	for comment, marks := range map[string][]string{
		"Package p.\n\nStability: stable.\n":                                       {api.Stable},
		"Package p.\n\nStability: experimental.\n":                                 {api.Experimental},
		"Package p.\n\nStability: unsupported; it may change at any time.\n":       {api.Unsupported},
		"Package p.\n\nStability: stable.\nMore.\n":                                {""},
		"Package p.\n\nStability: unsupported.\n":                                  {""},
		"Package p.\n\nStability: stable.\n\nStability: experimental.\n":           {"", api.Experimental},
		"Package p, of which nothing is said, but that it has no Stability: mark.": nil,
		"": nil,
	} {
		assert.Equal(t, marks, api.Marks(comment), comment)
	}
}

func TestBaselineIsWhatWasWritten(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	was, err := api.ReadBaseline(root)
	require.NoError(t, err)
	assert.Empty(t, was, "there was none")
	first := map[string][]string{".": {"package l, stable"}, "domain/a": {"package a, stable", "func A()"}, "domain": {"package domain, stable"}}
	require.NoError(t, api.WriteBaseline(root, first))
	was, err = api.ReadBaseline(root)
	require.NoError(t, err)
	assert.Equal(t, first, was)
	second := map[string][]string{".": {"package l, stable", "func L()"}}
	require.NoError(t, api.WriteBaseline(root, second))
	was, err = api.ReadBaseline(root)
	require.NoError(t, err)
	assert.Equal(t, second, was)
	content, err := os.ReadFile(filepath.Join(root, "api", "leadmill.txt"))
	require.NoError(t, err)
	assert.Equal(t, "package l, stable\nfunc L()\n", string(content))
}
