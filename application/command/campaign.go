package command

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/query"
	"github.com/leadmill/leadmill/domain/campaign"
)

// CreateCampaign launches a campaign of the actor's seller. Status is active when empty.
type CreateCampaign struct {
	application.Actor

	Status     string
	Definition campaign.Definition
	Once       Once[query.Campaign]
}

// CreateCampaignHandler handles CreateCampaign.
type CreateCampaignHandler struct {
	Deps
	Strategies campaign.Strategies
}

// Handle implements bus.Handler. Errors: campaign.ErrCategoryTaken, validation.
func (h CreateCampaignHandler) Handle(ctx context.Context, c CreateCampaign) (Done, error) {
	now, id := h.Clock.Now(), h.IDs.New("campaign")
	return do(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx application.Tx) (query.Campaign, error) {
		n, err := campaign.New(id, c.Actor.SellerID, orActive(c.Status), c.Definition, h.Strategies, now)
		if err != nil {
			return query.Campaign{}, err
		}
		if err := tx.Campaigns().Add(ctx, n); err != nil {
			return query.Campaign{}, err
		}
		return query.CampaignOf(n.Snapshot()), nil
	})
}

func orActive(status string) campaign.Status {
	if status == "" {
		return campaign.StatusActive
	}
	return campaign.Status(status)
}

// UpdateCampaign changes a campaign's definition.
type UpdateCampaign struct {
	application.Actor

	ID         string
	Definition campaign.Definition
	Once       Once[query.Campaign]
}

// UpdateCampaignHandler handles UpdateCampaign.
type UpdateCampaignHandler struct {
	Deps
	Strategies campaign.Strategies
}

// Handle implements bus.Handler. Errors: campaign.ErrNotFound, campaign.ErrArchived, campaign.ErrCategoryTaken, validation.
func (h UpdateCampaignHandler) Handle(ctx context.Context, c UpdateCampaign) (Done, error) {
	return changeCampaign(ctx, h.Deps, c.Actor, c.ID, c.Once, func(_ context.Context, _ application.Tx, n *campaign.Campaign, now time.Time) (query.Campaign, error) {
		err := n.Update(c.Definition, h.Strategies, now)
		return query.CampaignOf(n.Snapshot()), err
	})
}

// Verb is what can be done to a campaign or a contract as a whole.
type Verb string

// The verbs. Archive is for campaigns, Delete for contracts.
const (
	Pause   Verb = "pause"
	Resume  Verb = "resume"
	Archive Verb = "archive"
	Delete  Verb = "delete"
)

// SteerCampaign pauses, resumes or archives a campaign.
type SteerCampaign struct {
	application.Actor

	ID   string
	Verb Verb
	Once Once[query.Campaign]
}

// SteerCampaignHandler handles SteerCampaign.
type SteerCampaignHandler struct{ Deps }

// Handle implements bus.Handler. Errors: campaign.ErrNotFound, ErrAlreadyPaused, ErrNotPaused, ErrArchived, ErrCategoryTaken.
func (h SteerCampaignHandler) Handle(ctx context.Context, c SteerCampaign) (Done, error) {
	return changeCampaign(ctx, h.Deps, c.Actor, c.ID, c.Once, func(_ context.Context, _ application.Tx, n *campaign.Campaign, now time.Time) (query.Campaign, error) {
		var err error
		switch c.Verb {
		case Pause:
			err = n.Pause(now)
		case Resume:
			err = n.Resume(now)
		default:
			err = n.Archive(now)
		}
		return query.CampaignOf(n.Snapshot()), err
	})
}

func changeCampaign[R any](ctx context.Context, d Deps, actor application.Actor, id string, once Once[R],
	change func(context.Context, application.Tx, *campaign.Campaign, time.Time) (R, error)) (Done, error) {
	now := d.Clock.Now()
	return do(ctx, d, actor, once, func(ctx context.Context, tx application.Tx) (R, error) {
		var none R
		c, err := tx.Campaigns().Lock(ctx, actor.SellerID, id)
		if err != nil {
			return none, err
		}
		result, err := change(ctx, tx, c, now)
		if err != nil {
			return none, err
		}
		return result, tx.Campaigns().Save(ctx, c)
	})
}
