package query

import (
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/fault"
)

// LogoOfSeller asks for a version of the picture of the seller with a code: ErrNoLogo.
type LogoOfSeller struct{ Code, Version string }

// Needs implements application.Message.
func (LogoOfSeller) Needs() application.Scope { return application.Visitor }

// LogoView is a picture: a PNG, a JPEG or a WebP.
type LogoView struct {
	MediaType string
	Image     []byte
}

// ErrNoLogo says that a seller has no such picture.
var ErrNoLogo = fault.New(fault.NotFound, "not_found", "Not found")
