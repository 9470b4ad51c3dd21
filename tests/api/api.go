// Package api writes down what the public packages of Leadmill offer to code that imports them, one line for each exported
// thing, compares that with the committed baseline in the folder api, and tells what breaks from what is only new
// (docs/stability.md). It reads what the compiler exports, so it sees exactly what an importer sees.
//
// Stability: unsupported; it may change at any time.
package api

import (
	"slices"
	"strings"
)

// Module is the path of the module whose packages are looked at.
const Module = "github.com/leadmill/leadmill"

// Folder is where the baseline stands, from the root of the repository.
const Folder = "api"

// rooms are the capabilities whose commands and queries are public.
var rooms = []string{"account", "program", "market", "feed"}

// The marks: what a package promises to those who import it.
const (
	Stable       = "stable"
	Experimental = "experimental"
	Unsupported  = "unsupported"
)

// stable and experimental are the packages that others may import, by their folder: "." is the root, and "/..." takes what is
// below with it. These are the only lists of them; a folder that is not there is no error.
var (
	stable = []string{
		"domain/calendar", "domain/contact", "domain/event", "domain/fault", "domain/field", "domain/money",
		"application/bus",
		"application/contract/eventsv1",
	}
	experimental = func() []string {
		list := []string{".", "domain/...", "application", "application/projection", "ports/http", "tests/leadmilltest"}
		for _, room := range rooms {
			list = append(list, "application/"+room, "application/"+room+"/command", "application/"+room+"/query")
		}
		return list
	}()
)

// modules are the experimental packages that are modules of their own, by their folder.
var modules = []string{"sdk/go"}

// Promise returns the mark that the package in a folder must have. The folder is given from the root, with slashes.
func Promise(dir string) string {
	in := func(p string) bool {
		tree, all := strings.CutSuffix(p, "/...")
		return dir == tree || all && strings.HasPrefix(dir, tree+"/")
	}
	switch {
	case slices.Contains(strings.Split(dir, "/"), "internal"):
		return Unsupported
	case slices.ContainsFunc(stable, in):
		return Stable
	case slices.ContainsFunc(experimental, in), slices.Contains(modules, dir):
		return Experimental
	}
	return Unsupported
}

// sentences are the marks as they stand in package comments.
var sentences = map[string]string{
	"Stability: stable.":                                 Stable,
	"Stability: experimental.":                           Experimental,
	"Stability: unsupported; it may change at any time.": Unsupported,
}

// Marks returns the marks of a package comment, given as its text without slashes: the last line, and whatever else begins
// like one. A mark that does not stand in the last line, or is not one of the three, is returned as the empty string.
func Marks(comment string) []string {
	var marks []string
	lines := strings.Split(strings.TrimRight(comment, "\n"), "\n")
	for i, line := range lines {
		if strings.HasPrefix(strings.TrimSpace(line), "Stability:") {
			mark := sentences[line]
			if i != len(lines)-1 {
				mark = ""
			}
			marks = append(marks, mark)
		}
	}
	return marks
}
