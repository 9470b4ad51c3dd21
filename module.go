package leadmill

import (
	"fmt"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/leadmill/leadmill/application/bus"
)

// Module is a named bundle of extensions: what a team adds to Leadmill. Make one with NewModule and hand it to New. Leadmill's
// own capabilities are Modules made of the same parts.
type Module struct {
	name  string
	own   bool // one of Leadmill's own, which is not held to the prefixes of teams
	parts []Extension
}

// Extension is one part of a Module. Make one with Provide, Share, and the functions that begin with As and Replace.
//
// Most of them take a constructor: a function that returns the extension, or the extension and an error. Its parameters are
// values that the same module provides (Provide), that any module shares (Share), and what Leadmill offers to every module:
//
//	*slog.Logger                    the log; no personal data belongs into it
//	application.Clock               the time
//	application.IDs                 new ids
//	application.Secrets             new random texts
//	application.Mailer              the mail server
//	application.PasswordHasher
//	application.Sessions            who is signed in to the pages
//	*application.Operations         application.Send sends Leadmill's own commands and queries
//	leadmill.Deps                   what a command needs: transactions, clock, ids
//	projection.Reader               reads for queries
//	*prometheus.Registry            metrics
//	leadmill.Config                 the settings of this instance
//
// A constructor is called once, when an instance is put together and before it serves. A value that has a method Close, with
// or without an error, is closed once when the instance stops, in the reverse order. A mistake ends the start with an error
// that names the module and the constructor. Those that are seen before anything is made are told together; what constructors
// and what they make are wrong about is told one by one.
type Extension struct{ add func(a *assembly, m *Module) }

// NewModule bundles extensions under a name: 1 to 20 of a-z, 0-9 and underscore that begin with a letter. The name is part of
// what the module owns: tables begin with x_<name>_, types of events with x.<name>., paths with /v1/x/<name>/. So it never
// changes.
func NewModule(name string, extensions ...Extension) Module {
	return Module{name: name, parts: extensions}
}

var moduleName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,19}$`)

// ownModule is NewModule for one of Leadmill's own.
func ownModule(name string, extensions ...Extension) Module {
	return Module{name: name, own: true, parts: extensions}
}

// Provide registers a constructor of a value that other extensions of the module need; other modules do not see the value. A
// value that nothing needs is a mistake, as is one of a type that Leadmill provides: that is replaced by a function whose name
// begins with Replace.
func Provide(constructor any) Extension { return provided(constructor, false) }

// Share is Provide for a value that other modules may need too.
func Share(constructor any) Extension { return provided(constructor, true) }

func provided(constructor any, shared bool) Extension {
	return Extension{func(a *assembly, m *Module) {
		t := reflect.TypeOf(constructor)
		if !isConstructor(t) || t.Out(0) == errorType || reflect.ValueOf(constructor).IsNil() {
			a.problemf(m, "%v is no constructor: a function that returns a value, or a value and an error", t)
			return
		}
		if isHandler(t.Out(0)) {
			a.problemf(m, "%s provides a %v: AsCommand and AsQuery do so, with the chain of interceptors around it", nameOf(constructor), t.Out(0))
			return
		}
		a.providers = append(a.providers, newProvider(m, constructor, t.Out(0), shared))
	}}
}

// isHandler reports whether a type is a bus.Handler.
func isHandler(t reflect.Type) bool {
	known := reflect.TypeFor[bus.Handler[any, any]]()
	generic, _, _ := strings.Cut(t.Name(), "[")
	of, _, _ := strings.Cut(known.Name(), "[")
	return t.PkgPath() == known.PkgPath() && generic == of
}

// part is an extension as it was made, with what made it.
type part[T any] struct {
	by    *provider
	value T
}

// values returns the extensions without their modules.
func values[T any](parts []part[T]) []T {
	list := make([]T, len(parts))
	for i, p := range parts {
		list[i] = p.value
	}
	return list
}

// grouped registers a constructor of a T, which becomes a part[G] in a group. become turns the one into the other.
func grouped[T, G any](constructor any, group string, become func(m *Module, made T) (G, error)) Extension {
	return Extension{func(a *assembly, m *Module) {
		want := reflect.TypeFor[T]()
		if !a.makes(m, constructor, want) {
			return
		}
		p := newProvider(m, constructor, reflect.TypeFor[part[G]](), true)
		p.group = group
		p.become = func(made reflect.Value) (reflect.Value, error) {
			value, _ := reflect.TypeAssert[T](made.Convert(want))
			g, err := become(m, value)
			return reflect.ValueOf(part[G]{p, g}), err
		}
		a.providers = append(a.providers, p)
	}}
}

// declare notes a name that an extension gives, which no other of its kind has; maker is what gives it, and err what is wrong
// with it. It reports whether all is right.
func (a *assembly) declare(m *Module, maker, kind, name string, err error) bool {
	where := fmt.Sprintf("module %q: %s", m.name, maker)
	if err != nil {
		for line := range strings.SplitSeq(err.Error(), "\n") { // of several joined errors
			a.problems = append(a.problems, fmt.Errorf("%s: %s", where, line))
		}
		return false
	}
	if other, twice := a.names[kind+" "+name]; twice {
		a.problems = append(a.problems, fmt.Errorf("two %s are called %q: %s, and %s", kind, name, other, where))
		return false
	}
	a.names[kind+" "+name] = where
	return true
}

// makes reports whether a constructor makes a value that is a want; that it does not is a problem.
func (a *assembly) makes(m *Module, constructor any, want reflect.Type) bool {
	t := reflect.TypeOf(constructor)
	if isConstructor(t) && t.Out(0).AssignableTo(want) && !reflect.ValueOf(constructor).IsNil() {
		return true
	}
	hint := "a function that returns one, or one and an error"
	switch {
	case t != nil && t.AssignableTo(want):
		hint = "it is one itself; give a function that returns it"
	case isConstructor(t) && t.Out(0).Kind() == reflect.Func && want.Kind() == reflect.Interface:
		hint = "a plain function is none; return a bus.HandlerFunc or an application.ReactorFunc"
	}
	a.problemf(m, "%v is no constructor of a %v: %s", t, want, hint)
	return false
}

// checked is a become that changes nothing but refuses what check refuses.
func checked[T any](check func(made T) error) func(*Module, T) (T, error) {
	return func(_ *Module, made T) (T, error) { return made, check(made) }
}

// unique returns the error of parts of which two have the same code or name, naming modules and constructors.
func unique[T any, C ~string](what string, parts []part[T], code func(T) C) error {
	known := map[C]*provider{}
	for _, p := range parts {
		c := code(p.value)
		if other := known[c]; other != nil {
			makers := []string{p.by.where(), other.where()}
			slices.Sort(makers) // the parts of a group come in any order
			return fmt.Errorf("two %s are called %q: %s, and %s", what, c, makers[0], makers[1])
		}
		known[c] = p.by
	}
	return nil
}

var errorType = reflect.TypeFor[error]()

func isConstructor(t reflect.Type) bool {
	return t != nil && t.Kind() == reflect.Func && !t.IsVariadic() && (t.NumOut() == 1 || t.NumOut() == 2 && t.Out(1) == errorType)
}

// nameOf returns the name of a function; the type of what is none.
func nameOf(function any) string {
	if v := reflect.ValueOf(function); v.Kind() != reflect.Func || v.IsNil() {
		return fmt.Sprint(reflect.TypeOf(function))
	}
	return runtime.FuncForPC(reflect.ValueOf(function).Pointer()).Name()
}
