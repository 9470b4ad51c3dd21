package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	bridge "go.opentelemetry.io/contrib/bridges/prometheus"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/leadmill/leadmill/application"
)

// OpenTelemetry says what is sent to a collector by OTLP over HTTP. OpenTelemetry's own variables of the environment (OTEL_EXPORTER_OTLP_…,
// OTEL_TRACES_SAMPLER, OTEL_BSP_…, OTEL_METRIC_EXPORT_INTERVAL, OTEL_RESOURCE_ATTRIBUTES, OTEL_SERVICE_NAME) say where to and how.
type OpenTelemetry struct{ traces, metrics bool }

// ReadOpenTelemetry reads what is to be sent. Nothing is, unless an endpoint or an exporter is set: OTEL_EXPORTER_OTLP_ENDPOINT,
// OTEL_EXPORTER_OTLP_TRACES_ENDPOINT or OTEL_TRACES_EXPORTER=otlp, and the same with METRICS. OTEL_SDK_DISABLED=true and the exporter none
// turn it off. The error lists all variables that ask for what there is not.
func ReadOpenTelemetry(get func(name string) string) (OpenTelemetry, error) {
	if strings.EqualFold(get("OTEL_SDK_DISABLED"), "true") {
		return OpenTelemetry{}, nil
	}
	var wrong []error
	wanted := func(signal string) bool {
		exporter := get("OTEL_" + signal + "_EXPORTER")
		switch exporter {
		case "none":
			return false
		case "", "otlp":
		default:
			wrong = append(wrong, fmt.Errorf("OTEL_%s_EXPORTER must be otlp or none", signal))
			return false
		}
		if exporter == "" && get("OTEL_EXPORTER_OTLP_ENDPOINT") == "" && get("OTEL_EXPORTER_OTLP_"+signal+"_ENDPOINT") == "" {
			return false
		}
		for _, name := range []string{"OTEL_EXPORTER_OTLP_" + signal + "_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"} {
			if protocol := get(name); protocol != "" {
				if protocol != "http/protobuf" {
					wrong = append(wrong, fmt.Errorf("%s must be http/protobuf", name))
				}
				break
			}
		}
		return true
	}
	o := OpenTelemetry{traces: wanted("TRACES"), metrics: wanted("METRICS")}
	slices.SortFunc(wrong, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	wrong = slices.CompactFunc(wrong, func(a, b error) bool { return a.Error() == b.Error() })
	return o, errors.Join(wrong...)
}

// Traces reports whether traces are sent.
func (o OpenTelemetry) Traces() bool { return o.traces }

// Start begins to send what there is to send: spans of the tracers of the provider that it returns, and all metrics of a registry. stop sends
// what is left and ends it. A collector that is away costs nobody anything but the spans that it misses; it is logged at most once a minute.
func (o OpenTelemetry) Start(ctx context.Context, version string, registry prometheus.Gatherer, clock application.Clock, logger *slog.Logger,
) (_ trace.TracerProvider, stop func(context.Context) error, err error) {
	var stops []func(context.Context) error
	stop = func(ctx context.Context) error {
		var errs []error
		for _, s := range stops {
			errs = append(errs, s(ctx))
		}
		return errors.Join(errs...)
	}
	if !o.traces && !o.metrics {
		return noop.NewTracerProvider(), stop, nil
	}
	otel.SetErrorHandler(&complaints{clock: clock, logger: logger})
	about, err := resource.New(ctx, resource.WithAttributes(attribute.String("service.name", "leadmill"), attribute.String("service.version", version)),
		resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil && !errors.Is(err, resource.ErrPartialResource) {
		return nil, nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	var provider trace.TracerProvider = noop.NewTracerProvider()
	if o.traces {
		exporter, err := otlptracehttp.New(ctx)
		if err != nil {
			return nil, nil, fmt.Errorf("send traces: %w", err)
		}
		p := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(about))
		stops = append(stops, p.Shutdown)
		provider = p
	}
	if o.metrics {
		exporter, err := otlpmetrichttp.New(ctx)
		if err != nil {
			return nil, nil, errors.Join(fmt.Errorf("send metrics: %w", err), stop(ctx))
		}
		p := sdkmetric.NewMeterProvider(sdkmetric.WithResource(about), sdkmetric.WithReader(
			sdkmetric.NewPeriodicReader(exporter, sdkmetric.WithProducer(bridge.NewMetricProducer(bridge.WithGatherer(registry))))))
		stops = append(stops, p.Shutdown)
	}
	return provider, stop, nil
}

// complaints logs what OpenTelemetry could not send.
type complaints struct {
	clock  application.Clock
	logger *slog.Logger
	mu     sync.Mutex
	last   time.Duration
	told   bool
}

// Handle implements otel.ErrorHandler.
func (c *complaints) Handle(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := application.Elapsed(c.clock); !c.told || now-c.last >= time.Minute {
		c.last, c.told = now, true
		c.logger.Warn("traces or metrics were not sent", slog.String("error", err.Error()))
	}
}
