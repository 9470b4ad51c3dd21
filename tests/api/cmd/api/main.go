// Command api compares what the public packages of Leadmill offer with the committed baseline, writes the baseline again,
// and says how they differ from another state of the repository:
//
//	api check
//	api baseline
//	api diff FOLDER
//
// It runs in the root of the repository. FOLDER holds the sources of the other state.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"golang.org/x/exp/apidiff"

	"github.com/leadmill/leadmill/tests/api"
)

func main() {
	err := run(context.Background(), os.Args[1:], ".", os.Stdout)
	if errors.Is(err, errUsage) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "api:", err)
		os.Exit(1)
	}
}

var errUsage = errors.New("usage: api check | baseline | diff FOLDER")

func run(ctx context.Context, args []string, root string, w io.Writer) error {
	switch {
	case slices.Equal(args, []string{"check"}):
		return check(ctx, root)
	case slices.Equal(args, []string{"baseline"}):
		return baseline(ctx, root)
	case len(args) == 2 && args[0] == "diff":
		return diff(ctx, root, args[1], w)
	}
	return errUsage
}

const (
	toCommit = "If that is meant, run `make api-baseline` and commit what it writes"
	toTell   = ", and say in CHANGELOG.md under\n\"Breaking for extensions\" what a team has to change"
)

// check fails when the public packages are not what the baseline says.
func check(ctx context.Context, root string) error {
	packages, err := api.Load(ctx, root)
	if err != nil {
		return err
	}
	was, err := api.ReadBaseline(root)
	if err != nil {
		return err
	}
	var report bytes.Buffer
	differs, breaks, err := api.Report(&report, was, api.Texts(packages))
	if err != nil || !differs {
		return err
	}
	hint := toCommit
	if breaks {
		hint += toTell
	}
	return fmt.Errorf("the public packages are not what the baseline in %s/ says (-), but (+):\n%s\n%s", api.Folder, report.String(), hint)
}

func baseline(ctx context.Context, root string) error {
	packages, err := api.Load(ctx, root)
	if err != nil {
		return err
	}
	return api.WriteBaseline(root, api.Texts(packages))
}

// diff writes what apidiff says of the public packages that are in two folders.
func diff(ctx context.Context, root, other string, w io.Writer) error {
	old, err := api.Load(ctx, other)
	if err != nil {
		return fmt.Errorf("%s: %w", other, err)
	}
	before := make(map[string]api.Package, len(old))
	for _, p := range old {
		before[p.Dir] = p
	}
	present, err := api.Load(ctx, root)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	for _, p := range present {
		was, there := before[p.Dir]
		delete(before, p.Dir)
		if !there {
			fmt.Fprintf(&b, "%s (%s): the package is new\n\n", p.Types.Path(), p.Mark)
			continue
		}
		if report := apidiff.Changes(was.Types, p.Types); len(report.Changes) > 0 {
			fmt.Fprintf(&b, "%s (%s)\n%s\n", p.Types.Path(), p.Mark, report)
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(before)) {
		fmt.Fprintf(&b, "%s: the package is gone\n\n", before[dir].Types.Path())
	}
	if b.Len() == 0 {
		b.WriteString("the public packages offer the same\n")
	}
	_, err = b.WriteTo(w)
	return err
}
