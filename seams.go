package leadmill

import (
	"context"
	"fmt"
	"reflect"
	"slices"

	"github.com/leadmill/leadmill/adapters/jobs"
	"github.com/leadmill/leadmill/adapters/sqlstore/lease"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/application/projection"
	"github.com/leadmill/leadmill/domain/attribution"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/lead"
	httpport "github.com/leadmill/leadmill/ports/http"
)

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
	groupScopes       = `group:"key_scopes"`
	groupFacts        = `group:"facts"`

	groupReplacedStrategies = `group:"replaced_strategies"`
	groupReplacedPolicies   = `group:"replaced_attribution_policies"`
)

// AsIntakeRule registers a constructor of a lead.IntakeRule: a rule that every lead must pass before it is offered to
// buyers.
func AsIntakeRule(constructor any) Extension {
	return grouped(constructor, groupIntakeRules, func(_ *Module, r lead.IntakeRule) (lead.IntakeRule, error) {
		_, err := lead.NewIntakeRules(r)
		return r, err
	})
}

// AsFacts registers a constructor of an application.FactProvider: it is asked about a lead before the transaction that decides
// it, and its answer is in the facts of rules and strategies under its name.
func AsFacts(constructor any) Extension {
	return grouped(constructor, groupFacts, func(_ *Module, p application.FactProvider) (application.FactProvider, error) {
		_, err := application.NewFactProviders(p)
		return p, err
	})
}

// AsStrategy registers a constructor of a distribution.Strategy, which campaigns then name by its code.
func AsStrategy(constructor any) Extension {
	return grouped(constructor, groupStrategies, func(_ *Module, s distribution.Strategy) (distribution.Strategy, error) {
		builtIn, err := distribution.NewStrategies(nil)
		if err == nil && builtIn.Has(s.Code()) {
			err = fmt.Errorf("has the code %q of a built-in strategy: to replace it use ReplacePolicy", s.Code())
		}
		return s, err
	})
}

// AsAttributionPolicy registers a constructor of an attribution.Policy: a rule that decides which partner a customer belongs
// to. Its order puts it among the built-in ones.
func AsAttributionPolicy(constructor any) Extension {
	return grouped(constructor, groupPolicies, func(_ *Module, p attribution.Policy) (attribution.Policy, error) {
		builtIn, err := attribution.NewPolicies(nil)
		if err == nil && slices.Contains(builtIn.Codes(), p.Code()) {
			return nil, fmt.Errorf("has the code %q of a built-in policy: to replace it use ReplacePolicy", p.Code())
		}
		_, err = attribution.NewPolicies(nil, p)
		return p, err
	})
}

// lowestOrder is that of the outermost interceptor of a module: behind those that recover, trace, measure and log.
const lowestOrder = 401

// AsInterceptor registers a constructor of a bus.Interceptor, which runs around every command and query.
func AsInterceptor(constructor any) Extension {
	return grouped(constructor, groupInterceptors, func(_ *Module, i bus.Interceptor) (bus.Interceptor, error) {
		if i.Order() < lowestOrder {
			return nil, fmt.Errorf("the interceptor %q has the order %d, the lowest is %d", i.Code(), i.Order(), lowestOrder)
		}
		return i, nil
	})
}

// AsProjection registers a constructor of a projection.Projection, which gets every event from the first on.
func AsProjection(constructor any) Extension {
	return grouped(constructor, groupProjections, func(_ *Module, p projection.Projection) (projection.Projection, error) {
		return p, lease.CheckName("projection", p.Name())
	})
}

// AsTranslation registers a constructor of an application.Translation, for domain events whose stored form is not their own
// JSON. What it returns for events of a module must be of types that the module registered.
func AsTranslation(constructor any) Extension {
	return grouped(constructor, groupTranslations, same[application.Translation])
}

// AsRoutes registers a constructor of a []httpport.Route. For one route there is AsRoute, which says more.
func AsRoutes(constructor any) Extension {
	return grouped(constructor, groupRoutes, func(m *Module, routes []httpport.Route) (httpport.Team, error) {
		return httpport.Team{Module: m.name, Routes: routes}, nil
	})
}

// AsRoute registers a constructor of a func(*httpport.Call) that answers a method of a path: below /v1/x/<module>/, with
// parameters such as ":id". scope is whose keys may use it; application.Visitor is everybody. A fragment of the module (AsOpenAPI)
// describes it.
func AsRoute(method, path string, scope application.Scope, constructor any, options ...RouteOption) Extension {
	return grouped(constructor, groupRoutes, func(m *Module, handle func(*httpport.Call)) (httpport.Team, error) {
		r := httpport.Route{Method: method, Path: path, Needs: scope, Handle: handle}
		for _, o := range options {
			o(&r)
		}
		return httpport.Team{Module: m.name, Routes: []httpport.Route{r}}, nil
	})
}

// RouteOption says more of a route.
type RouteOption func(*httpport.Route)

// AlsoFor lets keys of scopes that modules declare (AsScope) use a route for program keys, when they open what it sends.
func AlsoFor(scopes ...application.Scope) RouteOption {
	return func(r *httpport.Route) { r.Also = append(r.Also, scopes...) }
}

// AsOpenAPI adds a fragment of the OpenAPI document, in YAML: the paths of the module's routes, with tags and the components
// that only they use. It is merged into /openapi.yaml, to whose components it may refer. Every route is in a fragment, and every
// operation of a fragment is a route.
func AsOpenAPI(fragment []byte) Extension {
	return grouped(func() httpport.Team { return httpport.Team{OpenAPI: [][]byte{fragment}} }, groupRoutes, func(m *Module, t httpport.Team) (httpport.Team, error) {
		t.Module = m.name
		return t, nil
	})
}

// AsScope declares a scope of API keys: 1 to 16 of a-z, 0-9 and hyphens. Its keys belong to one seller and may do what the named
// commands and queries do, out of what program keys may do, and use the routes that name the scope. Make one with
// "leadmill keys create --scope <name>".
func AsScope(name application.Scope, operations ...string) Extension {
	return grouped(func() application.KeyScope { return application.KeyScope{Name: name, Operations: operations} }, groupScopes, same[application.KeyScope])
}

// AsCommand registers a constructor of the handler of a command: a bus.Handler[C, R]. It runs under the same chain of
// interceptors as every command of Leadmill, for actors of the scope that C needs. Other extensions of the module get the
// handler, with the chain around it, as a parameter of the type bus.Handler[C, R], and all modules send the command with
// application.Send.
func AsCommand[C application.Message, R any](constructor any) Extension {
	return operation[C, R](constructor, application.Command[C, R])
}

// AsQuery is AsCommand for a query.
func AsQuery[Q application.Message, R any](constructor any) Extension {
	return operation[Q, R](constructor, func(o *application.Operations, h bus.Handler[Q, R]) bus.Handler[Q, R] {
		return application.Query(o, h.Handle)
	})
}

// bare is a handler without its chain.
type bare[C, R any] struct{ bus.Handler[C, R] }

func operation[C application.Message, R any](constructor any, wrap func(*application.Operations, bus.Handler[C, R]) bus.Handler[C, R]) Extension {
	return Extension{func(a *assembly, m *Module) {
		want, t := reflect.TypeFor[bus.Handler[C, R]](), reflect.TypeOf(constructor)
		if !isConstructor(t) || !t.Out(0).AssignableTo(want) || reflect.ValueOf(constructor).IsNil() {
			a.problem(m, "%v is no constructor of a %v: a function that returns one, or one and an error", t, want)
			return
		}
		if err := checkMessage[C](); err != nil {
			a.problem(m, "%s: %v", nameOf(constructor), err)
			return
		}
		p := newProvider(m, constructor, reflect.TypeFor[bare[C, R]](), false)
		p.become = func(made reflect.Value) (reflect.Value, error) {
			h, _ := made.Convert(want).Interface().(bus.Handler[C, R])
			return reflect.ValueOf(bare[C, R]{h}), nil
		}
		wrapped := newProvider(m, func(o *application.Operations, b bare[C, R]) bus.Handler[C, R] { return wrap(o, b.Handler) }, want, false)
		wrapped.name = p.name
		// Every handler is made, also one that no other constructor needs: it is there for application.Send.
		made := newProvider(m, func(bus.Handler[C, R]) operationName { return "" }, reflect.TypeFor[part[operationName]](), true)
		made.group, made.name = groupOperations, p.name
		made.become = func(reflect.Value) (reflect.Value, error) {
			return reflect.ValueOf(part[operationName]{m, operationName(reflect.TypeFor[C]().Name())}), nil
		}
		a.providers = append(a.providers, p, wrapped, made)
	}}
}

// checkMessage returns what is wrong with a command or query by itself.
func checkMessage[M application.Message]() (err error) {
	t := reflect.TypeFor[M]()
	defer func() {
		if recover() != nil {
			err = fmt.Errorf("the method Needs of a %v without content panics: it must return a constant", t)
		}
	}()
	var message M
	switch need := message.Needs(); need {
	case "":
		return fmt.Errorf("%v needs no scope: its method Needs must name one", t)
	case application.Visitor, application.Internal:
	default:
		if _, acts := any(message).(interface{ Who() application.Actor }); !acts {
			return fmt.Errorf("%v needs the scope %s but does not say who acts: embed application.Actor in it", t, need)
		}
	}
	return nil
}

// operationName is the name of a command or query of a module.
type operationName string

const groupOperations = `group:"operations"`

// AsJob registers a constructor of a func(context.Context) error: housekeeping that one instance at a time repeats by a schedule
// (see application.Job, also for the name). "leadmill jobs" shows when it ran, when it runs next and how it went.
func AsJob(name string, schedule application.Schedule, constructor any) Extension {
	return grouped(constructor, groupJobs, func(_ *Module, do func(context.Context) error) (application.Job, error) {
		j := application.Job{Name: name, Schedule: schedule, Do: do}
		return j, jobs.Check(j)
	})
}
