package eventsv1

// PartnerCreated is the data of partner.created.v1: a partner joined the program.
type PartnerCreated struct {
	PartnerID          string `json:"partner_id"`                     // the partner's id
	Status             string `json:"status"`                         // where the partner stands, such as active
	ReferralKey        string `json:"referral_key"`                   // the partner's default referral key
	ReferringPartnerID string `json:"referring_partner_id,omitempty"` // who referred the partner; absent when nobody did
	CreatedAt          Time   `json:"created_at"`                     // when it happened
}

// Type implements Event.
func (PartnerCreated) Type() string { return "partner.created.v1" }
