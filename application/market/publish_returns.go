package market

import (
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	"github.com/leadmill/leadmill/domain/event"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
)

// returnOf returns the public contract of an event of a return, or nil for any other event.
func returnOf(e event.Event) (eventsv1.Event, time.Time) {
	switch e := e.(type) {
	case lead.ReturnRequested:
		r, in := e.Return, currencyOf(e.Return.Currency)
		return eventsv1.ReturnRequested{
			ReturnID: r.ID, SaleID: r.SaleID, LeadID: e.LeadID, Origin: string(e.Origin), CampaignID: e.CampaignID, Category: e.Category,
			SellerCode: e.SellerCode, PartnerID: e.PartnerID, ContractID: r.ContractID, BuyerID: r.BuyerID, Reason: string(r.Reason),
			Price: in(r.Price), Payout: in(r.Payout), Currency: r.Currency,
			SoldAt: eventsv1.UTC(r.SoldAt), SubmittedAt: eventsv1.UTC(e.SubmittedAt), RequestedAt: eventsv1.UTC(r.RequestedAt),
			Dimensions: application.PublicDimensions(e.Dimensions),
		}, r.RequestedAt
	case lead.ReturnApproved:
		r, in := e.Return, currencyOf(e.Return.Currency)
		return eventsv1.ReturnApproved{
			ReturnID: r.ID, SaleID: r.SaleID, LeadID: e.LeadID, Origin: string(e.Origin), CampaignID: e.CampaignID, Category: e.Category,
			SellerCode: e.SellerCode, PartnerID: e.PartnerID, ContractID: r.ContractID, BuyerID: r.BuyerID, Reason: string(r.Reason),
			Price: in(r.Price), Payout: in(r.Payout), Currency: r.Currency,
			LeadPayout: in(e.LeadPayout), EntryID: e.EntryID, Automatic: r.Automatic,
			SoldAt: eventsv1.UTC(r.SoldAt), SubmittedAt: eventsv1.UTC(e.SubmittedAt), RequestedAt: eventsv1.UTC(r.RequestedAt), ApprovedAt: eventsv1.UTC(r.DecidedAt),
			Dimensions: application.PublicDimensions(e.Dimensions),
		}, r.DecidedAt
	case lead.ReturnRejected:
		r, in := e.Return, currencyOf(e.Return.Currency)
		return eventsv1.ReturnRejected{
			ReturnID: r.ID, SaleID: r.SaleID, LeadID: e.LeadID, Origin: string(e.Origin), CampaignID: e.CampaignID, Category: e.Category,
			SellerCode: e.SellerCode, PartnerID: e.PartnerID, ContractID: r.ContractID, BuyerID: r.BuyerID, Reason: string(r.Reason),
			Price: in(r.Price), Payout: in(r.Payout), Currency: r.Currency,
			SoldAt: eventsv1.UTC(r.SoldAt), SubmittedAt: eventsv1.UTC(e.SubmittedAt), RequestedAt: eventsv1.UTC(r.RequestedAt), RejectedAt: eventsv1.UTC(r.DecidedAt),
			Dimensions: application.PublicDimensions(e.Dimensions),
		}, r.DecidedAt
	}
	return nil, time.Time{}
}

// currencyOf returns what writes amounts of a currency. Those of one that is not known are written as plain does.
func currencyOf(code string) func(money.Micros) eventsv1.Amount {
	c, err := money.ParseCurrency(code)
	if err != nil {
		return plain
	}
	return func(m money.Micros) eventsv1.Amount { return eventsv1.Amount(m.Format(c)) }
}
