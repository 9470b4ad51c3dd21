package eventsv1

var buyerEvents = []numbered{
	{12, BuyerCreated{}},
	{13, BuyerUpdated{}},
	{14, BuyerPaused{}},
	{15, BuyerResumed{}},
	{16, BuyerFunded{}},
	{17, BuyerWithdrawn{}},
	{52, BuyerBalanceLow{}},
}

// BuyerCreated is the data of buyer.created.v1: a buyer was added.
type BuyerCreated struct {
	BuyerID   string `json:"buyer_id"`   // the buyer's id
	CreatedAt Time   `json:"created_at"` // when it happened
}

// BuyerUpdated is the data of buyer.updated.v1: a buyer's details changed.
type BuyerUpdated struct {
	BuyerID   string `json:"buyer_id"`   // the buyer's id
	UpdatedAt Time   `json:"updated_at"` // when it happened
}

// BuyerPaused is the data of buyer.paused.v1: a buyer takes no leads for now.
type BuyerPaused struct {
	BuyerID  string `json:"buyer_id"`  // the buyer's id
	PausedAt Time   `json:"paused_at"` // when it happened
}

// BuyerResumed is the data of buyer.resumed.v1: a paused buyer takes leads again.
type BuyerResumed struct {
	BuyerID   string `json:"buyer_id"`   // the buyer's id
	ResumedAt Time   `json:"resumed_at"` // when it happened
}

// BuyerFunded is the data of buyer.funded.v1: money was paid into a buyer's account. Amounts are in the seller's currency.
type BuyerFunded struct {
	BuyerID      string `json:"buyer_id"`      // the buyer's id
	EntryID      string `json:"entry_id"`      // the ledger entry's id
	Amount       Amount `json:"amount"`        // what was paid in, in the seller's currency
	BalanceAfter Amount `json:"balance_after"` // the balance after it, in the seller's currency
	FundedAt     Time   `json:"funded_at"`     // when it happened
}

// BuyerWithdrawn is the data of buyer.withdrawn.v1: money was paid out of a buyer's account. Amounts are in the seller's
// currency.
type BuyerWithdrawn struct {
	BuyerID      string `json:"buyer_id"`      // the buyer's id
	EntryID      string `json:"entry_id"`      // the ledger entry's id
	Amount       Amount `json:"amount"`        // what was paid out, in the seller's currency
	BalanceAfter Amount `json:"balance_after"` // the balance after it, in the seller's currency
	WithdrawnAt  Time   `json:"withdrawn_at"`  // when it happened
}

// BuyerBalanceLow is the data of buyer.balance_low.v1: a buyer's balance fell below what the buyer set as low. Amounts are in the seller's
// currency.
type BuyerBalanceLow struct {
	BuyerID    string `json:"buyer_id"`    // the buyer's id
	EntryID    string `json:"entry_id"`    // the id of the ledger entry that it fell with
	Balance    Amount `json:"balance"`     // the balance after it, in the seller's currency
	LowBalance Amount `json:"low_balance"` // below what it is low, in the seller's currency
	FellAt     Time   `json:"fell_at"`     // when it happened
}

// Type implements Event.
func (BuyerCreated) Type() string { return "buyer.created.v1" }

// Type implements Event.
func (BuyerUpdated) Type() string { return "buyer.updated.v1" }

// Type implements Event.
func (BuyerPaused) Type() string { return "buyer.paused.v1" }

// Type implements Event.
func (BuyerResumed) Type() string { return "buyer.resumed.v1" }

// Type implements Event.
func (BuyerFunded) Type() string { return "buyer.funded.v1" }

// Type implements Event.
func (BuyerWithdrawn) Type() string { return "buyer.withdrawn.v1" }

// Type implements Event.
func (BuyerBalanceLow) Type() string { return "buyer.balance_low.v1" }
