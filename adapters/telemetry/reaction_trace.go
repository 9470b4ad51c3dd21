package telemetry

import (
	"context"
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/leadmill/leadmill/application"
)

// TraceReaction returns a reaction that opens a span around each event it is told of, below the span of the request that caused the event.
// What it sends, and the events that this causes, are below its own.
func TraceReaction(tracer trace.Tracer, r application.Reaction) application.Reaction {
	next := r.Handler
	r.Handler = application.ReactorFunc(func(ctx context.Context, e application.StoredEvent) error {
		if e.Trail.Traceparent != "" {
			ctx = propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier{"Traceparent": {e.Trail.Traceparent}})
		}
		ctx, span := tracer.Start(ctx, "reaction "+r.Name, trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(
			attribute.String("messaging.message.id", e.ID), attribute.String("leadmill.event_type", e.Type), attribute.Int64("leadmill.position", e.Position)))
		defer span.End()
		if span.SpanContext().IsValid() {
			carrier := propagation.HeaderCarrier{}
			propagation.TraceContext{}.Inject(ctx, carrier)
			trail := application.TrailOf(ctx)
			trail.Traceparent = http.Header(carrier).Get("Traceparent")
			ctx = application.WithTrail(ctx, trail)
		}
		err := next.React(ctx, e)
		if err != nil {
			span.SetStatus(codes.Error, outcome(err))
		}
		return err
	})
	return r
}
