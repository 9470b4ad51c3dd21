package eventsv1

import "strconv"

var leadEvents = []numbered{
	{28, LeadSubmitted{}},
	{29, LeadPending{}},
	{30, LeadSold{}},
	{31, LeadDuplicate{}},
	{32, LeadRejected{}},
	{33, LeadUnsold{}},
	{42, LeadQuarantined{}},
	{34, LeadConverted{}},
	{39, LeadErased{}},
	{48, LeadReturned{}},
	{53, LeadPriceChanged{}},
}

// LeadSubmitted is the data of lead.submitted.v1: a supplier sent a lead, or a partner one through the seller's lead form.
// What becomes of it is told by further events.
type LeadSubmitted struct {
	LeadID      string     `json:"lead_id"`              // the lead's id
	Origin      string     `json:"origin"`               // how the lead arrived, such as supplier or form
	CampaignID  string     `json:"campaign_id"`          // the lead's campaign; empty for a form lead that is not offered to buyers
	Category    string     `json:"category"`             // the campaign's category; empty without a campaign
	SellerCode  string     `json:"seller_code"`          // the seller's code
	PartnerID   string     `json:"partner_id"`           // who supplied the lead
	SubmittedAt Time       `json:"submitted_at"`         // when it happened
	Number      int64      `json:"number,omitempty"`     // a form lead's public id, counted per seller; absent for other leads
	Dimensions  Dimensions `json:"dimensions,omitempty"` // facts about the lead that are not personal, such as its state; absent when there are none
}

// LeadPending is the data of lead.pending.v1: no buyer takes the lead now; it waits.
type LeadPending struct {
	LeadID         string     `json:"lead_id"`              // the lead's id
	Origin         string     `json:"origin"`               // how the lead arrived, such as supplier or form
	CampaignID     string     `json:"campaign_id"`          // the lead's campaign
	Category       string     `json:"category"`             // the campaign's category
	SellerCode     string     `json:"seller_code"`          // the seller's code
	PartnerID      string     `json:"partner_id"`           // who supplied the lead
	PendingUntil   Time       `json:"pending_until"`        // when its time runs out
	PendingAt      Time       `json:"pending_at"`           // when it happened
	SubmittedAt    Time       `json:"submitted_at"`         // when the lead was submitted
	PreviousStatus string     `json:"previous_status"`      // where the lead stood before; received when it was new
	Dimensions     Dimensions `json:"dimensions,omitempty"` // facts about the lead that are not personal, such as its state; absent when there are none
}

// LeadSold is the data of lead.sold.v1: the lead was sold to one or more buyers.
type LeadSold struct {
	LeadID         string     `json:"lead_id"`              // the lead's id
	Origin         string     `json:"origin"`               // how the lead arrived, such as supplier or form
	CampaignID     string     `json:"campaign_id"`          // the lead's campaign
	Category       string     `json:"category"`             // the campaign's category
	SellerCode     string     `json:"seller_code"`          // the seller's code
	PartnerID      string     `json:"partner_id"`           // who supplied the lead
	Sales          []Sale     `json:"sales"`                // the lead's sales, at least one
	Payout         Amount     `json:"payout"`               // what the supplier earns for all sales together, in their currency
	SoldAt         Time       `json:"sold_at"`              // when it happened
	SubmittedAt    Time       `json:"submitted_at"`         // when the lead was submitted
	PreviousStatus string     `json:"previous_status"`      // where the lead stood before: received when it was new, pending, or unsold or returned when it was offered again
	Dimensions     Dimensions `json:"dimensions,omitempty"` // facts about the lead that are not personal, such as its state; absent when there are none
}

// Sale is one lead sold under one contract.
type Sale struct {
	SaleID     string `json:"sale_id"`          // the sale's id
	BuyerID    string `json:"buyer_id"`         // who bought
	ContractID string `json:"contract_id"`      // under which contract
	Price      Amount `json:"price"`            // what the buyer pays, in currency
	Currency   string `json:"currency"`         // ISO 4217 code
	Payout     Amount `json:"payout,omitempty"` // what the supplier earns for this sale, in currency; absent from the only sale of a lead, which earns the lead's payout
}

// LeadDuplicate is the data of lead.duplicate.v1: the lead is somebody who is known already.
type LeadDuplicate struct {
	LeadID         string     `json:"lead_id"`              // the lead's id
	Origin         string     `json:"origin"`               // how the lead arrived, such as supplier or form
	CampaignID     string     `json:"campaign_id"`          // the lead's campaign
	Category       string     `json:"category"`             // the campaign's category
	SellerCode     string     `json:"seller_code"`          // the seller's code
	PartnerID      string     `json:"partner_id"`           // who supplied the lead
	Code           string     `json:"code"`                 // the rule by which it is a duplicate
	DuplicateAt    Time       `json:"duplicate_at"`         // when it happened
	SubmittedAt    Time       `json:"submitted_at"`         // when the lead was submitted
	PreviousStatus string     `json:"previous_status"`      // where the lead stood before; received when it was new
	Dimensions     Dimensions `json:"dimensions,omitempty"` // facts about the lead that are not personal, such as its state; absent when there are none
}

// LeadRejected is the data of lead.rejected.v1: a rule refused the lead, or the seller rejected a form lead.
type LeadRejected struct {
	LeadID         string     `json:"lead_id"`              // the lead's id
	Origin         string     `json:"origin"`               // how the lead arrived, such as supplier or form
	CampaignID     string     `json:"campaign_id"`          // the lead's campaign; empty for a form lead that is not offered to buyers
	Category       string     `json:"category"`             // the campaign's category; empty without a campaign
	SellerCode     string     `json:"seller_code"`          // the seller's code
	PartnerID      string     `json:"partner_id"`           // who supplied the lead
	Code           string     `json:"code"`                 // the rule that refused it; review_rejected when the seller rejected a form lead
	RejectedAt     Time       `json:"rejected_at"`          // when it happened
	SubmittedAt    Time       `json:"submitted_at"`         // when the lead was submitted
	PreviousStatus string     `json:"previous_status"`      // where the lead stood before: received when it was new, submitted when the seller rejected a form lead
	Dimensions     Dimensions `json:"dimensions,omitempty"` // facts about the lead that are not personal, such as its state; absent when there are none
}

// LeadUnsold is the data of lead.unsold.v1: the lead's time ran out without a buyer.
type LeadUnsold struct {
	LeadID         string     `json:"lead_id"`              // the lead's id
	Origin         string     `json:"origin"`               // how the lead arrived, such as supplier or form
	CampaignID     string     `json:"campaign_id"`          // the lead's campaign
	Category       string     `json:"category"`             // the campaign's category
	SellerCode     string     `json:"seller_code"`          // the seller's code
	PartnerID      string     `json:"partner_id"`           // who supplied the lead
	UnsoldAt       Time       `json:"unsold_at"`            // when it happened
	SubmittedAt    Time       `json:"submitted_at"`         // when the lead was submitted
	PreviousStatus string     `json:"previous_status"`      // where the lead stood before: pending
	Dimensions     Dimensions `json:"dimensions,omitempty"` // facts about the lead that are not personal, such as its state; absent when there are none
}

// LeadQuarantined is the data of lead.quarantined.v1: the lead waits for the seller to approve or reject it.
type LeadQuarantined struct {
	LeadID         string     `json:"lead_id"`              // the lead's id
	Origin         string     `json:"origin"`               // how the lead arrived, such as supplier or form
	CampaignID     string     `json:"campaign_id"`          // the lead's campaign
	Category       string     `json:"category"`             // the campaign's category
	SellerCode     string     `json:"seller_code"`          // the seller's code
	PartnerID      string     `json:"partner_id"`           // who supplied the lead
	Code           string     `json:"code"`                 // the rule that says so
	QuarantinedAt  Time       `json:"quarantined_at"`       // when it happened
	SubmittedAt    Time       `json:"submitted_at"`         // when the lead was submitted
	PreviousStatus string     `json:"previous_status"`      // where the lead stood before: received
	Dimensions     Dimensions `json:"dimensions,omitempty"` // facts about the lead that are not personal, such as its state; absent when there are none
}

// LeadPriceChanged is the data of lead.price_changed.v1: the seller changed at what price a lead that is not sold is offered.
type LeadPriceChanged struct {
	LeadID         string     `json:"lead_id"`                  // the lead's id
	Origin         string     `json:"origin"`                   // how the lead arrived, such as supplier or form
	CampaignID     string     `json:"campaign_id"`              // the lead's campaign
	Category       string     `json:"category"`                 // the campaign's category
	SellerCode     string     `json:"seller_code"`              // the seller's code
	PartnerID      string     `json:"partner_id"`               // who supplied the lead
	Status         string     `json:"status"`                   // where the lead stands: pending, unsold or returned
	Price          Amount     `json:"price,omitempty"`          // what every buyer pays for it from now on, in currency; absent when that is what the contract says
	PreviousPrice  Amount     `json:"previous_price,omitempty"` // what that was until now, in currency; absent when it was what the contract says
	Currency       string     `json:"currency"`                 // the seller's currency, an ISO 4217 code
	PriceChangedAt Time       `json:"price_changed_at"`         // when it happened
	SubmittedAt    Time       `json:"submitted_at"`             // when the lead was submitted
	Dimensions     Dimensions `json:"dimensions,omitempty"`     // facts about the lead that are not personal, such as its state; absent when there are none
}

// LeadConverted is the data of lead.converted.v1: the seller made a form lead a customer.
type LeadConverted struct {
	LeadID                      string `json:"lead_id"`                                 // the lead's id
	Number                      int64  `json:"number"`                                  // the lead's public id, counted per seller
	Origin                      string `json:"origin"`                                  // how the lead arrived: form
	CampaignID                  string `json:"campaign_id"`                             // the lead's campaign; empty when it is not offered to buyers
	Category                    string `json:"category"`                                // the campaign's category; empty without a campaign
	SellerCode                  string `json:"seller_code"`                             // the seller's code
	PartnerID                   string `json:"partner_id"`                              // who supplied the lead
	CustomerID                  string `json:"customer_id"`                             // the id of the customer it became
	CustomerKey                 string `json:"customer_key"`                            // that customer's key; the id when the key is an email address or a phone number
	CommissionTransactionAmount Amount `json:"commission_transaction_amount,omitempty"` // what the seller said it is worth, in currency; absent when nothing
	Currency                    string `json:"currency"`                                // the seller's currency, an ISO 4217 code
	ConvertedAt                 Time   `json:"converted_at"`                            // when it happened
	SubmittedAt                 Time   `json:"submitted_at"`                            // when the lead was submitted
	PreviousStatus              string `json:"previous_status"`                         // where the lead stood before: submitted
}

// LeadErased is the data of lead.erased.v1: what the lead held of a person was erased, and nothing else of it.
type LeadErased struct {
	LeadID      string `json:"lead_id"`      // the lead's id
	Origin      string `json:"origin"`       // how the lead arrived, such as supplier or form
	CampaignID  string `json:"campaign_id"`  // the lead's campaign; empty for a form lead that is not offered to buyers
	Category    string `json:"category"`     // the campaign's category; empty without a campaign
	SellerCode  string `json:"seller_code"`  // the seller's code
	PartnerID   string `json:"partner_id"`   // who supplied the lead
	Status      string `json:"status"`       // where the lead stands, such as sold; empty for a form lead that is not offered to buyers
	ErasedAt    Time   `json:"erased_at"`    // when it happened
	SubmittedAt Time   `json:"submitted_at"` // when the lead was submitted
}

// Type implements Event.
func (LeadSubmitted) Type() string { return "lead.submitted.v1" }

// Type implements Event.
func (LeadPending) Type() string { return "lead.pending.v1" }

// Type implements Event.
func (LeadSold) Type() string { return "lead.sold.v1" }

// Type implements Event.
func (LeadDuplicate) Type() string { return "lead.duplicate.v1" }

// Type implements Event.
func (LeadRejected) Type() string { return "lead.rejected.v1" }

// Type implements Event.
func (LeadUnsold) Type() string { return "lead.unsold.v1" }

// Type implements Event.
func (LeadQuarantined) Type() string { return "lead.quarantined.v1" }

// Type implements Event.
func (LeadPriceChanged) Type() string { return "lead.price_changed.v1" }

// Type implements Event.
func (LeadConverted) Type() string { return "lead.converted.v1" }

// Type implements Event.
func (LeadErased) Type() string { return "lead.erased.v1" }

// AppendJSON appends what json.Marshal makes of e, without reflection, because it is written for every lead.
func (e LeadSubmitted) AppendJSON(b []byte) []byte {
	b = appendLead(b, e.LeadID, e.Origin, e.CampaignID, e.Category, e.SellerCode, e.PartnerID)
	b = append(b, `,"submitted_at":`...)
	b = e.SubmittedAt.appendJSON(b)
	if e.Number != 0 {
		b = append(b, `,"number":`...)
		b = strconv.AppendInt(b, e.Number, 10)
	}
	return append(e.Dimensions.appendMember(b), '}')
}

// AppendJSON appends what json.Marshal makes of e, without reflection. An amount that is no number becomes null, where
// json.Marshal fails.
func (e LeadSold) AppendJSON(b []byte) []byte {
	b = appendLead(b, e.LeadID, e.Origin, e.CampaignID, e.Category, e.SellerCode, e.PartnerID)
	if e.Sales == nil {
		b = append(b, `,"sales":null`...)
	} else {
		b = append(b, `,"sales":[`...)
		for i, s := range e.Sales {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(b, `{"sale_id":`...)
			b = appendString(b, s.SaleID)
			b = append(b, `,"buyer_id":`...)
			b = appendString(b, s.BuyerID)
			b = append(b, `,"contract_id":`...)
			b = appendString(b, s.ContractID)
			b = append(b, `,"price":`...)
			b = s.Price.appendJSON(b)
			b = append(b, `,"currency":`...)
			b = appendString(b, s.Currency)
			if s.Payout != "" {
				b = append(b, `,"payout":`...)
				b = s.Payout.appendJSON(b)
			}
			b = append(b, '}')
		}
		b = append(b, ']')
	}
	b = append(b, `,"payout":`...)
	b = e.Payout.appendJSON(b)
	b = append(b, `,"sold_at":`...)
	b = e.SoldAt.appendJSON(b)
	b = append(b, `,"submitted_at":`...)
	b = e.SubmittedAt.appendJSON(b)
	b = append(b, `,"previous_status":`...)
	b = appendString(b, e.PreviousStatus)
	return append(e.Dimensions.appendMember(b), '}')
}

// appendLead appends the opening brace and what every event of a lead begins with.
func appendLead(b []byte, leadID, origin, campaignID, category, sellerCode, partnerID string) []byte {
	b = append(b, `{"lead_id":`...)
	b = appendString(b, leadID)
	b = append(b, `,"origin":`...)
	b = appendString(b, origin)
	b = append(b, `,"campaign_id":`...)
	b = appendString(b, campaignID)
	b = append(b, `,"category":`...)
	b = appendString(b, category)
	b = append(b, `,"seller_code":`...)
	b = appendString(b, sellerCode)
	b = append(b, `,"partner_id":`...)
	return appendString(b, partnerID)
}
