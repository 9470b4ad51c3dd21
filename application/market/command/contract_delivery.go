package command

import (
	"bytes"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/fault"
)

// DeliverySecrets seals what is secret of contracts' deliveries, and looks at their addresses.
type DeliverySecrets struct {
	Outbound application.Outbound
	Sealer   application.Sealer
	Signer   market.DeliverySigner
}

// prepare checks the address that terms name and seals what is secret in them: addressErr is what is wrong with the address. It returns a secret for
// a contract that needs one and has none, in case this is one. Errors are those of application.Sealer.
func (s DeliverySecrets) prepare(contractID string, t *campaign.DeliveryTerms) (secret string, addressErr, err error) {
	if t == nil {
		return "", nil, nil
	}
	copied := *t
	if t.Headers != nil {
		headers := make([]campaign.HeaderTerms, len(*t.Headers))
		for i, h := range *t.Headers {
			if h.Value != nil {
				if h.Sealed, err = s.Sealer.Seal([]byte(*h.Value), market.SealDeliveryHeader, market.HeaderSeal(contractID, h.Name)); err != nil {
					return "", nil, err
				}
			}
			headers[i] = h
		}
		copied.Headers = &headers
	}
	if t.URL != nil && *t.URL != "" {
		if err := s.Outbound.Check(*t.URL); err != nil {
			addressErr = errAddress
		}
		secret = s.Signer.NewSecret()
		if copied.NewSecret, err = s.Sealer.Seal([]byte(secret), market.SealDeliverySecret, contractID); err != nil {
			return "", nil, err
		}
	}
	*t = copied
	return secret, addressErr, nil
}

// errAddress says that requests are not sent to an address. Which rule says so tells nothing of the network.
var errAddress = fault.New(fault.Invalid, fault.InvalidValue, "must be an https address that may be reached, without credentials")

// contractWithSecret is contractOf with a secret, if the contract has it.
func contractWithSecret(c *campaign.Campaign, id, secret string, sealed []byte) (marketquery.Contract, error) {
	k, err := contractOf(c, id)
	if err == nil && k.Delivery != nil && secret != "" && bytes.Equal(k.Delivery.Secret, sealed) {
		k.DeliverySecret = secret
	}
	return k, err
}

// sealedIn returns the secret that terms bring.
func sealedIn(t *campaign.DeliveryTerms) []byte {
	if t == nil {
		return nil
	}
	return t.NewSecret
}
