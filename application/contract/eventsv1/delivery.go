package eventsv1

var deliveryEvents = []numbered{
	{54, SaleDelivered{}},
	{55, SaleDeliveryFailed{}},
}

// SaleDelivered is the data of sale.delivered.v1: the buyer of a sale was told of its lead. It may follow sale.delivery_failed.v1, or another one of
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
// The sale stays as it is.
type SaleDeliveryFailed struct {
	DeliveryID string `json:"delivery_id"` // the delivery's id
	SaleID     string `json:"sale_id"`     // the sale
	LeadID     string `json:"lead_id"`     // the lead that was sold
	CampaignID string `json:"campaign_id"` // the lead's campaign
	ContractID string `json:"contract_id"` // under which contract it was sold
	BuyerID    string `json:"buyer_id"`    // who bought it
	Attempts   int64  `json:"attempts"`    // how often it was tried
	Reason     string `json:"reason"`      // why the last attempt failed, such as refused or timeout, or why there was none, such as sale_returned
	FailedAt   Time   `json:"failed_at"`   // when it happened
}

// Type implements Event.
func (SaleDelivered) Type() string { return "sale.delivered.v1" }

// Type implements Event.
func (SaleDeliveryFailed) Type() string { return "sale.delivery_failed.v1" }
