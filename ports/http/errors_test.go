package httpport

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/tests/openapitest"
)

// The table of docs/errors.md is what the code does: every code that can be answered is in it, with its statuses.
func TestCodesAreDocumented(t *testing.T) {
	t.Parallel()
	documented := map[string][2]string{}
	text, err := os.ReadFile("../../docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| (\\S+) \\| (\\S+) \\|").FindAllStringSubmatch(string(text), -1) {
		documented[m[1]] = [2]string{m[2], m[3]}
	}
	kinds := codesInSource(t, "../../domain", "../../application", "../../adapters", ".")
	if len(kinds) < 30 {
		t.Fatalf("only %d codes were found", len(kinds))
	}
	for code, of := range kinds {
		row, ok := documented[string(code)]
		if !ok {
			t.Errorf("%s is not in docs/errors.md", code)
			continue
		}
		for f, status := range row {
			if status == "-" || status == "200" { // 200: told in the answer of a lead, not as an error
				continue
			}
			var got []string
			for _, kind := range slices.Sorted(maps.Keys(of)) {
				if kind == fault.NotImplemented && form(f) == supplierForm {
					continue // the supplier API has no routes that come later
				}
				got = append(got, strconv.Itoa(statusOf(form(f), &fault.Error{Kind: kind, Code: code})))
			}
			if strings.Join(got, "/") != status {
				t.Errorf("%s is documented as %s, is %v", code, status, got)
			}
		}
	}
	spec, err := openapitest.Load(openAPI)
	if err != nil {
		t.Fatal(err)
	}
	for code := range spec.Codes() {
		if _, ok := documented[code]; !ok {
			t.Errorf("%s is in openapi.yaml and not in docs/errors.md", code)
		}
	}
	for code := range documented {
		_, made := kinds[fault.Code(code)]
		if !made && code != string(fault.UnknownField) && code != string(fault.WrongType) {
			t.Errorf("%s is documented and nowhere made", code)
		}
	}
}

// fieldCodes are the codes of single members; they are answered inside validation_failed or promoted from it.
var fieldCodes = map[string]bool{"InvalidValue": true, "Required": true, "WrongType": true, "UnknownField": true, "Duplicate": true}

// codesInSource finds every fault.New in the source under some directories, tests left out.
func codesInSource(t *testing.T, dirs ...string) map[fault.Code]map[fault.Kind]bool {
	t.Helper()
	names := map[string]fault.Kind{
		"Internal": fault.Internal, "Invalid": fault.Invalid, "Unauthenticated": fault.Unauthenticated,
		"Forbidden": fault.Forbidden, "NotFound": fault.NotFound, "Conflict": fault.Conflict, "RuleViolated": fault.RuleViolated,
		"TooMany": fault.TooMany, "Unavailable": fault.Unavailable, "Gone": fault.Gone, "NotImplemented": fault.NotImplemented,
	}
	found := map[fault.Code]map[fault.Kind]bool{}
	add := func(code fault.Code, kind fault.Kind) {
		if found[code] == nil {
			found[code] = map[fault.Kind]bool{}
		}
		found[code][kind] = true
	}
	last := func(e ast.Expr) string {
		switch e := e.(type) {
		case *ast.Ident:
			return e.Name
		case *ast.SelectorExpr:
			return e.Sel.Name
		}
		return ""
	}
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "sqlstoretest") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return nil //nolint:nilerr // the compiler says so better
			}
			inFault := file.Name.Name == "fault"
			ast.Inspect(file, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok || len(call.Args) != 3 {
					return true
				}
				selector, ok := call.Fun.(*ast.SelectorExpr)
				made := ok && last(selector.X) == "fault" && selector.Sel.Name == "New" || !ok && inFault && last(call.Fun) == "New"
				if !made {
					return true
				}
				kind, known := names[last(call.Args[0])]
				switch code := call.Args[1].(type) {
				case *ast.BasicLit:
					text, _ := strconv.Unquote(code.Value)
					if !known {
						t.Errorf("%s: %s has a kind that is not seen", path, text)
					}
					add(fault.Code(text), kind)
				case *ast.CallExpr: // an intake rule's own code, told in the answer of a rejected lead
					if last(code.Fun) != "Code" {
						t.Errorf("%s: a code is not written out", path)
					}
				default:
					name := last(code)
					switch {
					case fieldCodes[name], name == "Code": // a copy of another error
					case inFault && name == "rule": // the own code of an extension's rule
					case name == "NotSupported":
						add(fault.NotSupported, kind)
					default:
						t.Errorf("%s: a code is not written out", path)
					}
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}

func TestAddress(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"192.0.2.1:1": "192.0.2.1", "[::ffff:192.0.2.1]:1": "192.0.2.1", "[2001:db8:1:2:3::4]:1": "2001:db8:1:2::", "x": "unknown"} {
		k := Call{server: &Server{}, gin: &gin.Context{Request: &http.Request{RemoteAddr: in}}}
		if got := k.Address(); got != want {
			t.Errorf("%s: %s", in, got)
		}
	}
}

// Behind a proxy all visitors had the proxy's address, and so one limit for all of them.
func TestTheAddressBehindProxies(t *testing.T) {
	t.Parallel()
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}
	for _, c := range []struct {
		remote    string
		forwarded []string
		trusted   []netip.Prefix
		want      string
	}{
		{"10.0.0.1:1", nil, trusted, "10.0.0.1"},
		{"10.0.0.1:1", []string{"192.0.2.7"}, trusted, "192.0.2.7"},
		{"10.0.0.1:1", []string{"192.0.2.7"}, nil, "10.0.0.1"},
		{"192.0.2.1:1", []string{"192.0.2.7"}, trusted, "192.0.2.1"},
		{"10.0.0.1:1", []string{"203.0.113.9, 192.0.2.7"}, trusted, "192.0.2.7"},
		{"10.0.0.1:1", []string{"203.0.113.9", "192.0.2.7 , 10.1.2.3"}, trusted, "192.0.2.7"},
		{"10.0.0.1:1", []string{"10.9.9.9, 10.1.2.3"}, trusted, "10.9.9.9"},
		{"10.0.0.1:1", []string{"192.0.2.7:4711"}, trusted, "192.0.2.7"},
		{"10.0.0.1:1", []string{"unknown"}, trusted, "10.0.0.1"},
		{"10.0.0.1:1", []string{"192.0.2.7, "}, trusted, "10.0.0.1"},
		{"[2001:db8::1]:1", []string{"::ffff:192.0.2.7"}, trusted, "192.0.2.7"},
		{"[::ffff:10.0.0.1]:1", []string{"2001:db9:1:2:3::4"}, trusted, "2001:db9:1:2::"},
	} {
		k := Call{server: &Server{deps: Deps{TrustedProxies: c.trusted}}, gin: &gin.Context{Request: &http.Request{RemoteAddr: c.remote, Header: http.Header{"X-Forwarded-For": c.forwarded}}}}
		if got := k.Address(); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

func TestOwnRoutesAreDocumented(t *testing.T) {
	t.Parallel()
	spec, err := openapitest.Load(openAPI)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range ownRoutes() {
		if o, ok := spec.Find(r.Method, r.Path); !ok || len(o.Scopes) > 0 || r.Needs != application.Visitor {
			t.Errorf("%s: documented %v with %v", r, ok, o.Scopes)
		}
	}
}
