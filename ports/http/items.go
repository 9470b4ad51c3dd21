package httpport

import (
	"bytes"
	"errors"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// Items is a JSON object with one member, a list of which each item stands for itself.
type Items struct {
	// JSON is each item as it was sent. Nobody looked into it: one that is no good is no reason to refuse the others.
	JSON [][]byte
	// Others says that the object has other members, NoList that the member is no list, and More that it has more items than were read.
	Others, NoList, More bool
}

// ParseItems reads a JSON object whose member is a list, and of that so many items at most: ErrInvalidBody. The items are parts of the body.
func ParseItems(body []byte, member string, most int) (Items, error) {
	d := jsontext.NewDecoder(bytes.NewReader(body), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if t, err := d.ReadToken(); err != nil || t.Kind() != '{' {
		return Items{}, ErrInvalidBody
	}
	list, found := Items{NoList: true}, false
	for d.PeekKind() != '}' {
		t, err := d.ReadToken()
		if err != nil || t.Kind() != '"' {
			return Items{}, ErrInvalidBody
		}
		switch {
		case t.String() != member:
			list.Others = true
			err = d.SkipValue()
		case found:
			err = ErrInvalidBody
		case d.PeekKind() == '[':
			found, list.NoList = true, false
			err = list.read(d, body, most)
		default:
			found = true
			err = d.SkipValue()
		}
		if err != nil {
			return Items{}, ErrInvalidBody
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return Items{}, ErrInvalidBody
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return Items{}, ErrInvalidBody
	}
	return list, nil
}

func (l *Items) read(d *jsontext.Decoder, body []byte, most int) error {
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() != ']' {
		v, err := d.ReadValue()
		if err != nil {
			return err
		}
		if len(l.JSON) == most {
			l.More = true
			continue
		}
		end := int(d.InputOffset())
		l.JSON = append(l.JSON, body[end-len(v):end:end])
	}
	_, err := d.ReadToken()
	return err
}
