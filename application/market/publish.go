package market

import (
	"fmt"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/event"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
)

// Publish implements application.Translation for buyers, campaigns with their contracts, leads on the market and what became of their sales.
func Publish(e event.Event) (p application.Published, ok bool, err error) {
	switch e := e.(type) {
	case lead.Submitted:
		p := eventsv1.LeadSubmitted{
			LeadID: e.LeadID, Origin: string(e.Origin), CampaignID: e.CampaignID, Category: e.Category,
			SellerCode: e.SellerCode, PartnerID: e.PartnerID, SubmittedAt: eventsv1.UTC(e.SubmittedAt), Number: e.Number,
			Dimensions: application.PublicDimensions(e.Dimensions),
		}
		return application.Published{Type: p.Type(), Payload: p.AppendJSON(make([]byte, 0, 320+40*len(p.Dimensions))), At: p.SubmittedAt.Time}, true, nil
	case lead.Sold:
		p, err := leadSold(e)
		if err != nil {
			return application.Published{}, true, err
		}
		return application.Published{Type: p.Type(), Payload: p.AppendJSON(make([]byte, 0, 448+192*len(p.Sales)+40*len(p.Dimensions))), At: p.SoldAt.Time}, true, nil
	}
	if c, at := returnOf(e); c != nil {
		return application.PublishIfAny(c, at)
	}
	if c, at := deliveryOf(e); c != nil {
		return application.PublishIfAny(c, at)
	}
	return application.PublishIfAny(contractOf(e))
}

// contractOf returns the public contract of an event, or nil for an event of another room. Publish handles the events that
// are written for every lead itself.
func contractOf(e event.Event) (eventsv1.Event, time.Time) {
	switch e := e.(type) {
	case buyer.Created:
		return eventsv1.BuyerCreated{BuyerID: e.BuyerID, CreatedAt: eventsv1.UTC(e.At)}, e.At
	case buyer.Updated:
		return eventsv1.BuyerUpdated{BuyerID: e.BuyerID, UpdatedAt: eventsv1.UTC(e.At)}, e.At
	case buyer.Paused:
		return eventsv1.BuyerPaused{BuyerID: e.BuyerID, PausedAt: eventsv1.UTC(e.At)}, e.At
	case buyer.Resumed:
		return eventsv1.BuyerResumed{BuyerID: e.BuyerID, ResumedAt: eventsv1.UTC(e.At)}, e.At
	case buyer.Funded:
		return eventsv1.BuyerFunded{
			BuyerID: e.BuyerID, EntryID: e.EntryID, Amount: plain(e.Amount),
			BalanceAfter: plain(e.BalanceAfter), FundedAt: eventsv1.UTC(e.At),
		}, e.At
	case buyer.Withdrawn:
		return eventsv1.BuyerWithdrawn{
			BuyerID: e.BuyerID, EntryID: e.EntryID, Amount: plain(e.Amount),
			BalanceAfter: plain(e.BalanceAfter), WithdrawnAt: eventsv1.UTC(e.At),
		}, e.At
	case buyer.BalanceLow:
		return eventsv1.BuyerBalanceLow{
			BuyerID: e.BuyerID, EntryID: e.EntryID, Balance: plain(e.Balance), LowBalance: plain(e.LowBalance), FellAt: eventsv1.UTC(e.At),
		}, e.At
	case campaign.Created:
		return eventsv1.CampaignCreated{
			CampaignID: e.CampaignID, Category: e.Category, Status: string(e.Status),
			CreatedAt: eventsv1.UTC(e.At),
		}, e.At
	case campaign.Updated:
		return eventsv1.CampaignUpdated{CampaignID: e.CampaignID, Category: e.Category, UpdatedAt: eventsv1.UTC(e.At)}, e.At
	case campaign.Paused:
		return eventsv1.CampaignPaused{CampaignID: e.CampaignID, Category: e.Category, PausedAt: eventsv1.UTC(e.At)}, e.At
	case campaign.Resumed:
		return eventsv1.CampaignResumed{CampaignID: e.CampaignID, Category: e.Category, ResumedAt: eventsv1.UTC(e.At)}, e.At
	case campaign.Archived:
		return eventsv1.CampaignArchived{CampaignID: e.CampaignID, Category: e.Category, ArchivedAt: eventsv1.UTC(e.At)}, e.At
	case campaign.ContractCreated:
		return eventsv1.ContractCreated{
			CampaignID: e.CampaignID, ContractID: e.ContractID, BuyerID: e.BuyerID,
			Status: string(e.Status), Price: plain(e.Price), CreatedAt: eventsv1.UTC(e.At),
		}, e.At
	case campaign.ContractUpdated:
		return eventsv1.ContractUpdated{
			CampaignID: e.CampaignID, ContractID: e.ContractID, BuyerID: e.BuyerID,
			Price: plain(e.Price), UpdatedAt: eventsv1.UTC(e.At),
		}, e.At
	case campaign.ContractPaused:
		return eventsv1.ContractPaused{
			CampaignID: e.CampaignID, ContractID: e.ContractID, BuyerID: e.BuyerID,
			PausedAt: eventsv1.UTC(e.At),
		}, e.At
	case campaign.ContractResumed:
		return eventsv1.ContractResumed{
			CampaignID: e.CampaignID, ContractID: e.ContractID, BuyerID: e.BuyerID,
			ResumedAt: eventsv1.UTC(e.At),
		}, e.At
	case campaign.ContractDeleted:
		return eventsv1.ContractDeleted{
			CampaignID: e.CampaignID, ContractID: e.ContractID, BuyerID: e.BuyerID,
			DeletedAt: eventsv1.UTC(e.At),
		}, e.At
	case lead.Pending:
		return eventsv1.LeadPending{
			LeadID: e.LeadID, Origin: string(e.Origin), CampaignID: e.CampaignID, Category: e.Category,
			SellerCode: e.SellerCode, PartnerID: e.PartnerID, PendingUntil: eventsv1.UTC(e.Until), PendingAt: eventsv1.UTC(e.At),
			SubmittedAt: eventsv1.UTC(e.SubmittedAt), PreviousStatus: string(e.PreviousStatus),
			Dimensions: application.PublicDimensions(e.Dimensions),
		}, e.At
	case lead.Duplicate:
		return eventsv1.LeadDuplicate{
			LeadID: e.LeadID, Origin: string(e.Origin), CampaignID: e.CampaignID, Category: e.Category,
			SellerCode: e.SellerCode, PartnerID: e.PartnerID, Code: string(e.Code), DuplicateAt: eventsv1.UTC(e.At),
			SubmittedAt: eventsv1.UTC(e.SubmittedAt), PreviousStatus: string(e.PreviousStatus),
			Dimensions: application.PublicDimensions(e.Dimensions),
		}, e.At
	case lead.Rejected:
		return eventsv1.LeadRejected{
			LeadID: e.LeadID, Origin: string(e.Origin), CampaignID: e.CampaignID, Category: e.Category,
			SellerCode: e.SellerCode, PartnerID: e.PartnerID, Code: string(e.Code), RejectedAt: eventsv1.UTC(e.At),
			SubmittedAt: eventsv1.UTC(e.SubmittedAt), PreviousStatus: string(e.PreviousStatus),
			Dimensions: application.PublicDimensions(e.Dimensions),
		}, e.At
	case lead.Unsold:
		return eventsv1.LeadUnsold{
			LeadID: e.LeadID, Origin: string(e.Origin), CampaignID: e.CampaignID, Category: e.Category,
			SellerCode: e.SellerCode, PartnerID: e.PartnerID, UnsoldAt: eventsv1.UTC(e.At),
			SubmittedAt: eventsv1.UTC(e.SubmittedAt), PreviousStatus: string(e.PreviousStatus),
			Dimensions: application.PublicDimensions(e.Dimensions),
		}, e.At
	case lead.Quarantined:
		return eventsv1.LeadQuarantined{
			LeadID: e.LeadID, Origin: string(e.Origin), CampaignID: e.CampaignID, Category: e.Category,
			SellerCode: e.SellerCode, PartnerID: e.PartnerID, Code: string(e.Code), QuarantinedAt: eventsv1.UTC(e.At),
			SubmittedAt: eventsv1.UTC(e.SubmittedAt), PreviousStatus: string(e.PreviousStatus),
			Dimensions: application.PublicDimensions(e.Dimensions),
		}, e.At
	case lead.Returned:
		return eventsv1.LeadReturned{
			LeadID: e.LeadID, Origin: string(e.Origin), CampaignID: e.CampaignID, Category: e.Category,
			SellerCode: e.SellerCode, PartnerID: e.PartnerID, ReturnedAt: eventsv1.UTC(e.At),
			SubmittedAt: eventsv1.UTC(e.SubmittedAt), PreviousStatus: string(e.PreviousStatus),
			Dimensions: application.PublicDimensions(e.Dimensions),
		}, e.At
	case lead.PriceChanged:
		in := currencyOf(e.Currency)
		p := eventsv1.LeadPriceChanged{
			LeadID: e.LeadID, Origin: string(e.Origin), CampaignID: e.CampaignID, Category: e.Category,
			SellerCode: e.SellerCode, PartnerID: e.PartnerID, Status: string(e.Status), Currency: e.Currency, PriceChangedAt: eventsv1.UTC(e.At),
			SubmittedAt: eventsv1.UTC(e.SubmittedAt), Dimensions: application.PublicDimensions(e.Dimensions),
		}
		if e.Price != 0 {
			p.Price = in(e.Price)
		}
		if e.Previous != 0 {
			p.PreviousPrice = in(e.Previous)
		}
		return p, e.At
	case lead.Erased:
		return eventsv1.LeadErased{
			LeadID: e.LeadID, Origin: string(e.Origin), CampaignID: e.CampaignID, Category: e.Category,
			SellerCode: e.SellerCode, PartnerID: e.PartnerID, Status: string(e.Status), ErasedAt: eventsv1.UTC(e.At),
			SubmittedAt: eventsv1.UTC(e.SubmittedAt),
		}, e.At
	}
	return nil, time.Time{}
}

func leadSold(e lead.Sold) (eventsv1.LeadSold, error) {
	if len(e.Sales) == 0 {
		return eventsv1.LeadSold{}, fmt.Errorf("event lead.sold of %s has no sales", e.LeadID)
	}
	sales := make([]eventsv1.Sale, len(e.Sales))
	var currency money.Currency
	for i, s := range e.Sales {
		if i == 0 || currency.Code() != s.Currency {
			c, err := money.ParseCurrency(s.Currency)
			if err != nil {
				return eventsv1.LeadSold{}, fmt.Errorf("currency %q of sale %s: %w", s.Currency, s.ID, err)
			}
			if i > 0 {
				return eventsv1.LeadSold{}, fmt.Errorf("sales of %s are in %s and %s", e.LeadID, currency, c)
			}
			currency = c
		}
		sales[i] = eventsv1.Sale{
			SaleID: s.ID, BuyerID: s.BuyerID, ContractID: s.ContractID,
			Price: eventsv1.Amount(s.Price.Format(currency)), Currency: s.Currency,
		}
		if len(e.Sales) > 1 {
			sales[i].Payout = eventsv1.Amount(s.Payout.Format(currency))
		}
	}
	return eventsv1.LeadSold{
		LeadID: e.LeadID, Origin: string(e.Origin), CampaignID: e.CampaignID, Category: e.Category,
		SellerCode: e.SellerCode, PartnerID: e.PartnerID, Sales: sales, Payout: eventsv1.Amount(e.Payout.Format(currency)),
		SoldAt: eventsv1.UTC(e.At), SubmittedAt: eventsv1.UTC(e.SubmittedAt), PreviousStatus: string(e.PreviousStatus),
		Dimensions: application.PublicDimensions(e.Dimensions),
	}, nil
}

var twoDecimals = money.MustCurrency("USD")

// plain writes an amount whose currency the event does not hold: with two decimals, or more if it needs them to be exact.
func plain(m money.Micros) eventsv1.Amount { return eventsv1.Amount(m.Format(twoDecimals)) }
