package market

import (
	"time"

	"github.com/leadmill/leadmill/application/contract/eventsv1"
	"github.com/leadmill/leadmill/domain/delivery"
	"github.com/leadmill/leadmill/domain/event"
)

// deliveryOf returns the public contract of an event of a delivery, or nil for any other event.
func deliveryOf(e event.Event) (eventsv1.Event, time.Time) {
	switch e := e.(type) {
	case delivery.SaleDelivered:
		return eventsv1.SaleDelivered{
			DeliveryID: e.DeliveryID, SaleID: e.SaleID, LeadID: e.LeadID, CampaignID: e.CampaignID, ContractID: e.ContractID, BuyerID: e.BuyerID,
			Attempts: e.Attempts, DeliveredAt: eventsv1.UTC(e.At),
		}, e.At
	case delivery.SaleDeliveryFailed:
		return eventsv1.SaleDeliveryFailed{
			DeliveryID: e.DeliveryID, SaleID: e.SaleID, LeadID: e.LeadID, CampaignID: e.CampaignID, ContractID: e.ContractID, BuyerID: e.BuyerID,
			Attempts: e.Attempts, Reason: string(e.Reason), FailedAt: eventsv1.UTC(e.At),
		}, e.At
	}
	return nil, time.Time{}
}
