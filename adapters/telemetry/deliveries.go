package telemetry

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Deliveries counts what buyers are told of their leads. No metric names a seller, a buyer or a contract.
type Deliveries struct {
	attempts        *prometheus.CounterVec
	waiting, oldest prometheus.Gauge
}

// NewDeliveries registers leadmill_delivery_attempts_total, leadmill_deliveries_waiting and leadmill_deliveries_oldest_waiting_seconds. It fails when
// the registry has a metric of such a name.
func NewDeliveries(registry prometheus.Registerer) (*Deliveries, error) {
	d := &Deliveries{
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "leadmill_delivery_attempts_total", Help: "Attempts to tell a buyer of a lead, by outcome: delivered, or the reason of what failed; and those that were not made, busy.",
		}, []string{"outcome"}),
		waiting: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "leadmill_deliveries_waiting", Help: "Deliveries that are pending, up to a million, on the instance that sends them; 0 on the others.",
		}),
		oldest: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "leadmill_deliveries_oldest_waiting_seconds", Help: "For how long the delivery is due that waits longest, on the instance that sends them; 0 on the others.",
		}),
	}
	return d, errors.Join(registry.Register(d.attempts), registry.Register(d.waiting), registry.Register(d.oldest))
}

// Attempted counts an attempt.
func (d *Deliveries) Attempted(outcome string) { d.attempts.WithLabelValues(outcome).Inc() }

// Waiting notes how many deliveries are pending, and for how long the oldest is due.
func (d *Deliveries) Waiting(n int64, oldest time.Duration) {
	d.waiting.Set(float64(n))
	d.oldest.Set(oldest.Seconds())
}
