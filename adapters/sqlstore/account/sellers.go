package account

import (
	"context"
	"fmt"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/adapters/sqlstore/internal/sellerrow"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/seller"
)

type sellers struct{ t *engine.Tx }

// Add implements application.SellerRepository.
func (r sellers) Add(ctx context.Context, s *seller.Seller) error {
	n := s.Snapshot()
	program, err := sellerrow.EncodeProgram(n.Program)
	if err != nil {
		return r.t.Refuse(err)
	}
	taken, err := r.t.Insert(ctx, "sellers", "INSERT INTO sellers ("+sellerrow.Columns+") VALUES ("+engine.Marks(11)+")", n.ID, n.Code, n.Slug,
		n.Name, n.Currency, n.TimeZone, n.Website, program, engine.Micros(n.CreatedAt), engine.Micros(n.UpdatedAt), n.Version)
	if err != nil {
		return err
	}
	switch taken {
	case "":
		r.t.Save(s, "seller", n.ID, n.ID, application.TrailOf(ctx))
		return nil
	case "sellers_code":
		return seller.ErrCodeTaken
	case "sellers_slug":
		return seller.ErrSlugTaken
	default:
		return r.t.Unexpected("sellers", taken)
	}
}

// Lock implements application.SellerRepository.
func (r sellers) Lock(ctx context.Context, id string) (*seller.Seller, error) {
	return restored(sellerrow.ByID(ctx, r.t, id, r.t.ForUpdate()))
}

// LockByCode implements application.SellerRepository.
func (r sellers) LockByCode(ctx context.Context, code string) (*seller.Seller, error) {
	return restored(sellerrow.ByCode(ctx, r.t, code, r.t.ForUpdate()))
}

// Get implements application.SellerRepository.
func (r sellers) Get(ctx context.Context, id string) (*seller.Seller, error) {
	return restored(sellerrow.ByID(ctx, r.t, id, ""))
}

// restored makes a seller of the row that was found.
func restored(row sellerrow.Row, found bool, err error) (*seller.Seller, error) {
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, seller.ErrNotFound
	}
	n, err := row.Snapshot()
	if err != nil {
		return nil, err
	}
	s, err := seller.FromSnapshot(n)
	if err != nil {
		return nil, fmt.Errorf("restore seller %s: %w", row.ID, err)
	}
	return s, nil
}

// Save implements application.SellerRepository.
func (r sellers) Save(ctx context.Context, s *seller.Seller) error {
	n := s.Snapshot()
	program, err := sellerrow.EncodeProgram(n.Program)
	if err != nil {
		return r.t.Refuse(err)
	}
	taken, matched, err := r.t.Update(ctx, "sellers", "UPDATE sellers SET slug = ?, name = ?, time_zone = ?, website = ?, program = ?, updated_at = ?, version = ? WHERE id = ? AND version = ?",
		n.Slug, n.Name, n.TimeZone, n.Website, program, engine.Micros(n.UpdatedAt), n.Version, n.ID, s.StoredVersion())
	switch {
	case err != nil:
		return err
	case taken == "sellers_slug":
		return seller.ErrSlugTaken
	case taken != "":
		return r.t.Unexpected("sellers", taken)
	case matched != 1:
		return application.ErrConcurrentChange
	}
	r.t.Save(s, "seller", n.ID, n.ID, application.TrailOf(ctx))
	return nil
}
