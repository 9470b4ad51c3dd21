package query

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/seller"
)

// Seller is a seller as it is answered.
type Seller struct {
	ID, Code, Slug, Name, Currency, TimeZone, Website string
	CreatedAt, UpdatedAt                              time.Time
}

// SellerOf answers a stored seller.
func SellerOf(s seller.Snapshot) Seller {
	return Seller{ID: s.ID, Code: s.Code, Slug: s.Slug, Name: s.Name, Currency: s.Currency, TimeZone: s.TimeZone,
		Website: s.Website, CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt}
}

// Sellers asks for the sellers of the installation, newest first.
type Sellers struct {
	application.Actor

	Page Page
}

// SellerByCode asks for one seller: seller.ErrNotFound.
type SellerByCode struct {
	application.Actor

	Code string
}

// SellerReader is the read model of sellers.
type SellerReader interface {
	Sellers(ctx context.Context, q Sellers) (List[Seller], error)
	SellerByCode(ctx context.Context, q SellerByCode) (Seller, error)
}
