package command

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/query"
	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/money"
)

// CreateBuyer opens a buyer's account at the actor's seller.
type CreateBuyer struct {
	application.Actor

	Details buyer.Details
	Once    Once[query.Buyer]
}

// CreateBuyerHandler handles CreateBuyer.
type CreateBuyerHandler struct{ Deps }

// Handle implements bus.Handler. Errors: validation.
func (h CreateBuyerHandler) Handle(ctx context.Context, c CreateBuyer) (Done, error) {
	now, id := h.Clock.Now(), h.IDs.New("buyer")
	return do(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx application.Tx) (query.Buyer, error) {
		b, err := buyer.New(id, c.Actor.SellerID, c.Details, now)
		if err != nil {
			return query.Buyer{}, err
		}
		if err := tx.Buyers().Add(ctx, b); err != nil {
			return query.Buyer{}, err
		}
		return query.BuyerOf(b.Snapshot()), nil
	})
}

// UpdateBuyer changes what is known of a buyer.
type UpdateBuyer struct {
	application.Actor

	ID      string
	Details buyer.Details
	Once    Once[query.Buyer]
}

// UpdateBuyerHandler handles UpdateBuyer.
type UpdateBuyerHandler struct{ Deps }

// Handle implements bus.Handler. Errors: buyer.ErrNotFound, validation.
func (h UpdateBuyerHandler) Handle(ctx context.Context, c UpdateBuyer) (Done, error) {
	now := h.Clock.Now()
	return do(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx application.Tx) (query.Buyer, error) {
		s, err := tx.Sellers().Get(ctx, c.Actor.SellerID)
		if err != nil {
			return query.Buyer{}, err
		}
		// Campaigns are locked before buyers, so they come first when a new zone concerns their contracts.
		if c.Details.TimeZone != nil {
			if _, err := tx.Campaigns().LockOfSeller(ctx, c.Actor.SellerID); err != nil {
				return query.Buyer{}, err
			}
		}
		b, err := tx.Buyers().Lock(ctx, c.Actor.SellerID, c.ID)
		if err != nil {
			return query.Buyer{}, err
		}
		zoneChanged, err := b.Update(c.Details, now)
		if err != nil {
			return query.Buyer{}, err
		}
		if err := tx.Buyers().Save(ctx, b); err != nil {
			return query.Buyer{}, err
		}
		if zoneChanged {
			if err := rezone(ctx, tx, s, b.ID(), now); err != nil {
				return query.Buyer{}, err
			}
		}
		return query.BuyerOf(b.Snapshot()), nil
	})
}

// PauseBuyer stops a buyer from taking leads; with Resume it takes them again.
type PauseBuyer struct {
	application.Actor

	ID     string
	Resume bool
	Once   Once[query.Buyer]
}

// PauseBuyerHandler handles PauseBuyer.
type PauseBuyerHandler struct{ Deps }

// Handle implements bus.Handler. Errors: buyer.ErrNotFound, buyer.ErrAlreadyPaused, buyer.ErrNotPaused.
func (h PauseBuyerHandler) Handle(ctx context.Context, c PauseBuyer) (Done, error) {
	return changeBuyer(ctx, h.Deps, c.Actor, c.ID, c.Once, func(b *buyer.Buyer, now time.Time) (query.Buyer, error) {
		change := b.Pause
		if c.Resume {
			change = b.Resume
		}
		err := change(now)
		return query.BuyerOf(b.Snapshot()), err
	})
}

// MoveMoney deposits an amount of micro-units on a buyer's account, or withdraws it.
type MoveMoney struct {
	application.Actor

	BuyerID  string
	Amount   money.Micros
	Note     string
	Withdraw bool
	Once     Once[query.LedgerEntry]
}

// MoveMoneyHandler handles MoveMoney.
type MoveMoneyHandler struct{ Deps }

// Handle implements bus.Handler. Errors: buyer.ErrNotFound, buyer.ErrInsufficientBalance, buyer.ErrBalanceTooLarge, validation.
func (h MoveMoneyHandler) Handle(ctx context.Context, c MoveMoney) (Done, error) {
	return changeBuyer(ctx, h.Deps, c.Actor, c.BuyerID, c.Once, func(b *buyer.Buyer, now time.Time) (query.LedgerEntry, error) {
		change := b.Deposit
		if c.Withdraw {
			change = b.Withdraw
		}
		// Drawn while the buyer is locked: entries sort in the order they were booked.
		entry, err := change(h.IDs.New("entry"), c.Amount, c.Note, now)
		return query.LedgerEntryOf(entry), err
	})
}

func changeBuyer[R any](ctx context.Context, d Deps, actor application.Actor, id string, once Once[R], change func(*buyer.Buyer, time.Time) (R, error)) (Done, error) {
	now := d.Clock.Now()
	return do(ctx, d, actor, once, func(ctx context.Context, tx application.Tx) (R, error) {
		var none R
		b, err := tx.Buyers().Lock(ctx, actor.SellerID, id)
		if err != nil {
			return none, err
		}
		result, err := change(b, now)
		if err != nil {
			return none, err
		}
		return result, tx.Buyers().Save(ctx, b)
	})
}
