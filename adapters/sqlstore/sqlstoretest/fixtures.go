package sqlstoretest

import (
	"crypto/sha256"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/application/program"
	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/partner"
	"github.com/leadmill/leadmill/domain/seller"
)

// NewSeller returns a seller that is not stored yet.
func NewSeller(t *testing.T, id, code, slug string) *seller.Seller {
	t.Helper()
	s, err := seller.New(id, code, money.MustCurrency("USD"), seller.Details{Name: new("Name"), Slug: &slug}, Now)
	require.NoError(t, err)
	return s
}

// NewBuyer returns a buyer of seller_1 that is not stored yet.
func NewBuyer(t *testing.T, id string) *buyer.Buyer {
	t.Helper()
	b, err := buyer.New(id, "seller_1", buyer.Details{Name: new("Buyer")}, Now)
	require.NoError(t, err)
	return b
}

// NewPartner returns an approved partner that is not stored yet.
func NewPartner(t *testing.T, sellerID, id, key, email string) *partner.Partner {
	t.Helper()
	p, err := partner.Register(sellerID, partner.Registration{ID: id, Key: key, Email: email, Name: "N", Approved: true}, Now)
	require.NoError(t, err)
	return p
}

// NewCampaign returns an active campaign of seller_1 that is not stored yet.
func NewCampaign(t *testing.T, id, category string) *campaign.Campaign {
	t.Helper()
	strategies, err := distribution.NewStrategies(nil)
	require.NoError(t, err)
	c, err := campaign.New(id, "seller_1", campaign.StatusActive, campaign.Definition{Name: new("Name"), Category: &category}, strategies, Now)
	require.NoError(t, err)
	return c
}

// AddContract adds an active contract to a campaign.
func AddContract(t *testing.T, c *campaign.Campaign, id, buyerID string) {
	t.Helper()
	require.NoError(t, c.AddContract(id, buyerID, campaign.StatusActive, campaign.Terms{Price: new(money.Micros(5_000_000))}, campaign.Zones{Seller: "UTC"}, Now))
}

// NewLead returns a supplier's lead of seller_1 that is not decided yet.
func NewLead(id, campaignID string) *lead.Lead {
	return lead.Submit(lead.Submission{
		ID: id, SellerID: "seller_1", SellerCode: "ABCD1234", KeyID: "key_1", PartnerID: "p", CampaignID: campaignID,
		Category: "Solar", Fields: field.Set{"phone": field.TextValue("+12025550123")}, At: Now,
	})
}

// PendingLead returns a NewLead that waits for an hour, to be stored.
func PendingLead(t *testing.T, id, campaignID string) application.StoredLead {
	t.Helper()
	l := NewLead(id, campaignID)
	require.NoError(t, l.Wait(Now.Add(time.Hour), Now))
	return application.StoredLead{Lead: l}
}

// NewClaim returns a claim of a phone in campaign_1.
func NewClaim(value, leadID string, until time.Time) market.Claim {
	return market.Claim{
		SellerID: "seller_1", Key: market.NewClaimKey("campaign_1", market.ClaimPhone, value), LeadID: leadID, ExpiresAt: until,
	}
}

// NewRequest returns a request to seller_1.
func NewRequest(value, leadID string, at time.Time) market.Request {
	return market.Request{SellerID: "seller_1", Content: sha256.Sum256([]byte(value)), LeadID: leadID, AcceptedAt: at}
}

// Refs names rows of seller_1.
func Refs(ids ...string) []application.Ref {
	refs := make([]application.Ref, len(ids))
	for i, id := range ids {
		refs[i] = application.Ref{SellerID: "seller_1", ID: id}
	}
	return refs
}

// NewToken returns a token of the partner p of seller_1.
func NewToken(text string, kind program.TokenKind, until time.Time) program.Token {
	return program.Token{Hash: program.TokenHash(text), Kind: kind, SellerID: "seller_1", PartnerID: "p", ExpiresAt: until}
}

// Awkward are texts that engines like to store otherwise than they were given.
var Awkward = []string{"👩‍👩‍👧‍👦 🙂", "שלום \u200fעולם", "é é ẞ Ω", `"quoted" \ ' % _ </script> &`, strings.Repeat("漢", 200)}

// ErrOwn is what a closure fails with that wants to.
var ErrOwn = errors.New("the closure's own error")
