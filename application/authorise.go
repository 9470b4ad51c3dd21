package application

import (
	"context"

	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/seller"
)

// ErrForbidden says that the key is known, but not for this.
var ErrForbidden = fault.New(fault.Forbidden, "forbidden", "This API key may not do this.")

// Authorise is the interceptor that compares the scope of a command's or query's actor with the scope its operation needs.
// The port looks at scopes too; this one holds whatever port a command comes through. An operation that has an actor but
// is not listed is refused.
type Authorise struct{ Scopes map[string]seller.Scope }

// Code implements bus.Interceptor.
func (Authorise) Code() string { return "authorise" }

// Order implements bus.Interceptor.
func (Authorise) Order() int { return 500 }

// Intercept implements bus.Interceptor.
func (a Authorise) Intercept(ctx context.Context, op bus.Operation, next func(context.Context) error) error {
	if message, ok := op.Message.(interface{ Who() Actor }); ok {
		if need, listed := a.Scopes[op.Name]; !listed || message.Who().Scope != need {
			return ErrForbidden
		}
	}
	return next(ctx)
}
