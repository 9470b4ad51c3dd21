package command

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/campaign"
)

// ChangeContractCaps changes the caps of a contract and nothing else of it. People of its buyer may send it where the seller lets them.
type ChangeContractCaps struct {
	application.Actor

	CampaignID, ID string
	Caps           []Cap     // all that there are
	Seen           time.Time // when what was seen had been changed last; zero: it is changed whatever it is
	Once           application.Once[marketquery.Contract]
}

// Needs implements application.Message.
func (ChangeContractCaps) Needs() application.Scope { return application.Program }

// OfBuyer implements application.ForBuyers: the handler finds nothing of other buyers.
func (c ChangeContractCaps) OfBuyer() string { return c.Actor.BuyerID }

// ChangeContractCapsHandler handles ChangeContractCaps.
type ChangeContractCapsHandler struct{ market.Deps }

// Handle implements bus.Handler. Errors: campaign.ErrNotFound, campaign.ErrContractNotFound, campaign.ErrArchived, application.ErrChangedMeanwhile,
// fault.ErrValidation, and for people of a buyer buyer.ErrNotAllowed.
func (h ChangeContractCapsHandler) Handle(ctx context.Context, c ChangeContractCaps) (application.Done, error) {
	return changeCampaign(ctx, h.Deps, c.Actor, c.CampaignID, c.Once, func(ctx context.Context, tx market.Tx, n *campaign.Campaign, now time.Time) (marketquery.Contract, error) {
		if err := allowed(ctx, tx, c.Actor, n, c.ID, func(p buyer.Portal) bool { return p.ChangeCaps }); err != nil {
			return marketquery.Contract{}, err
		}
		k, err := n.Contract(c.ID)
		if err != nil {
			return marketquery.Contract{}, err
		}
		if err := application.CheckSeen(c.Seen, k.UpdatedAt()); err != nil {
			return marketquery.Contract{}, err
		}
		zones, _, err := zonesOf(ctx, tx, c.Actor.SellerID, k.BuyerID())
		if err != nil {
			return marketquery.Contract{}, err
		}
		changed, err := n.UpdateContract(c.ID, campaign.Terms{Caps: &c.Caps}, zones, now)
		if err != nil {
			return marketquery.Contract{}, err
		}
		if changed {
			if err := market.Recount(ctx, tx, n, c.ID, now); err != nil {
				return marketquery.Contract{}, err
			}
		}
		return contractOf(n, c.ID)
	})
}
