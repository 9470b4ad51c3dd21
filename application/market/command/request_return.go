package command

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/returns"
)

// RequestReturn opens a return of a sale. When a rule of the buyer's says so it is approved at once.
type RequestReturn struct {
	application.Actor

	SaleID       string
	Reason, Note string
	Once         application.Once[marketquery.Return]
}

// Needs implements application.Message.
func (RequestReturn) Needs() application.Scope { return application.Program }

// OfBuyer implements application.ForBuyers: the handler finds nothing of other buyers.
func (c RequestReturn) OfBuyer() string { return c.Actor.BuyerID }

// RequestReturnHandler handles RequestReturn.
type RequestReturnHandler struct{ market.Deps }

// Handle implements bus.Handler. Errors: lead.ErrSaleNotFound, also for people of another buyer; lead.ErrReturnOpen, lead.ErrSaleReturned, lead.ErrReturnWindowOver,
// fault.ErrValidation.
func (h RequestReturnHandler) Handle(ctx context.Context, c RequestReturn) (application.Done, error) {
	now, id := h.Clock.Now(), h.IDs.New("return")
	return application.DoOnce(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx market.Tx) (marketquery.Return, error) {
		sold, err := tx.Returns().Sale(ctx, c.Actor.SellerID, c.SaleID)
		if err != nil {
			return marketquery.Return{}, err
		}
		if c.Actor.BuyerID != "" && c.Actor.BuyerID != sold.BuyerID {
			return marketquery.Return{}, lead.ErrSaleNotFound
		}
		s, err := lockSold(ctx, tx, c.Actor.SellerID, sold)
		if err != nil {
			return marketquery.Return{}, err
		}
		rules := s.buyer.Returns()
		r, err := s.lead.RequestReturn(lead.ReturnRequest{
			ID: id, SaleID: c.SaleID, Reason: returns.Reason(c.Reason), Note: c.Note, Window: rules.Window.Within(s.campaign.Returns().WindowDays),
		}, now)
		if err != nil {
			return marketquery.Return{}, err
		}
		auto, err := s.automatic(ctx, tx, rules.AutoApprove, r.Reason, now)
		if err != nil {
			return marketquery.Return{}, err
		}
		if auto {
			if r, err = s.approve(ctx, tx, r, lead.ReturnDecision{EntryID: h.IDs.New("entry"), Automatic: true}, now); err != nil {
				return marketquery.Return{}, err
			}
			s.resell(false, now)
		}
		if err := tx.Leads().SaveSold(ctx, s.lead); err != nil {
			return marketquery.Return{}, err
		}
		return marketquery.ReturnOf(r), tx.Returns().Add(ctx, r)
	})
}

// sold is a sale with all that its return changes, locked in the order of all locks.
type sold struct {
	market.SoldLead

	campaign *campaign.Campaign
	lead     *lead.Lead
	buyer    *buyer.Buyer
}

// lockSold locks what the return of a sale changes.
func lockSold(ctx context.Context, tx market.Tx, sellerID string, of market.SoldLead) (s sold, err error) {
	s.SoldLead = of
	if s.campaign, err = tx.Campaigns().Lock(ctx, sellerID, of.CampaignID); err != nil {
		return sold{}, err
	}
	if s.lead, err = tx.Leads().LockSold(ctx, sellerID, of.LeadID); err != nil {
		return sold{}, err
	}
	s.buyer, err = tx.Buyers().Lock(ctx, sellerID, of.BuyerID)
	return s, err
}

// automatic reports whether a rule of the locked buyer's approves one more return at once.
func (s *sold) automatic(ctx context.Context, tx market.Tx, rule buyer.AutoApprove, reason returns.Reason, now time.Time) (bool, error) {
	since, covered := rule.Since(reason, now)
	if !covered {
		return false, nil
	}
	returned, err := tx.Returns().Returned(ctx, s.buyer.SellerID(), s.BuyerID, since)
	if err != nil {
		return false, err
	}
	want := rule.Sales(returned)
	n, err := tx.Returns().Sold(ctx, s.buyer.SellerID(), s.BuyerID, since, want)
	return n >= want, err
}

// approve gives the sale back: the buyer is credited, the supplier loses what it earned, and caps that are still current get their place
// back. The lead and the return are not stored yet. The id of the entry is made while the buyer is locked, so that ids sort in the order of
// booking.
func (s *sold) approve(ctx context.Context, tx market.Tx, r lead.Return, d lead.ReturnDecision, now time.Time) (lead.Return, error) {
	d.PriceShown = s.campaign.PriceShown() == campaign.ShowSale
	r, err := s.lead.ApproveReturn(r, d, now)
	if err != nil {
		return lead.Return{}, err
	}
	s.buyer.Refund(d.EntryID, r.SaleID, r.Price, now)
	if err := tx.Buyers().Save(ctx, s.buyer); err != nil {
		return lead.Return{}, err
	}
	owners := []application.Ref{{SellerID: r.SellerID, ID: r.ContractID}, {SellerID: r.SellerID, ID: r.BuyerID}, {SellerID: r.SellerID, ID: r.CampaignID}}
	return r, tx.Counters().Release(ctx, owners, r.Price, r.SoldAt, now)
}

// resell lets a lead that is returned wait for another buyer if that is asked for, or if its campaign says so. Nobody buys one of which
// the personal data is erased.
func (s *sold) resell(asked bool, now time.Time) {
	if s.lead.Status() != lead.StatusReturned || !asked && !s.campaign.Returns().Resell || s.lead.Redistribute() != nil {
		return
	}
	_ = s.lead.Wait(now.Add(s.campaign.PendingTTL()), now) // it can be offered again, so it can wait
}
