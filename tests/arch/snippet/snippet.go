// Package snippet keeps the code in Markdown pages equal to files of the repository, which are compiled and tested. A page names
// the file in a comment, and the fenced block that follows holds it, whole or by declarations:
//
//	<!-- source: path/from/the/root.go -->
//	<!-- source: path/from/the/root.go#Func,Type,Type.Method -->
//
// Declarations are shown with their comments, in the order they are named; a name inside a group of constants, variables or types
// means the whole group. A file without names may be of any kind.
//
// Stability: unsupported; it may change at any time.
package snippet

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

var (
	marker = regexp.MustCompile(`^<!-- source: ([^\s#]+)(?:#(\S+))? -->$`)
	fence  = regexp.MustCompile("^ {0,3}(```+|~~~+)")
)

// Fill returns a page with its named blocks as the sources are now. An error tells the line of each that cannot be filled.
func Fill(sources fs.FS, page string) (string, error) {
	lines := strings.SplitAfter(page, "\n")
	var filled strings.Builder
	var problems []error
	for i := 0; i < len(lines); i++ {
		line := strings.TrimRight(lines[i], "\r\n")
		filled.WriteString(lines[i])
		if open := fence.FindStringSubmatch(line); open != nil { // a block without a source stays
			end := closing(lines, i+1, open[1])
			filled.WriteString(strings.Join(lines[i+1:min(end+1, len(lines))], ""))
			i = end
			continue
		}
		if !strings.HasPrefix(strings.TrimSpace(line), "<!-- source:") {
			continue
		}
		end, block, err := replace(sources, lines, i)
		if err != nil {
			problems = append(problems, fmt.Errorf("line %d: %w", i+1, err))
			continue
		}
		filled.WriteString(block)
		i = end
	}
	return filled.String(), errors.Join(problems...)
}

// replace returns what stands after the marker in a line, up to the end of its block, as the source has it, and the line of
// that end.
func replace(sources fs.FS, lines []string, at int) (end int, block string, err error) {
	named := marker.FindStringSubmatch(strings.TrimRight(lines[at], "\r\n"))
	if named == nil {
		return 0, "", errors.New("a source is named by a line of its own: <!-- source: path/to/file.go#Name,Name -->")
	}
	begin := at + 1
	for begin < len(lines) && strings.TrimSpace(lines[begin]) == "" {
		begin++
	}
	var open []string
	if begin < len(lines) {
		open = fence.FindStringSubmatch(lines[begin])
	}
	if open == nil {
		return 0, "", fmt.Errorf("no fenced block follows the source %s", named[1])
	}
	if end = closing(lines, begin+1, open[1]); end == len(lines) {
		return 0, "", errors.New("the block of " + named[1] + " has no end")
	}
	var names []string
	if named[2] != "" {
		names = strings.Split(named[2], ",")
	}
	text, err := Source(sources, named[1], names...)
	if err != nil {
		return 0, "", err
	}
	if slices.ContainsFunc(strings.Split(text, "\n"), func(l string) bool { return isClosing(l, open[1]) }) {
		return 0, "", fmt.Errorf("%s has a line that would end the block: fence it with more of %s", named[1], open[1][:1])
	}
	return end, strings.Join(lines[at+1:begin+1], "") + text + lines[end], nil
}

// closing returns the line that ends a block; len(lines) when there is none.
func closing(lines []string, from int, open string) int {
	for i := from; i < len(lines); i++ {
		if isClosing(lines[i], open) {
			return i
		}
	}
	return len(lines)
}

func isClosing(line, open string) bool {
	line = strings.TrimSpace(line)
	return len(line) >= len(open) && strings.Trim(line, open[:1]) == ""
}

// Source returns a file, or some of its declarations with their comments, as text that ends with one newline. Names are those
// of functions, types, constants and variables, and Type.Method.
func Source(sources fs.FS, file string, names ...string) (string, error) {
	content, err := fs.ReadFile(sources, file)
	if err != nil {
		return "", fmt.Errorf("the source %s cannot be read: %w", file, err)
	}
	if len(names) == 0 {
		return strings.TrimRight(string(content), "\n") + "\n", nil
	}
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, file, content, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return "", fmt.Errorf("the source %s is no Go file: %w", file, err)
	}
	parts := make([]string, 0, len(names))
	for _, name := range names {
		i := slices.IndexFunc(parsed.Decls, func(d ast.Decl) bool { return slices.Contains(declares(d), name) })
		if i < 0 {
			return "", fmt.Errorf("%s declares no %s", file, name)
		}
		parts = append(parts, text(set, content, parsed.Decls[i]))
	}
	return strings.Join(parts, "\n"), nil
}

// text returns the lines of a declaration, with its comment.
func text(set *token.FileSet, content []byte, d ast.Decl) string {
	from := d.Pos()
	if doc := commentOf(d); doc != nil {
		from = doc.Pos()
	}
	begin, end := set.Position(from).Offset, set.Position(d.End()).Offset
	if rest := bytes.IndexByte(content[end:], '\n'); rest >= 0 {
		end += rest
	} else {
		end = len(content)
	}
	return string(content[begin:end]) + "\n"
}

func commentOf(d ast.Decl) *ast.CommentGroup {
	switch d := d.(type) {
	case *ast.FuncDecl:
		return d.Doc
	case *ast.GenDecl:
		return d.Doc
	}
	return nil
}

// declares returns the names by which a declaration is known.
func declares(d ast.Decl) []string {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			return []string{d.Name.Name}
		}
		return []string{receiver(d.Recv.List[0].Type) + "." + d.Name.Name}
	case *ast.GenDecl:
		var names []string
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				names = append(names, s.Name.Name)
			case *ast.ValueSpec:
				for _, n := range s.Names {
					names = append(names, n.Name)
				}
			}
		}
		return names
	}
	return nil
}

// receiver returns the name of a receiver's type, without its star and type parameters.
func receiver(t ast.Expr) string {
	switch t := t.(type) {
	case *ast.StarExpr:
		return receiver(t.X)
	case *ast.IndexExpr:
		return receiver(t.X)
	case *ast.IndexListExpr:
		return receiver(t.X)
	case *ast.Ident:
		return t.Name
	}
	return ""
}

// Pages returns the Markdown pages below a folder, but none of testdata, of hidden folders and of what the tools write.
func Pages(root string) ([]string, error) {
	var pages []string
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			skipped := strings.HasPrefix(d.Name(), ".") || slices.Contains([]string{"testdata", "bin", "data", "node_modules"}, d.Name())
			if name != root && skipped {
				return filepath.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(name, ".md") {
			pages = append(pages, name)
		}
		return nil
	})
	return pages, err
}

// Write fills all pages below a folder from the files below it, and writes those that changed.
func Write(root string) error {
	pages, err := Pages(root)
	if err != nil {
		return err
	}
	for _, page := range pages {
		was, err := os.ReadFile(page)
		if err != nil {
			return err
		}
		is, err := Fill(os.DirFS(root), string(was))
		if err != nil {
			return fmt.Errorf("%s: %w", page, err)
		}
		if is == string(was) {
			continue
		}
		if err := os.WriteFile(page, []byte(is), 0o644); err != nil {
			return err
		}
	}
	return nil
}
