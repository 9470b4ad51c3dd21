package command

import (
	"context"
	"errors"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
	programquery "github.com/leadmill/leadmill/application/program/query"
	"github.com/leadmill/leadmill/domain/attribution"
	"github.com/leadmill/leadmill/domain/customer"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
)

// ConvertLead makes a customer of a form lead, attributed to the partner that submitted it.
type ConvertLead struct {
	application.Actor

	Number int64
	Amount *money.Micros // what the customer is worth, kept for commissions; micro-units of the seller's currency; nil: not given
	Once   application.Once[programquery.FormLead]
}

// Needs implements application.Message.
func (ConvertLead) Needs() application.Scope { return application.Program }

// ConvertLeadHandler handles ConvertLead.
type ConvertLeadHandler struct {
	program.Deps
	Secrets  application.Secrets
	Policies attribution.Policies
}

// Handle implements bus.Handler. Errors: lead.ErrNotFound, lead.ErrConverted, lead.ErrReviewRejected,
// customer.ErrLeadEmailTaken, refusals of attribution policies.
func (h ConvertLeadHandler) Handle(ctx context.Context, c ConvertLead) (application.Done, error) {
	now := h.Clock.Now()
	r := customer.Registration{SellerID: c.Actor.SellerID, ID: h.IDs.New("customer"), Key: shortSecret(h.Secrets)}
	return application.DoOnce(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx program.Tx) (programquery.FormLead, error) {
		a := attributor{tx: tx, policies: h.Policies, sellerID: c.Actor.SellerID, now: now}
		if err := a.load(ctx); err != nil {
			return programquery.FormLead{}, err
		}
		l, err := tx.FormLeads().LockByNumber(ctx, c.Actor.SellerID, c.Number)
		if err != nil {
			return programquery.FormLead{}, err
		}
		// Convert a copy first: for a lead that is converted already, the error must be that one, not an attribution
		// policy's refusal.
		if err := lead.FromSnapshot(l.Snapshot()).Convert(r.ID, r.Key, c.Amount, a.seller.Currency(), now); err != nil {
			return programquery.FormLead{}, err
		}
		by, err := submitter(ctx, tx, l)
		if err != nil {
			return programquery.FormLead{}, err
		}
		r := r
		review := l.Review()
		r.Email = review.Email
		r.Name, r.Surname = splitName(review.Name)
		registered, err := a.register(r, attribution.Touch{Source: attribution.Lead, PartnerID: l.PartnerID(), At: l.CreatedAt()}, by)
		if err != nil {
			return programquery.FormLead{}, err
		}
		if err := a.claim(ctx, registered, true); err != nil {
			return programquery.FormLead{}, asLeads(err)
		}
		if err := tx.Customers().Add(ctx, registered); err != nil {
			return programquery.FormLead{}, asLeads(err)
		}
		if err := l.Convert(registered.ID(), registered.PublicKey(), c.Amount, a.seller.Currency(), now); err != nil {
			return programquery.FormLead{}, err
		}
		if err := tx.FormLeads().Save(ctx, l); err != nil {
			return programquery.FormLead{}, err
		}
		return formLeadOf(l, snapshotOf(by), registered), nil
	})
}

// asLeads turns customer.ErrEmailTaken into customer.ErrLeadEmailTaken.
func asLeads(err error) error {
	if errors.Is(err, customer.ErrEmailTaken) {
		return customer.ErrLeadEmailTaken
	}
	return err
}
