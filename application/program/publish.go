package program

import (
	"fmt"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	"github.com/leadmill/leadmill/domain/customer"
	"github.com/leadmill/leadmill/domain/event"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/partner"
)

// The types of internal events. They are in the log for projections; integrators never see them.
const (
	LeadDeletedType = "lead.deleted.v1"
	// PartnerClickedType is of no aggregate: ClickLog writes the event, and its subject is the click.
	PartnerClickedType = "partner.clicked.v1"
)

// LeadDeleted is the payload of lead.deleted.v1: a form lead was erased.
type LeadDeleted struct {
	LeadID         string        `json:"lead_id"`
	PartnerID      string        `json:"partner_id"`
	Number         int64         `json:"number"`          // the lead's public id, 1 or more
	PreviousStatus string        `json:"previous_status"` // where the lead's review stood
	DeletedAt      eventsv1.Time `json:"deleted_at"`
}

// PartnerClicked is the payload of partner.clicked.v1: somebody followed a partner's referral link, once or a number of times.
type PartnerClicked struct {
	PartnerID   string        `json:"partner_id"`
	ReferralKey string        `json:"referral_key"`     // the key of the link that was followed
	Clicks      int64         `json:"clicks,omitempty"` // how many times when these were more than one
	ClickedAt   eventsv1.Time `json:"clicked_at"`
}

// InternalTypes returns the types of this room's events that are in the log but not in the public contract.
func InternalTypes() []string { return []string{LeadDeletedType, PartnerClickedType} }

// Publish implements application.Translation for partners, customers, and reviews of form leads.
func Publish(e event.Event) (p application.Published, ok bool, err error) {
	switch e := e.(type) {
	case lead.Converted:
		contract, err := leadConverted(e)
		if err != nil {
			return application.Published{}, true, err
		}
		return application.PublishIfAny(contract, e.At)
	case lead.Deleted:
		p, err = application.PublishInternal(LeadDeletedType, LeadDeleted{
			LeadID: e.LeadID, PartnerID: e.PartnerID, Number: e.Number,
			PreviousStatus: string(e.PreviousReview), DeletedAt: eventsv1.UTC(e.At),
		}, e.At)
		return p, true, err
	}
	return application.PublishIfAny(contractOf(e))
}

// contractOf returns the public contract of an event, or nil for one of another room.
func contractOf(e event.Event) (eventsv1.Event, time.Time) {
	switch e := e.(type) {
	case partner.Created:
		return eventsv1.PartnerCreated{
			PartnerID: e.PartnerID, Status: string(e.Status), ReferralKey: e.ReferralKey,
			ReferringPartnerID: e.ReferringPartnerID, CreatedAt: eventsv1.UTC(e.At),
		}, e.At
	case partner.Updated:
		return eventsv1.PartnerUpdated{
			PartnerID: e.PartnerID, Status: string(e.Status),
			ReferringPartnerID: e.ReferringPartnerID, UpdatedAt: eventsv1.UTC(e.At),
		}, e.At
	case partner.Approved:
		return eventsv1.PartnerApproved{PartnerID: e.PartnerID, ApprovedAt: eventsv1.UTC(e.At)}, e.At
	case partner.Rejected:
		return eventsv1.PartnerRejected{PartnerID: e.PartnerID, RejectedAt: eventsv1.UTC(e.At)}, e.At
	case partner.Archived:
		return eventsv1.PartnerArchived{PartnerID: e.PartnerID, ArchivedAt: eventsv1.UTC(e.At)}, e.At
	case partner.Deleted:
		return eventsv1.PartnerDeleted{PartnerID: e.PartnerID, Joined: e.Joined, DeletedAt: eventsv1.UTC(e.At)}, e.At
	case partner.Invited:
		return eventsv1.PartnerInvited{PartnerID: e.PartnerID, InvitedAt: eventsv1.UTC(e.At)}, e.At
	case customer.Created:
		return eventsv1.CustomerCreated{
			CustomerID: e.CustomerID, CustomerKey: e.CustomerKey, PartnerID: e.PartnerID,
			CreatedAt: eventsv1.UTC(e.At),
		}, e.At
	case customer.Updated:
		return eventsv1.CustomerUpdated{
			CustomerID: e.CustomerID, CustomerKey: e.CustomerKey, PartnerID: e.PartnerID,
			Status: string(e.Status), UpdatedAt: eventsv1.UTC(e.At),
		}, e.At
	case customer.Attributed:
		return eventsv1.CustomerAttributed{
			CustomerID: e.CustomerID, CustomerKey: e.CustomerKey, PartnerID: e.PartnerID,
			PreviousPartnerID: e.PreviousPartnerID, Policy: e.Policy, ReferralKey: e.ReferralKey, AttributedAt: eventsv1.UTC(e.At),
		}, e.At
	case customer.Archived:
		return eventsv1.CustomerArchived{
			CustomerID: e.CustomerID, CustomerKey: e.CustomerKey, PartnerID: e.PartnerID,
			ArchivedAt: eventsv1.UTC(e.At),
		}, e.At
	case customer.Deleted:
		return eventsv1.CustomerDeleted{
			CustomerID: e.CustomerID, CustomerKey: e.CustomerKey, PartnerID: e.PartnerID,
			DeletedAt: eventsv1.UTC(e.At),
		}, e.At
	case lead.ReviewRejected:
		return eventsv1.LeadRejected{
			LeadID: e.LeadID, Origin: string(e.Origin), CampaignID: e.CampaignID, Category: e.Category,
			SellerCode: e.SellerCode, PartnerID: e.PartnerID, Code: string(lead.CodeReviewRejected), RejectedAt: eventsv1.UTC(e.At),
			SubmittedAt: eventsv1.UTC(e.SubmittedAt), PreviousStatus: string(e.PreviousReview),
			Dimensions: application.PublicDimensions(e.Dimensions),
		}, e.At
	}
	return nil, time.Time{}
}

func leadConverted(e lead.Converted) (eventsv1.LeadConverted, error) {
	currency, err := money.ParseCurrency(e.Currency)
	if err != nil {
		return eventsv1.LeadConverted{}, fmt.Errorf("currency %q of converted lead %s: %w", e.Currency, e.LeadID, err)
	}
	p := eventsv1.LeadConverted{
		LeadID: e.LeadID, Number: e.Number, Origin: string(e.Origin), CampaignID: e.CampaignID,
		Category: e.Category, SellerCode: e.SellerCode, PartnerID: e.PartnerID, CustomerID: e.CustomerID, CustomerKey: e.CustomerKey,
		Currency: e.Currency, ConvertedAt: eventsv1.UTC(e.At), SubmittedAt: eventsv1.UTC(e.SubmittedAt), PreviousStatus: string(e.PreviousReview),
	}
	if e.Amount != nil {
		p.CommissionTransactionAmount = eventsv1.Amount(e.Amount.Format(currency))
	}
	return p, nil
}
