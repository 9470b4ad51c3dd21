package httpport

import (
	"bytes"
	"encoding/csv"
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Stream is an answer of any length that is sent in pieces. What fails before the first piece was sent is answered like any error; after that the
// connection is cut, so that half an answer does not look like a whole one. The zero Stream is not usable; see Call.Stream.
type Stream struct {
	call        *Call
	contentType string
	file        string
	b           bytes.Buffer
	sent        bool
}

// piece is how much of a stream is held in memory, in bytes.
const piece = 64 << 10

// Stream begins an answer of a type. A browser saves it under the name of a file, unless that is empty.
func (k *Call) Stream(contentType, file string) *Stream {
	return &Stream{call: k, contentType: contentType, file: file}
}

// Write implements io.Writer. Its error says that the client went away.
func (s *Stream) Write(p []byte) (int, error) {
	n, _ := s.b.Write(p)
	if s.b.Len() < piece {
		return n, nil
	}
	s.head()
	_, err := s.call.Writer().Write(s.b.Bytes())
	s.b.Reset()
	return n, err
}

// Flush sends what was written, so that a client hears that the answer goes on. Its error says that the client went away.
func (s *Stream) Flush() error {
	s.head()
	w := s.call.Writer()
	_, err := w.Write(s.b.Bytes())
	s.b.Reset()
	if err == nil {
		err = http.NewResponseController(w).Flush()
	}
	if errors.Is(err, http.ErrNotSupported) {
		return nil
	}
	return err
}

func (s *Stream) head() {
	if s.sent {
		return
	}
	s.sent = true
	header := s.call.Writer().Header()
	header.Set("Content-Type", s.contentType)
	if s.file != "" {
		header.Set("Content-Disposition", `attachment; filename="`+s.file+`"`)
	}
	s.call.Writer().WriteHeader(http.StatusOK)
}

// End sends the rest, or answers an error.
func (s *Stream) End(err error) {
	switch {
	case err == nil:
		s.head()
		_, _ = s.call.Writer().Write(s.b.Bytes()) // a client that went away needs no rest
	case s.sent:
		panic(http.ErrAbortHandler)
	default:
		s.call.Fail(err)
	}
}

// Sheet is a table that is sent as CSV (https://www.rfc-editor.org/rfc/rfc4180), which spreadsheets open.
type Sheet struct {
	*Stream

	rows  *csv.Writer
	cells []string
}

// Sheet begins a table with its columns, that is saved under the name of a file.
func (k *Call) Sheet(file string, columns ...string) *Sheet {
	s := &Sheet{Stream: k.Stream(TypeCSV+"; charset=utf-8", file)}
	s.rows = csv.NewWriter(s.Stream)
	s.rows.UseCRLF = true
	for _, c := range columns {
		s.Text(c)
	}
	_ = s.Row() // nothing is sent yet
	return s
}

// formula is where a spreadsheet would take what follows for a formula: at the beginning of a cell, and behind what may begin one inside of it. A
// spreadsheet that splits lines at semicolons or tabs does so inside of quotes too, because for it they do not begin a cell; the text then goes on in
// a cell, or on a line, of its own. Spaces and quotes may stand before a formula.
var formula = regexp.MustCompile("(^|[;\t\r\n])([ \u00a0\"']*[=+\\-@＝＋－＠])")

// harmless is a text in which nothing is a formula: an apostrophe before one makes it a text (https://owasp.org/www-community/attacks/CSV_Injection).
func harmless(text string) string {
	text = formula.ReplaceAllString(text, "$1'$2")
	if strings.IndexAny(text, "\t\r") == 0 {
		text = "'" + text
	}
	return text
}

// Text adds a cell with a text that may be anybody's, harmless.
func (s *Sheet) Text(text string) *Sheet {
	s.cells = append(s.cells, harmless(text))
	return s
}

// Number adds a cell with a number of ours.
func (s *Sheet) Number(n string) *Sheet {
	s.cells = append(s.cells, n)
	return s
}

// Int adds a cell with a whole number.
func (s *Sheet) Int(n int64) *Sheet { return s.Number(strconv.FormatInt(n, 10)) }

// Time adds a cell with a time; empty for the zero time.
func (s *Sheet) Time(t time.Time) *Sheet {
	if t.IsZero() {
		return s.Number("")
	}
	return s.Number(t.UTC().Format(time.RFC3339))
}

// Row ends a row. Its error says that the client went away.
func (s *Sheet) Row() error {
	err := s.rows.Write(s.cells)
	s.cells = s.cells[:0]
	return err
}

// Flush sends the rows that were ended. Its error says that the client went away.
func (s *Sheet) Flush() error {
	s.rows.Flush()
	return s.Stream.Flush()
}

// End sends the rest, or answers an error.
func (s *Sheet) End(err error) {
	s.rows.Flush()
	s.Stream.End(err)
}
