package command

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/delivery"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
)

// confirms reports whether the buyer of one of some contracts is asked before it is sold a lead.
func confirms(takers []campaign.Contract) bool {
	for i := range takers {
		if takers[i].Confirms() {
			return true
		}
	}
	return false
}

// reservations are what those who take a lead reserve.
func reservations(d *distribution.Decision, currency money.Currency, saleID drawSale) []lead.Reservation {
	all := make([]lead.Reservation, len(d.Takers))
	for i := range d.Takers {
		k := &d.Takers[i]
		all[i] = lead.Reservation{
			SaleID: saleID(i), ContractID: k.ID(), BuyerID: k.BuyerID(), Price: d.PriceOf(i), Currency: currency.Code(),
			Asked: k.Confirms(), PriceFromAnswer: k.Confirms() && k.Delivery().PriceFromAnswer && k.Bid() == nil, // who won by a bid pays it
		}
	}
	return all
}

// hold books what those who take a lead reserve, on their counters and on their buyers' accounts.
func (m *marketplace) hold(campaignID string, takers []campaign.Contract, now time.Time) error {
	for i := range takers {
		if err := m.books[campaignID].Hold(takers[i].ID(), now); err != nil {
			return err
		}
	}
	return nil
}

// refusals return what refuses a lead to contracts; nil when nothing does.
type refusals func(l *lead.Lead) func(campaign.Contract) string

// notAgain returns what keeps leads from buyers that gave them back or were asked about them before. Nothing is read when the Book sells none of them
// now; a nil Book is not asked.
func notAgain(ctx context.Context, tx market.Tx, b *distribution.Book, c *campaign.Campaign, leads []*lead.Lead, now time.Time) (refusals, error) {
	if b != nil && !open(b, leads, now) {
		return func(*lead.Lead) func(campaign.Contract) string { return nil }, nil
	}
	ids := make([]string, len(leads))
	for i, l := range leads {
		ids[i] = l.ID()
	}
	gave, err := tx.Returns().GivenBack(ctx, c.SellerID(), ids)
	if err != nil {
		return nil, err
	}
	var asked map[string][]lead.Reservation
	if c.Delivers() { // or nobody was asked
		if asked, err = tx.Reservations().OfLeads(ctx, c.SellerID(), ids); err != nil {
			return nil, err
		}
	}
	return func(l *lead.Lead) func(campaign.Contract) string {
		return refusedTo(gave[l.ID()], asked[l.ID()], time.Time{})
	}, nil
}

// mostUnasked is how often a lead is reserved for a buyer that cannot be asked.
const mostUnasked = 10

// refusedTo returns what refuses a lead to buyers that gave it back, and to those of reservations of it that bar them while buyers are asked until a
// deadline, zero when none is.
func refusedTo(gave []string, asked []lead.Reservation, deadline time.Time) func(campaign.Contract) string {
	if len(gave)+len(asked) == 0 {
		return nil
	}
	return func(k campaign.Contract) string {
		unasked := 0
		for i := range asked {
			if asked[i].BuyerID != k.BuyerID() {
				continue
			}
			if unasked++; asked[i].Bars(deadline) || unasked == mostUnasked {
				return asked[i].Traced()
			}
		}
		if slices.Contains(gave, k.BuyerID()) {
			return distribution.ReasonDuplicateBuyer
		}
		return ""
	}
}

// releaseAll gives up all that is reserved of locked leads, whose buyers are asked no more. The leads are stored by the caller.
func releaseAll(ctx context.Context, tx market.Tx, sellerID string, leads []*lead.Lead, why delivery.Reason, now time.Time) error {
	var deliveries, buyers []application.Ref
	var freed []market.Uncounted
	for _, l := range leads {
		for _, r := range l.ReleaseAll(string(why), now) {
			if r.Asked {
				deliveries = append(deliveries, application.Ref{SellerID: sellerID, ID: delivery.IDOf(r.SaleID)})
			}
			buyers = append(buyers, application.Ref{SellerID: sellerID, ID: r.BuyerID})
			freed = append(freed, market.Uncounted{CampaignID: l.CampaignID(), ContractID: r.ContractID, BuyerID: r.BuyerID, Price: r.Price, Whole: true, At: r.At})
		}
	}
	if len(freed) == 0 {
		return nil
	}
	told, err := tx.Deliveries().LockAll(ctx, deliveries)
	if err != nil {
		return err
	}
	var ended []*delivery.Delivery
	for _, d := range told {
		if d.GiveUp(why, now) == nil { // one that ended needs nothing
			ended = append(ended, d)
		}
	}
	locked, err := tx.Buyers().LockAll(ctx, buyers)
	if err != nil {
		return err
	}
	for _, f := range freed {
		if b := locked[f.BuyerID]; b != nil {
			b.Release(f.Price, now)
		}
	}
	if err := tx.Buyers().SaveSold(ctx, slices.SortedFunc(maps.Values(locked), func(a, b *buyer.Buyer) int { return cmp.Compare(a.ID(), b.ID()) })); err != nil {
		return err
	}
	if err := tx.Reservations().Uncount(ctx, sellerID, freed); err != nil {
		return err
	}
	return tx.Deliveries().SaveAll(ctx, ended)
}
