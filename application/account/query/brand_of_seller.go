package query

import "github.com/leadmill/leadmill/application"

// BrandOfSeller asks how the seller with a code appears to those from outside: seller.ErrNotFound.
type BrandOfSeller struct{ Code string }

// Needs implements application.Message.
func (BrandOfSeller) Needs() application.Scope { return application.Visitor }

// Brand is how a seller appears to those from outside. Color is such as #0b6455, empty for none; Logo is the version of its picture, empty for none.
type Brand struct{ Code, Name, Color, Logo string }
