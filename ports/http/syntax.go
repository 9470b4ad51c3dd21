package httpport

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/leadmill/leadmill/domain/field"
)

// The bounds of a JSON body: how deep it nests, and how many items a list has.
const (
	maxDepth = 32
	maxItems = 1000
)

// reader is a JSON decoder over a byte slice, reused. The decoder refuses duplicate members, invalid UTF-8 and what is not
// JSON to the letter of RFC 8259.
type reader struct {
	src bytes.Buffer
	dec *jsontext.Decoder
}

var readers = sync.Pool{New: func() any {
	r := new(reader)
	r.dec = jsontext.NewDecoder(&r.src)
	return r
}}

// readJSON lets read take one JSON value and makes sure that nothing follows it.
func readJSON(body []byte, read func(*jsontext.Decoder) bool) bool {
	r := readers.Get().(*reader)
	r.src.Reset()
	r.src.Write(body)
	r.dec.Reset(&r.src)
	ok := read(r.dec)
	if ok {
		_, err := r.dec.ReadToken()
		ok = err == io.EOF //nolint:errorlint // the decoder documents io.EOF itself
	}
	readers.Put(r)
	return ok
}

// ParseFields reads a JSON object into the fields of a lead, each with the type it has; a list or an object keeps its compact
// JSON: ErrInvalidBody.
func ParseFields(body []byte, into field.Set) error {
	if !readJSON(body, func(d *jsontext.Decoder) bool { return readFields(d, into) }) {
		return ErrInvalidBody
	}
	return nil
}

func readFields(d *jsontext.Decoder, into field.Set) bool {
	if t, err := d.ReadToken(); err != nil || t.Kind() != '{' {
		return false
	}
	for d.PeekKind() != '}' {
		t, err := d.ReadToken()
		if err != nil || t.Kind() != '"' {
			return false
		}
		name := t.String()
		if kind := d.PeekKind(); kind == '{' || kind == '[' {
			v, err := d.ReadValue()
			if err != nil || !bounded(v, 1) {
				return false
			}
			v = v.Clone()
			if v.Compact() != nil {
				return false
			}
			into[name] = field.Value{Kind: field.Other, Text: string(v)}
			continue
		}
		t, err = d.ReadToken()
		if err != nil {
			return false
		}
		switch t.Kind() {
		case '"':
			into[name] = field.TextValue(t.String())
		case '0':
			into[name] = field.Value{Kind: field.Number, Text: t.String()}
		case 't', 'f':
			into[name] = field.Value{Kind: field.Bool, Text: t.String()}
		default:
			into[name] = field.Value{}
		}
	}
	_, err := d.ReadToken()
	return err == nil
}

// bounded reports whether a valid JSON value, found at a depth, keeps the bounds on depth and on the length of arrays.
func bounded(v []byte, depth int) bool {
	var counts [maxDepth + 1]int // items of the array at each depth; -1: an object
	for i := 0; i < len(v); i++ {
		switch v[i] {
		case '"':
			for i++; v[i] != '"'; i++ {
				if v[i] == '\\' {
					i++
				}
			}
		case '[', '{':
			if depth++; depth > maxDepth {
				return false
			}
			counts[depth] = -1
			if v[i] == '[' {
				counts[depth] = 1
			}
		case ']', '}':
			depth--
		case ',':
			if counts[depth] > 0 {
				if counts[depth]++; counts[depth] > maxItems {
					return false
				}
			}
		}
	}
	return true
}

// ParseForm reads a query or a form: names and values percent-encoded, each name once, all of it valid UTF-8: ErrInvalidBody. It
// is stricter than net/url, which takes repeated names and drops what it cannot decode.
func ParseForm(s string, into field.Set) error {
	for s != "" {
		var pair string
		pair, s, _ = strings.Cut(s, "&")
		if pair == "" {
			continue
		}
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, ok := unescape(rawName)
		if !ok {
			return ErrInvalidBody
		}
		value, ok := unescape(rawValue)
		if !ok {
			return ErrInvalidBody
		}
		if _, twice := into[name]; twice {
			return ErrInvalidBody
		}
		into[name] = field.TextValue(value)
	}
	return nil
}

// ParseMultipart reads a body of multipart/form-data, each name once, all of it valid UTF-8: ErrInvalidBody. A file that was chosen is
// ErrMediaType; one that was not is an empty text, as browsers send it.
func ParseMultipart(contentType string, body []byte, into field.Set) error {
	_, parameters, err := mime.ParseMediaType(contentType)
	boundary := parameters["boundary"]
	if err != nil || boundary == "" || !bytes.Contains(body, []byte("--"+boundary+"--")) { // without its end it was cut
		return ErrInvalidBody
	}
	parts := multipart.NewReader(bytes.NewReader(body), boundary)
	for {
		part, err := parts.NextRawPart()
		if err == io.EOF { //nolint:errorlint // wrapped, it says that the end is missing
			return nil
		}
		if err != nil {
			return ErrInvalidBody
		}
		name := part.FormName()
		value, err := io.ReadAll(part)
		if _, twice := into[name]; err != nil || twice || name == "" || !utf8.ValidString(name) || !utf8.Valid(value) {
			return ErrInvalidBody
		}
		if part.FileName() != "" {
			return ErrMediaType
		}
		into[name] = field.TextValue(string(value))
	}
}

func unescape(s string) (string, bool) {
	if strings.ContainsAny(s, "%+") {
		b := make([]byte, 0, len(s))
		for i := 0; i < len(s); i++ {
			switch s[i] {
			case '+':
				b = append(b, ' ')
			case '%':
				if i+2 >= len(s) {
					return "", false
				}
				high, low := unhex(s[i+1]), unhex(s[i+2])
				if high > 15 || low > 15 {
					return "", false
				}
				b = append(b, high<<4|low)
				i += 2
			default:
				b = append(b, s[i])
			}
		}
		s = string(b)
	}
	return s, utf8.ValidString(s)
}

// unhex returns a value above 15 for what is no hexadecimal digit.
func unhex(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}

// Value is one value of a JSON body, not null, or of a form.
type Value struct {
	kind    byte   // as jsontext.Kind: n, t, f, ", 0, { or [
	text    string // of a string; of a number as it is written
	names   []string
	members map[string]*Value
	items   []*Value
	form    bool // of a form, where everything is a string
}

// IsString reports whether the value is a string.
func (v *Value) IsString() bool { return v.kind == '"' }

// IsNumber reports whether the value is a number.
func (v *Value) IsNumber() bool { return v.kind == '0' }

// IsTrue reports whether the value is true.
func (v *Value) IsTrue() bool { return v.kind == 't' }

// IsFalse reports whether the value is false.
func (v *Value) IsFalse() bool { return v.kind == 'f' }

// Text is the text of a string, and a number as it is written; empty for all others.
func (v *Value) Text() string { return v.text }

// Items are the items of a list; ok is false when the value is none. A null among them is neither string nor number.
func (v *Value) Items() (items []*Value, ok bool) { return v.items, v.kind == '[' }

// parseObject reads the body of a /v1 request, which must be one JSON object; nil when it is none.
func parseObject(body []byte, lenient bool) *Value {
	var root *Value
	if !readJSON(body, func(d *jsontext.Decoder) (ok bool) {
		root, ok = readValue(d, 1)
		return ok
	}) {
		return nil
	}
	return asObject(root, lenient)
}

func readValue(d *jsontext.Decoder, depth int) (*Value, bool) {
	t, err := d.ReadToken()
	if err != nil {
		return nil, false
	}
	v := &Value{kind: byte(t.Kind())}
	switch t.Kind() {
	case '"', '0':
		v.text = t.String()
	case '{':
		if depth > maxDepth {
			return nil, false
		}
		v.members = map[string]*Value{}
		for d.PeekKind() != '}' {
			t, err := d.ReadToken()
			if err != nil || t.Kind() != '"' {
				return nil, false
			}
			name := t.String()
			member, ok := readValue(d, depth+1)
			if !ok {
				return nil, false
			}
			v.names = append(v.names, name)
			v.members[name] = member
		}
		_, err = d.ReadToken()
	case '[':
		if depth > maxDepth {
			return nil, false
		}
		for d.PeekKind() != ']' {
			item, ok := readValue(d, depth+1)
			if !ok || len(v.items) == maxItems {
				return nil, false
			}
			v.items = append(v.items, item)
		}
		_, err = d.ReadToken()
	case '}', ']':
		return nil, false
	default: // true, false and null are their kind
	}
	return v, err == nil
}
