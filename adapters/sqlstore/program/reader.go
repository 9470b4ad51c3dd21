package program

import (
	"context"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/adapters/sqlstore/internal/sellerrow"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
	"github.com/leadmill/leadmill/domain/seller"
)

// Reader answers this room's questions from its tables and those of its read models, outside of transactions. Beside the
// errors that a question names, each answers with application.ErrUnavailable when the database cannot be reached or is too
// busy.
type Reader struct {
	db    *engine.Reader
	clock application.Clock
}

var (
	_ program.PortalReader   = (*Reader)(nil)
	_ program.ReferralReader = (*Reader)(nil)
)

// NewReader returns a Reader on an open database. The clock tells which tokens are over and what day it is.
func NewReader(db *dialect.DB, clock application.Clock) *Reader {
	return &Reader{engine.NewReader(db), clock}
}

// owner is the row of a seller with its partner program.
type owner struct {
	sellerrow.Row

	program seller.PartnerProgram
}

// sellerByID returns the seller of an id, or missing.
func (r *Reader) sellerByID(ctx context.Context, id string, missing error) (owner, error) {
	row, found, err := sellerrow.ByID(ctx, r.db, id, "")
	return ownerOf(row, found, err, missing)
}

// sellerByCode returns the seller of a code, or missing.
func (r *Reader) sellerByCode(ctx context.Context, code string, missing error) (owner, error) {
	row, found, err := sellerrow.ByCode(ctx, r.db, code, "")
	return ownerOf(row, found, err, missing)
}

func ownerOf(row sellerrow.Row, found bool, err, missing error) (owner, error) {
	if err == nil && !found {
		err = missing
	}
	if err != nil {
		return owner{}, err
	}
	program, err := row.PartnerProgram()
	return owner{row, program}, err
}
