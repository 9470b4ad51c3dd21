package eventsv1

var returnEvents = []numbered{
	{45, ReturnRequested{}},
	{46, ReturnApproved{}},
	{47, ReturnRejected{}},
}

// ReturnRequested is the data of return.requested.v1: a buyer wants to give a sale back. Nothing is paid back yet.
type ReturnRequested struct {
	LeadID      string     `json:"lead_id"`              // the lead's id
	ReturnID    string     `json:"return_id"`            // the return's id
	SaleID      string     `json:"sale_id"`              // the sale that is given back
	Origin      string     `json:"origin"`               // how the lead arrived, such as supplier or form
	CampaignID  string     `json:"campaign_id"`          // the lead's campaign
	Category    string     `json:"category"`             // the campaign's category
	SellerCode  string     `json:"seller_code"`          // the seller's code
	PartnerID   string     `json:"partner_id"`           // who supplied the lead
	ContractID  string     `json:"contract_id"`          // under which contract it was sold
	BuyerID     string     `json:"buyer_id"`             // who bought it
	Reason      string     `json:"reason"`               // why it is given back, such as duplicate or invalid_contact
	Price       Amount     `json:"price"`                // what the buyer paid, in currency
	Payout      Amount     `json:"payout"`               // what the supplier earned for the sale, in currency
	Currency    string     `json:"currency"`             // ISO 4217 code
	SoldAt      Time       `json:"sold_at"`              // when it was sold
	SubmittedAt Time       `json:"submitted_at"`         // when the lead was submitted
	RequestedAt Time       `json:"requested_at"`         // when it happened
	Dimensions  Dimensions `json:"dimensions,omitempty"` // facts about the lead that are not personal, such as its state; absent when there are none
}

// ReturnApproved is the data of return.approved.v1: a sale was given back. Its price was credited to the buyer, and its supplier earns nothing of it.
type ReturnApproved struct {
	LeadID      string     `json:"lead_id"`              // the lead's id
	ReturnID    string     `json:"return_id"`            // the return's id
	SaleID      string     `json:"sale_id"`              // the sale that is given back
	Origin      string     `json:"origin"`               // how the lead arrived, such as supplier or form
	CampaignID  string     `json:"campaign_id"`          // the lead's campaign
	Category    string     `json:"category"`             // the campaign's category
	SellerCode  string     `json:"seller_code"`          // the seller's code
	PartnerID   string     `json:"partner_id"`           // who supplied the lead
	ContractID  string     `json:"contract_id"`          // under which contract it was sold
	BuyerID     string     `json:"buyer_id"`             // who bought it
	Reason      string     `json:"reason"`               // why it is given back, such as duplicate or invalid_contact
	Price       Amount     `json:"price"`                // what the buyer paid, in currency
	Payout      Amount     `json:"payout"`               // what the supplier earned for the sale, in currency
	Currency    string     `json:"currency"`             // ISO 4217 code
	LeadPayout  Amount     `json:"lead_payout"`          // what is left to the supplier for the lead's other sales, in currency
	EntryID     string     `json:"entry_id"`             // the ledger entry of the credit
	Automatic   bool       `json:"automatic"`            // whether a rule approved it
	SoldAt      Time       `json:"sold_at"`              // when it was sold
	SubmittedAt Time       `json:"submitted_at"`         // when the lead was submitted
	RequestedAt Time       `json:"requested_at"`         // when the return was asked for
	ApprovedAt  Time       `json:"approved_at"`          // when it happened
	Dimensions  Dimensions `json:"dimensions,omitempty"` // facts about the lead that are not personal, such as its state; absent when there are none
}

// ReturnRejected is the data of return.rejected.v1: a return was refused. The sale stays as it was.
type ReturnRejected struct {
	LeadID      string     `json:"lead_id"`              // the lead's id
	ReturnID    string     `json:"return_id"`            // the return's id
	SaleID      string     `json:"sale_id"`              // the sale that is given back
	Origin      string     `json:"origin"`               // how the lead arrived, such as supplier or form
	CampaignID  string     `json:"campaign_id"`          // the lead's campaign
	Category    string     `json:"category"`             // the campaign's category
	SellerCode  string     `json:"seller_code"`          // the seller's code
	PartnerID   string     `json:"partner_id"`           // who supplied the lead
	ContractID  string     `json:"contract_id"`          // under which contract it was sold
	BuyerID     string     `json:"buyer_id"`             // who bought it
	Reason      string     `json:"reason"`               // why it is given back, such as duplicate or invalid_contact
	Price       Amount     `json:"price"`                // what the buyer paid, in currency
	Payout      Amount     `json:"payout"`               // what the supplier earned for the sale, in currency
	Currency    string     `json:"currency"`             // ISO 4217 code
	SoldAt      Time       `json:"sold_at"`              // when it was sold
	SubmittedAt Time       `json:"submitted_at"`         // when the lead was submitted
	RequestedAt Time       `json:"requested_at"`         // when the return was asked for
	RejectedAt  Time       `json:"rejected_at"`          // when it happened
	Dimensions  Dimensions `json:"dimensions,omitempty"` // facts about the lead that are not personal, such as its state; absent when there are none
}

// LeadReturned is the data of lead.returned.v1: all sales of the lead were given back.
type LeadReturned struct {
	LeadID         string     `json:"lead_id"`              // the lead's id
	Origin         string     `json:"origin"`               // how the lead arrived, such as supplier or form
	CampaignID     string     `json:"campaign_id"`          // the lead's campaign
	Category       string     `json:"category"`             // the campaign's category
	SellerCode     string     `json:"seller_code"`          // the seller's code
	PartnerID      string     `json:"partner_id"`           // who supplied the lead
	ReturnedAt     Time       `json:"returned_at"`          // when it happened
	SubmittedAt    Time       `json:"submitted_at"`         // when the lead was submitted
	PreviousStatus string     `json:"previous_status"`      // where the lead stood before: sold
	Dimensions     Dimensions `json:"dimensions,omitempty"` // facts about the lead that are not personal, such as its state; absent when there are none
}

// Type implements Event.
func (ReturnRequested) Type() string { return "return.requested.v1" }

// Type implements Event.
func (ReturnApproved) Type() string { return "return.approved.v1" }

// Type implements Event.
func (ReturnRejected) Type() string { return "return.rejected.v1" }

// Type implements Event.
func (LeadReturned) Type() string { return "lead.returned.v1" }
