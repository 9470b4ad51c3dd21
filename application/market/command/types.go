package command

import (
	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/returns"
)

// The types of commands' members. Ports must not import aggregates, so they take these types from here.
type (
	// BuyerDetails is what an operator says about a buyer. A nil member keeps the stored value.
	BuyerDetails = buyer.Details
	// Threshold is a balance below which somebody wants to know. The zero threshold is none.
	Threshold = buyer.Threshold
	// ReturnWindow is for how long a sale to a buyer can be given back. The zero window is what its campaign says.
	ReturnWindow = buyer.ReturnWindow
	// AutoApprove is the rule by which a return is approved at once. The zero rule approves none.
	AutoApprove = buyer.AutoApprove
	// Portal is what people of a buyer may do themselves. The zero Portal lets them look, and give leads back.
	Portal = buyer.Portal
	// ReturnReason says why a sale is given back.
	ReturnReason = returns.Reason
	// CampaignDefinition is what an operator says about a campaign. A nil member keeps the stored value.
	CampaignDefinition = campaign.Definition
	// DedupeRule says which leads of a campaign are duplicates of earlier ones. The zero rule is none.
	DedupeRule = campaign.Dedupe
	// Quarantine says which leads of a campaign the seller looks at before they are sold. The zero value is none.
	Quarantine = campaign.Quarantine
	// PayoutRule is the rule for what a supplier earns from a sale. The zero rule is none.
	PayoutRule = campaign.Payout
	// ContractTerms is what an operator says about a contract. A nil member keeps the stored value.
	ContractTerms = campaign.Terms
	// DeliveryTerms are what an operator says about how a contract delivers. A nil member keeps the stored value.
	DeliveryTerms = campaign.DeliveryTerms
	// DeliveryResponse says how answers of a buyer are read that is asked to confirm, by a DeliverySign for each.
	DeliveryResponse = campaign.Response
	// DeliverySign says which answers mean something.
	DeliverySign = campaign.Sign
	// BidTerms are what an operator says about how a contract's buyer is asked to bid. A nil member keeps the stored value.
	BidTerms = campaign.BidTerms
	// HeaderTerms are what an operator says about a header of a delivery. A nil value keeps the stored one.
	HeaderTerms = campaign.HeaderTerms
	// Trace tells which contracts were looked at for a lead.
	Trace = lead.Trace
	// Cap is one limit of a contract.
	Cap = campaign.Cap
)

// ErrNotAllowed says that somebody of a buyer wants what its seller has not allowed it.
var ErrNotAllowed = buyer.ErrNotAllowed

// PriceShownAs is what suppliers are shown, by its code; the command says whether there is such a code.
func PriceShownAs(code string) *campaign.PriceShown { return new(campaign.PriceShown(code)) }

// The ways to pay a supplier.
const (
	PayoutPercent = campaign.PayoutPercent
	PayoutFixed   = campaign.PayoutFixed
)

// What can become of a lead that a supplier submitted, as SubmitLeadResult.Status says it.
const (
	LeadSold      = string(lead.StatusSold)
	LeadDuplicate = string(lead.StatusDuplicate)
	LeadRejected  = string(lead.StatusRejected)
)

// Taken reports whether the lead was accepted: sold, or pending until a buyer takes it.
func (r SubmitLeadResult) Taken() bool { return r.Status != LeadDuplicate && r.Status != LeadRejected }
