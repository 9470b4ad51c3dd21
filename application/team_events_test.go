package application_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/event"
	"github.com/leadmill/leadmill/domain/lead"
)

type fixedClock struct{}

func (fixedClock) Now() time.Time { return happened.In(time.FixedZone("elsewhere", 3600)) }

type (
	// scored is an event of a team that says when it happened.
	scored struct {
		Score int       `json:"score"`
		At    time.Time `json:"-"`
	}
	// rated has methods of its pointer.
	rated struct {
		Stars int `json:"stars"`
	}
	listed    []int
	unlisted  struct{}
	misnamed  struct{ scored }
	encodes   struct{ C chan int }
	dependent struct{ name *string }
)

func (scored) EventType() string       { return "x.acme.lead_scored.v1" }
func (s scored) OccurredAt() time.Time { return s.At }
func (*rated) EventType() string       { return "x.acme.lead_rated.v1" }
func (listed) EventType() string       { return "x.acme.listed.v1" }
func (unlisted) EventType() string     { return "x.acme.unlisted.v1" }
func (misnamed) EventType() string     { return "x.acme.other.v1" }
func (encodes) EventType() string      { return "x.acme.encodes.v1" }
func (d dependent) EventType() string  { return *d.name }
func registered[E any](typ string) application.TeamEvent {
	return application.TeamEvent{Go: reflect.TypeFor[E](), Definition: eventsv1.Definition{Type: typ}}
}

func TestTeamEvents(t *testing.T) {
	t.Parallel()
	team, err := application.TranslateTeamEvents(fixedClock{}, registered[scored]("x.acme.lead_scored.v1"),
		registered[*rated]("x.acme.lead_rated.v1"), registered[listed]("x.acme.listed.v1"), registered[encodes]("x.acme.encodes.v1"))
	require.NoError(t, err)
	all := application.Translations{market.Publish, team}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("there", -3600))
	for _, tc := range []struct {
		event event.Event
		want  application.Published
	}{
		{scored{Score: 7, At: at}, application.Published{Type: "x.acme.lead_scored.v1", Payload: []byte(`{"score":7}`), At: at.UTC()}},
		{&scored{Score: 7, At: at}, application.Published{Type: "x.acme.lead_scored.v1", Payload: []byte(`{"score":7}`), At: at.UTC()}},
		{scored{}, application.Published{Type: "x.acme.lead_scored.v1", Payload: []byte(`{"score":0}`), At: happened}},
		{&rated{Stars: 3}, application.Published{Type: "x.acme.lead_rated.v1", Payload: []byte(`{"stars":3}`), At: happened}},
	} {
		p, err := all.Translate(tc.event)
		require.NoError(t, err)
		assert.Equal(t, tc.want, p)
	}
	p, err := all.Translate(lead.Submitted{Ref: ref})
	require.NoError(t, err)
	assert.Equal(t, "lead.submitted.v1", p.Type, "other rooms' events are theirs")

	for _, tc := range []struct {
		event event.Event
		says  string
	}{
		{unlisted{}, "event application_test.unlisted (x.acme.unlisted.v1) has no contract"},
		{listed{1}, "encode x.acme.listed.v1: the JSON of a application_test.listed is not an object"},
		{(*rated)(nil), "encode x.acme.lead_rated.v1: the JSON of a *application_test.rated is not an object"},
		{encodes{}, "encode x.acme.encodes.v1: json: unsupported type"},
	} {
		_, err := all.Translate(tc.event)
		require.ErrorContains(t, err, tc.says)
	}
}

func TestTeamEventsAreRefused(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		in   []application.TeamEvent
		says string
	}{
		"no event":         {[]application.TeamEvent{registered[int]("x.acme.n.v1")}, `event type "x.acme.n.v1": int is no event`},
		"nothing":          {[]application.TeamEvent{{Definition: eventsv1.Definition{Type: "x.acme.n.v1"}}}, `event type "x.acme.n.v1": <nil> is no event`},
		"the interface":    {[]application.TeamEvent{registered[event.Event]("x.acme.n.v1")}, `event type "x.acme.n.v1": event.Event is no event`},
		"value for *rated": {[]application.TeamEvent{registered[rated]("x.acme.lead_rated.v1")}, `"x.acme.lead_rated.v1": application_test.rated is no event`},
		"another type":     {[]application.TeamEvent{registered[misnamed]("x.acme.lead_scored.v1")}, `returns "x.acme.other.v1", which is another type`},
		"not constant":     {[]application.TeamEvent{registered[dependent]("x.acme.n.v1")}, `event type "x.acme.n.v1": EventType of a application_test.dependent without content panics`},
		"twice": {
			[]application.TeamEvent{registered[scored]("x.acme.lead_scored.v1"), registered[*scored]("x.acme.lead_scored.v1")},
			`event type "x.acme.lead_scored.v1": *application_test.scored is registered twice`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := application.TranslateTeamEvents(fixedClock{}, tc.in...)
			require.ErrorContains(t, err, tc.says)
		})
	}
}
