package command

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/lead"
)

// ApproveReturn gives a sale back for which a return is open: the buyer is credited and the supplier loses what it earned.
// Redistribute lets the lead wait for another buyer when none of its sales is live any more; its campaign can say so for all.
type ApproveReturn struct {
	application.Actor

	ID, Note     string
	Redistribute bool
	Once         application.Once[marketquery.Return]
}

// Needs implements application.Message.
func (ApproveReturn) Needs() application.Scope { return application.Program }

// ApproveReturnHandler handles ApproveReturn.
type ApproveReturnHandler struct{ market.Deps }

// Handle implements bus.Handler. Errors: lead.ErrReturnNotFound, lead.ErrReturnDecided, fault.ErrValidation.
func (h ApproveReturnHandler) Handle(ctx context.Context, c ApproveReturn) (application.Done, error) {
	return decideReturn(ctx, h.Deps, c.Actor, c.Once, c.ID, c.Note, func(ctx context.Context, tx market.Tx, s sold, r lead.Return, note string, now time.Time) (lead.Return, error) {
		r, err := s.approve(ctx, tx, r, lead.ReturnDecision{EntryID: h.IDs.New("entry"), Note: note}, now)
		if err == nil {
			s.resell(c.Redistribute, now)
		}
		return r, err
	})
}

// decideReturn decides a return and stores it with its lead. Errors: those of decide, lead.ErrReturnNotFound, fault.ErrValidation for the note.
func decideReturn(ctx context.Context, d market.Deps, of application.Actor, once application.Once[marketquery.Return], id, note string,
	decide func(ctx context.Context, tx market.Tx, s sold, r lead.Return, note string, now time.Time) (lead.Return, error),
) (application.Done, error) {
	now := d.Clock.Now()
	note, err := lead.CheckDecisionNote(note)
	if err != nil {
		return application.Done{}, err
	}
	return application.DoOnce(ctx, d, of, once, func(ctx context.Context, tx market.Tx) (marketquery.Return, error) {
		s, r, err := lockReturn(ctx, tx, of.SellerID, id)
		if err != nil {
			return marketquery.Return{}, err
		}
		if r, err = decide(ctx, tx, s, r, note, now); err != nil {
			return marketquery.Return{}, err
		}
		if err := tx.Leads().SaveSold(ctx, s.lead); err != nil {
			return marketquery.Return{}, err
		}
		return marketquery.ReturnOf(r), tx.Returns().Decide(ctx, r)
	})
}

// lockReturn loads a return and locks what deciding it changes.
func lockReturn(ctx context.Context, tx market.Tx, sellerID, id string) (sold, lead.Return, error) {
	r, err := tx.Returns().Get(ctx, sellerID, id)
	if err != nil {
		return sold{}, lead.Return{}, err
	}
	s, err := lockSold(ctx, tx, sellerID, market.SoldLead{SaleID: r.SaleID, LeadID: r.LeadID, CampaignID: r.CampaignID, ContractID: r.ContractID, BuyerID: r.BuyerID})
	if err != nil {
		return sold{}, lead.Return{}, err
	}
	r, err = tx.Returns().Get(ctx, sellerID, id) // somebody else may have decided it before the lead was locked
	return s, r, err
}
