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
}

// Handle implements bus.Handler. Errors: lead.ErrFormDisabled, partner.ErrUnknown, attribution.ErrPartnerNotActive,
// fault.ErrValidation.
func (h SubmitFormLeadHandler) Handle(ctx context.Context, c SubmitFormLead) (application.Done, error) {
	now, id := h.Clock.Now(), h.IDs.New("lead")
	personErr := c.Check()
	return application.DoOnce(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx program.Tx) (programquery.FormLead, error) {
		owner, err := tx.Sellers().Get(ctx, c.Actor.SellerID)
		if err != nil {
			return programquery.FormLead{}, err
		}
		form, err := tx.Forms().Get(ctx, c.Actor.SellerID)
		if err != nil {
			return programquery.FormLead{}, err
		}
		if !form.Enabled() {
			return programquery.FormLead{}, lead.ErrFormDisabled
		}
		answers, err := form.Answers(c.Answers)
		if err := fault.Together("", personErr, err); err != nil {
			return programquery.FormLead{}, err
		}
		number, err := tx.Numbers().Next(ctx, c.Actor.SellerID, program.FormLeads)
		if err != nil {
			return programquery.FormLead{}, err
		}
		by, err := program.FindPartner(ctx, tx.Partners().Find, c.Actor.SellerID, c.Partner, partner.ErrUnknown)
		if err != nil {
			return programquery.FormLead{}, err
		}
		if s := by.Status(); s == partner.StatusArchived || s == partner.StatusRejected {
			return programquery.FormLead{}, attribution.ErrPartnerNotActive
		}
		submission := lead.FormSubmission{
			ID: id, SellerID: c.Actor.SellerID, SellerCode: owner.Code(), PartnerID: by.ID(), Number: number,
			Name: c.Name, Email: c.Email, FormVersion: form.Version(), Answers: answers, At: now,
		}
		l, err := h.submit(ctx, tx, submission, owner.Program().LeadCampaign)
		if err != nil {
			return programquery.FormLead{}, err
		}
		if err := tx.FormLeads().Add(ctx, l); err != nil {
			return programquery.FormLead{}, err
		}
		return formLeadOf(l, by.Snapshot(), nil), nil
	})
}

// submit makes the lead. When the program names an active campaign and the lead has the fields that its rules require, the
// lead enters the market there: it is rejected, a duplicate, or pending with its claims, and reaction.MatchPending looks for
// a buyer after the commit.
func (h SubmitFormLeadHandler) submit(ctx context.Context, tx program.Tx, n lead.FormSubmission, to *seller.LeadCampaign) (*lead.Lead, error) {
	var c *campaign.Campaign
	if to != nil {
		// The campaign is not locked: this transaction, which holds the lock of the seller's lead numbers, would have to
		// wait for the campaign's batches. A change of the campaign is seen when the lead is matched.
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
		return lead.SubmitForm(n) // a lead that lacks required fields is not offered
	}
	n.Offer = &lead.Offer{CampaignID: c.ID(), Category: c.Category(), Fields: fields, Dimensions: c.Dimensions(fields)}
	l, err := lead.SubmitForm(n)
	if err != nil {
		return nil, err
	}
	if why := h.Rules.Check(l.Facts()); why != nil {
		return l, l.Reject(why, n.At)
	}
	claims := market.DedupeClaims(c, fields)
	keys := make([]market.ClaimKey, len(claims))
	for i := range claims {
		claims[i].LeadID, claims[i].ExpiresAt = n.ID, n.At.Add(c.DedupeWindow())
		keys[i] = claims[i].Key
	}
	found, err := tx.Claims().Find(ctx, keys)
	if err != nil {
		return nil, err
	}
	var fresh, over []market.Claim
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
