package httpport

import (
	"github.com/leadmill/leadmill/domain/field"
)

// Fields binds an object of any members, as the fields of a lead: each with the form that it was sent in. It is nil when absent or no
// object.
func (o *Object) Fields(name string) field.Set {
	v := o.Value(name)
	if v == nil {
		return nil
	}
	inner := asObject(v, o.lenient)
	if inner == nil {
		o.WrongType(name, "an object")
		return nil
	}
	fields := make(field.Set, len(inner.names))
	for _, n := range inner.names {
		fields[n] = inner.members[n].asField()
	}
	return fields
}

func (v *Value) asField() field.Value {
	switch v.kind {
	case 'n':
		return field.Value{}
	case 't':
		return field.Value{Kind: field.Bool, Text: "true"}
	case 'f':
		return field.Value{Kind: field.Bool, Text: "false"}
	case '"':
		return field.TextValue(v.text)
	case '0':
		return field.Value{Kind: field.Number, Text: v.text}
	default:
		return field.Value{Kind: field.Other, Text: string(v.appendJSON(nil))}
	}
}

// appendJSON writes the value as compact JSON.
func (v *Value) appendJSON(b []byte) []byte {
	switch v.kind {
	case 'n':
		return append(b, "null"...)
	case 't':
		return append(b, "true"...)
	case 'f':
		return append(b, "false"...)
	case '"':
		return AppendString(b, v.text)
	case '[':
		b = append(b, '[')
		for i, item := range v.items {
			if i > 0 {
				b = append(b, ',')
			}
			b = item.appendJSON(b)
		}
		return append(b, ']')
	case '{':
		b = append(b, '{')
		for i, name := range v.names {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(AppendString(b, name), ':')
			b = v.members[name].appendJSON(b)
		}
		return append(b, '}')
	default:
		return append(b, v.text...)
	}
}
