package telemetry_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/leadmill/leadmill/adapters/telemetry"
	"github.com/leadmill/leadmill/application"
)

// The span of a reaction is below that of the request that caused the event, and what the reaction causes is below its own.
func TestAReactionIsTraced(t *testing.T) {
	t.Parallel()
	const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	spans := tracetest.NewSpanRecorder()
	tracer := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)).Tracer("test")
	var trail application.Trail
	r := telemetry.TraceReaction(tracer, application.Reaction{Name: "crm", Handler: application.ReactorFunc(func(ctx context.Context, _ application.StoredEvent) error {
		trail = application.TrailOf(ctx)
		return errors.New("secret@example.com")
	})})
	e := application.StoredEvent{Position: 7, EventRecord: application.EventRecord{ID: "evt_1", Type: "lead.sold.v1", Trail: application.Trail{Traceparent: parent}}}
	ctx := application.WithTrail(t.Context(), application.Trail{CorrelationID: "req_1", Traceparent: parent})
	require.Error(t, r.Handler.React(ctx, e))
	require.Len(t, spans.Ended(), 1)
	span := spans.Ended()[0]
	require.Equal(t, "reaction crm", span.Name())
	require.Equal(t, trace.SpanKindConsumer, span.SpanKind())
	require.Equal(t, "4bf92f3577b34da6a3ce929d0e0e4736", span.SpanContext().TraceID().String())
	require.Equal(t, "00f067aa0ba902b7", span.Parent().SpanID().String())
	require.Equal(t, "internal", span.Status().Description, "the text of an error may be personal")
	require.Equal(t, application.Trail{CorrelationID: "req_1", Traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-" + span.SpanContext().SpanID().String() + "-01"}, trail)

	untraced := telemetry.TraceReaction(noop.NewTracerProvider().Tracer(""), application.Reaction{Handler: application.ReactorFunc(func(ctx context.Context, _ application.StoredEvent) error {
		trail = application.TrailOf(ctx)
		return nil
	})})
	require.NoError(t, untraced.Handler.React(ctx, e))
	require.Equal(t, parent, trail.Traceparent, "what a client sent reaches the consumer although nothing is traced here")
}
