package market

import (
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketquery "github.com/leadmill/leadmill/application/market/query"
)

// Reader answers this room's questions from its tables, outside of transactions; the campaign report is answered by
// CampaignReport. Beside the errors that a question names, each answers with application.ErrUnavailable when the database
// cannot be reached or is too busy.
type Reader struct {
	db     *engine.Reader
	clock  application.Clock
	most   int   // how many rows a page of searched leads looks at
	pulsed int64 // how many leads of a day are counted by hours
}

var (
	_ market.ReplayReader   = (*Reader)(nil)
	_ market.CampaignReader = (*Reader)(nil)

	_ market.LeadReader      = (*Reader)(nil)
	_ market.RetentionReader = (*Reader)(nil)

	_ market.SuppressionReader = (*Reader)(nil)
	_ market.SellerJobReader   = (*Reader)(nil)
)

// NewReader returns a Reader on an open database. The clock tells which spans of time are running.
func NewReader(db *dialect.DB, clock application.Clock) *Reader {
	return &Reader{engine.NewReader(db), clock, marketquery.MostScanned, marketquery.MostPulsed}
}
