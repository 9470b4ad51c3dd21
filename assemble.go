package leadmill

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.uber.org/dig"
	"go.uber.org/fx"

	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
)

// assembly is what the modules of a build add, before anything is made of it. So every mistake is found by looking at plain
// data, and all are told at once.
type assembly struct {
	modules   []*Module
	providers []*provider
	replaced  map[reflect.Type]*provider
	commands  []moduleCommand
	problems  []error

	// What extensions say as data: the names that were given, by kind and name, with who gave them; migrations, events, reactions.
	names      map[string]string
	migrations sqlstore.Modules
	events     []eventsv1.Definition
	reactions  []declaredReaction
}

// provider is a constructor of a module.
type provider struct {
	module      *Module
	constructor reflect.Value
	name        string         // the constructor's, as the linker knows it
	needs       []reflect.Type // what it cannot do without
	out         reflect.Type
	shared      bool   // other modules see what it makes
	group       string // the tag of a group, or empty
	// become turns what the constructor made into an out; nil converts it.
	become func(reflect.Value) (reflect.Value, error)
}

func newProvider(m *Module, constructor any, out reflect.Type, shared bool) *provider {
	p := &provider{module: m, constructor: reflect.ValueOf(constructor), name: nameOf(constructor), out: out, shared: shared}
	p.needs = slices.Collect(p.constructor.Type().Ins())
	return p
}

func (a *assembly) problemf(m *Module, format string, args ...any) {
	a.problems = append(a.problems, fmt.Errorf("module %q: %s", m.name, fmt.Sprintf(format, args...)))
}

// assemble looks at the modules of a build. The error names everything that is wrong with them.
func assemble(modules []Module) (*assembly, error) {
	a := &assembly{replaced: map[reflect.Type]*provider{}, names: map[string]string{}}
	known := map[string]bool{"core": true}
	for i := range modules {
		m := &modules[i]
		switch {
		case !moduleName.MatchString(m.name):
			a.problemf(m, "the name must be 1 to 20 of a-z, 0-9 and underscore that begin with a letter")
		case known[m.name]:
			a.problemf(m, "another module has this name")
		}
		known[m.name] = true
		a.modules = append(a.modules, m)
		for _, e := range m.parts {
			if e.add == nil {
				a.problemf(m, "an empty Extension")
				continue
			}
			e.add(a, m)
		}
	}
	a.problems = append(a.problems, sqlstore.CheckMigrations(a.migrations...))
	a.checkReactions()
	a.checkProvided()
	a.checkNeeded()
	if errors.Join(a.problems...) == nil {
		a.checkCircles()
	}
	return a, errors.Join(a.problems...)
}

// checkProvided finds values that are provided twice, and those that Leadmill provides itself.
func (a *assembly) checkProvided() {
	for i, p := range a.providers {
		if p.group != "" || a.replaced[p.out] == p {
			continue
		}
		if by := replaceable[p.out]; by != "" && !p.module.own {
			a.problemf(p.module, "%s provides a %v, which Leadmill provides: to replace it use %s", p.name, p.out, by)
			continue
		}
		if coreTypes()[p.out] {
			a.problemf(p.module, "%s provides a %v, which Leadmill provides", p.name, p.out)
			continue
		}
		for _, other := range a.providers[:i] {
			if other.group == "" && other.out == p.out && a.replaced[other.out] != other && (other.module == p.module || other.shared || p.shared) {
				a.problemf(p.module, "%s provides a %v, as %s of module %q does", p.name, p.out, other.name, other.module.name)
			}
		}
	}
}

// where names the module and the constructor, for errors.
func (p *provider) where() string { return fmt.Sprintf("module %q: %s", p.module.name, p.name) }

// sees reports whether a constructor of a module gets what p makes.
func (p *provider) sees(m *Module) bool {
	return p.group == "" && (p.module == m || p.shared && (m.own || !p.module.own || open[p.out]))
}

// checkNeeded finds parameters that nothing provides, and values that nothing needs.
func (a *assembly) checkNeeded() {
	used := map[*provider]bool{}
	use := func(m *Module, t reflect.Type) (found bool) {
		for _, p := range a.providers {
			if p.out == t && p.sees(m) {
				used[p], found = true, true
			}
		}
		return found
	}
	for _, p := range a.providers {
		if dig.IsOut(p.constructor.Type().Out(0)) {
			a.problemf(p.module, "%s returns a struct of fx; a constructor makes one value", p.name)
			used[p] = true
		}
		for _, t := range p.needs {
			if dig.IsIn(t) {
				a.problemf(p.module, "%s takes a struct of fx; each value that it needs is a parameter", p.name)
				continue
			}
			if use(p.module, t) || coreTypes()[t] && (p.module.own || open[t]) {
				continue
			}
			a.problemf(p.module, "%s needs a %v, %s", p.name, t, a.whyNot(t))
		}
	}
	core := &Module{name: "core", own: true}
	for _, t := range coreNeeds() {
		use(core, t)
	}
	for _, p := range a.providers {
		takesPlace := replaceable[p.out] != "" || coreTypes()[p.out] // which checkProvided told already
		if p.group == "" && !used[p] && !takesPlace {
			a.problemf(p.module, "%s provides a %v, which nothing needs", p.name, p.out)
		}
	}
}

// whyNot says why a constructor does not get a value of a type.
func (a *assembly) whyNot(t reflect.Type) string {
	for _, p := range a.providers {
		if p.group == "" && p.out == t && !p.module.own {
			return fmt.Sprintf("which module %q provides for itself; Share is Provide for all", p.module.name)
		}
	}
	if coreTypes()[t] || slices.ContainsFunc(a.providers, func(p *provider) bool { return p.group == "" && p.out == t }) {
		return "which Leadmill keeps for itself"
	}
	if isHandler(t) {
		return "which nothing provides; AsCommand and AsQuery do, for the module's own"
	}
	return "which nothing provides"
}

// checkCircles finds constructors that need one another.
func (a *assembly) checkCircles() {
	const (
		walking = iota + 1
		done
	)
	state := map[*provider]int{}
	var path []*provider
	var walk func(p *provider)
	walk = func(p *provider) {
		state[p] = walking
		path = append(path, p)
		for _, t := range p.needs {
			for _, q := range a.providers {
				if q.out != t || !q.sees(p.module) || state[q] == done {
					continue
				}
				if state[q] == walking {
					names := make([]string, 0, len(path)+1)
					for _, on := range append(path[slices.Index(path, q):], q) {
						names = append(names, on.name)
					}
					a.problemf(q.module, "constructors need one another: %s", strings.Join(names, " needs what is made by "))
					continue
				}
				walk(q)
			}
		}
		path = path[:len(path)-1]
		state[p] = done
	}
	for _, p := range a.providers {
		if state[p] == 0 {
			walk(p)
		}
	}
}

// options returns what fx makes an instance of.
func (a *assembly) options() []fx.Option {
	options := []fx.Option{coreOption(a.replaced)}
	for _, m := range a.modules {
		var own []fx.Option
		for _, p := range a.providers {
			if by := a.replaced[p.out]; p.module == m && (by == nil || by == p) {
				own = append(own, p.option())
			}
		}
		options = append(options, fx.Module(m.name, own...))
	}
	return options
}

func (p *provider) option() fx.Option {
	switch {
	case p.group != "":
		return fx.Provide(fx.Annotate(p.checked(), fx.ResultTags(p.group)))
	case p.shared:
		return fx.Provide(p.checked())
	default:
		return fx.Provide(fx.Private, p.checked())
	}
}

// checked returns the constructor for fx: it fails when the constructor returns nil or panics, its errors name the module and
// the constructor, and what it makes is closed when the instance stops.
func (p *provider) checked() any {
	in := append(slices.Clone(p.needs), reflect.TypeFor[*closers]())
	return reflect.MakeFunc(reflect.FuncOf(in, []reflect.Type{p.out, errorType}, false), func(args []reflect.Value) []reflect.Value {
		last := len(args) - 1
		made, err := p.call(args[:last])
		if err != nil {
			err = fmt.Errorf("%s: %w", p.where(), err)
			return []reflect.Value{reflect.Zero(p.out), reflect.ValueOf(&err).Elem()}
		}
		if c, ok := reflect.TypeAssert[*closers](args[last]); ok {
			c.made(p.where(), made.Interface())
		}
		if p.become != nil {
			if made, err = safely(func() (reflect.Value, error) { return p.become(made) }); err != nil {
				err = fmt.Errorf("%s: %w", p.where(), err)
				return []reflect.Value{reflect.Zero(p.out), reflect.ValueOf(&err).Elem()}
			}
		}
		return []reflect.Value{made.Convert(p.out), reflect.Zero(errorType)}
	}).Interface()
}

func (p *provider) call(args []reflect.Value) (reflect.Value, error) {
	return safely(func() (reflect.Value, error) {
		out := p.constructor.Call(args)
		if len(out) == 2 {
			if err, _ := reflect.TypeAssert[error](out[1]); err != nil {
				return out[0], err
			}
		}
		if isNil(out[0]) {
			return out[0], errors.New("returned nil")
		}
		return out[0], nil
	})
}

// safely turns a panic of a module into an error.
func safely[T any](do func() (T, error)) (made T, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panicked: %v", v)
		}
	}()
	return do()
}

func isNil(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Interface, reflect.Pointer, reflect.Func, reflect.Map, reflect.Slice, reflect.Chan:
		return v.IsNil()
	default:
		return false
	}
}

// replacements says what modules replaced, such as "mailer: acme", for the log.
func (a *assembly) replacements() []string {
	list := []string{}
	for t, p := range a.replaced {
		list = append(list, fmt.Sprintf("%s: %s", t, p.module.name))
	}
	slices.SortFunc(list, cmp.Compare[string])
	return list
}

// populate makes an instance set a variable to the value that has a tag.
func populate(tag string, into any) fx.Option {
	return fx.Populate(fx.Annotate(into, fx.ParamTags(tag)))
}
