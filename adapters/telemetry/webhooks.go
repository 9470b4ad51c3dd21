package telemetry

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Webhooks counts what webhooks are told of events. No metric names a seller or a webhook.
type Webhooks struct {
	attempts        *prometheus.CounterVec
	disabled        prometheus.Counter
	waiting, oldest prometheus.Gauge
}

// NewWebhooks registers leadmill_webhook_attempts_total, leadmill_webhooks_disabled_total, leadmill_webhook_deliveries_waiting and
// leadmill_webhook_deliveries_oldest_waiting_seconds. It fails when the registry has a metric of such a name.
func NewWebhooks(registry prometheus.Registerer) (*Webhooks, error) {
	w := &Webhooks{
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "leadmill_webhook_attempts_total", Help: "Attempts to tell a webhook of an event, by outcome: delivered, or the reason of what failed; and those that were not made, busy.",
		}, []string{"outcome"}),
		disabled: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "leadmill_webhooks_disabled_total", Help: "Webhooks that were disabled because they were gone or failed for days.",
		}),
		waiting: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "leadmill_webhook_deliveries_waiting", Help: "Deliveries to active webhooks that are pending, counted to 10,000 at most, on the instance that sends them; 0 on the others.",
		}),
		oldest: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "leadmill_webhook_deliveries_oldest_waiting_seconds", Help: "For how long the delivery to a webhook is due that waits longest, on the instance that sends them; 0 on the others.",
		}),
	}
	return w, errors.Join(registry.Register(w.attempts), registry.Register(w.disabled), registry.Register(w.waiting), registry.Register(w.oldest))
}

// Attempted counts an attempt.
func (w *Webhooks) Attempted(outcome string) { w.attempts.WithLabelValues(outcome).Inc() }

// Disabled counts a webhook that was disabled.
func (w *Webhooks) Disabled() { w.disabled.Inc() }

// Waiting notes how many deliveries are pending, and for how long the oldest is due.
func (w *Webhooks) Waiting(n int64, oldest time.Duration) {
	w.waiting.Set(float64(n))
	w.oldest.Set(oldest.Seconds())
}
