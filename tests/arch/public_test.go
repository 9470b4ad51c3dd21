package arch_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// kit is the package that teams test their modules with.
const kit = module + "/tests/leadmilltest"

// isPublic reports whether teams may import a package of ours, given by its directory.
func isPublic(dir string) bool {
	switch {
	case dir == ".", dir == "application", dir == "ports/http", dir == "tests/leadmilltest", under(dir, "domain"):
		return true
	case slices.Contains([]string{"application/bus", "application/projection", "application/contract/eventsv1"}, dir):
		return true
	}
	rest, below := strings.CutPrefix(dir, "application/")
	room, floor, _ := strings.Cut(rest, "/")
	return below && slices.Contains(rooms, room) && slices.Contains([]string{"", "command", "query"}, floor)
}

// unsupported returns the places where the exported API of a package names a type that those who may import the package may
// not: one of another package of ours that is not public, or one of a library.
func unsupported(p *types.Package) []string {
	var found []string
	seen := map[types.Type]bool{}
	var look func(where string, t types.Type)
	members := func(where string, tuple *types.Tuple) {
		for v := range tuple.Variables() {
			look(where, v.Type())
		}
	}
	named := func(where string, o *types.TypeName, arguments *types.TypeList) {
		if o.Pkg() != nil && o.Pkg() != p && !isStandard(o.Pkg().Path()) {
			if dir, mine := ours(o.Pkg().Path()); !mine || !isPublic(dir) {
				found = append(found, fmt.Sprintf("%s names %s.%s", where, o.Pkg().Path(), o.Name()))
			}
		}
		for argument := range arguments.Types() {
			look(where, argument)
		}
	}
	look = func(where string, t types.Type) {
		switch t := t.(type) {
		case *types.Alias:
			named(where, t.Obj(), t.TypeArgs())
			look(where, t.Rhs())
		case *types.Named:
			named(where, t.Obj(), t.TypeArgs())
			if t.Obj().Pkg() != p || seen[t] {
				return
			}
			seen[t] = true // also one that is not exported: its exported methods and fields can be reached
			look(t.Obj().Name(), t.Underlying())
			for m := range types.NewMethodSet(types.NewPointer(t)).Methods() {
				if m.Obj().Exported() {
					look(t.Obj().Name()+"."+m.Obj().Name(), m.Type())
				}
			}
		case *types.Struct:
			for f := range t.Fields() {
				if f.Exported() {
					look(where+"."+f.Name(), f.Type())
				}
			}
		case *types.Interface:
			for m := range t.Methods() {
				if m.Exported() {
					look(where+"."+m.Name(), m.Type())
				}
			}
		case *types.Signature:
			members(where, t.Params())
			members(where, t.Results())
		case *types.Map:
			look(where, t.Key())
			look(where, t.Elem())
		case interface{ Elem() types.Type }:
			look(where, t.Elem())
		}
	}
	for _, name := range p.Scope().Names() {
		if o := p.Scope().Lookup(name); o.Exported() {
			look(name, o.Type())
		}
	}
	return found
}

// compiled returns an importer of packages and of what they depend on, as the compiler knows them.
func compiled(t *testing.T, packages ...string) types.Importer {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", append([]string{"list", "-export", "-deps", "-f", "{{.ImportPath}}\t{{.Export}}"}, packages...)...)
	list.Dir = root
	var problems bytes.Buffer
	list.Stderr = &problems
	out, err := list.Output()
	require.NoError(t, err, problems.String())
	files := map[string]string{}
	for line := range strings.Lines(string(out)) {
		name, file, _ := strings.Cut(strings.TrimSpace(line), "\t")
		files[name] = file
	}
	return importer.ForCompiler(token.NewFileSet(), "gc", func(name string) (io.ReadCloser, error) { return os.Open(files[name]) })
}

// TestTheKitIsForOutsiders: what teams test with is made of what they may import.
func TestTheKitIsForOutsiders(t *testing.T) {
	t.Parallel()
	imported := compiled(t, kit)
	p, err := imported.Import(kit)
	require.NoError(t, err)
	require.Greater(t, len(p.Scope().Names()), 20)
	assert.Empty(t, unsupported(p))

	set := token.NewFileSet()
	planted, err := parser.ParseFile(set, "planted.go", `package planted
import (
	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/application/program"
	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/getkin/kin-openapi/openapi3"
)
type Good struct { Config leadmill.Config; clock clock.Manual; Text program.InvitationText }
func (g *Good) Set(map[string][]leadmill.Module) {}
func (g *Good) move(clock.Manual) {}
func Alias() Hands { panic("") }
type Hands = *clock.Manual
func Slices() (map[string][]dbtest.Engine, error) { panic("") }
type Field struct { DB *dialect.DB }
type hidden struct{}
func (hidden) Method(...openapi3.T) {}
func Reached() hidden { panic("") }
type Embeds struct { *clock.System }
type Port interface { Send(func(dbtest.Engine)) }
type Of[T any] struct{}
var Generic Of[dbtest.Engine]
`, 0)
	require.NoError(t, err)
	config := types.Config{Importer: imported}
	p, err = config.Check("planted", set, []*ast.File{planted}, nil)
	require.NoError(t, err)
	var places []string
	for _, found := range unsupported(p) {
		place, _, _ := strings.Cut(found, " ")
		places = append(places, place)
	}
	slices.Sort(places)
	assert.Equal(t, []string{"Alias", "Embeds.System", "Field.DB", "Generic", "Hands", "Port.Send", "Slices", "hidden.Method"}, slices.Compact(places))
}

func TestWhatIsPublic(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{
		".", "domain/lead", "application", "application/bus", "application/projection", "application/contract/eventsv1",
		"application/market", "application/market/command", "application/program/query", "ports/http", "tests/leadmilltest",
	} {
		assert.True(t, isPublic(dir), dir)
	}
	for _, dir := range []string{
		"adapters/clock", "adapters/sqlstore", "ports/http/market", "ports/events", "application/market/job", "application/contract",
		"tests/dbtest", "tests/component/apptest", "cmd/leadmill", "applications/market",
	} {
		assert.False(t, isPublic(dir), dir)
	}
}
