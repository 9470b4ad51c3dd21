package market

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/suppression"
)

// SuppressionKey identifies what a seller suppresses: a hash over the seller, the kind and the value.
type SuppressionKey [sha256.Size]byte

// NewSuppressionKey hashes a value for a seller. Equal values of two sellers have different keys.
func NewSuppressionKey(sellerID string, v suppression.Value) SuppressionKey {
	return SuppressionKey(NewClaimKey(sellerID, ClaimKind("suppressed_"+string(v.Kind())), v.Key()))
}

// Suppression is a phone, an email or a domain that a seller takes no leads of. The value itself is not kept: Key is its hash, and Masked
// what operators are shown, which is empty when the person's data was erased. JobID is the import that brought it, which may be forgotten by now.
type Suppression struct {
	SellerID, ID string
	Key          SuppressionKey
	Kind         suppression.Kind
	Masked       string
	JobID        string
	CreatedAt    time.Time
}

// NewSuppression returns the suppression of a value.
func NewSuppression(sellerID, id string, v suppression.Value, jobID string, at time.Time) Suppression {
	return Suppression{SellerID: sellerID, ID: id, Key: NewSuppressionKey(sellerID, v), Kind: v.Kind(), Masked: v.Masked(), JobID: jobID, CreatedAt: at}
}

// SuppressionRef names a suppression of a seller.
type SuppressionRef struct {
	SellerID string
	Key      SuppressionKey
}

// SuppressionRepository stores what sellers suppress. Its rows are locked behind all others.
type SuppressionRepository interface {
	// Find returns those of some suppressions that there are, in one statement and without locking.
	Find(ctx context.Context, refs []SuppressionRef) (map[SuppressionKey]Suppression, error)
	// Add stores those of a seller's suppressions that are not there yet, and returns what is there of each. Of equal ones the first counts.
	// It waits for every unit of work that holds a campaign of the seller, so that nobody is sold afterwards who is suppressed.
	Add(ctx context.Context, all []Suppression) (there map[SuppressionKey]Suppression, err error)
	// Delete deletes a suppression by its id, or by its key when the id is empty: suppression.ErrNotFound.
	Delete(ctx context.Context, sellerID, id string, key SuppressionKey) error
	// Forget forgets what is shown of some suppressions, and keeps the rest of them.
	Forget(ctx context.Context, sellerID string, keys []SuppressionKey) error
}

// SuppressionReader reads suppressions outside of a transaction.
type SuppressionReader interface {
	// SuppressionsOf returns what a seller suppresses of some values.
	SuppressionsOf(ctx context.Context, sellerID string, values []suppression.Value) ([]Suppression, error)
}

// SuppressibleKeys returns the keys of all by which a lead with these fields may be suppressed. There are none when the campaign's seller
// suppresses nobody.
func SuppressibleKeys(c *campaign.Campaign, fields field.Set) []SuppressionRef {
	if !c.Suppresses() {
		return nil
	}
	values := c.Suppressible(fields)
	refs := make([]SuppressionRef, len(values))
	for i, v := range values {
		refs[i] = SuppressionRef{c.SellerID(), NewSuppressionKey(c.SellerID(), v)}
	}
	return refs
}

// SuppressedValues returns the values by which a person may be suppressed: phone and email, not the email's domain, which is that of
// others too.
func SuppressedValues(p lead.Person) []suppression.Value {
	email, phone := p.Keys()
	values := suppression.OfPhone(phone)
	if all := suppression.OfEmail(email); len(all) > 0 {
		values = append(values, all[0])
	}
	return values
}
