package query

import (
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/seller"
)

// Sellers asks for the sellers of the installation, newest first.
type Sellers struct {
	application.Actor

	Page application.Page
}

// Needs implements application.Message.
func (Sellers) Needs() application.Scope { return application.Admin }

// Seller is a seller as queries return it.
type Seller struct {
	ID, Code, Slug, Name, Currency, TimeZone, Website string
	CreatedAt, UpdatedAt                              time.Time
}

// SellerOf returns the Seller of a stored seller.
func SellerOf(s seller.Snapshot) Seller {
	return Seller{
		ID: s.ID, Code: s.Code, Slug: s.Slug, Name: s.Name, Currency: s.Currency, TimeZone: s.TimeZone,
		Website: s.Website, CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt,
	}
}
