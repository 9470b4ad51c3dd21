package httpport

import (
	"strconv"
	"strings"
)

// formType is the type of the bodies that PHP's http_build_query writes.
const formType = "application/x-www-form-urlencoded"

// parseForm reads a form into the object that the same members would be in JSON: partner[key]=x is a member of an object,
// tags[]=x and tags[0]=x are items of a list. All its values are texts, which are also taken for the numbers and truth values
// that they write (Value.form). It returns nil for what cannot be read, and for names that contradict one another.
func parseForm(body string) *Value {
	root := &Value{kind: '{', members: map[string]*Value{}}
	for pair := range strings.SplitSeq(body, "&") {
		if pair == "" {
			continue
		}
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, named := unescape(rawName)
		value, ok := unescape(rawValue)
		path := formPath(name)
		if !named || !ok || len(path) > maxDepth || !root.put(path, &Value{kind: '"', text: value, form: true}) {
			return nil
		}
	}
	for _, member := range root.members {
		member.listed()
	}
	return root
}

// formPath takes a name apart: "partner[key]" is partner, key. A name that is not written so is one member.
func formPath(name string) []string {
	outer, rest, nested := strings.Cut(name, "[")
	if !nested || outer == "" || !strings.HasSuffix(rest, "]") {
		return []string{name}
	}
	return append([]string{outer}, strings.Split(strings.TrimSuffix(rest, "]"), "][")...)
}

// put stores a value at a path. An empty name, inside of another, is the next item of a list.
func (v *Value) put(path []string, value *Value) bool {
	name := path[0]
	if name == "" {
		name = strconv.Itoa(len(v.names))
	}
	inner := v.members[name]
	switch {
	case len(path) == 1 && inner != nil, len(v.names) == maxItems:
		return false
	case len(path) == 1:
		inner = value
	case inner == nil:
		inner = &Value{kind: '{', members: map[string]*Value{}}
	case inner.kind != '{':
		return false
	}
	if v.members[name] == nil {
		v.names = append(v.names, name)
		v.members[name] = inner
	}
	return len(path) == 1 || inner.put(path[1:], value)
}

// listed turns objects whose members are numbered from 0 into lists.
func (v *Value) listed() {
	for _, member := range v.members {
		member.listed()
	}
	var items []*Value
	for i, name := range v.names {
		if name != strconv.Itoa(i) {
			return
		}
		items = append(items, v.members[name])
	}
	if len(items) > 0 {
		v.kind, v.items, v.names, v.members = '[', items, nil, nil
	}
}
