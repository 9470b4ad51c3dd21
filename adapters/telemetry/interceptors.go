// Package telemetry holds the interceptors that recover panics of commands and queries, and trace, measure and log them.
// They keep names, outcomes and durations, but nothing of the content.
//
// Stability: unsupported; it may change at any time.
package telemetry

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/domain/fault"
)

// The orders of Leadmill's own interceptors in the chain.
const (
	orderRecover = 100
	orderTrace   = 200
	orderMetrics = 300
	orderLog     = 400
)

// Recover turns a panic into an internal error.
type Recover struct{}

// Code implements bus.Interceptor.
func (Recover) Code() string { return "recover" }

// Order implements bus.Interceptor.
func (Recover) Order() int { return orderRecover }

// Intercept implements bus.Interceptor.
func (Recover) Intercept(ctx context.Context, _ bus.Operation, next func(context.Context) error) error {
	return recovered(ctx, next)
}

func recovered(ctx context.Context, next func(context.Context) error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = bus.Panicked(r)
		}
	}()
	return next(ctx)
}

// Trace opens a span around every operation. Without a configured tracer it costs nothing.
type Trace struct{ Tracer trace.Tracer }

// Code implements bus.Interceptor.
func (Trace) Code() string { return "trace" }

// Order implements bus.Interceptor.
func (Trace) Order() int { return orderTrace }

// Intercept implements bus.Interceptor.
func (t Trace) Intercept(ctx context.Context, op bus.Operation, next func(context.Context) error) error {
	ctx, span := t.Tracer.Start(ctx, string(op.Kind)+" "+op.Name)
	defer span.End()
	err := next(ctx)
	if err != nil {
		span.SetStatus(codes.Error, outcome(err))
	}
	return err
}

// Metrics counts operations and their durations by name and outcome.
type Metrics struct {
	clock    application.Clock
	duration *prometheus.HistogramVec
}

// NewMetrics registers leadmill_operation_duration_seconds. It fails when the registry has a metric of that name.
func NewMetrics(registry prometheus.Registerer, clock application.Clock) (*Metrics, error) {
	m := &Metrics{clock: clock, duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "leadmill_operation_duration_seconds",
		Help:    "Duration of commands and queries by name and outcome.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
	}, []string{"kind", "name", "outcome"})}
	return m, registry.Register(m.duration)
}

// Code implements bus.Interceptor.
func (*Metrics) Code() string { return "metrics" }

// Order implements bus.Interceptor.
func (*Metrics) Order() int { return orderMetrics }

// Intercept implements bus.Interceptor.
func (m *Metrics) Intercept(ctx context.Context, op bus.Operation, next func(context.Context) error) error {
	start := application.Elapsed(m.clock)
	err := next(ctx)
	m.duration.WithLabelValues(string(op.Kind), op.Name, outcome(err)).Observe((application.Elapsed(m.clock) - start).Seconds())
	return err
}

// Log logs internal failures with their cause, and all other operations at debug level without it; so also one whose client hung up or whose instance stops. It recovers panics as
// Recover does, so that they are logged, measured and traced like other failures. Recover is outside of it for panics of the
// interceptors between them.
type Log struct {
	Logger *slog.Logger
	Clock  application.Clock
}

// Code implements bus.Interceptor.
func (Log) Code() string { return "log" }

// Order implements bus.Interceptor.
func (Log) Order() int { return orderLog }

// Intercept implements bus.Interceptor.
func (l Log) Intercept(ctx context.Context, op bus.Operation, next func(context.Context) error) error {
	start := application.Elapsed(l.Clock)
	err := recovered(ctx, next)
	kind := fault.KindOf(err)
	switch {
	case err != nil && (kind == fault.Internal || kind == fault.Unavailable) && !cut(ctx, err):
		attrs := append(l.attrs(ctx, op, start, err), slog.String("error", cause(err)))
		if stack, ok := panicStack(err); ok {
			attrs = append(attrs, slog.String("stack", string(stack)))
		}
		level := slog.LevelError
		if kind == fault.Unavailable {
			level = slog.LevelWarn
		}
		l.Logger.LogAttrs(ctx, level, "operation failed", attrs...)
	case l.Logger.Enabled(ctx, slog.LevelDebug):
		l.Logger.LogAttrs(ctx, slog.LevelDebug, "operation", l.attrs(ctx, op, start, err)...)
	}
	return err
}

func (l Log) attrs(ctx context.Context, op bus.Operation, start time.Duration, err error) []slog.Attr {
	return []slog.Attr{
		slog.String("kind", string(op.Kind)), slog.String("name", op.Name), slog.String("outcome", outcome(err)),
		slog.Duration("duration", application.Elapsed(l.Clock)-start), slog.String("request_id", application.TrailOf(ctx).CorrelationID),
	}
}

// abandoned reports whether an operation ended because nobody waits for it any longer, such as a client that hung up: no failure.
func abandoned(err error) bool { return fault.As(err) == nil && errors.Is(err, context.Canceled) }

// cut reports whether an operation failed because what it was for ended, such as a request whose client hung up or a job of an instance that
// stops: also one that the database then calls unavailable.
func cut(ctx context.Context, err error) bool {
	return ctx.Err() != nil && errors.Is(err, context.Canceled)
}

func outcome(err error) string {
	switch {
	case err == nil:
		return "ok"
	case abandoned(err):
		return "cancelled"
	}
	if code := fault.CodeOf(err); code != "" {
		return string(code)
	}
	return fault.KindOf(err).String()
}

// cause returns the text of an error for the log. When a database refused a value it says only that, because the database's
// message may quote a personal value.
func cause(err error) string {
	if _, ok := errors.AsType[*application.DataError](err); ok {
		return "the database refused a value"
	}
	if _, ok := panicStack(err); ok {
		return "panic"
	}
	if e := fault.As(err); e != nil {
		if inner := errors.Unwrap(e); inner != nil {
			return inner.Error()
		}
	}
	return err.Error()
}

// panicStack returns the stack of a panic that became an error. The value of a panic is never logged, because it may hold
// personal data.
func panicStack(err error) (stack []byte, ok bool) {
	if panicked, ok := errors.AsType[*bus.PanicError](err); ok {
		return panicked.Stack, true
	}
	return nil, false
}
