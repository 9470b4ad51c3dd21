package command

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/delivery"
	"github.com/leadmill/leadmill/domain/lead"
)

// leave gives up what is held of leads that nobody may be asked about any more: an instance of an earlier version, or a hand, took them off the market.
func (s *settlement) leave(ctx context.Context, ids []string) error {
	ids = slices.DeleteFunc(ids, func(id string) bool { return s.leads[id] != nil })
	if len(ids) == 0 {
		return nil
	}
	left, err := s.tx.Reservations().LockLeft(ctx, s.of.SellerID, ids)
	if err != nil || len(left) == 0 {
		return err
	}
	if err := releaseAll(ctx, s.tx, s.of.SellerID, left, delivery.Timeout, s.now); err != nil {
		return err
	}
	return s.tx.Reservations().SaveReleased(ctx, s.of.SellerID, left)
}

// apply notes a result in its delivery and in its lead. One that somebody else noted, or that came when the delivery had ended, changes nothing of
// the lead. Where delivery and lead do not say the same, nobody is asked any more and nothing is sold.
func (s *settlement) apply(r *DeliveryResult) error {
	d, reserved := s.deliveries[r.DeliveryID], s.asked(r)
	if d == nil {
		if reserved == nil || r.Ended == "" {
			return nil
		}
		return s.settled(reserved, delivery.Snapshot{ID: r.DeliveryID, LeadID: r.LeadID, SaleID: reserved.SaleID, State: delivery.Failed, Reason: r.Ended, Tries: 1}, r.Said)
	}
	asks := d.Snapshot().Asks()
	var err error
	switch {
	case !asks && r.Ended != "":
		if reserved == nil {
			return nil
		}
		n := d.Snapshot()
		n.State, n.Reason = delivery.Failed, r.Ended
		return s.settled(reserved, n, r.Said)
	case !asks:
		err = d.Late(r.Try, s.now)
	case r.Ended != "":
		err = d.End(r.Try, r.Ended, s.now)
	case reserved == nil:
		if err = d.End(r.Try, delivery.Timeout, s.now); err == nil {
			err = d.Late(r.Try, s.now)
		}
	default:
		err = d.Answered(r.Outcome, r.Said, s.now)
	}
	if errors.Is(err, delivery.ErrStale) {
		return nil
	}
	if err != nil {
		return err
	}
	if !slices.Contains(s.changed, d) {
		s.changed = append(s.changed, d)
	}
	if r.Ended == "" {
		s.attempts = append(s.attempts, r.attempt(s.erased[r.LeadID]))
	}
	if n := d.Snapshot(); asks && n.State != delivery.Pending {
		if reserved == nil {
			if s.leads[r.LeadID] != nil {
				s.touched[r.LeadID] = true
			}
			return nil
		}
		return s.settled(reserved, n, r.Said)
	}
	return nil
}

// asked returns the reservation whose buyer a result is of, if that one is asked; else nil.
func (s *settlement) asked(r *DeliveryResult) *lead.Reservation {
	l := s.leads[r.LeadID]
	if l == nil {
		return nil
	}
	for _, one := range l.Reservations() {
		if one.Status == lead.ReservationReserved && delivery.IDOf(one.SaleID) == r.DeliveryID {
			return &one
		}
	}
	return nil
}

// settled has a lead know what its buyer said.
func (s *settlement) settled(was *lead.Reservation, d delivery.Snapshot, said delivery.Answer) error {
	l := s.leads[d.LeadID]
	price := was.Price
	var err error
	if d.State == delivery.Delivered {
		if was.PriceFromAnswer && said.HasPrice && said.Price >= 0 {
			price = min(price, said.Price)
		}
		err = l.Accept(d.SaleID, price, s.now)
	} else {
		price = 0
		s.again[l.ID()] = true
		err = l.Release(d.SaleID, releasedFor(d, said), s.now)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", d.ID, err)
	}
	s.touched[l.ID()] = true
	if released := d.State != delivery.Delivered; released || price < was.Price {
		s.freed = append(s.freed, market.Uncounted{
			CampaignID: l.CampaignID(), ContractID: was.ContractID, BuyerID: was.BuyerID, Price: was.Price - price, Whole: released, At: was.At,
		})
	}
	return nil
}

// releasedFor is why a reservation is released whose delivery failed.
func releasedFor(d delivery.Snapshot, said delivery.Answer) string {
	if d.Tries == 0 && said.Verdict == delivery.Unsure {
		return lead.NotAsked
	}
	return string(d.Reason)
}
