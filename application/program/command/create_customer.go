package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
	programquery "github.com/leadmill/leadmill/application/program/query"
	"github.com/leadmill/leadmill/domain/attribution"
	"github.com/leadmill/leadmill/domain/customer"
	"github.com/leadmill/leadmill/domain/fault"
)

// CreateCustomer registers a customer that a partner of the actor's seller brought.
type CreateCustomer struct {
	application.Actor

	Key, Email, Name, Surname string
	Tags                      []string
	Referral                  Referral
	Once                      application.Once[programquery.Customer]
}

// Needs implements application.Message.
func (CreateCustomer) Needs() application.Scope { return application.Program }

func (c CreateCustomer) registration() customer.Registration {
	return customer.Registration{SellerID: c.Actor.SellerID, Key: c.Key, Email: c.Email, Name: c.Name, Surname: c.Surname, Tags: c.Tags}
}

// Check returns fault.ErrValidation with the members at fault, without looking at stored data, or nil.
func (c CreateCustomer) Check() error {
	var partnerErr error
	if c.Referral.Partner == (application.PartnerHandle{}) && c.Referral.URL == "" {
		partnerErr = errPartnerRequired
	}
	return fault.Together("partner", partnerErr, c.registration().Check())
}

// CreateCustomerHandler handles CreateCustomer.
type CreateCustomerHandler struct {
	program.Deps
	Policies attribution.Policies
}

// Handle implements bus.Handler. Errors: customer.ErrKeyTaken, customer.ErrEmailTaken, customer.ErrTaken, partner.ErrUnknown, refusals of attribution policies,
// fault.ErrValidation.
func (h CreateCustomerHandler) Handle(ctx context.Context, c CreateCustomer) (application.Done, error) {
	now := h.Clock.Now()
	if err := c.Check(); err != nil {
		return application.Done{}, err
	}
	r := c.registration()
	r.ID = h.IDs.New("customer")
	return application.DoOnce(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx program.Tx) (programquery.Customer, error) {
		a := attributor{tx: tx, policies: h.Policies, sellerID: c.Actor.SellerID, now: now}
		if err := a.load(ctx); err != nil {
			return programquery.Customer{}, err
		}
		touch, by, err := a.touch(ctx, c.Referral)
		if err != nil {
			return programquery.Customer{}, err
		}
		registered, err := a.register(r, touch, by)
		if err != nil {
			return programquery.Customer{}, err
		}
		if err := a.claim(ctx, registered, true); err != nil {
			return programquery.Customer{}, err
		}
		if err := tx.Customers().Add(ctx, registered); err != nil {
			return programquery.Customer{}, err
		}
		return programquery.CustomerOf(registered.Snapshot()), nil
	})
}

var errPartnerRequired = fault.New(fault.Invalid, fault.Required, "must have an id, a key or an email, or options.referral_url must be given")
