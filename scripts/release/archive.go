package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
)

// archive packs a program with the documents: as zip for Windows, as tar.gz for the others.
func (r *release) archive(p program) error {
	files := []string{p.path}
	for _, name := range documents {
		files = append(files, filepath.Join(r.source, name))
	}
	of := p.system + "_" + p.architecture
	if p.system == "windows" {
		return writeFile(r.name(of+".zip"), func(w io.Writer) error { return r.zip(w, files) })
	}
	return writeFile(r.name(of+".tar.gz"), func(w io.Writer) error {
		packed := gzip.NewWriter(w)
		t := tar.NewWriter(packed)
		for _, file := range files {
			if err := r.pack(t, file, filepath.Base(file)); err != nil {
				return err
			}
		}
		return errors.Join(t.Close(), packed.Close())
	})
}

func (r *release) zip(w io.Writer, files []string) error {
	z := zip.NewWriter(w)
	for _, file := range files {
		in, err := z.CreateHeader(&zip.FileHeader{Name: filepath.Base(file), Method: zip.Deflate, Modified: r.time})
		if err != nil {
			return err
		}
		if err := copyTo(in, file); err != nil {
			return err
		}
	}
	return z.Close()
}

// pack adds a file under a name. A program is executable.
func (r *release) pack(t *tar.Writer, file, name string) error {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	mode := int64(0o644)
	if filepath.Base(file) == "leadmill" {
		mode = 0o755
	}
	if err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: info.Size(), ModTime: r.time}); err != nil {
		return err
	}
	return copyTo(t, file)
}

func copyTo(w io.Writer, file string) (err error) {
	f, err := os.Open(file) //nolint:gosec // a file of this release
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	_, err = io.Copy(w, f)
	return err
}

// writeFile makes a file of what write writes.
func writeFile(path string, write func(io.Writer) error) (err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644) //nolint:gosec // everybody may read a release
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return write(f)
}
