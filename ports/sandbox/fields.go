package sandbox

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"maps"
	"mime"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxDepth is how deep a body is taken apart; what is below stands as it is.
const maxDepth = 8

// collector collects fields until there are enough.
type collector struct {
	fields []Field
	left   int
	cut    bool
}

// fieldSize is what a field takes beside its texts.
const fieldSize = 64

func (c *collector) add(name, value string) {
	if c.cut {
		return
	}
	if fieldSize+len(name)+len(value) > c.left {
		c.cut = true
		name = clipped(name, max(c.left-fieldSize, 0))
		value = clipped(value, max(c.left-fieldSize-len(name), 0))
	}
	c.left -= fieldSize + len(name) + len(value)
	// Copies, because parts of a text keep all of it.
	c.fields = append(c.fields, Field{strings.Clone(name), strings.Clone(value)})
}

// clipped is the beginning of a text, of whole characters.
func clipped(text string, size int) string {
	if len(text) <= size {
		return text
	}
	for size > 0 && !utf8.RuneStart(text[size]) {
		size--
	}
	return text[:size]
}

// fieldsOf takes a body apart: JSON, a form or XML. One that is none of them is a field without a name.
func fieldsOf(contentType string, body []byte) (fields []Field, cut bool) {
	kind, _, _ := mime.ParseMediaType(contentType)
	c := &collector{left: maxKept}
	var ok bool
	switch {
	case kind == "application/x-www-form-urlencoded":
		ok = c.form(string(body))
	case strings.HasSuffix(kind, "xml"):
		ok = c.xml(body)
	default:
		ok = c.json(body)
	}
	if !ok {
		c = &collector{left: maxKept}
		if len(body) > 0 {
			c.add("", strings.ToValidUTF8(string(body), "�"))
		}
	}
	return append([]Field{}, c.fields...), c.cut // without the room to grow
}

func (c *collector) form(text string) bool {
	values, err := url.ParseQuery(text)
	for _, name := range slices.Sorted(maps.Keys(values)) {
		for _, v := range values[name] {
			c.add(strings.ToValidUTF8(name, "�"), strings.ToValidUTF8(v, "�"))
		}
	}
	return err == nil
}

func (c *collector) json(body []byte) bool {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return false
	}
	if _, err := d.Token(); err != io.EOF {
		return false
	}
	c.value("", v, 0)
	return true
}

func (c *collector) value(name string, v any, depth int) {
	below := func(part string) string {
		if name == "" {
			return part
		}
		return name + "." + part
	}
	switch v := v.(type) {
	case map[string]any:
		if depth < maxDepth {
			for _, part := range slices.Sorted(maps.Keys(v)) {
				c.value(below(part), v[part], depth+1)
			}
			return
		}
	case []any:
		if depth < maxDepth {
			for i, item := range v {
				c.value(below(strconv.Itoa(i)), item, depth+1)
			}
			return
		}
	case string:
		c.add(name, v)
		return
	}
	text, _ := json.Marshal(v) //nolint:errchkjson // it was JSON
	c.add(name, string(text))
}

func (c *collector) xml(body []byte) bool {
	d := xml.NewDecoder(bytes.NewReader(body))
	var path []string
	var text strings.Builder
	leaf := false
	for {
		token, err := d.Token()
		switch {
		case err == io.EOF: //nolint:errorlint // Token returns it as it is
			return len(c.fields) > 0
		case err != nil:
			return false
		}
		switch t := token.(type) {
		case xml.StartElement:
			if path = append(path, t.Name.Local); len(path) > maxDepth {
				return false
			}
			text.Reset()
			leaf = true
		case xml.CharData:
			_, _ = text.Write(t)
		case xml.EndElement:
			if leaf {
				c.add(strings.Join(path[min(1, len(path)-1):], "."), text.String())
			}
			path, leaf = path[:len(path)-1], false
		}
	}
}
