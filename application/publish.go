package application

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/leadmill/leadmill/application/contract/eventsv1"
	"github.com/leadmill/leadmill/domain/event"
)

// Published is what the log keeps of a domain event: the versioned type and the JSON of its contract, public or internal,
// without personal data, and when it happened, in UTC.
type Published struct {
	Type    string
	Payload []byte
	At      time.Time
}

// Translation turns the domain events of one room into what the log keeps of them. ok is false for an event of another room.
type Translation func(e event.Event) (p Published, ok bool, err error)

// Translations are those of all rooms.
type Translations []Translation

// Translate asks the rooms in turn. An event that none of them translates is an error, so that none is lost.
func (ts Translations) Translate(e event.Event) (Published, error) {
	for _, translate := range ts {
		if p, ok, err := translate(e); ok || err != nil {
			return p, err
		}
	}
	return Published{}, fmt.Errorf("event %T (%s) has no contract", e, e.EventType())
}

// PublishIfAny encodes the public contract of an event, as a Translation does; ok is false when there is none.
func PublishIfAny(contract eventsv1.Event, at time.Time) (p Published, ok bool, err error) {
	if contract == nil {
		return Published{}, false, nil
	}
	p, err = PublishInternal(contract.Type(), contract, at)
	return p, true, err
}

// PublishInternal encodes an internal contract: one that is in the log for projections and never shown to integrators.
func PublishInternal(typ string, contract any, at time.Time) (Published, error) {
	payload, err := json.Marshal(contract)
	if err != nil {
		return Published{}, fmt.Errorf("encode %s: %w", typ, err)
	}
	return Published{Type: typ, Payload: payload, At: at.UTC()}, nil
}
