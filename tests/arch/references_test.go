package arch_test

import (
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What a reader of the repository can be sent to: files and folders by their path from the root, or beside the page that
// names them, and sections of pages.
var (
	// page is a Markdown page in a comment or a text, with the section that may follow it.
	page = regexp.MustCompile(`([\w./-]*\w\.md)\b(?:, "([^"\n]+)")?`)
	// link is a link in Markdown.
	link = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	// source is a file of ours by its path, in a comment.
	source = regexp.MustCompile(`\b(?:application|adapters|ports|domain|tests|docs|scripts|cmd)/[\w./-]*\w\.(?:go|ya?ml|sql|sh|js)\b`)
	// named is a file that Markdown sets as code by its name alone.
	named = regexp.MustCompile("`(\\w+\\.(?:go|sh|js))`")
	// quoted is what Markdown sets as code: a path when it starts with a place of the house.
	quoted = regexp.MustCompile("`((?:application|adapters|ports|domain|tests|docs|scripts|cmd)/[\\w./-]*)`")
	// elsewhere are pages that are not in this repository, by how they are cited.
	elsewhere = regexp.MustCompile(`design §|\b(?:seeds|research)/[\w-]+\.|\bapi/[\w-]+\.md`)
	address   = regexp.MustCompile(`https?://\S+`)
	// comment is a line of a shell script, a Makefile, SQL or YAML that is a comment, or ends in one.
	comment = regexp.MustCompile(`(?:^|\s)(?://|#|--) .*$`)
)

// tree is what references can lead to.
type tree struct {
	root string
	has  func(path string) bool
	base func(name string) bool // whether some folder has a file of the name
}

// texts returns what can refer to something: all of a page, the comments of anything else.
func texts(file, content string) (lines []string) {
	switch path.Ext(file) {
	case ".md":
		return strings.SplitAfter(content, "\n")
	case ".go":
		parsed, err := parser.ParseFile(token.NewFileSet(), file, content, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return []string{content}
		}
		for _, group := range parsed.Comments {
			for _, c := range group.List {
				lines = append(lines, strings.SplitAfter(c.Text, "\n")...)
			}
		}
		return lines
	}
	for line := range strings.Lines(content) {
		lines = append(lines, comment.FindString(strings.TrimRight(line, "\n")))
	}
	return lines
}

// unresolved returns what a file refers to and the tree does not have.
func (t tree) unresolved(file, content string) []string {
	isPage := strings.HasSuffix(file, ".md")
	var missing []string
	fenced := false // in a block of code of a page, where brackets are no links
	for _, text := range texts(file, content) {
		fenced = fenced != strings.HasPrefix(text, "```")
		text = address.ReplaceAllString(text, "")
		missing = append(missing, elsewhere.FindAllString(text, -1)...)
		for _, m := range page.FindAllStringSubmatch(text, -1) {
			if found := t.find(file, m[1]); found == "" || m[2] != "" && !slices.Contains(t.sections(found), slug(m[2])) {
				missing = append(missing, m[0])
			}
		}
		if !isPage {
			for _, m := range source.FindAllString(text, -1) {
				if t.find(file, m) == "" {
					missing = append(missing, m)
				}
			}
			continue
		}
		for _, m := range named.FindAllStringSubmatch(text, -1) {
			if !t.base(m[1]) {
				missing = append(missing, m[1])
			}
		}
		links := link.FindAllStringSubmatch(text, -1)
		if fenced {
			links = nil
		}
		for _, m := range links {
			target, section, _ := strings.Cut(m[1], "#")
			found := file
			if target != "" {
				found = t.find(file, target)
			}
			if found == "" || section != "" && !slices.Contains(t.sections(found), section) {
				missing = append(missing, m[1])
			}
		}
		for _, m := range quoted.FindAllStringSubmatch(text, -1) {
			if t.find(file, m[1]) == "" {
				missing = append(missing, m[1])
			}
		}
	}
	return missing
}

// find returns the path from the root of what a file refers to; empty when there is none.
func (t tree) find(from, to string) string {
	to = strings.TrimSuffix(to, "/")
	for _, p := range []string{path.Clean(to), path.Join(path.Dir(from), to)} {
		if t.has(p) {
			return p
		}
	}
	return ""
}

// sections returns the anchors of a page's headings.
func (t tree) sections(file string) (anchors []string) {
	content, err := os.ReadFile(filepath.Join(t.root, file))
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(content)) {
		if heading := strings.TrimLeft(line, "#"); heading != line {
			anchors = append(anchors, slug(strings.TrimSpace(heading)))
		}
	}
	return anchors
}

// slug is the anchor that GitHub gives a heading.
func slug(heading string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
			return unicode.ToLower(r)
		}
		return -1
	}, heading)
}

// referring reports whether a file can refer to others.
func referring(name string) bool {
	return slices.Contains([]string{".go", ".md", ".sh", ".sql", ".yaml", ".yml", ".js", ".html", ".mod"}, path.Ext(name)) || path.Base(name) == "Makefile"
}

func TestEveryReferenceResolves(t *testing.T) {
	t.Parallel()
	list, err := exec.CommandContext(t.Context(), "git", "-C", root, "ls-files", "--cached", "--others", "--exclude-standard").Output()
	require.NoError(t, err)
	known := map[string]bool{".": true}
	var files []string
	for name := range strings.Lines(string(list)) {
		name = strings.TrimSpace(name)
		if _, err := os.Stat(filepath.Join(root, name)); err != nil {
			continue
		}
		files = append(files, name)
		for dir := name; dir != "."; dir = path.Dir(dir) {
			known[dir] = true
		}
	}
	names := map[string]bool{}
	for name := range known {
		names[path.Base(name)] = true
	}
	repository := tree{root, func(p string) bool { return known[p] }, func(name string) bool { return names[name] }}
	looked := 0
	for _, name := range files {
		if !referring(name) || strings.Contains(name, "/testdata/") || name == "tests/arch/references_test.go" {
			continue
		}
		content, err := os.ReadFile(filepath.Join(root, name))
		require.NoError(t, err)
		looked++
		assert.Empty(t, repository.unresolved(name, string(content)), "%s refers to what is not here", name)
	}
	assert.Greater(t, looked, 100)
}

func TestBadReferencesAreCaught(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "README.md"), []byte("# Top\n\n## The way of a command\n"), 0o600))
	known := []string{"README.md", "docs", "docs/errors.md", "application", "application/once.go"}
	all := tree{dir, func(p string) bool { return slices.Contains(known, p) }, func(name string) bool { return name == "once.go" }}
	for _, c := range []struct {
		file, content string
		missing       []string
	}{
		{"a.go", "package a\n// See README.md, docs/errors.md and https://example.com/other.md.", nil},
		{"a.go", "package a\n" + `const x = "docs/none.md" // as README.md, "The way of a command", says`, nil},
		{"a.go", "package a\n" + `// README.md, "Another way"`, []string{`README.md, "Another way"`}},
		{"a.go", "package a\n// See docs/none.md.", []string{"docs/none.md"}},
		{"a.go", "package a\n/* bounded (design §4) */", []string{"design §"}},
		{"a.sh", "echo x # as research/codebases.md has it", []string{"research/codebases.", "research/codebases.md"}},
		{"a.go", "package a\n// as application/once.go and application/json have it, but not application/twice.go", []string{"application/twice.go"}},
		{"docs/errors.md", "`once.go` is here, `twice.go` is not", []string{"twice.go"}},
		{"a.go", "package a\n// see api/events.md", []string{"api/events.md", "api/events.md"}},
		{"docs/errors.md", "[up](../README.md) [here](errors.md) [there](../README.md#the-way-of-a-command) `application/once.go` [out](https://example.com/x.md)", nil},
		{"docs/errors.md", "[a](../NONE.md) [b](../README.md#nowhere) `application/none.go`", []string{"../NONE.md", "../NONE.md", "../README.md#nowhere", "application/none.go"}},
		{"docs/errors.md", "```go\nAsEvent[Case](none.go)\n```\n[a](none.md)", []string{"none.md", "none.md"}},
	} {
		assert.Equal(t, c.missing, all.unresolved(c.file, c.content), c.content)
	}
}
