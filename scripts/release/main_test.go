package main

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"debug/elf"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// unpack returns what is in a tar file, by name, in a folder.
func unpack(t *testing.T, in io.Reader) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for archive := tar.NewReader(in); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return dir
		}
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, filepath.Clean("/"+h.Name))
		if h.Typeflag == tar.TypeDir {
			if err := os.MkdirAll(path, 0o700); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, os.FileMode(h.Mode)&0o755)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(f, archive); err != nil { //nolint:gosec // of this test
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// prints runs a program.
func prints(t *testing.T, program string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", program, args, err, out)
	}
	return string(out)
}

// static fails when a program asks for a loader.
func static(t *testing.T, program string) {
	t.Helper()
	f, err := elf.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range f.Progs {
		if part.Type == elf.PT_INTERP {
			t.Errorf("%s is not static", program)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestARelease(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("the programs of the image run on Linux")
	}
	out := filepath.Join(t.TempDir(), "dist")
	r := release{source: "../..", out: out, platforms: []string{"linux/" + runtime.GOARCH}, progress: io.Discard}
	if err := r.build(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := (&release{source: "../..", out: out, progress: io.Discard}).build(t.Context()); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("a second release into the folder: %v", err)
	}
	// What is written is what the sums say, and there is nothing else.
	names := map[string]string{} // by how they end
	f, err := os.Open(filepath.Join(out, "SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		want, name, _ := strings.Cut(lines.Text(), "  ")
		if got, _, err := sum(filepath.Join(out, name)); err != nil || got != want {
			t.Errorf("%s has the sum %s, not %s (%v)", name, got, want, err)
		}
		names[strings.TrimPrefix(name, "leadmill_"+strings.TrimPrefix(r.version, "v")+"_")] = filepath.Join(out, name)
	}
	_ = f.Close()
	entries, err := os.ReadDir(out)
	if err != nil || len(entries) != 4 || len(names) != 3 {
		t.Fatalf("the release has %v, sums of %v (%v)", entries, names, err)
	}

	t.Run("archive", func(t *testing.T) {
		t.Parallel()
		f, err := os.Open(names["linux_"+runtime.GOARCH+".tar.gz"])
		if err != nil {
			t.Fatal(err)
		}
		unzipped, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		dir := unpack(t, unzipped)
		_ = f.Close()
		program := filepath.Join(dir, "leadmill")
		if got := prints(t, program, "version"); got != "leadmill "+r.version+"\n" {
			t.Errorf("it says %q, not %s", got, r.version)
		}
		static(t, program)
		for _, name := range documents {
			if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
				t.Error(err)
			}
		}
	})
	t.Run("image", func(t *testing.T) {
		t.Parallel()
		f, err := os.Open(names["oci.tar"])
		if err != nil {
			t.Fatal(err)
		}
		dir := unpack(t, f)
		_ = f.Close()
		index, err := layout.ImageIndexFromPath(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate.Index(index); err != nil {
			t.Error(err)
		}
		top, err := index.IndexManifest()
		if err != nil || len(top.Manifests) != 1 || top.Manifests[0].Annotations["org.opencontainers.image.ref.name"] != r.tag() {
			t.Fatalf("the layout has %v (%v)", top, err)
		}
		of, err := index.ImageIndex(top.Manifests[0].Digest)
		if err != nil {
			t.Fatal(err)
		}
		manifest, err := of.IndexManifest()
		if err != nil || len(manifest.Manifests) != 1 || manifest.Manifests[0].Platform.String() != "linux/"+runtime.GOARCH {
			t.Fatalf("the image is %v (%v)", manifest, err)
		}
		image, err := of.Image(manifest.Manifests[0].Digest)
		if err != nil {
			t.Fatal(err)
		}
		config, err := image.ConfigFile()
		if err != nil || config.Config.User != "65532:65532" || !slices.Equal(config.Config.Entrypoint, []string{"/leadmill"}) {
			t.Fatalf("it runs as %v (%v)", config, err)
		}
		layers, err := image.Layers()
		if err != nil || len(layers) != 1 {
			t.Fatalf("it has %d layers (%v)", len(layers), err)
		}
		files, err := layers[0].Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		if got := prints(t, filepath.Join(unpack(t, files), "leadmill"), "version"); got != "leadmill "+r.version+"\n" {
			t.Errorf("it says %q, not %s", got, r.version)
		}
	})
	t.Run("SBOM", func(t *testing.T) {
		t.Parallel()
		text, err := os.ReadFile(names["sbom.cdx.json"])
		if err != nil {
			t.Fatal(err)
		}
		var bill struct {
			Format     string `json:"bomFormat"`
			Metadata   struct{ Component struct{ Version string } }
			Components []struct {
				Name, Version string
				URL           string `json:"purl"`
				Hashes        []struct{ Content string }
			}
		}
		if err := json.Unmarshal(text, &bill); err != nil || bill.Format != "CycloneDX" || bill.Metadata.Component.Version != r.version {
			t.Fatalf("%.300s (%v)", text, err)
		}
		found := false
		for _, c := range bill.Components {
			if c.Name == "github.com/gin-gonic/gin" {
				found = strings.HasPrefix(c.URL, "pkg:golang/github.com/gin-gonic/gin@v") && len(c.Hashes) == 1 && len(c.Hashes[0].Content) == 64
			}
		}
		if !found {
			t.Errorf("gin is not among the %d modules", len(bill.Components))
		}
	})
}
