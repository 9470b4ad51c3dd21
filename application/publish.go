package application

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/leadmill/leadmill/application/contract/eventsv1"
	"github.com/leadmill/leadmill/domain/event"
	"github.com/leadmill/leadmill/domain/field"
)

// Published is the stored form of a domain event: the versioned type and the JSON of its contract, public or internal,
// without personal data, and when it happened, in UTC.
type Published struct {
	Type    string
	Payload []byte
	At      time.Time
}

// Translation returns the stored form of the domain events of one room; ok is false for an event of another room.
type Translation func(e event.Event) (p Published, ok bool, err error)

// Translations are the translations of all rooms.
type Translations []Translation

// Translate tries the translations in turn. It fails for an event that none of them translates, so that no event is lost.
func (ts Translations) Translate(e event.Event) (Published, error) {
	for _, translate := range ts {
		if p, ok, err := translate(e); ok || err != nil {
			return p, err
		}
	}
	return Published{}, fmt.Errorf("event %T (%s) has no contract; those of modules are registered by AsEvent", e, e.EventType())
}

// PublishIfAny encodes the public contract of an event; ok is false when contract is nil.
func PublishIfAny(contract eventsv1.Event, at time.Time) (p Published, ok bool, err error) {
	if contract == nil {
		return Published{}, false, nil
	}
	p, err = PublishInternal(contract.Type(), contract, at)
	return p, true, err
}

// PublishInternal encodes an internal contract, which is in the log for projections and never shown to integrators.
func PublishInternal(typ string, contract any, at time.Time) (Published, error) {
	payload, err := json.Marshal(contract)
	if err != nil {
		return Published{}, fmt.Errorf("encode %s: %w", typ, err)
	}
	return Published{Type: typ, Payload: payload, At: at.UTC()}, nil
}

// PublicDimensions returns the dimensions of a lead as its events hold them; nil for none.
func PublicDimensions(all []field.Dimension) eventsv1.Dimensions {
	if len(all) == 0 {
		return nil
	}
	out := make(eventsv1.Dimensions, len(all))
	for i, d := range all {
		out[i] = eventsv1.Dimension(d)
	}
	return out
}
