// Command release builds what a release of Leadmill consists of, into a new folder:
//
//   - an archive for each platform with the static program, its licence and its documents;
//   - an OCI image layout for linux/amd64 and linux/arm64 as one tar file, which skopeo, podman and docker load;
//   - an SBOM of the modules in the program, in CycloneDX's JSON;
//   - the SHA-256 of each of these.
//
// The version is the tag of the commit, such as v1.2.3, or one made of its time and hash as Go makes them; what is not committed is told by
// +dirty. The files are the same every time that the same commit is built by the same Go.
package main

import (
	"context"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	var r release
	var platforms string
	flag.StringVar(&r.source, "source", ".", "the working tree to build")
	flag.StringVar(&r.out, "out", "dist", "the folder to make")
	flag.StringVar(&platforms, "platforms", "linux/amd64,linux/arm64,darwin/amd64,darwin/arm64,windows/amd64,windows/arm64", "what to build for")
	flag.Parse()
	r.platforms = strings.Split(platforms, ",")
	r.progress = os.Stdout
	if err := r.build(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// release is what is built, and where.
type release struct {
	source, out string
	platforms   []string // as GOOS/GOARCH
	progress    io.Writer

	time    time.Time // of the commit: every file is as old
	version string
	modules *debug.BuildInfo
	files   []string // of what is given away, inside of out
}

// documents go with each program.
var documents = []string{"LICENSE", "NOTICE", "README.md", "CHANGELOG.md"}

// program is a built program.
type program struct{ system, architecture, path string }

func (p program) String() string { return p.system + "/" + p.architecture }

func (r *release) build(ctx context.Context) error {
	if err := os.Mkdir(r.out, 0o750); errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s is there already; remove it first", r.out)
	} else if err != nil {
		return err
	}
	if err := r.identify(ctx); err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "leadmill-release-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }()

	var programs []program
	for _, platform := range r.platforms {
		p, err := r.compile(ctx, work, platform)
		if err != nil {
			return fmt.Errorf("%s: %w", platform, err)
		}
		programs = append(programs, p)
		if err := r.archive(p); err != nil {
			return fmt.Errorf("%s: %w", platform, err)
		}
	}
	if err := r.image(work, programs); err != nil {
		return fmt.Errorf("image: %w", err)
	}
	if err := r.bill(); err != nil {
		return fmt.Errorf("SBOM: %w", err)
	}
	return r.checksums()
}

// identify finds the version and the time of the commit.
func (r *release) identify(ctx context.Context) error {
	commit, err := r.command(ctx, nil, "git", "log", "-1", "--format=%ct %H")
	if err != nil {
		return err
	}
	seconds, hash, _ := strings.Cut(commit, " ")
	unix, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil || len(hash) < 12 {
		return fmt.Errorf("the commit is %q: %w", commit, err)
	}
	r.time = time.Unix(unix, 0).UTC()
	tags, err := r.command(ctx, nil, "git", "tag", "--points-at", "HEAD", "--sort=-v:refname", "--list", "v[0-9]*")
	if err != nil {
		return err
	}
	if r.version, _, _ = strings.Cut(tags, "\n"); r.version == "" {
		r.version = "v0.0.0-" + r.time.Format("20060102150405") + "-" + hash[:12]
	}
	changed, err := r.command(ctx, nil, "git", "status", "--porcelain")
	if changed != "" {
		r.version += "+dirty"
	}
	_, _ = fmt.Fprintf(r.progress, "version %s\n", r.version)
	return err
}

// command runs a command in the source and returns what it prints.
func (r *release) command(ctx context.Context, environment []string, name string, args ...string) (string, error) {
	c := exec.CommandContext(ctx, name, args...) //nolint:gosec // the commands of this file
	c.Dir, c.Env, c.Stderr = r.source, append(os.Environ(), environment...), os.Stderr
	out, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w", strings.Join(append([]string{name}, args...), " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}

// compile builds a static program. The zones of sellers are in it, because an image from scratch and Windows have none.
func (r *release) compile(ctx context.Context, work, platform string) (p program, err error) {
	system, architecture, ok := strings.Cut(platform, "/")
	if !ok {
		return p, errors.New("a platform is a system and an architecture, such as linux/amd64")
	}
	p = program{system: system, architecture: architecture, path: filepath.Join(work, system+"_"+architecture, "leadmill")}
	if system == "windows" {
		p.path += ".exe"
	}
	_, _ = fmt.Fprintf(r.progress, "building for %s\n", p)
	if _, err := r.command(ctx, []string{"CGO_ENABLED=0", "GOOS=" + system, "GOARCH=" + architecture},
		"go", "build", "-trimpath", "-buildvcs=false", "-tags=timetzdata,nomsgpack", "-ldflags=-s -w -X github.com/leadmill/leadmill.released="+r.version,
		"-o", p.path, "./cmd/leadmill"); err != nil {
		return p, err
	}
	r.modules, err = buildinfo.ReadFile(p.path)
	return p, err
}

// name is that of a file of this version.
func (r *release) name(of string) string {
	name := "leadmill_" + strings.TrimPrefix(r.version, "v") + "_" + of
	r.files = append(r.files, name)
	return filepath.Join(r.out, name)
}

// checksums writes the sums of all files in the form of sha256sum.
func (r *release) checksums() error {
	var b strings.Builder
	for _, name := range slices.Sorted(slices.Values(r.files)) {
		sum, size, err := sum(filepath.Join(r.out, name))
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(&b, "%s  %s\n", sum, name)
		_, _ = fmt.Fprintf(r.progress, "%s, %d KB\n", filepath.Join(r.out, name), (size+999)/1000)
	}
	return os.WriteFile(filepath.Join(r.out, "SHA256SUMS"), []byte(b.String()), 0o600)
}

func sum(path string) (text string, size int64, err error) {
	f, err := os.Open(path) //nolint:gosec // a file of this release
	if err != nil {
		return "", 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	h := sha256.New()
	size, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), size, err
}
