package market

import (
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	"github.com/leadmill/leadmill/domain/delivery"
	"github.com/leadmill/leadmill/domain/event"
	"github.com/leadmill/leadmill/domain/lead"
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
	case lead.SaleReleased:
		return eventsv1.SaleReleased{
			LeadID: e.LeadID, Origin: string(e.Origin), CampaignID: e.CampaignID, Category: e.Category, SellerCode: e.SellerCode, PartnerID: e.PartnerID,
			SaleID: e.SaleID, ContractID: e.ContractID, BuyerID: e.BuyerID, Price: currencyOf(e.Currency)(e.Price), Currency: e.Currency, Reason: e.Reason,
			ReleasedAt: eventsv1.UTC(e.At), SubmittedAt: eventsv1.UTC(e.SubmittedAt), Dimensions: application.PublicDimensions(e.Dimensions),
		}, e.At
	}
	return nil, time.Time{}
}
