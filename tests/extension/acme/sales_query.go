package acme

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/application/projection"
	"github.com/leadmill/leadmill/domain/money"
	httpport "github.com/leadmill/leadmill/ports/http"
)

// SalesByState asks what was sold in each state.
type SalesByState struct{ application.Actor }

// Needs implements application.Message.
func (SalesByState) Needs() application.Scope { return application.Program }

// StateSales is what was sold in one state; the state is empty for leads that named none. Revenue is in micro-units.
type StateSales struct {
	State   string
	Sales   int64
	Revenue money.Micros
}

// newSalesByStateHandler handles SalesByState. It reads the rows of the actor's seller and of no other.
func newSalesByStateHandler(db projection.Reader) bus.HandlerFunc[SalesByState, []StateSales] {
	return func(ctx context.Context, q SalesByState) (list []StateSales, err error) {
		rows, err := db.QueryContext(ctx, "SELECT state, sales, revenue FROM x_acme_sales WHERE seller_id = ? ORDER BY state", q.SellerID)
		if err != nil {
			return nil, err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var s StateSales
			if err := rows.Scan(&s.State, &s.Sales, &s.Revenue); err != nil {
				return nil, err
			}
			list = append(list, s)
		}
		return list, rows.Err()
	}
}

type stateSales struct {
	State   string           `json:"state"`
	Sales   int64            `json:"sales"`
	Revenue httpport.Decimal `json:"revenue"`
}

// newSalesByStateRoute answers GET /v1/x/acme/sales-by-state.
func newSalesByStateRoute(sales bus.Handler[SalesByState, []StateSales]) func(*httpport.Call) {
	return func(k *httpport.Call) {
		httpport.Ask(k, sales, SalesByState{k.Actor()}, httpport.Each(func(s StateSales) stateSales {
			return stateSales{s.State, s.Sales, httpport.Amount(s.Revenue, k.Currency())}
		}))
	}
}
