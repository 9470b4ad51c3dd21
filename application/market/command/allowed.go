package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/campaign"
)

// allowed checks what somebody of a buyer wants of a contract: campaign.ErrContractNotFound for that of another one, buyer.ErrNotAllowed for what
// the seller does not let the buyer do. It lets everybody else pass. The buyer is read without its lock: what it may do by now counts for the next
// change.
func allowed(ctx context.Context, tx market.Tx, a application.Actor, n *campaign.Campaign, contractID string, may func(buyer.Portal) bool) error {
	if a.BuyerID == "" {
		return nil
	}
	k, err := n.Contract(contractID)
	if err != nil {
		return err
	}
	if k.BuyerID() != a.BuyerID {
		return campaign.ErrContractNotFound
	}
	b, err := tx.Buyers().Get(ctx, a.SellerID, a.BuyerID)
	if err != nil {
		return err
	}
	if !may(b.Portal()) {
		return buyer.ErrNotAllowed
	}
	return nil
}
