package leadmill

import (
	"errors"
	"fmt"
	"reflect"
	"runtime"

	"go.uber.org/fx"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/application/projection"
	"github.com/leadmill/leadmill/domain/attribution"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/lead"
	httpport "github.com/leadmill/leadmill/ports/http"
)

// Module is a team's extension: a named bundle of rules, strategies, policies, interceptors and projections. Make one with
// NewModule and hand it to New.
type Module struct{ option fx.Option }

// Extension is one part of a Module. Make one with the As… functions and Provide. A mistake in an extension fails the start
// with an error that names the module and the constructor.
type Extension struct{ build func(module string) fx.Option }

// NewModule bundles extensions under a name that shows up in start-up errors.
func NewModule(name string, extensions ...Extension) Module {
	options := make([]fx.Option, len(extensions))
	for i, e := range extensions {
		if e.build == nil {
			options[i] = fx.Error(fmt.Errorf("module %q: an empty Extension", name))
			continue
		}
		options[i] = e.build(name)
	}
	return Module{fx.Module(name, options...)}
}

// The value groups in which extensions are collected. Extensions of a group are ordered by Order() and code, never by
// registration.
const (
	groupIntakeRules  = `group:"intake_rules"`
	groupStrategies   = `group:"strategies"`
	groupInterceptors = `group:"interceptors"`
	groupProjections  = `group:"projections"`
	groupPolicies     = `group:"attribution_policies"`
	groupTranslations = `group:"translations"`
	groupReactions    = `group:"reactions"`
	groupJobs         = `group:"jobs"`
	groupRoutes       = `group:"routes"`
)

// AsIntakeRule registers a constructor of a lead.IntakeRule: a rule that every lead must pass before it is offered to
// buyers. A constructor returns the extension, or the extension and an error. For its parameters see Provide.
func AsIntakeRule(constructor any) Extension {
	return grouped[lead.IntakeRule](constructor, groupIntakeRules)
}

// AsStrategy registers a constructor of a distribution.Strategy, which campaigns then name by its code.
func AsStrategy(constructor any) Extension {
	return grouped[distribution.Strategy](constructor, groupStrategies)
}

// AsAttributionPolicy registers a constructor of an attribution.Policy: a rule that decides which partner a customer belongs
// to. A policy with the code of a built-in policy replaces that one.
func AsAttributionPolicy(constructor any) Extension {
	return grouped[attribution.Policy](constructor, groupPolicies)
}

// AsInterceptor registers a constructor of a bus.Interceptor, which runs around every command and query.
func AsInterceptor(constructor any) Extension {
	return grouped[bus.Interceptor](constructor, groupInterceptors)
}

// AsProjection registers a constructor of a projection.Projection, which gets every event from the first on.
func AsProjection(constructor any) Extension {
	return grouped[projection.Projection](constructor, groupProjections)
}

// asTranslation registers the translation of a room's domain events to their stored form.
func asTranslation(t application.Translation) Extension {
	return Extension{func(string) fx.Option {
		return fx.Supply(fx.Annotate(t, fx.ResultTags(groupTranslations)))
	}}
}

// asJob registers a constructor of an application.Job, which every instance repeats.
func asJob(constructor any) Extension {
	return grouped[application.Job](constructor, groupJobs)
}

// asRoutes registers a constructor of a []httpport.Route, which the HTTP server serves.
func asRoutes(constructor any) Extension {
	return grouped[[]httpport.Route](constructor, groupRoutes)
}

// shared registers constructors of values that other modules may use too.
func shared(constructors ...any) Extension {
	return Extension{func(string) fx.Option { return fx.Provide(constructors...) }}
}

// Provide registers a constructor of a value that other extensions of the module need; other modules do not see the value.
// Parameters of a constructor are values that the module provides, and Leadmill's *slog.Logger, application.Clock and
// application.IDs.
func Provide(constructor any) Extension {
	return Extension{func(module string) fx.Option {
		if t := reflect.TypeOf(constructor); !isConstructor(t) {
			return fx.Error(fmt.Errorf("module %q: %v is no constructor: a function that returns a value, or a value and an error", module, t))
		}
		return fx.Provide(fx.Private, constructor)
	}}
}

func grouped[T any](constructor any, group string) Extension {
	return Extension{func(module string) fx.Option {
		want, t := reflect.TypeFor[T](), reflect.TypeOf(constructor)
		if !isConstructor(t) || !t.Out(0).AssignableTo(want) || reflect.ValueOf(constructor).IsNil() {
			return fx.Error(fmt.Errorf("module %q: %v is no constructor of a %v: a function that returns one, or one and an error", module, t, want))
		}
		return fx.Provide(fx.Annotate(checked(module, reflect.ValueOf(constructor), want), fx.ResultTags(group)))
	}}
}

var errorType = reflect.TypeFor[error]()

func isConstructor(t reflect.Type) bool {
	return t != nil && t.Kind() == reflect.Func && !t.IsVariadic() && (t.NumOut() == 1 || t.NumOut() == 2 && t.Out(1) == errorType)
}

// checked wraps a constructor of a want: it fails when the constructor returns nil, and its errors name the module and the
// constructor.
func checked(module string, constructor reflect.Value, want reflect.Type) any {
	t := constructor.Type()
	in := make([]reflect.Type, t.NumIn())
	for i := range in {
		in[i] = t.In(i)
	}
	return reflect.MakeFunc(reflect.FuncOf(in, []reflect.Type{want, errorType}, false), func(args []reflect.Value) []reflect.Value {
		out := constructor.Call(args)
		made, err := out[0], error(nil)
		if len(out) == 2 {
			err, _ = reflect.TypeAssert[error](out[1])
		}
		if err == nil && isNil(made) {
			err = errors.New("returned nil")
		}
		if err == nil {
			return []reflect.Value{made.Convert(want), reflect.Zero(errorType)}
		}
		err = fmt.Errorf("module %q: %s: %w", module, runtime.FuncForPC(constructor.Pointer()).Name(), err)
		return []reflect.Value{reflect.Zero(want), reflect.ValueOf(err)}
	}).Interface()
}

func isNil(v reflect.Value) bool {
	return (v.Kind() == reflect.Interface || v.Kind() == reflect.Pointer) && v.IsNil()
}
