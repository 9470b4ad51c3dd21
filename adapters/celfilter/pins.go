package celfilter

import (
	"slices"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"

	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/field"
)

// pinsOf returns what every lead has that passes a checked filter. They are exact when every lead that has it passes.
func pinsOf(s *schema, e ast.Expr) (pins []distribution.Pin, exact bool) {
	if a, b, is := binary(e, operators.LogicalAnd); is {
		left, leftExact := pinsOf(s, a)
		right, rightExact := pinsOf(s, b)
		return append(left, right...), leftExact && rightExact
	}
	if p, is := pinOf(s, e); is {
		return []distribution.Pin{p}, true
	}
	return nil, false
}

// pinOf returns the pin that an expression says the same as.
func pinOf(s *schema, e ast.Expr) (distribution.Pin, bool) {
	if a, b, is := binary(e, operators.LogicalOr); is {
		left, isLeft := pinOf(s, a)
		right, isRight := pinOf(s, b)
		left.Values = append(left.Values, right.Values...)
		return left, isLeft && isRight && left.Attribute == right.Attribute && left.Prefix == right.Prefix
	}
	if name, yesNo := attributeOf(s, e); yesNo {
		return distribution.Pin{Attribute: name, Values: []string{"true"}}, true
	}
	if e.Kind() != ast.CallKind {
		return distribution.Pin{}, false
	}
	call := e.AsCall()
	switch args := call.Args(); {
	case call.FunctionName() == operators.LogicalNot && len(args) == 1:
		name, yesNo := attributeOf(s, args[0])
		return distribution.Pin{Attribute: name, Values: []string{"false"}}, yesNo
	case call.FunctionName() == "startsWith" && call.IsMemberFunction() && len(args) == 1:
		return pin(s, call.Target(), args[0], true)
	case call.FunctionName() == operators.Equals && len(args) == 2:
		if p, is := pin(s, args[0], args[1], false); is {
			return p, true
		}
		return pin(s, args[1], args[0], false)
	case call.FunctionName() == operators.In && len(args) == 2 && args[1].Kind() == ast.ListKind:
		return pin(s, args[0], args[1], false)
	}
	return distribution.Pin{}, false
}

func binary(e ast.Expr, operator string) (a, b ast.Expr, is bool) {
	if e.Kind() != ast.CallKind || e.AsCall().FunctionName() != operator || len(e.AsCall().Args()) != 2 {
		return nil, nil, false
	}
	return e.AsCall().Args()[0], e.AsCall().Args()[1], true
}

// pin returns the pin of an attribute to literals. The empty text is none: everything begins with it, and no attribute is it.
func pin(s *schema, of, to ast.Expr, prefix bool) (distribution.Pin, bool) {
	name, yesNo := attributeOf(s, of)
	values, is := literals(to, yesNo)
	if name == "" || !is || len(values) == 0 || slices.Contains(values, "") {
		return distribution.Pin{}, false
	}
	return distribution.Pin{Attribute: name, Prefix: prefix, Values: values}, true
}

// attributeOf returns the attribute that an expression is, if it is a text or, with yesNo, true or false.
func attributeOf(s *schema, e ast.Expr) (name string, yesNo bool) {
	if r, is := s.fieldOf(e); is {
		switch r.Type {
		case field.TypeNumber, field.TypeInteger:
			return "", false
		case field.TypeBoolean:
			return memberFields + "." + r.Name, true
		case field.TypeString, field.TypeText, field.TypeEmail, field.TypePhone, field.TypeUSState, field.TypeZip, field.TypeDate,
			field.TypeEnum, field.TypeURL:
		}
		return memberFields + "." + r.Name, false
	}
	if e.Kind() != ast.SelectKind || e.AsSelect().IsTestOnly() || !isLead(e.AsSelect().Operand()) {
		return "", false
	}
	member := e.AsSelect().FieldName()
	switch leadMembers[member].Kind() {
	case types.StringKind:
		return member, false
	case types.BoolKind:
		return member, true
	default:
		return "", false
	}
}

// literals returns the values of a literal or of a list of literals: texts, or else true and false.
func literals(e ast.Expr, yesNo bool) (values []string, is bool) {
	switch e.Kind() {
	case ast.LiteralKind:
		switch v := e.AsLiteral().(type) {
		case types.String:
			return []string{string(v)}, !yesNo
		case types.Bool:
			if v {
				return []string{"true"}, yesNo
			}
			return []string{"false"}, yesNo
		}
	case ast.ListKind:
		for _, el := range e.AsList().Elements() {
			one, is := literals(el, yesNo)
			if !is || el.Kind() != ast.LiteralKind {
				return nil, false
			}
			values = append(values, one...)
		}
		return values, true
	case ast.CallKind, ast.ComprehensionKind, ast.IdentKind, ast.MapKind, ast.SelectKind, ast.StructKind, ast.UnspecifiedExprKind:
	}
	return nil, false
}
