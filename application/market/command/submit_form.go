package command

import (
	"context"
	"errors"
	"log/slog"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
)

// SubmitForm submits a lead that somebody's browser posted with a form key: it is for the campaign of the key, whose seller and
// category need not be named (docs/supplier-api.md). Trapped says that a field was filled in that people do not see.
type SubmitForm struct {
	SubmitLead

	Token      string
	NeedsToken bool
	Trapped    bool
}

// Needs implements application.Message.
func (SubmitForm) Needs() application.Scope { return application.Form }

// FormSubmitted is what became of a form, and the page that the campaign wants browsers to see next; empty: none.
type FormSubmitted struct {
	application.Done

	RedirectURL string
}

// SubmitFormHandler handles SubmitForm: it checks what is a form's own and hands the lead to Submit.
type SubmitFormHandler struct {
	Submit    *SubmitLeadHandler
	Campaigns interface {
		CampaignByID(ctx context.Context, q marketquery.CampaignByID) (marketquery.Campaign, error)
	}
	Tokens market.FormTokens
	Logger *slog.Logger
}

// Handle implements bus.Handler. Errors: those of SubmitLead; ErrNoMatching also when the key's campaign takes no leads, and
// field.ErrMissing or field.ErrInvalid for the token. A form that is trapped is answered as if its lead were pending, so that what
// filled it in learns nothing, and is not stored.
func (h SubmitFormHandler) Handle(ctx context.Context, c SubmitForm) (FormSubmitted, error) {
	if !field.TextValue(c.Seller).Empty() && !c.IsSeller(c.Seller) {
		return FormSubmitted{}, ErrWrongSeller
	}
	of, err := h.Campaigns.CampaignByID(ctx, marketquery.CampaignByID{Actor: c.Actor, ID: c.Actor.CampaignID})
	switch {
	case errors.Is(err, campaign.ErrNotFound),
		err == nil && of.Status != string(campaign.StatusActive),
		err == nil && !field.TextValue(c.Category).Empty() && campaign.CategoryKey(c.Category) != campaign.CategoryKey(of.Category):
		return FormSubmitted{}, ErrNoMatching
	case err != nil:
		return FormSubmitted{}, err
	}
	if c.Trapped {
		h.Logger.LogAttrs(ctx, slog.LevelInfo, "a form was filled in where people see nothing; no lead is made of it",
			slog.String("key_id", c.KeyID), slog.String("campaign_id", of.ID), slog.String("request_id", c.SubmitLead.Trail.CorrelationID))
		answer := c.Render(SubmitLeadResult{LeadID: h.Submit.IDs.New("lead"), Status: string(lead.StatusPending), Test: c.Test})
		return FormSubmitted{application.Done{Response: answer}, of.RedirectURL}, nil
	}
	switch {
	case c.Token != "":
		err = h.Tokens.Check(c.Token, c.KeyID, h.Submit.Clock.Now())
	case c.NeedsToken:
		err = field.ErrMissing.With(fault.Violation{Field: market.FormToken, Code: fault.Required, Message: "is required"})
	}
	if err != nil {
		return FormSubmitted{}, err
	}
	c.Seller, c.Category, c.OnlyFor = c.SellerCode, of.Category, of.ID
	done, err := h.Submit.Handle(ctx, c.SubmitLead)
	return FormSubmitted{done, of.RedirectURL}, err
}
