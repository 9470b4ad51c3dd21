// Package bus carries commands and queries to their handlers: a typed handler, a chain of interceptors around it, and the
// Batcher that turns a handler of slices into a handler of single commands.
//
// Stability: stable.
package bus

import (
	"cmp"
	"context"
	"fmt"
	"slices"
)

// Handler does one use case: it handles a command or query C and returns its result R.
type Handler[C, R any] interface {
	Handle(ctx context.Context, c C) (R, error)
}

// HandlerFunc makes a function a Handler.
type HandlerFunc[C, R any] func(ctx context.Context, c C) (R, error)

// Handle implements Handler.
func (f HandlerFunc[C, R]) Handle(ctx context.Context, c C) (R, error) { return f(ctx, c) }

// Kind tells commands from queries.
type Kind string

// The kinds of operations.
const (
	Command Kind = "command"
	Query   Kind = "query"
)

// Operation is what an interceptor sees of a command or query. Message is the command or query itself; it may hold
// personal data and must not be logged.
type Operation struct {
	Kind    Kind
	Name    string
	Message any
}

// Interceptor runs around every command and query. It is an extension point: register one with leadmill.AsInterceptor. It
// runs outside the transaction, may do I/O, and must call next exactly once or return an error.
type Interceptor interface {
	// Code names the interceptor, unique among all.
	Code() string
	// Order says where the interceptor stands in the chain: lower is further outside, ties by Code. Leadmill's own use 0 to
	// 999; those of extensions start at 1000.
	Order() int
	// Intercept calls next and returns its error, or refuses the operation with an error of its own.
	Intercept(ctx context.Context, op Operation, next func(context.Context) error) error
}

// Chain is interceptors in the order they are called.
type Chain struct{ list []Interceptor }

// NewChain orders interceptors by (Order, Code). It fails when two have the same code.
func NewChain(list ...Interceptor) (Chain, error) {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b Interceptor) int {
		return cmp.Or(cmp.Compare(a.Order(), b.Order()), cmp.Compare(a.Code(), b.Code()))
	})
	seen := map[string]bool{}
	for _, i := range list {
		if seen[i.Code()] {
			return Chain{}, fmt.Errorf("two interceptors have the code %q", i.Code())
		}
		seen[i.Code()] = true
	}
	return Chain{list}, nil
}

// Codes returns the codes in the order they are called.
func (c Chain) Codes() []string {
	out := make([]string, len(c.list))
	for i, in := range c.list {
		out[i] = in.Code()
	}
	return out
}

// Wrap puts a chain around a handler under a name, such as "SubmitLead".
func Wrap[C, R any](chain Chain, kind Kind, name string, h Handler[C, R]) Handler[C, R] {
	return HandlerFunc[C, R](func(ctx context.Context, c C) (R, error) {
		var result R
		op := Operation{Kind: kind, Name: name, Message: c}
		call := func(ctx context.Context) (err error) {
			result, err = h.Handle(ctx, c)
			return err
		}
		for _, in := range slices.Backward(chain.list) {
			next := call
			call = func(ctx context.Context) error { return in.Intercept(ctx, op, next) }
		}
		err := call(ctx)
		if err != nil {
			var none R
			return none, err
		}
		return result, nil
	})
}
