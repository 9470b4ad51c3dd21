package telemetry

import "github.com/prometheus/client_golang/prometheus"

// NotSupported counts what clients ask for that is not supported yet.
type NotSupported struct{ total *prometheus.CounterVec }

// NewNotSupported registers leadmill_not_supported_total. It fails when the registry has a metric of this name.
func NewNotSupported(registry prometheus.Registerer) (*NotSupported, error) {
	n := &NotSupported{prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "leadmill_not_supported_total",
		Help: "Requests refused because they ask for what is not supported yet, by route and member; no member is the route itself.",
	}, []string{"route", "member"})}
	return n, registry.Register(n.total)
}

// Asked counts a request.
func (n *NotSupported) Asked(route, member string) { n.total.WithLabelValues(route, member).Inc() }
