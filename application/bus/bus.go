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

// Operation is what an interceptor sees of a command or query.
type Operation struct {
	Kind Kind
	// Name is the name of the message's type, such as "SubmitLead".
	Name string
	// Actor is who sends the message; zero for a visitor and for Leadmill itself.
	Actor Actor
	// Seller is the id of the seller whom the message is about; empty when it is about the installation or several sellers,
	// and for visitors, whose message says more.
	Seller string
	// Internal says that the message is one that only Leadmill's own reactions and jobs send. What a module's reaction or job
	// sends in the name of a seller is not internal; its Actor has no KeyID.
	Internal bool
	// Message is the command or query itself. It may hold personal data and must not be logged.
	Message any

	passage *passage
}

// Actor is who sends a command or query, by names and ids that may be logged. Scope is that of the API key. PartnerID is set
// for a supplier's key.
type Actor struct{ Scope, KeyID, PartnerID string }

// Answer gives the operation's result in place of its handler: an interceptor that answers returns nil without calling next,
// and the interceptors around it go on as after any success. It fails when the operation's result is of another type, and
// outside of Intercept.
func (o Operation) Answer(result any) error {
	if o.passage == nil || !o.passage.to.take(result) {
		return fmt.Errorf("%s is not answered by a %T", o.Name, result)
	}
	o.passage.answered = true
	return nil
}

// Interceptor runs around every command and query. It is an extension point: register one with leadmill.AsInterceptor. It
// runs outside the transaction and may do I/O. It must call next exactly once and return its error, or refuse the operation
// with an error of its own, or answer it (Operation.Answer). Anything else fails the operation with an *InterceptorError:
// nothing is ever answered that no handler and no interceptor gave.
type Interceptor interface {
	// Code names the interceptor, unique among all.
	Code() string
	// Order says where the interceptor stands in the chain: lower is further outside, ties by Code. Leadmill's own are 100
	// (recover), 200 (trace), 300 (metrics), 400 (log) and 500 (authorise). Those of extensions are above 400: below 500 they
	// also see what is refused for its scope. API keys were checked before all of them.
	Order() int
	// Intercept calls next and returns its error, or refuses or answers the operation. It returns after next has returned.
	Intercept(ctx context.Context, op Operation, next func(context.Context) error) error
}

// InterceptorError says that an interceptor broke its promise. Its text holds no personal data.
type InterceptorError struct{ Code, Problem string }

// Error implements error.
func (e *InterceptorError) Error() string { return fmt.Sprintf("interceptor %q %s", e.Code, e.Problem) }

// The problems of an InterceptorError.
const (
	calledTwice    = "called next more than once"
	neverCalled    = "called neither next nor Answer and returned no error"
	swallowedError = "returned no error although next did"
)

// Chain is interceptors in the order they are called.
type Chain struct{ list []Interceptor }

// maxChain bounds the interceptors of a chain: a passage keeps a bit for each.
const maxChain = 64

// NewChain orders interceptors by (Order, Code). It fails when two have the same code, and for more than 64.
func NewChain(list ...Interceptor) (Chain, error) {
	if len(list) > maxChain {
		return Chain{}, fmt.Errorf("%d interceptors are more than %d", len(list), maxChain)
	}
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

// Wrap puts a chain around a handler. describe says what interceptors see of a message; it leaves out Message, which Wrap
// fills in.
func Wrap[C, R any](chain Chain, describe func(message any) Operation, h Handler[C, R]) Handler[C, R] {
	return HandlerFunc[C, R](func(ctx context.Context, c C) (R, error) {
		message := any(c)
		d := &destination[C, R]{handler: h}
		p := &passage{list: chain.list, op: describe(message), to: d}
		p.op.Message, p.op.passage = message, p
		p.next = p.pass
		if err := p.enter(ctx); err != nil {
			var none R
			return none, err
		}
		return d.result, nil
	})
}

// destination is where a passage ends: the handler of an operation, and its result.
type destination[C, R any] struct {
	handler Handler[C, R]
	result  R
}

func (d *destination[C, R]) handle(ctx context.Context, message any) (err error) {
	c, _ := message.(C)
	d.result, err = d.handler.Handle(ctx, c)
	return err
}

// take sets the result; false for one of another type.
func (d *destination[C, R]) take(v any) bool {
	r, ok := v.(R)
	if ok {
		d.result = r
	}
	return ok
}

// passage is one operation on its way through a chain.
type passage struct {
	list []Interceptor
	op   Operation
	to   interface {
		handle(ctx context.Context, message any) error
		take(result any) bool
	}
	next func(context.Context) error

	at       int    // the interceptor that runs; len(list) is the handler
	called   uint64 // which interceptors called next, by bit
	failed   uint64 // for which of them next failed
	answered bool   // by the interceptor that runs, or one inside of it
	broken   *InterceptorError
}

// enter runs the interceptor that it is at, or the handler.
func (p *passage) enter(ctx context.Context) error {
	i := p.at
	if i == len(p.list) {
		return p.to.handle(ctx, p.op.Message)
	}
	in, bit := p.list[i], uint64(1)<<i
	err := in.Intercept(ctx, p.op, p.next)
	switch {
	case p.broken != nil:
		return p.broken // whatever the interceptors around it made of it
	case err != nil:
		return err
	case p.called&bit == 0 && !p.answered:
		p.broken = &InterceptorError{in.Code(), neverCalled}
		return p.broken
	case p.failed&bit != 0 && !p.answered:
		p.broken = &InterceptorError{in.Code(), swallowedError}
		return p.broken
	}
	return nil
}

// pass is the next of the interceptor that runs.
func (p *passage) pass(ctx context.Context) error {
	i := p.at
	bit := uint64(1) << i
	if p.called&bit != 0 {
		p.broken = &InterceptorError{p.list[i].Code(), calledTwice}
		return p.broken
	}
	p.called |= bit
	p.failed |= bit // until it is known to be well: a panic from inside, which an interceptor may recover, is a failure too
	p.at = i + 1
	defer func() {
		p.at = i
		if p.failed&bit != 0 {
			p.answered = false
		}
	}()
	err := p.enter(ctx)
	if err == nil {
		p.failed &^= bit
	}
	return err
}
