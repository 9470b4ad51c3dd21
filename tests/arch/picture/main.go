// Command picture draws which places of the house import which, from the sources, into a page: between the lines
// "<!-- rooms -->" and "<!-- /rooms -->", as a Mermaid diagram.
package main

import (
	"bytes"
	"fmt"
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
)

//go:generate go run . ../../../docs/architecture.md

const module = "github.com/leadmill/leadmill/"

// floors are what is drawn, from top to bottom: the rooms of each place below it, and what all rooms of it use. The shared
// part of the application, and the domain, are imported by everything and not drawn.
var floors = []struct {
	title  string
	places []string
}{
	{"ports", []string{"ports/http", "ports/events"}},
	{"application", []string{"application"}},
	{"adapters", []string{"adapters/sqlstore", "adapters/eventlog", "adapters/mail"}},
}

var rooms = []string{"account", "program", "market", "feed", "console"}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: picture PAGE")
		os.Exit(2)
	}
	if err := draw(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "picture:", err)
		os.Exit(1)
	}
}

func draw(page string) error {
	old, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	root := filepath.Join(filepath.Dir(page), "..")
	arrows, err := read(root)
	if err != nil {
		return err
	}
	const begin, end = "<!-- rooms -->\n", "<!-- /rooms -->\n"
	before, rest, ok1 := bytes.Cut(old, []byte(begin))
	_, after, ok2 := bytes.Cut(rest, []byte(end))
	if !ok1 || !ok2 {
		return fmt.Errorf("%s has no lines %q and %q", page, begin, end)
	}
	return os.WriteFile(page, slices.Concat(before, []byte(begin+"\n"+diagram(arrows)+"\n"+end), after), 0o644)
}

// nodeOf returns the node that a directory is drawn as; empty for what is not drawn.
func nodeOf(dir string) string {
	for _, f := range floors {
		for _, place := range f.places {
			rest, below := strings.CutPrefix(dir+"/", place+"/")
			if !below {
				continue
			}
			if first, _, _ := strings.Cut(rest, "/"); slices.Contains(rooms, first) {
				return place + "/" + first
			}
			if place != "application" {
				return place
			}
		}
	}
	return ""
}

// read returns for each node the nodes that its files, tests apart, import.
func read(root string) (map[string]map[string]bool, error) {
	arrows := map[string]map[string]bool{}
	for _, top := range []string{"ports", "application", "adapters"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
				return err
			}
			rel, err := filepath.Rel(root, name)
			if err != nil {
				return err
			}
			dir := path.Dir(filepath.ToSlash(rel))
			from := nodeOf(dir)
			if from == "" || strings.Contains(dir, "test") {
				return nil
			}
			parsed, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
			if err != nil {
				return err
			}
			if arrows[from] == nil {
				arrows[from] = map[string]bool{}
			}
			for _, spec := range parsed.Imports {
				imported, err := strconv.Unquote(spec.Path.Value)
				if err != nil {
					return err
				}
				if to := nodeOf(strings.TrimPrefix(imported, module)); to != "" && to != from && strings.HasPrefix(imported, module) {
					arrows[from][to] = true
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return arrows, nil
}

func diagram(arrows map[string]map[string]bool) string {
	var b strings.Builder
	b.WriteString("```mermaid\nflowchart TB\n")
	nodes := slices.Sorted(maps.Keys(arrows))
	for _, f := range floors {
		fmt.Fprintf(&b, "  subgraph %s\n", f.title)
		for _, place := range f.places {
			for _, n := range nodes {
				if n == place || path.Dir(n) == place {
					fmt.Fprintf(&b, "    %s[\"%s\"]\n", id(n), n)
				}
			}
		}
		b.WriteString("  end\n")
	}
	for _, from := range nodes {
		for _, to := range slices.Sorted(maps.Keys(arrows[from])) {
			fmt.Fprintf(&b, "  %s --> %s\n", id(from), id(to))
		}
	}
	b.WriteString("```\n")
	return b.String()
}

func id(node string) string { return strings.NewReplacer("/", "_").Replace(node) }
