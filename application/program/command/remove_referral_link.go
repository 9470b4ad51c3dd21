package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
	"github.com/leadmill/leadmill/domain/partner"
)

// RemoveReferralLink ends a referral key for good.
type RemoveReferralLink struct {
	application.Actor

	Key  string
	Once application.Once[struct{}]
}

// Needs implements application.Message.
func (RemoveReferralLink) Needs() application.Scope { return application.Program }

// RemoveReferralLinkHandler handles RemoveReferralLink.
type RemoveReferralLinkHandler struct{ program.Deps }

// Handle implements bus.Handler. Errors: partner.ErrLinkNotFound, partner.ErrLastLink.
func (h RemoveReferralLinkHandler) Handle(ctx context.Context, c RemoveReferralLink) (application.Done, error) {
	now := h.Clock.Now()
	return application.DoOnce(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx program.Tx) (struct{}, error) {
		_, err := changePartner(ctx, tx, c.Actor, application.PartnerHandle{Key: c.Key}, func(p *partner.Partner) error {
			return p.RemoveLink(c.Key, now)
		})
		return struct{}{}, asLink(err)
	})
}
