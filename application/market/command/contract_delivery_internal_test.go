package command

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/money"
)

// keyless seals nothing, as a server without a key.
type keyless struct{}

func (keyless) Seal([]byte, string, string) ([]byte, error) {
	return nil, application.ErrSecretKeyMissing
}

func (keyless) Open([]byte, string, string) ([]byte, error) {
	return nil, application.ErrSecretKeyMissing
}

type signer struct{}

func (signer) NewSecret() string { return "whsec_new" }

func (signer) Sign(string, string, time.Time, []byte) map[string][]string { return nil }

// refuseAll refuses every address.
type refuseAll struct{ application.Outbound }

func (refuseAll) Check(string) error { return application.ErrAddressRefused }

type allowAll struct{ application.Outbound }

func (allowAll) Check(string) error { return nil }

// A secret is needed by a contract that has none, and a URL that is sent back as it is needs no key.
func TestASecretIsSealedForWhoNeedsIt(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
	url := new("https://buyer.example/leads")
	how := &campaign.Delivery{URL: *url, Format: campaign.DeliveryJSON, Timeout: time.Second, Secret: []byte("sealed"), Since: at}
	for name, c := range map[string]struct {
		stored *campaign.Delivery
		terms  campaign.DeliveryTerms
		err    error
	}{
		"the URL as it is":     {stored: how, terms: campaign.DeliveryTerms{URL: url}},
		"another URL":          {stored: how, terms: campaign.DeliveryTerms{URL: new("https://buyer.example/other")}},
		"the first":            {terms: campaign.DeliveryTerms{Mode: new("notify"), URL: url}, err: application.ErrSecretKeyMissing},
		"a header":             {stored: how, terms: campaign.DeliveryTerms{Headers: &[]campaign.HeaderTerms{{Name: "X-A", Value: new("1")}}}, err: application.ErrSecretKeyMissing},
		"a mail instead of it": {stored: how, terms: campaign.DeliveryTerms{URL: new(""), Email: new("leads@buyer.example")}},
	} {
		n := campaign.FromSnapshot(campaign.Snapshot{
			ID: "campaign_1", SellerID: "seller_1", Status: campaign.StatusActive, Name: "A", Category: "A", CreatedAt: at, UpdatedAt: at,
			Contracts: []campaign.ContractSnapshot{{ID: "contract_1", BuyerID: "buyer_1", Status: campaign.StatusActive, Price: money.Micros(1), Priority: 1, Weight: 1, EffectiveZone: "UTC", Delivery: c.stored, CreatedAt: at, UpdatedAt: at}},
		})
		p, err := DeliverySecrets{Outbound: allowAll{}, Sealer: keyless{}, Signer: signer{}}.prepare("contract_1", &c.terms)
		if err == nil {
			_, err = n.UpdateContract("contract_1", campaign.Terms{Delivery: &c.terms}, campaign.Zones{Seller: "UTC"}, at)
			require.NoError(t, err, name)
			k, found := contractWith(n, "contract_1", p)
			require.Empty(t, k.DeliverySecret, name)
			err = found
		}
		require.ErrorIs(t, err, c.err, name)
	}
}

// What is no URL is refused by the contract alone, and not a second time for where it leads to.
func TestAnAddressIsRefusedOnce(t *testing.T) {
	t.Parallel()
	s := DeliverySecrets{Outbound: refuseAll{}, Sealer: keyless{}, Signer: signer{}}
	for url, refused := range map[string]bool{"buyer.example": false, "https://a:b@buyer.example": false, "http://10.0.0.1/": true} {
		p, err := s.prepare("contract_1", &campaign.DeliveryTerms{URL: &url})
		require.NoError(t, err)
		require.Equal(t, refused, p.addressErr != nil, url)
		require.True(t, p.addressErr == nil || fault.CodeOf(p.addressErr) == fault.InvalidValue)
	}
}
