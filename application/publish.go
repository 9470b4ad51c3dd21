package application

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/leadmill/leadmill/application/contract/eventsv1"
	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/customer"
	"github.com/leadmill/leadmill/domain/event"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/partner"
	"github.com/leadmill/leadmill/domain/seller"
)

// The types of internal events: they are in the log for projections and are never shown to integrators.
const (
	SellerCreatedType = "seller.created.v1"
	SellerUpdatedType = "seller.updated.v1"
	LeadDeletedType   = "lead.deleted.v1"
	// PartnerClickedType is of no aggregate: whoever stores the click writes the event, whose subject is the click.
	PartnerClickedType = "partner.clicked.v1"
)

var internalTypes = []string{SellerCreatedType, SellerUpdatedType, LeadDeletedType, PartnerClickedType}

// InternalTypes returns the types of events that are in the log but not in the public contract.
func InternalTypes() []string { return slices.Clone(internalTypes) }

// SellerChanged is the payload of seller.created.v1 and seller.updated.v1: what projections need to know of a seller.
type SellerChanged struct {
	SellerID   string        `json:"seller_id"`
	SellerCode string        `json:"seller_code"`
	TimeZone   string        `json:"time_zone"` // IANA name
	Currency   string        `json:"currency"`  // ISO 4217 code
	At         eventsv1.Time `json:"at"`
}

// LeadDeleted is the payload of lead.deleted.v1: a form lead was erased.
type LeadDeleted struct {
	LeadID         string        `json:"lead_id"`
	PartnerID      string        `json:"partner_id"`
	Number         int64         `json:"number"`          // the lead's public id, 1 or more
	PreviousStatus string        `json:"previous_status"` // where the lead's review stood
	DeletedAt      eventsv1.Time `json:"deleted_at"`
}

// PartnerClicked is the payload of partner.clicked.v1: somebody followed a partner's referral link.
type PartnerClicked struct {
	PartnerID   string        `json:"partner_id"`
	ReferralKey string        `json:"referral_key"` // the key of the link that was followed
	ClickedAt   eventsv1.Time `json:"clicked_at"`
}

// Translate turns a domain event into what the log keeps of it: the type and JSON of its public contract (or of an
// internal event) and when it happened, in UTC. An event without a contract is an error, so that none is lost.
func Translate(e event.Event) (typ string, payload []byte, at time.Time, err error) {
	switch e := e.(type) {
	case lead.Submitted:
		p := eventsv1.LeadSubmitted{LeadID: e.LeadID, Origin: string(e.Origin), CampaignID: e.CampaignID, Category: e.Category,
			SellerCode: e.SellerCode, PartnerID: e.PartnerID, SubmittedAt: utc(e.SubmittedAt), Number: e.Number}
		return p.Type(), p.AppendJSON(make([]byte, 0, 320)), p.SubmittedAt.Time, nil
	case lead.Sold:
		p, err := leadSold(e)
		if err != nil {
			return "", nil, time.Time{}, err
		}
		return p.Type(), p.AppendJSON(make([]byte, 0, 448+192*len(p.Sales))), p.SoldAt.Time, nil
	case lead.Converted:
		p, err := leadConverted(e)
		if err != nil {
			return "", nil, time.Time{}, err
		}
		return encode(p.Type(), p, e.At)
	case lead.Erased:
		return encode(LeadDeletedType, LeadDeleted{LeadID: e.LeadID, PartnerID: e.PartnerID, Number: e.Number,
			PreviousStatus: string(e.PreviousReview), DeletedAt: utc(e.At)}, e.At)
	case seller.Created:
		return encode(SellerCreatedType, SellerChanged{e.ID, e.Code, e.TimeZone, e.Currency, utc(e.At)}, e.At)
	case seller.Updated:
		return encode(SellerUpdatedType, SellerChanged{e.ID, e.Code, e.TimeZone, e.Currency, utc(e.At)}, e.At)
	}
	contract, at := public(e)
	if contract == nil {
		return "", nil, time.Time{}, fmt.Errorf("event %T (%s) has no contract", e, e.EventType())
	}
	return encode(contract.Type(), contract, at)
}

func encode(typ string, v any, at time.Time) (string, []byte, time.Time, error) {
	payload, err := json.Marshal(v)
	if err != nil {
		return "", nil, time.Time{}, fmt.Errorf("encode %s: %w", typ, err)
	}
	return typ, payload, at.UTC(), nil
}

// public returns the public contract of an event that is not written on the hot path, or nil.
func public(e event.Event) (eventsv1.Event, time.Time) {
	switch e := e.(type) {
	case partner.Created:
		return eventsv1.PartnerCreated{PartnerID: e.PartnerID, Status: string(e.Status), ReferralKey: e.ReferralKey,
			ReferringPartnerID: e.ReferringPartnerID, CreatedAt: utc(e.At)}, e.At
	case partner.Updated:
		return eventsv1.PartnerUpdated{PartnerID: e.PartnerID, Status: string(e.Status),
			ReferringPartnerID: e.ReferringPartnerID, UpdatedAt: utc(e.At)}, e.At
	case partner.Approved:
		return eventsv1.PartnerApproved{PartnerID: e.PartnerID, ApprovedAt: utc(e.At)}, e.At
	case partner.Rejected:
		return eventsv1.PartnerRejected{PartnerID: e.PartnerID, RejectedAt: utc(e.At)}, e.At
	case partner.Archived:
		return eventsv1.PartnerArchived{PartnerID: e.PartnerID, ArchivedAt: utc(e.At)}, e.At
	case partner.Deleted:
		return eventsv1.PartnerDeleted{PartnerID: e.PartnerID, Joined: e.Joined, DeletedAt: utc(e.At)}, e.At
	case partner.Invited:
		return eventsv1.PartnerInvited{PartnerID: e.PartnerID, InvitedAt: utc(e.At)}, e.At

	case customer.Created:
		return eventsv1.CustomerCreated{CustomerID: e.CustomerID, CustomerKey: e.CustomerKey, PartnerID: e.PartnerID,
			CreatedAt: utc(e.At)}, e.At
	case customer.Updated:
		return eventsv1.CustomerUpdated{CustomerID: e.CustomerID, CustomerKey: e.CustomerKey, PartnerID: e.PartnerID,
			Status: string(e.Status), UpdatedAt: utc(e.At)}, e.At
	case customer.Attributed:
		return eventsv1.CustomerAttributed{CustomerID: e.CustomerID, CustomerKey: e.CustomerKey, PartnerID: e.PartnerID,
			PreviousPartnerID: e.PreviousPartnerID, Policy: e.Policy, ReferralKey: e.ReferralKey, AttributedAt: utc(e.At)}, e.At
	case customer.Archived:
		return eventsv1.CustomerArchived{CustomerID: e.CustomerID, CustomerKey: e.CustomerKey, PartnerID: e.PartnerID,
			ArchivedAt: utc(e.At)}, e.At
	case customer.Deleted:
		return eventsv1.CustomerDeleted{CustomerID: e.CustomerID, CustomerKey: e.CustomerKey, PartnerID: e.PartnerID,
			DeletedAt: utc(e.At)}, e.At

	case buyer.Created:
		return eventsv1.BuyerCreated{BuyerID: e.BuyerID, CreatedAt: utc(e.At)}, e.At
	case buyer.Updated:
		return eventsv1.BuyerUpdated{BuyerID: e.BuyerID, UpdatedAt: utc(e.At)}, e.At
	case buyer.Paused:
		return eventsv1.BuyerPaused{BuyerID: e.BuyerID, PausedAt: utc(e.At)}, e.At
	case buyer.Resumed:
		return eventsv1.BuyerResumed{BuyerID: e.BuyerID, ResumedAt: utc(e.At)}, e.At
	case buyer.Funded:
		return eventsv1.BuyerFunded{BuyerID: e.BuyerID, EntryID: e.EntryID, Amount: plain(e.Amount),
			BalanceAfter: plain(e.BalanceAfter), FundedAt: utc(e.At)}, e.At
	case buyer.Withdrawn:
		return eventsv1.BuyerWithdrawn{BuyerID: e.BuyerID, EntryID: e.EntryID, Amount: plain(e.Amount),
			BalanceAfter: plain(e.BalanceAfter), WithdrawnAt: utc(e.At)}, e.At

	case campaign.Created:
		return eventsv1.CampaignCreated{CampaignID: e.CampaignID, Category: e.Category, Status: string(e.Status),
			CreatedAt: utc(e.At)}, e.At
	case campaign.Updated:
		return eventsv1.CampaignUpdated{CampaignID: e.CampaignID, Category: e.Category, UpdatedAt: utc(e.At)}, e.At
	case campaign.Paused:
		return eventsv1.CampaignPaused{CampaignID: e.CampaignID, Category: e.Category, PausedAt: utc(e.At)}, e.At
	case campaign.Resumed:
		return eventsv1.CampaignResumed{CampaignID: e.CampaignID, Category: e.Category, ResumedAt: utc(e.At)}, e.At
	case campaign.Archived:
		return eventsv1.CampaignArchived{CampaignID: e.CampaignID, Category: e.Category, ArchivedAt: utc(e.At)}, e.At

	case campaign.ContractCreated:
		return eventsv1.ContractCreated{CampaignID: e.CampaignID, ContractID: e.ContractID, BuyerID: e.BuyerID,
			Status: string(e.Status), Price: plain(e.Price), CreatedAt: utc(e.At)}, e.At
	case campaign.ContractUpdated:
		return eventsv1.ContractUpdated{CampaignID: e.CampaignID, ContractID: e.ContractID, BuyerID: e.BuyerID,
			Price: plain(e.Price), UpdatedAt: utc(e.At)}, e.At
	case campaign.ContractPaused:
		return eventsv1.ContractPaused{CampaignID: e.CampaignID, ContractID: e.ContractID, BuyerID: e.BuyerID,
			PausedAt: utc(e.At)}, e.At
	case campaign.ContractResumed:
		return eventsv1.ContractResumed{CampaignID: e.CampaignID, ContractID: e.ContractID, BuyerID: e.BuyerID,
			ResumedAt: utc(e.At)}, e.At
	case campaign.ContractDeleted:
		return eventsv1.ContractDeleted{CampaignID: e.CampaignID, ContractID: e.ContractID, BuyerID: e.BuyerID,
			DeletedAt: utc(e.At)}, e.At

	case lead.Pending:
		return eventsv1.LeadPending{LeadID: e.LeadID, Origin: string(e.Origin), CampaignID: e.CampaignID, Category: e.Category,
			SellerCode: e.SellerCode, PartnerID: e.PartnerID, PendingUntil: utc(e.Until), PendingAt: utc(e.At),
			SubmittedAt: utc(e.SubmittedAt), PreviousStatus: string(e.PreviousStatus)}, e.At
	case lead.Duplicate:
		return eventsv1.LeadDuplicate{LeadID: e.LeadID, Origin: string(e.Origin), CampaignID: e.CampaignID, Category: e.Category,
			SellerCode: e.SellerCode, PartnerID: e.PartnerID, Code: string(e.Code), DuplicateAt: utc(e.At),
			SubmittedAt: utc(e.SubmittedAt), PreviousStatus: string(e.PreviousStatus)}, e.At
	case lead.Rejected:
		return eventsv1.LeadRejected{LeadID: e.LeadID, Origin: string(e.Origin), CampaignID: e.CampaignID, Category: e.Category,
			SellerCode: e.SellerCode, PartnerID: e.PartnerID, Code: string(e.Code), RejectedAt: utc(e.At),
			SubmittedAt: utc(e.SubmittedAt), PreviousStatus: string(e.PreviousStatus)}, e.At
	case lead.ReviewRejected:
		return eventsv1.LeadRejected{LeadID: e.LeadID, Origin: string(e.Origin), CampaignID: e.CampaignID, Category: e.Category,
			SellerCode: e.SellerCode, PartnerID: e.PartnerID, Code: string(lead.CodeReviewRejected), RejectedAt: utc(e.At),
			SubmittedAt: utc(e.SubmittedAt), PreviousStatus: string(e.PreviousReview)}, e.At
	case lead.Unsold:
		return eventsv1.LeadUnsold{LeadID: e.LeadID, Origin: string(e.Origin), CampaignID: e.CampaignID, Category: e.Category,
			SellerCode: e.SellerCode, PartnerID: e.PartnerID, UnsoldAt: utc(e.At),
			SubmittedAt: utc(e.SubmittedAt), PreviousStatus: string(e.PreviousStatus)}, e.At
	}
	return nil, time.Time{}
}

func leadSold(e lead.Sold) (eventsv1.LeadSold, error) {
	if len(e.Sales) == 0 {
		return eventsv1.LeadSold{}, fmt.Errorf("event lead.sold of %s has no sales", e.LeadID)
	}
	sales := make([]eventsv1.Sale, len(e.Sales))
	var currency money.Currency
	for i, s := range e.Sales {
		if i == 0 || currency.Code() != s.Currency {
			c, err := money.ParseCurrency(s.Currency)
			if err != nil {
				return eventsv1.LeadSold{}, fmt.Errorf("currency %q of sale %s: %w", s.Currency, s.ID, err)
			}
			if i > 0 {
				return eventsv1.LeadSold{}, fmt.Errorf("sales of %s are in %s and %s", e.LeadID, currency, c)
			}
			currency = c
		}
		sales[i] = eventsv1.Sale{SaleID: s.ID, BuyerID: s.BuyerID, ContractID: s.ContractID,
			Price: eventsv1.Amount(s.Price.Format(currency)), Currency: s.Currency}
	}
	return eventsv1.LeadSold{LeadID: e.LeadID, Origin: string(e.Origin), CampaignID: e.CampaignID, Category: e.Category,
		SellerCode: e.SellerCode, PartnerID: e.PartnerID, Sales: sales, Payout: eventsv1.Amount(e.Payout.Format(currency)),
		SoldAt: utc(e.At), SubmittedAt: utc(e.SubmittedAt), PreviousStatus: string(e.PreviousStatus)}, nil
}

func leadConverted(e lead.Converted) (eventsv1.LeadConverted, error) {
	currency, err := money.ParseCurrency(e.Currency)
	if err != nil {
		return eventsv1.LeadConverted{}, fmt.Errorf("currency %q of converted lead %s: %w", e.Currency, e.LeadID, err)
	}
	p := eventsv1.LeadConverted{LeadID: e.LeadID, Number: e.Number, Origin: string(e.Origin), CampaignID: e.CampaignID,
		Category: e.Category, SellerCode: e.SellerCode, PartnerID: e.PartnerID, CustomerID: e.CustomerID, CustomerKey: e.CustomerKey,
		Currency: e.Currency, ConvertedAt: utc(e.At), SubmittedAt: utc(e.SubmittedAt), PreviousStatus: string(e.PreviousReview)}
	if e.Amount != nil {
		p.CommissionTransactionAmount = eventsv1.Amount(e.Amount.Format(currency))
	}
	return p, nil
}

func utc(t time.Time) eventsv1.Time { return eventsv1.Time{Time: t.UTC()} }

var twoDecimals = money.MustCurrency("USD")

// plain writes an amount whose currency the event does not know: exactly, with two decimals or as many more as it needs.
func plain(m money.Micros) eventsv1.Amount { return eventsv1.Amount(m.Format(twoDecimals)) }
