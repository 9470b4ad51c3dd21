package command

import (
	"bytes"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/contact"
	"github.com/leadmill/leadmill/domain/fault"
)

// DeliverySecrets seals what is secret of contracts' deliveries, and looks at their addresses.
type DeliverySecrets struct {
	Outbound application.Outbound
	Sealer   application.Sealer
	Signer   market.DeliverySigner
}

// prepared is what was found out about the terms of a delivery before their contract was read.
type prepared struct {
	secret     string // for a contract that needs one and has none, in case this is one
	sealed     []byte
	addressErr error // what is wrong with the address
	secretErr  error // why there is no secret
}

// prepare checks the address that terms name and seals what is secret in them. Errors are those of application.Sealer.
func (s DeliverySecrets) prepare(contractID string, t *campaign.DeliveryTerms) (p prepared, err error) {
	if t == nil {
		return p, nil
	}
	copied := *t
	if t.Headers != nil {
		headers := make([]campaign.HeaderTerms, len(*t.Headers))
		for i, h := range *t.Headers {
			if h.Value != nil {
				if h.Sealed, err = s.Sealer.Seal([]byte(*h.Value), market.SealDeliveryHeader, market.HeaderSeal(contractID, h.Name)); err != nil {
					return p, err
				}
			}
			headers[i] = h
		}
		copied.Headers = &headers
	}
	if t.URL != nil && *t.URL != "" {
		if _, err := contact.ParseURL(*t.URL); err == nil && s.Outbound.Check(*t.URL) != nil { // what is no URL the contract refuses
			p.addressErr = errAddress
		}
		p.secret = s.Signer.NewSecret()
		p.sealed, p.secretErr = s.Sealer.Seal([]byte(p.secret), market.SealDeliverySecret, contractID)
		copied.NewSecret = p.sealed
	}
	*t = copied
	return p, nil
}

// bidAddress returns what is wrong with the address of bids that terms name.
func (s DeliverySecrets) bidAddress(t *campaign.BidTerms) error {
	if t == nil || t.Forget || t.URL == nil {
		return nil
	}
	if _, err := contact.ParseURL(*t.URL); err == nil && s.Outbound.Check(*t.URL) != nil { // what is no URL the contract refuses
		return errAddress
	}
	return nil
}

// errAddress says that requests are not sent to an address. Which rule says so tells nothing of the network.
var errAddress = fault.New(fault.Invalid, fault.InvalidValue, "must be an https address that may be reached, without credentials")

// contractWith is contractOf with the secret that was prepared, if the contract took it. Its error is also that there is none for a contract that
// needs it.
func contractWith(c *campaign.Campaign, id string, p prepared) (marketquery.Contract, error) {
	k, err := contractOf(c, id)
	if err != nil || k.Delivery == nil || p.secret == "" {
		return k, err
	}
	if p.secretErr != nil && k.Delivery.URL != "" && len(k.Delivery.Secret) == 0 {
		return k, p.secretErr
	}
	if p.secretErr == nil && bytes.Equal(k.Delivery.Secret, p.sealed) {
		k.DeliverySecret = p.secret
	}
	return k, nil
}
