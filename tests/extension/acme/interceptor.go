package acme

import (
	"context"
	"log/slog"

	"github.com/leadmill/leadmill/application/bus"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/money"
)

// depositLimit is an interceptor: it refuses to move large sums through the API and keeps a record of those that moved.
type depositLimit struct {
	policy policy
	logger *slog.Logger
}

// newDepositLimit gets the policy from this module and the logger from Leadmill.
func newDepositLimit(p policy, logger *slog.Logger) depositLimit { return depositLimit{p, logger} }

// errOverLimit is answered with 403, as every error of kind fault.Forbidden.
var errOverLimit = fault.New(fault.Forbidden, "acme_over_transfer_limit", "Acme moves sums of this size by hand.")

// Code implements bus.Interceptor.
func (depositLimit) Code() string { return "acme-deposit-limit" }

// Order implements bus.Interceptor.
func (depositLimit) Order() int { return 1000 }

// Intercept implements bus.Interceptor.
func (l depositLimit) Intercept(ctx context.Context, op bus.Operation, next func(context.Context) error) error {
	var amount money.Micros
	switch m := op.Message.(type) {
	case marketcommand.Deposit:
		amount = m.Amount
	case marketcommand.Withdraw:
		amount = m.Amount
	default:
		return next(ctx)
	}
	if amount > l.policy.maxTransfer {
		return errOverLimit
	}
	err := next(ctx)
	l.logger.LogAttrs(ctx, slog.LevelInfo, "acme: money moved", slog.String("operation", op.Name), slog.Bool("ok", err == nil))
	return err
}
