package eventsv1

var customerEvents = []numbered{
	{7, CustomerCreated{}},
	{8, CustomerUpdated{}},
	{9, CustomerAttributed{}},
	{10, CustomerArchived{}},
	{11, CustomerDeleted{}},
}

// CustomerCreated is the data of customer.created.v1: a customer was registered. Its attribution is told by a second event.
type CustomerCreated struct {
	CustomerID  string `json:"customer_id"`  // the customer's id, which never changes
	CustomerKey string `json:"customer_key"` // the seller's key of the customer; the id when the key is an email address or a phone number
	PartnerID   string `json:"partner_id"`   // who brought the customer
	CreatedAt   Time   `json:"created_at"`   // when it happened
}

// CustomerUpdated is the data of customer.updated.v1: something about a customer changed, perhaps its key, or it was
// brought back from the archive.
type CustomerUpdated struct {
	CustomerID  string `json:"customer_id"`  // the customer's id, which never changes
	CustomerKey string `json:"customer_key"` // the seller's key of the customer after the change; the id when the key is an email address or a phone number
	PartnerID   string `json:"partner_id"`   // who brought the customer
	Status      string `json:"status"`       // where the customer stands after the change, such as active
	UpdatedAt   Time   `json:"updated_at"`   // when it happened
}

// CustomerAttributed is the data of customer.attributed.v1: a customer was given to a partner.
type CustomerAttributed struct {
	CustomerID        string `json:"customer_id"`         // the customer's id, which never changes
	CustomerKey       string `json:"customer_key"`        // the seller's key of the customer; the id when the key is an email address or a phone number
	PartnerID         string `json:"partner_id"`          // who has the customer now
	PreviousPartnerID string `json:"previous_partner_id"` // who had the customer before; empty when nobody did
	Policy            string `json:"policy"`              // the policy that decided so, such as link
	ReferralKey       string `json:"referral_key"`        // the partner's referral key that led to the customer; empty when none did
	AttributedAt      Time   `json:"attributed_at"`       // when it happened
}

// CustomerArchived is the data of customer.archived.v1: a customer was put aside.
type CustomerArchived struct {
	CustomerID  string `json:"customer_id"`  // the customer's id, which never changes
	CustomerKey string `json:"customer_key"` // the seller's key of the customer; the id when the key is an email address or a phone number
	PartnerID   string `json:"partner_id"`   // who brought the customer
	ArchivedAt  Time   `json:"archived_at"`  // when it happened
}

// CustomerDeleted is the data of customer.deleted.v1: a customer was deleted, and what is personal of it erased.
type CustomerDeleted struct {
	CustomerID  string `json:"customer_id"`  // the customer's id, which never changes
	CustomerKey string `json:"customer_key"` // the key the customer had; the id when that was an email address or a phone number
	PartnerID   string `json:"partner_id"`   // who brought the customer
	DeletedAt   Time   `json:"deleted_at"`   // when it happened
}

// Type implements Event.
func (CustomerCreated) Type() string { return "customer.created.v1" }

// Type implements Event.
func (CustomerUpdated) Type() string { return "customer.updated.v1" }

// Type implements Event.
func (CustomerAttributed) Type() string { return "customer.attributed.v1" }

// Type implements Event.
func (CustomerArchived) Type() string { return "customer.archived.v1" }

// Type implements Event.
func (CustomerDeleted) Type() string { return "customer.deleted.v1" }
