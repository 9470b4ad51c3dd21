package command

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/query"
	"github.com/leadmill/leadmill/domain/attribution"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/customer"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/partner"
	"github.com/leadmill/leadmill/domain/seller"
)

// UpdateLeadForm changes what the actor's seller asks about leads. Leads keep the questions they were asked.
type UpdateLeadForm struct {
	application.Actor

	Change lead.FormChange
	Once   Once[query.LeadForm]
}

// UpdateLeadFormHandler handles UpdateLeadForm.
type UpdateLeadFormHandler struct{ Deps }

// Handle implements bus.Handler. Errors: validation.
func (h UpdateLeadFormHandler) Handle(ctx context.Context, c UpdateLeadForm) (Done, error) {
	return do(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx application.Tx) (query.LeadForm, error) {
		if _, err := tx.Sellers().Lock(ctx, c.Actor.SellerID); err != nil {
			return query.LeadForm{}, err
		}
		f, err := tx.Forms().Get(ctx, c.Actor.SellerID)
		if err != nil {
			return query.LeadForm{}, err
		}
		if err := f.Update(c.Change); err != nil {
			return query.LeadForm{}, err
		}
		if err := tx.Forms().Save(ctx, f); err != nil {
			return query.LeadForm{}, err
		}
		return query.LeadForm{FormSnapshot: f.Snapshot()}, nil
	})
}

// SubmitFormLead submits a lead of the form in a partner's name.
type SubmitFormLead struct {
	application.Actor

	Name, Email string
	Partner     application.PartnerHandle
	Answers     []lead.Given
	Once        Once[query.FormLead]
}

// Check returns which members are at fault whatever the form asks.
func (c SubmitFormLead) Check() error {
	var partnerErr error
	if c.Partner == (application.PartnerHandle{}) {
		partnerErr = fault.New(fault.Invalid, fault.Required, "must have an id, a key or an email")
	}
	return together("partner", partnerErr, lead.CheckPerson(c.Name, c.Email))
}

// SubmitFormLeadHandler handles SubmitFormLead.
type SubmitFormLeadHandler struct {
	Deps
	Rules lead.IntakeRules
}

// shortestWait is how long a form lead waits for a buyer at least, so that it is offered also in a campaign whose leads do
// not wait.
const shortestWait = time.Minute

// Handle implements bus.Handler. Errors: lead.ErrFormDisabled, partner.ErrUnknown, attribution.ErrPartnerNotActive,
// validation.
func (h SubmitFormLeadHandler) Handle(ctx context.Context, c SubmitFormLead) (Done, error) {
	now, id := h.Clock.Now(), h.IDs.New("lead")
	personErr := c.Check()
	return do(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx application.Tx) (query.FormLead, error) {
		owner, err := tx.Sellers().Get(ctx, c.Actor.SellerID)
		if err != nil {
			return query.FormLead{}, err
		}
		form, err := tx.Forms().Get(ctx, c.Actor.SellerID)
		if err != nil {
			return query.FormLead{}, err
		}
		if !form.Enabled() {
			return query.FormLead{}, lead.ErrFormDisabled
		}
		answers, err := form.Answers(c.Answers)
		if err := together("", personErr, err); err != nil {
			return query.FormLead{}, err
		}
		number, err := tx.Numbers().Next(ctx, c.Actor.SellerID, application.FormLeads)
		if err != nil {
			return query.FormLead{}, err
		}
		by, err := findPartner(ctx, tx.Partners().Find, c.Actor.SellerID, c.Partner, partner.ErrUnknown)
		if err != nil {
			return query.FormLead{}, err
		}
		if s := by.Status(); s == partner.StatusArchived || s == partner.StatusRejected {
			return query.FormLead{}, attribution.ErrPartnerNotActive
		}
		submission := lead.FormSubmission{ID: id, SellerID: c.Actor.SellerID, SellerCode: owner.Code(), PartnerID: by.ID(), Number: number,
			Name: c.Name, Email: c.Email, FormVersion: form.Version(), Answers: answers, At: now}
		l, err := h.submit(ctx, tx, submission, owner.Program().LeadCampaign)
		if err != nil {
			return query.FormLead{}, err
		}
		if err := tx.Leads().AddForm(ctx, l); err != nil {
			return query.FormLead{}, err
		}
		return formLeadOf(l, by.Snapshot(), nil), nil
	})
}

// submit makes the lead and, when the program names a campaign that takes it, offers it there: it waits as a supplier's lead
// that no buyer took does, with its duplicate claims, and is matched a moment later.
func (h SubmitFormLeadHandler) submit(ctx context.Context, tx application.Tx, n lead.FormSubmission, to *seller.LeadCampaign) (*lead.Lead, error) {
	var c *campaign.Campaign
	if to != nil {
		// Not locked: it would wait behind every batch of the campaign, and all form leads of the seller behind that. What
		// happens to the campaign meanwhile is seen when the lead is matched.
		var err error
		if c, err = tx.Campaigns().Get(ctx, n.SellerID, to.CampaignID); err != nil && !errors.Is(err, campaign.ErrNotFound) {
			return nil, err
		}
	}
	if c == nil || c.Status() != campaign.StatusActive {
		return lead.SubmitForm(n)
	}
	fields, err := c.CheckFields(campaignFields(n, to.Fields))
	if err != nil {
		return lead.SubmitForm(n) // without all its required fields a lead is not offered
	}
	n.Offer = &lead.Offer{CampaignID: c.ID(), Category: c.Category(), Fields: fields}
	l, err := lead.SubmitForm(n)
	if err != nil {
		return nil, err
	}
	if why := h.Rules.Check(l.Facts()); why != nil {
		return l, l.Reject(why, n.At)
	}
	claims := dedupeClaims(c, fields)
	keys := make([]application.ClaimKey, len(claims))
	for i := range claims {
		claims[i].LeadID, claims[i].ExpiresAt = n.ID, n.At.Add(c.DedupeWindow())
		keys[i] = claims[i].Key
	}
	found, err := tx.Claims().Find(ctx, keys)
	if err != nil {
		return nil, err
	}
	var fresh, over []application.Claim
	for _, claim := range claims {
		held, exists := found[claim.Key]
		switch {
		case !exists:
			fresh = append(fresh, claim)
		case held.ExpiresAt.After(n.At):
			return l, l.MarkDuplicate(lead.ErrDuplicate, n.At)
		default:
			over = append(over, claim)
		}
	}
	if err := l.Wait(n.At.Add(max(c.PendingTTL(), shortestWait)), n.At); err != nil {
		return nil, err
	}
	return l, tx.Claims().Take(ctx, fresh, over, n.At)
}

// campaignFields fills a campaign's fields from a form lead.
func campaignFields(n lead.FormSubmission, mapping map[string]string) field.Set {
	first, last := splitName(n.Name)
	sources := map[string]string{seller.SourceName: n.Name, seller.SourceFirstName: first, seller.SourceLastName: last,
		seller.SourceEmail: n.Email}
	for _, a := range n.Answers {
		sources[strconv.FormatInt(a.ID, 10)] = a.Answer
	}
	fields := field.Set{}
	for name, source := range mapping {
		if value := sources[source]; value != "" {
			fields[name] = field.TextValue(value)
		}
	}
	return fields
}

// splitName parts a name at its first space.
func splitName(name string) (first, last string) {
	first, last, _ = strings.Cut(strings.TrimSpace(name), " ")
	return first, strings.TrimSpace(last)
}

func formLeadOf(l *lead.Lead, by partner.Snapshot, to *customer.Customer) query.FormLead {
	r := l.Review()
	f := query.FormLead{Number: r.Number, LeadID: l.ID(), Status: string(r.Status), Name: r.Name, Email: r.Email, Answers: r.Answers,
		Submitter:    query.Person{ID: l.PartnerID(), Name: strings.TrimSpace(by.Name + " " + by.Surname), Email: by.Email},
		MarketStatus: string(l.Status()), CreatedAt: l.CreatedAt()}
	if to != nil {
		s := to.Snapshot()
		f.ConvertedTo = &query.Person{ID: s.Key, Name: strings.TrimSpace(s.Name + " " + s.Surname), Email: s.Email}
	}
	return f
}

// ConvertLead makes a customer of a form lead, attributed to the partner that submitted it.
type ConvertLead struct {
	application.Actor

	Number int64
	Amount *money.Micros // what the customer is worth, kept for commissions; in the seller's currency
	Once   Once[query.FormLead]
}

// ConvertLeadHandler handles ConvertLead.
type ConvertLeadHandler struct {
	Deps
	Secrets  application.Secrets
	Policies attribution.Policies
}

// Handle implements bus.Handler. Errors: lead.ErrNotFound, lead.ErrConverted, lead.ErrReviewRejected, refusals of attribution
// policies.
func (h ConvertLeadHandler) Handle(ctx context.Context, c ConvertLead) (Done, error) {
	now := h.Clock.Now()
	r := customer.Registration{SellerID: c.Actor.SellerID, ID: h.IDs.New("customer"), Key: shortSecret(h.Secrets)}
	return do(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx application.Tx) (query.FormLead, error) {
		a := attributor{tx: tx, policies: h.Policies, sellerID: c.Actor.SellerID, now: now}
		if err := a.load(ctx); err != nil {
			return query.FormLead{}, err
		}
		l, err := tx.Leads().LockByNumber(ctx, c.Actor.SellerID, c.Number)
		if err != nil {
			return query.FormLead{}, err
		}
		// Decided on a copy first: a lead that is converted already must not be told of by an attribution policy.
		if err := lead.FromSnapshot(l.Snapshot()).Convert(r.ID, r.Key, c.Amount, a.seller.Currency(), now); err != nil {
			return query.FormLead{}, err
		}
		by, err := submitter(ctx, tx, l)
		if err != nil {
			return query.FormLead{}, err
		}
		r := r
		review := l.Review()
		r.Email = review.Email
		r.Name, r.Surname = splitName(review.Name)
		registered, err := a.register(r, attribution.Touch{Source: attribution.Lead, PartnerID: l.PartnerID(), At: l.CreatedAt()}, by)
		if err != nil {
			return query.FormLead{}, err
		}
		if err := tx.Customers().Add(ctx, registered); err != nil {
			return query.FormLead{}, err
		}
		if err := l.Convert(registered.ID(), registered.PublicKey(), c.Amount, a.seller.Currency(), now); err != nil {
			return query.FormLead{}, err
		}
		if err := tx.Leads().SaveReview(ctx, l); err != nil {
			return query.FormLead{}, err
		}
		return formLeadOf(l, snapshotOf(by), registered), nil
	})
}

// submitter returns the partner that submitted a lead; nil when it was deleted since.
func submitter(ctx context.Context, tx application.Tx, l *lead.Lead) (*partner.Partner, error) {
	by, err := tx.Partners().Find(ctx, l.SellerID(), application.PartnerHandle{ID: l.PartnerID()})
	if errors.Is(err, partner.ErrNotFound) {
		return nil, nil
	}
	return by, err
}

func snapshotOf(p *partner.Partner) partner.Snapshot {
	if p == nil {
		return partner.Snapshot{}
	}
	return p.Snapshot()
}

// RejectLead turns a form lead down.
type RejectLead struct {
	application.Actor

	Number int64
	Once   Once[query.FormLead]
}

// RejectLeadHandler handles RejectLead.
type RejectLeadHandler struct{ Deps }

// Handle implements bus.Handler. Errors: lead.ErrNotFound, lead.ErrConverted, lead.ErrReviewRejected.
func (h RejectLeadHandler) Handle(ctx context.Context, c RejectLead) (Done, error) {
	now := h.Clock.Now()
	return do(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx application.Tx) (query.FormLead, error) {
		l, err := tx.Leads().LockByNumber(ctx, c.Actor.SellerID, c.Number)
		if err != nil {
			return query.FormLead{}, err
		}
		if err := l.RejectReview(now); err != nil {
			return query.FormLead{}, err
		}
		by, err := submitter(ctx, tx, l)
		if err != nil {
			return query.FormLead{}, err
		}
		return formLeadOf(l, snapshotOf(by), nil), tx.Leads().SaveReview(ctx, l)
	})
}

// DeleteLead takes a form lead out of every list and erases what is personal of it.
type DeleteLead struct {
	application.Actor

	Number int64
	Once   Once[struct{}]
}

// DeleteLeadHandler handles DeleteLead.
type DeleteLeadHandler struct{ Deps }

// Handle implements bus.Handler. Errors: lead.ErrNotFound.
func (h DeleteLeadHandler) Handle(ctx context.Context, c DeleteLead) (Done, error) {
	now := h.Clock.Now()
	return do(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx application.Tx) (struct{}, error) {
		l, err := tx.Leads().LockByNumber(ctx, c.Actor.SellerID, c.Number)
		if err != nil {
			return struct{}{}, err
		}
		if err := l.Erase(now); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, tx.Leads().SaveReview(ctx, l)
	})
}
