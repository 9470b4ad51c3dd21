package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// against builds the working tree, unless a binary was given, and another revision of the repository, and says what they are.
func (f *figures) against(ctx context.Context) error {
	repository, err := openRepository(ctx, ".")
	if err != nil {
		return err
	}
	commit, err := repository.resolve(ctx, f.revision)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "building %s (%s)\n", f.revision, brief(commit))
	f.older = build{name: "old", foreign: true}
	if f.older.binary, err = repository.build(ctx, commit, filepath.Join(f.dir, "old")); err != nil {
		return fmt.Errorf("-against %s: %w", f.revision, err)
	}
	f.own.name = "new"
	is := f.own.binary
	if is == "" {
		if f.own.binary, err = compile(ctx, ".", commandLeadmill, f.dir); err != nil {
			return err
		}
		if is, err = repository.state(ctx); err != nil {
			return err
		}
	}
	fmt.Printf("old: %s (%s)\nnew: %s\n\n", f.revision, brief(commit), is)
	return nil
}

// repository is a git repository by the folder of its working tree.
type repository struct{ top string }

// openRepository finds the repository that a folder is in.
func openRepository(ctx context.Context, folder string) (repository, error) {
	top, err := repository{folder}.git(ctx, "rev-parse", "--show-toplevel")
	if err != nil {
		return repository{}, fmt.Errorf("-against needs the git repository of Leadmill: %w", err)
	}
	return repository{top}, nil
}

// git runs git in the working tree and returns what it says without white space around it.
func (r repository) git(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", append([]string{"-C", r.top}, args...)...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(string(out)), nil
}

// resolve returns the commit that a revision names.
func (r repository) resolve(ctx context.Context, revision string) (string, error) {
	commit, err := r.git(ctx, "rev-parse", "--verify", "--end-of-options", revision+"^{commit}")
	if err != nil {
		return "", fmt.Errorf("-against: this repository has no commit %q: %w", revision, err)
	}
	return commit, nil
}

// state names what is in the working tree: its commit, and whether files differ from it.
func (r repository) state(ctx context.Context) (string, error) {
	head, err := r.git(ctx, "rev-parse", "HEAD")
	if err != nil {
		return "", err
	}
	changes, err := r.git(ctx, "status", "--porcelain")
	if err != nil {
		return "", err
	}
	if changes != "" {
		return "the working tree, " + brief(head) + " with changes", nil
	}
	return "the working tree (" + brief(head) + ")", nil
}

// brief is a commit's name as people write it.
func brief(commit string) string { return commit[:min(len(commit), 10)] }

// build writes the files of a commit into a folder of their own, which it makes, and builds them there. The working tree
// and git's own files stay as they are.
func (r repository) build(ctx context.Context, commit, folder string) (string, error) {
	source := filepath.Join(folder, "source")
	if err := os.MkdirAll(source, 0o700); err != nil {
		return "", err
	}
	archive := filepath.Join(folder, "source.tar")
	if _, err := r.git(ctx, "archive", "--format=tar", "--output="+archive, commit); err != nil {
		return "", err
	}
	if out, err := exec.CommandContext(ctx, "tar", "-xf", archive, "-C", source).CombinedOutput(); err != nil {
		return "", fmt.Errorf("unpack the archive of the commit: %w: %s", err, out)
	}
	return compile(ctx, source, commandLeadmill, folder)
}
