package archive

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/zstd"
)

// Writer writes a file of an archive. It must be ended by Close or Abort.
type Writer struct {
	dir    *Dir
	file   *os.File
	hash   hash.Hash
	zstd   *zstd.Encoder
	buffer []byte
	about  File
	size   int64
}

// Create begins a file with the events of a day.
func (d *Dir) Create(day string) (*Writer, error) {
	t, err := d.create()
	if err != nil {
		return nil, err
	}
	w := &Writer{dir: d, file: t, hash: sha256.New(), about: File{Day: day}}
	w.zstd, err = zstd.NewWriter(io.MultiWriter(t, w.hash, (*counter)(&w.size)), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20))
	if err != nil {
		w.Abort()
		return nil, fmt.Errorf("make a file in the archive: %w", err)
	}
	return w, nil
}

type counter int64

// Write implements io.Writer.
func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}

// Add adds the next segment, which begins with the position behind the last one's.
func (w *Writer) Add(s *Segment) error {
	if w.about.Events > 0 && s.First != w.about.Last+1 {
		return fmt.Errorf("the position %d follows %d", s.First, w.about.Last)
	}
	lines, err := appendLines(w.buffer[:0], s)
	if err != nil {
		return err
	}
	w.buffer = lines
	if _, err := w.zstd.Write(lines); err != nil {
		return fmt.Errorf("write to the archive: %w", err)
	}
	if w.about.Events == 0 {
		w.about.First = s.First
	}
	w.about.Last = s.Last()
	w.about.Segments++
	w.about.Events += int64(s.Count)
	return nil
}

// Close completes the file, brings it to the disk under its name and returns what the manifest is to say of it.
func (w *Writer) Close() (File, error) {
	err := w.zstd.Close()
	w.about.Name = fmt.Sprintf("events-%s-%020d.jsonl.zst", w.about.Day, w.about.First)
	w.about.SHA256, w.about.Bytes = hex.EncodeToString(w.hash.Sum(nil)), w.size
	return w.about, w.dir.keep(w.file, w.about.Name, err)
}

// Abort gives the file up.
func (w *Writer) Abort() {
	if w.zstd != nil {
		w.zstd.Reset(nil)
	}
	_ = w.file.Close()
	_ = os.Remove(w.file.Name())
}

// Verify compares a file with its checksum: ErrDamaged.
func (d *Dir) Verify(f File) error {
	file, err := os.Open(filepath.Join(d.path, f.Name))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	defer func() { _ = file.Close() }()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != f.SHA256 {
		return fmt.Errorf("%w: the SHA-256 of %s is %s, the manifest says %s", ErrDamaged, f.Name, got, f.SHA256)
	}
	return nil
}

// Read gives fn the segments of a file in their order, after comparing it with its checksum, and checks that they are those that the
// manifest tells of. It ends with the first error of fn; its own is ErrDamaged.
func (d *Dir) Read(f File, fn func(s *Segment) error) error {
	if err := d.Verify(f); err != nil {
		return err
	}
	file, err := os.Open(filepath.Join(d.path, f.Name))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	defer func() { _ = file.Close() }()
	z, err := zstd.NewReader(file, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrDamaged, f.Name, err)
	}
	defer z.Close()
	r := &reader{lines: bufio.NewReaderSize(z, 1<<16), next: f.First}
	for {
		s, err := r.segment()
		if err != nil {
			return fmt.Errorf("%w: %s: line %d: %w", ErrDamaged, f.Name, r.line, err)
		}
		if s == nil {
			break
		}
		if err := fn(s); err != nil {
			return err
		}
	}
	if r.next != f.Last+1 || r.segments != f.Segments {
		return fmt.Errorf("%w: %s has %d segments up to position %d, the manifest says %d up to %d", ErrDamaged, f.Name, r.segments, r.next-1, f.Segments, f.Last)
	}
	return nil
}

// reader puts the lines of a file together to segments.
type reader struct {
	lines    *bufio.Reader
	line     int
	ahead    *line // read already
	next     int64 // position
	segments int64
}

// segment returns the next segment, nil at the end.
func (r *reader) segment() (*Segment, error) {
	first, err := r.read()
	if first == nil || err != nil {
		return nil, err
	}
	r.segments++
	if st := first.Stored; st != nil {
		s := &Segment{ID: st.Segment, SellerID: st.SellerID, First: st.First, Count: st.Events, At: st.At, Types: st.Types}
		if st.Body != nil {
			s.Body = append([]byte{}, *st.Body...)
		}
		if s.First != r.next || s.Count < 1 {
			return nil, fmt.Errorf("it begins at position %d instead of %d", s.First, r.next)
		}
		r.next = s.Last() + 1
		return s, nil
	}
	s := &Segment{ID: first.Segment, First: r.next}
	for l := first; ; {
		e, err := l.event()
		if err != nil {
			return nil, err
		}
		if e.Position != r.next {
			return nil, fmt.Errorf("it has the position %d instead of %d", e.Position, r.next)
		}
		if len(s.Events) > 0 && e.SellerID != s.SellerID {
			return nil, errors.New("its segment is of another seller")
		}
		s.SellerID, s.Events = e.SellerID, append(s.Events, e)
		r.next++
		if l, err = r.read(); err != nil {
			return nil, err
		}
		if l == nil || l.Stored != nil || l.Segment != s.ID {
			r.ahead = l
			break
		}
	}
	s.Count = len(s.Events)
	return s, nil
}

// read returns the next line, nil at the end.
func (r *reader) read() (*line, error) {
	if l := r.ahead; l != nil {
		r.ahead = nil
		return l, nil
	}
	text, err := r.lines.ReadBytes('\n')
	if errors.Is(err, io.EOF) && len(text) == 0 {
		return nil, nil
	}
	r.line++
	if err != nil {
		return nil, err
	}
	l := &line{}
	if err := json.Unmarshal(text, l); err != nil {
		return nil, err
	}
	return l, nil
}
