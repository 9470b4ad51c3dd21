package command

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
)

// PreviewLead asks what would become of a lead in a campaign now. Nothing is written, and what other leads change meanwhile may be seen in
// part.
type PreviewLead struct {
	application.Actor

	CampaignID string
	Fields     field.Set
	PartnerID  string // as whose lead it is decided; empty: nobody's
	Test       bool
}

// Needs implements application.Message.
func (PreviewLead) Needs() application.Scope { return application.Program }

// Unaudited implements application.Unaudited.
func (PreviewLead) Unaudited() {}

// PreviewLeadResult is what would become of a lead. Outcome is its status. Code and Reason say why it would be a duplicate, rejected or quarantined.
// Trace is empty then. One that buyers are asked about would be pending, with those buyers.
type PreviewLeadResult struct {
	Outcome  string
	BuyerIDs []string
	Code     fault.Code
	Reason   string
	Trace    lead.Trace
}

// PreviewLeadHandler handles PreviewLead by the rules that SubmitLeadsHandler has.
type PreviewLeadHandler struct {
	Reader     market.PreviewReader
	Clock      application.Clock
	IDs        application.IDs
	Strategies distribution.Strategies
	Plans      *Plans
	Rules      lead.IntakeRules
	Facts      application.FactProviders
}

// Handle implements bus.Handler. Errors: campaign.ErrNotFound, campaign.ErrNoMatching for a campaign that is not active, field.ErrMissing,
// field.ErrInvalid, fault.ErrValidation for a partner that the seller does not have, lead.ErrRuleUnavailable,
// *distribution.RankingError.
func (h *PreviewLeadHandler) Handle(ctx context.Context, q PreviewLead) (r PreviewLeadResult, err error) {
	c, err := h.Reader.Campaign(ctx, q.Actor.SellerID, q.CampaignID)
	switch {
	case err != nil:
		return r, err
	case c.Status() != campaign.StatusActive:
		return r, campaign.ErrNoMatching
	}
	mapped, external, err := c.MapFields(q.Fields)
	if err != nil {
		return r, err
	}
	fields, err := c.CheckFields(mapped)
	unknown, readErr := unknownPartners(ctx, h.Reader, q.Actor.SellerID, q.PartnerID)
	if readErr != nil {
		return r, readErr
	}
	if len(unknown) > 0 {
		err = fault.Together("partner_id", errUnknownPartner, err)
	}
	if err != nil {
		return r, err
	}
	now := h.Clock.Now()
	l := lead.Submit(lead.Submission{
		ID: h.IDs.New("lead"), SellerID: q.Actor.SellerID, SellerCode: q.Actor.SellerCode, PartnerID: q.PartnerID, CampaignID: c.ID(),
		Category: c.Category(), Fields: fields, Dimensions: c.Dimensions(fields), ExternalID: external, Test: q.Test, At: now,
	})
	d, err := h.look(ctx, c, l, market.DedupeClaims(c, fields), auction{}, now)
	if err != nil {
		return r, err
	}
	if d.why != nil {
		return PreviewLeadResult{Outcome: string(d.status), Code: d.why.Code, Reason: d.why.Message}, nil //nolint:nilerr // a refusal is a result
	}
	r = PreviewLeadResult{Outcome: string(lead.StatusPending), Trace: d.Trace}
	for i := range d.Takers {
		r.Outcome, r.BuyerIDs = string(lead.StatusSold), append(r.BuyerIDs, d.Takers[i].BuyerID())
	}
	if !q.Test && confirms(d.Takers) {
		r.Outcome = string(lead.StatusPending)
	}
	return r, nil
}

// claims finds the claims that are held at a time.
func (h *PreviewLeadHandler) claims(now time.Time) findClaims {
	return func(ctx context.Context, refs []market.ClaimRef) (map[market.ClaimKey]market.Claim, error) {
		held, err := h.Reader.Held(ctx, refs, now)
		found := make(map[market.ClaimKey]market.Claim, len(held))
		for key := range held {
			found[key] = market.Claim{Key: key, ExpiresAt: now.Add(forever)}
		}
		return found, err
	}
}

// refusal returns why a lead would not be offered to buyers, and what it would be instead; nil when it would be.
func (h *PreviewLeadHandler) refusal(ctx context.Context, c *campaign.Campaign, f lead.Facts, claims []market.Claim, held map[market.ClaimKey]bool) (*fault.Error, lead.Status, error) {
	if values := c.Suppressible(f.Fields()); len(values) > 0 {
		if found, err := h.Reader.SuppressionsOf(ctx, c.SellerID(), values); err != nil || len(found) > 0 {
			return lead.ErrSuppressed, lead.StatusRejected, err
		}
	}
	verdict, err := h.Rules.Judge(f)
	if err != nil || verdict.Why != nil && !verdict.Quarantine {
		return verdict.Why, lead.StatusRejected, err
	}
	for i := range claims {
		if held[claims[i].Key] {
			return lead.ErrDuplicate, lead.StatusDuplicate, nil
		}
	}
	return market.QuarantineOf(c, verdict, f.PartnerID), lead.StatusQuarantined, nil
}
