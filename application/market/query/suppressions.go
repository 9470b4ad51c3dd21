package query

import (
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/suppression"
)

// Suppressions asks for what a seller takes no leads of, newest first. An empty Kind is all kinds.
type Suppressions struct {
	application.Actor

	Kind string
	Page application.Page
}

// Needs implements application.Message.
func (Suppressions) Needs() application.Scope { return application.Program }

// SuppressionKinds returns what can be suppressed.
func SuppressionKinds() []string {
	var kinds []string
	for _, k := range suppression.Kinds() {
		kinds = append(kinds, string(k))
	}
	return kinds
}
