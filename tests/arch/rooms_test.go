package arch_test

import (
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strings"
	"unicode"
)

// rooms are the capabilities that have one name on every floor.
var rooms = []string{"account", "program", "market", "feed", "console"}

// floors are the places whose folders may be rooms.
var floors = []string{"application", "ports/http", "adapters/sqlstore"}

// shared are the folders of the floors that all rooms use. A folder that is neither here nor a room is not known.
var shared = map[string][]string{
	"application":       {"bus", "contract", "projection", "receiver"},
	"ports/http":        {"docs", "openapi"},
	"adapters/sqlstore": {"audit", "backup", "dialect", "internal", "lease", "migrations", "size", "sqlstoretest"},
}

// unknownFolder returns the folder of a floor that a directory is in or under and that is neither a room nor shared.
func unknownFolder(dir string) string {
	for _, floor := range floors {
		if rest, below := strings.CutPrefix(dir, floor+"/"); below {
			if first, _, _ := strings.Cut(rest, "/"); !slices.Contains(rooms, first) && !slices.Contains(shared[floor], first) {
				return floor + "/" + first
			}
		}
	}
	return ""
}

// maxLines is how long a hand-written file may be.
const maxLines = 600

// roomOf returns the room that a directory is in or under; empty for what all rooms use.
func roomOf(dir string) string {
	for _, floor := range append([]string{"tests/component", "adapters/sqlstore/sqlstoretest"}, floors...) {
		if rest, below := strings.CutPrefix(dir, floor+"/"); below {
			if first, _, _ := strings.Cut(rest, "/"); slices.Contains(rooms, first) {
				return first
			}
		}
	}
	return ""
}

// samePlace reports whether two directories are of one room, or one of them of none.
func samePlace(a, b string) bool { return roomOf(a) == "" || roomOf(b) == "" || roomOf(a) == roomOf(b) }

// composes reports whether a directory of what all rooms use puts the rooms together: the store makes one transaction of
// them, and its suites are there to test them.
func composes(dir string) bool {
	return slices.Contains([]string{"adapters/sqlstore", "adapters/sqlstore/sqlstoretest"}, dir)
}

// insides: what stands beside the rooms, such as the mail server's adapter, knows of a room what other rooms know of it.
func insides(_ *file, imported string) string {
	dir, mine := ours(imported)
	if room := roomOf(dir); mine && room != "" && under(dir, "application") && dir != "application/"+room {
		return "the inside of a room"
	}
	return ""
}

// roomsApart: a room is seen by others through its interfaces on the application's floor alone.
func roomsApart(f *file, imported string) string {
	dir, mine := ours(imported)
	switch other := roomOf(dir); {
	case !mine || other == "" || other == roomOf(f.dir):
		return ""
	case roomOf(f.dir) == "console" && slices.Contains([]string{"application/" + other, "application/" + other + "/command", "application/" + other + "/query"}, dir):
		return "" // pages show and send what all rooms have
	case dir != "application/"+other:
		return "the inside of another room"
	case under(f.dir, "ports/http"):
		return "a room of the port asks its own room only"
	}
	return ""
}

// assemblers are the files of the root that know fx: they make an instance of modules.
var assemblers = []string{"assemble.go", "core.go", "leadmill.go"}

// isRoomModule reports whether a file of the root is the Module of a room.
func isRoomModule(f *file) bool {
	return f.dir == "." && slices.Contains(rooms, strings.TrimSuffix(f.path, ".go"))
}

// roomsOfParts: a room's Module is made of what every team has (functions that begin with As or Replace, Provide and Share),
// and beside it stand only the constructors of its parts.
func roomsOfParts(f *file, report func(token.Pos, string)) {
	made := 0
	for _, d := range f.ast.Decls {
		group, is := d.(*ast.GenDecl)
		if !is || group.Tok != token.VAR {
			continue
		}
		for _, spec := range group.Specs {
			values, _ := spec.(*ast.ValueSpec)
			if len(values.Values) != 1 || called(values.Values[0]) != "ownModule" {
				report(spec.Pos(), "a room has no state of its own: its one variable is its Module")
				continue
			}
			made++
			call, _ := values.Values[0].(*ast.CallExpr)
			for _, part := range call.Args[1:] {
				if name := called(part); !isSeam(name) {
					report(part.Pos(), "not a part that every team has: "+name)
				}
			}
		}
	}
	if made != 1 {
		report(f.ast.Package, "the file of a room makes one Module")
	}
}

// called returns the name of the function that an expression calls, without its type arguments; empty for all else.
func called(e ast.Expr) string {
	call, is := e.(*ast.CallExpr)
	if !is {
		return ""
	}
	fun := call.Fun
	switch generic := fun.(type) {
	case *ast.IndexExpr:
		fun = generic.X
	case *ast.IndexListExpr:
		fun = generic.X
	}
	name, is := fun.(*ast.Ident)
	if !is {
		return ""
	}
	return name.Name
}

func isSeam(name string) bool {
	return name == "Provide" || name == "Share" || strings.HasPrefix(name, "As") || strings.HasPrefix(name, "Replace")
}

// isUseCases reports whether a directory holds commands or queries.
func isUseCases(dir string) bool {
	return under(dir, "application") && (path.Base(dir) == "command" || path.Base(dir) == "query")
}

// oneFileAUseCase: a command or query, which is whatever says what it needs, stands in the file that has its name.
func oneFileAUseCase(f *file, report func(token.Pos, string)) {
	for _, d := range f.ast.Decls {
		method, is := d.(*ast.FuncDecl)
		if !is || method.Recv == nil || method.Name.Name != "Needs" {
			continue
		}
		receiver := method.Recv.List[0].Type
		if star, is := receiver.(*ast.StarExpr); is {
			receiver = star.X
		}
		if name, is := receiver.(*ast.Ident); is && path.Base(f.path) != snake(name.Name)+".go" {
			report(method.Pos(), name.Name+" belongs into "+snake(name.Name)+".go")
		}
	}
}

// snake writes CreateAPIKey as create_api_key.
func snake(name string) string {
	var b strings.Builder
	letters := []rune(name)
	for i, r := range letters {
		startsWord := i > 0 && unicode.IsUpper(r) &&
			(unicode.IsLower(letters[i-1]) || i+1 < len(letters) && unicode.IsLower(letters[i+1]))
		if startsWord {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
