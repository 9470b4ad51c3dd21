package fuzz

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// ids are what answers named, by what it is: ids by how they begin, and keys, codes and categories. Those of another seller are among them.
type ids struct{ known map[string][]string }

var (
	anID  = regexp.MustCompile(`\b([a-z]+)_[0-9A-HJKMNP-TV-Z]{26}\b`)
	aLink = regexp.MustCompile(`\?aff=([A-Za-z0-9_-]+)`)
	aName = regexp.MustCompile(`"(code|slug|key|category|id)":("[A-Za-z0-9][A-Za-z0-9 _-]{0,62}"|[0-9]+)`)
)

// most is how many ids of a kind are remembered.
const most = 100

func prefixOf(text string) string {
	if m := anID.FindStringSubmatch(text); m != nil && m[0] == text {
		return m[1]
	}
	return ""
}

func (i *ids) add(v *values, kind, id string) {
	list := i.known[kind]
	switch {
	case slices.Contains(list, id):
	case len(list) < most:
		i.known[kind] = append(list, id)
	default:
		list[v.r.IntN(most)] = id
	}
}

// learn remembers what an answer names. An id that does not say of what it is is one of the last plural in the path that was asked.
func (i *ids) learn(v *values, path, answer string) {
	if len(answer) > 1<<16 {
		return
	}
	for _, m := range anID.FindAllStringSubmatch(answer, -1) {
		i.add(v, m[1], m[0])
	}
	for _, m := range aLink.FindAllStringSubmatch(answer, -1) {
		i.add(v, "partner key", m[1])
	}
	for _, m := range aName.FindAllStringSubmatch(answer, -1) {
		name := strings.Trim(m[2], `"`)
		switch {
		case m[1] == "code" && strings.ToUpper(name) != name: // of an error
		case m[1] != "id":
			i.add(v, m[1], name)
			i.add(v, kindOf(path)+" "+m[1], name)
		case prefixOf(name) == "":
			i.add(v, kindOf(path), name)
		}
	}
}

// kindOf is what the last plural of a path names: lead for /v1/leads/7/convert, and key for /v1/api-keys.
func kindOf(path string) string {
	segments := strings.FieldsFunc(path, func(c rune) bool { return c == '/' || c == ':' })
	for _, segment := range slices.Backward(segments) {
		if kind, ok := strings.CutSuffix(segment, "s"); ok {
			return kind[strings.LastIndexAny(kind, "-_")+1:]
		}
	}
	return "key"
}

// of is an id that begins so.
func (i *ids) of(v *values, prefix string) string {
	if list := i.known[prefix]; len(list) > 0 {
		return pick(v, list)
	}
	return prefix + "_01M7Y2AEBPP9KKDX8J183NFP5N"
}

// any is some id.
func (i *ids) any(v *values) string {
	kinds := slices.Sorted(maps.Keys(i.known))
	if len(kinds) == 0 {
		return "1"
	}
	return pick(v, i.known[pick(v, kinds)])
}

// called is a value for a parameter of a path: {buyer_id} is a buyer, and {id} what the path before it names, by its id or its key.
func (i *ids) called(v *values, path, name string) string {
	before, _, _ := strings.Cut(path, "{"+name+"}")
	kind, named := strings.CutSuffix(name, "_id")
	switch {
	case name == "code" || name == "seller_code":
		return i.of(v, "code")
	case !named || v.one(2):
		kind = kindOf(before)
	}
	if v.one(3) && len(i.known[kind+" key"]) > 0 {
		return pick(v, i.known[kind+" key"])
	}
	return i.of(v, kind)
}
