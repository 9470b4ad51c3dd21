package httpport

import (
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/leadmill/leadmill/application"
)

// trace opens a span around the rest of the request and returns what ends it. The span has the names and the status that OpenTelemetry gives
// spans of servers, and nothing of what was sent: paths, parameters and addresses may be personal data.
func (k *Call) trace(tracer trace.Tracer, method, route string) (end func()) {
	ctx := k.whole
	if k.trail.Traceparent != "" {
		ctx = propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier{"Traceparent": {k.trail.Traceparent}})
	}
	ctx, span := tracer.Start(ctx, method+" "+route,
		trace.WithSpanKind(trace.SpanKindServer), trace.WithTimestamp(k.started), trace.WithAttributes(
			attribute.String("http.request.method", method), attribute.String("http.route", route), attribute.String("leadmill.request_id", k.id)))
	if span.SpanContext().IsValid() { // what the request causes is below its span: events carry it to whoever reads them
		carrier := propagation.HeaderCarrier{}
		propagation.TraceContext{}.Inject(ctx, carrier)
		k.trail.Traceparent = http.Header(carrier).Get("Traceparent")
		ctx = application.WithTrail(ctx, k.trail)
	}
	k.whole = ctx
	return func() {
		status := k.gin.Writer.Status()
		span.SetAttributes(attribute.Int("http.response.status_code", status))
		if status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, http.StatusText(status))
		}
		span.End()
	}
}
