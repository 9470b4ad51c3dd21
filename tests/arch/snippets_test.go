package arch_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/tests/arch/snippet"
)

func TestCodeInPagesIsThatOfItsSources(t *testing.T) {
	t.Parallel()
	pages, err := snippet.Pages(root)
	require.NoError(t, err)
	sources := 0
	for _, page := range pages {
		content, err := os.ReadFile(page)
		require.NoError(t, err)
		filled, err := snippet.Fill(os.DirFS(root), string(content))
		if assert.NoError(t, err, page) {
			assert.Equal(t, filled, string(content), "%s is stale: run make generate", page)
		}
		sources += strings.Count(string(content), "\n<!-- source: ")
	}
	assert.Positive(t, sources, "no page names a source")
}

func TestAStalePageIsFilled(t *testing.T) {
	t.Parallel()
	dir := filepath.Join("testdata", "snippets")
	stale, err := os.ReadFile(filepath.Join(dir, "stale.md"))
	require.NoError(t, err)
	current, err := os.ReadFile(filepath.Join(dir, "current.md"))
	require.NoError(t, err)
	for _, page := range []string{string(stale), string(current)} {
		filled, err := snippet.Fill(os.DirFS(dir), page)
		require.NoError(t, err)
		assert.Equal(t, string(current), filled)
	}

	root := t.TempDir()
	require.NoError(t, os.CopyFS(root, os.DirFS(dir)))
	require.NoError(t, snippet.Write(root))
	written, err := os.ReadFile(filepath.Join(root, "stale.md"))
	require.NoError(t, err)
	assert.Equal(t, string(current), string(written))
}

func TestAPageThatCannotBeFilledIsRefused(t *testing.T) {
	t.Parallel()
	sources := fstest.MapFS{
		"a.go":  {Data: []byte("package a\n\nfunc A() {}\n")},
		"b.go":  {Data: []byte("not Go")},
		"c.txt": {Data: []byte("one\n```\ntwo\n")},
	}
	const block = "\n```go\n```\n"
	for page, problem := range map[string]string{
		"text\n<!-- source: none.go -->" + block:           "line 2: the source none.go cannot be read",
		"<!-- source: a.go#B -->" + block:                  "line 1: a.go declares no B",
		"<!-- source: a.go#A,A.B -->" + block:              "a.go declares no A.B",
		"<!-- source: b.go#A -->" + block:                  "b.go is no Go file",
		"<!-- source: ../a.go -->" + block:                 "the source ../a.go cannot be read",
		"<!-- source: c.txt -->" + block:                   "c.txt has a line that would end the block",
		"<!-- source: a.go -->\n\nNo block.\n":             "no fenced block follows the source a.go",
		"<!-- source: a.go -->":                            "no fenced block follows the source a.go",
		"<!-- source: a.go -->\n```go\nfunc A() {}\n":      "the block of a.go has no end",
		"  <!-- source: a.go -->" + block:                  "a line of its own",
		"<!-- source: a.go -->trailing" + block:            "a line of its own",
		"<!-- source: a.go # A -->" + block:                "a line of its own",
		"<!-- source: a.go#X -->\n<!-- source: b.go -->\n": "no fenced block follows the source a.go",
	} {
		_, err := snippet.Fill(sources, page)
		assert.ErrorContains(t, err, problem, page)
	}
	_, err := snippet.Fill(sources, "<!-- source: x.go -->"+block+"<!-- source: y.go -->"+block)
	require.ErrorContains(t, err, "line 1: the source x.go")
	require.ErrorContains(t, err, "line 4: the source y.go", "all are told at once")
}
