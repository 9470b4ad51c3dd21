package field

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/leadmill/leadmill/domain/fault"
)

// ExternalID is the name under which a supplier sends its own id of a lead. It is no field, but one that Map may fill.
const ExternalID = "external_id"

// facebookData is the member in which Facebook lead ads have the answers: a list of {"name":…,"values":[…]}.
const facebookData = "field_data"

const (
	maxMapped  = 100
	maxPointer = 512
)

// Map says where the fields of a campaign come from when suppliers name them otherwise. It makes the answers of Facebook lead ads, a
// list field_data of names and values, fields by these names first. The zero Map is none and changes nothing.
type Map struct {
	own   map[string]string
	steps []mapStep
}

// mapStep is one source of a Map. Only a pointer has a path; it has two parts or more.
type mapStep struct {
	source, field string
	path          []string
}

// NewMap checks a map from sources to the fields of a campaign: a source is the name that a supplier uses, or, where it begins with a
// slash, a JSON pointer into what it sends (RFC 6901). Several sources may lead to one field. It returns fault.ErrValidation, which
// names each source at fault as "field_map.<source>".
func NewMap(own map[string]string, rules Rules) (Map, error) {
	var v fault.Violations
	if len(own) > maxMapped {
		v.Add("field_map", fault.InvalidValue, "must have at most 100 members")
		return Map{}, v.Err()
	}
	isField := func(name string) bool {
		return slices.ContainsFunc(rules.all, func(r Rule) bool { return r.Name == name })
	}
	for _, source := range slices.Sorted(maps.Keys(own)) {
		at, to := "field_map."+printable(source), own[source]
		path, valid := pointer(source)
		switch {
		case !valid:
			v.Add(at, fault.InvalidValue, "must be a JSON pointer of at most 512 characters, such as /contact/phone")
		case path == nil && !keepableName(source):
			v.Add(at, fault.InvalidValue, "must be a name of 1 to 128 characters without control characters")
		case path == nil && (Reserved(source) || isField(source)):
			v.Add(at, fault.InvalidValue, "is a name of ours; write the supplier's name before the colon, and ours behind it")
		case !isField(to) && to != ExternalID:
			v.Add(at, fault.InvalidValue, "must lead to a field of this campaign, or to external_id")
		}
	}
	if err := v.Err(); err != nil {
		return Map{}, err
	}
	return RestoreMap(own), nil
}

// RestoreMap makes a Map of a stored one without checking it again.
func RestoreMap(own map[string]string) Map {
	if len(own) == 0 {
		return Map{}
	}
	m := Map{own: maps.Clone(own)}
	for source, to := range own {
		step := mapStep{source: source, field: to}
		if path, _ := pointer(source); len(path) == 1 {
			step.source = path[0]
		} else {
			step.path = path
		}
		m.steps = append(m.steps, step)
	}
	// Names go before pointers: what stands in front is what was meant.
	slices.SortFunc(m.steps, func(a, b mapStep) int {
		if a.path == nil && b.path != nil {
			return -1
		}
		if a.path != nil && b.path == nil {
			return 1
		}
		return strings.Compare(a.source, b.source)
	})
	return m
}

// pointer takes a JSON pointer apart; path is nil for what is none but a name.
func pointer(source string) (path []string, valid bool) {
	if !strings.HasPrefix(source, "/") {
		return nil, true
	}
	path = strings.Split(source[1:], "/")
	valid = len(source) <= maxPointer
	for i, part := range path {
		valid = valid && keepableName(part) && !strings.Contains(strings.NewReplacer("~0", "", "~1", "").Replace(part), "~")
		path[i] = strings.NewReplacer("~0", "~", "~1", "/").Replace(part)
	}
	return path, valid
}

// Own returns the sources with the fields that they lead to; nil when there are none.
func (m Map) Own() map[string]string { return maps.Clone(m.own) }

// Apply returns the fields as the campaign names them. A field that was sent under its own name stays; else the first source that
// says something becomes the field. What a name led to moves; an object that a pointer led into stays as it came, as all fields do
// that no source names.
func (m Map) Apply(in Set) Set {
	if len(m.steps) == 0 {
		return in
	}
	out := maps.Clone(in)
	unfold(out)
	for _, s := range m.steps {
		if given := out[s.field]; !given.Empty() {
			continue
		}
		found := out[s.source]
		if s.path != nil {
			found = in.at(s.path)
		}
		if found.Empty() {
			continue
		}
		out[s.field] = found
		if s.path == nil {
			delete(out, s.source)
		}
	}
	return out
}

// at returns what a JSON pointer leads to; the zero Value when that is nothing.
func (s Set) at(path []string) Value {
	top := s[path[0]]
	if top.Kind != Other {
		return Value{}
	}
	node := decode(top.Text)
	for _, part := range path[1:] {
		switch of := node.(type) {
		case map[string]any:
			node = of[part]
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i < 0 || i >= len(of) || strconv.Itoa(i) != part {
				return Value{}
			}
			node = of[i]
		default:
			return Value{}
		}
	}
	return valueOf(node)
}

// unfold makes fields of the answers of Facebook lead ads. What has another form stays as it came.
func unfold(out Set) {
	data := out[facebookData]
	if data.Kind != Other {
		return
	}
	items, ok := decode(data.Text).([]any)
	if !ok || len(items) == 0 {
		return
	}
	answers := Set{}
	for _, item := range items {
		answer, _ := item.(map[string]any)
		name, named := answer["name"].(string)
		values, listed := answer["values"].([]any)
		if !named || !listed {
			return
		}
		if _, twice := answers[name]; !twice {
			answers[name] = joined(values)
		}
	}
	delete(out, facebookData)
	for name, answer := range answers {
		if given := out[name]; given.Empty() && !Reserved(name) {
			out[name] = answer
		}
	}
}

// joined is one value: several answers to a question are a text with commas between them.
func joined(values []any) Value {
	if len(values) == 1 {
		return valueOf(values[0])
	}
	texts := make([]string, 0, len(values))
	for _, v := range values {
		if one := valueOf(v); !one.Empty() {
			texts = append(texts, one.Text)
		}
	}
	return TextValue(strings.Join(texts, ", "))
}

// decode reads JSON that a Value holds; nil for what is none.
func decode(text string) (node any) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if d.Decode(&node) != nil {
		return nil
	}
	return node
}

func valueOf(node any) Value {
	switch v := node.(type) {
	case nil:
		return Value{}
	case string:
		return TextValue(v)
	case json.Number:
		return Value{Kind: Number, Text: v.String()}
	case bool:
		return Value{Kind: Bool, Text: strconv.FormatBool(v)}
	}
	text, err := json.Marshal(node)
	if err != nil {
		return Value{}
	}
	return Value{Kind: Other, Text: string(text)}
}
