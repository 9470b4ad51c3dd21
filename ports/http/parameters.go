package httpport

import (
	"bytes"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/leadmill/leadmill/domain/fault"
)

// Parameters are what a GET route reads. They stand in the query and, where InBody says so, in a body; the query wins. A nested name is
// written partner[key] here; clients may write partner.key, partner_key, or an object partner with a member key in the body.
//
// No parameter is ever ignored, so that nobody gets more than was asked for: a name that is not listed is a violation, and so
// are one name with two values and a filter that is empty.
type Parameters struct {
	// Names are the parameters that the handler finds in Query.
	Names []string
	// Later are parameters that the interface has and this version has not: 501.
	Later []string
	// Private are those of Names that may name a person. They are in no link, as what stood in a body: whoever follows a link sends them again.
	Private []string
	// InBody has a JSON body read too, as clients of Partnero's PHP library send it. Else a body means nothing, as HTTP says of GET.
	InBody bool
}

// paging are the parameters of every list, see List.
var paging = []string{"limit", "page", "cursor", "sort"}

// ReadingList is Parameters.Reading for a route that answers by List: the parameters of its pages are read too.
func ReadingList(p Parameters, do func(*Call)) func(*Call) {
	p.Names = append(slices.Clone(p.Names), paging...)
	return p.Reading(do)
}

// Reading makes the handler of a GET route that reads these parameters and no others. What is wrong with them is answered
// before do is called, every violation at once.
func (p Parameters) Reading(do func(*Call)) func(*Call) {
	return func(k *Call) {
		var v fault.Violations
		var err error
		if k.parameters, k.unlinked, err = p.read(k, &v); err == nil {
			err = v.Err()
		}
		if err != nil {
			k.Fail(err)
			return
		}
		do(k)
	}
}

// read returns all parameters, and those of them that only the body has and that tell pages nothing.
func (p Parameters) read(k *Call, v *fault.Violations) (values, unlinked url.Values, err error) {
	query, err := url.ParseQuery(k.gin.Request.URL.RawQuery)
	if err != nil {
		v.Add("query", fault.InvalidValue, "cannot be read")
	}
	values, unlinked = p.named(query, v), url.Values{}
	for _, name := range p.Private {
		if given, ok := values[name]; ok {
			unlinked[name] = given
		}
	}
	body, err := p.body(k)
	if err != nil {
		return nil, nil, err
	}
	for name, given := range p.named(p.flatten(body, v), v) {
		if values.Get(name) != "" {
			continue
		}
		values[name] = given
		if !slices.Contains(paging, name) {
			unlinked[name] = given
		}
	}
	var later []fault.Violation
	empty := ""
	narrowed := false
	for name := range values {
		switch {
		case slices.Contains(paging, name):
		case slices.Contains(p.Later, name):
			later = append(later, fault.Violation{Field: name, Code: fault.NotSupported, Message: "is not supported yet"})
		case values.Get(name) != "":
			narrowed = true
		case empty == "" || name < empty:
			empty = name
		}
	}
	if empty != "" && !narrowed {
		v.Add(dotted(empty), fault.Required, "must not be empty")
	}
	if len(later) > 0 && !v.Any() {
		slices.SortFunc(later, func(a, b fault.Violation) int { return strings.Compare(a.Field, b.Field) })
		return nil, nil, ErrNotImplemented.With(later...)
	}
	return values, unlinked, nil
}

// body returns the object that a request's body is, empty where none is read.
func (p Parameters) body(k *Call) (*Value, error) {
	var buf bytes.Buffer
	if p.InBody {
		if err := k.ReadBody(&buf); err != nil {
			return nil, err
		}
	}
	k.body = buf.Bytes() // for a handler that binds it
	return k.parse(k.body, Optional|Lenient)
}

// named returns parameters by the names that they are listed by.
func (p Parameters) named(given url.Values, v *fault.Violations) url.Values {
	values := url.Values{}
	for _, sent := range slices.Sorted(maps.Keys(given)) {
		name, known := p.name(sent)
		if !known {
			v.Add(dotted(shorten(sent)), fault.UnknownField, "is not a known parameter")
			continue
		}
		for _, value := range given[sent] {
			if before, twice := values[name]; twice && before[0] != value {
				v.Add(dotted(name), fault.InvalidValue, "must be given once")
				continue
			}
			values.Set(name, value)
		}
	}
	return values
}

// name returns the name that a parameter is listed by.
func (p Parameters) name(sent string) (name string, known bool) {
	for _, list := range [][]string{p.Names, p.Later} {
		for _, name := range list {
			if sent == name {
				return name, true
			}
			if outer, inner, nested := strings.Cut(strings.TrimSuffix(name, "]"), "["); nested && (sent == outer+"."+inner || sent == outer+"_"+inner) {
				return name, true
			}
		}
	}
	return "", false
}

// dotted is how violations tell a nested name: partner.key.
func dotted(name string) string {
	return strings.TrimSuffix(strings.Replace(name, "[", ".", 1), "]")
}

// flatten turns the members of a body into parameters; null equals absent.
func (p Parameters) flatten(body *Value, v *fault.Violations) url.Values {
	values := url.Values{}
	for _, name := range body.names {
		member := body.members[name]
		if member.kind == 'n' {
			continue
		}
		if inner := asObject(member, true); inner != nil && p.nests(name) {
			said := false
			for _, part := range inner.names {
				if text, ok := inner.members[part].asParameter(); ok {
					values.Set(name+"["+part+"]", text)
					said = said || text != ""
				} else if inner.members[part].kind != 'n' {
					v.Add(shorten(name+"."+part), fault.WrongType, "must be a string or a number")
					said = true
				}
			}
			if !said {
				v.Add(name, fault.Required, "must not be empty")
			}
			continue
		}
		text, ok := member.asParameter()
		if _, known := p.name(name); known && !ok {
			v.Add(shorten(name), fault.WrongType, "must be a string or a number")
			continue
		}
		values.Set(name, text)
	}
	return values
}

// nests reports whether parameters are listed inside of a name.
func (p Parameters) nests(name string) bool {
	inside := func(n string) bool { return strings.HasPrefix(n, name+"[") }
	return slices.ContainsFunc(p.Names, inside) || slices.ContainsFunc(p.Later, inside)
}

// asParameter returns what a value of a body is as a text of a query.
func (v *Value) asParameter() (text string, ok bool) {
	switch {
	case v.IsString(), v.IsNumber():
		return v.text, true
	case v.IsTrue():
		return "true", true
	case v.IsFalse():
		return "false", true
	}
	return "", false
}
