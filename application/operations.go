package application

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/leadmill/leadmill/application/bus"
)

// Message is a command or a query. Needs returns the scope it needs. Its name in metrics, traces and logs is the name of its
// type.
type Message interface{ Needs() Scope }

// Operations are the commands and queries of an instance, each with the chain of interceptors around its handler. Handlers are
// added while an instance is put together, before any is called.
type Operations struct {
	chain    bus.Chain
	known    map[string]reflect.Type
	needs    map[string]Scope
	handlers map[reflect.Type]any // by the message's type: a bus.Handler[message, result]
	errs     []error
}

// NewOperations returns Operations without any message. Each handler that is added is wrapped in the chain.
func NewOperations(chain bus.Chain) *Operations {
	return &Operations{chain: chain, known: map[string]reflect.Type{}, needs: map[string]Scope{}, handlers: map[reflect.Type]any{}}
}

// Err returns what is wrong with the added messages: a message without a scope, or two messages of the same name. nil when
// all are right.
func (o *Operations) Err() error { return errors.Join(o.errs...) }

// Command adds the handler of a command and returns it wrapped in the chain. What is wrong with the command is returned by
// Operations.Err. A command that is sent inside of a transaction fails with *NestedWorkError.
func Command[C Message, R any](o *Operations, h bus.Handler[C, R]) bus.Handler[C, R] {
	outside := bus.HandlerFunc[C, R](func(ctx context.Context, c C) (R, error) {
		if ctx.Value(insideOfWork{}) != nil { // here already, because a batch is handled with the context of its first command
			var none R
			return none, &NestedWorkError{}
		}
		return h.Handle(ctx, c)
	})
	wrapped := bus.Wrap(o.chain, describe[C](bus.Command, add[C](o)), bus.Handler[C, R](outside))
	o.handlers[reflect.TypeFor[C]()] = wrapped
	return wrapped
}

// Query is Command for the handler of a query.
func Query[Q Message, R any](o *Operations, h bus.HandlerFunc[Q, R]) bus.Handler[Q, R] {
	wrapped := bus.Wrap[Q, R](o.chain, describe[Q](bus.Query, add[Q](o)), h)
	o.handlers[reflect.TypeFor[Q]()] = wrapped
	return wrapped
}

// Send sends a command or query to its handler, with the chain of interceptors around it: Leadmill's own as well as those of
// modules. R is what the handler returns: application.Done for Leadmill's commands that are replayable. The message says who
// acts; what Leadmill does by itself, such as a module's job, acts as Actor{Scope: seller.Program, SellerID: …} for one seller.
// Errors: those of the handler; an internal one when no handler of M returns an R.
func Send[R any, M Message](ctx context.Context, o *Operations, m M) (R, error) {
	h, ok := o.handlers[reflect.TypeFor[M]()].(bus.Handler[M, R])
	if !ok {
		var none R
		return none, fmt.Errorf("no handler of %T returns a %s", m, reflect.TypeFor[R]())
	}
	return h.Handle(ctx, m)
}

// describe returns what interceptors are told of messages of a type. A message of Leadmill itself that is about one seller has
// a method OfSeller, which returns the seller's id.
func describe[M Message](kind bus.Kind, name string) func(any) bus.Operation {
	var none M
	internal := none.Needs() == Internal
	return func(message any) bus.Operation {
		op := bus.Operation{Kind: kind, Name: name, Internal: internal}
		switch m := message.(type) {
		case interface{ Who() Actor }:
			who := m.Who()
			op.Actor = bus.Actor{Scope: string(who.Scope), KeyID: who.KeyID, PartnerID: who.PartnerID}
			op.Seller = who.SellerID
		case interface{ OfSeller() string }:
			op.Seller = m.OfSeller()
		}
		return op
	}
}

func add[M Message](o *Operations) (name string) {
	var message M
	t := reflect.TypeFor[M]()
	name = t.Name()
	if message.Needs() == "" {
		o.errs = append(o.errs, fmt.Errorf("%s needs no scope: its method Needs must name one", t))
	}
	if other, twice := o.known[name]; twice {
		o.errs = append(o.errs, fmt.Errorf("%s and %s have one name, or one of them has two handlers", other, t))
	}
	o.known[name], o.needs[name] = t, message.Needs()
	return name
}
