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

// Referral is how a request says who brought a customer: a partner by a handle, a referral URL, or both. ClickedAt is when
// the visitor came by the link; zero is now.
type Referral struct {
	Partner   application.PartnerHandle
	URL       string
	ClickedAt time.Time
}

// attributor decides within a transaction whose customer somebody is.
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

// touch turns what a request says into a touch and its partner: partner.ErrUnknown. When a partner and a URL are given the
// partner decides, and the URL's key is recorded if it is that partner's (docs/partner-program.md).
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
