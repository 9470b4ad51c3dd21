// Package arch_test holds the rules of the house (docs/architecture.md, "Rooms"): who may import whom, where each technology
// lives, what the domain must not know, and that what is written can be found. Planted violations in testdata/tree show that
// every rule can fail.
package arch_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "github.com/leadmill/leadmill"

// file is one parsed Go file. dir is relative to the root of the tree, with slashes; "." is the root package.
type file struct {
	path, dir string
	test      bool // a _test.go file, or anything under tests/
	set       *token.FileSet
	ast       *ast.File
	pkg       []*file // the files of the package, in order, without _test.go files, of which each is alone
}

// finding is a place where a rule is broken.
type finding struct {
	path string
	line int
	rule string
	what string
}

func (f finding) String() string { return fmt.Sprintf("%s:%d: %s: %s", f.path, f.line, f.rule, f.what) }

// rule is one rule: which files it looks at, and what it says of one of them.
type rule struct {
	name    string
	applies func(*file) bool
	check   func(f *file, report func(token.Pos, string))
}

// kernel are the domain packages that every other may use: small values without a life of their own. field (named values
// and their rules) and calendar (zones and cap windows) are values too.
var kernel = []string{"domain/fault", "domain/money", "domain/contact", "domain/event", "domain/field", "domain/calendar", "domain/quota", "domain/returns", "domain/suppression", "domain/ping", "domain/attempt"}

// aggregates never import one another.
var aggregates = []string{"domain/seller", "domain/partner", "domain/customer", "domain/lead", "domain/campaign", "domain/buyer", "domain/delivery", "domain/webhook", "domain/operator"}

// deciders decide over several aggregates.
var deciders = []string{"domain/distribution", "domain/attribution"}

// pure are the libraries of values that the domain may use.
var pure = []string{"github.com/govalues/decimal", "github.com/oklog/ulid/v2", "github.com/nyaruka/phonenumbers"}

// jsonLibrary is the library that projections and reactions read events with, in half the time of encoding/json.
const jsonLibrary = "github.com/go-json-experiment/json"

// impure are packages of the standard library with I/O, a context, or the machine behind them.
var impure = []string{"context", "crypto/rand", "database/sql", "expvar", "flag", "io", "log", "math/rand", "net", "os", "plugin", "runtime", "syscall", "testing", "embed"}

// exceptions are imports that a rule would refuse, by directory, each with its reason.
var exceptions = map[string]map[string]string{
	"domain/contact": {
		"log/slog": "LogValue keeps personal values out of logs; nothing is logged",
		"net/url":  "parsing only",
	},
	"domain/field":    {"net/netip": "parsing only"},
	"domain/campaign": {"net/url": "parsing only"},
	"application": {
		"net/http": "Header is named, in which what is sent to others carries its headers; nothing is sent",
	},
	"application/projection": {
		"database/sql": "a projection writes through the transaction its cursor moves in; only Result and Rows are named",
	},
	"adapters/eventlog": {
		module + "/adapters/sqlstore/dialect": "the event log lives in the same database and asks the same dialect",
		module + "/adapters/sqlstore/lease":   "its consumers are shared out among instances as jobs are",
		module + "/application/feed/query":    "the event log is the feed's store",
	},
	"adapters/sqlstore/audit": {
		module + "/adapters/eventlog/segment": "the log is audited by what its segments hold",
	},
	"adapters/sqlstore/sqlstoretest": {
		module + "/adapters/eventlog":         "the store is tested with the log's writer, which no fake can stand for",
		module + "/adapters/eventlog/segment": "and by what it wrote",
	},
	"adapters/sqlstore/internal/grow": {
		module + "/adapters/eventlog/segment": "a migration writes the log's segments, in the form that the log has for them",
	},
	"adapters/jobs": {
		module + "/adapters/sqlstore/dialect": "jobs are shared out by a table of the same database, which asks the same dialect",
		module + "/adapters/sqlstore/lease":   "by the leases that consumers of the event log have",
	},
}

func excepted(f *file, imported string) bool { return exceptions[f.dir][imported] != "" }

// vendors says where each technology may be imported outside of tests.
var vendors = []struct {
	name   string
	paths  []string // module paths; what is below them is meant too
	places []string
}{
	{"gin", []string{"github.com/gin-gonic/gin"}, []string{"ports/http"}},
	{"fx", []string{"go.uber.org/fx"}, []string{"."}},
	{
		"watermill",
		[]string{"github.com/ThreeDotsLabs/watermill", "github.com/ThreeDotsLabs/watermill-sql/v4"},
		[]string{"adapters/eventlog", "adapters/brokers", "ports/events", "."},
	},
	{
		"sql",
		[]string{"github.com/jmoiron/sqlx", "github.com/go-sql-driver/mysql", "modernc.org/sqlite", "github.com/pressly/goose/v3"},
		[]string{"adapters/sqlstore", "adapters/eventlog"},
	},
	{"cel", []string{"github.com/google/cel-go"}, []string{"adapters/celfilter"}},
	{"oidc", []string{"github.com/coreos/go-oidc/v3", "golang.org/x/oauth2"}, []string{"adapters/oidc"}},
	{"mock", []string{"go.uber.org/mock"}, nil},
}

func under(dir string, places ...string) bool {
	return slices.ContainsFunc(places, func(p string) bool { return dir == p || p != "." && strings.HasPrefix(dir, p+"/") })
}

func in(places ...string) func(*file) bool {
	return func(f *file) bool { return !f.test && under(f.dir, places...) }
}

func isStandard(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	return !strings.Contains(first, ".")
}

// ours returns the directory of one of our packages, "." for the root.
func ours(imported string) (dir string, ok bool) {
	if imported == module {
		return ".", true
	}
	return strings.CutPrefix(imported, module+"/")
}

// imports makes a check of a question about one import: an empty answer is allowed.
func imports(ask func(f *file, imported string) string) func(*file, func(token.Pos, string)) {
	return func(f *file, report func(token.Pos, string)) {
		for _, spec := range f.ast.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil || excepted(f, imported) {
				continue
			}
			if what := ask(f, imported); what != "" {
				report(spec.Pos(), imported+": "+what)
			}
		}
	}
}

// only allows imports of ours below some directories and of the file's own package tree.
func only(places ...string) func(*file, func(token.Pos, string)) {
	return imports(func(f *file, imported string) string {
		dir, is := ours(imported)
		// An adapter or port is its first two directories: adapters/sqlstore, ports/http.
		own := strings.Join(strings.SplitN(f.dir, "/", 3)[:min(2, strings.Count(f.dir, "/")+1)], "/")
		if !is || under(dir, places...) || under(dir, own) {
			return ""
		}
		return "may be imported only from other places; here: " + strings.Join(places, ", ")
	})
}

func rules() []rule {
	list := []rule{
		{"layout", func(*file) bool { return true }, func(f *file, report func(token.Pos, string)) {
			top, _, _ := strings.Cut(f.dir, "/")
			known := slices.Concat(kernel, aggregates, deciders)
			switch {
			case !slices.Contains([]string{".", "cmd", "domain", "application", "adapters", "ports", "sdk", "tests"}, top):
				report(f.ast.Package, "no such place in the house: "+top)
			case top == "domain" && !slices.Contains(known, f.dir):
				report(f.ast.Package, "say here whether it is kernel, an aggregate or a decider")
			case unknownFolder(f.dir) != "":
				report(f.ast.Package, "say here whether it is a room or what all rooms use: "+unknownFolder(f.dir))
			}
		}},
		{"domain-imports", in("domain"), imports(func(_ *file, imported string) string {
			_, mine := ours(imported)
			switch {
			case mine && !strings.HasPrefix(imported, module+"/domain/"):
				return "the domain imports the domain only"
			case mine || slices.Contains(pure, imported):
				return ""
			case !isStandard(imported):
				return "not one of the pure value libraries"
			case under(imported, impure...):
				return "has I/O, a context or the machine behind it"
			}
			return ""
		})},
		{"aggregates-apart", in(slices.Concat(kernel, aggregates)...), imports(func(_ *file, imported string) string {
			dir, mine := ours(imported)
			if mine && under(dir, slices.Concat(aggregates, deciders)...) {
				return "only " + strings.Join(deciders, " and ") + " import aggregates"
			}
			return ""
		})},
		{"application-imports", in("application"), imports(func(_ *file, imported string) string {
			dir, mine := ours(imported)
			switch {
			case mine && !under(dir, "application", "domain"):
				return "the application imports application and domain"
			case !mine && !isStandard(imported) && imported != jsonLibrary:
				return "a technology; it belongs into an adapter"
			case under(imported, "database/sql", "net/http", "os"):
				return "I/O; it belongs into an adapter or port"
			}
			return ""
		})},
		{"eventsv1-alone", in("application/contract/eventsv1"), imports(func(_ *file, imported string) string {
			if !isStandard(imported) {
				return "the public events import the standard library only"
			}
			return ""
		})},
		{"adapters-imports", in("adapters"), only("application", "domain")},
		{"ports-imports", in("ports"), only(append([]string{"application"}, kernel...)...)},
		{"rooms-apart", func(f *file) bool { return !f.test && roomOf(f.dir) != "" }, imports(roomsApart)},
		{
			"rooms-apart-in-tests", func(f *file) bool { return under(f.dir, "tests/component") && roomOf(f.dir) != "" },
			imports(func(f *file, imported string) string {
				if dir, _ := ours(imported); under(dir, "tests/component") && !samePlace(f.dir, dir) {
					return "the tests of another room"
				}
				return ""
			}),
		},
		{
			"shared-floor", func(f *file) bool {
				return !f.test && roomOf(f.dir) == "" && under(f.dir, floors...) && !composes(f.dir)
			},
			imports(func(_ *file, imported string) string {
				if dir, mine := ours(imported); mine && roomOf(dir) != "" {
					return "what all rooms use knows no room"
				}
				return ""
			}),
		},
		{"room-insides", func(f *file) bool { return !f.test && roomOf(f.dir) == "" && under(f.dir, "adapters", "ports") }, imports(insides)},
		{"rooms-of-parts", isRoomModule, roomsOfParts},
		{"fx-in-the-core", func(f *file) bool { return !f.test && f.dir == "." && !slices.Contains(assemblers, f.path) }, imports(func(_ *file, imported string) string {
			if under(imported, "go.uber.org/fx", "go.uber.org/dig") {
				return "only in " + strings.Join(assemblers, ", ")
			}
			return ""
		})},
		{"one-file-a-use-case", func(f *file) bool { return !f.test && isUseCases(f.dir) }, oneFileAUseCase},
		{"short-files", func(f *file) bool { return !f.test && !ast.IsGenerated(f.ast) }, func(f *file, report func(token.Pos, string)) {
			if lines := f.set.Position(f.ast.FileEnd).Line; lines > maxLines {
				report(f.ast.Package, fmt.Sprintf("%d lines; at most %d can be read in one go", lines, maxLines))
			}
		}},
		{"cmd-imports", in("cmd"), imports(func(_ *file, imported string) string {
			if dir, mine := ours(imported); mine && dir != "." {
				return "commands import the root package only"
			}
			return ""
		})},
		{"tests-stay-tests", func(f *file) bool { return !f.test && f.dir != "." }, imports(func(_ *file, imported string) string {
			if dir, mine := ours(imported); mine && under(dir, "tests") {
				return "helpers of tests are for tests"
			}
			return ""
		})},
		{"wall-clock", func(f *file) bool { return !f.test && f.dir != "adapters/clock" && f.importsAny("time") }, wallClock},
		{"domain-tags", in("domain"), func(f *file, report func(token.Pos, string)) {
			ast.Inspect(f.ast, func(n ast.Node) bool {
				if field, is := n.(*ast.Field); is && field.Tag != nil {
					report(field.Tag.Pos(), "the domain knows no tags")
				}
				return true
			})
		}},
		{"domain-floats", in("domain"), func(f *file, report func(token.Pos, string)) {
			ast.Inspect(f.ast, func(n ast.Node) bool {
				if id, is := n.(*ast.Ident); is && (id.Name == "float64" || id.Name == "float32") {
					report(id.Pos(), "no floating point: money is in whole micro-units")
				}
				return true
			})
		}},
		{
			"aggregates-private", func(f *file) bool { return !f.test && under(f.dir, "domain") && len(recorders(f)) > 0 },
			func(f *file, report func(token.Pos, string)) {
				for _, s := range recorders(f) {
					for _, field := range s.Fields.List {
						for _, name := range field.Names {
							if name.IsExported() {
								report(name.Pos(), "an aggregate has no exported field: "+name.Name)
							}
						}
						if len(field.Names) == 0 && !isRecorder(f, field.Type) {
							report(field.Pos(), "an aggregate embeds nothing but its Recorder")
						}
					}
				}
			},
		},
	}
	list = append(list, promises()...)
	list = append(list, statements()...)
	for _, v := range vendors {
		list = append(list, rule{
			"vendor-" + v.name, func(f *file) bool { return !f.test && !under(f.dir, v.places...) },
			imports(func(_ *file, imported string) string {
				if under(imported, v.paths...) {
					return "only in " + strings.Join(append(slices.Clone(v.places), "tests"), ", ")
				}
				return ""
			}),
		})
	}
	return list
}

func (f *file) importsAny(paths ...string) bool {
	return slices.ContainsFunc(f.ast.Imports, func(s *ast.ImportSpec) bool {
		p, _ := strconv.Unquote(s.Path.Value)
		return slices.Contains(paths, p)
	})
}

// nameOf returns the name under which a file knows an import; empty when it does not import it.
func (f *file) nameOf(imported string) string {
	for _, s := range f.ast.Imports {
		if p, _ := strconv.Unquote(s.Path.Value); p == imported {
			if s.Name != nil {
				return s.Name.Name
			}
			return path.Base(imported)
		}
	}
	return ""
}

func wallClock(f *file, report func(token.Pos, string)) {
	name := f.nameOf("time")
	if name == "." {
		report(f.ast.Package, "time is not imported with a dot")
	}
	ast.Inspect(f.ast, func(n ast.Node) bool {
		s, is := n.(*ast.SelectorExpr)
		if !is {
			return true
		}
		if x, is := s.X.(*ast.Ident); is && x.Name == name && slices.Contains([]string{"Now", "Since", "Until"}, s.Sel.Name) {
			report(s.Pos(), "ask the Clock; only adapters/clock reads the machine's time")
		}
		return true
	})
}

// recorders returns the structs of a file that embed event.Recorder: the aggregates.
func recorders(f *file) []*ast.StructType {
	var found []*ast.StructType
	ast.Inspect(f.ast, func(n ast.Node) bool {
		if s, is := n.(*ast.StructType); is {
			if slices.ContainsFunc(s.Fields.List, func(x *ast.Field) bool { return len(x.Names) == 0 && isRecorder(f, x.Type) }) {
				found = append(found, s)
			}
		}
		return true
	})
	return found
}

func isRecorder(f *file, t ast.Expr) bool {
	if star, is := t.(*ast.StarExpr); is {
		t = star.X
	}
	s, is := t.(*ast.SelectorExpr)
	if !is || s.Sel.Name != "Recorder" {
		return false
	}
	x, is := s.X.(*ast.Ident)
	return is && x.Name == f.nameOf(module+"/domain/event")
}

// load parses every Go file of a tree, but none of testdata, of scripts and sdk/go, which are modules of their own, and of hidden directories.
func load(t *testing.T, root string) []*file {
	t.Helper()
	var files []*file
	set := token.NewFileSet()
	require.NoError(t, filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if rel != "." && (strings.HasPrefix(d.Name(), ".") || slices.Contains([]string{"testdata", "bin", "data", "dist"}, d.Name()) || rel == "scripts" || rel == filepath.Join("sdk", "go")) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		parsed, err := parser.ParseFile(set, name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		dir := path.Dir(rel)
		files = append(files, &file{path: rel, dir: dir, set: set, ast: parsed, test: strings.HasSuffix(rel, "_test.go") || under(dir, "tests")})
		return nil
	}))
	packages := map[string][]*file{}
	for _, f := range files {
		if f.pkg = []*file{f}; !strings.HasSuffix(f.path, "_test.go") {
			packages[f.dir] = append(packages[f.dir], f)
		}
	}
	for _, list := range packages {
		for _, f := range list {
			f.pkg = list
		}
	}
	return files
}

// judge returns what breaks the rules, and how many files each rule looked at.
func judge(files []*file) (found []finding, matched map[string]int) {
	matched = map[string]int{}
	for _, r := range rules() {
		for _, f := range files {
			if !r.applies(f) {
				continue
			}
			matched[r.name]++
			r.check(f, func(at token.Pos, what string) {
				found = append(found, finding{f.path, f.set.Position(at).Line, r.name, what})
			})
		}
	}
	return found, matched
}

const root = "../.."

func TestTheHouseIsInOrder(t *testing.T) {
	t.Parallel()
	found, matched := judge(load(t, root))
	for _, f := range found {
		t.Error(f)
	}
	for _, r := range rules() {
		assert.Positive(t, matched[r.name], "the rule %s looks at no file", r.name)
	}
}

// Every planted line says which rules it breaks: "// want rule rule". No other line breaks any.
func TestPlantedViolationsAreCaught(t *testing.T) {
	t.Parallel()
	files := load(t, filepath.Join("testdata", "tree"))
	type place struct {
		path, rule string
		line       int
	}
	want, got, planted := map[place]bool{}, map[place]bool{}, map[string]bool{}
	for _, f := range files {
		for _, group := range f.ast.Comments {
			for _, c := range group.List {
				if names, is := strings.CutPrefix(c.Text, "// want "); is {
					for name := range strings.FieldsSeq(names) {
						want[place{f.path, name, f.set.Position(c.Pos()).Line}] = true
						planted[name] = true
					}
				}
			}
		}
	}
	found, _ := judge(files)
	for _, f := range found {
		got[place{f.path, f.rule, f.line}] = true
	}
	for p := range maps.Keys(want) {
		assert.True(t, got[p], "not caught: %s:%d %s", p.path, p.line, p.rule)
	}
	for p := range maps.Keys(got) {
		assert.True(t, want[p], "caught, but right: %s:%d %s", p.path, p.line, p.rule)
	}
	for _, r := range rules() {
		assert.True(t, planted[r.name], "nothing is planted against the rule %s", r.name)
	}
}

// A rule about a module that nobody requires would never fail: a misspelt path, or a new major version.
func TestVendorsAreRequired(t *testing.T) {
	t.Parallel()
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	require.NoError(t, err)
	for _, v := range vendors {
		for _, p := range v.paths {
			assert.Contains(t, string(mod), "\t"+p+" v", v.name)
		}
	}
	for _, p := range pure {
		assert.Contains(t, string(mod), "\t"+p+" v")
	}
}

// An exception that nobody needs any more is taken out.
func TestExceptionsAreUsed(t *testing.T) {
	t.Parallel()
	files := load(t, root)
	for dir, list := range exceptions {
		for imported := range list {
			assert.True(t, slices.ContainsFunc(files, func(f *file) bool { return !f.test && f.dir == dir && f.importsAny(imported) }),
				"%s does not import %s", dir, imported)
		}
	}
}
