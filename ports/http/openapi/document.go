package openapi

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Document is a document that was read, to look something up in it.
type Document struct{ root any }

// Operation is one method of one path. Security has the names of the security schemes that a client may choose from, one set
// for each way; none is public.
type Operation struct {
	Method, Path, ID string
	Security         [][]string
}

// String returns method and path.
func (o Operation) String() string { return o.Method + " " + o.Path }

// Read reads a whole document or a fragment.
func Read(document []byte) (*Document, error) {
	n, err := parse(document)
	if err != nil {
		return nil, fmt.Errorf("openapi: %w", err)
	}
	var d Document
	if err := n.Decode(&d.root); err != nil {
		return nil, fmt.Errorf("openapi: %w", err)
	}
	return &d, nil
}

// methods are the members of a path that are operations.
var methods = []string{"get", "put", "post", "delete", "options", "head", "patch", "trace"}

// Operations returns all operations, ordered by path and method.
func (d *Document) Operations() []Operation {
	var found []Operation
	for path, item := range members(memberOf(d.root, "paths")) {
		for method, o := range members(item) {
			if slices.Contains(methods, method) {
				id, _ := memberOf(o, "operationId").(string)
				found = append(found, Operation{Method: strings.ToUpper(method), Path: path, ID: id, Security: securityOf(o)})
			}
		}
	}
	slices.SortFunc(found, func(a, b Operation) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Method, b.Method))
	})
	return found
}

func securityOf(operation any) [][]string {
	list, _ := memberOf(operation, "security").([]any)
	var all [][]string
	for _, way := range list {
		all = append(all, slices.Sorted(maps.Keys(members(way))))
	}
	return all
}

// Paths returns all paths, ordered.
func (d *Document) Paths() []string {
	return slices.Sorted(maps.Keys(members(memberOf(d.root, "paths"))))
}

// References returns the value of every $ref, ordered and each once.
func (d *Document) References() []string {
	found := map[string]bool{}
	collect(d.root, found)
	return slices.Sorted(maps.Keys(found))
}

func collect(value any, found map[string]bool) {
	if list, ok := value.([]any); ok {
		for _, inner := range list {
			collect(inner, found)
		}
		return
	}
	for name, inner := range members(value) {
		if ref, ok := inner.(string); ok && name == "$ref" {
			found[ref] = true
			continue
		}
		collect(inner, found)
	}
}

// Resolves reports whether a reference leads to something in this document. One that leads to another document does not.
func (d *Document) Resolves(reference string) bool {
	pointer, ok := strings.CutPrefix(reference, "#/")
	if !ok {
		return false
	}
	at := d.root
	for token := range strings.SplitSeq(pointer, "/") {
		name, err := url.PathUnescape(token)
		if err != nil {
			return false
		}
		name = strings.NewReplacer("~1", "/", "~0", "~").Replace(name)
		if list, ok := at.([]any); ok {
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= len(list) {
				return false
			}
			at = list[i]
			continue
		}
		if at, ok = members(at)[name]; !ok {
			return false
		}
	}
	return true
}

// members returns the members of a mapping by name; none of what is no mapping. A status that is written as a number is a name
// too.
func members(value any) map[string]any {
	switch m := value.(type) {
	case map[string]any:
		return m
	case map[any]any:
		named := make(map[string]any, len(m))
		for name, inner := range m {
			named[fmt.Sprint(name)] = inner
		}
		return named
	default:
		return nil
	}
}

func memberOf(value any, name string) any { return members(value)[name] }

// SecuritySchemes returns a fragment that defines a security scheme for each name: an API key of that scope as a bearer token.
func SecuritySchemes(names ...string) ([]byte, error) {
	schemes := map[string]any{}
	for _, name := range names {
		schemes[name] = map[string]any{"type": "http", "scheme": "bearer", "description": "A key with the scope " + name}
	}
	return yaml.Marshal(map[string]any{"components": map[string]any{"securitySchemes": schemes}})
}
