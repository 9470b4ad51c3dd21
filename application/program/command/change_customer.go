package command

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
	programquery "github.com/leadmill/leadmill/application/program/query"
	"github.com/leadmill/leadmill/domain/customer"
)

// changeCustomer locks a customer, changes and stores it.
func changeCustomer(ctx context.Context, d program.Deps, actor application.Actor, handle application.CustomerHandle, once application.Once[programquery.Customer],
	change func(c *customer.Customer, now time.Time) error,
) (application.Done, error) {
	now := d.Clock.Now()
	return application.DoOnce(ctx, d, actor, once, func(ctx context.Context, tx program.Tx) (programquery.Customer, error) {
		found, err := tx.Customers().Lock(ctx, actor.SellerID, handle)
		if err != nil {
			return programquery.Customer{}, err
		}
		if err := change(found, now); err != nil {
			return programquery.Customer{}, err
		}
		if err := tx.Customers().Save(ctx, found); err != nil {
			return programquery.Customer{}, err
		}
		return programquery.CustomerOf(found.Snapshot()), nil
	})
}
