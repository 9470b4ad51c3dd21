package leadmill

import (
	"go.uber.org/fx"

	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/application/projection"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/lead"
)

// Module is a team's extension: a named bundle of rules, strategies, interceptors and projections. Make one with NewModule
// and hand it to New.
type Module struct{ option fx.Option }

// Extension is one part of a Module. Make one with the As… functions.
type Extension struct{ option fx.Option }

// NewModule bundles extensions under a name that shows up in start-up errors.
func NewModule(name string, extensions ...Extension) Module {
	options := make([]fx.Option, len(extensions))
	for i, e := range extensions {
		options[i] = e.option
	}
	return Module{fx.Module(name, options...)}
}

// The value groups in which extensions are collected. Their order is by each member's Order() and code, never by the order
// of registration.
const (
	groupIntakeRules  = `group:"intake_rules"`
	groupStrategies   = `group:"strategies"`
	groupInterceptors = `group:"interceptors"`
	groupProjections  = `group:"projections"`
)

// AsIntakeRule registers a constructor of a lead.IntakeRule: a rule that every lead must pass before it is offered to
// buyers. The constructor's parameters are provided by other extensions or by Provide.
func AsIntakeRule(constructor any) Extension { return grouped[lead.IntakeRule](constructor, groupIntakeRules) }

// AsStrategy registers a constructor of a distribution.Strategy, which campaigns then name by its code.
func AsStrategy(constructor any) Extension {
	return grouped[distribution.Strategy](constructor, groupStrategies)
}

// AsInterceptor registers a constructor of a bus.Interceptor, which runs around every command and query.
func AsInterceptor(constructor any) Extension {
	return grouped[bus.Interceptor](constructor, groupInterceptors)
}

// AsProjection registers a constructor of a projection.Projection, which is fed every event from the first on.
func AsProjection(constructor any) Extension {
	return grouped[projection.Projection](constructor, groupProjections)
}

// Provide registers a constructor of anything that other extensions of the module need.
func Provide(constructor any) Extension { return Extension{fx.Provide(fx.Private, constructor)} }

func grouped[T any](constructor any, group string) Extension {
	return Extension{fx.Provide(fx.Annotate(constructor, fx.As(new(T)), fx.ResultTags(group)))}
}
