package command

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/application/program"
	programquery "github.com/leadmill/leadmill/application/program/query"
	"github.com/leadmill/leadmill/domain/attribution"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/partner"
	"github.com/leadmill/leadmill/domain/seller"
)

// SubmitFormLead submits a lead through the lead form in a partner's name.
type SubmitFormLead struct {
	application.Actor

	Name, Email string
	Partner     application.PartnerHandle
	Answers     []lead.Given
	Once        application.Once[programquery.FormLead]
}

// Needs implements application.Message.
func (SubmitFormLead) Needs() application.Scope { return application.Program }

// Check returns fault.ErrValidation with the members at fault, without looking at the form, or nil.
func (c SubmitFormLead) Check() error {
	var partnerErr error
	if c.Partner == (application.PartnerHandle{}) {
		partnerErr = fault.New(fault.Invalid, fault.Required, "must have an id, a key or an email")
	}
	return fault.Together("partner", partnerErr, lead.CheckPerson(c.Name, c.Email))
}

// SubmitFormLeadHandler handles SubmitFormLead.
type SubmitFormLeadHandler struct {
	program.Deps
	Rules lead.IntakeRules
	Facts application.FactProviders
}

// Handle implements bus.Handler. Errors: lead.ErrFormDisabled, partner.ErrUnknown, attribution.ErrPartnerNotActive,
// lead.ErrRuleUnavailable, fault.ErrValidation.
func (h SubmitFormLeadHandler) Handle(ctx context.Context, c SubmitFormLead) (application.Done, error) {
	now, id := h.Clock.Now(), h.IDs.New("lead")
	outside, err := h.ask(ctx, c, id, now)
	if err != nil {
		return application.Done{}, err
	}
	return application.DoOnce(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx program.Tx) (programquery.FormLead, error) {
		d, err := h.check(ctx, tx, c, id, now)
		if err != nil {
			return programquery.FormLead{}, err
		}
		if d.Number, err = tx.Numbers().Next(ctx, c.Actor.SellerID, program.FormLeads); err != nil {
			return programquery.FormLead{}, err
		}
		l, err := h.submit(ctx, tx, d, outside)
		if err != nil {
			return programquery.FormLead{}, err
		}
		if err := tx.FormLeads().Add(ctx, l); err != nil {
			return programquery.FormLead{}, err
		}
		return formLeadOf(l, d.by.Snapshot(), nil), nil
	})
}

// ask asks the outside about a lead that will be offered to buyers, before its transaction. Without providers it does
// nothing. What is wrong with the request is told by the transaction, which also knows whether it is a replay.
func (h SubmitFormLeadHandler) ask(ctx context.Context, c SubmitFormLead, id string, now time.Time) (map[string]field.Set, error) {
	if !h.Facts.Any() {
		return nil, nil
	}
	var facts *lead.Facts
	err := h.Work.Do(ctx, func(ctx context.Context, tx program.Tx) error {
		facts = nil
		d, err := h.check(ctx, tx, c, id, now)
		if err != nil || d.Offer == nil {
			return unlessRefused(err)
		}
		l, err := lead.SubmitForm(d.FormSubmission)
		if err != nil {
			return unlessRefused(err)
		}
		f := l.Facts()
		facts = &f
		return nil
	})
	if err != nil || facts == nil {
		return nil, err
	}
	return h.Facts.Ask(ctx, *facts), nil
}

// unlessRefused returns an error that does not say what is wrong with a request; nil for one that does.
func unlessRefused(err error) error {
	if kind := fault.KindOf(err); kind == fault.Internal || kind == fault.Unavailable {
		return err
	}
	return nil
}

// draft is a form lead whose request was checked, without its number.
type draft struct {
	lead.FormSubmission

	by       *partner.Partner
	campaign *campaign.Campaign // in which the lead is offered; nil when it has no Offer
}

// check reads what a request is about and checks it. When the program names an active campaign and the lead has the fields
// that its rules require, the lead is to be offered there.
func (h SubmitFormLeadHandler) check(ctx context.Context, tx program.Tx, c SubmitFormLead, id string, now time.Time) (draft, error) {
	owner, err := tx.Sellers().Get(ctx, c.Actor.SellerID)
	if err != nil {
		return draft{}, err
	}
	form, err := tx.Forms().Get(ctx, c.Actor.SellerID)
	if err != nil {
		return draft{}, err
	}
	if !form.Enabled() {
		return draft{}, lead.ErrFormDisabled
	}
	answers, err := form.Answers(c.Answers)
	if err := fault.Together("", c.Check(), err); err != nil {
		return draft{}, err
	}
	by, err := program.FindPartner(ctx, tx.Partners().Find, c.Actor.SellerID, c.Partner, partner.ErrUnknown)
	if err != nil {
		return draft{}, err
	}
	if s := by.Status(); s == partner.StatusArchived || s == partner.StatusRejected {
		return draft{}, attribution.ErrPartnerNotActive
	}
	d := draft{by: by, FormSubmission: lead.FormSubmission{
		ID: id, SellerID: c.Actor.SellerID, SellerCode: owner.Code(), PartnerID: by.ID(),
		Name: c.Name, Email: c.Email, FormVersion: form.Version(), Answers: answers, At: now,
	}}
	to := owner.Program().LeadCampaign
	if to == nil {
		return d, nil
	}
	// The campaign is not locked: this transaction, which takes the lock of the seller's lead numbers, would have to wait for
	// the campaign's batches. A change of the campaign is seen when the lead is matched.
	found, err := tx.Campaigns().Get(ctx, d.SellerID, to.CampaignID)
	switch {
	case errors.Is(err, campaign.ErrNotFound):
		return d, nil
	case err != nil:
		return draft{}, err
	case found.Status() != campaign.StatusActive:
		return d, nil
	}
	fields, err := found.CheckFields(campaignFields(d.FormSubmission, to.Fields))
	if err != nil {
		return d, nil //nolint:nilerr // a lead that lacks required fields is taken, but not offered
	}
	d.campaign, d.Offer = found, &lead.Offer{CampaignID: found.ID(), Category: found.Category(), Fields: fields, Dimensions: found.Dimensions(fields)}
	return d, nil
}

// submit makes the lead. One with an Offer enters the market: it is rejected, a duplicate, or pending with its claims, and
// reaction.MatchPending looks for a buyer after the commit. Errors: lead.ErrRuleUnavailable.
func (h SubmitFormLeadHandler) submit(ctx context.Context, tx program.Tx, d draft, outside map[string]field.Set) (*lead.Lead, error) {
	l, err := lead.SubmitForm(d.FormSubmission)
	if err != nil || d.Offer == nil {
		return l, err
	}
	verdict, err := h.Rules.Judge(l.Facts().WithOutside(outside))
	if err != nil {
		return nil, err
	}
	if verdict.Why != nil && !verdict.Quarantine {
		return l, l.Reject(verdict.Why, d.At)
	}
	claims := market.DedupeClaims(d.campaign, d.Offer.Fields)
	keys := make([]market.ClaimRef, len(claims))
	for i := range claims {
		claims[i].LeadID, claims[i].ExpiresAt = d.ID, d.At.Add(d.campaign.DedupeWindow())
		keys[i] = claims[i].Ref()
	}
	found, _, err := tx.Claims().Find(ctx, keys, nil)
	if err != nil {
		return nil, err
	}
	var fresh, over []market.Claim
	for _, claim := range claims {
		held, exists := found[claim.Key]
		switch {
		case !exists:
			fresh = append(fresh, claim)
		case held.ExpiresAt.After(d.At):
			return l, l.MarkDuplicate(lead.ErrDuplicate, d.At)
		default:
			over = append(over, claim)
		}
	}
	if why := market.QuarantineOf(d.campaign, verdict, l.Facts().PartnerID); why != nil {
		if err := l.Quarantine(why, d.At); err != nil {
			return nil, err
		}
		return l, tx.Claims().Take(ctx, fresh, over, d.At)
	}
	if err := l.Wait(d.At.Add(max(d.campaign.PendingTTL(), shortestWait)), d.At); err != nil {
		return nil, err
	}
	return l, tx.Claims().Take(ctx, fresh, over, d.At)
}

// shortestWait is the least time a form lead waits for a buyer, so that it is offered even in a campaign with a zero pending
// time.
const shortestWait = time.Minute

// campaignFields fills a campaign's fields from a form lead.
func campaignFields(n lead.FormSubmission, mapping map[string]string) field.Set {
	first, last := splitName(n.Name)
	sources := map[string]string{
		seller.SourceName: n.Name, seller.SourceFirstName: first, seller.SourceLastName: last,
		seller.SourceEmail: n.Email,
	}
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
