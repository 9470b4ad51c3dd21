package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Package is a public package as its importers see it.
type Package struct {
	Dir   string // its folder from the root of the repository, with slashes; "." is the root
	Mark  string // Stable or Experimental
	Types *types.Package
}

// Load returns the public packages of the repository whose root is given, sorted by folder. It compiles them when the
// build cache does not have them.
func Load(ctx context.Context, root string) ([]Package, error) {
	listed, err := list(ctx, root)
	if err != nil {
		return nil, err
	}
	exported := map[string]string{}
	for _, p := range listed {
		exported[p.ImportPath] = p.Export
	}
	imports := importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) {
		if exported[path] == "" {
			return nil, fmt.Errorf("go list tells no export data of %s", path)
		}
		return os.Open(exported[path])
	})
	var packages []Package
	for _, p := range listed {
		dir := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, Module), "/")
		if dir == "" {
			dir = "."
		}
		if p.DepOnly || p.Name == "main" || Promise(dir) == Unsupported {
			continue
		}
		t, err := imports.Import(p.ImportPath)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.ImportPath, err)
		}
		mark, err := markOf(p)
		if err != nil {
			return nil, err
		}
		packages = append(packages, Package{dir, mark, t})
	}
	slices.SortFunc(packages, func(a, b Package) int { return strings.Compare(a.Dir, b.Dir) })
	return packages, nil
}

// listed is what is read of what go list says of a package.
type listed struct {
	Dir, ImportPath, Name, Export string
	GoFiles                       []string
	DepOnly                       bool
}

func list(ctx context.Context, root string) ([]listed, error) {
	var args []string
	for _, p := range slices.Concat(stable, experimental) {
		tree, all := strings.CutSuffix(p, "/...")
		sources, err := filepath.Glob(filepath.Join(root, tree, "*.go"))
		if err != nil {
			return nil, err
		}
		_, missing := os.Stat(filepath.Join(root, tree))
		if len(sources) > 0 || all && missing == nil {
			args = append(args, "./"+p)
		}
	}
	packages, err := listIn(ctx, root, args)
	if err != nil {
		return nil, err
	}
	for _, module := range modules {
		dir := filepath.Join(root, filepath.FromSlash(module))
		if _, missing := os.Stat(filepath.Join(dir, "go.mod")); missing != nil {
			continue
		}
		more, err := listIn(ctx, dir, []string{"."})
		if err != nil {
			return nil, err
		}
		packages = append(packages, more...)
	}
	return packages, nil
}

// listIn lists packages of the module in a folder, and all that they depend on.
func listIn(ctx context.Context, dir string, patterns []string) ([]listed, error) {
	args := []string{"list", "-buildvcs=false", "-deps", "-export", "-json=Dir,ImportPath,Name,Export,GoFiles,DepOnly"}
	cmd := exec.CommandContext(ctx, "go", append(args, patterns...)...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w: %s", err, strings.TrimSpace(stderr.String()))
	}
	var packages []listed
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		switch err := d.Decode(&p); {
		case errors.Is(err, io.EOF):
			return packages, nil
		case err != nil:
			return nil, fmt.Errorf("go list: %w", err)
		}
		packages = append(packages, p)
	}
}

// markOf returns the mark of a package; empty when it has none, which was so in old versions.
func markOf(p listed) (string, error) {
	for _, name := range p.GoFiles {
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.ParseComments|parser.PackageClauseOnly)
		if err != nil {
			return "", err
		}
		if marks := Marks(file.Doc.Text()); len(marks) > 0 {
			return marks[0], nil
		}
	}
	return "", nil
}

// Texts returns the lines of packages by their folder.
func Texts(packages []Package) map[string][]string {
	texts := make(map[string][]string, len(packages))
	for _, p := range packages {
		texts[p.Dir] = Lines(p.Types, p.Mark)
	}
	return texts
}

const (
	extension = ".txt"
	rootFile  = "leadmill" + extension
)

// ReadBaseline returns the lines of the baseline by the packages' folders.
func ReadBaseline(root string) (map[string][]string, error) {
	baseline := map[string][]string{}
	names, err := baselineFiles(root)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		content, err := os.ReadFile(filepath.Join(root, Folder, filepath.FromSlash(name)))
		if err != nil {
			return nil, err
		}
		dir := strings.TrimSuffix(name, extension)
		if name == rootFile {
			dir = "."
		}
		baseline[dir] = strings.Split(strings.TrimSuffix(string(content), "\n"), "\n")
	}
	return baseline, nil
}

// WriteBaseline makes the baseline say what is given, and removes the files of packages that are not there.
func WriteBaseline(root string, texts map[string][]string) error {
	names, err := baselineFiles(root)
	if err != nil {
		return err
	}
	for _, dir := range slices.Sorted(maps.Keys(texts)) {
		name := dir + extension
		if dir == "." {
			name = rootFile
		}
		names = slices.DeleteFunc(names, func(n string) bool { return n == name })
		path := filepath.Join(root, Folder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(strings.Join(texts[dir], "\n")+"\n"), 0o644); err != nil {
			return err
		}
	}
	for _, name := range names {
		if err := os.Remove(filepath.Join(root, Folder, filepath.FromSlash(name))); err != nil {
			return err
		}
	}
	return nil
}

// baselineFiles returns the files of the baseline, from its folder, with slashes.
func baselineFiles(root string) ([]string, error) {
	var names []string
	err := fs.WalkDir(os.DirFS(filepath.Join(root, Folder)), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist) && name == ".":
			return fs.SkipAll
		case err != nil:
			return err
		case !d.IsDir() && strings.HasSuffix(name, extension):
			names = append(names, name)
		}
		return nil
	})
	return names, err
}
