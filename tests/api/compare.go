package api

import (
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Change is one difference between two states of a package.
type Change struct {
	Was, Is    string // a line of the package; one is empty when the thing was added or removed
	Compatible bool   // whether code that was written for the old state still compiles and means the same
}

// Compare returns how the lines of a package differ, sorted. One of them is nil when the package is new or gone.
//
// What is removed or changed is incompatible. What is added is compatible, except to an interface that others implement,
// which is one without unexported methods: they lack the new method. This judges lines; apidiff, behind `make api-diff`,
// judges types.
func Compare(was, is []string) []Change {
	before, now := byKey(was), byKey(is)
	var changes []Change
	for key, old := range before {
		if line, there := now[key]; !there {
			changes = append(changes, Change{Was: old, Compatible: strings.HasSuffix(old, " interface, "+sealedBy)})
		} else if line != old {
			changes = append(changes, Change{Was: old, Is: line, Compatible: promisesMore(old, line)})
		}
	}
	for key, line := range now {
		if _, there := before[key]; !there {
			changes = append(changes, Change{Is: line, Compatible: !obliges(before, line)})
		}
	}
	slices.SortFunc(changes, func(a, b Change) int {
		return strings.Compare(a.Was+"\x00"+a.Is, b.Was+"\x00"+b.Is)
	})
	return changes
}

const sealedBy = "unexported methods"

// promisesMore reports whether all that changed is that an experimental package is stable now.
func promisesMore(was, is string) bool {
	name, experimental := strings.CutSuffix(was, ", "+Experimental)
	return experimental && strings.HasPrefix(was, "package ") && is == name+", "+Stable
}

// obliges reports whether an added line asks something of those who implement an interface.
func obliges(before map[string]string, added string) bool {
	head, _, member := strings.Cut(added, " interface, ")
	name, is := strings.CutPrefix(head, "type ")
	if !member || !is {
		return false
	}
	_, existed := before["type "+name]
	_, sealed := before["type "+name+"."+sealedBy]
	return existed && !sealed
}

// keys find what a line is about: two lines of one key are two states of one thing.
var keys = []struct {
	line *regexp.Regexp
	key  string
}{
	{regexp.MustCompile(`^package .*$`), "package"},
	{regexp.MustCompile(`^(const|var) (\w+) .*$`), "$1 $2"},
	{regexp.MustCompile(`^func \(\*?(\w+)(?:\[.*?\])?\) (\w+).*$`), "method $1.$2"},
	{regexp.MustCompile(`^func (\w+).*$`), "func $1"},
	{regexp.MustCompile(`^type (\w+) interface, (unexported methods|only .*)$`), "type $1.$2"},
	{regexp.MustCompile("^type (\\w+) struct, embedded \\*?(?:[^`\\[]*[./])?(\\w+)(?:[\\[ ].*)?$"), "type $1.$2"},
	{regexp.MustCompile(`^type (\w+) (?:struct|interface), (\w+).*$`), "type $1.$2"},
	{regexp.MustCompile(`^type (\w+).*$`), "type $1"},
}

func byKey(lines []string) map[string]string {
	byKey := make(map[string]string, len(lines))
	for _, line := range lines {
		byKey[keyOf(line)] = line
	}
	return byKey
}

func keyOf(line string) string {
	for _, k := range keys {
		if m := k.line.FindStringSubmatchIndex(line); m != nil {
			return string(k.line.ExpandString(nil, k.key, line, m))
		}
	}
	return line
}

// Report writes how the public packages differ, each with what breaks first, and returns whether anything does differ and
// whether anything breaks. The packages are given by their folder.
func Report(w io.Writer, was, is map[string][]string) (differs, breaks bool, err error) {
	dirs := slices.Sorted(maps.Keys(was))
	for dir := range is {
		dirs = append(dirs, dir)
	}
	slices.Sort(dirs)
	var b strings.Builder
	for _, dir := range slices.Compact(dirs) {
		changes := Compare(was[dir], is[dir])
		if len(changes) == 0 {
			continue
		}
		differs = true
		fmt.Fprintf(&b, "\n%s\n", title(dir, was, is))
		for _, compatible := range []bool{false, true} {
			for i, c := range slices.Collect(only(changes, compatible)) {
				if i == 0 {
					fmt.Fprintf(&b, "  %s:\n", map[bool]string{false: "incompatible", true: "compatible"}[compatible])
				}
				breaks = breaks || !compatible
				if c.Was != "" {
					fmt.Fprintf(&b, "    - %s\n", c.Was)
				}
				if c.Is != "" {
					fmt.Fprintf(&b, "    + %s\n", c.Is)
				}
			}
		}
	}
	_, err = io.WriteString(w, b.String())
	return differs, breaks, err
}

func title(dir string, was, is map[string][]string) string {
	if dir == "." {
		dir = "the root package"
	}
	switch {
	case was[dir] == nil && is[dir] != nil:
		return dir + " (new)"
	case is[dir] == nil && was[dir] != nil:
		return dir + " (gone)"
	}
	return dir
}

func only(changes []Change, compatible bool) func(func(Change) bool) {
	return func(yield func(Change) bool) {
		for _, c := range changes {
			if c.Compatible == compatible && !yield(c) {
				return
			}
		}
	}
}
