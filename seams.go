package leadmill

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"

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
	return grouped(constructor, groupIntakeRules, checked(func(r lead.IntakeRule) error {
		_, err := lead.NewIntakeRules(r)
		return err
	}))
}

// AsFacts registers a constructor of an application.FactProvider: it is asked about a lead before the transaction that decides
// it, and its answer is in the facts of rules and strategies under its name.
func AsFacts(constructor any) Extension {
	return grouped(constructor, groupFacts, checked(func(p application.FactProvider) error {
		_, err := application.NewFactProviders(p)
		return err
	}))
}

// AsStrategy registers a constructor of a distribution.Strategy, which campaigns then name by its code.
func AsStrategy(constructor any) Extension {
	return grouped(constructor, groupStrategies, checked(func(s distribution.Strategy) error {
		_, err := distribution.NewStrategies(nil, s)
		return err
	}))
}

// AsAttributionPolicy registers a constructor of an attribution.Policy: a rule that decides which partner a customer belongs
// to. Its order puts it among the built-in ones.
func AsAttributionPolicy(constructor any) Extension {
	return grouped(constructor, groupPolicies, checked(func(p attribution.Policy) error {
		_, err := attribution.NewPolicies(nil, p)
		return err
	}))
}

// lowestOrder is that of the outermost interceptor of a module: behind those that recover, trace, measure and log.
const lowestOrder = 401

// AsInterceptor registers a constructor of a bus.Interceptor, which runs around every command and query.
func AsInterceptor(constructor any) Extension {
	return grouped(constructor, groupInterceptors, checked(func(i bus.Interceptor) error {
		for _, own := range interceptors(nil, &tracing{}, nil, nil, application.Scopes{}) {
			if own.Code() == i.Code() {
				return fmt.Errorf("the interceptor has the code %q, as one of Leadmill's own", i.Code())
			}
		}
		if i.Order() < lowestOrder {
			return fmt.Errorf("the interceptor %q has the order %d, the lowest is %d", i.Code(), i.Order(), lowestOrder)
		}
		return nil
	}))
}

// AsProjection registers a constructor of a projection.Projection, which gets every event from the first on.
func AsProjection(constructor any) Extension {
	return grouped(constructor, groupProjections, checked(func(p projection.Projection) error { return lease.CheckName("projection", p.Name()) }))
}

// AsTranslation registers a constructor of an application.Translation, for domain events of the module whose stored form is not
// their own JSON. It is asked about what Leadmill does not translate itself, and what it returns is of types that the
// module registered (AsEvent); anything else breaks the transaction that recorded the event.
func AsTranslation(constructor any) Extension {
	return grouped(constructor, groupTranslations, checked(func(application.Translation) error { return nil }))
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
	return Extension{func(a *assembly, m *Module) {
		scope := application.KeyScope{Name: name, Operations: operations}
		_, err := application.NewScopes(scope)
		a.declare(m, "AsScope", "key scopes", string(name), err)
		grouped(func() application.KeyScope { return scope }, groupScopes, checked(func(application.KeyScope) error { return nil })).add(a, m)
	}}
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
		want := reflect.TypeFor[bus.Handler[C, R]]()
		if !a.makes(m, constructor, want) || !a.declareMessage(m, constructor, reflect.TypeFor[C](), func() application.Scope { return (*new(C)).Needs() }) {
			return
		}
		p := newProvider(m, constructor, reflect.TypeFor[bare[C, R]](), false)
		p.become = func(made reflect.Value) (reflect.Value, error) {
			h, _ := reflect.TypeAssert[bus.Handler[C, R]](made.Convert(want))
			return reflect.ValueOf(bare[C, R]{h}), nil
		}
		wrapped := newProvider(m, func(o *application.Operations, b bare[C, R]) bus.Handler[C, R] { return wrap(o, b.Handler) }, want, false)
		wrapped.name = p.name
		// Every handler is made, also one that no other constructor needs: it is there for application.Send.
		made := newProvider(m, func(bus.Handler[C, R]) operationName { return "" }, reflect.TypeFor[part[operationName]](), true)
		made.group, made.name = groupOperations, p.name
		made.become = func(reflect.Value) (reflect.Value, error) {
			return reflect.ValueOf(part[operationName]{made, operationName(reflect.TypeFor[C]().Name())}), nil
		}
		a.providers = append(a.providers, p, wrapped, made)
	}}
}

// declareMessage notes the type of a command or query, and reports whether all is right with it.
func (a *assembly) declareMessage(m *Module, constructor any, message reflect.Type, needs func() application.Scope) bool {
	var err error
	switch of := reflect.TypeFor[application.Actor]().PkgPath() + "/"; {
	case message.Name() == "":
		err = fmt.Errorf("a %v is no command or query: it must be a type with a name, and no pointer", message)
	case strings.HasPrefix(message.PkgPath(), of) && !m.own:
		err = fmt.Errorf("%v is Leadmill's own and has its handler; AsInterceptor goes around it", message)
	default:
		var scope application.Scope
		scope, err = safely(func() (application.Scope, error) { return needs(), nil })
		if err == nil && scope == "" {
			err = errors.New("its method Needs must name a scope")
		}
		_, acts := reflect.TypeAssert[interface{ Who() application.Actor }](reflect.Zero(message))
		switch {
		case err != nil:
			err = fmt.Errorf("%v needs no scope: %w", message, err)
		case !acts && scope != application.Visitor && scope != application.Internal:
			err = fmt.Errorf("%v needs the scope %s but does not say who acts: embed application.Actor in it", message, scope)
		}
	}
	return a.declare(m, nameOf(constructor), "messages", message.Name(), err)
}

// operationName is the name of a command or query of a module.
type operationName string

const groupOperations = `group:"operations"`

// AsJob registers a constructor of a func(context.Context) error: housekeeping that one instance at a time repeats by a schedule
// (see application.Job, also for the name). "leadmill jobs" shows when it ran, when it runs next and how it went.
func AsJob(name string, schedule application.Schedule, constructor any) Extension {
	return Extension{func(a *assembly, m *Module) {
		nothing := func(context.Context) error { return nil }
		a.declare(m, nameOf(constructor), "jobs", name, jobs.Check(application.Job{Name: name, Schedule: schedule, Do: nothing}))
		grouped(constructor, groupJobs, func(_ *Module, do func(context.Context) error) (application.Job, error) {
			return application.Job{Name: name, Schedule: schedule, Do: do}, nil
		}).add(a, m)
	}}
}
