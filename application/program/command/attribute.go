package command

import (
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
	"github.com/leadmill/leadmill/domain/attribution"
	"github.com/leadmill/leadmill/domain/customer"
	"github.com/leadmill/leadmill/domain/partner"
	"github.com/leadmill/leadmill/domain/seller"
)

// Referral is what a request says about who brought a customer: a partner's handle, a referral URL, or both. ClickedAt is
// when the visitor followed the link; zero is the time of the request.
type Referral struct {
	Partner   application.PartnerHandle
	URL       string
	ClickedAt time.Time
}

// attributor decides within a transaction which partner a customer belongs to.
type attributor struct {
	tx       program.Tx
	policies attribution.Policies
	sellerID string
	now      time.Time
	seller   *seller.Seller
}

func (a *attributor) load(ctx context.Context) (err error) {
	a.seller, err = a.tx.Sellers().Get(ctx, a.sellerID)
	return err
}

// touch turns a Referral into a touch and its partner: partner.ErrUnknown. When it has both a handle and a URL, the handle
// names the partner, and the URL's key is recorded if that partner owns it (docs/partner-program.md).
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
	by, err := program.FindPartner(ctx, a.tx.Partners().Find, a.sellerID, handle, partner.ErrUnknown)
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

// register makes the customer if the policies attribute it. by may be nil for the lead of a partner that was deleted.
func (a *attributor) register(r customer.Registration, t attribution.Touch, by *partner.Partner) (*customer.Customer, error) {
	// The policies see the customer as it would be stored, with its email in the form that is compared.
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

// attribution returns the attribution by a touch and a policy. The touch of an operator happens at the time of the request.
func (a *attributor) attribution(t attribution.Touch, policy string) customer.Attribution {
	if t.Source == attribution.Operator {
		t.At = a.now
	}
	return customer.Attribution{PartnerID: t.PartnerID, ReferralKey: t.ReferralKey, Policy: policy, At: a.now, TouchedAt: t.At}
}

// reattribute asks the policies about a later touch of a customer. It does not ask them when the touch is by the partner
// that has the customer. stored says whether the customer must be stored, moved whether it went to another partner.
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

// confirm asks the policies whether a customer whose email changed may stay with its partner.
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

// claim makes sure that nobody else has a customer's key and, when its email is new, that nobody else has that, unless the program
// lets customers share emails. The customer then holds its email. Of two at the same time the store refuses one; what was looked
// up here keeps those that try again from colliding once more. Errors: customer.ErrKeyTaken, customer.ErrEmailTaken,
// customer.ErrTaken.
func (a *attributor) claim(ctx context.Context, c *customer.Customer, newEmail bool) error {
	key, email, err := a.tx.Customers().Taken(ctx, c)
	alone := newEmail && !a.seller.Program().SharedEmails
	switch {
	case err != nil:
		return err
	case key && email && alone:
		return customer.ErrTaken
	case key:
		return customer.ErrKeyTaken
	case email && alone:
		return customer.ErrEmailTaken
	}
	if alone {
		c.HoldEmail()
	}
	return nil
}

func (a *attributor) facts(c customer.Snapshot, t attribution.Touch, by *partner.Partner) attribution.Facts {
	program := a.seller.Program()
	f := attribution.Facts{
		SellerID: a.sellerID, CustomerID: c.ID, Touch: t, CurrentPartnerID: c.Attribution.PartnerID,
		CurrentSince: c.Attribution.At, CurrentTouchedAt: c.Attribution.TouchedAt, PartnerStatus: string(partner.StatusDeleted), CustomerEmail: c.EmailKey, CustomerTags: c.Tags, Now: a.now,
		Program: attribution.Program{LastTouch: program.LastTouch, AllowSelfReferral: program.AllowSelfReferral, Window: program.Window()},
	}
	if by != nil {
		s := by.Snapshot()
		f.PartnerStatus, f.PartnerEmail, f.PartnerTags = string(s.Status), s.EmailKey, s.Tags
	}
	return f
}

// referralKey returns the value of the program's parameter in a URL; empty when there is none.
func referralKey(referral, parameter string) string {
	u, err := url.Parse(referral)
	if err != nil {
		return ""
	}
	return u.Query().Get(parameter)
}
