package eventsv1

var campaignEvents = []numbered{
	{18, CampaignCreated{}},
	{19, CampaignUpdated{}},
	{20, CampaignPaused{}},
	{21, CampaignResumed{}},
	{22, CampaignArchived{}},
	{23, ContractCreated{}},
	{24, ContractUpdated{}},
	{25, ContractPaused{}},
	{26, ContractResumed{}},
	{27, ContractDeleted{}},
}

// CampaignCreated is the data of campaign.created.v1: a campaign was made.
type CampaignCreated struct {
	CampaignID string `json:"campaign_id"` // the campaign's id
	Category   string `json:"category"`    // the category of its leads
	Status     string `json:"status"`      // active or paused
	CreatedAt  Time   `json:"created_at"`  // when it happened
}

// CampaignUpdated is the data of campaign.updated.v1: a campaign's terms changed.
type CampaignUpdated struct {
	CampaignID string `json:"campaign_id"` // the campaign's id
	Category   string `json:"category"`    // the category of its leads after the change
	UpdatedAt  Time   `json:"updated_at"`  // when it happened
}

// CampaignPaused is the data of campaign.paused.v1: a campaign sells no leads for now.
type CampaignPaused struct {
	CampaignID string `json:"campaign_id"` // the campaign's id
	Category   string `json:"category"`    // the category of its leads
	PausedAt   Time   `json:"paused_at"`   // when it happened
}

// CampaignResumed is the data of campaign.resumed.v1: a paused campaign sells leads again.
type CampaignResumed struct {
	CampaignID string `json:"campaign_id"` // the campaign's id
	Category   string `json:"category"`    // the category of its leads
	ResumedAt  Time   `json:"resumed_at"`  // when it happened
}

// CampaignArchived is the data of campaign.archived.v1: a campaign ended for good.
type CampaignArchived struct {
	CampaignID string `json:"campaign_id"` // the campaign's id
	Category   string `json:"category"`    // the category of its leads
	ArchivedAt Time   `json:"archived_at"` // when it happened
}

// ContractCreated is the data of contract.created.v1: a buyer ordered leads of a campaign.
type ContractCreated struct {
	CampaignID string `json:"campaign_id"` // the campaign's id
	ContractID string `json:"contract_id"` // the contract's id
	BuyerID    string `json:"buyer_id"`    // who ordered
	Status     string `json:"status"`      // active or paused
	Price      Amount `json:"price"`       // the price of one lead, in the seller's currency
	CreatedAt  Time   `json:"created_at"`  // when it happened
}

// ContractUpdated is the data of contract.updated.v1: a contract's terms changed.
type ContractUpdated struct {
	CampaignID string `json:"campaign_id"` // the campaign's id
	ContractID string `json:"contract_id"` // the contract's id
	BuyerID    string `json:"buyer_id"`    // who ordered
	Price      Amount `json:"price"`       // the price of one lead after the change, in the seller's currency
	UpdatedAt  Time   `json:"updated_at"`  // when it happened
}

// ContractPaused is the data of contract.paused.v1: a contract takes no leads for now.
type ContractPaused struct {
	CampaignID string `json:"campaign_id"` // the campaign's id
	ContractID string `json:"contract_id"` // the contract's id
	BuyerID    string `json:"buyer_id"`    // who ordered
	PausedAt   Time   `json:"paused_at"`   // when it happened
}

// ContractResumed is the data of contract.resumed.v1: a paused contract takes leads again.
type ContractResumed struct {
	CampaignID string `json:"campaign_id"` // the campaign's id
	ContractID string `json:"contract_id"` // the contract's id
	BuyerID    string `json:"buyer_id"`    // who ordered
	ResumedAt  Time   `json:"resumed_at"`  // when it happened
}

// ContractDeleted is the data of contract.deleted.v1: a contract ended for good. Its sales stay.
type ContractDeleted struct {
	CampaignID string `json:"campaign_id"` // the campaign's id
	ContractID string `json:"contract_id"` // the contract's id
	BuyerID    string `json:"buyer_id"`    // who ordered
	DeletedAt  Time   `json:"deleted_at"`  // when it happened
}

// Type implements Event.
func (CampaignCreated) Type() string { return "campaign.created.v1" }

// Type implements Event.
func (CampaignUpdated) Type() string { return "campaign.updated.v1" }

// Type implements Event.
func (CampaignPaused) Type() string { return "campaign.paused.v1" }

// Type implements Event.
func (CampaignResumed) Type() string { return "campaign.resumed.v1" }

// Type implements Event.
func (CampaignArchived) Type() string { return "campaign.archived.v1" }

// Type implements Event.
func (ContractCreated) Type() string { return "contract.created.v1" }

// Type implements Event.
func (ContractUpdated) Type() string { return "contract.updated.v1" }

// Type implements Event.
func (ContractPaused) Type() string { return "contract.paused.v1" }

// Type implements Event.
func (ContractResumed) Type() string { return "contract.resumed.v1" }

// Type implements Event.
func (ContractDeleted) Type() string { return "contract.deleted.v1" }
