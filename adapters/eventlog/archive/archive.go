// Package archive keeps the events that are deleted from the log: files of JSON lines, compressed with zstd, in a folder with a
// manifest that says of each file which positions it has and its SHA-256.
//
// A line is one event as CloudEvents 1.0 writes it, with everything else that the log keeps of it: position, seller, kind and
// version of the aggregate, trail and segment. A segment that cannot be read, and one with texts that JSON cannot repeat to the byte,
// is one line with its bytes as they are stored. A file is complete when it has its name, and belongs to the archive when the manifest
// names it. Files are never changed.
//
// Stability: unsupported; it may change at any time.
package archive

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// DayFormat is how the days of files are written: those of UTC.
const DayFormat = time.DateOnly

const (
	manifestName    = "manifest.json"
	manifestVersion = 1
	temporary       = ".archive-*.tmp"
)

// File is one file of an archive, as the manifest has it.
type File struct {
	Name     string `json:"file"`
	Day      string `json:"day"` // the UTC day of its events, in DayFormat
	First    int64  `json:"first"`
	Last     int64  `json:"last"` // First and Last are positions; it has all from one to the other
	Segments int64  `json:"segments"`
	Events   int64  `json:"events"`
	Bytes    int64  `json:"bytes"` // of the file
	SHA256   string `json:"sha256"`
}

// Errors of archives.
var (
	// ErrManifest says that the manifest cannot be used.
	ErrManifest = errors.New("the archive's manifest cannot be used")
	// ErrDamaged says that a file is missing or not what was written.
	ErrDamaged = errors.New("a file of the archive is missing or damaged")
)

// Dir is a folder with an archive. Only who has its Lock may write to it.
type Dir struct{ path string }

// Open returns the archive in a folder, which is made when it is missing, readable by its owner alone. The error says why files
// cannot be made there.
func Open(path string) (*Dir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the archive: %w", err)
	}
	probe, err := os.CreateTemp(path, temporary)
	if err != nil {
		return nil, fmt.Errorf("write to the folder of the archive: %w", err)
	}
	closed, removed := probe.Close(), os.Remove(probe.Name())
	if errors.Is(removed, fs.ErrNotExist) { // who has the lock cleaned the folder meanwhile
		removed = nil
	}
	if err := errors.Join(closed, removed); err != nil {
		return nil, fmt.Errorf("write to the folder of the archive: %w", err)
	}
	return &Dir{path}, nil
}

// Path returns the folder.
func (d *Dir) Path() string { return d.path }

type manifest struct {
	Version int    `json:"version"`
	Files   []File `json:"files"`
}

// Files returns the files of the archive by position; none when there is no manifest yet. It fails with ErrManifest.
func (d *Dir) Files() ([]File, error) {
	text, err := os.ReadFile(filepath.Join(d.path, manifestName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the archive's manifest: %w", err)
	}
	var m manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrManifest, manifestName, err)
	}
	if m.Version != manifestVersion {
		return nil, fmt.Errorf("%w: %s has version %d, this leadmill knows version %d", ErrManifest, manifestName, m.Version, manifestVersion)
	}
	return m.Files, check(m.Files)
}

// check brings the files into the order of their positions and reports those that cannot be.
func check(files []File) error {
	slices.SortFunc(files, func(a, b File) int { return cmp.Compare(a.First, b.First) })
	for i, f := range files {
		switch {
		case f.Name == "" || filepath.Base(f.Name) != f.Name:
			return fmt.Errorf("%w: %q is no file of the folder", ErrManifest, f.Name)
		case f.First < 1 || f.Last < f.First || f.Events != f.Last-f.First+1:
			return fmt.Errorf("%w: %s has %d events from position %d to %d", ErrManifest, f.Name, f.Events, f.First, f.Last)
		case i > 0 && f.First <= files[i-1].Last:
			return fmt.Errorf("%w: %s and %s have the position %d both", ErrManifest, files[i-1].Name, f.Name, f.First)
		}
	}
	return nil
}

// Add adds a file to the manifest: from then on it belongs to the archive, whatever happens to the machine.
func (d *Dir) Add(f File) error {
	files, err := d.Files()
	if err != nil {
		return err
	}
	files = append(files, f)
	if err := check(files); err != nil {
		return err
	}
	text, err := json.MarshalIndent(manifest{manifestVersion, files}, "", "  ")
	if err != nil {
		return err
	}
	t, err := d.create()
	if err != nil {
		return err
	}
	_, err = t.Write(append(text, '\n'))
	return d.keep(t, manifestName, err)
}

// create makes a file without a name of its own.
func (d *Dir) create() (*os.File, error) {
	t, err := os.CreateTemp(d.path, temporary)
	if err != nil {
		return nil, fmt.Errorf("make a file in the archive: %w", err)
	}
	return t, nil
}

// keep brings a file to the disk and gives it its name, or removes it after an error.
func (d *Dir) keep(t *os.File, name string, err error) error {
	if err == nil {
		err = t.Sync()
	}
	if err = errors.Join(err, t.Close()); err == nil {
		err = os.Rename(t.Name(), filepath.Join(d.path, name))
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", name, errors.Join(err, ignoreMissing(os.Remove(t.Name()))))
	}
	return d.sync()
}

// sync brings the folder's names to the disk.
func (d *Dir) sync() error {
	folder, err := os.Open(d.path)
	if err != nil {
		return fmt.Errorf("open the folder of the archive: %w", err)
	}
	return errors.Join(folder.Sync(), folder.Close())
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Clean removes what a process that was killed left half written.
func (d *Dir) Clean() error {
	left, err := filepath.Glob(filepath.Join(d.path, temporary))
	if err != nil {
		return err
	}
	for _, path := range left {
		if err := ignoreMissing(os.Remove(path)); err != nil {
			return fmt.Errorf("clean the folder of the archive: %w", err)
		}
	}
	return nil
}

// Choose returns the files that the words name, by position: each is the name of a file, a day as in 2026-01-31, or two days as
// in 2026-01-01..2026-01-31. Without words it returns all. A word that names nothing is an error.
func Choose(files []File, words []string) ([]File, error) {
	if len(words) == 0 {
		return files, nil
	}
	chosen := make([]bool, len(files))
	for _, word := range words {
		from, to, span := strings.Cut(word, "..")
		if !span {
			to = from
		}
		found := false
		for i, f := range files {
			if f.Name == word || isDay(from) && isDay(to) && from <= f.Day && f.Day <= to {
				chosen[i], found = true, true
			}
		}
		if !found {
			return nil, fmt.Errorf("the archive has nothing for %q: name a file of its manifest, a day as in 2026-01-31, or two days as in 2026-01-01..2026-01-31", word)
		}
	}
	var out []File
	for i, f := range files {
		if chosen[i] {
			out = append(out, f)
		}
	}
	return out, nil
}

func isDay(s string) bool {
	_, err := time.Parse(DayFormat, s)
	return err == nil
}
