package eventsv1

var deliveryEvents = []numbered{
	{54, SaleDelivered{}},
	{55, SaleDeliveryFailed{}},
	{56, SaleReleased{}},
}

// SaleDelivered is the data of sale.delivered.v1: the buyer of a sale was told of its lead, or confirmed that it takes it. It may follow sale.delivery_failed.v1, or another one of
// itself, when an operator had the sale delivered again.
type SaleDelivered struct {
	DeliveryID  string `json:"delivery_id"`  // the delivery's id, which the receiver knows as webhook-id
	SaleID      string `json:"sale_id"`      // the sale
	LeadID      string `json:"lead_id"`      // the lead that was sold
	CampaignID  string `json:"campaign_id"`  // the lead's campaign
	ContractID  string `json:"contract_id"`  // under which contract it was sold
	BuyerID     string `json:"buyer_id"`     // who bought it
	Attempts    int64  `json:"attempts"`     // how often it was tried
	DeliveredAt Time   `json:"delivered_at"` // when it happened
}

// SaleDeliveryFailed is the data of sale.delivery_failed.v1: the buyer of a sale could not be told of its lead, and it is not tried again by itself.
// The sale stays as it is. Of a sale that was to be confirmed it says that the buyer did not take the lead: there is no sale.
type SaleDeliveryFailed struct {
	DeliveryID string `json:"delivery_id"` // the delivery's id
	SaleID     string `json:"sale_id"`     // the sale
	LeadID     string `json:"lead_id"`     // the lead that was sold
	CampaignID string `json:"campaign_id"` // the lead's campaign
	ContractID string `json:"contract_id"` // under which contract it was sold
	BuyerID    string `json:"buyer_id"`    // who bought it
	Attempts   int64  `json:"attempts"`    // how often it was tried
	Reason     string `json:"reason"`      // why the last attempt failed, such as refused, timeout or buyer_rejected, or why there was none, such as sale_returned
	FailedAt   Time   `json:"failed_at"`   // when it happened
}

// SaleReleased is the data of sale.released.v1: a sale that was to be confirmed is not made, and what was held of it is given back. The lead stays
// pending, is sold to others or becomes unsold, of which other events tell.
type SaleReleased struct {
	LeadID      string     `json:"lead_id"`              // the lead
	Origin      string     `json:"origin"`               // how the lead arrived, such as supplier or form
	CampaignID  string     `json:"campaign_id"`          // the lead's campaign
	Category    string     `json:"category"`             // the campaign's category
	SellerCode  string     `json:"seller_code"`          // the seller's code
	PartnerID   string     `json:"partner_id"`           // who supplied the lead
	SaleID      string     `json:"sale_id"`              // the sale that is not made
	ContractID  string     `json:"contract_id"`          // under which contract it was to be
	BuyerID     string     `json:"buyer_id"`             // who was asked, or would have bought the lead beside who was
	Price       Amount     `json:"price"`                // what was held of the buyer's account
	Currency    string     `json:"currency"`             // currency of price
	Reason      string     `json:"reason"`               // buyer_rejected, buyer_duplicate, why the last attempt failed, such as timeout, buyer_not_asked without one, below_quote, or lead_erased
	ReleasedAt  Time       `json:"released_at"`          // when it happened
	SubmittedAt Time       `json:"submitted_at"`         // when the lead was submitted
	Dimensions  Dimensions `json:"dimensions,omitempty"` // facts about the lead that are not personal, such as its state; absent when there are none
}

// Type implements Event.
func (SaleReleased) Type() string { return "sale.released.v1" }

// Type implements Event.
func (SaleDelivered) Type() string { return "sale.delivered.v1" }

// Type implements Event.
func (SaleDeliveryFailed) Type() string { return "sale.delivery_failed.v1" }
