package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
	programquery "github.com/leadmill/leadmill/application/program/query"
	"github.com/leadmill/leadmill/domain/attribution"
	"github.com/leadmill/leadmill/domain/customer"
)

// UpdateCustomer changes a customer's details. Referral.Partner names the partner that the operator gives the customer to;
// Referral.URL alone is a later touch, which the attribution policies judge.
type UpdateCustomer struct {
	application.Actor

	Handle   application.CustomerHandle
	Details  customer.Details
	Referral Referral
	Once     application.Once[programquery.Customer]
}

// Needs implements application.Message.
func (UpdateCustomer) Needs() application.Scope { return application.Program }

// UpdateCustomerHandler handles UpdateCustomer.
type UpdateCustomerHandler struct {
	program.Deps
	Policies attribution.Policies
}

// Handle implements bus.Handler. Errors: customer.ErrNotFound, customer.ErrKeyTaken, customer.ErrEmailTaken, customer.ErrTaken, partner.ErrUnknown, refusals of
// attribution policies, fault.ErrValidation.
func (h UpdateCustomerHandler) Handle(ctx context.Context, c UpdateCustomer) (application.Done, error) {
	now := h.Clock.Now()
	return application.DoOnce(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx program.Tx) (programquery.Customer, error) {
		a := attributor{tx: tx, policies: h.Policies, sellerID: c.Actor.SellerID, now: now}
		if err := a.load(ctx); err != nil {
			return programquery.Customer{}, err
		}
		found, err := tx.Customers().Lock(ctx, c.Actor.SellerID, c.Handle)
		if err != nil {
			return programquery.Customer{}, err
		}
		changed, moved, before := c.Details.Given(), false, found.Snapshot()
		if changed {
			if err := found.Update(c.Details, now); err != nil {
				return programquery.Customer{}, err
			}
		}
		if c.Referral.Partner != (application.PartnerHandle{}) || c.Referral.URL != "" {
			touch, by, err := a.touch(ctx, c.Referral)
			if err != nil {
				return programquery.Customer{}, err
			}
			if touch.Source == attribution.Explicit {
				touch.Source = attribution.Operator
			}
			var stored bool
			if stored, moved, err = a.reattribute(found, touch, by); err != nil {
				return programquery.Customer{}, err
			}
			changed = changed || stored
		}
		// If the customer just moved, the policies saw its new email.
		if !moved && found.Snapshot().EmailKey != before.EmailKey {
			if err := a.confirm(ctx, found); err != nil {
				return programquery.Customer{}, err
			}
		}
		if after := found.Snapshot(); after.Key != before.Key || after.EmailKey != before.EmailKey {
			if err := a.claim(ctx, found, after.EmailKey != before.EmailKey); err != nil {
				return programquery.Customer{}, err
			}
		}
		if changed {
			if err := tx.Customers().Save(ctx, found); err != nil {
				return programquery.Customer{}, err
			}
		}
		return programquery.CustomerOf(found.Snapshot()), nil
	})
}
