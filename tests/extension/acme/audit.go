package acme

import (
	"context"
	"log/slog"

	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/domain/fault"
)

// auditTrail is an interceptor: every command that somebody sends is written down, with who sent it and what became of it.
type auditTrail struct{ logger *slog.Logger }

// newAuditTrail gets the logger from Leadmill.
func newAuditTrail(l *slog.Logger) auditTrail { return auditTrail{l} }

// Code implements bus.Interceptor.
func (auditTrail) Code() string { return "acme-audit" }

// Order implements bus.Interceptor: outside of Leadmill's authorisation, whose order is 500, so that what is refused for its
// scope is written down too.
func (auditTrail) Order() int { return 450 }

// Intercept implements bus.Interceptor. It calls next once and returns its error.
func (a auditTrail) Intercept(ctx context.Context, op bus.Operation, next func(context.Context) error) error {
	err := next(ctx)
	if op.Kind == bus.Command && !op.Internal {
		a.logger.LogAttrs(ctx, slog.LevelInfo, "acme: audit", slog.String("operation", op.Name), slog.String("seller", op.Seller),
			slog.String("key", op.Actor.KeyID), slog.String("partner", op.Actor.PartnerID), slog.String("outcome", outcome(err)))
	}
	return err
}

// outcome is a code and never a text: that may repeat personal data.
func outcome(err error) string {
	if err == nil {
		return "ok"
	}
	return string(fault.CodeOf(err))
}
