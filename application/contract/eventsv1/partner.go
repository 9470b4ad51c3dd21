package eventsv1

var partnerEvents = []numbered{
	{0, PartnerCreated{}},
	{1, PartnerUpdated{}},
	{2, PartnerApproved{}},
	{3, PartnerRejected{}},
	{4, PartnerArchived{}},
	{5, PartnerDeleted{}},
	{6, PartnerInvited{}},
}

// PartnerCreated is the data of partner.created.v1: a partner joined the program.
type PartnerCreated struct {
	PartnerID          string `json:"partner_id"`                     // the partner's id
	Status             string `json:"status"`                         // where the partner stands, such as active
	ReferralKey        string `json:"referral_key"`                   // the partner's default referral key
	ReferringPartnerID string `json:"referring_partner_id,omitempty"` // who referred the partner; absent when nobody did
	CreatedAt          Time   `json:"created_at"`                     // when it happened
}

// PartnerUpdated is the data of partner.updated.v1: something about a partner changed, its referral links included, or it
// was brought back from the archive.
type PartnerUpdated struct {
	PartnerID          string `json:"partner_id"`                     // the partner's id
	Status             string `json:"status"`                         // where the partner stands after the change
	ReferringPartnerID string `json:"referring_partner_id,omitempty"` // who referred the partner, after the change; absent when nobody did
	UpdatedAt          Time   `json:"updated_at"`                     // when it happened
}

// PartnerApproved is the data of partner.approved.v1: the seller let a partner in.
type PartnerApproved struct {
	PartnerID  string `json:"partner_id"`  // the partner's id
	ApprovedAt Time   `json:"approved_at"` // when it happened
}

// PartnerRejected is the data of partner.rejected.v1: the seller turned a partner down.
type PartnerRejected struct {
	PartnerID  string `json:"partner_id"`  // the partner's id
	RejectedAt Time   `json:"rejected_at"` // when it happened
}

// PartnerArchived is the data of partner.archived.v1: a partner was put aside.
type PartnerArchived struct {
	PartnerID  string `json:"partner_id"`  // the partner's id
	ArchivedAt Time   `json:"archived_at"` // when it happened
}

// PartnerDeleted is the data of partner.deleted.v1: a partner was deleted, and what is personal of it erased.
type PartnerDeleted struct {
	PartnerID string `json:"partner_id"` // the partner's id, which is never given again
	Joined    bool   `json:"joined"`     // whether the partner had joined; false when it had not accepted its invitation
	DeletedAt Time   `json:"deleted_at"` // when it happened
}

// PartnerInvited is the data of partner.invited.v1: somebody was asked to join, perhaps once more.
type PartnerInvited struct {
	PartnerID string `json:"partner_id"` // the id of the partner to be
	InvitedAt Time   `json:"invited_at"` // when it happened
}

// Type implements Event.
func (PartnerCreated) Type() string { return "partner.created.v1" }

// Type implements Event.
func (PartnerUpdated) Type() string { return "partner.updated.v1" }

// Type implements Event.
func (PartnerApproved) Type() string { return "partner.approved.v1" }

// Type implements Event.
func (PartnerRejected) Type() string { return "partner.rejected.v1" }

// Type implements Event.
func (PartnerArchived) Type() string { return "partner.archived.v1" }

// Type implements Event.
func (PartnerDeleted) Type() string { return "partner.deleted.v1" }

// Type implements Event.
func (PartnerInvited) Type() string { return "partner.invited.v1" }
