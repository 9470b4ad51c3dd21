package celfilter

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/interpreter"

	"github.com/leadmill/leadmill/domain/contact"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
)

// input is a lead as filters read it. Each value is made once, when the first filter asks for it.
type input struct {
	of      *schema
	facts   lead.Facts
	fields  []ref.Val // by place in schema.rules; nil: not asked for yet
	members map[string]ref.Val
	answers map[string]ref.Val
}

// Read implements distribution.FilterCompiler.
func (g *ground) Read(f lead.Facts) distribution.FilterInput {
	return &input{of: g.types, facts: f, fields: make([]ref.Val, len(g.types.rules))}
}

// ResolveName implements interpreter.Activation.
func (in *input) ResolveName(name string) (any, bool) {
	if name == "lead" || name == "facts" {
		return in, true
	}
	return nil, false
}

// Parent implements interpreter.Activation.
func (in *input) Parent() interpreter.Activation { return nil }

// field returns the field at a place in the rules.
func (in *input) field(i int) ref.Val {
	if in.fields[i] == nil {
		r := &in.of.rules[i]
		in.fields[i] = valueOf(r.Type, in.facts.Field(r.Name))
	}
	return in.fields[i]
}

// valueOf is a field as its type reads it. A lead that came before the field had its type may have a value that cannot be read so;
// whoever asks for it fails.
func valueOf(t field.Type, v field.Value) ref.Val {
	if v.Empty() {
		return types.NullValue
	}
	switch t {
	case field.TypeBoolean:
		switch v.Text {
		case "true":
			return types.True
		case "false":
			return types.False
		}
		return types.NewErr("the field is not a boolean")
	case field.TypeInteger:
		n, err := strconv.ParseInt(v.Text, 10, 64)
		if err != nil {
			return types.NewErr("the field is not an integer that fits")
		}
		return types.Int(n)
	case field.TypeNumber:
		n, err := strconv.ParseFloat(v.Text, 64)
		if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
			return types.NewErr("the field is not a number")
		}
		return types.Double(n)
	case field.TypeString, field.TypeText, field.TypeEmail, field.TypePhone, field.TypeUSState, field.TypeZip, field.TypeDate,
		field.TypeEnum, field.TypeURL:
	}
	return types.String(v.Text)
}

// member returns a member of lead.
func (in *input) member(name string) ref.Val {
	if v, known := in.members[name]; known {
		return v
	}
	if in.members == nil {
		in.members = make(map[string]ref.Val, len(leadMembers))
	}
	var v ref.Val
	switch name {
	case memberTest:
		v = types.Bool(in.facts.Test)
	case memberReceivedAt:
		v = types.Timestamp{Time: in.facts.ReceivedAt.UTC()}
	case memberCategory:
		v = types.String(in.facts.Category)
	default:
		if text, ok := in.text(name); ok {
			v = types.String(text)
		} else {
			v = types.NullValue
		}
	}
	in.members[name] = v
	return v
}

// text returns a member of lead that is a text and may be absent.
func (in *input) text(name string) (string, bool) {
	var text string
	switch name {
	case memberPartner, memberSupplier:
		text = in.facts.PartnerID
	case memberZip:
		zip := in.facts.Field(field.Zip)
		if zip.Empty() {
			return "", false
		}
		if z, err := contact.ParseZip(zip.Text); err == nil {
			return z.Five(), true
		}
		text = zip.Text // an option of an enum may be anything
	case memberState, memberPhone, memberEmail:
		v := in.facts.Field(name)
		if v.Empty() {
			return "", false
		}
		text = v.Text
	}
	return text, text != ""
}

// answer returns what a provider of facts answered: a map, which is empty when it did not answer.
func (in *input) answer(provider string) ref.Val {
	if v, known := in.answers[provider]; known {
		return v
	}
	given, _ := in.facts.Outside(provider)
	values := make(map[string]any, len(given))
	for name, v := range given {
		values[name] = fact(v)
	}
	if in.answers == nil {
		in.answers = map[string]ref.Val{}
	}
	v := types.DefaultTypeAdapter.NativeToValue(values)
	in.answers[provider] = v
	return v
}

// fact is a value that came from outside, which says itself of what type it is. A number without a point is whole.
func fact(v field.Value) any {
	switch v.Kind {
	case field.Text:
		return v.Text
	case field.Bool:
		return v.Text == "true"
	case field.Number:
		return number(v.Text)
	case field.Other:
		d := json.NewDecoder(strings.NewReader(v.Text))
		d.UseNumber()
		var tree any
		if d.Decode(&tree) == nil {
			return plain(tree)
		}
	case field.Null:
	}
	return nil
}

func number(text string) any {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n
	}
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		return n
	}
	return nil
}

// plain makes the numbers of a tree of JSON those of number.
func plain(tree any) any {
	switch t := tree.(type) {
	case json.Number:
		return number(t.String())
	case []any:
		for i := range t {
			t[i] = plain(t[i])
		}
	case map[string]any:
		for name := range t {
			t[name] = plain(t[name])
		}
	}
	return tree
}

// Attribute implements distribution.FilterInput: a member of lead by its name, a field as "fields.<name>".
func (in *input) Attribute(name string) (string, bool) {
	if own, isField := strings.CutPrefix(name, memberFields+"."); isField {
		v := in.facts.Field(own)
		if v.Empty() {
			return "", false
		}
		return v.Text, true
	}
	switch name {
	case memberCategory:
		return in.facts.Category, true
	case memberTest:
		return strconv.FormatBool(in.facts.Test), true
	}
	return in.text(name)
}
