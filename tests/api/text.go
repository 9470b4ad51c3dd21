package api

import (
	"fmt"
	"go/types"
	"slices"
	"strings"
)

// Lines returns what a package offers: its name with its mark, and then one line for each exported thing: constants,
// functions and variables, and then types, each with what belongs to it, all in the order of their names.
//
//	const Name Type = value
//	var Name Type
//	func Name(Type, Type) Type
//	type Name = Type
//	type Name interface
//	type Name interface, Method(Type) Type
//	type Name interface, unexported methods
//	type Name struct
//	type Name struct, Field Type `tag`
//	type Name struct, comparable
//	type Name struct, embedded Type
//	func (*Name) Method(Type) Type
//
// Types of other packages have the package's path before their name, without the module's where it is ours. Names of
// parameters are left out: nobody depends on them. What an embedded type brings is told by the line that embeds it, unless
// its name is unexported: then its fields and methods are listed as the outer type's own.
func Lines(pkg *types.Package, mark string) []string {
	w := writer{pkg: pkg, lines: []string{"package " + pkg.Name() + ", " + mark}}
	var named []*types.TypeName
	for _, name := range pkg.Scope().Names() { // in the order of the alphabet
		switch o := pkg.Scope().Lookup(name).(type) {
		case *types.TypeName:
			named = append(named, o)
		case types.Object:
			w.value(o)
		}
	}
	slices.Sort(w.lines[1:])
	for _, o := range named {
		w.typeName(o)
	}
	return w.lines
}

type writer struct {
	pkg   *types.Package
	lines []string
}

func (w *writer) addf(format string, args ...any) {
	w.lines = append(w.lines, fmt.Sprintf(format, args...))
}

func (w *writer) value(object types.Object) {
	if !object.Exported() {
		return
	}
	switch o := object.(type) {
	case *types.Const:
		w.addf("const %s %s = %s", o.Name(), w.typ(o.Type()), o.Val().ExactString())
	case *types.Var:
		w.addf("var %s %s", o.Name(), w.typ(o.Type()))
	case *types.Func:
		s := o.Signature()
		w.addf("func %s%s%s", o.Name(), w.typeParams(s.TypeParams()), w.signature(s))
	}
}

func (w *writer) typeName(o *types.TypeName) {
	if !o.Exported() {
		return
	}
	switch t := o.Type().(type) {
	case *types.Alias:
		w.addf("type %s%s = %s", o.Name(), w.typeParams(t.TypeParams()), w.typ(t.Rhs()))
	case *types.Named:
		w.named(t)
	}
}

func (w *writer) named(t *types.Named) {
	name := t.Obj().Name()
	params := w.typeParams(t.TypeParams())
	head := len(w.lines) + 1
	switch u := t.Underlying().(type) {
	case *types.Struct:
		w.addf("type %s%s struct", name, params)
		if types.Comparable(t) {
			w.addf("type %s struct, comparable", name)
		}
		w.fields(name, u)
		slices.Sort(w.lines[head:])
		w.lines = slices.Compact(w.lines)
	case *types.Interface:
		w.addf("type %s%s interface", name, params)
		w.members(name, u)
		slices.Sort(w.lines[head:])
		return
	default:
		w.addf("type %s%s %s", name, params, w.typ(u))
	}
	w.methods(t)
}

// fields lists the exported fields of a struct, and those that come from embedded structs of unexported names.
func (w *writer) fields(name string, s *types.Struct) {
	for i := range s.NumFields() {
		field, tag := s.Field(i), ""
		if s.Tag(i) != "" {
			tag = " `" + s.Tag(i) + "`"
		}
		switch {
		case field.Exported() && field.Embedded():
			w.addf("type %s struct, embedded %s%s", name, w.typ(field.Type()), tag)
		case field.Exported():
			w.addf("type %s struct, %s %s%s", name, field.Name(), w.typ(field.Type()), tag)
		case field.Embedded():
			if inner, is := indirect(field.Type()).Underlying().(*types.Struct); is {
				w.fields(name, inner)
			}
		}
	}
}

// members lists the methods of an interface, with those of the interfaces it embeds, and what restricts its types.
func (w *writer) members(name string, i *types.Interface) {
	sealed := false
	for m := range i.Methods() {
		if m.Exported() {
			w.addf("type %s interface, %s%s", name, m.Name(), w.signature(m.Signature()))
		} else {
			sealed = true
		}
	}
	if sealed {
		w.addf("type %s interface, unexported methods", name)
	}
	if !i.IsMethodSet() {
		for e := range i.EmbeddedTypes() {
			w.addf("type %s interface, only %s", name, w.typ(e))
		}
	}
}

// methods lists the exported methods of a type. Those that an embedded type of an exported name brings stand with that type.
func (w *writer) methods(t *types.Named) {
	name := t.Obj().Name()
	if n := t.TypeParams().Len(); n > 0 {
		params := make([]string, 0, n)
		for p := range t.TypeParams().TypeParams() {
			params = append(params, p.Obj().Name())
		}
		name += "[" + strings.Join(params, ", ") + "]"
	}
	ofValue := types.NewMethodSet(t)
	for m := range types.NewMethodSet(types.NewPointer(t)).Methods() {
		f, is := m.Obj().(*types.Func)
		if !is || !f.Exported() || len(m.Index()) > 1 && !hidden(t, m.Index()) {
			continue
		}
		star := "*"
		if ofValue.Lookup(f.Pkg(), f.Name()) != nil {
			star = ""
		}
		w.addf("func (%s%s) %s%s", star, name, f.Name(), w.signature(m.Type().(*types.Signature)))
	}
}

// hidden reports whether the way to a promoted method leads through a field of an unexported name.
func hidden(t types.Type, index []int) bool {
	for _, i := range index[:len(index)-1] {
		s, is := indirect(t).Underlying().(*types.Struct)
		if !is {
			return false
		}
		if !s.Field(i).Exported() {
			return true
		}
		t = s.Field(i).Type()
	}
	return false
}

func indirect(t types.Type) types.Type {
	if p, is := types.Unalias(t).(*types.Pointer); is {
		return p.Elem()
	}
	return t
}

func (w *writer) typeParams(list *types.TypeParamList) string {
	if list.Len() == 0 {
		return ""
	}
	params := make([]string, 0, list.Len())
	for p := range list.TypeParams() {
		params = append(params, p.Obj().Name()+" "+w.typ(p.Constraint()))
	}
	return "[" + strings.Join(params, ", ") + "]"
}

func (w *writer) signature(s *types.Signature) string { return strings.TrimPrefix(w.typ(s), "func") }

func (w *writer) typ(t types.Type) string {
	return types.TypeString(bare(t), func(p *types.Package) string {
		switch {
		case p == w.pkg:
			return ""
		case p.Path() == Module:
			return p.Name()
		}
		return strings.TrimPrefix(p.Path(), Module+"/")
	})
}

// bare returns a type without the names of parameters and results.
func bare(t types.Type) types.Type {
	switch t := t.(type) {
	case *types.Pointer:
		return types.NewPointer(bare(t.Elem()))
	case *types.Slice:
		return types.NewSlice(bare(t.Elem()))
	case *types.Array:
		return types.NewArray(bare(t.Elem()), t.Len())
	case *types.Map:
		return types.NewMap(bare(t.Key()), bare(t.Elem()))
	case *types.Chan:
		return types.NewChan(t.Dir(), bare(t.Elem()))
	case *types.Signature:
		return types.NewSignatureType(nil, nil, nil, unnamed(t.Params()), unnamed(t.Results()), t.Variadic())
	}
	return t
}

func unnamed(list *types.Tuple) *types.Tuple {
	vars := make([]*types.Var, 0, list.Len())
	for v := range list.Variables() {
		vars = append(vars, types.NewParam(v.Pos(), nil, "", bare(v.Type())))
	}
	return types.NewTuple(vars...)
}
