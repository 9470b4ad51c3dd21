package command

import (
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/query"
	"github.com/leadmill/leadmill/domain/attribution"
	"github.com/leadmill/leadmill/domain/customer"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/partner"
	"github.com/leadmill/leadmill/domain/seller"
)

// Referral is how a request says who brought a customer: a partner by a handle, a referral URL, or both. ClickedAt is when
// the visitor came by the link; zero is now.
type Referral struct {
	Partner   application.PartnerHandle
	URL       string
	ClickedAt time.Time
}

// CreateCustomer registers a customer that a partner of the actor's seller brought.
type CreateCustomer struct {
	application.Actor

	Key, Email, Name, Surname string
	Tags                      []string
	Referral                  Referral
	Once                      Once[query.Customer]
}

func (c CreateCustomer) registration() customer.Registration {
	return customer.Registration{SellerID: c.Actor.SellerID, Key: c.Key, Email: c.Email, Name: c.Name, Surname: c.Surname, Tags: c.Tags}
}

// Check returns which members are at fault whatever is stored.
func (c CreateCustomer) Check() error {
	var partnerErr error
	if c.Referral.Partner == (application.PartnerHandle{}) && c.Referral.URL == "" {
		partnerErr = errPartnerRequired
	}
	return together("partner", partnerErr, c.registration().Check())
}

// CreateCustomerHandler handles CreateCustomer.
type CreateCustomerHandler struct {
	Deps
	Policies attribution.Policies
}

var errPartnerRequired = fault.New(fault.Invalid, fault.Required, "must have an id, a key or an email, or options.referral_url must be given")

// Handle implements bus.Handler. Errors: customer.ErrKeyTaken, partner.ErrUnknown, refusals of attribution policies,
// validation.
func (h CreateCustomerHandler) Handle(ctx context.Context, c CreateCustomer) (Done, error) {
	now := h.Clock.Now()
	if err := c.Check(); err != nil {
		return Done{}, err
	}
	r := c.registration()
	r.ID = h.IDs.New("customer")
	return do(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx application.Tx) (query.Customer, error) {
		a := attributor{tx: tx, policies: h.Policies, sellerID: c.Actor.SellerID, now: now}
		if err := a.load(ctx); err != nil {
			return query.Customer{}, err
		}
		touch, by, err := a.touch(ctx, c.Referral)
		if err != nil {
			return query.Customer{}, err
		}
		registered, err := a.register(r, touch, by)
		if err != nil {
			return query.Customer{}, err
		}
		if err := tx.Customers().Add(ctx, registered); err != nil {
			return query.Customer{}, err
		}
		return query.CustomerOf(registered.Snapshot()), nil
	})
}

// attributor decides within a transaction whose customer somebody is.
type attributor struct {
	tx       application.Tx
	policies attribution.Policies
	sellerID string
	now      time.Time
	seller   *seller.Seller
}

func (a *attributor) load(ctx context.Context) (err error) {
	a.seller, err = a.tx.Sellers().Get(ctx, a.sellerID)
	return err
}

// touch turns what a request says into a touch and its partner: partner.ErrUnknown. When a partner and a URL are given the
// partner decides, and the URL's key is recorded if it is that partner's (api/partner-program.md, "Rules").
func (a *attributor) touch(ctx context.Context, r Referral) (attribution.Touch, *partner.Partner, error) {
	t := attribution.Touch{Source: attribution.Explicit, At: r.ClickedAt}
	if t.At.IsZero() || t.At.After(a.now) {
		t.At = a.now
	}
	key := referralKey(r.URL, a.seller.Program().LinkParameter)
	handle := r.Partner
	if handle == (application.PartnerHandle{}) {
		t.Source, handle.Key = attribution.Link, key
		if key == "" {
			return t, nil, partner.ErrUnknown
		}
	}
	by, err := findPartner(ctx, a.tx.Partners().Find, a.sellerID, handle, partner.ErrUnknown)
	if err != nil {
		return t, nil, err
	}
	t.PartnerID = by.ID()
	switch {
	case by.HasKey(key):
		t.ReferralKey = key
	case handle.ID == "" && by.HasKey(handle.Key):
		t.ReferralKey = handle.Key
	}
	return t, by, nil
}

// referralKey returns the value of the program's parameter in a URL; empty when there is none.
func referralKey(referral, parameter string) string {
	u, err := url.Parse(referral)
	if err != nil {
		return ""
	}
	return u.Query().Get(parameter)
}

// register makes the customer if the policies attribute it. by may be nil for the lead of a partner that was deleted.
func (a *attributor) register(r customer.Registration, t attribution.Touch, by *partner.Partner) (*customer.Customer, error) {
	// The facts are those of the customer as it would be stored, in the compared form.
	candidate, err := customer.Register(r, customer.Attribution{}, a.now)
	if err != nil {
		return nil, err
	}
	policy, _, err := a.policies.Decide(a.facts(candidate.Snapshot(), t, by))
	if err != nil {
		return nil, err
	}
	return customer.Register(r, a.attribution(t, policy), a.now)
}

// attribution is what a touch becomes by a policy. An operator's word is a touch of now.
func (a *attributor) attribution(t attribution.Touch, policy string) customer.Attribution {
	if t.Source == attribution.Operator {
		t.At = a.now
	}
	return customer.Attribution{PartnerID: t.PartnerID, ReferralKey: t.ReferralKey, Policy: policy, At: a.now, TouchedAt: t.At}
}

// reattribute asks the policies about a later touch of a customer, unless it is one of the partner that has it: that is
// nothing to decide. stored says whether the customer is to be stored, moved whether it went to another partner.
func (a *attributor) reattribute(c *customer.Customer, t attribution.Touch, by *partner.Partner) (stored, moved bool, err error) {
	if t.PartnerID == c.Attribution().PartnerID {
		return t.Source == attribution.Link && c.Touch(t.At), false, nil
	}
	policy, attributed, err := a.policies.Decide(a.facts(c.Snapshot(), t, by))
	if err != nil || !attributed {
		return false, false, err
	}
	moved = c.AttributeTo(a.attribution(t, policy))
	return moved, moved, nil
}

// confirm asks the policies whether the partner that has a customer may keep it now that the customer's email is another.
func (a *attributor) confirm(ctx context.Context, c *customer.Customer) error {
	has := c.Attribution()
	by, err := a.tx.Partners().Find(ctx, a.sellerID, application.PartnerHandle{ID: has.PartnerID})
	if err != nil && !errors.Is(err, partner.ErrNotFound) {
		return err
	}
	touch := attribution.Touch{Source: attribution.Current, PartnerID: has.PartnerID, ReferralKey: has.ReferralKey, At: has.TouchedAt}
	_, _, err = a.policies.Decide(a.facts(c.Snapshot(), touch, by))
	return err
}

func (a *attributor) facts(c customer.Snapshot, t attribution.Touch, by *partner.Partner) attribution.Facts {
	program := a.seller.Program()
	f := attribution.Facts{SellerID: a.sellerID, CustomerID: c.ID, Touch: t, CurrentPartnerID: c.Attribution.PartnerID,
		CurrentSince: c.Attribution.At, CurrentTouchedAt: c.Attribution.TouchedAt, PartnerStatus: string(partner.StatusDeleted), CustomerEmail: c.EmailKey, CustomerTags: c.Tags, Now: a.now,
		Program: attribution.Program{LastTouch: program.LastTouch, AllowSelfReferral: program.AllowSelfReferral, Window: program.Window()}}
	if by != nil {
		s := by.Snapshot()
		f.PartnerStatus, f.PartnerEmail, f.PartnerTags = string(s.Status), s.EmailKey, s.Tags
	}
	return f
}

// UpdateCustomer changes what is said about a customer. Referral.Partner is the operator's word whose customer it is;
// Referral.URL alone is a later touch, about which the program's policies decide.
type UpdateCustomer struct {
	application.Actor

	Handle   application.CustomerHandle
	Details  customer.Details
	Referral Referral
	Once     Once[query.Customer]
}

// UpdateCustomerHandler handles UpdateCustomer.
type UpdateCustomerHandler struct {
	Deps
	Policies attribution.Policies
}

// Handle implements bus.Handler. Errors: customer.ErrNotFound, customer.ErrKeyTaken, partner.ErrUnknown, refusals of
// attribution policies, validation.
func (h UpdateCustomerHandler) Handle(ctx context.Context, c UpdateCustomer) (Done, error) {
	now := h.Clock.Now()
	return do(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx application.Tx) (query.Customer, error) {
		a := attributor{tx: tx, policies: h.Policies, sellerID: c.Actor.SellerID, now: now}
		if err := a.load(ctx); err != nil {
			return query.Customer{}, err
		}
		found, err := tx.Customers().Lock(ctx, c.Actor.SellerID, c.Handle)
		if err != nil {
			return query.Customer{}, err
		}
		changed, moved, email := c.Details.Given(), false, found.Snapshot().EmailKey
		if changed {
			if err := found.Update(c.Details, now); err != nil {
				return query.Customer{}, err
			}
		}
		if c.Referral.Partner != (application.PartnerHandle{}) || c.Referral.URL != "" {
			touch, by, err := a.touch(ctx, c.Referral)
			if err != nil {
				return query.Customer{}, err
			}
			if touch.Source == attribution.Explicit {
				touch.Source = attribution.Operator
			}
			var stored bool
			if stored, moved, err = a.reattribute(found, touch, by); err != nil {
				return query.Customer{}, err
			}
			changed = changed || stored
		}
		// Of a partner that just got the customer the policies saw the new email.
		if !moved && found.Snapshot().EmailKey != email {
			if err := a.confirm(ctx, found); err != nil {
				return query.Customer{}, err
			}
		}
		if changed {
			if err := tx.Customers().Save(ctx, found); err != nil {
				return query.Customer{}, err
			}
		}
		return query.CustomerOf(found.Snapshot()), nil
	})
}

// CustomerStep is one way a customer's status changes.
type CustomerStep string

// The steps of a customer (api/partner-program.md, "Endpoints").
const (
	ArchiveCustomer       CustomerStep = "archive"
	RevokeArchiveCustomer CustomerStep = "revoke-archive"
	DeleteCustomer        CustomerStep = "delete"
)

// SteerCustomer takes one step with a customer. Deleting erases what is personal and frees the key.
type SteerCustomer struct {
	application.Actor

	Handle application.CustomerHandle
	Step   CustomerStep
	Once   Once[query.Customer]
}

// SteerCustomerHandler handles SteerCustomer.
type SteerCustomerHandler struct{ Deps }

// Handle implements bus.Handler. Errors: customer.ErrNotFound, customer.ErrAction.
func (h SteerCustomerHandler) Handle(ctx context.Context, c SteerCustomer) (Done, error) {
	now := h.Clock.Now()
	return do(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx application.Tx) (query.Customer, error) {
		found, err := tx.Customers().Lock(ctx, c.Actor.SellerID, c.Handle)
		if err != nil {
			return query.Customer{}, err
		}
		step := map[CustomerStep]func(time.Time) error{ArchiveCustomer: found.Archive, RevokeArchiveCustomer: found.RevokeArchive,
			DeleteCustomer: found.Delete}[c.Step]
		if step == nil {
			return query.Customer{}, errors.New("unknown step of a customer: " + string(c.Step))
		}
		if err := step(now); err != nil {
			return query.Customer{}, err
		}
		if err := tx.Customers().Save(ctx, found); err != nil {
			return query.Customer{}, err
		}
		return query.CustomerOf(found.Snapshot()), nil
	})
}
