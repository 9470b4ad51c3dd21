package delivery

import "github.com/leadmill/leadmill/domain/money"

// Verdict is what a buyer that is asked to confirm a sale answers about a lead.
type Verdict string

// The verdicts of a buyer. Unsure is every answer that is none: nobody knows whether the buyer took the lead.
const (
	Accepted  Verdict = "accepted"
	Rejected  Verdict = "rejected"
	Duplicate Verdict = "duplicate"
	Unsure    Verdict = ""
)

// Answer is what a buyer that is asked to confirm a sale answered. Price is in micro-units of the sale's currency, as the buyer said it;
// Reference is what the buyer calls the lead.
type Answer struct {
	Verdict   Verdict
	Price     money.Micros
	HasPrice  bool
	Reference string
}

// Unclear is the reason of an attempt whose answer says neither yes nor no.
const Unclear Reason = "answer_unclear"

// MostReference is how many characters of a buyer's reference are kept.
const MostReference = 100
