package leadmill

import (
	"fmt"
	"reflect"
	"strings"

	"go.uber.org/fx"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	"github.com/leadmill/leadmill/domain/event"
)

// groupTeamEvents is the value group of the events of teams.
const groupTeamEvents = `group:"team_events"`

// AsEvent registers a type of events of the module: E is what its code records, d what readers are told of it. The type is
// x.<module>.<name>.v<N> with the module's name, and E's EventType returns it. Such events are in the log, in the feed and in
// the documents as Leadmill's own are. They hold no personal data: that is for the team to see to.
func AsEvent[E event.Event](d eventsv1.Definition) Extension {
	return Extension{func(module string) fx.Option {
		if prefix := "x." + module + "."; !strings.HasPrefix(d.Type, prefix) {
			return fx.Error(fmt.Errorf("module %q: the event type %q does not begin with %s", module, d.Type, prefix))
		}
		return fx.Supply(fx.Annotate(application.TeamEvent{Go: reflect.TypeFor[E](), Definition: d}, fx.ResultTags(groupTeamEvents)))
	}}
}

// newCatalogue returns all types of public events of this build.
func newCatalogue(registered []application.TeamEvent) (*eventsv1.Catalogue, error) {
	definitions := make([]eventsv1.Definition, len(registered))
	for i, r := range registered {
		definitions[i] = r.Definition
	}
	return eventsv1.NewCatalogue(definitions...)
}

func newTeamTranslation(clock application.Clock, registered []application.TeamEvent) (application.Translation, error) {
	return application.TranslateTeamEvents(clock, registered...)
}
