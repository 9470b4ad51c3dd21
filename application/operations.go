package application

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/leadmill/leadmill/application/bus"
)

// Message is a command or a query. Needs returns the scope it needs. Its name in metrics, traces and logs is the name of its
// type.
type Message interface{ Needs() Scope }

// Operations are the commands and queries of an instance, each with the chain of interceptors around its handler.
type Operations struct {
	chain bus.Chain
	known map[string]reflect.Type
	needs map[string]Scope
	errs  []error
}

// NewOperations returns Operations without any message. Each handler that is added is wrapped in the chain.
func NewOperations(chain bus.Chain) *Operations {
	return &Operations{chain: chain, known: map[string]reflect.Type{}, needs: map[string]Scope{}}
}

// Err returns what is wrong with the added messages: a message without a scope, or two messages of the same name. nil when
// all are right.
func (o *Operations) Err() error { return errors.Join(o.errs...) }

// Command adds the handler of a command and returns it wrapped in the chain. What is wrong with the command is returned by
// Operations.Err.
func Command[C Message, R any](o *Operations, h bus.Handler[C, R]) bus.Handler[C, R] {
	return bus.Wrap(o.chain, bus.Command, add[C](o), h)
}

// Query is Command for the handler of a query.
func Query[Q Message, R any](o *Operations, h bus.HandlerFunc[Q, R]) bus.Handler[Q, R] {
	return bus.Wrap[Q, R](o.chain, bus.Query, add[Q](o), h)
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
