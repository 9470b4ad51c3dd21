package arch_test

import (
	"go/token"
	"slices"
	"strings"

	"github.com/leadmill/leadmill/tests/api"
)

// promises are the rules about what packages promise to those who import them (docs/stability.md).
func promises() []rule {
	return []rule{
		{"stability", owesMark, marked},
		{
			"stable-on-stable", func(f *file) bool { return owesMark(f) && api.Promise(f.dir) == api.Stable },
			imports(func(_ *file, imported string) string {
				if dir, mine := ours(imported); mine && api.Promise(dir) != api.Stable {
					return "what a stable package shows would change with it"
				}
				return ""
			}),
		},
	}
}

// owesMark reports whether a file is of a package that says what it promises. Nobody can import a command, and what stands in
// tests/extension are teams of our own, whose code is copied.
func owesMark(f *file) bool {
	return !strings.HasSuffix(f.path, "_test.go") && f.ast.Name.Name != "main" && !under(f.dir, "tests/extension")
}

// marked: a package has one mark, in the last line of its comment, and it is what the lists in tests/api say.
func marked(f *file, report func(token.Pos, string)) {
	at := f.ast.Package
	switch marks := marksOf(f); {
	case len(marks) == 0 && f == f.pkg[0] && !slices.ContainsFunc(f.pkg, func(other *file) bool { return len(marksOf(other)) > 0 }):
		report(at, "the package comment ends with no mark, such as: Stability: unsupported; it may change at any time.")
	case len(marks) > 1:
		report(at, "more than one mark")
	case len(marks) == 0:
	case marks[0] == "":
		report(at, "the mark is not the last line of the comment, or not one of the three")
	case slices.ContainsFunc(f.pkg[:slices.Index(f.pkg, f)], func(other *file) bool { return len(marksOf(other)) > 0 }):
		report(at, "another file of the package has a mark already")
	case marks[0] != api.Promise(f.dir):
		report(at, "the lists in tests/api say "+api.Promise(f.dir))
	}
}

func marksOf(f *file) []string { return api.Marks(f.ast.Doc.Text()) }
