package command

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/campaign"
)

// RotateContractSecret gives a contract a new secret, which is shown once. The one before signs beside it for 24 hours, and
// the one before that no more.
type RotateContractSecret struct {
	application.Actor

	CampaignID, ID string
	Once           application.Once[marketquery.Contract]
}

// Needs implements application.Message.
func (RotateContractSecret) Needs() application.Scope { return application.Program }

// RotateContractSecretHandler handles RotateContractSecret.
type RotateContractSecretHandler struct {
	market.Deps
	Secrets DeliverySecrets
}

// Handle implements bus.Handler. Errors: campaign.ErrNotFound, campaign.ErrContractNotFound, campaign.ErrArchived, campaign.ErrNoSecret,
// application.ErrSecretKeyMissing.
func (h RotateContractSecretHandler) Handle(ctx context.Context, c RotateContractSecret) (application.Done, error) {
	secret := h.Secrets.Signer.NewSecret()
	sealed, err := h.Secrets.Sealer.Seal([]byte(secret), market.SealDeliverySecret, c.ID)
	if err != nil {
		return application.Done{}, err
	}
	return changeCampaign(ctx, h.Deps, c.Actor, c.CampaignID, c.Once, func(_ context.Context, _ market.Tx, n *campaign.Campaign, now time.Time) (marketquery.Contract, error) {
		if err := n.RotateSecret(c.ID, sealed, now); err != nil {
			return marketquery.Contract{}, err
		}
		return contractWith(n, c.ID, prepared{secret: secret, sealed: sealed})
	})
}
