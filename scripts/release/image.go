package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// user runs the program in the image: nobody that the host knows.
const user = 65532

// image writes an image of the programs for Linux, from scratch, as the Dockerfile makes one, as an OCI layout in a tar file.
func (r *release) image(work string, programs []program) error {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	found := false
	for _, p := range programs {
		if p.system != "linux" {
			continue
		}
		image, err := r.imageOf(p)
		if err != nil {
			return err
		}
		found = true
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{
			Platform: &v1.Platform{OS: p.system, Architecture: p.architecture},
		}})
	}
	if !found {
		return nil
	}
	// A layout names its images by a reference, which the index inside of it has.
	named := mutate.AppendManifests(mutate.IndexMediaType(empty.Index, types.OCIImageIndex), mutate.IndexAddendum{Add: index, Descriptor: v1.Descriptor{
		Annotations: map[string]string{"org.opencontainers.image.ref.name": r.tag()},
	}})
	dir := filepath.Join(work, "image")
	if _, err := layout.Write(dir, named); err != nil {
		return err
	}
	return writeFile(r.name("oci.tar"), func(w io.Writer) error { return r.folder(w, dir) })
}

// tag is the version as a tag of an image, which has no plus sign.
func (r *release) tag() string {
	return strings.ReplaceAll(strings.TrimPrefix(r.version, "v"), "+", "_")
}

func (r *release) imageOf(p program) (v1.Image, error) {
	var files bytes.Buffer
	t := tar.NewWriter(&files)
	for _, dir := range []tar.Header{
		{Name: "tmp/", Mode: 0o1777},
		{Name: "data/", Mode: 0o700, Uid: user, Gid: user},
	} {
		dir.Typeflag, dir.ModTime = tar.TypeDir, r.time
		if err := t.WriteHeader(&dir); err != nil {
			return nil, err
		}
	}
	if err := errors.Join(r.pack(t, p.path, "leadmill"), t.Close()); err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(files.Bytes())), nil },
		tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, err
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	if image, err = mutate.AppendLayers(image, layer); err != nil {
		return nil, err
	}
	return mutate.ConfigFile(image, r.config(p, image))
}

// config says how the image runs.
func (r *release) config(p program, image v1.Image) *v1.ConfigFile {
	c, err := image.ConfigFile()
	if err != nil {
		c = &v1.ConfigFile{}
	}
	c = c.DeepCopy()
	c.OS, c.Architecture, c.Created = p.system, p.architecture, v1.Time{Time: r.time}
	for i := range c.History {
		c.History[i].Created = v1.Time{Time: r.time}
	}
	c.Config = v1.Config{
		User:         "65532:65532",
		WorkingDir:   "/",
		Env:          []string{"LEADMILL_HTTP_ADDR=0.0.0.0:8080", "LEADMILL_DATABASE_URL=sqlite:/data/leadmill.db"},
		Volumes:      map[string]struct{}{"/data": {}},
		ExposedPorts: map[string]struct{}{"8080/tcp": {}},
		Entrypoint:   []string{"/leadmill"},
		Cmd:          []string{"serve"},
		Healthcheck: &v1.HealthConfig{
			Test: []string{"CMD", "/leadmill", "healthcheck"}, Interval: 10 * time.Second, Timeout: 6 * time.Second, StartPeriod: time.Minute,
		},
		Labels: map[string]string{
			"org.opencontainers.image.title":    "Leadmill",
			"org.opencontainers.image.version":  r.version,
			"org.opencontainers.image.source":   "https://" + r.modules.Main.Path,
			"org.opencontainers.image.licenses": "Apache-2.0",
		},
	}
	return c
}

// folder packs what is in a folder.
func (r *release) folder(w io.Writer, dir string) error {
	t := tar.NewWriter(w)
	root := os.DirFS(dir)
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil || name == ".":
			return err
		case entry.IsDir():
			return t.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: 0o755, ModTime: r.time})
		}
		return r.pack(t, filepath.Join(dir, name), name)
	})
	return errors.Join(err, t.Close())
}
