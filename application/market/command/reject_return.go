package command

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/lead"
)

// RejectReturn refuses an open return: the sale stays as it was.
type RejectReturn struct {
	application.Actor

	ID, Note string
	Once     application.Once[marketquery.Return]
}

// Needs implements application.Message.
func (RejectReturn) Needs() application.Scope { return application.Program }

// RejectReturnHandler handles RejectReturn.
type RejectReturnHandler struct{ market.Deps }

// Handle implements bus.Handler. Errors: lead.ErrReturnNotFound, lead.ErrReturnDecided, fault.ErrValidation.
func (h RejectReturnHandler) Handle(ctx context.Context, c RejectReturn) (application.Done, error) {
	return decideReturn(ctx, h.Deps, c.Actor, c.Once, c.ID, c.Note, func(_ context.Context, _ market.Tx, s sold, r lead.Return, note string, now time.Time) (lead.Return, error) {
		return s.lead.RejectReturn(r, note, now)
	})
}
