package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// newRepository makes a git repository with one commit in which the service prints a word, and returns the commit.
func newRepository(t *testing.T, source string) (repository, string) {
	t.Helper()
	top := t.TempDir()
	main := filepath.Join(top, "cmd", "leadmill", "main.go")
	if err := os.MkdirAll(filepath.Dir(main), 0o700); err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{filepath.Join(top, "go.mod"): "module github.com/leadmill/leadmill\n\ngo 1.26.0\n", main: source} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r := repository{top}
	for _, args := range [][]string{
		{"init", "--quiet"},
		{"add", "."},
		{"-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false", "commit", "--quiet", "--message=First"},
	} {
		if _, err := r.git(t.Context(), args...); err != nil {
			t.Fatal(err)
		}
	}
	commit, err := r.resolve(t.Context(), "HEAD")
	if err != nil {
		t.Fatal(err)
	}
	return r, commit
}

const printsOld = "package main\n\nfunc main() { println(\"old\") }\n"

func TestARevisionIsBuiltApartFromTheWorkingTree(t *testing.T) {
	t.Parallel()
	made, commit := newRepository(t, printsOld)
	r, err := openRepository(t.Context(), filepath.Join(made.top, "cmd"))
	if err != nil {
		t.Fatal(err)
	}
	if state, err := r.state(t.Context()); err != nil || state != "the working tree ("+commit[:10]+")" {
		t.Errorf("the state is %q, %v", state, err)
	}
	main := filepath.Join(r.top, "cmd", "leadmill", "main.go")
	if err := os.WriteFile(main, []byte("not Go"), 0o600); err != nil {
		t.Fatal(err)
	}
	binary, err := r.build(t.Context(), commit, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), binary).CombinedOutput(); err != nil || string(out) != "old\n" {
		t.Errorf("the binary says %q, %v", out, err)
	}
	if text, err := os.ReadFile(main); err != nil || string(text) != "not Go" {
		t.Errorf("the working tree has %q, %v", text, err)
	}
	if state, err := r.state(t.Context()); err != nil || state != "the working tree, "+commit[:10]+" with changes" {
		t.Errorf("the state is %q, %v", state, err)
	}
}

func TestARevisionThatCannotBeBuilt(t *testing.T) {
	t.Parallel()
	r, commit := newRepository(t, "package main\n\nfunc main() { nothing() }\n")
	if _, err := r.build(t.Context(), commit, t.TempDir()); err == nil || !strings.Contains(err.Error(), "cmd/leadmill does not build") ||
		!strings.Contains(err.Error(), "undefined: nothing") {
		t.Errorf("gives %v", err)
	}
}

func TestAnUnknownRevision(t *testing.T) {
	t.Parallel()
	r, commit := newRepository(t, printsOld)
	for _, name := range []string{commit, commit[:10], "HEAD"} {
		if got, err := r.resolve(t.Context(), name); err != nil || got != commit {
			t.Errorf("%s is %q, %v", name, got, err)
		}
	}
	for _, name := range []string{"no-such-branch", "HEAD~7", strings.Repeat("0", 40)} {
		if _, err := r.resolve(t.Context(), name); err == nil || !strings.Contains(err.Error(), "has no commit \""+name+"\"") {
			t.Errorf("%s gives %v", name, err)
		}
	}
	if _, err := openRepository(t.Context(), t.TempDir()); err == nil || !strings.Contains(err.Error(), "needs the git repository") {
		t.Errorf("a folder without git gives %v", err)
	}
}
