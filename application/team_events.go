package application

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"github.com/leadmill/leadmill/application/contract/eventsv1"
	"github.com/leadmill/leadmill/domain/event"
)

// TeamEvent is an event of a team: its Go type, and what readers are told of it. The Go type implements event.Event with the
// whole name on the wire as its EventType, and its JSON is the data of the event. A Go type that implements event.Timed
// says when it happened.
type TeamEvent struct {
	Go         reflect.Type
	Definition eventsv1.Definition
}

// TranslateTeamEvents returns the translation of the events of teams. An event that does not say when it happened has
// clock's time. Each error names the type of the event: a Go type that is no event, one that has another EventType than its
// definition, two events of one Go type.
func TranslateTeamEvents(clock Clock, registered ...TeamEvent) (Translation, error) {
	known := make(map[reflect.Type]string, len(registered))
	var errs []error
	for _, r := range registered {
		typ, err := r.eventType()
		if _, twice := known[structOf(r.Go)]; err == nil && twice {
			err = fmt.Errorf("%v is registered twice", r.Go)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("event type %q: %w", r.Definition.Type, err))
			continue
		}
		known[structOf(r.Go)] = typ
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return func(e event.Event) (Published, bool, error) {
		typ, ok := known[structOf(reflect.TypeOf(e))]
		if !ok {
			return Published{}, false, nil
		}
		payload, err := json.Marshal(e)
		if err != nil {
			return Published{}, true, fmt.Errorf("encode %s: %w", typ, err)
		}
		if !bytes.HasPrefix(payload, []byte("{")) {
			return Published{}, true, fmt.Errorf("encode %s: the JSON of a %T is not an object", typ, e)
		}
		p := Published{Type: typ, Payload: payload}
		if timed, ok := e.(event.Timed); ok {
			p.At = timed.OccurredAt().UTC()
		}
		if p.At.IsZero() {
			p.At = clock.Now().UTC()
		}
		return p, true, nil
	}, nil
}

// eventType returns the EventType of an event's Go type.
func (r TeamEvent) eventType() (typ string, err error) {
	if r.Go == nil || !r.Go.Implements(reflect.TypeFor[event.Event]()) || r.Go.Kind() == reflect.Interface {
		return "", fmt.Errorf("%v is no event: it must implement event.Event", r.Go)
	}
	zero := reflect.Zero(r.Go)
	if r.Go.Kind() == reflect.Pointer {
		zero = reflect.New(r.Go.Elem())
	}
	e, _ := reflect.TypeAssert[event.Event](zero)
	defer func() {
		if recover() != nil {
			err = fmt.Errorf("EventType of a %v without content panics: it must return a constant", r.Go)
		}
	}()
	if typ = e.EventType(); typ != r.Definition.Type {
		return "", fmt.Errorf("EventType of %v returns %q, which is another type", r.Go, typ)
	}
	return typ, nil
}

// structOf returns the type that a pointer points to, so that an event may be recorded as a value or as a pointer.
func structOf(t reflect.Type) reflect.Type {
	if t != nil && t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}
