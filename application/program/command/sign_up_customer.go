package command

import (
	"context"
	"errors"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
	"github.com/leadmill/leadmill/domain/attribution"
	"github.com/leadmill/leadmill/domain/customer"
	"github.com/leadmill/leadmill/domain/fault"
)

// SignUpCustomer registers somebody who signed up on a web page of the actor's seller, which a partner's link led to. Whoever sees
// the page can send it, so it makes customers and changes none. Without a Key the customer gets a random one.
type SignUpCustomer struct {
	application.Actor

	Key, Email, Name, Surname string
	ReferralKey               string
	ClickedAt                 time.Time // zero: now
}

// Needs implements application.Message.
func (SignUpCustomer) Needs() application.Scope { return application.Site }

// SignedUp says why an attribution policy refuses a sign-up; nil when it made a customer, or nothing because one has its key or
// email already. Pages must not be told which, because whoever sees them could ask who is a customer.
type SignedUp struct{ Refused error }

func (c SignUpCustomer) registration() customer.Registration {
	return customer.Registration{SellerID: c.Actor.SellerID, Key: c.Key, Email: c.Email, Name: c.Name, Surname: c.Surname}
}

// Check returns fault.ErrValidation with the members at fault, without looking at stored data, or nil.
func (c SignUpCustomer) Check() error {
	var partnerErr, emailErr error
	r := c.registration()
	if r.Key == "" {
		r.Key = "random"
		if r.Email == "" {
			emailErr = fault.New(fault.Invalid, fault.Required, "is required without a key")
		}
	}
	if c.ReferralKey == "" {
		partnerErr = fault.New(fault.Invalid, fault.Required, "is required")
	}
	return fault.Together("partner.key", partnerErr, fault.Together("email", emailErr, r.Check()))
}

// SignUpCustomerHandler handles SignUpCustomer.
type SignUpCustomerHandler struct {
	program.Deps
	Secrets  application.Secrets
	Policies attribution.Policies
}

// Handle implements bus.Handler. Errors: partner.ErrUnknown, fault.ErrValidation.
func (h SignUpCustomerHandler) Handle(ctx context.Context, c SignUpCustomer) (SignedUp, error) {
	if err := c.Check(); err != nil {
		return SignedUp{}, err
	}
	now, r := h.Clock.Now(), c.registration()
	r.ID = h.IDs.New("customer")
	if r.Key == "" {
		r.Key = shortSecret(h.Secrets)
	}
	var refused error
	var known bool
	err := h.Work.Do(ctx, func(ctx context.Context, tx program.Tx) error {
		refused, known = nil, false
		a := attributor{tx: tx, policies: h.Policies, sellerID: c.Actor.SellerID, now: now}
		if err := a.load(ctx); err != nil {
			return err
		}
		touch, by, err := a.touch(ctx, Referral{Partner: application.PartnerHandle{Key: c.ReferralKey}, ClickedAt: c.ClickedAt})
		if err != nil {
			return err
		}
		registered, err := a.register(r, touch, by)
		if err != nil {
			if fault.KindOf(err) != fault.Internal {
				refused = err
			}
			return err
		}
		if c.Key == "" { // a form that is sent twice is known by its email, also where customers may share emails
			if _, known, err = tx.Customers().Taken(ctx, registered); err != nil || known {
				return err
			}
		}
		if err = a.claim(ctx, registered, true); err == nil {
			err = tx.Customers().Add(ctx, registered)
		}
		known = errors.Is(err, customer.ErrKeyTaken) || errors.Is(err, customer.ErrEmailTaken) || errors.Is(err, customer.ErrTaken)
		return err
	})
	if known || refused != nil {
		err = nil
	}
	return SignedUp{Refused: refused}, err
}
