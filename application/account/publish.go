package account

import (
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	"github.com/leadmill/leadmill/domain/event"
	"github.com/leadmill/leadmill/domain/seller"
)

// The types of internal events. They are in the log for projections; integrators never see them.
const (
	SellerCreatedType = "seller.created.v1"
	SellerUpdatedType = "seller.updated.v1"
)

// SellerChanged is the payload of seller.created.v1 and seller.updated.v1: what projections need to know of a seller.
type SellerChanged struct {
	SellerID   string        `json:"seller_id"`
	SellerCode string        `json:"seller_code"`
	TimeZone   string        `json:"time_zone"` // IANA name
	Currency   string        `json:"currency"`  // ISO 4217 code
	At         eventsv1.Time `json:"at"`
}

// InternalTypes returns the types of this room's events that are in the log but not in the public contract.
func InternalTypes() []string { return []string{SellerCreatedType, SellerUpdatedType} }

// Publish implements application.Translation for sellers.
func Publish(e event.Event) (p application.Published, ok bool, err error) {
	switch e := e.(type) {
	case seller.Created:
		p, err = application.PublishInternal(SellerCreatedType, SellerChanged{e.ID, e.Code, e.TimeZone, e.Currency, eventsv1.UTC(e.At)}, e.At)
		return p, true, err
	case seller.Updated:
		p, err = application.PublishInternal(SellerUpdatedType, SellerChanged{e.ID, e.Code, e.TimeZone, e.Currency, eventsv1.UTC(e.At)}, e.At)
		return p, true, err
	}
	return application.Published{}, false, nil
}
