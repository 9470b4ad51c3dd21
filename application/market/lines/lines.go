// Package lines cuts uploaded CSV into pieces that are read one after another, each without the others, and reads their records.
//
// Stability: unsupported; it may change at any time.
package lines

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"strings"
)

const (
	// pieceSize is about how many bytes a piece has at most, and pieceRecords how many records that are not blank: what is done with a piece is
	// one transaction, which others wait for.
	pieceSize    = 128 << 10
	pieceRecords = 1_000
	// MaxRecord is how many bytes a record has at most.
	MaxRecord = 64 << 10
)

// Errors of uploads.
var (
	ErrTooLong = errors.New("lines: a record is too long")
	ErrRecord  = errors.New("lines: a record is no CSV")
)

// where a reader stands in a record (RFC 4180): a quote opens a quoted field only at the field's start.
type state uint8

const (
	fieldStart state = iota
	plain
	quoted
	closed // behind a quote in a quoted field, which ends it unless another quote follows
)

func (s state) next(c byte) state {
	switch {
	case s == quoted && c == '"':
		return closed
	case s == quoted:
		return quoted
	case c == '"' && (s == fieldStart || s == closed):
		return quoted
	case c == ',' || c == '\n':
		return fieldStart
	default:
		return plain
	}
}

// record returns the first record of data with its line break, and how many lines it has. complete is false when it may go on behind data.
func record(data []byte) (rec []byte, lines int64, complete bool) {
	var s state
	for i, c := range data {
		if c == '\n' {
			lines++
			if s != quoted {
				return data[:i+1], lines, true
			}
		}
		s = s.next(c)
	}
	if len(data) > 0 {
		lines++
	}
	return data, lines, false
}

// blank reports whether a record has nothing in it.
func blank(rec []byte) bool { return len(bytes.TrimSpace(rec)) == 0 }

// Cut reads CSV to its end and hands its pieces over: whole records, the number of the first line, and how many records are not blank. The
// errors are ErrTooLong, those of the reader and those of do.
func Cut(r io.Reader, do func(content []byte, line, records int64) error) error {
	return CutBy(pieceRecords, r, do)
}

// CutBy is Cut into pieces of so many records at most, blank ones not counted.
func CutBy(most int, r io.Reader, do func(content []byte, line, records int64) error) error {
	buf := make([]byte, 0, pieceSize+MaxRecord)
	line, first := int64(1), true
	for {
		n, err := io.ReadFull(r, buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		end := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !end {
			return err
		}
		if first {
			buf, first = append(buf[:0], bytes.TrimPrefix(buf, []byte("\ufeff"))...), false
		}
		taken, began, records := 0, line, int64(0)
		for records < int64(most) && taken < len(buf) && taken < pieceSize {
			rec, lines, complete := record(buf[taken:])
			if !complete && !end {
				break
			}
			if len(rec) > MaxRecord {
				return ErrTooLong
			}
			if !blank(rec) {
				records++
			}
			taken, line = taken+len(rec), line+lines
		}
		if taken == 0 && !end {
			return ErrTooLong
		}
		if taken > 0 {
			if err := do(buf[:taken:taken], began, records); err != nil {
				return err
			}
		}
		rest := copy(buf, buf[taken:])
		buf = buf[:rest]
		if end && rest == 0 {
			return nil
		}
	}
}

// Each reads the records of a piece that begins with a line. do gets the fields of each that is not blank, without the spaces around them,
// or ErrRecord; the fields are only valid until it returns.
func Each(content []byte, line int64, do func(fields []string, line int64, err error) error) error {
	var fields []string
	for len(content) > 0 {
		rec, lines, _ := record(content)
		content = content[len(rec):]
		if !blank(rec) {
			var err error
			if fields, err = split(rec, fields[:0]); err == nil {
				err = do(fields, line, nil)
			} else {
				err = do(nil, line, ErrRecord)
			}
			if err != nil {
				return err
			}
		}
		line += lines
	}
	return nil
}

func split(rec []byte, into []string) ([]string, error) {
	text := strings.TrimRight(string(rec), "\r\n")
	if strings.IndexByte(text, '"') < 0 {
		for field := range strings.SplitSeq(text, ",") {
			into = append(into, strings.TrimSpace(field))
		}
		return into, nil
	}
	r := csv.NewReader(strings.NewReader(text))
	r.FieldsPerRecord = -1
	r.TrimLeadingSpace = true
	fields, err := r.Read()
	if err != nil {
		return nil, ErrRecord
	}
	for _, field := range fields {
		into = append(into, strings.TrimSpace(field))
	}
	return into, nil
}
